//! `deepcoder jobs`, with the real jobs in a real daemon, and a fake model.

use crate::fake_daemon::{Endless, FakeDaemon};
use crate::workbench::Workbench;
use deepcoder_test_support::FakeModel;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

const OLD: &str = "def f():\n    return 1\n\n\n# a\n# b\n# c\n# d\n# e\n# f\n# g\n# h\n\n\ndef g():\n    return 1\n";

fn new() -> String {
    OLD.replace("return 1", "return 2")
}

fn bench() -> Workbench {
    let bench = Workbench::new(&[("src/a.py", OLD.as_bytes()), ("README.md", b"# sample\n")]);
    bench.repo.git(&["config", "user.name", "Jo"]);
    bench.repo.git(&["config", "user.email", "jo@example.org"]);
    bench
}

fn saying(times: usize) -> Arc<FakeModel> {
    Arc::new(FakeModel::saying((0..times).map(|_| new())))
}

/// What a command prints, which must end well, or with something to see to.
fn run(bench: &Workbench, args: &[&str], code: i32) -> String {
    let output = bench.command(args).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn json(bench: &Workbench, args: &[&str]) -> Value {
    let text = run(bench, &[args, &["--json"]].concat(), 0);
    serde_json::from_str(&text).expect("one object")
}

/// Protects the whole way of a job that waits for a person: added in a folder below the root, followed, shown, decided by
/// hunk, and taken back by its id.
#[test]
fn a_job_is_reviewed_by_hunk() {
    let bench = bench();
    let _daemon = FakeDaemon::with_jobs(&bench, saying(1));
    let add = ["-C", "src", "jobs", "add", "edit", "return two", "--paths", "./*.py"];
    let id = run(&bench, &add, 0).trim().to_owned();
    let followed = run(&bench, &["jobs", "logs", "-f", &id[..14]], 1);
    assert!(followed.contains("  queued\n") && followed.contains("  review\n"), "{followed}");
    assert!(followed.contains("+    return 2"), "{followed}");
    assert_eq!(bench.repo.read("src/a.py"), OLD.as_bytes());

    let listed = json(&bench, &["jobs", "list"]);
    assert_eq!((listed["jobs"][0]["state"].as_str(), listed["jobs"][0]["id"].as_str()), (Some("review"), Some(&*id)));
    let shown = json(&bench, &["jobs", "show", &id]);
    assert_eq!(shown["job"]["spec"]["paths"][0], "src/*.py");
    assert_eq!(shown["job"]["result"]["files"][0]["hunks"], 2);
    let asked = bench.transcript(&["jobs", "review", &id]);
    assert!(asked.contains("exit code: 2") && asked.contains("hint: ") && asked.contains("--accept all"), "{asked}");
    let wrong = bench.transcript(&["jobs", "review", &id, "--accept", "src/a.py:3"]);
    assert!(wrong.contains("`src/a.py` has no hunk 3") && wrong.contains("src/a.py:1-2"), "{wrong}");

    run(&bench, &["jobs", "review", &id, "--reject", "src/a.py:1"], 0);
    let second = OLD.replace("def g():\n    return 1", "def g():\n    return 2");
    assert_eq!(bench.repo.read("src/a.py"), second.as_bytes());
    run(&bench, &["undo", &id], 0);
    assert_eq!(bench.repo.read("src/a.py"), OLD.as_bytes());
}

/// Protects branches, scripts and the terminal: the exit code of `--follow` is the job's, the work tree is not touched, and
/// whoever is asked hunk by hunk has the last word.
#[test]
fn jobs_on_branches_and_at_the_terminal() {
    let bench = bench();
    let _daemon = FakeDaemon::with_jobs(&bench, saying(2));
    run(&bench, &["jobs", "add", "edit", "return two", "--paths", "src/a.py", "--branch", "two", "--follow"], 0);
    assert_eq!(bench.repo.git(&["show", "two:src/a.py"]), new());
    assert_eq!(bench.repo.git(&["status", "--porcelain"]), "");

    let id = run(&bench, &["jobs", "add", "edit", "return two", "--paths", "src/a.py"], 0).trim().to_owned();
    run(&bench, &["jobs", "logs", "-f", &id], 1);
    let (code, _, asked) = bench.on_terminal(&["jobs", "review", &id], "q\n");
    assert!(code == 1 && asked.contains("(1/2) accept this hunk"), "{asked}");
    let (code, shown, asked) = bench.on_terminal(&["jobs", "review", &id], "y\nn\n");
    assert!(code == 0 && shown.contains("return 2") && asked.contains("(2/2)"), "{shown}{asked}");
    let first = OLD.replacen("return 1", "return 2", 1);
    assert_eq!(bench.repo.read("src/a.py"), first.as_bytes());
}

/// Protects whoever changes their mind: a job that runs ends, is said to be cancelled, and can be tried again.
#[test]
fn a_job_is_cancelled_and_tried_again() {
    let bench = bench();
    let _daemon = FakeDaemon::with_jobs(&bench, Arc::new(Endless::new()));
    let id = run(&bench, &["jobs", "add", "edit", "return two", "--paths", "src/a.py", "--apply"], 0).trim().to_owned();
    let wait = |state: &str| {
        let start = Instant::now();
        while json(&bench, &["jobs", "show", &id])["job"]["state"] != state {
            assert!(start.elapsed() < Duration::from_secs(20), "never {state}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait("running");
    run(&bench, &["jobs", "cancel", &id], 0);
    wait("cancelled");
    assert_eq!(bench.repo.read("src/a.py"), OLD.as_bytes());
    run(&bench, &["jobs", "retry", &id], 0);
    wait("running");
    run(&bench, &["jobs", "cancel", &id], 0);
    wait("cancelled");
    let over = bench.transcript(&["jobs", "pause", &id]);
    assert!(over.contains("exit code: 2") && over.contains("hint: `deepcoder jobs retry`"), "{over}");
}

/// Protects people who mistype: what makes no sense is refused with what to do, and nothing is added.
#[test]
fn wrong_jobs_are_refused() {
    let bench = bench();
    let _daemon = FakeDaemon::with_jobs(&bench, saying(0));
    let refused = |args: &[&str], words: &[&str]| {
        let text = bench.transcript(&[&["jobs"], args].concat());
        assert!(text.contains("exit code: 2") && words.iter().all(|word| text.contains(word)), "{text}");
    };
    refused(&["add", "fly", "away"], &["no visible file matches `away`"]);
    refused(&["add", "edit", "x", "--branch", "main"], &["is checked out in", "hint: "]);
    refused(&["add", "edit", "x", "--cron", "61 * * * *"], &["is not a schedule", "hint: five fields"]);
    refused(&["add", "edit", "x", "--at", "yesterday"], &["is not a time", "hint: "]);
    refused(&["add", "edit", "x", "--paths", "../elsewhere"], &["is outside of"]);
    refused(&["add", "edit", "x", "--after", "zzzz"], &["there is no job `zzzz`"]);
    refused(&["show", "zzzz"], &["there is no job `zzzz`", "hint: `deepcoder jobs list`"]);
    assert_eq!(json(&bench, &["jobs", "list", "--all"])["jobs"], serde_json::json!([]));
}
