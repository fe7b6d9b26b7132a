use super::{NONE, edit};

/// Protects code that an edit does not touch: a new name must not take the place of one that other lines mean.
#[test]
fn a_name_that_is_captured_is_told() {
    let python =
        "limit = 3\n\n\ndef first(items):\n    for item in items:\n        print(item)\n    return items[:limit]\n";
    let shadowed = python.replace("        print(item)\n", "        limit = len(item)\n        print(item, limit)\n");
    let found = edit("print the length", "a.py", python, &shadowed);
    assert_eq!(found, ["R a.py: `limit` of line 7 means what line 6 declares now"]);
    let other = python.replace("        print(item)\n", "        size = len(item)\n        print(item, size)\n");
    assert_eq!(edit("print the length", "a.py", python, &other), NONE);
    // What is moved, sorted or written anew is the edit itself.
    let moved = "def first(items):\n    return items[:limit]\n\n\nlimit = 3\n";
    let before = "limit = 3\n\n\ndef first(items):\n    return items[:limit]\n";
    assert!(edit("move limit to the end", "a.py", before, moved).iter().all(|f| !f.contains("means")));
}
