use super::{NONE, edit};

const SHOP: &str = "def total(items, rate):\n    amount = 0\n    for item in items:\n        amount += item.price * rate\n    return amount\n\n\ndef name(shop):\n    \"\"\"The name.\"\"\"\n    return shop.name.strip()\n";

fn with(from: &str, to: &str) -> String {
    assert!(SHOP.contains(from));
    SHOP.replace(from, to)
}

const BODY: &str = "    amount = 0\n    for item in items:\n        amount += item.price * rate\n    return amount\n";

/// Protects code from what a model puts in its place when it stops short: a body that is still to be written.
#[test]
fn a_placeholder_replaces_no_body() {
    let said = "line 1: the body of `total` is gone, and nothing but a placeholder is left";
    for stub in
        ["pass", "...", "raise NotImplementedError", "raise NotImplementedError(\"later\")", "\"\"\"Sums.\"\"\""]
    {
        let new = with(BODY, &format!("    {stub}\n"));
        assert_eq!(edit("tidy up", "shop.py", SHOP, &new), [format!("E shop.py: {said}")], "{stub}");
        // Who names the function may mean it.
        assert_eq!(edit("make `total` abstract", "shop.py", SHOP, &new), [format!("R shop.py: {said}")], "{stub}");
    }
    let rust = "fn total(items: &[u32]) -> u32 {\n    items.iter().sum()\n}\n";
    let found = edit("tidy up", "a.rs", rust, "fn total(items: &[u32]) -> u32 {\n    tod\u{6f}!()\n}\n");
    assert_eq!(found, [format!("E a.rs: {said}")]);
    let script = "function total(items) {\n  return items.reduce((a, b) => a + b);\n}\n";
    let new = "function total(items) {\n  throw new Error('not implemented');\n}\n";
    assert_eq!(edit("tidy up", "a.js", script, new), [format!("E a.js: {said}")]);
    // What was a stub may stay one, and be filled.
    let stub = with(BODY, "    raise NotImplementedError\n");
    assert_eq!(edit("tidy up", "shop.py", &stub, &with(BODY, "    pass\n")), NONE);
    assert_eq!(edit("implement it", "shop.py", &stub, SHOP), NONE);
}

/// Protects from results that parse and pass over what they are given.
#[test]
fn a_body_still_uses_its_parameters() {
    let constant = ["R shop.py: line 1: `total` does nothing now but return a constant"];
    for value in ["0", "None", "[]", "\"\"", "-1"] {
        assert_eq!(
            edit("tidy up", "shop.py", SHOP, &with(BODY, &format!("    return {value}\n"))),
            constant,
            "{value}"
        );
    }
    let deaf = with(" * rate", "");
    let said = ["R shop.py: line 1: `total` no longer uses its parameter `rate`"];
    assert_eq!(edit("tidy up", "shop.py", SHOP, &deaf), said);
    assert_eq!(edit("total should not apply the rate", "shop.py", SHOP, &deaf), NONE);
    let go = "package a\n\nfunc (s *Shop) Total(items []int, rate int) int {\n\treturn sum(items) * rate\n}\n";
    let found = edit("tidy up", "a.go", go, &go.replace(" * rate", ""));
    assert_eq!(found, ["R a.go: line 3: `Shop.Total` no longer uses its parameter `rate`"]);
    for (old, new) in [
        // Through another name, in a string that is filled in, or all of them at once.
        (SHOP.to_owned(), with(BODY, "    return sum(items, start=rate)\n")),
        (SHOP.to_owned(), with("* rate", "* float(f\"{rate}\")")),
        (SHOP.to_owned(), with(BODY, "    return dict(**locals())\n")),
        // The parameter goes too.
        (with("total", "_total"), with("total", "_total").replace(", rate)", ")").replace(" * rate", "")),
        (SHOP.to_owned(), with("amount = 0", "amount = 1")),
    ] {
        assert_eq!(edit("tidy up", "shop.py", &old, &new), NONE, "{new}");
    }
}
