//! Tests on database files in temporary folders.

use super::*;
use deepcoder_sqlite::wait;
use deepcoder_types::{ContentHash, Hint as _, RepoPath};

fn example(ulid: &str, undoes: Option<&str>) -> NewSet {
    let image = |bytes: &[u8]| ImageRow {
        hash: ContentHash::of(bytes),
        blob: "b".into(),
        mode: 0o644,
        size: bytes.len() as u64,
    };
    NewSet {
        ulid: ulid.into(),
        edit_id: format!("id of {ulid}"),
        title: "title".into(),
        undoes: undoes.map(str::to_owned),
        created_ms: u64::MAX - 1,
        request_json: Some("{}".into()),
        git_commit: "c".into(),
        made_dirs: vec!["new".into(), "new/ü".into()],
        drop_dirs: Vec::new(),
        files: vec![
            FileRow {
                path: RepoPath::new("a").unwrap(),
                temp: "t".into(),
                displaced: "d".into(),
                old: Some(image(b"old")),
                new: Some(image(b"new")),
            },
            FileRow {
                path: RepoPath::new("new/ü/b").unwrap(),
                temp: "t2".into(),
                displaced: "d2".into(),
                old: None,
                new: Some(image(b"b")),
            },
        ],
    }
}

fn open(dir: &Path) -> History {
    History::open(&dir.join("state/history.db")).unwrap()
}

/// Protects recovery: what is read back after the process is gone is what was written down, originals included.
#[test]
fn sets_are_read_back_as_written() {
    let dir = tempfile::tempdir().unwrap();
    let set = example("u1", None);
    let (old, big) = (b"old".as_slice(), vec![7; MAX_IMAGE + 1]);
    {
        let history = open(dir.path());
        let (tree, unknown) = history.work_tree(Path::new("/r")).unwrap();
        assert!(unknown);
        history.prepare(tree, &set, &[(ContentHash::of(old), old), (ContentHash::of(&big), &big)]).unwrap();
    }
    let history = open(dir.path());
    let (tree, unknown) = history.work_tree(Path::new("/r")).unwrap();
    assert!(!unknown);
    let rows = history.unfinished(tree).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0].set, rows[0].state, rows[0].cleared), (&set, State::Prepared, false));
    assert_eq!(history.image(&ContentHash::of(old)).unwrap().as_deref(), Some(old));
    assert_eq!(history.image(&ContentHash::of(&big)).unwrap(), None);
    let (other, _) = history.work_tree(Path::new("/other")).unwrap();
    assert!(history.unfinished(other).unwrap().is_empty(), "trees are kept apart");
    history.remove(&[rows[0].seq]).unwrap();
    assert_eq!(history.image(&ContentHash::of(old)).unwrap(), None, "an original that no edit needs stays");
}

/// Protects undo and redo: along a chain of undoings, exactly the sets that are in the tree count as in effect.
#[test]
fn a_chain_of_undoings_alternates() {
    let dir = tempfile::tempdir().unwrap();
    let history = open(dir.path());
    let (tree, _) = history.work_tree(Path::new("/r")).unwrap();
    let mut previous: Option<String> = None;
    for n in 1..=4 {
        let set = example(&format!("u{n}"), previous.as_deref());
        let seq = history.prepare(tree, &set, &[]).unwrap();
        history.set_state(seq, State::Committing, None).unwrap();
        history.finish(seq).unwrap();
        assert_eq!(history.state(seq).unwrap(), State::Done);
        previous = Some(set.ulid);
        let in_effect: Vec<_> = history.settled(tree).unwrap().iter().map(|r| r.undone_by.is_none()).collect();
        let expected: Vec<_> = (0..n).map(|back| back % 2 == 0).collect();
        assert_eq!(in_effect, expected);
        assert_eq!(history.last_in_effect(tree).unwrap().is_some(), n % 2 == 1);
    }
}

/// Protects durability: the settings that it rests on are the ones in force, on this connection.
#[test]
fn full_sync_and_wal_are_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let history = open(dir.path());
    let (tree, _) = history.work_tree(Path::new("/r")).unwrap();
    // These two do not wait for the disk; whatever comes after them does.
    let seq = history.prepare(tree, &example("u1", None), &[]).unwrap();
    history.set_cleared(seq).unwrap();
    assert!(history.prepare(tree, &example("u1", None), &[]).is_err(), "one name, two sets");
    let mut guard = history.db.lock();
    let (runtime, connection) = guard.parts().unwrap();
    let (sync, journal): (i64, String) = wait(runtime, async {
        let sync = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?;
        let journal = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
        Ok::<_, sqlx::Error>((sync, journal))
    })
    .unwrap();
    assert_eq!((sync, journal.as_str()), (2, "wal"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(history.path()).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "others can read the history");
}

/// Protects a damaged history from being thrown away, and the user from being stuck with it.
#[test]
fn a_damaged_file_is_moved_aside() {
    for damage in [0, 4096 + 8] {
        let dir = tempfile::tempdir().unwrap();
        let path = {
            let history = open(dir.path());
            let (tree, _) = history.work_tree(Path::new("/r")).unwrap();
            history.prepare(tree, &example("u1", None), &[]).unwrap();
            history.path().to_owned()
        };
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[damage..damage + 64].fill(0x5a);
        std::fs::write(&path, &bytes).unwrap();
        let history = open(dir.path());
        let aside = history.replaced().unwrap_or_else(|| panic!("damage at {damage} was not noticed"));
        assert_eq!(std::fs::read(aside).unwrap(), bytes);
        let note = std::fs::read_to_string(format!("{}.txt", aside.display())).unwrap();
        assert!(note.contains("damaged"), "{note}");
        assert!(history.work_tree(Path::new("/r")).unwrap().1, "the new history knows the tree");
    }
}

/// Protects a history that a newer program wrote, and says what to do.
#[test]
fn a_newer_schema_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let history = open(dir.path());
    {
        let mut guard = history.db.lock();
        let (runtime, connection) = guard.parts().unwrap();
        wait(runtime, async {
            sqlx::query("INSERT INTO _sqlx_migrations VALUES (99, 'later', current_timestamp, 1, x'00', 0)")
                .execute(connection)
                .await
        })
        .unwrap();
    }
    let path = history.path().to_owned();
    drop(history);
    let error = History::open(&path).err().unwrap();
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    assert!(error.hint().is_some());
}

/// Protects the record of commits: only the application that is in effect is said to be in a commit.
#[test]
fn a_commit_belongs_to_what_is_in_effect() {
    let dir = tempfile::tempdir().unwrap();
    let history = open(dir.path());
    let (tree, _) = history.work_tree(Path::new("/r")).unwrap();
    let edit_id = example("u1", None).edit_id;
    let again = NewSet { edit_id: edit_id.clone(), ..example("u3", None) };
    for set in [example("u1", None), example("u2", Some("u1")), again] {
        let seq = history.prepare(tree, &set, &[]).unwrap();
        history.finish(seq).unwrap();
    }
    history.set_user_commit(tree, &edit_id, "abc").unwrap();
    let commits: Vec<_> = history.by_edit_id(tree, &edit_id).unwrap().into_iter().map(|r| r.user_commit).collect();
    assert_eq!(commits, [Some("abc".to_owned()), None]);
    assert_eq!(history.unknown(tree, vec!["u1".into(), "u9".into()]).unwrap(), ["u9"]);
}

/// Protects users of a state folder that cannot be written: a clear error that names it.
#[test]
fn what_cannot_be_written_is_said() {
    let error = History::open(Path::new("/proc/self/state/history.db")).err().unwrap();
    assert!(error.to_string().contains("/proc/self/state"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("history.db")).unwrap();
    assert!(matches!(History::open(&dir.path().join("history.db")), Err(OpenError::ReadOnly { .. })));
}

/// Protects the daemon: calls from inside a runtime, and dropping there, neither panic nor dead-lock, and several
/// connections take turns.
#[test]
fn calls_from_a_runtime_and_from_several_connections() {
    let dir = tempfile::tempdir().unwrap();
    let outer = tokio::runtime::Builder::new_current_thread().build().unwrap();
    outer.block_on(async {
        let history = open(dir.path());
        history.work_tree(Path::new("/r")).unwrap();
    });
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let dir = dir.path();
            scope.spawn(move || {
                let history = open(dir);
                let (tree, _) = history.work_tree(Path::new("/r")).unwrap();
                for n in 0..5 {
                    let seq = history.prepare(tree, &example(&format!("u{thread}-{n}"), None), &[]).unwrap();
                    history.finish(seq).unwrap();
                }
            });
        }
    });
    let history = open(dir.path());
    let (tree, _) = history.work_tree(Path::new("/r")).unwrap();
    assert_eq!(history.newest(tree, 99).unwrap().len(), 15);
}
