//! A queue on a disk that really is full, is made read-only under it, or loses bytes. The disk is a small one in memory that
//! only this test's own process sees; where the system does not let a test mount one, the tests are skipped.

use super::*;
use deepcoder_test_support::{skip, skipped};
use deepcoder_types::{Hint as _, JobFilter};
use std::os::unix::fs::FileExt as _;
use std::process::Command;

const INSIDE: &str = "DEEPCODER_TEST_SMALL_DISK";

/// Where a test with a small disk is.
enum Place {
    /// On it: the disk's folder.
    Inside(PathBuf),
    /// It ran there, and passed.
    Passed,
    /// This process may not mount one.
    NoMounts(String),
}

/// A command that runs in mounts of its own, with a disk of 1 MiB at `folder`.
fn with_a_small_disk(folder: &Path) -> Command {
    let mount = "mount -t tmpfs -o size=1m small \"$0\" || exit 77; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", mount]).arg(folder);
    command
}

/// Run the test `name` of this file again where `folder` is a disk of 1 MiB. A test that fails there fails here, however it
/// ends.
fn on_a_small_disk(name: &str) -> Place {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return Place::Inside(folder.into());
    }
    let folder = tempfile::tempdir().unwrap();
    // First a program that cannot fail: if it does not run, the system is in the way, and not the test.
    match with_a_small_disk(folder.path()).arg("true").output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Place::NoMounts(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => return Place::NoMounts(format!("unshare: {error}")),
    }
    let inside = with_a_small_disk(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("tests::disk::{name}"), "--nocapture"])
        .env(INSIDE, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&inside.stdout);
    let errors = String::from_utf8_lossy(&inside.stderr);
    assert!(inside.status.success() && said.contains("1 passed"), "{}: {said}{errors}", inside.status);
    Place::Passed
}

fn remount(folder: &Path, how: &str) {
    assert!(Command::new("mount").args(["-o", how]).arg(folder).status().unwrap().success());
}

fn open(folder: &Path) -> Queue {
    Queue::open(&QueuePlace::Sqlite(folder.join("jobs.db"))).unwrap()
}

/// Protects these tests themselves: one that crashes on the small disk has failed, and is not skipped.
#[test]
#[should_panic(expected = "signal: 6")]
fn a_crash_on_the_small_disk_is_a_failure() {
    match on_a_small_disk("a_crash_on_the_small_disk_is_a_failure") {
        Place::Inside(_) => std::process::abort(),
        Place::Passed => {}
        Place::NoMounts(why) => {
            skipped("mounts", &why);
            panic!("skipped, as if by signal: 6");
        }
    }
}

/// Protects jobs from a disk that fills up: what was promised is there, what was refused is not, and when there is room
/// again everything goes on.
#[test]
fn a_disk_that_is_full() {
    let folder = match on_a_small_disk("a_disk_that_is_full") {
        Place::Inside(folder) => folder,
        Place::Passed => return,
        Place::NoMounts(why) => skip!("mounts", "{why}"),
    };
    let queue = open(&folder);
    let filler = folder.join("filler");
    std::fs::write(&filler, vec![1; 300_000]).unwrap();
    let mut kept = Vec::new();
    let error = loop {
        match queue.add(&spec("/r", &"x".repeat(10_000)), NOW) {
            Ok((job, _)) => kept.push(job.id),
            Err(error) => break error,
        }
        assert!(kept.len() < 1_000);
    };
    assert!(matches!(error, QueueError::NoSpace) && error.hint().is_some(), "{error}");
    assert!(kept.len() > 3, "only {}", kept.len());
    let listed = |queue: &Queue| queue.counts().unwrap().queued;
    assert_eq!(listed(&queue), kept.len() as u64, "can still be read");
    std::fs::remove_file(filler).unwrap();
    kept.push(add(&queue, &spec("/r", "again")));
    drop(queue);
    let queue = open(&folder);
    assert!(queue.replaced().is_none());
    assert_eq!(listed(&queue), kept.len() as u64);
    for id in kept {
        let claim = take(&queue);
        assert_eq!(claim.job.id, id);
        done(&queue, &claim);
    }
}

/// Protects jobs from a disk that cannot be written any more, as after an error: nothing is lost, and it goes on by itself.
#[test]
fn a_disk_that_becomes_read_only() {
    let folder = match on_a_small_disk("a_disk_that_becomes_read_only") {
        Place::Inside(folder) => folder,
        Place::Passed => return,
        Place::NoMounts(why) => skip!("mounts", "{why}"),
    };
    let queue = open(&folder);
    let id = add(&queue, &spec("/r", "a"));
    drop(queue);
    remount(&folder, "remount,ro");
    let error = Queue::open(&QueuePlace::Sqlite(folder.join("jobs.db"))).err().unwrap();
    assert!(error.hint().is_some() && error.to_string().contains("jobs.db"), "{error}");
    remount(&folder, "remount,rw");
    let queue = open(&folder);
    assert_eq!(state(&queue, &id), JobState::Queued);
    let claim = take(&queue);
    done(&queue, &claim);
}

/// Protects people from wrong answers: a file that loses bytes while it is open is damaged, not empty; and the next opening
/// keeps it beside the new one.
#[test]
fn a_file_that_loses_bytes_while_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(folder.path());
    for _ in 0..200 {
        add(&queue, &spec("/r", &"x".repeat(4_000)));
    }
    drop(queue);
    let queue = open(folder.path());
    let path = folder.path().join("jobs.db");
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    file.write_all_at(&vec![0x5a; usize::try_from(length - 8192).unwrap()], 8192).unwrap();
    let error = queue.list(&JobFilter::default()).unwrap_err();
    assert!(matches!(error, QueueError::Corrupt(_)) && error.hint().is_some(), "{error}");
    assert!(queue.is_damaged(), "{error}");
    // What it took now would be gone with the next opening.
    let error = queue.add(&spec("/r", "b"), NOW).unwrap_err();
    assert!(matches!(error, QueueError::Corrupt(_)), "{error}");
    drop(queue);
    let queue = open(folder.path());
    let aside = queue.replaced().unwrap();
    assert_eq!(std::fs::metadata(aside).unwrap().len(), length);
    add(&queue, &spec("/r", "c"));
}
