//! What is told, and how often.

use super::{LIMIT, Watched, lines, repo};
use crate::watch::{How, WatchOptions};
use deepcoder_test_support::TestRepo;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

/// Protects whoever acts on a save from acting twice or on a backup: each editor's way of saving is one change of the
/// file, and what it makes beside the file is none.
#[test]
fn a_save_is_one_change_in_every_editor() {
    let repo = repo();
    let watched = Watched::new(repo.path());
    let at = |name: &str| repo.join(name);
    let in_place = |text: &str| fs::write(at("a.py"), text).expect("written");
    let vim = |text: &str| {
        fs::write(at("4913"), "").expect("probe");
        fs::remove_file(at("4913")).expect("probe");
        fs::rename(at("a.py"), at("a.py~")).expect("backup");
        fs::write(at("a.py"), text).expect("written");
        fs::write(at(".a.py.swp"), "swap").expect("swap");
        fs::remove_file(at("a.py~")).expect("backup");
    };
    let emacs = |text: &str| {
        symlink("me@here.1:2", at(".#a.py")).expect("lock");
        fs::write(at("#a.py#"), text).expect("auto-save");
        fs::copy(at("a.py"), at("a.py~")).expect("backup");
        fs::write(at("a.py"), text).expect("written");
        fs::remove_file(at("#a.py#")).expect("auto-save");
        fs::remove_file(at(".#a.py")).expect("lock");
    };
    let jetbrains = |text: &str| {
        fs::write(at("a.py___jb_tmp___"), text).expect("written");
        fs::rename(at("a.py"), at("a.py___jb_old___")).expect("moved");
        fs::rename(at("a.py___jb_tmp___"), at("a.py")).expect("moved");
        fs::remove_file(at("a.py___jb_old___")).expect("removed");
    };
    let atomic = |text: &str| {
        fs::write(at(".goutputstream-X1Y2Z3"), text).expect("written");
        fs::rename(at(".goutputstream-X1Y2Z3"), at("a.py")).expect("moved");
    };
    let once = |name: &str, save: &dyn Fn(&str)| {
        save(&format!("saved = '{name}'\n"));
        watched.settle();
        assert_eq!(watched.changes(), ["~a.py"], "{name}");
    };
    once("in place", &in_place);
    once("vim", &vim);
    once("emacs", &emacs);
    once("jetbrains", &jetbrains);
    once("atomic", &atomic);
}

/// Protects against needless work: opening, reading, touching the permissions of nothing and writing into folders that
/// are ignored is nothing, and such folders are not even watched.
#[test]
fn what_is_ignored_is_not_watched() {
    let repo = repo();
    repo.write("target/debug/deps/x.py", b"x");
    repo.write("node_modules/.gitignore", b"*\n");
    repo.write("node_modules/m/index.js", b"x");
    let watched = Watched::new(repo.path());
    // The root, src, src/deep and node_modules, whose own rules hide what is in it.
    assert_eq!(watched.watcher.status().folders, 4);
    repo.write("target/debug/deps/y.py", b"y");
    repo.write("x.log", b"x");
    repo.write(".env", b"KEY=1");
    assert!(!repo.read("a.py").is_empty());
    repo.write("seen.py", b"x");
    watched.settle();
    assert_eq!(watched.changes(), ["+seen.py"]);
}

/// Protects the rules: changing an ignore file changes at once what is seen, in the tree and in git's own exclude file.
#[test]
fn ignore_files_decide_from_the_moment_they_change() {
    let repo = repo();
    repo.write("target/x.py", b"x");
    let watched = Watched::new(repo.path());
    repo.write(".gitignore", b"*.log\n");
    watched.settle();
    assert_eq!(watched.changes(), ["~.gitignore", "+target/x.py"]);
    repo.write("target/y.py", b"y");
    watched.settle();
    assert_eq!(watched.changes(), ["+target/y.py"]);
    repo.write("src/.aiignore", b"deep\n");
    watched.settle();
    assert_eq!(watched.changes(), ["+src/.aiignore", "-src/deep/c.py"]);
    fs::create_dir_all(repo.join(".git/info")).expect("folder");
    repo.write(".git/info/exclude", b"target\n");
    watched.settle();
    assert_eq!(watched.changes(), ["-target/x.py", "-target/y.py"]);
}

/// Protects files that are tracked although a rule ignores them: they are watched, and nothing else in their folder.
#[test]
fn tracked_files_are_watched_where_rules_hide_them() {
    let repo = repo();
    repo.write("target/deep/kept.py", b"1");
    repo.git(&["add", "-f", "target/deep/kept.py"]);
    repo.git(&["commit", "-q", "-m", "kept"]);
    let watched = Watched::new(repo.path());
    repo.write("target/deep/kept.py", b"22");
    repo.write("target/deep/other.py", b"22");
    watched.settle();
    assert_eq!(watched.changes(), ["~target/deep/kept.py"]);
    // What takes it from sight for a while lies in the hidden folder itself.
    for (name, text) in [("target/.git", "gitdir: nowhere\n"), ("target/deep/.deepcoderignore", "*.py\n")] {
        repo.write(name, text.as_bytes());
        watched.settle();
        assert_eq!(watched.changes(), ["-target/deep/kept.py"], "{name}");
        std::fs::remove_file(repo.join(name)).expect("removed");
        watched.settle();
        assert_eq!(watched.changes(), ["+target/deep/kept.py"], "{name}");
    }
    repo.git(&["rm", "-q", "--cached", "target/deep/kept.py"]);
    watched.settle();
    assert_eq!(watched.changes(), ["-target/deep/kept.py"]);
}

/// Protects against storms: a checkout, a merge and a rebase are told once each, after they are over, with all of their
/// files and with where HEAD is.
#[test]
fn what_git_does_is_one_change() {
    let repo = repo();
    repo.git(&["checkout", "-q", "-b", "other"]);
    for n in 0..4 {
        for file in 0..20 {
            repo.write(&format!("gen/{n}/f{file}.py"), format!("{n} {file}\n").as_bytes());
        }
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-q", "-m", "more"]);
    }
    repo.git(&["checkout", "-q", "main"]);
    repo.write("a.py", b"a = 2\n");
    repo.git(&["commit", "-q", "-am", "main goes on"]);
    let watched = Watched::new(repo.path());
    let one = |what: &str| {
        watched.settle();
        let start = Instant::now();
        while watched.told.lock().unwrap().is_empty() && start.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(300));
        let batches = watched.batches();
        assert_eq!(batches.len(), 1, "{what}: {batches:?}");
        batches.into_iter().next().expect("one")
    };
    repo.git(&["checkout", "-q", "other"]);
    let batch = one("checkout");
    assert!(batch.git && batch.changes.len() == 81, "{:?}", lines(&batch));
    assert_eq!(batch.head.and_then(|h| h.branch).as_deref(), Some("other"));
    repo.git(&["rebase", "-q", "main"]);
    let batch = one("rebase");
    assert_eq!(batch.head.and_then(|h| h.branch).as_deref(), Some("other"));
    // A commit changes no file.
    repo.git(&["commit", "-q", "--allow-empty", "-m", "empty"]);
    let batch = one("commit");
    assert!(batch.changes.is_empty() && batch.head.is_some());
}

/// Protects users who save while a rebase waits for them, or beside a lock that a killed git left: they are told of.
#[test]
fn a_rebase_that_waits_holds_up_nobody() {
    let repo = repo();
    repo.git(&["checkout", "-q", "-b", "other"]);
    repo.write("a.py", b"theirs\n");
    repo.git(&["commit", "-q", "-am", "theirs"]);
    repo.git(&["checkout", "-q", "main"]);
    repo.write("a.py", b"ours\n");
    repo.git(&["commit", "-q", "-am", "ours"]);
    let watched = Watched::new(repo.path());
    let rebase = std::process::Command::new("git").current_dir(repo.path()).args(["rebase", "-q", "other"]).output();
    assert!(!rebase.expect("git").status.success(), "a conflict");
    watched.settle();
    assert_eq!(watched.changes(), ["~a.py"]);
    let start = Instant::now();
    repo.write("src/b.py", b"saved\n");
    watched.settle();
    assert_eq!(watched.changes(), ["~src/b.py"]);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(crate::Workspace::open(repo.path()).expect("opens").operation(), Some("rebase"));
}

/// Protects linked work trees and submodules: the git folder is elsewhere, and its operations are seen all the same; the
/// outer tree does not see their files.
#[test]
fn trees_with_git_elsewhere_are_watched() {
    let repo = repo();
    repo.git(&["branch", "other"]);
    repo.git(&["worktree", "add", "-q", "linked", "other"]);
    let outer = Watched::new(repo.path());
    let linked = Watched::new(&repo.join("linked"));
    repo.write("linked/new.py", b"x");
    linked.settle();
    assert_eq!(linked.changes(), ["+new.py"]);
    repo.git(&["-C", "linked", "checkout", "-q", "-b", "third"]);
    let start = Instant::now();
    let head = loop {
        if let Some(head) = linked.batches().into_iter().find_map(|batch| batch.head) {
            break head;
        }
        assert!(start.elapsed() < LIMIT, "HEAD moved and nobody said so");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(head.branch.as_deref(), Some("third"));
    repo.write("b.py", b"x");
    outer.settle();
    assert_eq!(outer.changes(), ["+b.py"]);
}

/// Protects against blindness: where the system gives no events, everything is looked at from time to time.
#[test]
fn polling_tells_the_same() {
    let repo = repo();
    let options = WatchOptions { polling: true, poll: Duration::from_millis(20), ..WatchOptions::default() };
    let watched = Watched::with(repo.path(), options);
    assert_eq!(watched.watcher.status().how, How::Polling);
    repo.write("new/deep/x.py", b"x");
    fs::remove_file(repo.join("a.py")).expect("removed");
    watched.settle();
    let mut changes = watched.changes();
    changes.sort();
    assert_eq!(changes, ["+new/deep/x.py", "-a.py"]);
}

/// Protects a tree that goes away: its files are told to be gone, and when it is back it is watched again.
#[test]
fn a_root_that_goes_and_comes_back_is_watched_again() {
    let dir = tempfile::tempdir().expect("folder");
    let root = dir.path().join("repo");
    fs::rename(TestRepo::new(&[("a.py", b"1")]).copy_below(dir.path()).path(), &root).expect("moved");
    let watched = Watched::new(&root);
    fs::rename(&root, dir.path().join("away")).expect("moved");
    let start = Instant::now();
    while watched.watcher.status().files != Some(0) {
        assert!(start.elapsed() < LIMIT, "{:?}", watched.watcher.status());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(watched.watcher.status().notes[0].contains("is gone"));
    fs::rename(dir.path().join("away"), &root).expect("moved");
    fs::write(root.join("b.py"), "2").expect("written");
    watched.settle();
    fs::write(root.join("b.py"), "33").expect("written");
    watched.settle();
    assert!(watched.watcher.status().notes.is_empty());
}

/// Protects a tree whose place another one takes, of which no event tells when a folder above is moved: the new one is
/// watched, and nothing of the old one is told any more.
#[test]
fn a_tree_in_the_place_of_another_is_watched() {
    let dir = tempfile::tempdir().expect("folder");
    let (at, root) = (dir.path().join("above"), dir.path().join("above/repo"));
    fs::create_dir(&at).expect("made");
    fs::rename(TestRepo::new(&[("a.py", b"1")]).copy_below(dir.path()).path(), &root).expect("moved");
    let watched = Watched::new(&root);
    fs::rename(&at, dir.path().join("elsewhere")).expect("moved");
    fs::create_dir(&at).expect("made");
    fs::rename(TestRepo::new(&[("b.py", b"2")]).copy_below(dir.path()).path(), &root).expect("moved");
    watched.settle();
    fs::write(root.join("b.py"), "33").expect("written");
    watched.settle();
    assert_eq!(watched.watcher.status().how, super::super::How::Events);
    fs::write(dir.path().join("elsewhere/repo/b.py"), "4").expect("written");
    fs::write(root.join("c.py"), "5").expect("written");
    watched.settle();
}
