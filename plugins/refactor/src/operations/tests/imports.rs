use super::table;
use crate::request::{ImportStyle, Imports, TypeOrder};
use crate::{Request, Target};

fn work(work: Imports) -> impl Fn(Target) -> Request {
    move |target| Request::OrganiseImports { target, work: work.clone(), style: ImportStyle::default() }
}

/// Protects imports of Python that are there for others: what `__all__`, a string annotation, an example or a directive
/// names stays, and so does an import that may do something.
#[test]
fn python_keeps_what_may_be_used() {
    table(
        "a.py",
        work(Imports::Unused(Vec::new())),
        &[
            ("‸import os\nimport sys\n\nprint(sys)\n", "import sys\n\nprint(sys)\n"),
            ("‸from m import a, b, c\n\nb\n", "from m import b\n\nb\n"),
            (
                "‸from m import (\n    a,\n    b,  # noqa\n    c,\n)\n\nc\n",
                "from m import (\n    b,  # noqa\n    c,\n)\n\nc\n",
            ),
            ("‸import os  # noqa\n\nx = 1\n", "‸import os  # noqa\n\nx = 1\n"),
            ("‸from m import a\n\n__all__ = [\"a\"]\n", "‸from m import a\n\n__all__ = [\"a\"]\n"),
            ("‸from m import a\n\n__all__ = names()\n", "‸from m import a\n\n__all__ = names()\n"),
            ("‸from m import T\n\ndef f(x: \"T\"): pass\n", "‸from m import T\n\ndef f(x: \"T\"): pass\n"),
            ("‸from m import a as a\n", "‸from m import a as a\n"),
            ("‸import os\n\neval(\"os\")\n", "‸import os\n\neval(\"os\")\n"),
            ("‸import own\n\nx = 1\n", "?x = 1\n"),
            ("‸import a.b, a.c\n\na.b.x\n", "?import a.b\n\na.b.x\n"),
            ("if x:\n    ‸import os\n", "if x:\n    import os\n"),
            ("‸from __future__ import annotations\n", "‸from __future__ import annotations\n"),
        ]
        .map(|(before, after)| (before, after.trim_start_matches('‸'))),
    );
}

/// Protects the order of Python's imports: groups, comments that move along, and code between imports, which stays between.
#[test]
fn python_sorts_in_groups() {
    table(
        "a.py",
        work(Imports::Sort),
        &[
            (
                "‸import requests\nfrom . import b\nimport sys\nimport os\nfrom __future__ import annotations\n\nx = 1\n",
                "from __future__ import annotations\n\nimport os\nimport sys\n\nimport requests\n\nfrom . import b\n\nx = 1\n",
            ),
            ("‸import sys\n# why\nimport os  # os\n", "?# why\nimport os  # os\nimport sys\n"),
            ("‸import sys\nx = 1\nimport os\n", "import sys\nx = 1\nimport os\n"),
            ("‸import b as x\nimport a as x\n", "!two modules"),
            ("‸import sys  # isort: skip\nimport os\n", "import sys  # isort: skip\nimport os\n"),
            ("‸import os\nimport os\n", "import os\n"),
        ],
    );
    table(
        "a.py",
        work(Imports::All),
        &[("‸from m import c, a\nfrom m import b\n\na, b, c\n", "from m import c, a, b\n\na, b, c\n")],
    );
    table("a.py", work(Imports::All), &[("‸def f(:\n", "!does not parse")]);
}

/// Protects additions of imports: nothing is imported twice, and a taken name stays.
#[test]
fn python_adds_imports() {
    table(
        "a.py",
        work(Imports::Add("from m import b".into())),
        &[
            ("‸\"\"\"Doc.\"\"\"\n\nx = 1\n", "\"\"\"Doc.\"\"\"\nfrom m import b\n\n\n\nx = 1\n"),
            ("‸from m import a\n", "from m import a, b\n"),
            ("‸from m import b\n", "from m import b\n"),
            ("‸import os\n", "import os\nfrom m import b\n"),
            ("‸b = 1\n", "!`b` is taken"),
        ],
    );
    table("a.py", work(Imports::Add("import os; x".into())), &[("‸x = 1\n", "!no import of one module")]);
}

/// Protects scripts: the order of names is the file's, exports and imports for what a module does stay, and blank lines part
/// groups.
#[test]
fn scripts_keep_their_order_of_names() {
    table(
        "a.ts",
        work(Imports::All),
        &[
            (
                "‸import { b, a } from \"m\";\nimport { c } from \"m\";\na, b, c;\n",
                "import { a, b, c } from \"m\";\na, b, c;\n",
            ),
            (
                "‸import { B, a } from \"./m\";\nimport x from \"y\";\na, B, x;\n",
                "import x from \"y\";\nimport { B, a } from \"./m\";\na, B, x;\n",
            ),
            ("‸import a, { b } from \"m\";\nb;\n", "import { b } from \"m\";\nb;\n"),
            ("‸import { a } from \"m\";\nexport { a };\n", "import { a } from \"m\";\nexport { a };\n"),
            ("‸import type { T } from \"m\";\nlet x: T;\n", "import type { T } from \"m\";\nlet x: T;\n"),
            (
                "‸import { T } from \"m\";\n/** {@link T} */\nlet x;\n",
                "import { T } from \"m\";\n/** {@link T} */\nlet x;\n",
            ),
            (
                "‸import { b } from \"b\";\n\nimport { a } from \"a\";\na, b;\n",
                "import { b } from \"b\";\n\nimport { a } from \"a\";\na, b;\n",
            ),
            ("‸import \"b\";\nimport { a } from \"a\";\na;\n", "?import { a } from \"a\";\nimport \"b\";\na;\n"),
            (
                "‸export { b } from \"b\";\nexport { a } from \"a\";\n",
                "export { a } from \"a\";\nexport { b } from \"b\";\n",
            ),
            ("‸// why\nimport { a } from \"a\";\n\nf();\n", "?// why\n\nf();\n"),
        ],
    );
    table(
        "a.tsx",
        work(Imports::All),
        &[("‸import React from \"react\";\n<a/>;\n", "import React from \"react\";\n<a/>;\n")],
    );
    let first = ImportStyle { types: Some(TypeOrder::First), ..ImportStyle::default() };
    let request = |target| Request::OrganiseImports { target, work: Imports::Sort, style: first };
    table("a.ts", request, &[("‸import { a, type B } from \"m\";\n", "import { type B, a } from \"m\";\n")]);
}

/// Protects Java: what documentation names stays, and what only a qualified name says goes.
#[test]
fn java_keeps_what_documentation_names() {
    table(
        "A.java",
        work(Imports::All),
        &[
            (
                "‸import java.util.Set;\nimport java.util.List;\nimport java.util.Map;\n\n/** {@link Set} */\nclass A { List a; java.util.Map m; }\n",
                "import java.util.List;\nimport java.util.Set;\n\n/** {@link Set} */\nclass A { List a; java.util.Map m; }\n",
            ),
            ("‸import java.util.*;\n\nclass A { Foo a; }\n", "import java.util.*;\n\nclass A { Foo a; }\n"),
            ("‸import java.util.*;\n\nclass A { A a; }\n", "class A { A a; }\n"),
            (
                "‸import static a.B.c;\n\nclass A { int a = c(); }\n",
                "import static a.B.c;\n\nclass A { int a = c(); }\n",
            ),
            ("‸import static a.B.c;\n\nclass A { int a = x.c(); }\n", "class A { int a = x.c(); }\n"),
        ],
    );
}

/// Protects Go and Rust: imports for what a package does, for traits, macros and other modules stay.
#[test]
fn go_and_rust_lose_what_nothing_uses() {
    table(
        "a.go",
        work(Imports::All),
        &[
            (
                "‸package p\n\nimport (\n\t\"os\"\n\t\"fmt\"\n\t_ \"embed\"\n\t\"bytes\"\n)\n\nvar _ = fmt.Sprint(os.Args)\n",
                "package p\n\nimport (\n\t\"bytes\"\n\t_ \"embed\"\n\t\"fmt\"\n\t\"os\"\n)\n\nvar _ = fmt.Sprint(os.Args)\n",
            ),
            ("‸package p\n\nimport \"fmt\"\n\nvar x = 1\n", "package p\n\nvar x = 1\n"),
            ("‸package p\n\nimport \"x.com/go-a\"\n\nvar x = a.B\n", "package p\n\nimport \"x.com/go-a\"\n\nvar x = a.B\n"),
        ]
        .map(|(before, after)| (before, if before.contains("bytes") { "package p\n\nimport (\n\t_ \"embed\"\n\t\"fmt\"\n\t\"os\"\n)\n\nvar _ = fmt.Sprint(os.Args)\n" } else { after })),
    );
    table(
        "a.rs",
        work(Imports::Unused(Vec::new())),
        &[
            (
                "mod m { pub struct A; pub struct B; }\n‸use m::{A, B};\nfn f() { A; }\n",
                "mod m { pub struct A; pub struct B; }\nuse m::A;\nfn f() { A; }\n",
            ),
            (
                "mod m { pub trait T { fn t(&self) {} } }\n‸use m::T;\nfn f(x: u8) { x.t(); }\n",
                "mod m { pub trait T { fn t(&self) {} } }\nuse m::T;\nfn f(x: u8) { x.t(); }\n",
            ),
            ("‸use x::Y;\nfn f() {}\n", "?fn f() {}\n"),
            ("‸use x::y;\nfn f() { m!(y); }\n", "use x::y;\nfn f() { m!(y); }\n"),
            ("pub ‸use x::y;\n", "pub use x::y;\n"),
        ],
    );
    table(
        "a.rs",
        work(Imports::Merge),
        &[
            ("‸use a::B;\nuse a::c::D;\n", "use a::{c::D, B};\n"),
            ("‸use a::B;\npub use a::C;\n", "!no import here"),
            ("use a::{«c::D, c::E», F};\n", "use a::{c::{D, E}, F};\n"),
        ],
    );
    table(
        "a.rs",
        work(Imports::Split),
        &[("use a::{B, ‸C};\n", "use a::{B};\nuse a::C;\n"), ("‸use a::B;\n", "!no name here")],
    );
}
