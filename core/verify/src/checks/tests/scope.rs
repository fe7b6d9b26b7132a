use super::{NONE, edit};

const STOCK: &str = "class Inventory:\n    def __init__(self):\n        self.stock = {}\n\n    def add(self, article, count):\n        \"\"\"Add.\"\"\"\n        self.stock[article] = count\n\n    def remove(self, article, count):\n        self.stock[article] = -count\n\n\ndef total(stock):\n    return sum(stock.stock.values())\n";

/// Protects what the instruction does not name: a change that a model also makes to its neighbours.
#[test]
fn a_change_beside_the_named_definition_is_told() {
    let check = "if count > 3:\n            raise ValueError\n        self.stock[article] = ";
    let old = "remove should raise a ValueError when there are not enough pieces in stock";
    let removed = STOCK.replace("self.stock[article] = -", &format!("{check}-"));
    let both = removed.replace("self.stock[article] = c", &format!("{check}c"));
    let told = "R a.py: `Inventory.add` is changed, and the instruction does not name it";
    assert_eq!(edit(old, "a.py", STOCK, &removed), NONE);
    assert_eq!(edit(old, "a.py", STOCK, &both), [told]);
    let helper = "def total(a):\n    return _sum(a)\n\n\ndef _sum(a):\n    return a\n\n\ndef other(a):\n    return a\n";
    assert_eq!(
        edit("total() should be exact", "a.py", helper, &helper.replacen("return a\n", "return a + 1\n", 1)),
        NONE
    );
    // A comment, a docstring, what makes the object.
    let free = removed
        .replace("\"\"\"Add.\"\"\"", "\"\"\"Add pieces.\"\"\"")
        .replace("self.stock = {}", "self.stock, self.log = {}, []");
    assert_eq!(edit(old, "a.py", STOCK, &free), NONE);
    // An instruction about no definition, about all, about the class, or about both.
    for instruction in [
        "negative counts are errors",
        "every method should check its count, as remove() does",
        "Let the class Inventory check its counts",
        "add() and remove() should check the count",
    ] {
        assert_eq!(edit(instruction, "a.py", STOCK, &both), NONE, "{instruction}");
    }
    let script = "export function parseLine(line) {\n  return line;\n}\n\nexport function parse(text) {\n  return parseLine(text);\n}\n";
    let found = edit(
        "parse should throw a TypeError when its argument is not a string",
        "a.js",
        script,
        &script.replace("return line;", "if (!line) throw new TypeError();\n  return line;"),
    );
    assert_eq!(found, ["R a.js: `parseLine` is changed, and the instruction does not name it"]);
}

/// Protects from false alarms about callers of what has another signature, and about what a removal leaves behind.
#[test]
fn callers_follow_a_signature() {
    let old = "def total(stock):\n    return 1\n\n\ndef report(stock):\n    return str(total(stock))\n\n\ndef other():\n    pass\n";
    let signature = old.replace("def total(stock)", "def total(stock, places=2)");
    let call = signature.replace("str(total(stock))", "str(total(stock, places=3))");
    let instruction = "add a parameter places to total()";
    assert_eq!(edit(instruction, "a.py", old, &call), NONE);
    let more = call.replace("str(total", "repr(total");
    assert_eq!(
        edit(instruction, "a.py", old, &more),
        ["R a.py: `report` is changed, and the instruction does not name it"]
    );
    let same_signature = old.replace("return 1", "return 2").replace("total(stock))", "total(other))");
    assert_eq!(edit(instruction, "a.py", old, &same_signature).len(), 1);
    let inlined = old.replace("def total(stock):\n    return 1\n\n\n", "").replace("total(stock)", "1");
    assert!(edit("inline total()", "a.py", old, &inlined).iter().all(|f| f.starts_with('W')));
}
