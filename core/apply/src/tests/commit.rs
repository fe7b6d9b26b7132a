//! Commits of the user's, made on request.

use super::*;
use crate::{CommitError, CommitOptions, add_work_tree, remove_work_tree};
use std::os::unix::fs::PermissionsExt as _;

fn commit(applier: &Applier, id: &str, branch: Option<&str>) -> Result<crate::Committed, CommitError> {
    let options = CommitOptions { message: "Subject\n\n#1 is kept\n".into(), branch: branch.map(str::to_owned) };
    applier.commit(id, &options, &Cancel::new())
}

fn paths(set: &EditSet) -> Vec<RepoPath> {
    set.files.iter().map(|file| file.path.clone()).collect()
}

fn hook(bench: &Bench, name: &str, script: &str) {
    let path = bench.repo.join(".git/hooks").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Protects everything else that the user has going on: the commit holds the edit and nothing more; what was staged, half
/// staged or not staged is exactly that afterwards; undo takes back files and leaves the commit.
#[test]
fn a_commit_holds_the_edit_and_nothing_else() {
    let bench = Bench::new(&[
        ("a.txt", b"one\r\ntwo\n"),
        ("c.sh", b"gone"),
        ("sub/d.txt", b"moved \xff\0"),
        ("e", b"e"),
        ("staged", b"1"),
        ("half", b"1"),
    ]);
    bench.repo.write("staged", b"2");
    bench.repo.write("half", b"2");
    bench.repo.write("added", b"a");
    bench.repo.git(&["add", "staged", "half", "added"]);
    bench.repo.write("half", b"3");
    bench.repo.write("e", b"mine");
    let status = bench.repo.git(&["status", "--porcelain"]);
    let before = bench.snapshot();
    let head = bench.repo.git(&["rev-parse", "HEAD"]);

    let applier = bench.open();
    applier.check_commit(&paths(&mixed("e1")), None, &Cancel::new()).unwrap();
    apply(&applier, &mixed("e1")).unwrap();
    let committed = commit(&applier, "e1", None).unwrap();
    assert_eq!(committed.commit, bench.repo.git(&["rev-parse", "HEAD"]).trim());
    assert_eq!((committed.branch.as_deref(), committed.by_hooks.len()), (Some("main"), 0));
    let changed = bench.repo.git(&["show", "--format=%P %B", "--name-status", "--no-renames", "HEAD"]);
    let expected = "Subject\n\n#1 is kept\n\n\nM\ta.txt\nD\tc.sh\nA\tnew/d2.txt\nA\tnew/deep/b.txt\nD\tsub/d.txt\n";
    assert_eq!(changed, format!("{} {expected}", head.trim()));
    assert_eq!(bench.repo.git(&["status", "--porcelain"]), status);
    assert_eq!(bench.repo.git(&["show", ":half"]), "2");

    let again = commit(&applier, "e1", None).unwrap();
    assert_eq!(again.commit, committed.commit, "committed twice");
    assert_eq!(applier.log(1).unwrap()[0].user_commit.as_ref(), Some(&committed.commit));
    let undone = applier.undo(None, NOW + 1, &Cancel::new()).unwrap();
    assert_eq!(undone.user_commit.as_ref(), Some(&committed.commit));
    assert_eq!(bench.snapshot(), before);
    assert_eq!(bench.repo.git(&["rev-parse", "HEAD"]).trim(), committed.commit, "undo moved HEAD");
}

/// Protects the user's own changes from being committed along, and what git is in the midst of: refused beforehand.
#[test]
fn what_cannot_be_committed_is_said_before_anything_is_written() {
    let bench = Bench::mixed();
    let applier = bench.open();
    let check = |set: &EditSet, branch| applier.check_commit(&paths(set), branch, &Cancel::new()).unwrap_err();
    let e = |old| set("e", vec![change("e", Some(old), Some("x"))]);
    assert!(matches!(check(&e("e"), Some("a..b")), CommitError::BadBranch(_)));
    assert!(matches!(check(&e("e"), Some("-f")), CommitError::BadBranch(_)));
    assert!(matches!(check(&e("e"), Some("main")), CommitError::BranchExists(_)));
    bench.repo.write("e", b"mine");
    assert!(matches!(check(&e("mine"), None), CommitError::Dirty(p) if p.as_str() == "e"));
    bench.repo.git(&["add", "e"]);
    assert!(matches!(check(&e("mine"), None), CommitError::Dirty(_)));
    bench.repo.write("untracked", b"u");
    let untracked = set("e", vec![change("untracked", Some("u"), Some("x"))]);
    assert!(matches!(check(&untracked, None), CommitError::Dirty(_)));
    bench.repo.write(".git/info/exclude", b"ignored*\n");
    assert!(matches!(check(&set("e", vec![change("ignored", None, Some("x"))]), None), CommitError::Ignored(_)));
    bench.repo.git(&["commit", "-qm", "mine"]);
    let head = bench.repo.git(&["rev-parse", "HEAD"]);
    bench.repo.write(".git/MERGE_HEAD", head.as_bytes());
    assert!(matches!(check(&e("mine"), None), CommitError::InProgress("a merge")));
}

/// Protects the user's hooks and what they do: they see the edit, may refuse it, and may change what is committed; a
/// refusal leaves the edit in the tree, and HEAD, branch and index as they were.
#[test]
fn hooks_run_and_may_refuse_or_change() {
    let bench = Bench::mixed();
    bench.repo.write("staged", b"s");
    bench.repo.git(&["add", "staged"]);
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    hook(&bench, "pre-commit", "git diff --cached --name-only -- '*.txt' >&2; echo '\x1b[31mred' >&2; exit 1");
    let state = || (bench.repo.git(&["ls-files", "--stage"]), bench.repo.git(&["symbolic-ref", "HEAD"]));
    let before = (state(), bench.repo.git(&["rev-parse", "HEAD"]), bench.snapshot());
    for branch in [None, Some("fresh")] {
        let CommitError::Refused(said) = commit(&applier, "e1", branch).unwrap_err() else { panic!("committed") };
        assert!(said.contains("new/deep/b.txt") && !said.contains("staged") && said.ends_with("\nred"), "{said}");
        assert_eq!((state(), bench.repo.git(&["rev-parse", "HEAD"]), bench.snapshot()), before);
        assert_eq!(bench.repo.git(&["branch", "--format=%(refname:short)"]), "main\n");
    }

    hook(&bench, "pre-commit", "echo fixed >> a.txt; echo hook > e; git add a.txt e");
    hook(&bench, "commit-msg", "echo 'Ticket: 7' >> \"$1\"");
    let committed = commit(&applier, "e1", Some("topic/one")).unwrap();
    assert_eq!(committed.branch.as_deref(), Some("topic/one"));
    assert_eq!(committed.by_hooks.iter().map(RepoPath::as_str).collect::<Vec<_>>(), ["a.txt", "e"]);
    assert_eq!(bench.repo.git(&["show", "HEAD:a.txt"]), "one\r\n2\nfixed\n");
    assert!(bench.repo.git(&["log", "-1", "--format=%B"]).contains("Ticket: 7"));
    assert_eq!(bench.repo.git(&["status", "--porcelain"]), "A  staged\n", "the hook's changes are staged for removal");
    assert_eq!(bench.repo.git(&["rev-parse", "main"]).trim(), before.1.trim());
}

/// Protects a repository without a commit, and a detached HEAD.
#[test]
fn first_commits_and_detached_heads() {
    let bench = Bench::mixed();
    bench.repo.git(&["checkout", "-q", "--detach"]);
    let applier = bench.open();
    let e = |id: &str, old, new| set(id, vec![change("e", Some(old), Some(new))]);
    apply(&applier, &e("e1", "e", "E")).unwrap();
    assert_eq!(commit(&applier, "e1", None).unwrap().branch, None);
    hook(&bench, "pre-commit", "exit 1");
    apply(&applier, &e("e2", "E", "EE")).unwrap();
    let head = bench.repo.git(&["rev-parse", "HEAD"]);
    commit(&applier, "e2", Some("fresh")).unwrap_err();
    assert_eq!(std::fs::read_to_string(bench.repo.join(".git/HEAD")).unwrap(), head);
    std::fs::remove_file(bench.repo.join(".git/hooks/pre-commit")).unwrap();

    bench.repo.git(&["checkout", "-q", "--orphan", "unborn"]);
    bench.repo.git(&["rm", "-rqf", "--cached", "."]);
    apply(&applier, &set("e3", vec![change("n", None, Some("n"))])).unwrap();
    commit(&applier, "e3", Some("first")).unwrap();
    assert_eq!(bench.repo.git(&["ls-tree", "--name-only", "first"]), "n\n");
}

/// Protects the user's tree from an edit that is wanted elsewhere: it is made and committed in a work tree of its own, and
/// one that comes to nothing leaves neither folder nor branch.
#[test]
fn a_work_tree_of_its_own() {
    let bench = Bench::mixed();
    let before = (bench.snapshot(), bench.repo.git(&["status", "--porcelain"]));
    let workspace = Workspace::open(bench.repo.path()).unwrap();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("own tree");
    let root = add_work_tree(&workspace, &path, "own", &Cancel::new()).unwrap();
    let applier = Applier::open(&Workspace::open(&root).unwrap(), bench.state.path()).unwrap();
    apply(&applier, &mixed("e1")).unwrap();
    assert_eq!(commit(&applier, "e1", None).unwrap().branch.as_deref(), Some("own"));
    assert_eq!((bench.snapshot(), bench.repo.git(&["status", "--porcelain"])), before);
    assert_eq!(bench.repo.git(&["show", "own:new/deep/b.txt"]), "fresh\n");
    assert!(matches!(add_work_tree(&workspace, &path, "other", &Cancel::new()), Err(CommitError::WorkTree { .. })));

    let path = place.path().join("second");
    let root = add_work_tree(&workspace, &path, "second", &Cancel::new()).unwrap();
    remove_work_tree(&workspace, &root, "second");
    assert!(!path.exists());
    assert_eq!(bench.repo.git(&["branch", "--format=%(refname:short)"]), "main\nown\n");
}

/// Protects what the program that embeds us has open: it reaches neither git nor the user's hooks.
#[test]
fn hooks_inherit_no_descriptors() {
    use std::os::fd::AsRawFd as _;
    let bench =
        Bench::new(&[("a.txt", b"one\r\ntwo\n"), ("c.sh", b"gone"), ("sub/d.txt", b"moved \xff\0"), ("e", b"e")]);
    let elsewhere = tempfile::tempdir().unwrap();
    let (outside, seen) = (elsewhere.path().join("outside"), elsewhere.path().join("seen"));
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE;
    let inherited = rustix::fs::open(&outside, flags, rustix::fs::Mode::RWXU).unwrap();
    hook(&bench, "pre-commit", &format!("echo > '{}'; echo gone >&{}", seen.display(), inherited.as_raw_fd()));
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    // The hook fails, since it has nothing to write to.
    let refused = commit(&applier, "e1", None).unwrap_err();
    assert!(seen.exists(), "{refused}: the hook did not run");
    assert_eq!(std::fs::read(&outside).unwrap(), b"");
}
