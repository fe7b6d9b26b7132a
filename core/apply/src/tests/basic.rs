//! What users see: apply, undo, redo, log, prune, the history lost.

use super::*;
use crate::{LogState, UndoError};
use std::time::Duration;

/// Protects the promise of undo: the tree, modes and folders included, is exactly what it was, and redo brings the edit
/// back; git's own view of HEAD and the index never changes.
#[test]
fn apply_undo_redo_round_trip() {
    let bench = Bench::mixed();
    let before = bench.snapshot();
    let head = bench.repo.git(&["rev-parse", "HEAD"]);
    let index = std::fs::read(bench.repo.join(".git/index")).unwrap();
    let applier = bench.open();
    let applied = apply(&applier, &mixed("e1")).unwrap();
    assert!(!applied.already && applied.kept.is_empty());
    assert!(applied.fsyncs as usize <= 5 * applied.files.len(), "{} syncs", applied.fsyncs);
    let after = bench.snapshot();
    assert_eq!(after["a.txt"].as_ref().unwrap().0, b"one\r\n2\n");
    assert_eq!(after["new/d2.txt"].as_ref().unwrap().0, b"moved \xff\0");
    assert!(!after.contains_key("c.sh") && !after.contains_key("sub/d.txt"));

    let undone = applier.undo(None, NOW + 1, &Cancel::new()).unwrap();
    assert_eq!((undone.undone.as_str(), undone.title.as_str()), ("e1", "title of e1"));
    assert_eq!(bench.snapshot(), before);
    assert!(matches!(applier.undo(None, NOW, &Cancel::new()), Err(UndoError::Nothing)));
    assert!(matches!(applier.undo(Some("e1"), NOW, &Cancel::new()), Err(UndoError::NotInEffect(_))));

    let redone = applier.undo(Some(&undone.id), NOW + 2, &Cancel::new()).unwrap();
    assert_eq!(bench.snapshot(), after);
    let log = applier.log(10).unwrap();
    let states: Vec<_> = log.iter().map(|e| (e.title.as_str(), e.state)).collect();
    assert_eq!(
        states,
        [
            ("redo: title of e1", LogState::Applied),
            ("undo: title of e1", LogState::Undone),
            ("title of e1", LogState::Applied)
        ]
    );
    let ambiguous = applier.undo(Some(&redone.id[..6]), NOW + 3, &Cancel::new());
    assert!(matches!(ambiguous, Err(UndoError::Ambiguous(_))));
    applier.undo(Some(&redone.id[..20]), NOW + 3, &Cancel::new()).unwrap();
    assert_eq!(bench.snapshot(), before);
    assert_eq!(bench.repo.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(std::fs::read(bench.repo.join(".git/index")).unwrap(), index);
    bench.repo.git(&["fsck", "--strict"]);
}

/// Protects the escape hatch: every original can be had with plain git.
#[test]
fn plain_git_shows_the_originals() {
    let bench = Bench::mixed();
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    let commit = applier.log(1).unwrap().remove(0).commit;
    assert_eq!(bench.repo.git(&["show", &format!("{commit}:old/a.txt")]), "one\r\ntwo\n");
    assert_eq!(bench.repo.git(&["show", &format!("{commit}:new/new/deep/b.txt")]), "fresh\n");
    let refs = bench.repo.git(&["for-each-ref", "--format=%(objectname)", "refs/deepcoder/undo"]);
    assert_eq!(refs.trim(), commit);
}

/// Protects work done after an edit: undo refuses as a whole and names every file in the way.
#[test]
fn undo_leaves_later_changes_alone() {
    let bench = Bench::mixed();
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    bench.repo.write("a.txt", b"mine");
    bench.repo.write("c.sh", b"mine too");
    let now = bench.snapshot();
    let error = applier.undo(None, NOW, &Cancel::new()).unwrap_err();
    let UndoError::Changed { paths, .. } = &error else { panic!("{error}") };
    assert_eq!(paths.iter().map(RepoPath::as_str).collect::<Vec<_>>(), ["a.txt", "c.sh"]);
    assert_eq!(bench.snapshot(), now);
}

/// Protects "exactly once": a repeated request is recognised, but one made again for the old bytes is applied again.
#[test]
fn the_same_id_is_applied_once() {
    let bench = Bench::mixed();
    let applier = bench.open();
    let edit = set("e1", vec![change("a.txt", Some("one\r\ntwo\n"), Some("x"))]);
    assert!(!apply(&applier, &edit).unwrap().already);
    assert!(apply(&applier, &edit).unwrap().already);
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert!(!apply(&applier, &edit).unwrap().already);
    bench.repo.write("a.txt", b"one\r\ntwo\n");
    assert!(!apply(&applier, &edit).unwrap().already);
    assert_eq!(bench.repo.read("a.txt"), b"x");
    assert!(matches!(apply(&applier, &set("e2", vec![change("e", Some("e"), Some("e"))])), Err(ApplyError::Empty)));
}

/// Protects the history against a lost or damaged database: git's refs bring it back, with what was undone.
#[test]
fn a_damaged_history_is_rebuilt_from_git() {
    let bench = Bench::mixed();
    let before = bench.snapshot();
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    apply(&applier, &set("e2", vec![change("e", Some("e"), Some("E"))])).unwrap();
    applier.undo(Some("e2"), NOW + 9, &Cancel::new()).unwrap();
    let log = |applier: &Applier| applier.log(9).unwrap().into_iter().map(|e| (e.id, e.state)).collect::<Vec<_>>();
    let expected = log(&applier);
    drop(applier);
    std::fs::write(bench.state.path().join("history.db"), [b'x'; 8192]).unwrap();
    let applier = bench.open();
    assert_eq!(applier.recovered().rebuilt, 3);
    assert!(applier.recovered().damaged_history.as_ref().is_some_and(|p| p.exists()));
    assert_eq!(log(&applier).len(), expected.len());
    assert!(expected.iter().all(|entry| log(&applier).contains(entry)));
    applier.undo(None, NOW + 10, &Cancel::new()).unwrap();
    assert_eq!(bench.snapshot(), before);
}

/// Protects the originals against a repository that loses its objects: small ones are in the history as well.
#[test]
fn undo_works_without_gits_copy() {
    let bench = Bench::mixed();
    let applier = bench.open();
    apply(&applier, &set("e1", vec![change("a.txt", Some("one\r\ntwo\n"), Some("x"))])).unwrap();
    for entry in std::fs::read_dir(bench.repo.join(".git/objects/pack")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    bench.repo.git(&["commit", "-qam", "so that the loose copy of the original is not needed by HEAD"]);
    let blob = "814f4a422927b82f5f8a43f8fab6d3839e3983f2";
    let _ = std::fs::remove_file(bench.repo.join(&format!(".git/objects/{}/{}", &blob[..2], &blob[2..])));
    let original = bench.repo.git(&["rev-parse", "HEAD~:a.txt"]);
    let original = original.trim();
    std::fs::remove_file(bench.repo.join(&format!(".git/objects/{}/{}", &original[..2], &original[2..]))).unwrap();
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(bench.repo.read("a.txt"), b"one\r\ntwo\n");
}

/// Protects the disk: pruned sets take their refs and rows with them, and only they.
#[test]
fn prune_forgets_old_and_large() {
    let bench = Bench::mixed();
    let applier = bench.open();
    for (n, (old, new)) in [("e", "E"), ("E", "EE"), ("EE", "EEE")].into_iter().enumerate() {
        let options = ApplyOptions { now_ms: NOW + n as u64, ..ApplyOptions::default() };
        applier
            .apply(&set(&format!("e{n}"), vec![change("e", Some(old), Some(new))]), &options, &Cancel::new())
            .unwrap();
    }
    assert_eq!(applier.prune(NOW + 1, u64::MAX).unwrap().sets, 1);
    assert_eq!(applier.prune(0, 5).unwrap().sets, 1);
    let refs = bench.repo.git(&["for-each-ref", "refs/deepcoder"]);
    let packs = std::fs::read_dir(bench.repo.join(".git/objects/pack")).unwrap();
    let kept = packs.filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "keep")).count();
    assert_eq!((refs.lines().count(), kept), (1, 1), "git is told to keep what nobody needs");
    // The newest can be undone whatever its size; age takes it as well.
    assert_eq!(applier.prune(0, 0).unwrap().sets, 0);
    assert_eq!(applier.log(9).unwrap().len(), 1);
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(bench.repo.read("e"), b"EE");
    assert_eq!(applier.prune(u64::MAX, u64::MAX).unwrap().sets, 2);
}

/// Protects what a file is besides its bytes: mode, extended attributes, and a mode changed by the edit itself.
#[test]
fn mode_and_attributes_are_kept() {
    let bench = Bench::mixed();
    let applier = bench.open();
    let path = bench.repo.join("a.txt");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let has_xattr = xattr::set(&path, "user.deepcoder", b"kept").is_ok();
    apply(&applier, &set("e1", vec![change("a.txt", Some("one\r\ntwo\n"), Some("x"))])).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    if has_xattr {
        assert_eq!(xattr::get(&path, "user.deepcoder").unwrap().as_deref(), Some(&b"kept"[..]));
    }
    let image = |mode| Some(FileImage { bytes: b"x".to_vec(), mode: Some(mode) });
    let path = RepoPath::new("a.txt").unwrap();
    apply(&applier, &set("e2", vec![FileChange { path, old: image(0o640), new: image(0o755) }])).unwrap();
    assert_eq!(bench.snapshot()["a.txt"].as_ref().unwrap().1 & 0o7777, 0o755);
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(bench.snapshot()["a.txt"].as_ref().unwrap().1 & 0o7777, 0o640);
}

/// Protects file systems without `renameat2`: the plain way gives the same trees.
#[test]
fn plain_renames_do_the_same() {
    struct Plain;
    impl Steps for Plain {
        fn at(&self, _: &'static str) -> std::io::Result<()> {
            Ok(())
        }
        fn plain_renames(&self) -> bool {
            true
        }
    }
    let bench = Bench::mixed();
    let before = bench.snapshot();
    let applier = bench.open_with(Plain).unwrap();
    apply(&applier, &mixed("e1")).unwrap();
    let after = bench.snapshot();
    applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(bench.snapshot(), before);
    drop(applier);
    apply(&bench.open(), &mixed("e1")).unwrap();
    assert_eq!(bench.snapshot(), after);
}

/// Protects two edits at once: the second waits, can be cancelled, and in the end says who is in the way.
#[test]
fn one_writer_at_a_time() {
    let bench = Bench::mixed();
    let options = ApplierOptions { lock_wait: Duration::from_millis(60), ..ApplierOptions::default() };
    let workspace = Workspace::open(bench.repo.path()).unwrap();
    let applier = Applier::open_with(&workspace, bench.state.path(), options).unwrap();
    let held = applier.lock(&Cancel::new()).unwrap();
    let error = apply(&bench_second(&bench), &mixed("e1")).unwrap_err();
    assert!(matches!(error, ApplyError::Busy { pid: Some(pid) } if pid == std::process::id()), "{error}");
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(bench.open().apply(&mixed("e1"), &super::options(), &cancel), Err(ApplyError::Cancelled(_))));
    drop(held);
    apply(&applier, &mixed("e1")).unwrap();
}

fn bench_second(bench: &Bench) -> Applier {
    let options = ApplierOptions { lock_wait: Duration::from_millis(60), ..ApplierOptions::default() };
    Applier::open_with(&Workspace::open(bench.repo.path()).unwrap(), bench.state.path(), options).unwrap()
}

/// Protects callers that share it between threads, or call from a runtime.
#[test]
fn applier_is_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<Applier>();
}

/// Protects the tidiness of the tree and of git's folder: old files wait a minute outside the tree, then they go.
#[test]
fn displaced_files_go_after_a_minute() {
    let bench = Bench::mixed();
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    let displaced = || std::fs::read_dir(applier.displaced_path("")).map_or(0, Iterator::count);
    assert_eq!(displaced(), 3);
    let later = ApplyOptions { now_ms: NOW + 61_000, ..ApplyOptions::default() };
    applier.apply(&set("e2", vec![change("z", None, Some("z"))]), &later, &Cancel::new()).unwrap();
    assert_eq!(displaced(), 0);
    assert_eq!(bench.repo.git(&["status", "--porcelain", "z", "new"]), "?? new/\n?? z\n");
}

/// Protects linked work trees, which share their refs: one does not take the other's history for its own, nor prune it.
#[test]
fn linked_work_trees_keep_their_own_history() {
    let bench = Bench::mixed();
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("linked");
    bench.repo.git(&["worktree", "add", "-q", path.to_str().unwrap()]);
    apply(&bench.open(), &mixed("e1")).unwrap();
    let state = tempfile::tempdir().unwrap();
    let linked = Applier::open(&Workspace::open(&path).unwrap(), state.path()).unwrap();
    assert_eq!(linked.recovered().rebuilt, 0);
    apply(&linked, &set("e2", vec![change("e", Some("e"), Some("E"))])).unwrap();
    linked.prune(u64::MAX, 0).unwrap();
    assert!(linked.log(9).unwrap().is_empty());
    bench.open().undo(Some("e1"), NOW, &Cancel::new()).unwrap();
}
