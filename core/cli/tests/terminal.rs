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
        assert!(err.contains("apply this change to 1 file? [y,N,h,r,?]"), "{err}");
        assert_eq!(bench.repo.read("a.py"), content.as_bytes(), "after {answer:?}");
    }
}

/// Protects a person's time: a result that is nearly right is picked apart by hunk, tried again with another seed, or with
/// words that say what is wrong, without typing the command anew.
#[test]
fn a_result_is_picked_retried_or_talked_about() {
    let far: String = (0..20).map(|i| format!("y{i} = {i}\n")).collect();
    let (old, new) = (format!("x = 1\n{far}z = 1\n"), format!("x = 2\n{far}z = 2\n"));
    let bench = Workbench::new(&[("a.py", old.as_bytes())]);
    let model = Arc::new(FakeModel::saying([new.as_str(), new.as_str(), &new, &new, &new]));
    let _daemon = FakeDaemon::start(&bench, Arc::clone(&model) as Arc<_>);
    let (exit, _, err) = bench.on_terminal(&["edit", "make x two", "a.py"], "h\ny\nn\n");
    assert_eq!(exit, 1, "a part is not the whole: {err}");
    assert_eq!(bench.repo.read("a.py"), format!("x = 2\n{far}z = 1\n").as_bytes(), "{err}");
    bench.repo.write("a.py", old.as_bytes());
    let (exit, _, err) = bench.on_terminal(&["edit", "make x two", "a.py"], "r\nx is right but z is not\nn\n");
    assert_eq!(exit, 1, "{err}");
    let seeds: Vec<u64> = model.requests().iter().map(|request| request.sampling.seed).collect();
    assert_eq!(seeds[1..], [0, 1, 1]);
    let last = format!("{:?}", model.requests()[3].prompt);
    assert!(last.contains("- x is right but z is not"), "{last}");
    assert_eq!(bench.repo.read("a.py"), old.as_bytes());
}

/// Protects files from a forgotten instruction: a path where the words should be is asked about, and no model is.
#[test]
fn a_path_is_no_instruction() {
    let (bench, _daemon) = bench(&[NEW]);
    for words in [&["edit", "a.py"][..], &["edit", "src/none.py"], &["edit", "a.py", "b.py", "--yes"]] {
        let (exit, _, err) = bench.on_terminal(words, "y\n");
        assert_eq!(exit, 2, "{err}");
        assert!(
            err.contains("the instruction is missing") && err.contains("hint: give it first: deepcoder edit"),
            "{err}"
        );
    }
    assert_eq!(bench.repo.read("a.py"), OLD.as_bytes());
}

/// Protects scripts: an edit that changes nothing is no success, and a file that is to be made is made.
#[test]
fn nothing_changed_is_said_and_new_files_are_made() {
    let (bench, _daemon) = bench(&[OLD, OLD, "class ShopError(Exception):\n    pass\n"]);
    let output = bench.command(&["edit", "make it two", "a.py", "--yes"]).output().expect("it runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("nothing changed: the model returned the same text") && err.contains("hint: "), "{err}");
    let new = ["edit", "create an errors module with class ShopError", "src/errs.py", "--new", "--yes"];
    let output = bench.command(&new).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(bench.repo.read("src/errs.py"), b"class ShopError(Exception):\n    pass\n");
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
