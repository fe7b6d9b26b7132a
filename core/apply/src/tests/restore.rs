//! Single files brought back, and what an undo does where somebody was faster.

use super::*;
use crate::{LogState, RestoreError, Side, UndoError};
use deepcoder_types::Hint as _;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

/// Protects the way out of a refused undo: the message names the file and the command, the command brings back exactly
/// that file, and what the file held can be had again.
#[test]
fn a_refused_undo_says_how_to_get_the_bytes() {
    let bench = Bench::mixed();
    let before = bench.snapshot();
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    bench.repo.write("a.txt", b"mine");
    let error = applier.undo(None, NOW, &Cancel::new()).unwrap_err();
    let hint = error.hint().unwrap();
    assert!(error.to_string().contains("`a.txt`") && hint.contains("deepcoder restore e1 --path a.txt"), "{hint}");
    let log = applier.log(1).unwrap().remove(0);
    assert!(!log.undoable && log.changed_since == [path("a.txt")]);

    let restored =
        applier.restore("e1", &[path("a.txt"), path("c.sh")], Side::Before, NOW + 1, &Cancel::new()).unwrap();
    assert_eq!(restored.files, [path("a.txt"), path("c.sh")]);
    assert_eq!(bench.snapshot()["a.txt"], before["a.txt"]);
    assert_eq!(bench.snapshot()["c.sh"], before["c.sh"], "bytes or mode of a deleted file");
    let again = applier.restore("e1", &[path("a.txt")], Side::Before, NOW + 2, &Cancel::new()).unwrap();
    assert_eq!((again.id, again.already), (None, vec![path("a.txt")]));

    // The restoring is an edit: undoing it brings back what stood there.
    applier.undo(None, NOW + 3, &Cancel::new()).unwrap();
    assert_eq!(bench.repo.read("a.txt"), b"mine");
    assert!(!bench.repo.join("c.sh").exists());
    assert!(!applier.log(9).unwrap().iter().find(|e| e.id == "e1").unwrap().undoable);
}

/// Protects users who went back by other means: files that are as before are done, the others follow, and the edit is
/// undone.
#[test]
fn undo_takes_files_that_are_as_before_for_done() {
    let bench = Bench::mixed();
    let before = bench.snapshot();
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    bench.repo.git(&["checkout", "-q", "--", "a.txt", "sub/d.txt"]);
    let undone = applier.undo(None, NOW, &Cancel::new()).unwrap();
    assert_eq!(undone.already, [path("a.txt"), path("sub/d.txt")]);
    assert_eq!(undone.files, [path("c.sh"), path("new/deep/b.txt"), path("new/d2.txt")]);
    assert_eq!(bench.snapshot(), before);

    apply(&applier, &set("e2", vec![change("e", Some("e"), Some("E"))])).unwrap();
    bench.repo.git(&["checkout", "-q", "--", "e"]);
    let undone = applier.undo(None, NOW + 9, &Cancel::new()).unwrap();
    assert_eq!((undone.files.len(), undone.already), (0, vec![path("e")]));
    assert_eq!(applier.log(9).unwrap().iter().find(|e| e.id == "e2").unwrap().state, LogState::Undone);
    assert!(matches!(applier.undo(None, NOW + 10, &Cancel::new()), Err(UndoError::Nothing)));
    assert_eq!(bench.snapshot(), before);
}

/// Protects `restore` from guessing: new files go and come back, either side can be had, and wrong names are said.
#[test]
fn either_side_of_any_file() {
    let bench = Bench::mixed();
    let applier = bench.open();
    apply(&applier, &mixed("e1")).unwrap();
    let after = bench.snapshot();
    let made = [path("new/deep/b.txt")];
    let restored = applier.restore("e1", &made, Side::Before, NOW, &Cancel::new()).unwrap();
    assert_eq!(restored.removed, made);
    assert!(!bench.repo.join("new/deep").exists() && bench.repo.join("new/d2.txt").exists());
    applier.restore("e", &made, Side::After, NOW + 1, &Cancel::new()).unwrap();
    assert_eq!(bench.snapshot(), after);

    let image = |id: &str, file: &str, side| applier.image(id, &path(file), side);
    assert_eq!(image("e1", "c.sh", Side::Before).unwrap().unwrap().mode, Some(0o755));
    assert_eq!(image("e1", "c.sh", Side::After).unwrap(), None);
    assert!(matches!(image("e1", "e", Side::Before), Err(RestoreError::NotInEdit { files, .. }) if files.len() == 5));
    assert!(matches!(image("e1", "a.txt", Side::Kept), Err(RestoreError::NothingKept { .. })));
    assert!(matches!(image("zz", "a.txt", Side::Before), Err(RestoreError::NotFound(_))));
    assert!(matches!(image("", "a.txt", Side::Before), Err(RestoreError::NotFound(_))));
}

/// Protects bytes that lost a race: what the edit wanted to write, what stood there before, and what a program wrote to
/// the old file through an open handle can all be had.
#[test]
fn what_a_conflict_left_can_be_had() {
    use std::io::Write as _;
    struct Writes(std::sync::Mutex<Option<std::fs::File>>);
    impl Steps for Writes {
        fn at(&self, step: &'static str) -> std::io::Result<()> {
            match self.0.lock().unwrap().take_if(|_| step == "done") {
                Some(mut file) => file.write_all(b" and mine"),
                None => Ok(()),
            }
        }
    }
    let bench = Bench::mixed();
    let open = std::fs::OpenOptions::new().append(true).open(bench.repo.join("a.txt")).unwrap();
    let applier = bench.open_with(Writes(Some(open).into())).unwrap();
    let edit = set("e1", vec![change("a.txt", Some("one\r\ntwo\n"), Some("x"))]);
    let applied = apply(&applier, &edit).unwrap();
    assert_eq!(applied.kept.len(), 1);
    let kept = applier.image("e1", &path("a.txt"), Side::Kept).unwrap().unwrap();
    assert_eq!(kept.bytes, b"one\r\ntwo\n and mine");
    applier.restore("e1", &[path("a.txt")], Side::Kept, NOW + 1, &Cancel::new()).unwrap();
    assert_eq!(bench.repo.read("a.txt"), b"one\r\ntwo\n and mine");
    applier.undo(None, NOW + 2, &Cancel::new()).unwrap();
    assert_eq!(bench.repo.read("a.txt"), b"x");
}

/// Protects bytes that a conflict kept out of the tree: the edit that was given up can still be written out.
#[test]
fn an_edit_that_was_given_up_keeps_both_sides() {
    struct Late(std::path::PathBuf);
    impl Steps for Late {
        fn at(&self, step: &'static str) -> std::io::Result<()> {
            if step == "exchange" {
                std::fs::write(&self.0, "theirs")?;
            }
            Ok(())
        }
    }
    let bench = Bench::mixed();
    let applier = bench.open_with(Late(bench.repo.join("a.txt"))).unwrap();
    let edit = set("e1", vec![change("a.txt", Some("one\r\ntwo\n"), Some("x"))]);
    assert!(matches!(apply(&applier, &edit), Err(ApplyError::Conflict { .. })));
    assert_eq!(bench.repo.read("a.txt"), b"theirs");
    let applier = bench.open();
    assert_eq!(applier.log(1).unwrap()[0].state, LogState::Conflict);
    let bytes = |side| applier.image("e1", &path("a.txt"), side).unwrap().unwrap().bytes;
    assert_eq!((bytes(Side::Before), bytes(Side::After)), (b"one\r\ntwo\n".to_vec(), b"x".to_vec()));
    applier.restore("e1", &[path("a.txt")], Side::After, NOW + 1, &Cancel::new()).unwrap();
    applier.undo(None, NOW + 2, &Cancel::new()).unwrap();
    assert_eq!(bench.repo.read("a.txt"), b"theirs");
}
