//! The descriptor that must not be inherited is opened the way a shell leaves one: without "close on exec".

use super::*;
use rustix::fs::{Mode, OFlags, open};
use std::os::fd::AsRawFd as _;

/// Protects whatever this process inherited from every program that it starts: git and its hooks, the model's process,
/// programs in the sandbox. The descriptor stays open and inheritable here, where it is not ours.
#[test]
fn inherited_descriptors_reach_no_child() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("outside");
    let inherited = open(&path, OFlags::WRONLY | OFlags::CREATE, Mode::RWXU).unwrap();
    let script = format!("echo gone >&{} 2>/dev/null; echo done", inherited.as_raw_fd());
    let mut command = Command::new("/bin/bash");
    command.args(["-c", &script]);
    // The measure of the test: the ordinary way lets it through.
    assert!(command.output().unwrap().status.success());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "gone\n");
    rustix::fs::ftruncate(&inherited, 0).unwrap();
    let said = output(command, b"").unwrap();
    assert_eq!(said.stdout, b"done\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    assert!(!rustix::io::fcntl_getfd(&inherited).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
}

/// Protects callers from waiting for ever: a program's pipes close when it ends, and both directions carry everything.
#[test]
fn pipes_carry_everything_and_close() {
    let input = vec![b'x'; 1 << 20];
    assert_eq!(output(Command::new("cat"), &input).unwrap().stdout, input);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo out; echo err >&2; exit 3"]);
    let said = output(command, b"not read").unwrap();
    assert_eq!((said.status.code(), &said.stdout[..], &said.stderr[..]), (Some(3), &b"out\n"[..], &b"err\n"[..]));
    assert_eq!(output(Command::new("no-such-program"), b"").unwrap_err().kind(), io::ErrorKind::NotFound);
}
