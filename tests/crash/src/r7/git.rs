//! Git at work in the tree.

use fastrand::Rng;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What people do with git, in a tree that others write to meanwhile. Ends without an operation under way.
pub(crate) fn work(root: &Path, rng: &mut Rng, times: usize) {
    for n in 0..times {
        match rng.u32(..7) {
            0 | 1 => _ = git(root, &["checkout", "-q", "-f", "other"]) && git(root, &["checkout", "-q", "-f", "main"]),
            2 => {
                git(root, &["checkout", "-q", "-f", "-B", &format!("topic{n}"), "topic"]);
                git(root, &["rebase", "-q", "-f", "other"]);
            }
            3 => {
                git(root, &["worktree", "add", "-q", "-f", &format!("linked{n}"), "other"]);
                if rng.bool() {
                    git(root, &["worktree", "remove", "-f", &format!("linked{n}")]);
                }
            }
            4 => {
                let source = root.to_str().expect("a path of ours");
                git(root, &["submodule", "--quiet", "add", "-f", source, &format!("sub{n}")]);
                git(root, &["rm", "-q", "-f", "--cached", &format!("sub{n}")]);
            }
            5 => _ = git(root, &["stash", "-q"]) && git(root, &["stash", "pop", "-q"]),
            _ => {
                // It leaves its lock behind.
                let checkout = command(root, &["checkout", "-q", "-f", "other"]).spawn();
                std::thread::sleep(Duration::from_millis(rng.u64(5..200)));
                _ = checkout.and_then(|mut checkout| checkout.kill().and_then(|()| checkout.wait()));
            }
        }
        if n + 1 < times {
            let _ = std::fs::remove_file(root.join(".git/index.lock"));
        }
    }
    git(root, &["rebase", "--abort"]);
}

/// The branches that [`work`] goes to and fro between.
pub(crate) fn branches(root: &Path) {
    must(root, &["init", "-q", "-b", "main"]);
    must(root, &["config", "gc.auto", "0"]);
    must(root, &["add", "-A"]);
    must(root, &["commit", "-q", "-m", "all"]);
    must(root, &["checkout", "-q", "-b", "topic"]);
    for n in 0..3 {
        std::fs::write(root.join(format!("topic{n}.py")), "topic").expect("a file");
        must(root, &["add", "-A"]);
        must(root, &["commit", "-q", "-m", "more"]);
    }
    must(root, &["checkout", "-q", "-b", "other", "main"]);
    for entry in std::fs::read_dir(root.join("d0")).expect("a folder").flatten() {
        std::fs::remove_dir_all(entry.path().join("g0")).expect("removed");
        std::fs::write(entry.path().join("g1/f0.py"), "other").expect("a file");
    }
    must(root, &["add", "-A"]);
    must(root, &["commit", "-q", "-m", "other"]);
    must(root, &["checkout", "-q", "main"]);
}

fn must(root: &Path, args: &[&str]) {
    assert!(git(root, args), "git {args:?}");
}

fn git(root: &Path, args: &[&str]) -> bool {
    command(root, args).status().is_ok_and(|status| status.success())
}

fn command(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(root).args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]);
    command.args(args).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_EDITOR", "true");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
