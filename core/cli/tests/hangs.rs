//! Commands neither hang nor panic nor die in silence when something other than a file is in a file's place.

use crate::workbench::Workbench;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

/// Far longer than any of these commands takes, far shorter than for ever.
const LIMIT: Duration = Duration::from_secs(30);

fn fifo(path: &Path) {
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    let _ = std::fs::remove_file(path);
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
}

/// Wait for the end; a child that does not come to it is killed.
fn end(mut child: Child, what: &str) -> Output {
    let start = Instant::now();
    while child.try_wait().expect("waited").is_none() {
        if start.elapsed() > LIMIT {
            let _ = child.kill();
            assert!(start.elapsed() < LIMIT, "{what} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("its output")
}

fn run(bench: &Workbench, args: &[&str]) -> (Option<i32>, String) {
    let mut command = bench.command(args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let output = end(child, &args.join(" "));
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), bench.anonymous(&text))
}

/// Protects from repositories and folders that hold something else than files: every command ends, and says which file
/// it is.
#[test]
fn a_fifo_is_named_and_not_waited_for() {
    let home = |bench: &Workbench, name: &str| bench.home().join(name);
    let repo = |bench: &Workbench, name: &str| bench.repo.join(name);
    type At = fn(&Workbench, &str) -> std::path::PathBuf;
    let cases: [(At, &str, &[&str]); 11] = [
        (repo, ".git/config", &["log"]),
        (repo, ".git/config", &["hook", "status"]),
        (repo, ".git/packed-refs", &["edit", "x", "a.py"]),
        (repo, ".git/objects/info/alternates", &["log"]),
        (repo, ".git/HEAD", &["hook", "run"]),
        (repo, "deepcoder.toml", &["hook", "status"]),
        (repo, "deepcoder.toml", &["hook", "run"]),
        (repo, ".git/hooks/pre-commit", &["hook", "install"]),
        (home, "config.toml", &["status"]),
        (home, "models/m/deepcoder.json", &["models", "list"]),
        (home, "state/daemon.log", &["jobs", "list"]),
    ];
    for (at, name, args) in cases {
        let bench = Workbench::new(&[("a.py", b"x = 1\n")]);
        fifo(&at(&bench, name));
        let (code, said) = run(&bench, args);
        let file = name.rsplit('/').next().expect("a name");
        assert!(matches!(code, Some(1 | 2)), "{name}: {code:?} {said}");
        let known = said.contains("a FIFO") || said.contains("not a plain file");
        assert!(known && said.contains(file), "{name}: {said}");
    }
}

/// Protects users who end a command that hangs for an unforeseen reason: one SIGTERM ends it.
#[test]
fn a_command_that_hangs_is_ended_by_one_signal() {
    let bench = Workbench::new(&[]);
    let tasks = bench.home().join("tasks");
    fifo(&tasks);
    let mut command = bench.command(&["eval", "humaneval", "--data", &tasks.to_string_lossy()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let pid = rustix::process::Pid::from_child(&child);
    // It hangs once it sleeps in the opening of the FIFO; its handlers are there since before.
    let state = || std::fs::read_to_string(format!("/proc/{}/wchan", pid.as_raw_nonzero())).unwrap_or_default();
    let start = Instant::now();
    while !state().contains("fifo") && start.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(10));
    }
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signalled");
    let output = end(child, "a command that was asked to end");
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("error: interrupted"), "{said}");
}

/// Protects scripts in folders that are gone: the version and the help need none, and other verbs say what is wrong.
#[test]
fn a_folder_that_is_gone_is_said() {
    let bench = Workbench::new(&[]);
    let gone = bench.home().join("gone");
    let exe = env!("CARGO_BIN_EXE_deepcoder");
    let said = |args: &str| {
        std::fs::create_dir_all(&gone).expect("a folder");
        let script = format!("rmdir {} && exec {exe} {args}", gone.display());
        let mut command = bench.command(&[]);
        let vars = command.get_envs().filter_map(|(n, v)| Some((n.to_owned(), v?.to_owned()))).collect::<Vec<_>>();
        command = std::process::Command::new("sh");
        let output = command.current_dir(&gone).env_clear().envs(vars).args(["-c", &script]).output().expect("it runs");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code(), text)
    };
    let version = format!("deepcoder {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(said("--version"), (Some(0), version));
    let (code, text) = said("log");
    assert_eq!(code, Some(2));
    assert!(text.contains("the working directory does not exist any more\nhint: "), "{text}");
    let (code, text) = said(&format!("-C {} log", bench.repo.path().display()));
    assert_eq!((code, text.contains("no edits were made")), (Some(0), true), "{text}");
}

/// Protects users whose folders are named in another encoding: JSON has U+FFFD for what is not UTF-8, and nothing panics.
#[test]
fn paths_that_are_not_utf8_are_shown() {
    let bench = Workbench::new(&[]);
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let (root, home) = (bench.home().join(odd).join("repo"), bench.home().join(odd).join("home"));
    std::fs::create_dir_all(&root).expect("a folder");
    std::fs::create_dir_all(home.join("models/broken")).expect("a folder");
    std::fs::write(home.join("models/broken/deepcoder.json"), "{}").expect("written");
    let git = |args: &[&str]| {
        let done = std::process::Command::new("git").current_dir(&root).args(args).status().expect("git runs");
        assert!(done.success());
    };
    git(&["init", "-q"]);
    let run = |args: &[&str]| {
        let mut command = bench.command(args);
        command.current_dir(&root).env("DEEPCODER_HOME", &home).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = end(command.spawn().expect("it runs"), &args.join(" "));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!error.contains("panicked") && output.status.code() != Some(101), "{args:?}: {error}");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"), error)
    };
    for (args, code) in [
        (&["hook", "install", "--json"][..], 0),
        (&["hook", "status", "--json"], 0),
        (&["hook", "uninstall", "--json"], 0),
        (&["hook", "install"], 0),
        (&["status", "--json"], 0),
        (&["models", "list", "--json"], 1),
        (&["service", "status", "--json"], 1),
        // The history is in a database whose path must be UTF-8.
        (&["log", "--json"], 2),
        (&["undo", "--json"], 2),
        (&["doctor", "--json"], 1),
        (&["edit", "x", "--json"], 2),
        (&["jobs", "add", "x", "--no-daemon", "--json"], 2),
    ] {
        let (exit, out, error) = run(args);
        assert_eq!(exit, Some(code), "{args:?}: {out}{error}");
        for line in out.lines().filter(|_| args.contains(&"--json")) {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON");
        }
    }
}

/// Protects the stack and the process from globs that are all braces, wherever they are typed or written.
#[test]
fn deep_globs_are_refused() {
    let bench = Workbench::new(&[("a.py", b"x = 1\n")]);
    let deep = format!("{}x{}", "{a,".repeat(200), "}".repeat(200));
    let long = "?".repeat(50_000);
    for glob in [&deep, &long] {
        let (code, said) = run(&bench, &["edit", "x", glob, "--no-daemon"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("is not a pattern: it"), "{said}");
        let config = format!("[[hook.action]]\nuse = \"trailing-space\"\nfiles = [\"{glob}\"]\n");
        bench.repo.write("deepcoder.toml", config.as_bytes());
        let (code, said) = run(&bench, &["hook", "run"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("deepcoder.toml:3: this is not a glob") || said.contains("64 KiB"), "{said}");
    }
}

/// Protects people whose daemon cannot listen: the reason is said at once, and not "did not answer" after a while.
#[test]
fn a_daemon_that_cannot_listen_says_why() {
    let bench = Workbench::new(&[]);
    let run_folder = bench.home().join("run");
    std::fs::create_dir(&run_folder).expect("a folder");
    std::fs::set_permissions(&run_folder, std::fs::Permissions::from_mode(0o777)).expect("open to all");
    let start = Instant::now();
    let (code, said) = run(&bench, &["jobs", "list"]);
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
    assert_eq!(code, Some(2));
    assert!(said.contains("the daemon could not be started: the folder") && said.contains("hint: chmod 700"), "{said}");
}

/// Protects users with folders of their own choice: the service uses the models, the jobs and the socket of the commands.
#[test]
fn a_service_has_the_shells_folders() {
    let bench = Workbench::new(&[]);
    let mut command = bench.command(&["service", "install", "--print"]);
    command.env_remove("DEEPCODER_HOME").env("DEEPCODER_MODEL", "m").env("DEEPCODER_STORE", "postgres://me@host/db");
    for name in ["CONFIG_HOME", "DATA_HOME", "STATE_HOME", "CACHE_HOME", "RUNTIME_DIR"] {
        command.env(format!("XDG_{name}"), format!("/elsewhere/{name}"));
    }
    let output = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    for line in [
        "Environment=\"XDG_DATA_HOME=/elsewhere/DATA_HOME\"",
        "Environment=\"XDG_STATE_HOME=/elsewhere/STATE_HOME\"",
        "Environment=\"XDG_CONFIG_HOME=/elsewhere/CONFIG_HOME\"",
        "Environment=\"XDG_RUNTIME_DIR=/elsewhere/RUNTIME_DIR\"",
        "Environment=\"DEEPCODER_MODEL=m\"",
        "Environment=\"DEEPCODER_STORE=postgres://me@host/db\"",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}
