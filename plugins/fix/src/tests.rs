use crate::FixPlugin;
use crate::{Fixed, read, repair};
use deepcoder_plugin_api::Plugin;
use deepcoder_resolve::Memory;
use deepcoder_test_cases::{Case, check};
use deepcoder_types::RepoPath;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

fn files(texts: &[(&str, &str)]) -> Memory {
    let path = |text: &str| RepoPath::new(text).expect("a path");
    Memory::new(texts.iter().map(|(name, text)| (path(name), Arc::from(*text))).collect::<BTreeMap<_, _>>())
}

/// The file after the fixes of what a tool printed, and whether they are exact.
fn fixed(name: &str, text: &str, printed: &str) -> (String, bool) {
    let files = files(&[(name, text)]);
    let findings = read(printed, &files);
    let fixed = Fixed::new(&files, findings.iter().filter_map(|finding| repair(&files, finding)).collect());
    let after = fixed.after.into_values().next().unwrap_or_else(|| text.to_owned());
    (after, fixed.doubts.is_empty())
}

/// Protects what `cases/*.md` say, and what every plugin owes on each of them.
#[test]
fn cases_hold() {
    let plugin: Arc<dyn Plugin> = Arc::new(FixPlugin::new());
    Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).iter().for_each(|case| check(&plugin, case));
}

/// Protects the three forms in which rustc shows a suggestion, and that a text never claims to be exact.
#[test]
fn suggestions_of_rustc_are_read_from_its_text() {
    let text = "fn f(b: bool) -> i32 {\n    if b == true { return 1; }\n    2\n}\n";
    let beside = "warning: equality checks against true are unnecessary\n --> src/a.rs:2:8\n  |\n2 |     if b == true { return 1; }\n  |        ^^^^^^^^^ help: try: `b`\n";
    let wanted = "fn f(b: bool) -> i32 {\n    if b { return 1; }\n    2\n}\n";
    assert_eq!(fixed("src/a.rs", text, beside), (wanted.to_owned(), false));
    let lines = "warning: equality checks against true are unnecessary\n --> src/a.rs:2:8\n  |\n2 |     if b == true { return 1; }\n  |        ^^^^^^^^^\n  |\nhelp: try\n  |\n2 -     if b == true { return 1; }\n2 +     if b { return 1; }\n  |\n";
    assert_eq!(fixed("src/a.rs", text, lines), (wanted.to_owned(), false));
    let inserted = "error[E0308]: mismatched types\n --> src/a.rs:3:5\n  |\n3 |     2\n  |     ^\n  |\nhelp: try wrapping the expression in `Some`\n  |\n3 |     Some(2)\n  |     +++++ +\n";
    assert!(fixed("src/a.rs", text, inserted).0.contains("    Some(2)\n"));
}

/// Protects files from suggestions for another version of them: where the shown lines are not there, nothing changes.
#[test]
fn a_suggestion_for_another_text_changes_nothing() {
    let printed = "warning: x\n --> a.rs:1:1\n  |\n1 | fn g() {}\n  | ^\n  |\nhelp: try\n  |\n1 - fn g() {}\n1 + fn h() {}\n  |\n";
    assert_eq!(fixed("a.rs", "fn f() {}\n", printed).0, "fn f() {}\n");
}

/// Protects the places of findings: each tool's form leads to the line, and of a trace the deepest frame of the tree counts.
#[test]
fn the_forms_of_tools_lead_to_their_places() {
    let text = "a\nb\nc\n";
    for (name, printed, line) in [
        ("src/a.ts", "src/a.ts(2,1): error TS2304: Cannot find name 'b'.", 2),
        ("src/a.ts", "\u{1b}[96msrc/a.ts\u{1b}[0m:3:1 - error TS2304: Cannot find name 'c'.", 3),
        ("a.c", "a.c:2:1: warning: unused variable 'b' [-Wunused-variable]", 2),
        ("p/A.java", "/home/me/p/A.java:3: error: cannot find symbol", 3),
        (
            "a.py",
            "Traceback (most recent call last):\n  File \"/x/a.py\", line 2, in f\n    b\n  File \"/usr/lib/json.py\", line 9, in g\n    x\nValueError: bad",
            2,
        ),
        ("src/a.rs", "thread 'main' panicked at src/a.rs:2:5:\nindex out of bounds", 2),
        ("a.go", "panic: boom\n\ngoroutine 1 [running]:\nmain.f()\n\t/home/me/a.go:3 +0x1d", 3),
        ("src/a.js", "TypeError: x is not a function\n    at f (/home/me/src/a.js:2:3)\n    at node:internal:1:1", 2),
        (
            "src/A.java",
            "Exception in thread \"main\" java.lang.Error: x\n\tat java.util.List.get(List.java:3)\n\tat p.A.f(src/A.java:2)",
            2,
        ),
    ] {
        let found = read(printed, &files(&[(name, text)]));
        let places: Vec<(String, u32)> = found.iter().map(|f| (f.path.to_string(), f.line)).collect();
        assert_eq!(places, [(name.to_owned(), line)], "{printed}");
    }
}

/// Protects the machine from hostile texts: two megabytes of any form end in time, and paths outside of the tree are none.
#[test]
fn hostile_texts_have_no_findings() {
    let files = files(&[("a.rs", "fn f() {}\n")]);
    for part in [
        "error: x\n --> ../../etc/passwd:1:1\n",
        "a:1:",
        "LL | ",
        "Traceback (most recent call last):\n",
        "\u{1b}[",
        "at (((:1:1\n",
    ] {
        assert!(read(&part.repeat((3 << 20) / part.len()), &files).is_empty(), "{part}");
    }
}

/// Protects our own kinds: the rule of a finding leads to its rewrite, and one that is only likely waits for a person.
#[test]
fn kinds_mend_what_no_tool_mends() {
    let (after, exact) = fixed(
        "a.ts",
        "const color = 1;\nfoo(colour);\n",
        "a.ts(2,5): error TS2552: Cannot find name 'colour'. Did you mean 'color'?",
    );
    assert_eq!((after.as_str(), exact), ("const color = 1;\nfoo(color);\n", true));
    let (after, exact) = fixed(
        "a.ts",
        "import { a, b } from './m';\na();\n",
        "a.ts(1,13): error TS6133: 'b' is declared but its value is never read.",
    );
    assert_eq!((after.as_str(), exact), ("import { a } from './m';\na();\n", true));
    let (after, exact) = fixed(
        "a.ts",
        "let x = f();\nexport {};\n",
        "a.ts(1,5): error TS6133: 'x' is declared but its value is never read.",
    );
    assert_eq!((after.as_str(), exact), ("export {};\n", false));
}

/// Protects the difference between a tool that says that a machine may apply its suggestion and one that does not.
#[test]
fn what_cargo_says_of_its_suggestion_counts() {
    let message = |applicability: &str| {
        format!(
            r#"{{"reason":"compiler-message","message":{{"message":"unneeded `return`","level":"warning","code":{{"code":"clippy::needless_return"}},"spans":[{{"file_name":"a.rs","byte_start":16,"byte_end":24,"line_start":1,"is_primary":true}}],"children":[{{"spans":[{{"file_name":"a.rs","byte_start":16,"byte_end":25,"line_start":1,"is_primary":true,"suggested_replacement":"1","suggestion_applicability":"{applicability}"}}]}}]}}}}"#
        )
    };
    let text = "fn f() -> i32 { return 1; }\n";
    for (applicability, exact) in [("MachineApplicable", true), ("MaybeIncorrect", false)] {
        assert_eq!(fixed("a.rs", text, &message(applicability)), ("fn f() -> i32 { 1 }\n".to_owned(), exact));
    }
}
