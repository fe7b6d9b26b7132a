use super::{function, table};

/// A `continue` at the end of a loop's body ends the new method.
const ENDS_A_TURN: &str =
    "    private void v(int i) {\n        if (i == 0) {\n            return;\n        }\n        g(i);\n    }\n\n";

/// Protects Java from methods that do not compile or compute something else: what goes in and comes out has its type, what the
/// code around still needs stays declared, and what cannot be taken along is refused.
#[test]
fn statements_of_java_become_a_method() {
    let class = |body: &str, method: &str| {
        format!(
            "class A {{\n    int f(int a, int[] b) {{\n{body}    }}\n\n{method}    int g(int x) {{\n        return x;\n    }}\n}}\n"
        )
    };
    let rows: Vec<(String, String)> = [
        (
            "        «g(a);»\n        return a;\n",
            "        v(a);\n        return a;\n",
            "    private void v(int a) {\n        g(a);\n    }\n\n",
        ),
        (
            "        «int c = a + 1;»\n        return c;\n",
            "        int c = v(a);\n        return c;\n",
            "    private int v(int a) {\n        int c = a + 1;\n        return c;\n    }\n\n",
        ),
        (
            "        «a += 2;»\n        return a;\n",
            "        a = v(a);\n        return a;\n",
            "    private int v(int a) {\n        a += 2;\n        return a;\n    }\n\n",
        ),
        (
            "        int c;\n        «c = 1;»\n        return c;\n",
            "        int c;\n        c = v();\n        return c;\n",
            "    private int v() {\n        int c;\n        c = 1;\n        return c;\n    }\n\n",
        ),
        (
            "        return g(«b.length + a»);\n",
            "        return g(v(a, b));\n",
            "    private int v(int a, int[] b) {\n        return b.length + a;\n    }\n\n",
        ),
        (
            "        «if (a > 1) {\n            return 1;\n        }\n        return 2;»\n",
            "        return v(a);\n",
            "    private int v(int a) {\n        if (a > 1) {\n            return 1;\n        }\n        return 2;\n    }\n\n",
        ),
        (
            "        for (int i : b) {\n            «if (i == 0) {\n                continue;\n            }\n            g(i);»\n        }\n        return a;\n",
            "        for (int i : b) {\n            v(i);\n        }\n        return a;\n",
            ENDS_A_TURN,
        ),
    ]
    .map(|(before, after, method)| (class(before, ""), class(after, method)))
    .to_vec();
    let refused = [
        ("        «int c = 1;\n        int d = 2;»\n        return c + d;\n", "!several variables"),
        ("        «if (a > 1) {\n            return 1;\n        }»\n        return 2;\n", "!in some cases only"),
        ("        while (a > 1) {\n            «if (a > 2) {\n                break;\n            }»\n        }\n        return a;\n", "!leaves a loop"),
        ("        class B {}\n        «new B();»\n        return a;\n", "!`B`"),
        ("        return «h().x()»;\n", "?"),
        ("        return g(«a +» 1);\n", "!neither whole statements"),
    ]
    .map(|(before, after)| (class(before, ""), after));
    let mut rows: Vec<(&str, &str)> = rows.iter().map(|(before, after)| (before.as_str(), after.as_str())).collect();
    rows.extend(refused.iter().filter(|(_, after)| *after != "?").map(|(before, after)| (before.as_str(), *after)));
    table("A.java", function("v"), &rows);
}

/// Protects Java's members from a method that cannot see them: a static method gets a static one, an interface a default one,
/// and type parameters come along.
#[test]
fn a_method_of_java_fits_its_place() {
    table(
        "A.java",
        function("v"),
        &[
            (
                "class A {\n    static void f() {\n        «g();»\n    }\n}\n",
                "class A {\n    static void f() {\n        v();\n    }\n\n    private static void v() {\n        g();\n    }\n}\n",
            ),
            (
                "interface A {\n    default void f() {\n        «g();»\n    }\n}\n",
                "interface A {\n    default void f() {\n        v();\n    }\n\n    default void v() {\n        g();\n    }\n}\n",
            ),
            (
                "class A {\n    <T> void f(T t) {\n        «g(t);»\n    }\n}\n",
                "class A {\n    <T> void f(T t) {\n        v(t);\n    }\n\n    private <T> void v(T t) {\n        g(t);\n    }\n}\n",
            ),
            (
                "class A {\n    void f() throws E {\n        «throw new E();»\n    }\n}\n",
                "?class A {\n    void f() throws E {\n        v();\n    }\n\n    private void v() throws E {\n        throw new E();\n    }\n}\n",
            ),
        ],
    );
}

/// Protects JavaScript and TypeScript from functions that read or write the wrong variable, lose `this`, or wait no more.
#[test]
fn statements_of_javascript_become_a_function() {
    table(
        "a.js",
        function("v"),
        &[
            (
                "function f(a) {\n  «const b = a + 1;»\n  return b;\n}\n",
                "function f(a) {\n  const b = v(a);\n  return b;\n}\n\nfunction v(a) {\n  const b = a + 1;\n  return b;\n}\n",
            ),
            (
                "function f(a) {\n  let b = 1;\n  «b += a;»\n  return b;\n}\n",
                "function f(a) {\n  let b = 1;\n  b = v(a, b);\n  return b;\n}\n\nfunction v(a, b) {\n  b += a;\n  return b;\n}\n",
            ),
            (
                "async function f(a) {\n  return «await g(a)»;\n}\n",
                "async function f(a) {\n  return await v(a);\n}\n\nasync function v(a) {\n  return await g(a);\n}\n",
            ),
            (
                "class A {\n  f(a) {\n    «this.x = a;»\n  }\n}\n",
                "class A {\n  f(a) {\n    this.v(a);\n  }\n\n  v(a) {\n    this.x = a;\n  }\n}\n",
            ),
            ("function* f() {\n  «yield 1;»\n}\n", "!`yield`"),
            (
                "function f() {\n  let a = 1;\n  const g = () => a;\n  «a = 2;»\n  return g() + a;\n}\n",
                "!function inside",
            ),
            ("«import a from 'b';»\n", "!import or export"),
        ],
    );
    table(
        "a.ts",
        function("v"),
        &[
            (
                "function f(a: number) {\n  return «a + 1»;\n}\n",
                "function f(a: number) {\n  return v(a);\n}\n\nfunction v(a: number) {\n  return a + 1;\n}\n",
            ),
            (
                "function f(a: number) {\n  const b = a;\n  return «b + 1»;\n}\n",
                "?function f(a: number) {\n  const b = a;\n  return v(b);\n}\n\nfunction v(b) {\n  return b + 1;\n}\n",
            ),
        ],
    );
}

/// Protects Go from functions without the types of what goes in and comes out.
#[test]
fn statements_of_go_become_a_function() {
    let text = |body: &str, rest: &str| format!("package p\n\nfunc f(a int, b []int) int {{\n{body}}}\n{rest}");
    let rows = [
        (
            text("\t«c := a + b[0]»\n\treturn c\n", ""),
            text("\tc := v(a, b)\n\treturn c\n", "\nfunc v(a int, b []int) int {\n\tc := a + b[0]\n\treturn c\n}\n"),
        ),
        (
            text("\t«a++»\n\treturn a\n", ""),
            text("\ta = v(a)\n\treturn a\n", "\nfunc v(a int) int {\n\ta++\n\treturn a\n}\n"),
        ),
        (
            text("\t«if a > 1 {\n\t\treturn 1\n\t}\n\treturn 2»\n", ""),
            text("\treturn v(a)\n", "\nfunc v(a int) int {\n\tif a > 1 {\n\t\treturn 1\n\t}\n\treturn 2\n}\n"),
        ),
        (text("\t«c := g()»\n\treturn c\n", ""), "!type of `c`".to_owned()),
        (text("\tfor a > 1 {\n\t\t«break»\n\t}\n\treturn a\n", ""), "!leaves a loop".to_owned()),
        (text("\t«defer g()»\n\treturn a\n", ""), "!`defer`".to_owned()),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(before, after)| (before.as_str(), after.as_str())).collect();
    table("a.go", function("v"), &rows);
}

/// Protects Rust from moves and borrows that the code around does not allow: what changes and is used later is lent, what is used
/// later and no copy is shared, the rest goes in.
#[test]
fn statements_of_rust_become_a_function() {
    let text = |body: &str, rest: &str| format!("fn f(a: i32, s: String) -> i32 {{\n{body}}}\n{rest}");
    let rows = [
        (
            text("    let b = «a * 2»;\n    b\n", ""),
            text("    let b = v(a);\n    b\n", "\nfn v(a: i32) -> i32 {\n    a * 2\n}\n"),
        ),
        (
            text("    «let b = a * 2;»\n    b\n", ""),
            text("    let b = v(a);\n    b\n", "\nfn v(a: i32) -> i32 {\n    let b = a * 2;\n    b\n}\n"),
        ),
        (
            text("    let mut b = 1;\n    «b += a;»\n    b\n", ""),
            text("    let mut b = 1;\n    v(a, &mut b);\n    b\n", "\nfn v(a: i32, b: &mut i32) {\n    *b += a;\n}\n"),
        ),
        (
            text("    «let n = s.len();»\n    g(s);\n    a\n", ""),
            "?".to_owned() + &text("    v(&s);\n    g(s);\n    a\n", "\nfn v(s: &String) {\n    let n = s.len();\n}\n"),
        ),
        (text("    «if a > 1 {\n        return 1;\n    }»\n    2\n", ""), "!in some cases only".to_owned()),
        (text("    let b = h();\n    «g(b)»\n", ""), "!type of `b`".to_owned()),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(before, after)| (before.as_str(), after.as_str())).collect();
    table("a.rs", function("v"), &rows);
    table(
        "a.rs",
        function("v"),
        &[
            (
                "struct S { n: i32 }\nimpl S {\n    fn f(&mut self) {\n        «self.n += 1;»\n    }\n}\n",
                "struct S { n: i32 }\nimpl S {\n    fn f(&mut self) {\n        self.v();\n    }\n\n    fn v(&mut self) {\n        self.n += 1;\n    }\n}\n",
            ),
            (
                "fn f() -> Option<i32> {\n    «g(k()?);»\n    Some(1)\n}\n",
                "fn f() -> Option<i32> {\n    v()?;\n    Some(1)\n}\n\nfn v() -> Option<()> {\n    g(k()?);\n    Some(())\n}\n",
            ),
        ],
    );
}
