//! With the git that is installed.

use crate::{Git, Scope, VARIABLES, forget_caller, run};
use deepcoder_types::Cancel;
use std::collections::BTreeSet;
use std::process::Command;

fn names() -> BTreeSet<&'static str> {
    VARIABLES.iter().map(|(name, _)| *name).collect()
}

/// Protects other repositories from the variables of the caller's: the list holds whatever the installed git calls local
/// to a repository, and each name once.
#[test]
fn the_list_holds_what_git_calls_local() {
    let out = Command::new("git").args(["rev-parse", "--local-env-vars"]).output().expect("git");
    let out = String::from_utf8(out.stdout).expect("text");
    assert!(out.lines().count() > 10, "{out}");
    for local in out.lines() {
        assert!(names().contains(local), "{local} would be inherited");
    }
    assert_eq!(names().len(), VARIABLES.len(), "a name stands there twice");
}

/// The output of `env` in place of git, with every variable of the list set.
fn inherited(mut command: Command, of: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("folder");
    let fake = folder.path().join(of);
    std::os::unix::fs::symlink("/usr/bin/env", &fake).expect("link");
    let removed: Vec<_> = command.get_envs().map(|(k, v)| (k.to_owned(), v.map(std::ffi::OsStr::to_owned))).collect();
    command = Command::new(fake);
    command.envs(VARIABLES.iter().map(|(name, _)| (name, "caller's")));
    for (name, value) in removed {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let out = run(command, b"", &Cancel::new()).expect("it runs").out;
    String::from_utf8_lossy(&out).lines().map(str::to_owned).collect()
}

/// Protects the author of the caller's own commits, and everything else from the caller's variables: a command of ours
/// inherits the author and configuration only, a hook's command also the repository, a lasting process nothing.
#[test]
fn children_inherit_by_scope() {
    let of =
        |scope: Scope| VARIABLES.iter().filter(move |(_, s)| *s == scope).map(|(name, _)| format!("{name}=caller's"));
    let here = std::path::Path::new("/");
    let plain = inherited(Git::new(here).command(), "git");
    assert!(of(Scope::Caller).all(|line| plain.contains(&line)), "{plain:?}");
    assert!(of(Scope::Repository).chain(of(Scope::Meaning)).all(|line| !plain.contains(&line)), "{plain:?}");
    let hook = inherited(Git::new(here).in_hook(true).quiet(), "git");
    assert!(of(Scope::Repository).all(|line| hook.contains(&line)), "{hook:?}");
    let mut lasting = Command::new("deepcoder");
    forget_caller(&mut lasting);
    let lasting = inherited(lasting, "deepcoder");
    assert!(!lasting.iter().any(|line| line.ends_with("=caller's")), "{lasting:?}");
}

/// Protects the commits of a daemon that was started by hand, in a shell or a makefile: from the moment that it says so,
/// its git children inherit none of what that shell had set. A process of its own, since it is said for all of it.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test starts itself again")]
fn a_process_that_outlives_its_caller_says_so_once() {
    const CHILD: &str = "DEEPCODER_TEST_OUTLIVES";
    if std::env::var(CHILD).is_ok() {
        crate::outlive_caller();
        let lasting = inherited(Git::new(std::path::Path::new("/")).in_hook(true).command(), "git");
        assert!(!lasting.iter().any(|line| line.ends_with("=caller's")), "{lasting:?}");
        assert!(!lasting.iter().any(|line| line.starts_with("MAKEFLAGS=")), "{lasting:?}");
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("itself"));
    child
        .args(["tests::a_process_that_outlives_its_caller_says_so_once", "--exact"])
        .env(CHILD, "1")
        .env("MAKEFLAGS", "-j --jobserver");
    let output = child.output().expect("it runs");
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Protects long hooks and large answers: input that the child does not read and output over a pipe's size block
/// nothing, and a command that is to stop does.
#[test]
fn pipes_do_not_block_and_commands_stop() {
    let mut command = Command::new("sh");
    command.args(["-c", "head -c 300000 /dev/zero; echo no >&2; exit 3"]);
    let said = run(command, &vec![b'x'; 300_000], &Cancel::new()).expect("it runs");
    assert_eq!((said.status.code(), said.out.len(), said.reason()), (Some(3), 300_000, "no".into()));
    let asked = Cancel::new();
    std::thread::scope(|scope| {
        // Before it waits or while it does: either way the command ends.
        for _ in 0..2 {
            let mut command = Command::new("sleep");
            command.arg("600");
            let waits = scope.spawn(|| run(command, b"", &asked).expect("it runs"));
            asked.cancel();
            assert!(waits.join().expect("it ends").status.code().is_none());
        }
    });
}
