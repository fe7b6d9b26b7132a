//! The program in the sandbox is this test binary itself, running [`inmate`] with orders on its standard input.

#![expect(clippy::disallowed_methods, reason = "the files are in temporary folders")]

mod attacks;
mod calls;
mod programs;

use super::*;
use deepcoder_test_support::skip;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;

/// Does what the first line of its standard input says and writes `RESULT` with what came of it. It is a program for
/// the other tests, which is why it is ignored; without orders it does nothing.
#[test]
#[ignore = "the program that the other tests run in the sandbox"]
fn inmate() {
    let mut orders = String::new();
    std::io::stdin().read_to_string(&mut orders).expect("orders");
    let (verb, rest) = orders.split_once(' ').unwrap_or((orders.as_str(), ""));
    let said = |outcome: Result<String, io::Error>| match outcome {
        Ok(text) => format!("did it {text}"),
        Err(error) => format!("failed {:?}", error.kind()),
    };
    let done = |()| String::new();
    let text = match verb {
        "connect" => said(TcpStream::connect(rest).map(|_| String::new())),
        "udp" => said(UdpSocket::bind("127.0.0.1:0").map(|_| String::new())),
        "unix" => said(std::os::unix::net::UnixStream::connect(rest).map(|_| String::new())),
        "pair" => said(std::os::unix::net::UnixStream::pair().map(|_| String::new())),
        "write" => said(std::fs::write(rest, "gone").map(done)),
        "truncate" => said(std::fs::OpenOptions::new().write(true).truncate(true).open(rest).map(|_| String::new())),
        "delete" => said(std::fs::remove_file(rest).map(done)),
        "read" => said(std::fs::read_to_string(rest)),
        "chmod" => said(std::fs::set_permissions(rest, std::fs::Permissions::from_mode(0o777)).map(done)),
        "host" => said(
            run(&shell(Path::new(rest), "echo x > begun; sleep 2; echo x > late"), &Cancel::new())
                .map(|o| format!("{o:?}"))
                .map_err(io::Error::other),
        ),
        "thread" => said(std::thread::Builder::new().spawn(|| ()).map(|_| String::new())),
        "signal" => {
            let pid = rest.parse().ok().and_then(rustix::process::Pid::from_raw).expect("pid");
            said(rustix::process::test_kill_process(pid).map(done).map_err(io::Error::from))
        }
        "abort" => std::process::abort(),
        "env" => std::env::vars_os().map(|(k, _)| k.to_string_lossy().into_owned() + " ").collect(),
        "flood" => loop {
            std::io::stdout().write_all(&[b'x'; 4096]).expect("write");
        },
        "grow" => said(std::fs::write(rest, vec![0; 3 << 20]).map(done)),
        "eat" => Vec::<u8>::new().try_reserve_exact(1 << 30).map_or("failed".into(), |()| "did it".into()),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "calls" => calls::walk(rest == "tools"),
        _ => match attacks::attack(verb, rest) {
            Some(outcome) => said(outcome),
            None => return,
        },
    };
    writeln!(std::io::stdout(), "RESULT {text}").expect("write");
}

fn order(scratch: &Path, orders: &str) -> Sandboxed {
    let exe = std::env::current_exe().expect("test binary");
    let mut program = Sandboxed::new(
        [
            exe.as_os_str(),
            "--exact".as_ref(),
            "sandbox::tests::inmate".as_ref(),
            "--ignored".as_ref(),
            "--nocapture".as_ref(),
        ],
        scratch,
    );
    program.readable = vec![exe];
    program.stdin = orders.as_bytes().to_vec();
    program.limits.wall = Duration::from_secs(20);
    program
}

fn result(scratch: &Path, orders: &str) -> String {
    let output = run(&order(scratch, orders), &Cancel::new()).expect("runs");
    let text = output.stdout.to_text();
    let line = text.lines().find_map(|l| l.split_once("RESULT ")).map(|(_, r)| r.trim().to_owned());
    line.unwrap_or_else(|| panic!("{orders}: {:?} {text} {}", output.ended, output.stderr.to_text()))
}

fn shell(scratch: &Path, script: &str) -> Sandboxed {
    let mut program = Sandboxed::new(["/bin/sh", "-c", script], scratch);
    program.profile = Profile::Toolchain;
    program.limits.wall = Duration::from_secs(20);
    program
}

/// Whether this kernel has the walls. Where it has not, the tests of those walls are skipped.
fn walls(scratch: &Path) -> bool {
    run(&order(scratch, ""), &Cancel::new()).expect("runs").confined
}

/// Protects S4 and the promise of `eval`: code that a model wrote reaches no network, by no family of sockets.
#[test]
fn network_is_denied_and_pairs_are_not() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let address = listener.local_addr().expect("address");
    TcpStream::connect(address).expect("reachable from outside of the sandbox");
    assert_eq!(result(dir.path(), &format!("connect {address}")), "failed PermissionDenied");
    assert_eq!(result(dir.path(), "udp"), "failed PermissionDenied");
    let socket = dir.path().join("s");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("listener");
    assert_eq!(result(dir.path(), &format!("unix {}", socket.display())), "failed PermissionDenied");
    assert_eq!(result(dir.path(), "pair"), "did it");
}

/// Protects the user's files: outside of the scratch folder nothing is written, truncated, deleted, read or re-moded.
#[test]
fn files_outside_are_out_of_reach() {
    let (dir, outside) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "precious").expect("file");
    for verb in ["write", "truncate", "delete", "read", "chmod"] {
        assert_eq!(result(dir.path(), &format!("{verb} {}", secret.display())), "failed PermissionDenied", "{verb}");
    }
    let fresh = outside.path().join("new");
    assert_eq!(result(dir.path(), &format!("write {}", fresh.display())), "failed PermissionDenied");
    assert!(!fresh.exists());
    assert_eq!(std::fs::read_to_string(&secret).expect("file"), "precious");
    let inside = dir.path().join("inside");
    assert_eq!(result(dir.path(), &format!("write {}", inside.display())), "did it");
    assert_eq!(result(dir.path(), &format!("read {}", inside.display())), "did it gone");
    // A link from the scratch folder leads to the same wall.
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&secret, &link).expect("link");
    assert_eq!(result(dir.path(), &format!("write {}", link.display())), "failed PermissionDenied");
}

/// Protects the machine from a snippet: it starts no processes and reaches none.
#[test]
fn a_program_is_one_process() {
    let dir = tempfile::tempdir().expect("dir");
    if !walls(dir.path()) {
        skip!("sandbox", "this kernel has no Landlock 3 or no seccomp");
    }
    let forks = Sandboxed::new(["/bin/sh", "-c", "(exit 0); (exit 0)"], dir.path());
    let output = run(&forks, &Cancel::new()).expect("runs");
    assert!(!output.success() && output.stderr.to_text().contains("fork"), "{output:?}");
    let us = std::process::id();
    assert_eq!(result(dir.path(), &format!("signal {us}")), "failed PermissionDenied");
}

/// Protects the machine from a snippet: it gets threads, and the memory and file limits hold.
#[test]
fn a_program_has_limits() {
    let dir = tempfile::tempdir().expect("dir");
    assert_eq!(result(dir.path(), "thread"), "did it");
    let mut program = order(dir.path(), "eat");
    program.limits.memory_bytes = 512 << 20;
    assert!(run(&program, &Cancel::new()).expect("runs").stdout.to_text().contains("RESULT failed"));
    let mut program = order(dir.path(), &format!("grow {}", dir.path().join("big").display()));
    program.limits.file_bytes = 1 << 20;
    run(&program, &Cancel::new()).expect("runs");
    assert!(std::fs::metadata(dir.path().join("big")).expect("file").len() <= 1 << 20);
    let aborted = run(&order(dir.path(), "abort"), &Cancel::new()).expect("runs");
    assert!(matches!(aborted.ended, Ended::Signalled(_)), "{:?}", aborted.ended);
    let mut program = order(dir.path(), "spin");
    program.limits.cpu_seconds = 1;
    program.limits.wall = Duration::from_secs(300);
    assert!(matches!(run(&program, &Cancel::new()).expect("runs").ended, Ended::Signalled(_)));
}

/// Protects secrets in the environment of the caller. (A shell adds where it is.)
#[test]
fn the_environment_starts_clean() {
    let dir = tempfile::tempdir().expect("dir");
    let names = result(dir.path(), "env");
    let known = ["HOME", "LANG", "PATH", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"];
    assert!(names.split(' ').all(|name| known.contains(&name)), "{names}");
    let mut program = order(dir.path(), "env");
    program.env.push(("EXTRA".into(), "1".into()));
    assert!(run(&program, &Cancel::new()).expect("runs").stdout.to_text().contains("EXTRA"));
}

/// Protects the machine from a caller that is killed: its program dies with it, and does not run on unwatched.
#[test]
fn the_program_dies_with_its_caller() {
    let dir = tempfile::tempdir().expect("dir");
    let exe = std::env::current_exe().expect("test binary");
    let mut host = Command::new(exe)
        .args(["--exact", "sandbox::tests::inmate", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("host");
    let orders = format!("host {}", dir.path().display());
    host.stdin.take().expect("pipe").write_all(orders.as_bytes()).expect("orders");
    let started = Instant::now();
    while !dir.path().join("begun").exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "the program does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    host.kill().expect("kill");
    host.wait().expect("wait");
    std::thread::sleep(Duration::from_millis(2500));
    assert!(!dir.path().join("late").exists(), "the program lived on");
}

/// Protects the limits and the words of a command: they are set before the program begins, and no word is read as a
/// script.
#[test]
fn limits_come_first_and_words_are_words() {
    let dir = tempfile::tempdir().expect("dir");
    let mut program = shell(dir.path(), "ulimit -n; for word; do echo \"$word\"; done");
    program.limits.open_files = 77;
    let words = ["sh", "a b", "$(touch owned)", "; touch owned", "\"'", "-c", ""];
    program.argv.extend(words.map(Into::into));
    let output = run(&program, &Cancel::new()).expect("runs");
    assert_eq!(output.stdout.to_text(), "77\n".to_owned() + &words[1..].join("\n") + "\n");
    assert!(!dir.path().join("owned").exists());
}

/// Protects the machine: a fork bomb ends when it exceeds its processes, well before the deadline, and leaves nobody.
#[test]
fn a_fork_bomb_is_stopped() {
    let dir = tempfile::tempdir().expect("dir");
    let mut program = shell(dir.path(), "b() { b | b & b; }; b");
    program.limits.processes = 20;
    let output = run(&program, &Cancel::new()).expect("runs");
    // Should the shell run into the kernel's limit first it fails by itself; either way it is over early.
    assert_eq!(output.ended, Ended::TooManyProcesses);
    assert!(output.elapsed < Duration::from_secs(10), "{:?}", output.elapsed);
}

/// Protects memory: endless output costs the cap and no more, and both its beginning and its end are kept.
#[test]
fn endless_output_is_capped() {
    let dir = tempfile::tempdir().expect("dir");
    let mut program = order(dir.path(), "flood");
    program.limits.output_bytes = 10_000;
    program.limits.wall = Duration::from_secs(3);
    let output = run(&program, &Cancel::new()).expect("runs");
    assert_eq!((output.ended, output.stdout.bytes.len()), (Ended::TimedOut, 10_000));
    assert!(output.stdout.dropped > 10_000);
    let mut program = shell(dir.path(), "i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); done");
    program.limits.output_bytes = 1000;
    let text = run(&program, &Cancel::new()).expect("runs").stdout.to_text();
    assert!(text.starts_with("line 0\n") && text.ends_with("line 3999\n") && text.contains("bytes left out"), "{text}");
}

/// Protects S3: at the deadline the grandchildren die as well, also one that tries to leave the group, and also one
/// that outlives its parent; they would show by writing a file.
#[test]
fn nobody_outlives_the_run() {
    let dir = tempfile::tempdir().expect("dir");
    let late = dir.path().join("late");
    let stay = format!("(sleep 2; echo x > {0}) & (setsid sh -c 'sleep 2; echo x > {0}') & ", late.display());
    let mut program = shell(dir.path(), &format!("{stay} sleep 30"));
    program.limits.wall = Duration::from_millis(300);
    let output = run(&program, &Cancel::new()).expect("runs");
    assert_eq!(output.ended, Ended::TimedOut);
    assert!(output.elapsed < Duration::from_secs(5));
    // The leader ends at once and leaves children that hold the pipes.
    let output = run(&shell(dir.path(), &format!("{stay} exit 3")), &Cancel::new()).expect("runs");
    assert_eq!(output.ended, Ended::Exited(3));
    assert!(output.elapsed < Duration::from_millis(1900), "{:?}", output.elapsed);
    std::thread::sleep(Duration::from_millis(2300));
    assert!(!late.exists(), "somebody lived on");
}

/// Protects Ctrl-C: a cancelled run ends at once.
#[test]
fn cancelling_ends_the_run() {
    let dir = tempfile::tempdir().expect("dir");
    let cancel = Cancel::new();
    let later = cancel.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        later.cancel();
    });
    let output = run(&shell(dir.path(), "sleep 30"), &cancel).expect("runs");
    canceller.join().expect("thread");
    assert_eq!(output.ended, Ended::Cancelled);
    assert!(output.elapsed < Duration::from_secs(5));
}

/// Protects error messages, and that a large input which nobody reads neither blocks nor fails the run.
#[test]
fn starting_and_feeding() {
    let dir = tempfile::tempdir().expect("dir");
    let missing = run(&Sandboxed::new(["no-such-program"], dir.path()), &Cancel::new()).expect_err("cannot start");
    assert!(missing.to_string().starts_with("`no-such-program` cannot be started"), "{missing}");
    assert!(missing.hint().is_some());
    let folder = run(&Sandboxed::new(["/etc"], dir.path()), &Cancel::new()).expect_err("cannot start");
    assert!(matches!(folder, SandboxError::Start { .. }), "{folder}");
    let nothing: [&str; 0] = [];
    assert!(matches!(run(&Sandboxed::new(nothing, dir.path()), &Cancel::new()), Err(SandboxError::NoProgram)));
    let mut program = Sandboxed::new(["/bin/true"], dir.path());
    program.stdin = vec![b'x'; 1 << 20];
    assert!(run(&program, &Cancel::new()).expect("runs").success());
    let mut program = Sandboxed::new(["cat"], dir.path());
    program.stdin = b"first\nsecond".to_vec();
    assert_eq!(run(&program, &Cancel::new()).expect("runs").stdout.bytes, program.stdin);
}

/// Protects conversations with a program: both sides are heard, the program ends with the conversation, and one that says
/// nothing more is ended at the deadline, which its partner sees as the end of the output.
#[test]
fn a_conversation_ends_with_the_program() {
    let scratch = tempfile::tempdir().expect("folder");
    let mut heard = String::new();
    let talked = talk(
        &shell(scratch.path(), "read line; echo \"got $line\"; exec sleep 1000"),
        &Cancel::new(),
        |mut to, from| {
            writeln!(to, "hello").expect("written");
            let mut lines = io::BufRead::lines(io::BufReader::new(from));
            heard = lines.next().expect("a line").expect("text");
        },
    );
    assert_eq!((heard.as_str(), talked.expect("runs").ended), ("got hello", Ended::Exited(0)));
    let mut silent = shell(scratch.path(), "exec sleep 1000");
    silent.limits.wall = Duration::from_millis(300);
    let mut rest = vec![1];
    let talked = talk(&silent, &Cancel::new(), |_to, mut from| {
        rest.clear();
        from.read_to_end(&mut rest).expect("its end");
    });
    assert_eq!((rest.len(), talked.expect("runs").ended), (0, Ended::TimedOut));
}
