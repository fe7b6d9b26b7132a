//! Results that wait, and requests that the daemon leaves to the command.

use crate::fake_daemon::FakeDaemon;
use crate::workbench::Workbench;
use deepcoder_protocol::client::Client;
use deepcoder_test_support::FakeModel;
use std::sync::Arc;

const OLD: &str = "def add(a, b):\n    return a + b\n";
const NEW: &str = "def add(a: int, b: int) -> int:\n    return a + b\n";

fn bench() -> Workbench {
    Workbench::new(&[("src/util.py", OLD.as_bytes())])
}

fn saying(texts: &[&str]) -> Arc<FakeModel> {
    Arc::new(FakeModel::saying(texts.iter().copied()))
}

/// Protects a result from a terminal that is closed at the question: an input that ends is no answer, and the result waits.
#[test]
fn an_input_that_ends_rejects_nothing() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW]));
    let (code, _, said) = bench.on_terminal(&["edit", "add type hints", "src/util.py"], "");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--accept all"), "{said}");
    assert_eq!(bench.repo.read("src/util.py"), OLD.as_bytes());
    let listed = bench.transcript(&["tasks"]);
    assert!(listed.contains("review"), "{listed}");
}

/// Protects the user's branch and shell: a result that waits goes where its request said, also when another command accepts
/// it, and is committed there by the user's own git.
#[test]
fn a_waiting_result_is_committed_where_it_was_asked_for() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW]));
    bench.repo.git(&["config", "user.name", "A"]);
    bench.repo.git(&["config", "user.email", "a@example.com"]);
    let made = bench.transcript(&[
        "edit",
        "add type hints",
        "src/util.py",
        "--effort",
        "quick",
        "--commit",
        "--branch",
        "hints",
    ]);
    assert!(made.contains("exit code: 1"), "{made}");
    assert_eq!(bench.repo.read("src/util.py"), OLD.as_bytes());
    let tasks = bench.command(&["tasks", "--json"]).output().expect("it runs");
    let task: serde_json::Value = serde_json::from_slice(&tasks.stdout).expect("one task");
    let id = task["id"].as_str().expect("an id");
    let accepted = bench.transcript(&["tasks", "review", id, "--accept", "all"]);
    assert!(accepted.contains("on hints"), "{accepted}");
    assert_eq!(bench.repo.git(&["log", "-1", "--format=%s", "hints"]).trim(), "add type hints");
}

/// Protects the tree that a user sees: a daemon in which the path names another directory leaves the request to the
/// command, and so does one with another umask.
#[test]
fn a_request_stays_its_callers() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW]));
    let mut client = Client::connect(&bench.socket()).expect("a daemon");
    let mut request = deepcoder_types::Request {
        verb: "edit".into(),
        prompt: "add type hints".into(),
        directory: bench.repo.path().to_owned(),
        paths: vec!["src/util.py".into()],
        ..deepcoder_types::Request::default()
    };
    request.caller = Some(deepcoder_types::Caller { umask: 0o777, directory: (1, 1) });
    let refused = client.submit(&request).expect_err("refused");
    assert!(refused.to_string().contains("another"), "{refused}");
}
