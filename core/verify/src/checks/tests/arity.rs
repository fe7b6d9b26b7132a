use super::{NONE, edit, findings};

const UTIL: &str = "def format_price(amount):\n    return str(amount)\n";
const REPORT: &str = "from shop.util import format_price\n\n\ndef total(amount):\n    return format_price(amount)\n";

/// Protects from code that cannot run: a call that gives a function of the project what it does not take.
#[test]
fn calls_fit_what_they_call() {
    let tree = [("shop/util.py", UTIL), ("shop/report.py", REPORT)];
    let more = REPORT.replace("total(amount)", "total(amount, currency=\"EUR\")");
    let with = |arguments: &str| {
        let new = more.replace("format_price(amount)", &format!("format_price({arguments})"));
        findings("change it", &tree, &[("shop/report.py", Some(&new))])
    };
    let line = "R shop/report.py: line 5 calls `format_price`";
    assert_eq!(with("amount, currency"), [format!("{line} with 2 arguments, and it takes 1")]);
    assert_eq!(with("amount, places=2"), [format!("{line} with `places`, which it does not take")]);
    assert_eq!(with(""), [format!("{line} without `amount`")]);
    for fits in ["amount", "amount=amount", "*amount", "**amount", "a for a in amount"] {
        assert_eq!(with(fits), NONE, "{fits}");
    }
    // A caller elsewhere, of what takes more now.
    let told =
        "R shop/util.py: line 5 of `shop/report.py`, which stays as it is, calls `format_price` without `currency`";
    let required = UTIL.replace("(amount)", "(amount, currency)");
    assert_eq!(findings("change it", &tree, &[("shop/util.py", Some(&required))]), [told]);
    let optional = UTIL.replace("(amount)", "(amount, currency='EUR')");
    assert_eq!(findings("change it", &tree, &[("shop/util.py", Some(&optional))]), NONE);
}

/// Protects from false alarms: names with other meanings, functions that take anything, calls that were there.
#[test]
fn calls_that_may_fit() {
    for (old, new) in [
        ("def f(a):\n    f(1, 2)\n", "def f(a):\n    f(1, 2)\n    f(1)\n"),
        ("", "def f(*a, **b): pass\n\n\nf(1, 2, c=3)\n"),
        ("", "def f(a, /, b, *, c=1): pass\n\n\nf(1, 2, c=3)\nf(1, b=2)\n"),
        ("", "@wrap\ndef f(a): pass\n\n\ndef wrap(g): return g\n\n\nf(1, 2)\n"),
        ("", "def f(a): pass\n\n\ndef g(f):\n    return f(1, 2)\n"),
        ("", "def f(a): pass\n\n\nf = print\nf(1, 2)\n"),
        ("", "class A:\n    def f(self, a): pass\n\n\ndef f(): pass\n\n\nf()\n"),
        ("", "class A(Exception):\n    def __init__(self): pass\n\n\nA(1)\n"),
        ("", "class A:\n    def __init__(self, a: int, b: int = 1): pass\n\n\nA(1)\nA(1, 2)\nA(b=1, a=2)\n"),
        ("", "if 1:\n    def f(a): pass\nelse:\n    def f(a, b): pass\n\n\nf(1)\n"),
        ("", "def f(a): pass\n\n\n[f(1, 2) for f in []]\n"),
    ] {
        assert_eq!(edit("x", "a.py", old, new), NONE, "{new}");
    }
    assert_eq!(edit("x", "a.py", "x = 1\n", "x = 1\n\n\nclass A:\n    def __init__(self): pass\n\n\nA(x)\n").len(), 1);
    let script = "export const pad = (text, width = 2) => text;\n";
    let use_of = |call: &str| format!("import {{ pad }} from './pad.js';\nconsole.log({call});\n");
    let found = |call: &str| {
        let text = use_of(call);
        findings("x", &[("src/pad.js", script)], &[("src/b.js", Some(&text))])
    };
    assert_eq!(found("pad(1, 2, 3)"), ["R src/b.js: line 2 calls `pad` with 3 arguments, and it takes 2"]);
    for fits in ["pad(1)", "pad()", "pad(...a)", "a.pad(1, 2, 3)"] {
        assert_eq!(found(&fits.replace('a', "[]").replace("p[]d", "pad")), NONE, "{fits}");
    }
    let typed = "function f(a: number, b?: number, ...c: number[]) { return a; }\n";
    assert_eq!(edit("x", "a.ts", typed, &format!("{typed}f(1); f(1, 2, 3);\n")), NONE);
    assert_eq!(edit("x", "a.ts", typed, &format!("{typed}f();\n")), ["R a.ts: line 2 calls `f` without `a`"]);
}
