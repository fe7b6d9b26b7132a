use super::{extract, inline, table};

/// Protects JavaScript from other results: what is called as a method and a part of an optional chain stay; brackets come where
/// operators need them, and braces where a body has none.
#[test]
fn variables_of_javascript() {
    table(
        "a.js",
        extract("v", false),
        &[
            ("function f(a) {\n  return g(«a * 2»);\n}\n", "function f(a) {\n  const v = a * 2;\n  return g(v);\n}\n"),
            ("function f() {\n  «g(1)»;\n}\n", "function f() {\n  const v = g(1);\n}\n"),
            ("const x = a && «b.c»;\n", "?const v = b.c;\nconst x = a && v;\n"),
            ("if (a) b(«1 + 2»);\n", "if (a) {\n    const v = 1 + 2;\n    b(v);\n}\n"),
            ("«a.b»();\n", "!called as a method"),
            ("x = «a?.b».c;\n", "!optional chain"),
            ("x = { «a»: 1 };\n", "!not an expression"),
            ("class A {\n  x = «1 + 2»;\n}\n", "!part of a class"),
            ("xs.map(x => «x + 1»);\n", "xs.map(x => {\n    const v = x + 1;\n    return v;\n});\n"),
        ],
    );
    table(
        "a.ts",
        inline,
        &[
            (
                "function f(a) {\n  const ‸b = a + 1;\n  return b * 2;\n}\n",
                "function f(a) {\n  return (a + 1) * 2;\n}\n",
            ),
            ("function f() {\n  const ‸b = 1;\n  return { b };\n}\n", "function f() {\n  return { b: 1 };\n}\n"),
            ("function f() {\n  const ‸b = { c: 1 };\n  return () => b;\n}\n", "!made more than once"),
            ("function f() {\n  let ‸b = 1;\n  b++;\n  return b;\n}\n", "!several places"),
            ("function f() {\n  const ‸b = g();\n  return b + b;\n}\n", "!more than once"),
        ],
    );
}

/// Protects Java from other types: a declaration has the type that the text tells, a value keeps the one that its declaration gave
/// it, and a person sees the rest.
#[test]
fn variables_of_java() {
    let class = |body: &str| format!("class A {{\n    int f(int a, long b) {{\n{body}    }}\n}}\n");
    let rows: Vec<(String, String)> = [
        ("        return g(«a * 2»);\n", "        int v = a * 2;\n        return g(v);\n"),
        ("        return g(«a * b»);\n", "        long v = a * b;\n        return g(v);\n"),
        ("        return g(«\"x\" + a»);\n", "        String v = \"x\" + a;\n        return g(v);\n"),
        ("        return g(«a < b»);\n", "        boolean v = a < b;\n        return g(v);\n"),
    ]
    .map(|(before, after)| (class(before), class(after)))
    .to_vec();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(before, after)| (before.as_str(), after.as_str())).collect();
    table("A.java", extract("v", false), &rows);
    table(
        "A.java",
        extract("v", false),
        &[
            ("class A {\n    int x = «1 + 2»;\n}\n", "!no statement"),
            ("class A {\n    void f() {\n        g(«() -> 1»);\n    }\n}\n", "!type is not known"),
            ("class A {\n    void f() {\n        «f()»;\n    }\n}\n", "!type is not known"),
            ("class A {\n    void f(int a) {\n        switch (a) { case «1»: g(); }\n    }\n}\n", "!needs a constant"),
        ],
    );
    table(
        "A.java",
        inline,
        &[
            (
                "class A {\n    int f(int a) {\n        int ‸b = a + 1;\n        return b * 2;\n    }\n}\n",
                "class A {\n    int f(int a) {\n        return (a + 1) * 2;\n    }\n}\n",
            ),
            (
                "class A {\n    double f() {\n        double ‸b = 1;\n        return b / 2;\n    }\n}\n",
                "class A {\n    double f() {\n        return (double) 1 / 2;\n    }\n}\n",
            ),
            ("class A {\n    void f(int ‸b) {\n        g(b);\n    }\n}\n", "!no variable"),
        ],
    );
}

/// Protects Go from constants that change their type, from calls with several values and from addresses.
#[test]
fn variables_of_go() {
    let text = |body: &str| format!("package p\n\nfunc f(a int, b []int) int {{\n{body}}}\n");
    let rows: Vec<(String, String)> = [
        ("\treturn g(«a * 2»)\n", "\tv := a * 2\n\treturn g(v)\n"),
        ("\treturn g(«2», a)\n", "\tv := 2\n\treturn g(v, a)\n"),
    ]
    .map(|(before, after)| (text(before), text(after)))
    .to_vec();
    table(
        "a.go",
        extract("v", false),
        &[
            (&rows[0].0, &rows[0].1),
            (&rows[1].0, &format!("?{}", rows[1].1)),
            (&text("\tx, err := «g()»\n"), "!several values"),
            (&text("\treturn &«a»\n"), "!address is taken"),
        ],
    );
    table(
        "a.go",
        inline,
        &[
            (&text("\t‸x := a + 1\n\treturn x * 2\n"), &text("\treturn (a + 1) * 2\n")),
            (&text("\t‸x := a\n\ta = 2\n\treturn x\n"), "!changes before it is used"),
        ],
    );
}

/// Protects Rust from moves: a name for a place is for a person, and macros, patterns and exclusive borrows stay.
#[test]
fn variables_of_rust() {
    let text = |body: &str| format!("fn f(a: i32, s: S) -> i32 {{\n{body}}}\n");
    table(
        "a.rs",
        extract("v", false),
        &[
            (&text("    g(«a * 2»)\n"), &text("    let v = a * 2;\n    g(v)\n")),
            (&text("    g(«s.x»)\n"), &format!("?{}", text("    let v = s.x;\n    g(v)\n"))),
            (&text("    g(&mut «a»)\n"), "!borrowed to be changed"),
            (&text("    println!(\"{}\", «a + 1»)\n"), "!"),
            (
                &text("    match a { 1 => «a + 1», _ => 0 }\n"),
                &text("    match a { 1 => {\n        let v = a + 1;\n        v\n    } _ => 0 }\n"),
            ),
        ],
    );
    table(
        "a.rs",
        inline,
        &[
            (&text("    let ‸x = a + 1;\n    x * 2\n"), &text("    (a + 1) * 2\n")),
            (&text("    let ‸x = a > 1;\n    if x { 1 } else { 2 }\n"), &text("    if a > 1 { 1 } else { 2 }\n")),
            (
                &text("    let ‸x = S { n: 1 };\n    if g(1) == x { 1 } else { 2 }\n"),
                &text("    if g(1) == (S { n: 1 }) { 1 } else { 2 }\n"),
            ),
            (&text("    let mut ‸x = a;\n    x * 2\n"), "!statement of its own"),
            (&text("    let ‸x = a;\n    let a = 2;\n    x * a\n"), "!`a` would mean something else"),
        ],
    );
}

/// Protects a value from being read in another way at its new place: it stays one operand, with brackets where the language needs
/// them, or nothing changes.
#[test]
fn inlined_values_stay_whole() {
    let script =
        |value: &str, used: &str| format!("function f(a, b) {{\n  const ‸x = {value};\n  return {used};\n}}\n");
    let result = |used: &str| format!("function f(a, b) {{\n  return {used};\n}}\n");
    let rows: Vec<(String, String)> = [
        ("a ?? 1", "x || 2", "(a ?? 1) || 2"),
        ("a || 1", "x ?? 2", "(a || 1) ?? 2"),
        ("-a", "-x", "-(-a)"),
        ("-a", "b-x", "b-(-a)"),
        ("a?.b", "x.c", "(a?.b).c"),
    ]
    .map(|(value, used, after)| (script(value, used), result(after)))
    .to_vec();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(before, after)| (before.as_str(), after.as_str())).collect();
    table("a.js", inline, &rows);
    table(
        "a.js",
        inline,
        &[
            ("function f(b, k) {\n  const ‸x = [b]\n  const y = k\n  x.forEach(y)\n}\n", "!the code around it"),
            ("function f(a) {\n  const ‸x = a.m;\n  return x(1);\n}\n", "?function f(a) {\n  return a.m(1);\n}\n"),
            (
                "function f(a) {\n  const ‸x = a().B;\n  return new x(1);\n}\n",
                "function f(a) {\n  return new (a().B)(1);\n}\n",
            ),
        ],
    );
    let rust = |value: &str, used: &str| format!("fn f(a: u8) -> bool {{\n    let ‸x = {value};\n    {used}\n}}\n");
    let after = |used: &str| format!("fn f(a: u8) -> bool {{\n    {used}\n}}\n");
    let rows = [
        (rust("a as usize", "x < 3"), after("(a as usize) < 3")),
        (rust("if a > 1 { 1 } else { 2 }", "x > 1"), after("(if a > 1 { 1 } else { 2 }) > 1")),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(before, after)| (before.as_str(), after.as_str())).collect();
    table("a.rs", inline, &rows);
    let go = "package a\n\nfunc f(a *int) int {\n\t‸x := *a\n\treturn 3/x\n}\n";
    table("a.go", inline, &[(go, "package a\n\nfunc f(a *int) int {\n\treturn 3/(*a)\n}\n")]);
}

/// Protects the order and the number of calls: a value that calls something waits for a person where it is computed later than what
/// stands before it, in some cases only, or in another block.
#[test]
fn inlined_calls_keep_their_order() {
    for body in [
        "    ‸x = a.pop(0)\n    return a[0], x\n",
        "    ‸x = a.bump()\n    return a.n + x\n",
        "    ‸x = g(a)\n    if a > 3:\n        return x\n    return 0\n",
        "    ‸x = g(a)\n    try:\n        return x\n    except ValueError:\n        return 0\n",
    ] {
        let outcome = super::outcome("a.py", &format!("def f(a):\n{body}"), inline);
        assert!(outcome.starts_with('?'), "{body}: {outcome}");
    }
    let plain = super::outcome("a.py", "def f(a):\n    ‸x = g(a)\n    return h(x)\n", inline);
    assert_eq!(plain, "def f(a):\n    return h(g(a))\n");
}
