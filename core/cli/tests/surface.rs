//! What the command line offers, so that a change of it is a decision.

use crate::workbench::Workbench;
use insta::assert_snapshot;

/// Protects scripts and documents: verbs and flags do not change unnoticed.
#[test]
fn help_of_every_verb() {
    let bench = Workbench::new(&[]);
    let verbs = [
        "",
        "edit",
        "undo",
        "restore",
        "log",
        "generate",
        "complete",
        "explain",
        "pull",
        "import",
        "models",
        "serve",
        "tasks",
        "tasks review",
        "jobs",
        "jobs add",
        "jobs list",
        "jobs logs",
        "jobs review",
        "watch",
        "status",
        "stop",
        "service",
        "service install",
        "hook",
        "hook install",
        "hook uninstall",
        "hook run",
        "eval",
        "eval humaneval",
        "eval edits",
        "bench",
        "doctor",
        "demo",
        "help",
    ];
    for verb in verbs {
        let args: Vec<&str> = verb.split_whitespace().chain(["--help"]).collect();
        let name = if verb.is_empty() { "help".into() } else { format!("help_{}", verb.replace(' ', "_")) };
        assert_snapshot!(name, bench.transcript(&args));
    }
}

/// Protects programs that ask for the version, and start-up: nothing but the arguments is looked at.
#[test]
fn version_needs_no_home() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_deepcoder"))
        .arg("--version")
        .env_clear()
        .output()
        .expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("deepcoder {}\n", env!("CARGO_PKG_VERSION")));
    assert!(output.status.success());
}

/// Protects scripts that parse `--json`: status and an empty history are one object, and nothing.
#[test]
fn json_without_a_daemon_or_a_history() {
    let bench = Workbench::new(&[]);
    assert_snapshot!([bench.transcript(&["status", "--json"]), bench.transcript(&["log", "--json"])].join("\n"));
}
