use super::table;
use crate::{Request, Target};

fn kind(name: &str) -> impl Fn(Target) -> Request {
    let kind = name.to_owned();
    move |target| Request::Convert { target, kind: kind.clone() }
}

/// Protects conditions: an order, a precedence and a comment stay what they are, and a pattern has no opposite.
#[test]
fn conditions_keep_their_meaning() {
    table(
        "a.rs",
        kind("invert-if"),
        &[
            ("fn f() { i‸f a != b { 1 } else { 2 }; }\n", "fn f() { if a == b { 2 } else { 1 }; }\n"),
            ("fn f() { i‸f a || b { 1 } else { 2 }; }\n", "fn f() { if !(a || b) { 2 } else { 1 }; }\n"),
            ("fn f() { i‸f a < b { 1 } else { 2 }; }\n", "?fn f() { if a >= b { 2 } else { 1 }; }\n"),
            ("fn f() { i‸f let A = b { 1 } else { 2 }; }\n", "!a pattern has no opposite"),
            ("fn f() { i‸f a { 1 } else if b { 2 }; }\n", "!another `if` follows"),
            ("fn f() { i‸f a { g() } }\n", "!no `else`"),
        ],
    );
    table(
        "a.py",
        kind("invert-if"),
        &[
            (
                "i‸f a is b:\n    # one\n    f()\nelse:\n    g()\n",
                "if a is not b:\n    g()\nelse:\n    # one\n    f()\n",
            ),
            ("i‸f a == b:\n    f()\nelse:\n    g()\n", "?if a != b:\n    g()\nelse:\n    f()\n"),
            ("i‸f (a or b):\n    f()\nelse:\n    g()\n", "if not (a or b):\n    g()\nelse:\n    f()\n"),
        ],
    );
    table(
        "a.go",
        kind("invert-if"),
        &[(
            "package p\n\nfunc f() {\n\ti‸f len(x) > 2 && y {\n\t\ta()\n\t} else {\n\t\tb()\n\t}\n}\n",
            "package p\n\nfunc f() {\n\tif len(x) <= 2 || !y {\n\t\tb()\n\t} else {\n\t\ta()\n\t}\n}\n",
        )],
    );
    table(
        "a.rs",
        kind("de-morgan"),
        &[
            ("fn f() { a |‸| !b }\n", "fn f() { !(!a && b) }\n"),
            ("fn f() { if !(a &‸& b) {} }\n", "fn f() { if !a || !b {} }\n"),
            ("fn f() { if !!(a &‸& b) {} }\n", "fn f() { if !(!a || !b) {} }\n"),
        ],
    );
    table("a.ts", kind("de-morgan"), &[("let x = a |‸| b;\n", "?let x = !(!a && !b);\n")]);
    table(
        "a.rs",
        kind("merge-nested-if"),
        &[
            ("fn f() { i‸f a || b { if c { d() } } }\n", "fn f() { if (a || b) && c { d() } }\n"),
            ("fn f() { i‸f a { if b { d() } e() } }\n", "!more than one `if`"),
            ("fn f() { i‸f a { /* why */ if b { d() } } }\n", "!a comment here would be lost"),
        ],
    );
}

/// Protects neighbours: only what has no order changes places without a review.
#[test]
fn neighbours_change_places() {
    table(
        "a.rs",
        kind("flip-operands"),
        &[
            ("fn f() { 1 <‸= 2; }\n", "fn f() { 2 >= 1; }\n"),
            ("fn f() { a() =‸= b(); }\n", "?fn f() { b() == a(); }\n"),
            ("fn f() { a &‸& b; }\n", "?fn f() { b && a; }\n"),
        ],
    );
    table(
        "a.rs",
        kind("flip-comma"),
        &[("fn f() { g(a,‸ b); }\n", "?fn f() { g(b, a); }\n"), ("use a::{b,‸ c};\n", "use a::{c, b};\n")],
    );
    table("a.rs", kind("flip-bound"), &[("fn f<T: A +‸ B>() {}\n", "fn f<T: B + A>() {}\n")]);
}

/// Protects values of literals: an escape that the other form cannot hold is refused.
#[test]
fn literals_keep_their_values() {
    table(
        "a.rs",
        kind("raw-string"),
        &[
            ("fn f() { g(‸\"a\\\"#\\n\"); }\n", "fn f() { g(r##\"a\"#\n\"##); }\n"),
            ("fn f() { g(‸\"a\\u{202e}\"); }\n", "!cannot hold"),
            ("fn f() { g!(‸\"a\"); }\n", "?fn f() { g!(r#\"a\"#); }\n"),
        ],
    );
    table("a.rs", kind("remove-hash"), &[("fn f() { g(‸r#\"a\"b\"#); }\n", "!too early")]);
    table(
        "a.rs",
        kind("string-to-char"),
        &[("fn f() { g(‸\"'\"); }\n", "?fn f() { g('\\''); }\n"), ("fn f() { g(‸\"ab\"); }\n", "!not one character")],
    );
    table(
        "a.go",
        kind("change-quotes"),
        &[
            ("package p\n\nvar x = ‸\"a\\\"b\"\n", "package p\n\nvar x = `a\"b`\n"),
            ("package p\n\nvar x = ‸\"a\\x1b\"\n", "!cannot hold"),
            ("package p\n\nimport ‸\"fmt\"\n", "!imports"),
        ],
    );
    table(
        "a.py",
        kind("change-quotes"),
        &[
            ("x = f\"{d['‸a']}\"\n", "!needs other quotes"),
            ("x = ‸'a\\'b'\n", "x = \"a'b\"\n"),
            ("x = ‸'a\"b'\n", "!other quotes"),
            ("x = ‸f'{a}'\n", "!quotes of their own"),
        ],
    );
}

/// Protects scripts: `this` stays, and a value that is no text by its look waits for a person.
#[test]
fn scripts_keep_this_and_texts() {
    table(
        "a.ts",
        kind("function-to-arrow"),
        &[
            ("f(functio‸n(a) { return a; });\n", "?f((a) => a);\n"),
            ("f(functio‸n() { return this.a; });\n", "!would be others"),
            ("f(functio‸n() { return { a: 1 }; });\n", "?f(() => ({ a: 1 }));\n"),
        ],
    );
    table(
        "a.ts",
        kind("add-braces"),
        &[("let f = () =‸> ({ a: 1 });\n", "let f = () => {\n    return { a: 1 };\n};\n")],
    );
    table(
        "a.ts",
        kind("concatenation-to-template"),
        &[
            ("let x = ‸\"a`${\" + 1;\n", "let x = `a\\`\\${${1}`;\n"),
            ("let x = ‸\"a\" + b;\n", "?let x = `a${b}`;\n"),
            ("let x = ‸\"a\" /* why */ + 1;\n", "!a comment here would be lost"),
            ("‸\"use strict\";\n", "!only a plain text"),
        ],
    );
    table(
        "a.ts",
        kind("optional-chain"),
        &[("let x = ‸a && a.b && a.b.c;\n", "?let x = a?.b?.c;\n"), ("let x = ‸a && b.c;\n", "!not tests")],
    );
}

/// Protects Rust: arms with conditions stay, brackets that are needed stay, and a closure takes no `return` out of a function.
#[test]
fn rust_keeps_control_and_brackets() {
    table(
        "a.rs",
        kind("merge-match-arms"),
        &[
            ("fn f() { match a { 1 => ‸b, 2 => b, _ => c } }\n", "fn f() { match a { 1 | 2 => b, _ => c } }\n"),
            ("fn f() { match a { 1 if x => ‸b, 2 => b, _ => c } }\n", "!a condition"),
            ("fn f() { match a { A(x) => ‸b, B(y) => b } }\n", "!other names"),
        ],
    );
    table(
        "a.rs",
        kind("remove-parentheses"),
        &[
            ("fn f() { ‸(1 + 2) + 3; }\n", "fn f() { 1 + 2 + 3; }\n"),
            ("fn f() { 1 + ‸(2 + 3); }\n", "!needed"),
            ("fn f() { &‸(|| 1) + 2; }\n", "!needed"),
            ("fn f() { if ‸(S { a }) == b {} }\n", "!needed"),
        ],
    );
    table(
        "a.rs",
        kind("for-to-for-each"),
        &[
            ("fn f() { for ‸a in b { c(a) } }\n", "?fn f() { b.into_iter().for_each(|a| { c(a) }); }\n"),
            ("fn f() { for ‸a in b { break } }\n", "!leaves"),
        ],
    );
    table(
        "a.rs",
        kind("match-to-let-else"),
        &[(
            "fn f() { let ‸a = match b { Some(x) => x, None => break }; }\n",
            "?fn f() { let Some(a) = b else { break }; }\n",
        )],
    );
    table(
        "a.rs",
        kind("guarded-return"),
        &[(
            "fn f() {\n    loop {\n        ‸if a {\n            b();\n            c();\n        }\n    }\n}\n",
            "?fn f() {\n    loop {\n        if !a {\n            continue;\n        }\n        b();\n        c();\n    }\n}\n",
        )],
    );
}

/// Protects Python: what is evaluated, and how often, stays.
#[test]
fn python_evaluates_the_same() {
    table(
        "a.py",
        kind("format-to-f-string"),
        &[
            ("x = \"\\x7b{}\".fo‸rmat(a)\n", "!an escape of the text"),
            ("x = ‸\"{} {b:>3}\".format(a, b=c)\n", "x = f\"{a} {c:>3}\"\n"),
            ("x = ‸\"{0}{0}\".format(f())\n", "?x = f\"{f()}{f()}\"\n"),
            ("x = ‸\"a\".format(f())\n", "!not used"),
            ("x = ‸\"{}\".format(a[\"b\"])\n", "!quotes"),
        ],
    );
    table(
        "a.py",
        kind("if-to-ternary"),
        &[
            ("i‸f a:\n    x = 1\nelse:\n    x = 2\n", "x = 1 if a else 2\n"),
            ("i‸f a:\n    x = 1\nelse:\n    y = 2\n", "!one variable"),
        ],
    );
    table("a.py", kind("ternary-to-if"), &[("x = 1 i‸f a else 2\n", "if a:\n    x = 1\nelse:\n    x = 2\n")]);
}

/// Protects menus: only what applies at a place is offered there, and unknown names are refused.
#[test]
fn only_what_applies_is_offered() {
    use deepcoder_resolve::{Memory, Project};
    let path = deepcoder_types::RepoPath::new("a.rs").expect("a path");
    let text = "fn f() { if a != b { 1 } else { 2 }; }\n";
    let files = Memory::new([(path.clone(), std::sync::Arc::from(text))].into());
    let project = Project::new(&files);
    let target = Target { path, range: deepcoder_types::TextRange::new(9, 9) };
    let names: Vec<String> = crate::editor::rewrites(&project, &target)
        .into_iter()
        .map(|request| match request {
            Request::Convert { kind, .. } => kind,
            other => other.operation().to_owned(),
        })
        .collect();
    assert_eq!(names, ["invert-if", "if-let-to-match"]);
    table("a.rs", kind("fold"), &[("fn ‸f() {}\n", "!there is no rewrite `fold`")]);
    table("a.go", kind("guarded-return"), &[("package ‸p\n", "!not known in")]);
}
