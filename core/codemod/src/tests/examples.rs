use crate::{Example, LearnError, Learned, learn};
use deepcoder_syntax::Language;

fn learned(language: Language, before: &str, after: &str) -> Vec<Learned> {
    learn(&[Example { language, before, after }]).unwrap_or_else(|error| panic!("{error}: {before}"))
}

/// The only pattern that is learned.
fn one(language: Language, before: &str, after: &str) -> (String, String) {
    let mut all = learned(language, before, after);
    assert_eq!(all.len(), 1, "{all:?}");
    let one = all.remove(0);
    (one.pattern, one.replacement)
}

/// Protects one example: what the new code has of the old one may be anything, and the names that say what is done stay.
#[test]
fn one_change_is_generalised_by_what_it_keeps() {
    for (language, before, after, pattern, replacement) in [
        (Language::Python, "x = foo(a, b + 1)\n", "x = bar(b + 1, a)\n", "foo($A, $B)", "bar($B, $A)"),
        (Language::Python, "get(url)\n", "get(url, timeout=5)\n", "get($A)", "get($A, timeout=5)"),
        (Language::Python, "self.db.run(q)\n", "self.db.execute(q)\n", "$A.run($B)", "$A.execute($B)"),
        (Language::JavaScript, "assert(a == null);\n", "assert(a === null);\n", "$A == $B", "$A === $B"),
        (
            Language::Rust,
            "fn f() { g(x.unwrap()); }\n",
            "fn f() { g(x.expect(\"x\")); }\n",
            "$A.unwrap()",
            "$A.expect(\"x\")",
        ),
        (
            Language::Go,
            "package a\n\nfunc f() {\n\told(x)\n}\n",
            "package a\n\nfunc f() {\n\tnew(ctx, x)\n}\n",
            "old($A)",
            "new(ctx, $A)",
        ),
        (
            Language::Python,
            "def f():\n    run(x)\n",
            "def f():\n    with lock:\n        run(x)\n",
            "run($A)",
            "with lock:\n    run($A)",
        ),
    ] {
        let found = one(language, before, after);
        assert_eq!(found, (pattern.to_owned(), replacement.to_owned()), "{before}");
    }
}

/// Protects several examples: what they have in common stays, and only what differs is a variable.
#[test]
fn several_changes_are_generalised_by_what_differs() {
    let before = "log(INFO, \"a\")\nlog(INFO, f(x))\ny = [log(INFO, b)]\nlog(WARN, c)\n";
    let after = "info(\"a\")\ninfo(f(x))\ny = [info(b)]\nlog(WARN, c)\n";
    let found = learned(Language::Python, before, after);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].pattern.as_str(), found[0].replacement.as_str()), ("log(INFO, $A)", "info($A)"));
    assert_eq!((found[0].changes, found[0].left), (3, 0));
    let before = "old()\nold(1)\nold(1, *b)\n";
    let after = "m.new()\nm.new(1)\nm.new(1, *b)\n";
    assert_eq!(one(Language::Python, before, after), ("old($$$A)".to_owned(), "m.new($$$A)".to_owned()));
}

/// Protects people from too much: a pattern that matches what the edit left alone says so, and changes that no single
/// pattern explains are several.
#[test]
fn what_the_edit_left_alone_is_counted() {
    let found = learned(Language::Python, "f(1)\nf(2)\n", "g(1)\nf(2)\n");
    assert_eq!((found[0].pattern.as_str(), found[0].changes, found[0].left), ("f($A)", 1, 1));
    let found = learned(Language::Python, "f(1)\nh(2, 3)\nf(4)\n", "g(1)\nh(3, 2)\ng(4)\n");
    let patterns: Vec<(&str, &str)> = found.iter().map(|f| (f.pattern.as_str(), f.replacement.as_str())).collect();
    assert_eq!(patterns, [("f($A)", "g($A)"), ("h($A, $B)", "h($B, $A)")]);
}

/// Protects people from nonsense: where there is nothing to learn, the reason is told.
#[test]
fn nothing_is_learned_from_nothing() {
    let told = |before: &str, after: &str| learn(&[Example { language: Language::Python, before, after }]);
    assert_eq!(told("x = 1\n", "x = 1\n"), Err(LearnError::Same));
    assert_eq!(told("x = (\n", "x = 1\n"), Err(LearnError::Syntax("before")));
    assert_eq!(told("x = 1\n", "x = (\n"), Err(LearnError::Syntax("after")));
    assert_eq!(told("f(1)\n", "f(1)\ng(2)\n"), Err(LearnError::Nothing));
    let deep = format!("x = {}1{}\n", "(".repeat(2_000), ")".repeat(2_000));
    assert_eq!(told(&deep, "x = 1\n"), Err(LearnError::Syntax("before")));
}
