//! Descriptors that the program inherits do not reach its children.

use crate::workbench::Workbench;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// Protects what a shell or a build tool left open: no program that a verb starts gets it, whichever way it is started.
#[test]
fn what_was_left_open_stays_with_us() {
    let bench = Workbench::new(&[]);
    let elsewhere = tempfile::tempdir().expect("folder");
    let (outside, ran) = (elsewhere.path().join("outside"), elsewhere.path().join("ran"));
    let git = elsewhere.path().join("git");
    std::fs::write(&git, "#!/bin/sh\necho > \"${0%/*}/ran\"\necho gone >&9\necho git version 2\n").expect("script");
    std::fs::set_permissions(&git, std::fs::Permissions::from_mode(0o755)).expect("mode");
    let program = bench.command(&["doctor"]);
    let path = std::env::var_os("PATH").expect("a path");
    let folders = [elsewhere.path().to_owned()].into_iter().chain(std::env::split_paths(&path));
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "exec 9>\"$0\"; exec \"$@\""]).arg(&outside).arg(program.get_program()).args(program.get_args());
    shell.current_dir(bench.repo.path()).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", std::env::join_paths(folders).expect("a path")).output().expect("it runs");
    assert!(ran.exists(), "git was not asked");
    assert_eq!(std::fs::read_to_string(&outside).expect("file"), "");
}
