use super::{NONE, findings};

const LIB: &str = "pub mod stats;\n";
const NEW: &str = "pub fn is_palindrome(text: &str) -> bool {\n    text.chars().eq(text.chars().rev())\n}\n";

fn twins(instruction: &str, tree: &[(&str, &str)], changes: &[(&str, Option<&str>)]) -> Vec<String> {
    let found = findings(instruction, tree, changes);
    found.into_iter().filter(|f| f.contains("and so does") || f.contains("has already")).collect()
}

/// Protects from an answer that writes one new function into two files, so that it is unclear which one counts.
#[test]
fn what_two_files_define_anew_is_told() {
    let lib = format!("{LIB}\n{NEW}");
    let tree = [("src/lib.rs", LIB), ("src/stats.rs", "pub fn mean() {}\n")];
    let changes = [("src/lib.rs", Some(&*lib)), ("src/palindrome.rs", Some(NEW))];
    assert_eq!(
        twins("create a module with is_palindrome and add it to lib.rs", &tree, &changes),
        [
            "R src/lib.rs: line 3 defines `is_palindrome`, and so does `src/palindrome.rs` now",
            "R src/palindrome.rs: line 1 defines `is_palindrome`, and so does `src/lib.rs` now",
        ]
    );
    let python = [("shop/a.py", Some("class Rate:\n    pass\n")), ("shop/b.py", Some("class Rate:\n    x = 1\n"))];
    assert_eq!(twins("create Rate", &[], &python).len(), 2);
    assert_eq!(twins("create rates", &[], &python).len(), 2);
    let script = [("a.js", Some("export const f1 = () => { return 1; };\n")), ("b.js", Some("function f1() {}\n"))];
    assert_eq!(twins("create f1", &[], &script).len(), 2);
}

/// Protects from false alarms: what moves, what each file is to have, and files that are alike on purpose.
#[test]
fn what_files_may_have_in_common() {
    let two = |a: &str, b: &str| twins("create helpers", &[], &[(a, Some(NEW)), (b, Some(NEW))]);
    for (a, b) in [
        ("src/linux.rs", "src/windows.rs"),
        ("one/lib.rs", "two/lib.rs"),
        ("one/a.rs", "two/b.rs"),
        ("tests/a.rs", "tests/b.rs"),
        ("examples/a.rs", "examples/b.rs"),
        ("src/rust120.rs", "src/rust121.rs"),
    ] {
        assert_eq!(two(a, b), NONE, "{a} {b}");
    }
    assert_eq!(two("src/a.rs", "src/b.rs").len(), 2);
    let changes = [("src/a.rs", Some(NEW)), ("src/b.rs", Some(NEW))];
    for prompt in
        ["add is_palindrome to both modules", "add it to all the files", "add is_palindrome to `b.rs` and `a.rs`"]
    {
        assert_eq!(twins(prompt, &[], &changes), NONE, "{prompt}");
    }
    assert_eq!(twins("create is_palindrome in a.rs and use it in b.rs", &[], &changes).len(), 2);
    let three = [("a.rs", Some(NEW)), ("b.rs", Some(NEW)), ("c.rs", Some(NEW))];
    assert_eq!(twins("create helpers", &[], &three), NONE);
    // It moves from one to the other, or is the same as in a file that had it.
    let tree = [("src/a.rs", NEW), ("src/b.rs", "fn g() {}\n")];
    let moved = format!("fn g() {{}}\n\n{NEW}");
    assert_eq!(
        twins("move is_palindrome", &tree, &[("src/a.rs", Some("fn h() {}\n")), ("src/b.rs", Some(&moved))]),
        NONE
    );
    let stub =
        [("pkg/a.py", Some("def fetch_it():\n    return 1\n")), ("pkg/a.pyi", Some("def fetch_it() -> int: ...\n"))];
    assert_eq!(twins("create fetch_it", &[], &stub), NONE);
    let types = [
        ("a.ts", Some("export function f1(): number { return 1; }\n")),
        ("a.d.ts", Some("export declare function f1(): number;\n")),
    ];
    assert_eq!(twins("create f1", &[], &types), NONE);
}
