//! `deepcoder eval edits` and `eval files`, from the data to the numbers.

use crate::fake_daemon::FakeDaemon;
use crate::workbench::Workbench;
use deepcoder_test_support::FakeModel;
use deepcoder_types::{
    Cancel, GenerateError, GenerateRequest, Generation, LanguageModel, ModelInfo, Prompt, TokenEvent,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers by the name that a prompt is about, whatever the order and the number of the requests.
struct Keyed(FakeModel, Vec<(&'static str, &'static str)>);

impl LanguageModel for Keyed {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        self.0.count_tokens(text)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        let text = match &request.prompt {
            Prompt::Chat { messages, .. } => messages.iter().map(|m| m.content.as_str()).collect(),
            Prompt::Fill { prefix, suffix } => format!("{prefix}{suffix}"),
            Prompt::Text(text) => text.clone(),
        };
        let answer = self.1.iter().find(|(key, _)| text.contains(key)).map_or("", |(_, answer)| answer);
        FakeModel::saying([answer]).generate(request, cancel, on_token)
    }
}

fn keyed(answers: &[(&'static str, &'static str)]) -> Arc<dyn LanguageModel> {
    Arc::new(Keyed(FakeModel::saying([""; 0]), answers.to_vec()))
}

fn row(name: &str, what: &str, input: &str, test: &str) -> String {
    json!({"task_id": name, "instruction": format!("let {name} {what}"), "context": "", "input": input, "output": "",
        "test": format!("def check():\n    assert {test}")})
    .to_string()
}

fn json_of(bench: &Workbench, args: &[&str], code: i32) -> Value {
    let output = bench.command(args).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    serde_json::from_slice(&output.stdout).expect(&said)
}

/// Protects the number that the program is judged by: each task is counted by what `edit --yes` would do with its result,
/// which the one rule decides, and by the task's test; the results have a line for each with the reason.
#[test]
fn tasks_are_counted_by_what_yes_would_do() {
    let lines = [
        row("alpha", "return 2", "def alpha():\n    return 1\n", "alpha() == 2"),
        row("beta", "return 2", "def beta():\n    return 1\n", "beta() == 2"),
        // Without a newline at the end, as most of EditEval.
        row("gamma", "return \"two\"", "def gamma():\n    return 1", "gamma() == 'zwei'"),
        row("delta", "return 2", "def delta():\n    return 1\n", "delta() == 2"),
        row("epsilon", "return 2", "def epsilon():\n    return 1\n", "epsilon() == 2"),
    ];
    let data = lines.join("\n");
    let bench = Workbench::new(&[("tasks.jsonl", data.as_bytes())]);
    let _daemon = FakeDaemon::start(
        &bench,
        keyed(&[
            ("alpha", "def alpha():\n    return 2\n"),
            ("beta", "def beta():\n    return 3\n"),
            // A text that the instruction asks for is nowhere, which a person must see.
            ("gamma", "def gamma():\n    return 'zwei'\n"),
            ("delta", "def delta():\n    return 2 +* ((\n"),
            ("epsilon", "def epsilon():\n    return 1\n"),
        ]),
    );
    let args = ["eval", "edits", "--data", "tasks.jsonl", "--effort", "quick", "--json", "--results", "results.jsonl"];
    let report = json_of(&bench, &args, 0);
    let results = String::from_utf8(bench.repo.read("results.jsonl")).expect("UTF-8");
    let rows: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let decision = |id: &str| {
        let row = rows.iter().find(|row| row["task_id"] == id).expect("a row");
        (row["decision"].as_str().expect("a decision").to_owned(), row["right"] == true)
    };
    assert_eq!(decision("alpha"), ("applied".into(), true), "{results}");
    assert_eq!(decision("beta"), ("applied".into(), false), "{results}");
    assert_eq!(decision("gamma"), ("review".into(), true), "{results}");
    assert_eq!(decision("delta"), ("refused".into(), false), "{results}");
    assert_eq!(decision("epsilon"), ("unchanged".into(), false), "{results}");
    let counts = ["total", "right_and_applied", "wrong_and_applied", "review_right", "review_wrong", "refused"];
    let found = counts.map(|name| report[name].as_u64().expect("a number"));
    assert_eq!(found, [5, 1, 1, 1, 0, 2], "{report}");
    assert_eq!((&report["refused_unchanged"], &report["right_total"]), (&json!(1), &json!(2)));
    assert_eq!((&report["model"], &report["effort"]), (&json!("fake"), &json!("quick")));
    assert_eq!(report["wrong_share_of_applied"]["share"], 0.5);
    for row in rows.iter().filter(|row| row["decision"] != "applied") {
        assert!(row["reason"].as_str().is_some_and(|reason| !reason.is_empty() && !reason.contains('\n')), "{row}");
    }
    let text = bench.transcript(&["eval", "edits", "--data", "tasks.jsonl", "--effort", "quick", "--at-once", "1"]);
    for line in ["right and applied               1", "wrong among the applied         1", "refused or unchanged"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains("50.0 % ± 35.4"), "{text}");
    let other = bench.transcript(&["eval", "edits", "--data", "tasks.jsonl", "--results", "results.jsonl"]);
    assert!(other.contains("results of another run"), "results of two efforts are not mixed: {other}");
}

/// Protects users with data of their own: a wrong file or effort is said with a hint before a model is loaded.
#[test]
fn wrong_data_is_named_before_a_model_is_loaded() {
    let bench = Workbench::new(&[
        ("other.jsonl", b"{\"task_id\": \"HumanEval/0\", \"prompt\": \"\"}\n"),
        ("empty.jsonl", b"\n"),
    ]);
    for (args, wanted) in [
        (["--data", "other.jsonl", "--effort", "quick"], "the fields are task_id, prompt"),
        (["--data", "empty.jsonl", "--effort", "quick"], "no task is selected"),
        (["--data", "none.jsonl", "--effort", "quick"], "cannot be read"),
        (["--data", "other.jsonl", "--effort", "much"], "quick, normal, thorough"),
    ] {
        let text = bench.transcript(&[&["eval", "edits"][..], &args].concat());
        assert!(text.contains("exit code: 2") && text.contains(wanted), "{text}");
    }
}

/// Protects the folder form: a file is found where the instruction names none, the hidden test judges the tree, and the
/// choice of files is measured without a model.
#[test]
fn repositories_are_edited_and_judged() {
    let task = r#"instruction = "let alpha return 2"
kind = "narrow"
expected_files = ["a.py"]
run = [["python", "-m", "unittest", "-q", "hidden_test"]]

[hidden]
"hidden_test.py" = """
import unittest
from a import alpha


class Hidden(unittest.TestCase):
    def test_two(self):
        self.assertEqual(alpha(), 2)
"""
"#;
    let bench = Workbench::new(&[
        ("set/two/files/a.py", b"def alpha():\n    return 1\n"),
        ("set/two/files/b.py", b"def other():\n    return 1\n"),
        ("set/two/tasks/two.toml", task.as_bytes()),
        (
            "set/two/questions.toml",
            b"[[question]]\ninstruction = \"what does other return\"\nexpected_files = [\"a.py\"]\n",
        ),
    ]);
    let files = json_of(&bench, &["eval", "files", "--data", "set", "--json"], 0);
    assert_eq!((&files["total"], &files["first"], &files["first_three"]), (&json!(2), &json!(1), &json!(2)), "{files}");
    let text = bench.transcript(&["eval", "files", "--data", "set"]);
    assert!(text.contains("1 of 2 right at the first place") && text.contains("2 within three"), "{text}");
    let _daemon = FakeDaemon::start(&bench, keyed(&[("alpha", "def alpha():\n    return 2\n")]));
    let report = json_of(&bench, &["eval", "edits", "--data", "set", "--effort", "quick", "--json"], 0);
    assert_eq!((&report["right_and_applied"], &report["kinds"]["narrow"]["total"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(report["files"]["first"], 1);
}

/// Protects the numbers of projects with tests: the checks that a repository configures run on each result as for a user who
/// trusts them, those that `checks suggest` prints where it configures none, and neither they nor the model see the
/// hidden test. A test of the project that breaks refuses the edit, one that runs the change and passes proves it.
#[test]
fn the_checks_of_a_repository_run() {
    let task = |name: &str, to: u8| {
        format!(
            "instruction = \"let {name} return {to}\"\nkind = \"broad\"\nfiles = [\"{name}.py\"]\nexpected_files = [\"{name}.py\"]\n\
             tests = true\nrun = [[\"python\", \"-m\", \"unittest\", \"-q\", \"hidden_test\"]]\n\n[hidden]\n\"hidden_test.py\" = \
             \"\"\"\nimport unittest\nfrom {name} import {name}\n\n\nclass Hidden(unittest.TestCase):\n    def test_it(self):\n        \
             self.assertEqual({name}(), {to})\n\"\"\"\n"
        )
    };
    let test = "import os\nimport unittest\nfrom alpha import alpha\nfrom beta import beta\n\n\nclass Visible(unittest.TestCase):\n    \
                def test_even(self):\n        self.assertFalse(os.path.exists('hidden_test.py'))\n        \
                self.assertEqual(alpha() % 2, 0)\n        self.assertEqual(beta() % 2, 0)\n";
    let config = "[check.mine]\ncommand = [\"python3\", \"-m\", \"unittest\", \"-q\", \"test_all\"]\nkind = \"test\"\n";
    let tasks = [task("alpha", 2), task("beta", 4), task("gamma", 2)];
    let mut files: Vec<(String, &[u8])> = Vec::new();
    for set in ["configured", "suggested"] {
        let mut add = |path: &str, bytes| files.push((format!("set/{set}/{path}"), bytes));
        add("files/alpha.py", b"def alpha():\n    return 0\n");
        add("files/beta.py", b"def beta():\n    return 0\n");
        add("files/gamma.py", b"def gamma():\n    return 0\n");
        add("files/test_all.py", test.as_bytes());
        add("tasks/alpha.toml", tasks[0].as_bytes());
        add("tasks/beta.toml", tasks[1].as_bytes());
        add("tasks/gamma.toml", tasks[2].as_bytes());
    }
    files.push(("set/configured/files/deepcoder.toml".to_owned(), config.as_bytes()));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
    let bench = Workbench::new(&files);
    let _daemon = FakeDaemon::start(
        &bench,
        keyed(&[
            ("let alpha", "def alpha():\n    return 2\n"),
            ("let beta", "def beta():\n    return 3\n"),
            ("let gamma", "def gamma():\n    return 2\n"),
        ]),
    );
    let args = ["eval", "edits", "--data", "set", "--effort", "quick", "--out", "out.jsonl", "--json"];
    let report = json_of(&bench, &args, 0);
    let results = String::from_utf8(bench.repo.read("out.jsonl")).expect("text");
    let rows: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (set, check) in [("configured", "mine"), ("suggested", "unittest")] {
        let of = |name: &str| rows.iter().find(|row| row["task_id"] == format!("{set}/{name}")).expect("a row");
        let (alpha, beta, gamma) = (of("alpha"), of("beta"), of("gamma"));
        let about = |row: &Value| (row["evidence"]["checks"][0].clone(), row["decision"].clone());
        let (of_alpha, decision) = about(alpha);
        assert_eq!(
            (&of_alpha["name"], &of_alpha["reaches"], decision),
            (&json!(check), &json!(true), "applied".into())
        );
        assert!(alpha["reason"].as_str().is_some_and(|reason| reason.contains("runs the changed code")), "{alpha}");
        assert_eq!(about(beta).1, "refused", "{beta}");
        assert!(beta["reason"].as_str().is_some_and(|reason| reason.contains(&format!("`{check}` fails"))), "{beta}");
        assert!(!about(gamma).0["reaches"].as_bool().unwrap_or_default(), "{gamma}");
    }
    let reached = &report["kinds"]["with_tests"];
    let counts = ["total", "right_and_applied", "wrong_and_applied", "refused"].map(|name| reached[name].as_u64());
    assert_eq!(counts, [4, 2, 0, 2].map(Some), "{report}");
    assert_eq!(report["kinds"]["tested_repository"]["total"], 6);
    assert_eq!(report["wrong_share_of_applied_with_tests"]["share"], 0.0);
    let text = bench.transcript(&["eval", "edits", "--data", "set", "--effort", "quick", "--out", "out.jsonl"]);
    assert!(
        text.contains("with tests, right, applied      2") && text.contains("with tests, wrong of applied"),
        "{text}"
    );
}
