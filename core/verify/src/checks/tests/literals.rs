use super::{NONE, edit};

/// Protects what an instruction spells out: a value that the result does not have.
#[test]
fn literals_that_are_asked_for_are_there() {
    let json = "{\n  \"scripts\": {\n    \"test\": \"vitest run\"\n  }\n}\n";
    let with = |value: &str| json.replace("run\"", &format!("run\",\n    \"lint\": \"{value}\""));
    let asked = "add a script called lint that runs `eslint .`";
    assert_eq!(edit(asked, "package.json", json, &with("eslint .")), NONE);
    let told = ["R package.json: `eslint .`, which the instruction asks for, is nowhere"];
    assert_eq!(edit(asked, "package.json", json, &with("eslint")), told);
    let old = "def f(a):\n    return a\n";
    let new = |body: &str| old.replace("return a", body);
    for (instruction, body, count) in [
        ("f should return \"none\" for nothing", "return a or 'nothing'", 1),
        ("f should return \"none\" for nothing", "return a or 'none'", 0),
        ("add a parameter currency=\"EUR\"", "return a + 'USD'", 1),
        ("use `404` as the status", "return 403", 1),
        ("replace `a` with `b + 1`", "return 2", 1),
        ("replace `b` with `a+1`", "return a + 1", 0),
        ("add the option `--dry-run`", "return '--dry'", 1),
        // Not to be used, or only spoken of.
        ("do not return `None`", "return 1", 0),
        ("use 1 instead of `a`", "return 1", 0),
        ("return 1 when called with `None`", "return a or 1", 0),
        ("stop using `eval`, use a table", "return 1", 0),
        ("remove the call to `g`", "return 1", 0),
        ("add the \"best\" result", "return max(a)", 0),
        ("write it like \"Total: 2.00 USD\"", "return 1", 0),
        ("add it to `util.py`", "return 1", 0),
        ("make `f` return 1", "return 1", 0),
        ("add a test for `g`", "return 1", 0),
        ("use `f(a: int)`", "return 1", 0),
        ("f fails with \"no such file\"", "return 1", 0),
    ] {
        assert_eq!(edit(instruction, "a.py", old, &new(body)).len(), count, "{instruction}: {body}");
    }
}

/// Protects the default that an instruction gives a parameter.
#[test]
fn defaults_are_as_asked_for() {
    let old = "def f(a):\n    return a\n\n\nf(1)\n";
    let asked = "add an optional parameter currency=\"EUR\" to `f`";
    let with = |parameter: &str| {
        let new = old.replace("f(a)", &format!("f(a, {parameter})")).replace("f(1)", "f(1, currency=\"EUR\")");
        edit(asked, "a.py", old, &new)
    };
    assert_eq!(
        with("currency=\"USD\""),
        ["R a.py: `currency` is to be \"EUR\" where it is not given, and it is `\"USD\"`"]
    );
    for good in ["currency=\"EUR\"", "currency: str = 'EUR'", "currency"] {
        assert_eq!(with(good), NONE, "{good}");
    }
}
