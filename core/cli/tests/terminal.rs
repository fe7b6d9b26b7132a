//! What a person at a terminal sees and answers.

use crate::fake_daemon::FakeDaemon;
use crate::workbench::Workbench;
use deepcoder_test_support::FakeModel;
use std::sync::Arc;

const OLD: &str = "x = 1\n";
const NEW: &str = "x = 2\n";

fn bench(replies: &[&str]) -> (Workbench, FakeDaemon) {
    let bench = Workbench::new(&[("a.py", OLD.as_bytes())]);
    let daemon = FakeDaemon::start(&bench, Arc::new(FakeModel::saying(replies.iter().copied())));
    (bench, daemon)
}

/// Protects files from an edit that nobody agreed to: at a terminal the diff is shown, the question asked, and only
/// `y` writes.
#[test]
fn an_edit_asks_before_it_writes() {
    let (bench, _daemon) = bench(&[NEW, NEW, NEW]);
    for (answer, code, content) in [("\n", 1, OLD), ("no\n", 1, OLD), ("Y\n", 0, NEW)] {
        let (exit, out, err) = bench.on_terminal(&["edit", "make it two", "a.py"], answer);
        assert_eq!(exit, code, "{err}");
        assert!(out.contains("+x = 2"), "{out}");
        assert!(err.contains("apply this change to 1 file? [y/N]"), "{err}");
        assert_eq!(bench.repo.read("a.py"), content.as_bytes(), "after {answer:?}");
    }
}

/// Protects the terminal: what a model writes cannot move the cursor, set the title or reverse the text; a pipe gets
/// the exact bytes.
#[test]
fn a_model_cannot_command_the_terminal() {
    let hostile = "a\u{1b}[2Jb\u{9b}1m\u{202e}c";
    let (bench, _daemon) = bench(&[hostile, hostile, hostile]);
    let (exit, out, _) = bench.on_terminal(&["generate", "x"], "");
    assert_eq!((exit, out.as_str()), (0, "a␛[2Jb<U+009B>1m<U+202E>c\n"));
    let (_, out, _) = bench.on_terminal(&["generate", "x", "--json"], "");
    let value: serde_json::Value = serde_json::from_str(&out).expect("one JSON object");
    assert_eq!(value["text"], hostile);
    let piped = bench.command(&["generate", "x"]).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&piped.stdout), format!("{hostile}\n"));
}

/// Protects readers of colours and those who want none: colours on a terminal, none with --color never.
#[test]
fn diffs_are_coloured_only_where_wanted() {
    let (bench, _daemon) = bench(&[NEW, NEW]);
    let (_, out, _) = bench.on_terminal(&["edit", "x", "a.py", "-n", "--color", "always"], "");
    assert!(out.contains("\u{1b}[32m+x = 2\u{1b}[0m"), "{out:?}");
    let (_, out, _) = bench.on_terminal(&["edit", "x", "a.py", "-n", "--color", "never"], "");
    assert!(out.contains("\n+x = 2\n"), "{out:?}");
}
