use super::table;
use crate::{NewParameter, ParameterChange, Request, Target, Which};

fn request(change: &ParameterChange) -> impl Fn(Target) -> Request + use<> {
    let change = change.clone();
    move |target| Request::ChangeSignature { target, changes: vec![change.clone()] }
}

fn add(name: &str, of_type: Option<&str>, default: Option<&str>, value: Option<&str>) -> ParameterChange {
    let own = |text: Option<&str>| text.map(str::to_owned);
    let new = NewParameter {
        name: name.to_owned(),
        of_type: own(of_type),
        default: own(default),
        value: own(value),
        index: None,
    };
    ParameterChange::Add(new)
}

fn remove(name: &str) -> ParameterChange {
    ParameterChange::Remove(Which::Name(name.to_owned()))
}

fn order(names: &[&str]) -> ParameterChange {
    let parameters = names.iter().map(|name| Which::Name((*name).to_owned())).collect();
    ParameterChange::Order { parameters, default: None }
}

/// Protects Python's calls: each argument stays with its parameter, by position or by name, what is used does not go, and a call
/// that the text does not tell waits for a person.
#[test]
fn a_signature_of_python_changes_with_its_calls() {
    table(
        "a.py",
        request(&remove("b")),
        &[
            (
                "def ‸f(a, b, c=0):\n    return a + c\n\n\nf(1, 2, 3)\nf(1, b=2)\nf(f(1, 2), 3)\n",
                "def f(a, c=0):\n    return a + c\n\n\nf(1, 3)\nf(1)\nf(f(1))\n",
            ),
            ("def ‸f(a, b):\n    return b\n", "!`b` is used"),
            ("def ‸f(a, b):\n    return a\n\n\nf(1, g())\n", "?def f(a):\n    return a\n\n\nf(1)\n"),
            ("def ‸f(a, b):\n    return a\n\n\nf(*x)\n", "?def f(a):\n    return a\n\n\nf(*x)\n"),
            ("def ‸f(a, b):\n    return a\n\n\ng = f\n", "?def f(a):\n    return a\n\n\ng = f\n"),
            ("@cached\ndef ‸f(a, b):\n    return a\n", "?@cached\ndef f(a):\n    return a\n"),
            ("def ‸f(a, b):\n    return locals()\n", "?def f(a):\n    return locals()\n"),
            ("def ‸f(a, *, b):\n    return a\n\n\nf(1, b=2)\n", "def f(a):\n    return a\n\n\nf(1)\n"),
            (
                "class A:\n    def ‸f(self, b):\n        return 1\n\n\nA().f(2)\nA.f(A(), b=2)\n",
                "class A:\n    def f(self):\n        return 1\n\n\nA().f()\nA.f(A())\n",
            ),
        ],
    );
    table(
        "a.py",
        request(&order(&["b", "a"])),
        &[
            (
                "def ‸f(a, b):\n    return a - b\n\n\nf(1, 2)\nf(1, b=2)\n",
                "def f(b, a):\n    return a - b\n\n\nf(2, 1)\nf(a=1, b=2)\n",
            ),
            (
                "def ‸f(a, b):\n    return a - b\n\n\nf(g(), h())\n",
                "?def f(b, a):\n    return a - b\n\n\nf(h(), g())\n",
            ),
            ("def ‸f(a, b=0):\n    return a - b\n", "!would need a default"),
        ],
    );
    table(
        "a.py",
        request(&add("fee", None, Some("0"), Some("1"))),
        &[
            (
                "def ‸f(a=1):\n    return a\n\n\nf()\nf(2)\n",
                "def f(a=1, fee=0):\n    return a\n\n\nf(fee=1)\nf(2, 1)\n",
            ),
            ("def ‸f(*a):\n    return a\n\n\nf(2)\n", "def f(fee=0, *a):\n    return a\n\n\nf(1, 2)\n"),
            ("def ‸f(a):\n    fee = a\n    return fee\n", "!taken"),
        ],
    );
    table(
        "a.py",
        request(&add("fee", None, None, None)),
        &[("def ‸f():\n    pass\n\n\nf()\n", "!needs an argument"), ("x = ‸1\n", "!no function")],
    );
}

/// Protects Go, Rust and Java: types that parameters share, generic calls, and methods that belong to a trait.
#[test]
fn a_signature_changes_with_its_calls() {
    table(
        "a.go",
        request(&ParameterChange::Move { which: Which::AtTarget, right: true }),
        &[
            (
                "package p\n\nfunc f(‸a int, b string, c int) {}\n\nfunc g() { f(1, \"2\", 3) }\n",
                "package p\n\nfunc f(b string, a, c int) {}\n\nfunc g() { f(\"2\", 1, 3) }\n",
            ),
            ("package p\n\nfunc f(a int, ‸b string) {}\n", "!no neighbour"),
        ],
    );
    table(
        "a.go",
        request(&ParameterChange::Remove(Which::AtTarget)),
        &[
            (
                "package p\n\nfunc f(a, ‸b int) int { return a }\n\nfunc g() { x := 1; f(1, x) }\n",
                "?package p\n\nfunc f(a int) int { return a }\n\nfunc g() { x := 1; f(1) }\n",
            ),
            ("package p\n\nimport \"os\"\n\nfunc f(‸a os.File) {}\n", "package p\n\n\nfunc f() {}\n"),
        ],
    );
    table(
        "a.rs",
        request(&ParameterChange::Remove(Which::AtTarget)),
        &[
            (
                "fn f(a: u8, ‸b: u8) -> u8 {\n    a\n}\n\nfn g() {\n    f(1, 2);\n}\n",
                "fn f(a: u8) -> u8 {\n    a\n}\n\nfn g() {\n    f(1);\n}\n",
            ),
            ("trait T {\n    fn f(a: u8);\n}\nimpl T for () {\n    fn f(‸a: u8) {}\n}\n", "!belongs to a trait"),
        ],
    );
    table(
        "A.java",
        request(&add("p", Some("java.util.List<?>"), None, Some("null"))),
        &[(
            "package a;\n\nclass A {\n    private void ‸f(int a) {}\n\n    void g() {\n        f(1);\n    }\n}\n",
            "package a;\n\nimport java.util.List;\n\nclass A {\n    private void f(int a, List<?> p) {}\n\n    void g() {\n        f(1, null);\n    }\n}\n",
        )],
    );
}

/// Protects JavaScript and TypeScript: parameters become one object only where every call is known, and each argument keeps its
/// comment and its place.
#[test]
fn parameters_become_one_object() {
    table(
        "a.ts",
        request(&ParameterChange::Object),
        &[
            (
                "function ‸f(a: number, b = \"1\", ...c: string[]) {\n    return a;\n}\nf(1, /* b */ \"2\", \"3\");\nf(f(1));\n",
                "function f({ a, b = \"1\", c = [] }: { a: number; b?: string; c?: string[]; }) {\n    return a;\n}\nf({ a: 1, /* b */ b: \"2\", c: [\"3\"] });\nf({ a: f({ a: 1 }) });\n",
            ),
            ("function ‸f(a: number, b: number) {}\nconst g = f;\n", "!not called"),
            ("function ‸f(a: number, b: number) {}\nf(...x);\n", "!do not fit"),
            ("let f = (‸a: number, b: number) => a;\n", "!another value"),
            ("function ‸f(a: number) {}\n", "!at least two"),
        ],
    );
    table(
        "a.js",
        request(&order(&["b", "a"])),
        &[
            (
                "function ‸f(a, b) {\n    return a - b;\n}\nf(1, 2);\nf(1);\n",
                "function f(b, a) {\n    return a - b;\n}\nf(2, 1);\nf(undefined, 1);\n",
            ),
            ("function ‸f(a, b = a) {\n    return a - b;\n}\n", "!this order"),
            (
                "function ‸f(a, b) {\n    return arguments[0];\n}\n",
                "?function f(b, a) {\n    return arguments[0];\n}\n",
            ),
        ],
    );
}

/// Protects programs from changes that no call shows: another name of a class, a keyword that `**` took, a default that means
/// something else, a comment about another argument, and code that would mean nothing.
#[test]
fn what_no_call_shows_waits_or_is_refused() {
    table(
        "a.py",
        request(&order(&["self", "b", "a"])),
        &[(
            "class A:\n    def ‸__init__(self, a, b):\n        pass\n\n    @classmethod\n    def make(cls):\n        return cls(1, 2)\n",
            "?class A:\n    def __init__(self, b, a):\n        pass\n\n    @classmethod\n    def make(cls):\n        return cls(1, 2)\n",
        )],
    );
    table(
        "a.py",
        request(&order(&["b", "a"])),
        &[(
            "def _‸f(a, b):\n    pass\n_f(\n    1,  # one\n    2,\n)\n",
            "?def _f(b, a):\n    pass\n_f(\n    2,  # one\n    1,\n)\n",
        )],
    );
    table(
        "a.py",
        request(&add("z", None, Some("0"), None)),
        &[("def _‸f(a, **kw):\n    return kw\n_f(1, z=4)\n", "?def _f(a, z=0, **kw):\n    return kw\n_f(1, z=4)\n")],
    );
    table(
        "a.py",
        request(&ParameterChange::Remove(Which::Name("self".into()))),
        &[("class A:\n    def ‸f(self):\n        pass\n", "!`self` is used")],
    );
    table(
        "a.py",
        request(&ParameterChange::InlineDefault(Which::Name("b".into()))),
        &[
            ("X = 3\ndef _‸f(a, b=X):\n    return b\n_f(1)\n", "?X = 3\ndef _f(a, b=X):\n    return b\n_f(1, X)\n"),
            ("def _‸f(a, b=2):\n    return b\n_f(1)\n", "def _f(a, b=2):\n    return b\n_f(1, 2)\n"),
        ],
    );
    table(
        "a.js",
        request(&add("z", None, Some("0"), None)),
        &[("function ‸f(a) {\n    'use strict';\n    return a;\n}\n", "!plain parameters only")],
    );
    table(
        "a.py",
        request(&add("z", None, Some("2, 3"), None)),
        &[("def _‸f(a):\n    pass\n_f(1)\n", "!not one expression")],
    );
}
