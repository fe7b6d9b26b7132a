//! Tests of directories of tasks and of the judge of their texts.
#![expect(clippy::disallowed_methods, reason = "the files are in temporary folders")]

use super::super::*;
use super::harness;
use crate::Verdict;
use deepcoder_types::Hint as _;
use serde_json::json;

const TASK: &str = r#"
instruction = "return two"
kind = "narrow"
expected_files = ["a.py"]
run = [["python", "-m", "unittest", "-q", "hidden_test"]]

[hidden]
"hidden_test.py" = """
import unittest
from a import f
from b import g


class Hidden(unittest.TestCase):
    def test_two(self):
        self.assertEqual((f(), g()), (2, 1))
"""

[[reference]]
path = "a.py"
old = "1"
new = "2"
"#;

/// A directory with one repository, and `task` as its only task.
fn set(task: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("dir");
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        std::fs::write(path, text).expect("file");
    };
    write("two/files/a.py", "def f():\n    return 1\n");
    write("two/files/b.py", "def g():\n    return 1\n");
    write("two/tasks/two.toml", task);
    dir
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

/// Protects the folder form: a result is right where the hidden test passes and nothing else is changed, and the model
/// sees neither the test nor the reference.
#[test]
fn a_tree_is_judged_by_what_the_model_does_not_see() {
    let dir = set(TASK);
    let tasks = load(dir.path()).expect("tasks");
    let [task] = tasks.as_slice() else { panic!("one task") };
    assert_eq!((task.id.as_str(), task.kind, task.targets.len()), ("two/two", Some(Kind::Narrow), 0));
    assert_eq!(task.files.keys().map(RepoPath::as_str).collect::<Vec<_>>(), ["a.py", "b.py"]);
    let scratch = tempfile::tempdir().expect("dir");
    let harness = harness(scratch.path());
    let judge = |changes: &[(&str, Option<&str>)]| {
        let changes = changes.iter().map(|(p, t)| (path(p), t.map(|t| t.as_bytes().to_vec()))).collect();
        let judged = task.judge.judge(task, &changes, &harness, &Cancel::new()).expect("judged");
        (judged.verdict, judged.detail)
    };
    let right = "def f():\n    return 2\n";
    assert_eq!(judge(&[("a.py", Some(right))]).0, Verdict::Passed);
    assert_eq!(judge(&[("a.py", Some(right)), ("b.py", Some("def g():\n    return 1\n"))]).0, Verdict::Passed);
    assert_eq!(judge(&[("a.py", Some("def f():\n    return 3\n"))]).0, Verdict::Failed);
    assert_eq!(judge(&[("a.py", Some(right)), ("b.py", None)]), (Verdict::Failed, "b.py is changed".to_owned()));
    assert_eq!(judge(&[("a.py", Some(right)), ("c.py", Some(""))]), (Verdict::Failed, "c.py is changed".to_owned()));
    assert_eq!(judge(&[]).0, Verdict::NoAnswer);
    // The answer does not replace the test.
    let cheat = ("hidden_test.py", Some("pass"));
    assert_eq!(judge(&[("a.py", Some(right)), cheat]).0, Verdict::Failed);
    let broad = set(&TASK.replace("\"narrow\"", "\"broad\"\nforbid = [\"b.py\", \"lib/\"]"));
    let broad = &load(broad.path()).expect("tasks")[0];
    let judge = |other: &str| {
        let changes = [(path("a.py"), Some(right.into())), (path(other), Some(Vec::new()))].into_iter().collect();
        broad.judge.judge(broad, &changes, &harness, &Cancel::new()).expect("judged").verdict
    };
    assert_eq!((judge("b.py"), judge("lib/c.py"), judge("c.py")), (Verdict::Failed, Verdict::Failed, Verdict::Passed));
}

/// Protects authors of tasks: each mistake is an error with its place and a hint.
#[test]
fn mistakes_in_a_directory_are_named() {
    for (old, new, wanted) in [
        ("instruction = \"return two\"", "", "missing field `instruction`"),
        ("return two", " ", "`instruction` is empty"),
        ("kind = \"narrow\"", "kind = \"wide\"", "unknown variant `wide`"),
        ("kind =", "kinds =", "unknown field `kinds`"),
        ("[\"a.py\"]", "[]", "no `expected_files`"),
        ("\"python\", ", "\"bash\", ", "`bash` cannot be run"),
        ("[\"a.py\"]", "[\"../a.py\"]", "no path in a repository"),
        ("kind =", "files = [\"z.py\"]\nkind =", "no file z.py"),
        ("old = \"1\"", "old = \"7\"", "does not have `7` once"),
    ] {
        let dir = set(&TASK.replacen(old, new, 1));
        let error = load(dir.path()).expect_err(wanted);
        assert!(error.to_string().contains(wanted) && error.to_string().contains("two.toml"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("docs/lab/edits.md")));
    }
    let empty = tempfile::tempdir().expect("dir");
    let error = load(empty.path()).expect_err("nothing there");
    assert!(error.to_string().contains("no directory in it has"), "{error}");
    assert!(questions(empty.path()).expect("none").is_empty());
}

/// Protects the word "right": a narrow edit that changes anything else, or does less than was asked for, is wrong.
#[test]
fn the_judge_of_texts_sees_what_else_is_changed() {
    let dir = tempfile::tempdir().expect("dir");
    let harness = harness(dir.path());
    let python = "import sys\nimport os\n\n\n# one\ndef f(x, y=1):\n    z = x + y\n    return f\"{z}\"\n\n\ndef g(x):\n    \
                  return os.sep + x\n";
    let c = "/* a */\nint f(int n)\n{\n    char c = 'n';\n    return n; // n\n}\n\nint g(int n) { return n; }\n";
    let docs = json!({"kind": "docstring", "names": ["f"]});
    let hints = json!({"kind": "hints", "names": ["f"], "types": {"x": "int", "return": "str"}});
    let local = json!({"kind": "rename", "old": "z", "new": "sum_", "within": "def f"});
    let in_c = json!({"kind": "rename", "old": "n", "new": "count", "within": "int f"});
    let imports = json!({"kind": "imports", "removed": ["sys"]});
    let sorted = json!({"kind": "imports", "sorted": true});
    let comment = json!({"kind": "docstring", "names": ["g"], "definition": "int %s\\("});
    let strictly = json!({"kind": "docstring", "names": ["g"], "definition": "int %s\\(", "above": true});
    let spaces = json!({"kind": "layout", "ask": "trailing"});
    let documented = python.replace("y=1):\n", "y=1):\n    \"\"\"Add the two.\"\"\"\n");
    let hinted = python.replace("x, y=1)", "x: int, y: int = 1) -> str");
    let renamed = python.replace("z = ", "sum_ = ").replace("{z}", "{sum_}");
    let counted =
        "/* a */\nint f(int count)\n{\n    char c = 'n';\n    return count; // n\n}\n\nint g(int n) { return n; }\n";
    let without = python.replace("import sys\n", "");
    let in_order = python.replace("import sys\nimport os\n", "import os\nimport sys\n");
    let above = c.replace("int g", "/* Gives it back. */\nint g");
    let inside = c.replace("{ return n; }", "{\n    // Gives it back.\n    return n; }");
    for (file, shape, after, right) in [
        ("a.py", &docs, documented.clone(), true),
        ("a.py", &docs, python.to_owned(), false),
        ("a.py", &docs, documented.replace("x + y", "y + x"), false),
        ("a.py", &docs, documented.replace("# one", "# two"), false),
        ("a.py", &docs, documented.replace("def g", "def h"), false),
        ("a.py", &docs, python.replace("return os", "\"\"\"Of g.\"\"\"\n    return os"), false),
        ("a.py", &hints, hinted.clone(), true),
        ("a.py", &hints, format!("from typing import Any\n{hinted}"), true),
        ("a.py", &hints, hinted.replace("y: int", "y"), false),
        ("a.py", &hints, hinted.replace("-> str", "-> Text"), false),
        ("a.py", &hints, hinted.replace("x: int", "x: str"), false),
        ("a.py", &hints, hinted.replace("= 1", "= 2"), false),
        ("a.py", &local, renamed.clone(), true),
        ("a.py", &local, renamed.replace("{sum_}", "{z}"), false),
        ("a.py", &local, renamed.replace("def g(x)", "def g(sum_)"), false),
        ("a.c", &in_c, counted.to_owned(), true),
        ("a.c", &in_c, counted.replace("'n'", "'count'"), false),
        ("a.c", &in_c, c.replace("int n", "int count").replace("return n", "return count"), false),
        ("a.py", &imports, without.clone(), true),
        ("a.py", &imports, without.replace("import os\n", ""), false),
        ("a.py", &sorted, in_order.clone(), true),
        ("a.py", &sorted, python.to_owned(), false),
        ("a.py", &sorted, without, false),
        ("a.c", &comment, above.clone(), true),
        ("a.c", &comment, above.replace("'n'", "'m'"), false),
        ("a.c", &comment, above.replace("/* a */\n", ""), false),
        ("a.c", &comment, c.replace("/* a */", "/* a */\n/* Gives it back. */"), false),
        ("a.c", &comment, inside.clone(), true),
        ("a.c", &strictly, inside, false),
        ("a.c", &strictly, above.clone(), true),
        ("a.py", &spaces, python.to_owned(), true),
        ("a.py", &spaces, python.replace("x + y", "x + y "), false),
        ("a.py", &spaces, python.replace("x + y", "y + x"), false),
        ("a.py", &json!({"kind": "magic"}), python.to_owned(), false),
    ] {
        let before = if file == "a.c" { c } else { python };
        let mut shape = shape.clone();
        shape["path"] = file.into();
        let judge = Judge::Tree {
            only: Vec::new(),
            forbid: Vec::new(),
            shapes: vec![shape.clone()],
            hidden: Files::new(),
            steps: Vec::new(),
        };
        let task = Task {
            id: "t".into(),
            instruction: "i".into(),
            files: [(path(file), before.into())].into_iter().collect(),
            targets: Vec::new(),
            expected: Vec::new(),
            kind: None,
            tests: false,
            judge: judge.clone(),
            reference: None,
        };
        let changes = [(path(file), Some(after.clone().into_bytes()))].into_iter().collect();
        let judged = judge.judge(&task, &changes, &harness, &Cancel::new()).expect("judged");
        assert_eq!(judged.verdict == Verdict::Passed, right, "{shape}: {}\n{after}", judged.detail);
    }
}

/// Protects the number of the files that are chosen: any expected file counts, at the first place and within three.
#[test]
fn choices_are_counted_at_their_place() {
    let ask = |id: &str, expected: &[&str]| ChoiceQuestion {
        id: id.into(),
        instruction: id.into(),
        files: Files::new(),
        expected: expected.iter().map(|p| path(p)).collect(),
    };
    let all = [ask("a", &["x", "y"]), ask("b", &["z"]), ask("c", &["w"]), ask("none", &["x"])];
    let mut choose = |question: &ChoiceQuestion| -> Result<Vec<RepoPath>, EvalError> {
        let names: &[&str] = if question.id == "none" { &[] } else { &["y", "q", "z", "w"] };
        Ok(names.iter().map(|p| path(p)).collect())
    };
    let report = choice::measure(&all, &mut choose).expect("a report");
    assert_eq!((report.total, report.first, report.first_three), (4, 1, 2));
    assert_eq!(report.missed.iter().map(|m| m.id.as_str()).collect::<Vec<_>>(), ["c", "none"]);
    assert_eq!(report.missed[0].chosen, ["y", "q", "z"]);
}
