//! Commands from end to end, with a fake model in a real daemon.

use crate::fake_daemon::{Endless, FakeDaemon};
use crate::workbench::Workbench;
use deepcoder_protocol::client::Client;
use deepcoder_test_support::{FakeModel, Reply};
use deepcoder_types::Prompt;
use insta::assert_snapshot;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const OLD: &str = "def add(a, b):\n    return a + b\n";
const NEW: &str = "def add(a: int, b: int) -> int:\n    return a + b\n";

fn bench() -> Workbench {
    Workbench::new(&[("src/util.py", OLD.as_bytes()), ("README.md", b"# sample\n")])
}

fn saying(texts: &[&str]) -> Arc<FakeModel> {
    Arc::new(FakeModel::saying(texts.iter().copied()))
}

/// Protects the main job: the diff is on standard output, the file is changed, the history knows it, and undo brings
/// back every byte.
#[test]
fn edit_then_undo() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW]));
    let edit = bench.transcript(&["edit", "add type hints", "src/util.py", "--yes"]);
    assert_eq!(bench.repo.read("src/util.py"), NEW.as_bytes());
    let undo = bench.command(&["undo"]).output().expect("it runs");
    assert!(undo.status.success(), "{}", String::from_utf8_lossy(&undo.stderr));
    assert_eq!(String::from_utf8_lossy(&undo.stdout), "src/util.py\n");
    assert_eq!(bench.repo.read("src/util.py"), OLD.as_bytes());
    assert_eq!(bench.repo.git(&["status", "--porcelain"]), "");
    assert_snapshot!(edit);
}

/// Protects the ways back: the history says what can be undone and why not, one file is brought back by a beginning of the
/// id, its bytes are printed exactly, nothing that exists is overwritten, and what a file held can be had again.
#[test]
fn log_restore_and_undo() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW]));
    let json = |args: &[&str]| -> serde_json::Value {
        let output = bench.command(args).output().expect("it runs");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {output:?}"))
    };
    let id = json(&["edit", "add type hints", "src/util.py", "--yes", "--json"])["id"].as_str().expect("id").to_owned();
    let entry = json(&["log", "--json"]);
    assert_eq!((entry["id"].as_str(), entry["undoable"].as_bool()), (Some(id.as_str()), Some(true)));
    let file = &entry["files"][0];
    let hash = |text: &str| serde_json::json!(deepcoder_types::ContentHash::of(text.as_bytes()));
    assert_eq!((&file["old_sha256"], &file["new_sha256"]), (&hash(OLD), &hash(NEW)));

    bench.repo.write("src/util.py", b"mine \xff\n");
    let text = bench.transcript(&["undo"]);
    assert!(text.contains(&format!("`deepcoder restore {id} --path src/util.py`")), "{text}");
    assert_eq!(json(&["log", "--json"])["changed_since"][0], "src/util.py");
    let print = |state| {
        let args = ["-C", "src", "restore", &id[..8], "--path", "util.py", "--to", "-", "--state", state];
        bench.command(&args).output().expect("it runs").stdout
    };
    assert_eq!((print("before"), print("after")), (OLD.into(), NEW.into()));
    let copy = ["restore", &id, "--path", "src/util.py", "--to", "copy.py"];
    assert!(bench.transcript(&copy).contains("exit code: 0"));
    assert_eq!(bench.repo.read("copy.py"), OLD.as_bytes());
    let again = bench.transcript(&copy);
    assert!(again.contains("exit code: 2") && again.contains("name a file that does not exist"), "{again}");

    let restored = json(&["restore", &id[..8], "--path", "src/util.py", "--json"]);
    assert_eq!((&restored["files"][0], bench.repo.read("src/util.py")), (&"src/util.py".into(), OLD.into()));
    assert!(bench.transcript(&["undo"]).contains("exit code: 0"));
    assert_eq!(bench.repo.read("src/util.py"), b"mine \xff\n");
    let wrong = bench.transcript(&["restore", &id, "--path", "README.md"]);
    assert!(wrong.contains("did not touch `README.md`") && wrong.contains("hint: it touched `src/util.py`"), "{wrong}");
}

/// Protects commits on request: the instruction is the message, other staged changes stay staged, a hook that refuses
/// leaves the edit applied and says so, and a work tree of its own leaves the user's alone.
#[test]
fn edit_with_a_commit() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW, NEW, NEW, NEW]));
    let edit = |more: &[&str]| {
        let words = ["edit", "add type hints", "src/util.py", "--yes", "--effort", "quick", "--commit"];
        bench.transcript(&[&words, more].concat())
    };
    let without = edit(&[]);
    assert!(without.contains("error: git does not know who you are") && without.contains("hint: "), "{without}");
    bench.repo.git(&["config", "user.name", "Jo"]);
    bench.repo.git(&["config", "user.email", "jo@example.org"]);
    bench.repo.write("README.md", b"# mine\n");
    bench.repo.git(&["add", "README.md"]);
    let head = bench.repo.git(&["rev-parse", "HEAD"]);

    let place = bench.home().join("own");
    let elsewhere = edit(&["--worktree", &place.to_string_lossy(), "-c", "attribution=true"]);
    assert!(elsewhere.contains("exit code: 0") && elsewhere.contains("on own in [HOME]/own"), "{elsewhere}");
    assert_eq!(bench.repo.git(&["status", "--porcelain"]), "M  README.md\n");
    let log = bench.repo.git(&["log", "-1", "--format=%an %s %(trailers:key=Assisted-by,valueonly)", "own"]);
    assert!(log.starts_with("Jo add type hints deepcoder ") && log.contains('('), "{log}");

    let hooks = bench.repo.join(".git/hooks");
    std::fs::create_dir_all(&hooks).expect("made");
    std::fs::write(hooks.join("pre-commit"), "#!/bin/sh\necho no such luck\nexit 1\n").expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(hooks.join("pre-commit"), mode).expect("set");
    let refused = edit(&["--branch", "topic"]);
    assert!(refused.contains("exit code: 2") && refused.contains("is applied but not committed"), "{refused}");
    assert!(refused.contains("no such luck") && bench.repo.read("src/util.py") == NEW.as_bytes(), "{refused}");
    assert!(bench.transcript(&["undo"]).contains("exit code: 0"));
    std::fs::remove_file(hooks.join("pre-commit")).expect("removed");

    let done = edit(&["--branch", "topic"]);
    assert!(done.contains("changed 1 file and committed it as ") && done.contains(" on topic"), "{done}");
    assert_eq!(bench.repo.git(&["log", "--format=%H", "-1", "topic~"]), head);
    assert_eq!(bench.repo.git(&["status", "--porcelain"]), "M  README.md\n");
    let undo = bench.transcript(&["undo"]);
    assert!(undo.contains("HEAD was not moved"), "{undo}");
    bench.repo.write("src/util.py", b"x = 1\n");
    let dirty = edit(&[]);
    assert!(dirty.contains("error: `src/util.py` has changes that are not committed"), "{dirty}");
}

/// Protects the torture suites: a process dies at the step that it is told to, from outside, and the next one recovers.
#[test]
fn steps_can_be_reached_from_outside() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW, NEW]));
    let steps = bench.command(&["debug", "steps"]).output().expect("it runs").stdout;
    assert!(String::from_utf8_lossy(&steps).lines().any(|line| line == "exchanged"));
    let mut edit = bench.command(&["edit", "add type hints", "src/util.py", "--yes"]);
    let status = edit.env("DEEPCODER_STEP", "exchanged=kill").status().expect("it runs");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    let text = bench.transcript(&["log"]);
    assert!(text.contains("applied") && bench.repo.read("src/util.py") == NEW.as_bytes(), "{text}");
    let wrong = bench.command(&["log"]).env("DEEPCODER_STEP", "nowhere=kill").output().expect("it runs");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("DEEPCODER_STEP: `nowhere=kill`"), "{wrong:?}");
}

/// Protects scripts: a dry run writes nothing and its exit code says whether there is something to do; without --yes
/// and without a terminal it is the same and says so.
#[test]
fn a_dry_run_writes_nothing() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW, NEW, OLD]));
    let text = [
        bench.transcript(&["edit", "add type hints", "src/util.py", "--dry-run"]),
        bench.transcript(&["edit", "add type hints", "src/util.py"]),
        bench.transcript(&["edit", "leave it", "src/util.py", "--dry-run"]),
    ];
    assert_snapshot!(text.join("\n"));
    assert_eq!(bench.repo.read("src/util.py"), OLD.as_bytes());
}

/// Protects programs: one JSON object that says all of it, and the diff in it applies with git.
#[test]
fn edit_as_json() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW]));
    let output = bench.command(&["edit", "add type hints", "src/util.py", "--json", "-n"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(value["changed"], true);
    assert_eq!(value["applied"], false);
    assert_eq!(value["files"][0]["path"], "src/util.py");
    assert_eq!(value["verification"]["passed"], true);
    assert_eq!(value["stats"]["calls"], 1);
    let patch = bench.home().join("patch");
    std::fs::write(&patch, value["diff"].as_str().expect("a diff")).expect("written");
    bench.repo.git(&["apply", &patch.to_string_lossy()]);
    assert_eq!(bench.repo.read("src/util.py"), NEW.as_bytes());
}

/// Protects files that nobody named: without paths the file is found and said, and -C moves what paths are relative to.
#[test]
fn paths_are_found_or_relative_to_the_folder() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW, NEW]));
    let found = bench.transcript(&["edit", "add type hints to the function add in util", "-n"]);
    assert!(found.contains("no files named; chose src/util.py"), "{found}");
    let relative = bench.transcript(&["-C", "src", "edit", "add type hints", "util.py", "--dry-run", "-q"]);
    assert!(relative.contains("exit code: 1") && relative.contains("+++ b/src/util.py"), "{relative}");
}

/// Protects the tree: a result that does not parse is refused, also after the repair, and nothing is written.
#[test]
fn a_broken_result_is_refused() {
    let bench = bench();
    let broken = "def add(a: int, b: int -> int:\n    return a + b\n";
    let _daemon = FakeDaemon::start(&bench, saying(&[broken, broken, broken]));
    let text = bench.transcript(&["edit", "add type hints", "src/util.py", "--yes"]);
    assert!(
        text.contains("exit code: 2") && text.contains("error: not applied: src/util.py: line 1 is not valid python"),
        "{text}"
    );
    assert_eq!(bench.repo.read("src/util.py"), OLD.as_bytes());
}

/// Protects code that nobody asked to touch: a result that lost a function, twice, is not applied by --yes alone.
#[test]
fn a_suspicious_result_needs_more_than_yes() {
    let bench = bench();
    let two = format!("{OLD}\n\ndef sub(a, b):\n    return a - b\n");
    bench.repo.write("src/util.py", two.as_bytes());
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW; 8]));
    let text = bench.transcript(&["edit", "modernise this module", "src/util.py", "--yes"]);
    assert!(text.contains("exit code: 1") && text.contains("`sub` would be lost"), "{text}");
    assert_eq!(bench.repo.read("src/util.py"), two.as_bytes());
    let text = bench.transcript(&["edit", "modernise this module", "src/util.py", "--yes", "--force"]);
    assert!(text.contains("exit code: 0"), "{text}");
    // The change leaves out the lines that would be lost.
    assert_eq!(bench.repo.read("src/util.py"), two.replace(OLD, NEW).as_bytes());
}

/// Protects code that the instruction does not speak of: type hints are written under a mask, so what the model says beyond
/// them changes nothing, and --yes may apply the rest.
#[test]
fn what_goes_beyond_a_narrow_instruction_is_not_written() {
    let bench = bench();
    let two = |add: &str| format!("{add}\n\ndef sub(a, b):\n    return a - b\n");
    bench.repo.write("src/util.py", two(OLD).as_bytes());
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW; 8]));
    let text = bench.transcript(&["edit", "add type hints", "src/util.py", "--yes"]);
    assert!(text.contains("exit code: 0") && text.contains("only type annotations change"), "{text}");
    assert_eq!(bench.repo.read("src/util.py"), two(NEW).as_bytes());
}

/// Protects `generate`: text as it streams, one JSON object with the promised fields, prompts from standard input, the
/// flags that reach the model, and the model's own errors with their hints.
#[test]
fn generate_in_its_forms() {
    let bench = bench();
    let too_long = deepcoder_types::GenerateError::TooLong { prompt: 5000, max_tokens: 10, context: 4096 };
    let replies = ["Hello, you!", "Hello, you!", "one\ntwo"].map(|t| Reply::Text(t.into())).into_iter();
    let model = Arc::new(FakeModel::new(replies.chain([Reply::CutOff("and so".into()), Reply::Error(too_long)])));
    let _daemon = FakeDaemon::start(&bench, Arc::clone(&model) as _);
    let text = [
        bench.transcript(&["generate", "Say hello", "--seed", "7", "--temperature", "0.5"]),
        bench.transcript(&["generate", "Say hello", "--json"]),
        bench.transcript_with_input(&["generate", "--stop", "two", "--raw"], "def f():\n"),
        bench.transcript(&["generate", "Go on", "--max-tokens", "2"]),
        bench.transcript(&["generate", "Too much"]),
    ];
    assert_snapshot!(text.join("\n"));
    let requests = model.requests();
    assert_eq!((requests[0].sampling.seed, requests[0].sampling.temperature), (7, 0.5));
    assert_eq!(requests[2].prompt, Prompt::Text("def f():\n".into()));
    assert_eq!(requests[2].stop, ["two"]);
}

/// Protects editors: the text at a place, in a repository, outside one, and for a buffer that is not saved.
#[test]
fn complete_in_its_forms() {
    let bench = bench();
    let model = saying(&["    return a * b", "    return a * b", "    pass"]);
    let _daemon = FakeDaemon::start(&bench, Arc::clone(&model) as _);
    let outside = tempfile::tempdir().expect("a folder");
    let file = outside.path().join("free.py");
    std::fs::write(&file, "def mul(a, b):\n    \n").expect("written");
    let json = bench.command(&["complete", "src/util.py:2:5", "--json"]).output().expect("it runs");
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).expect("one JSON object");
    assert_eq!((value["line"].as_u64(), value["column"].as_u64()), (Some(2), Some(5)));
    let free = bench.transcript(&[
        "-C",
        &outside.path().to_string_lossy(),
        "complete",
        &format!("{}:2:5", file.to_string_lossy()),
    ]);
    assert!(free.contains("exit code: 0") && free.contains("return a * b"), "{free}");
    let buffer = bench.transcript_with_input(&["complete", "new.py:2:5", "--stdin"], "def f():\n    \n");
    assert!(buffer.contains("exit code: 0") && buffer.contains("pass"), "{buffer}");
    let Prompt::Fill { prefix, suffix } = &model.requests()[0].prompt else { panic!("not a fill prompt") };
    assert!(prefix.ends_with("def add(a, b):\n") && suffix.starts_with("return a + b"), "{prefix:?} {suffix:?}");
}

/// Protects users of models that were not trained to fill holes: they are told, on standard error only, each time that
/// they ask for it and at no other time.
#[test]
fn complete_warns_where_the_model_was_not_trained_for_it() {
    let bench = bench();
    let model = FakeModel::saying(["    return a * b", "It adds."]).warning_of_fill("it may not fit");
    let _daemon = FakeDaemon::start(&bench, Arc::new(model));
    let complete = bench.command(&["complete", "src/util.py:2:5"]).output().expect("it runs");
    assert!(complete.status.success());
    assert!(String::from_utf8_lossy(&complete.stderr).contains("warning: it may not fit"), "{complete:?}");
    assert!(!String::from_utf8_lossy(&complete.stdout).contains("may not fit"));
    let explain = bench.command(&["explain", "what is this?", "src/util.py"]).output().expect("it runs");
    assert!(explain.status.success() && !String::from_utf8_lossy(&explain.stderr).contains("may not fit"));
}

/// Protects `explain`: the answer is on standard output, about the lines that were named.
#[test]
fn explain_about_lines_of_a_file() {
    let bench = bench();
    let model = saying(&["It adds two numbers."]);
    let _daemon = FakeDaemon::start(&bench, Arc::clone(&model) as _);
    assert_snapshot!(bench.transcript(&["explain", "what is this?", "src/util.py:2-2"]));
    assert!(format!("{:?}", model.requests()[0].prompt).contains("return a + b"));
}

/// Protects Ctrl-C: the command ends at once with 130, the file is as it was, and the daemon is free again.
#[test]
fn an_interrupt_ends_the_command_and_changes_nothing() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, Arc::new(Endless::new()));
    for args in [&["generate", "x"][..], &["edit", "x", "src/util.py", "--yes"], &["explain", "x", "src/util.py"]] {
        let mut command = bench.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let asked = Instant::now();
        let status = loop {
            // Again and again until it ends: the first one may come before the handler is there, as a user's may.
            if asked.elapsed() > Duration::from_millis(700) {
                interrupt(child.id());
            }
            if let Some(status) = child.try_wait().expect("it can be asked") {
                break status;
            }
            assert!(asked.elapsed() < Duration::from_secs(20), "{args:?} does not end");
            std::thread::sleep(Duration::from_millis(100));
        };
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert_eq!(status.code(), Some(130), "{args:?}: {said}");
        assert!(said.contains("error: interrupted\n"), "{args:?}: {said}");
        assert_eq!(bench.repo.read("src/util.py"), OLD.as_bytes());
    }
    let status = bench.transcript(&["status"]);
    assert!(status.contains("idle, 0 waiting"), "{status}");
}

fn interrupt(pid: u32) {
    let sent = Command::new("kill").args(["-INT", &pid.to_string()]).status().expect("kill runs");
    assert!(sent.success() || cfg!(unix));
}

/// Protects pipes: `deepcoder generate … | head` ends when the reader has gone.
#[test]
fn a_reader_that_leaves_ends_the_generation() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, Arc::new(Endless::new()));
    let mut child =
        bench.command(&["generate", "x"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut out = child.stdout.take().expect("piped");
    out.read_exact(&mut [0; 4]).expect("some text");
    drop(out);
    let start = Instant::now();
    while child.try_wait().expect("it can be asked").is_none() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(child.wait().expect("it ended").code(), Some(0));
}

/// Protects users of a daemon that dies: the command fails with a hint, the file is as it was.
#[test]
fn a_daemon_that_ends_in_the_middle_is_an_error() {
    let bench = bench();
    let daemon = FakeDaemon::start(&bench, Arc::new(Endless::new()));
    let mut command = bench.command(&["edit", "x", "src/util.py", "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut client = Client::connect(&bench.socket()).expect("a daemon");
    let start = Instant::now();
    while !client.status().expect("a status").busy {
        assert!(start.elapsed() < Duration::from_secs(20), "the edit never asked the model");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(daemon);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the daemon is stopping") && said.contains("hint:"), "{said}");
    assert_eq!(bench.repo.read("src/util.py"), OLD.as_bytes());
}

/// Protects the tree from two edits at once: one is applied, the other is too, or is refused, or finds nothing to do.
#[test]
fn two_edits_at_once_leave_one_result() {
    let bench = bench();
    let _daemon = FakeDaemon::start(&bench, saying(&[NEW, NEW]));
    let start = || {
        let mut command = bench.command(&["edit", "add type hints", "src/util.py", "--yes"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
    };
    let (one, two) = (start(), start());
    let codes = [one, two].map(|child| child.wait_with_output().expect("it ends").status.code());
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 2))), "{codes:?}");
    assert_eq!(bench.repo.read("src/util.py"), NEW.as_bytes());
    let log = bench.command(&["log", "--json"]).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&log.stdout).lines().count(), 1, "one edit is in the history");
}

/// Protects the daemon's life: it listens for this user only, says how it is, refuses a second one, and leaves no
/// socket behind when it is asked to end.
#[test]
fn serve_until_it_is_told_to_end() {
    let bench = bench();
    let mut command = bench.command(&["serve"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    let start = Instant::now();
    while Client::connect(&bench.socket()).is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = bench.transcript(&["serve"]);
    assert!(second.contains("exit code: 2") && second.contains("error: a daemon is already running"), "{second}");
    let status = bench.transcript(&["status"]);
    assert!(status.contains("model: none in memory") && status.contains("exit code: 0"), "{status}");
    interrupt(child.id());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!bench.socket().exists());
}

/// Protects authors: a daemon that a command starts, a commit's hook say, keeps nothing of that command's author, dates,
/// repository and configuration, nor of the `make` that it ran in.
#[test]
fn a_daemon_forgets_the_command_that_started_it() {
    let bench = bench();
    let vars = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_DATE", "GIT_COMMITTER_EMAIL", "GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"];
    let vars = [&vars[..], &["GIT_EDITOR", "GIT_CONFIG_PARAMETERS", "MAKEFLAGS", "HF_TOKEN"]].concat();
    let mut jobs = bench.command(&["jobs", "list"]);
    jobs.envs(vars.iter().map(|name| (*name, "the-callers-own")));
    let said = jobs.output().expect("it runs");
    let pid = Client::connect(&bench.socket()).unwrap_or_else(|_| panic!("no daemon: {said:?}")).server().pid;
    let environ = std::fs::read(format!("/proc/{pid}/environ")).expect("its variables");
    bench.transcript(&["stop"]);
    let environ = String::from_utf8_lossy(&environ);
    assert!(environ.contains("HOME=") && !environ.contains("the-callers-own"), "{environ}");
}

/// Protects users who have installed a new version: status says that the daemon is of another build, and which.
#[test]
fn status_tells_builds_apart() {
    let bench = bench();
    let daemon = FakeDaemon::start_as(&bench, saying(&["never"]), "0.0.1");
    let text = bench.transcript(&["status"]);
    assert!(text.contains("version 0.0.1,") && text.contains("another build than this program"), "{text}");
    let text = bench.transcript(&["status", "--json"]);
    assert!(text.contains("\"same_build\":false"), "{text}");
    drop(daemon);
    let daemon = FakeDaemon::start(&bench, saying(&["never"]));
    let text = bench.transcript(&["status"]);
    assert!(!text.contains("another build"), "{text}");
    drop(daemon);
}

/// Protects users who install a new version: the daemon of the old one is ended, and a new one is started in its place,
/// which here finds no model.
#[test]
fn a_daemon_of_another_build_is_replaced() {
    let bench = bench();
    let daemon = FakeDaemon::start_as(&bench, saying(&["never"]), "0.0.1");
    let text = bench.transcript(&["generate", "x"]);
    assert!(text.contains("is not installed"), "{text}");
    assert!(Client::connect(&bench.socket()).is_err(), "the old daemon has ended");
    drop(daemon);
}

/// Protects the daemon's verbs: status says what is in memory, stop ends it, and a second stop is no error.
#[test]
fn status_and_stop() {
    let bench = bench();
    let daemon = FakeDaemon::start(&bench, saying(&["hi"]));
    bench.transcript(&["generate", "x", "--model", "some-model"]);
    let output = bench.command(&["status", "--json"]).output().expect("it runs");
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((status["running"].as_bool(), status["model"].as_str()), (Some(true), Some("some-model")));
    assert!(bench.transcript(&["stop"]).contains("stopped"));
    assert!(bench.transcript(&["stop"]).contains("the daemon was not running"));
    drop(daemon);
}
