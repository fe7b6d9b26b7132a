#![expect(clippy::disallowed_methods, reason = "the files are in temporary folders")]

mod folder;
mod sets;

use super::*;
use crate::Record;
use deepcoder_test_support::skip;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

fn harness(scratch: &Path) -> Harness {
    let path = std::env::var_os("PATH").expect("a path");
    Harness::new(Path::new("python3"), scratch).expect("python3 runs").with_tools(&path)
}

/// A part of a test goes, and the rest of it runs.
fn without_compiler(why: &str) {
    skip!("compilers", "{why}");
}

fn data(dir: &Path, lines: &[serde_json::Value]) -> PathBuf {
    let path = dir.join("data.jsonl");
    let text = lines.iter().fold(String::new(), |mut text, line| {
        _ = writeln!(text, "{line}");
        text
    });
    std::fs::write(&path, text).expect("file");
    path
}

fn editeval(id: &str, context: &str, input: &str, test: &str) -> serde_json::Value {
    serde_json::json!({"task_id": id, "instruction": "return two", "context": context, "input": input,
        "output": input.replace('1', "2"), "test": test, "META": {}})
}

fn three(dir: &Path) -> Vec<Task> {
    let check = "def check():\n    assert f() == 2";
    let rows = [
        editeval("EditEval/0", "", "def f():\n    return 1", check),
        editeval(
            "EditEval/1",
            "class C:\n{{Code}}\n",
            "    def f(self): return 1",
            "def check():\n    assert C().f() == 2",
        ),
        editeval("EditEval/2", "text = '''{{Code}}'''", "1", "def check():\n    assert text == '2'"),
    ];
    load(&data(dir, &rows)).expect("tasks")
}

/// The only file, with `old` replaced.
fn replaced(question: Question<'_>, old: &str, new: &str) -> Changes {
    let change = |(path, bytes): (&RepoPath, &Vec<u8>)| {
        let text = String::from_utf8(bytes.clone()).expect("UTF-8");
        (path.clone(), Some(text.replace(old, new).into_bytes()))
    };
    question.files.iter().map(change).collect()
}

fn go(tasks: &[Task], dir: &Path, options: &RunOptions, edit: &Edit<'_>) -> Result<EditReport, EvalError> {
    run("m", edit, tasks, &harness(dir), options, &Cancel::new(), &mut |_| {})
}

fn edited(decision: Decision, changes: Changes) -> Edited {
    Edited { decision: Some(decision), changes, ..Edited::default() }
}

/// Protects the number that matters: each of the decisions is counted with what the test says of its result, also of
/// what waits or is refused, and an edit without a result is refused.
#[test]
fn decisions_are_counted_with_the_verdict_of_the_test() {
    let dir = tempfile::tempdir().expect("dir");
    let tasks = three(dir.path());
    let with = |decisions: [Decision; 3], news: [&'static str; 3]| {
        let edit = move |q: Question<'_>| {
            let at = usize::from(q.task_id.as_bytes()[9] - b'0');
            Ok(edited(decisions[at], replaced(q, "1", news[at])))
        };
        go(&tasks, dir.path(), &RunOptions::default(), &edit).expect("a report")
    };
    use Decision::{Applied, Refused, Review, Unchanged};
    let report = with([Applied; 3], ["2", "2", "3"]);
    assert_eq!((report.counts.right_and_applied, report.counts.wrong_and_applied, report.counts.total), (2, 1, 3));
    assert!((report.wrong_share_of_applied.share - 1.0 / 3.0).abs() < 1e-9);
    assert!((report.wrong_share_of_applied.standard_error - (2.0f64 / 27.0).sqrt()).abs() < 1e-9);
    assert_eq!(report.wrong, ["EditEval/2"]);
    let report = with([Review, Review, Refused], ["2", "1", "2"]);
    assert_eq!((report.counts.review_right, report.counts.review_wrong, report.counts.refused), (1, 1, 1));
    assert_eq!((report.right_total, report.refused_right, report.refused_unchanged), (1, 1, 0));
    let report = with([Unchanged, Applied, Applied], ["1", "2", "2"]);
    assert_eq!((report.counts.refused, report.refused_unchanged, report.right_total), (1, 1, 2));
    let none = |_: Question<'_>| Ok(Edited { reason: "too vague".into(), ..Edited::default() });
    let report = go(&tasks, dir.path(), &RunOptions::default(), &none).expect("a report");
    assert_eq!((report.counts.refused, report.counts.applied()), (3, 0));
}

/// Protects comparisons: the file has the bytes of the data, with no newline added, the user's words and no test, and
/// results do not depend on how many tasks run at once.
#[test]
fn an_edit_sees_the_exact_input_and_nothing_else() {
    let dir = tempfile::tempdir().expect("dir");
    let tasks = three(dir.path());
    let seen = Mutex::new(Vec::new());
    let edit = |q: Question<'_>| {
        let texts: Vec<String> = q.files.values().map(|b| String::from_utf8(b.clone()).expect("UTF-8")).collect();
        seen.lock().expect("lock").push((q.instruction.to_owned(), q.targets[0].to_string(), texts));
        Ok(edited(Decision::Applied, replaced(q, "1", "2")))
    };
    let mut reports = Vec::new();
    for at_once in [1, 3] {
        reports
            .push(go(&tasks, dir.path(), &RunOptions { at_once, ..RunOptions::default() }, &edit).expect("a report"));
    }
    assert_eq!(reports[0].counts, reports[1].counts);
    let seen = seen.into_inner().expect("lock");
    assert_eq!(seen[0], ("return two".to_owned(), "code.py".to_owned(), vec!["def f():\n    return 1".to_owned()]));
    assert!(seen.iter().all(|(_, _, texts)| texts.len() == 1 && !texts[0].contains("check")));
}

/// Protects the fit of a calibration: a line of the results has the verdict, the decision with its reason and evidence,
/// and the answer, and a run goes on from it without asking again.
#[test]
fn results_hold_what_a_calibration_needs() {
    let dir = tempfile::tempdir().expect("dir");
    let tasks = three(dir.path());
    let results = dir.path().join("results.jsonl");
    let options = RunOptions { results: Some(results.clone()), ..RunOptions::default() };
    let edit = |q: Question<'_>| {
        let evidence = Evidence { agreement: Some(0.5), likely_right: Some(0.7), ..Evidence::default() };
        let reason = "two of three agree".to_owned();
        Ok(Edited { evidence, reason, ..edited(Decision::Review, replaced(q, "1", "2")) })
    };
    let report = go(&tasks, dir.path(), &options, &edit).expect("a report");
    let text = std::fs::read_to_string(&results).expect("results");
    let row: serde_json::Value = serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&row["verdict"], &row["right"], &row["decision"]), (&"passed".into(), &true.into(), &"review".into()));
    assert_eq!((&row["reason"], &row["evidence"]["agreement"]), (&"two of three agree".into(), &0.5.into()));
    assert_eq!(row["files"]["code.py"], "def f():\n    return 2");
    let never = |_: Question<'_>| -> Result<Edited, GenerateError> { panic!("asked again") };
    let again = go(&tasks, dir.path(), &options, &never).expect("a report");
    assert_eq!((again.counts, again.curve), (report.counts, report.curve));
}

/// Protects runs of hours: where the model is gone, the run stops, instead of counting what is left as refused.
#[test]
fn a_model_that_is_gone_stops_the_run() {
    let dir = tempfile::tempdir().expect("dir");
    let gone = |_: Question<'_>| Err(GenerateError::Unavailable("gone".into()));
    let error = go(&three(dir.path()), dir.path(), &RunOptions::default(), &gone).expect_err("stops");
    assert!(matches!(error, EvalError::Model { .. }), "{error}");
}

fn record(decision: Decision, right: bool, likely_right: Option<f32>) -> Record {
    let evidence = Evidence { likely_right, ..Evidence::default() };
    let (reason, files) = (String::new(), BTreeMap::new());
    Record {
        run: String::new(),
        task_id: "t".into(),
        verdict: crate::Verdict::Passed,
        detail: String::new(),
        answer: String::new(),
        finish: None,
        usage: Usage::default(),
        seconds: 2.0,
        confined: true,
        edit: Some(EditRecord { decision, right, reason, kind: None, tests: false, evidence, files }),
    }
}

/// Protects users who choose a threshold: the curve counts what reaches it, applied or waiting, and never what is refused;
/// without evidence there is none.
#[test]
fn the_curve_is_the_share_right_among_what_reaches_a_threshold() {
    use Decision::{Applied, Refused, Review};
    let records = [
        record(Applied, true, Some(0.9)),
        record(Applied, false, Some(0.7)),
        record(Review, true, Some(0.7)),
        record(Refused, true, Some(0.9)),
        record(Applied, true, None),
    ];
    let report = EditReport::of("r", &records, 1.0);
    let at = |threshold: f64| {
        let point = report.curve.iter().find(|p| (p.threshold - threshold).abs() < 1e-9).expect("a point");
        (point.applied, point.right)
    };
    assert_eq!((at(0.95), at(0.9), at(0.75), at(0.7), at(0.0)), ((0, 0), (1, 1), (1, 1), (3, 2), (3, 2)));
    assert!((report.median_seconds - 2.0).abs() < 1e-9);
    assert!(EditReport::of("r", &[record(Applied, true, None)], 1.0).curve.is_empty());
    let nothing = EditReport::of("r", &[], 0.0);
    assert!(nothing.wrong_share_of_applied.share == 0.0 && nothing.median_seconds == 0.0);
}

/// Protects users with a file of their own: a format is known by its fields, and what is missing, empty, named twice or of
/// another format is said with its place and a hint.
#[test]
fn data_of_other_formats_is_named() {
    use deepcoder_types::Hint as _;
    let dir = tempfile::tempdir().expect("dir");
    let good = editeval("a", "", "x = 1", "def check(): pass");
    let without = |field: &str| {
        let mut row = good.clone();
        row.as_object_mut().expect("object").remove(field);
        row
    };
    let with = |field: &str, value: &str| {
        let mut row = good.clone();
        row[field] = value.into();
        row
    };
    for (row, wanted) in [
        (without("test"), "task 2 of"),
        (without("test"), "missing field `test`"),
        (without("input"), "missing field `input`"),
        (with("test", " "), "`test` is empty"),
        (with("instruction", ""), "`instruction` is empty"),
        (with("path", "../x.py"), "is no path in a repository"),
        (with("language", "cobol"), "`cobol` cannot be tested"),
        (
            serde_json::json!({"task_id": "HumanEval/0", "prompt": "", "entry_point": "f"}),
            "the fields are task_id, prompt",
        ),
        (serde_json::json!(["a"]), "no object"),
    ] {
        let error = load(&data(dir.path(), &[good.clone(), row])).expect_err("refused");
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(error.hint().expect("a hint").contains("task_id, instruction"));
    }
    let twice = load(&data(dir.path(), &[good.clone(), good.clone()])).expect("tasks");
    let same = |q: Question<'_>| Ok(edited(Decision::Applied, replaced(q, "1", "1")));
    let error = go(&twice, dir.path(), &RunOptions::default(), &same).expect_err("refused");
    assert!(matches!(&error, EvalError::Duplicate(id) if id == "a") && error.hint().is_some(), "{error}");
    let number = with("context", "");
    let mut number = number;
    (number["task_id"], number["context"], number["output"]) =
        (7.into(), serde_json::Value::Null, serde_json::Value::Null);
    let task = &load(&data(dir.path(), &[number])).expect("tasks")[0];
    assert_eq!((task.id.as_str(), &task.reference), ("7", &None));
}

/// Protects the machine and the score: a test that hangs ends and is wrong.
#[test]
fn a_test_that_hangs_is_wrong() {
    let dir = tempfile::tempdir().expect("dir");
    let row = editeval("a", "", "x = 1", "def check():\n    while x: pass");
    let tasks = load(&data(dir.path(), &[row])).expect("tasks");
    let harness = harness(dir.path()).with_cpu_seconds(1);
    let edit = |q: Question<'_>| Ok(edited(Decision::Applied, replaced(q, "1", "2")));
    let report = run("m", &edit, &tasks, &harness, &RunOptions::default(), &Cancel::new(), &mut |_| {});
    assert_eq!(report.expect("a report").counts.wrong_and_applied, 1);
}

/// Protects comparisons with published numbers: HumanEvalFix is the function with its description and its bug, QuixBugs the
/// program; the reference passes and the bug does not.
#[test]
fn bugs_of_public_data_are_edits() {
    let dir = tempfile::tempdir().expect("dir");
    let fix = |language: &str, prompt: &str, good: &str, bad: &str, test: &str| {
        serde_json::json!({"task_id": format!("{language}/0"), "prompt": prompt, "declaration": prompt,
            "canonical_solution": good, "buggy_solution": bad, "entry_point": "two", "test": test, "instruction": "Write"})
    };
    let mut rows = vec![
        fix("Python", "def two():\n    \"\"\"Two.\"\"\"\n", "    return 2\n", "    return 1\n", "\nassert two() == 2"),
        serde_json::json!({"name": "two", "buggy_program": "def two():\n    return 1", "docstring": "\"\"\"\nTwo\n\"\"\"",
            "solution": "def two():\n    return 2", "tests": "assert two(*[]) == 2"}),
    ];
    let tools = harness(dir.path());
    for (tool, row) in [
        (
            "node",
            fix(
                "JavaScript",
                "const two = () => {\n",
                "  return 2;\n}\n",
                "  return 1;\n}\n",
                "console.assert(two() === 2)",
            ),
        ),
        (
            "javac",
            fix(
                "Java",
                "class Solution {\n    int two() {\n",
                "        return 2;\n    }\n}\n",
                "        return 1;\n    }\n}\n",
                "public class Main { public static void main(String[] a) { if (new Solution().two() != 2) throw new \
                 AssertionError(); } }",
            ),
        ),
        (
            "g++",
            fix(
                "CPP",
                "int two(){\n",
                "    return 2;\n}\n",
                "    return 1;\n}\n",
                "#undef NDEBUG\n#include<assert.h>\nint main(){ assert(two() == 2); }",
            ),
        ),
        (
            "rustc",
            fix(
                "Rust",
                "fn main(){}\n\nuse rand::Rng;\nuse std::{cmp::max, ascii::AsciiExt};\nfn two() -> i32{\n",
                "    2\n}\n",
                "    1\n}\n",
                "#[cfg(test)]\nmod tests { use super::*; #[test] fn t() { assert_eq!(two(), 2); } }",
            ),
        ),
    ] {
        match tools.tool(tool, "t") {
            Ok(_) => rows.push(row),
            Err(_) => without_compiler(&format!("`{tool}` is not on the PATH")),
        }
    }
    let tasks = load(&data(dir.path(), &rows)).expect("tasks");
    assert!(tasks[0].instruction == "Fix the bug in `two`." && tasks[1].id == "QuixBugs/two");
    let by = |fixed: bool| {
        let edit = |q: Question<'_>| {
            let task = tasks.iter().find(|task| task.id == q.task_id).expect("a task");
            let good = task.reference.clone().expect("a reference");
            let bad = task.files.iter().map(|(path, bytes)| (path.clone(), Some(bytes.clone()))).collect();
            Ok(edited(Decision::Applied, if fixed { good } else { bad }))
        };
        go(&tasks, dir.path(), &RunOptions::default(), &edit).expect("a report")
    };
    let (good, bad) = (by(true), by(false));
    assert_eq!(good.counts.right_and_applied, tasks.len(), "{:?}", good.wrong);
    assert_eq!(bad.counts.right_and_applied, 0);
    let go_task = fix("Go", "", "", "", "");
    let error = load(&data(dir.path(), &[go_task])).expect_err("refused");
    assert!(error.to_string().contains("`Go` cannot be tested"), "{error}");
}
