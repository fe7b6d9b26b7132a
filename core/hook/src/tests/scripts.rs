//! Installing, and what git and other tools make of it.

use super::Bench;
use crate::{HookState, HookType, InstallError, Target};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

impl Bench {
    fn target(&self, hook: HookType) -> Target {
        Target { cwd: self.repo.path().to_owned(), hook, global: false, state_dir: self.state.path().to_owned() }
    }

    /// An executable that notes how it was called, and ends with `code`.
    fn program(&self, name: &str, code: u8) -> PathBuf {
        let path = self.state.path().join(name);
        let log = self.state.path().join("log");
        let text = format!("#!/bin/sh\necho \"{name} $*\" >>'{0}'\ncat >>'{0}'\nexit {code}\n", log.display());
        executable(&path, &text);
        path
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.state.path().join("log")).unwrap_or_default()
    }
}

fn executable(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o750)).expect("set");
}

/// Protects the hook that was there: it runs first, with its arguments, its standard input and its exit code, and after
/// `uninstall` it is the same file again, byte for byte and bit for bit.
#[test]
fn a_hook_that_was_there_is_kept_and_runs_first() {
    let bench = Bench::new("", &[]);
    let hook = bench.repo.join(".git/hooks/pre-push");
    let before = format!(
        "#!/bin/sh\necho \"before $*\" >>'{0}'\ncat >>'{0}'\nexit 0\n",
        bench.state.path().join("log").display()
    );
    executable(&hook, &before);
    let inode = std::fs::metadata(&hook).expect("a file").ino();
    let target = bench.target(HookType::PrePush);
    let ours = bench.program("it's ours", 0);
    let done = crate::install(&target, &ours).expect("installed");
    assert!(!done.already && done.chained.is_some());
    assert!(crate::install(&target, &ours).expect("installed").already);
    let run = |hook: &Path| {
        let mut child =
            Command::new(hook).args(["origin", "a b"]).stdin(std::process::Stdio::piped()).spawn().expect("it runs");
        use std::io::Write as _;
        child.stdin.take().expect("piped").write_all(b"one\ntwo\n").expect("written");
        child.wait().expect("it ends").code()
    };
    assert_eq!(run(&hook), Some(0));
    assert_eq!(
        bench.log(),
        "before origin a b\none\ntwo\nit's ours hook run --type pre-push -- origin a b\none\ntwo\n"
    );
    std::fs::write(hook.with_extension("before-deepcoder"), "#!/bin/sh\nexit 7\n").expect("written");
    assert_eq!(run(&hook), Some(7));
    std::fs::write(hook.with_extension("before-deepcoder"), &before).expect("written");
    crate::uninstall(&target).expect("removed");
    let meta = std::fs::metadata(&hook).expect("a file");
    assert_eq!((meta.ino(), meta.permissions().mode() & 0o777), (inode, 0o750));
    assert_eq!(std::fs::read_to_string(&hook).expect("text"), before);
    assert!(matches!(crate::uninstall(&target), Err(InstallError::NotInstalled)));
}

/// Protects a repository without hooks: after `uninstall` there is nothing again; a script that was edited is not
/// thrown away; a program that is gone does not keep anybody from committing.
#[test]
fn our_script_comes_and_goes() {
    let bench = Bench::new("", &[]);
    let target = bench.target(HookType::PreCommit);
    let ours = bench.program("deepcoder-of-this-test", 1);
    let done = crate::install(&target, &ours).expect("installed");
    let commit = || {
        Command::new("git")
            .current_dir(bench.repo.path())
            .args(["-c", "user.name=T", "-c", "user.email=t@x", "commit", "-q", "--allow-empty", "-m", "x"])
            .output()
            .expect("git runs")
    };
    assert!(!commit().status.success());
    std::fs::remove_file(&ours).expect("removed");
    let done_without = commit();
    assert!(done_without.status.success());
    assert!(String::from_utf8_lossy(&done_without.stderr).contains("deepcoder is gone"));
    let text = std::fs::read_to_string(&done.path).expect("text");
    std::fs::write(&done.path, format!("{text}echo mine\n")).expect("written");
    assert!(matches!(crate::uninstall(&target), Err(InstallError::Changed(_))));
    assert!(matches!(crate::install(&target, &ours), Err(InstallError::Changed(_))));
    std::fs::write(&done.path, text).expect("written");
    crate::uninstall(&target).expect("removed");
    assert!(!done.path.exists());
}

/// Protects other repositories and other tools: a folder of hooks is taken where git takes it from, and where it is for
/// everybody, switched off, or made by a tool, that is said and nothing is written.
#[test]
fn the_folder_of_hooks_is_the_one_that_git_uses() {
    let bench = Bench::new("", &[]);
    let (target, ours) = (bench.target(HookType::PreCommit), bench.program("ours", 0));
    let install = || crate::install(&target, &ours);
    bench.repo.git(&["config", "core.hooksPath", ".mine"]);
    let done = install().expect("installed");
    assert_eq!(done.path, bench.repo.path().canonicalize().expect("a folder").join(".mine/pre-commit"));
    crate::uninstall(&target).expect("removed");
    bench.repo.write(".mine/pre-commit", b"#!/bin/sh\n");
    bench.repo.git(&["add", "."]);
    assert!(matches!(install(), Err(InstallError::Tracked(..))));
    bench.repo.git(&["config", "core.hooksPath", ".husky/_"]);
    assert!(matches!(install(), Err(InstallError::Managed { tool: "husky", .. })));
    bench.repo.git(&["config", "core.hooksPath", "/dev/null"]);
    assert!(matches!(install(), Err(InstallError::Off(_))));
    bench.repo.git(&["config", "--unset", "core.hooksPath"]);

    // A linked work tree has the hooks of its repository.
    let linked = bench.state.path().join("linked");
    bench.repo.git(&["worktree", "add", "-q", &linked.to_string_lossy(), "-b", "other"]);
    let there = Target { cwd: linked, ..target.clone() };
    let done = crate::install(&there, &ours).expect("installed");
    assert_eq!(done.path, bench.repo.path().canonicalize().expect("a folder").join(".git/hooks/pre-commit"));
    let (all, trusted) = crate::status(bench.repo.path(), bench.state.path()).expect("a status");
    let state: Vec<_> = all.into_iter().map(|s| s.state).collect();
    let trusted = trusted.expect("readable");
    assert_eq!((state, trusted), (vec![HookState::Ours, HookState::Nothing, HookState::Nothing], Some(false)));
}

/// Protects users of other hook managers: theirs is kept and named, also a link.
#[test]
fn hooks_of_other_tools_are_known() {
    let bench = Bench::new("", &[]);
    let (target, ours) = (bench.target(HookType::PreCommit), bench.program("ours", 0));
    let hook = bench.repo.join(".git/hooks/pre-commit");
    let real = bench.repo.join(".git/hooks/real");
    executable(&real, "#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\n");
    std::os::unix::fs::symlink("real", &hook).expect("a link");
    let done = crate::install(&target, &ours).expect("installed");
    assert!(done.note.is_some_and(|note| note.contains(".pre-commit-config.yaml")));
    crate::uninstall(&target).expect("removed");
    assert_eq!(std::fs::read_link(&hook).expect("a link"), Path::new("real"));
    executable(&real, "#!/usr/bin/env ruby\n# overcommit\n");
    assert!(matches!(crate::install(&target, &ours), Err(InstallError::Managed { tool: "Overcommit", .. })));
}

/// Protects other repositories and other folders from what a repository says about itself: its own configuration, a
/// file that this includes, and links lead to no write there. The user's own configuration counts.
#[test]
fn a_repository_leads_to_no_write_elsewhere() {
    let bench = Bench::new("", &[]);
    let (target, ours) = (bench.target(HookType::PreCommit), bench.program("ours", 0));
    let elsewhere = bench.state.path().join("elsewhere");
    executable(&elsewhere.join("pre-commit"), "#!/bin/sh\n");
    let path = elsewhere.to_string_lossy().into_owned();
    let refused = |why: &str| {
        let error = crate::install(&target, &ours).expect_err(why);
        assert!(matches!(error, InstallError::Outside(_)), "{why}: {error}");
        assert!(deepcoder_types::Hint::hint(&error).is_some_and(|hint| hint.contains("--show-origin")));
        let names: Vec<_> =
            std::fs::read_dir(&elsewhere).expect("a folder").map(|e| e.expect("a file").file_name()).collect();
        assert_eq!(names, ["pre-commit"], "{why}");
        assert_eq!(std::fs::read_to_string(elsewhere.join("pre-commit")).expect("text"), "#!/bin/sh\n");
    };
    bench.repo.git(&["config", "core.hooksPath", &path]);
    refused("its configuration");
    assert!(crate::install(&Target { global: true, ..target.clone() }, &ours).is_err());
    bench.repo.git(&["config", "--unset", "core.hooksPath"]);
    let included = bench.repo.join("included");
    std::fs::write(&included, format!("[core]\nhooksPath = {path}\n")).expect("written");
    bench.repo.git(&["config", "include.path", &included.to_string_lossy()]);
    refused("a file that it includes");
    bench.repo.git(&["config", "--unset", "include.path"]);
    std::os::unix::fs::symlink(&elsewhere, bench.repo.join("link")).expect("a link");
    for led in ["link", "link/../elsewhere", "none/../link"] {
        bench.repo.git(&["config", "core.hooksPath", led]);
        refused(led);
    }
    bench.repo.git(&["config", "core.hooksPath", "link/new/deep"]);
    refused("a folder that is not there yet, behind a link");
    bench.repo.git(&["config", "--unset", "core.hooksPath"]);
    let hooks = bench.repo.join(".git/hooks");
    let _ = std::fs::remove_dir_all(&hooks);
    std::os::unix::fs::symlink(&elsewhere, &hooks).expect("a link");
    refused("a link in the place of its folder");
    // Uninstalling does not remove a script of ours through the link either.
    std::fs::remove_file(&hooks).expect("removed");
    let done = crate::install(&target, &ours).expect("installed");
    std::fs::copy(&done.path, elsewhere.join("pre-commit")).expect("copied");
    std::fs::remove_dir_all(&hooks).expect("removed");
    std::os::unix::fs::symlink(&elsewhere, &hooks).expect("a link");
    assert!(matches!(crate::uninstall(&target), Err(InstallError::Outside(_))));
    assert!(elsewhere.join("pre-commit").exists());
}

/// Protects from waiting for ever: something that is no file stands where a hook or the configuration is looked for.
#[test]
fn pipes_in_the_place_of_files_hold_up_nobody() {
    let bench = Bench::new("", &[]);
    let hook = bench.repo.join(".git/hooks/pre-commit");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("made");
    let pipe = |path: &Path| {
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o644.into(), 0).expect("a pipe")
    };
    pipe(&hook);
    std::fs::remove_file(bench.repo.join("deepcoder.toml")).expect("removed");
    pipe(&bench.repo.join("deepcoder.toml"));
    let (all, trusted) = crate::status(bench.repo.path(), bench.state.path()).expect("a status");
    assert_eq!(all[0].state, HookState::Foreign(None));
    let target = bench.target(HookType::PreCommit);
    let refused = crate::install(&target, Path::new("/bin/true")).expect_err("a pipe");
    assert!(refused.to_string().contains("it is a FIFO"), "{refused}");
    assert!(matches!(crate::uninstall(&target), Err(InstallError::NotInstalled)));
    assert!(trusted.expect_err("a pipe").to_string().contains("not a plain file"));
    assert!(crate::run(&crate::Job::Staged, &bench.around()).is_err());
    let message = bench.state.path().join("message");
    pipe(&message);
    std::fs::remove_file(bench.repo.join("deepcoder.toml")).expect("removed");
    assert!(crate::run(&crate::Job::Message(message), &bench.around()).is_err());
}
