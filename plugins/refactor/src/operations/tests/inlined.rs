use super::table;
use crate::{Request, Target};

fn one(target: Target) -> Request {
    Request::InlineFunction { target, all: false }
}

fn all(target: Target) -> Request {
    Request::InlineFunction { target, all: true }
}

/// Protects Python from calls that compute something else: an argument with effects is evaluated once and in its order, names of
/// the body do not meet those of the caller, and what returns in several places stays.
#[test]
fn a_body_of_python_takes_the_place_of_a_call() {
    table(
        "a.py",
        one,
        &[
            (
                "def f(a, b=2):\n    return a + b\n\n\nx = ‸f(1) * 3\n",
                "def f(a, b=2):\n    return a + b\n\n\nx = (1 + 2) * 3\n",
            ),
            ("def f(a):\n    return a + a\n\n\nx = ‸f(g())\n", "def f(a):\n    return a + a\n\n\na = g()\nx = a + a\n"),
            (
                "def f(a):\n    print(a)\n\n\ndef h(b):\n    ‸f(b)\n    return b\n",
                "def f(a):\n    print(a)\n\n\ndef h(b):\n    print(b)\n    return b\n",
            ),
            (
                "def f():\n    t = 1\n    return t\n\n\ndef h(t):\n    x = ‸f()\n    return x + t\n",
                "def f():\n    t = 1\n    return t\n\n\ndef h(t):\n    t_1 = 1\n    x = t_1\n    return x + t\n",
            ),
            ("def f(a):\n    if a:\n        return 1\n    return 2\n\n\nx = ‸f(1)\n", "!several places"),
            ("def f(a):\n    return f(a - 1)\n\n\nx = ‸f(1)\n", "!calls itself"),
            ("def f(*a):\n    return a\n\n\nx = ‸f(1)\n", "!parameters"),
            ("def f(a):\n    return a\n\n\nx = ‸f(1, 2)\n", "!arguments"),
            ("def f():\n    yield 1\n\n\nx = ‸f()\n", "!`yield`"),
            ("async def f():\n    return 1\n\n\nx = ‸f()\n", "!`async`"),
        ],
    );
    table(
        "a.py",
        all,
        &[
            ("def ‸f(a):\n    return a + 1\n\n\nx = f(1)\ny = f(2)\n", "x = 1 + 1\ny = 2 + 1\n"),
            (
                "class A:\n    def ‸f(self):\n        return self.x\n\n\na = A()\nprint(a.f())\n",
                "class A:\n    pass\n\n\na = A()\nprint(a.x)\n",
            ),
            ("def ‸f():\n    return 1\n\n\nx = f\n", "!not called"),
        ],
    );
}

/// Protects Java from effects that run twice or in another order, from captured names, and from members of another value.
#[test]
fn a_body_of_java_takes_the_place_of_a_call() {
    let class = |body: &str| {
        format!(
            "class A {{\n    int x;\n    A next;\n\n    int add(int a, int b) {{\n        return a + b;\n    }}\n\n    int twice(int a) {{\n        return a + a;\n    }}\n\n    void set(int y) {{\n        int i = y;\n        x = i;\n    }}\n\n    int pick(int a) {{\n        if (a > 1) {{\n            return 1;\n        }}\n        return 2;\n    }}\n\n    void f(int i, A o) {{\n{body}    }}\n}}\n"
        )
    };
    let rows = [
        ("        int r = ‸add(1, i) * 2;\n", "        int r = (1 + i) * 2;\n", ""),
        ("        int r = ‸twice(i++);\n", "        int a = i++;\n        int r = a + a;\n", ""),
        ("        ‸set(3);\n        int z = i;\n", "        int i1 = 3;\n        x = i1;\n        int z = i;\n", ""),
        ("        o.‸set(3);\n", "        int i1 = 3;\n        o.x = i1;\n", ""),
        (
            "        if (i > 0)\n            ‸set(3);\n",
            "        if (i > 0)\n            {\n                int i1 = 3;\n                x = i1;\n            }\n",
            "",
        ),
        ("        int r = ‸pick(i);\n", "", "!several places"),
        ("        int r = i > 0 ? ‸twice(i++) : 0;\n", "", "!no statement"),
    ];
    let rows: Vec<(String, String)> = rows
        .iter()
        .map(|(before, after, refused)| {
            (class(before), if refused.is_empty() { class(after) } else { (*refused).to_owned() })
        })
        .collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(before, after)| (before.as_str(), after.as_str())).collect();
    table("A.java", one, &rows);
}

/// Protects JavaScript, Go and Rust likewise.
#[test]
fn a_body_takes_the_place_of_a_call() {
    table(
        "a.js",
        one,
        &[
            (
                "function f(a) {\n  return a * 2;\n}\n\nx = ‸f(1 + 2);\n",
                "function f(a) {\n  return a * 2;\n}\n\nx = (1 + 2) * 2;\n",
            ),
            (
                "function f(a) {\n  g(a);\n  h(a);\n}\n\nfunction k() {\n  ‸f(m());\n}\n",
                "function f(a) {\n  g(a);\n  h(a);\n}\n\nfunction k() {\n  const a = m();\n  g(a);\n  h(a);\n}\n",
            ),
        ],
    );
    table(
        "a.go",
        one,
        &[(
            "package p\n\nfunc f(a int) int {\n\treturn a * 2\n}\n\nfunc g() int {\n\treturn ‸f(1 + 2)\n}\n",
            "package p\n\nfunc f(a int) int {\n\treturn a * 2\n}\n\nfunc g() int {\n\treturn (1 + 2) * 2\n}\n",
        )],
    );
    table(
        "a.rs",
        one,
        &[
            (
                "fn f(a: i32) -> i32 {\n    a * a\n}\n\nfn g() -> i32 {\n    ‸f(1 + 2)\n}\n",
                "fn f(a: i32) -> i32 {\n    a * a\n}\n\nfn g() -> i32 {\n    {\n        let a = 1 + 2;\n        a * a\n    }\n}\n",
            ),
            (
                "struct S(i32);\nimpl S {\n    fn f(mut self) {\n        self.0 += 1;\n    }\n}\n\nfn g(s: S) {\n    s.‸f();\n}\n",
                "struct S(i32);\nimpl S {\n    fn f(mut self) {\n        self.0 += 1;\n    }\n}\n\nfn g(s: S) {\n    {\n        let mut this = s;\n        this.0 += 1;\n    };\n}\n",
            ),
        ],
    );
}
