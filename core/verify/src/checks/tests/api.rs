use super::{NONE, edit};

/// Protects callers that no one sees: a public function that needs other arguments breaks them.
#[test]
fn public_functions_stay_callable() {
    let said = |path: &str, line: u32, name: &str, how: &str| {
        [format!("R {path}: line {line}: callers of `{name}` break, since it {how}")]
    };
    let code = "def price(item, currency=\"EUR\"):\n    return item.price, currency\n\n\ndef _hidden(a):\n    return a\n\n\nclass Shop:\n    def open(self, key):\n        return key\n";
    let needs = code
        .replace("item, currency=\"EUR\"", "item, places, currency=\"EUR\"")
        .replace("currency\n", "currency, places\n");
    assert_eq!(edit("round it", "a.py", code, &needs), said("a.py", 1, "price", "now needs `places`"));
    let fewer = code.replace(", currency=\"EUR\"", "").replace(", currency\n", "\n");
    assert_eq!(edit("round it", "a.py", code, &fewer), said("a.py", 1, "price", "no longer takes `currency`"));
    let method = code.replace("self, key", "self, lock, key").replace("return key", "return lock, key");
    assert_eq!(edit("round it", "a.py", code, &method), said("a.py", 10, "Shop.open", "now needs `lock`"));
    for (instruction, new) in [
        // Named, or spoken of.
        ("price should round to places", &needs),
        ("let `price` round", &needs),
        ("add a parameter for rounding", &needs),
        // Callers go on as they are.
        (
            "round it",
            &code.replace("currency=\"EUR\"", "currency=\"EUR\", places=2").replace("item.price", "item.price, places"),
        ),
        ("round it", &code.replace("_hidden(a)", "_hidden(a, b)").replace("return a\n", "return a, b\n")),
        ("round it", &code.replace("(item, currency=\"EUR\")", "(item: Item, currency: str = \"EUR\") -> tuple")),
    ] {
        let found = edit(instruction, "a.py", code, new);
        assert!(found.iter().all(|f| !f.contains("callers")), "{instruction}: {found:?}");
    }
    let rust = "pub fn price(item: &Item) -> u32 {\n    item.price\n}\n";
    let new = "pub fn price(item: &Item, places: u8) -> u32 {\n    item.price(places)\n}\n";
    assert_eq!(edit("round it", "a.rs", rust, new), said("a.rs", 1, "price", "now needs `places`"));
    let private = |text: &str| text.replace("pub fn", "fn");
    assert_eq!(edit("round it", "a.rs", &private(rust), &private(new)), NONE);
    let go = "package a\n\nfunc (s *Shop) Price(item Item) int {\n\treturn item.price\n}\n";
    let new = go.replace("item Item", "item Item, places int").replace("item.price", "item.price(places)");
    assert_eq!(edit("round it", "a.go", go, &new), said("a.go", 3, "Shop.Price", "now needs `places`"));
}
