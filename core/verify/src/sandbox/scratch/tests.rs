#![expect(clippy::disallowed_methods, reason = "the files are in temporary folders")]

use super::*;
use rustix::fs::{AtFlags, mkdirat};
use std::os::unix::fs::{PermissionsExt as _, symlink};

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
}

/// Protects the disk from what cannot be removed by paths, by recursion or without permissions: folders of every mode,
/// a tree of 15,000 levels, names that are no text, and many entries. The targets of links stay.
#[test]
fn whatever_is_in_it_is_removed() {
    // In memory where possible: removing 15,000 folders takes a minute on some disks.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("dir");
    let outside = tempfile::tempdir().expect("dir");
    let precious = outside.path().join("precious");
    std::fs::create_dir(&precious).expect("folder");
    std::fs::write(precious.join("file"), "x").expect("file");
    chmod(&precious, 0o500);
    let scratch = Scratch::new_in(dir.path()).expect("scratch");
    let root = scratch.path().to_owned();
    // Not only one: each level has neighbours and files.
    for mode in [0o300, 0o000, 0o500, 0o100, 0o400] {
        let closed = root.join(format!("m{mode:o}"));
        std::fs::create_dir_all(closed.join("inner/deeper")).expect("folder");
        std::fs::write(closed.join("inner/deeper/file"), "x").expect("file");
        symlink(&precious, closed.join("link")).expect("link");
        chmod(&closed.join("inner/deeper"), mode);
        chmod(&closed.join("inner"), mode);
        chmod(&closed, mode);
    }
    let mut level = open(&root, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("root");
    for number in 0..15_000 {
        if number % 1000 == 0 {
            drop(rustix::fs::openat(&level, c"file", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).expect("file"));
        }
        mkdirat(&level, c"moved-1", Mode::RWXU).expect("folder");
        level =
            rustix::fs::openat(&level, c"moved-1", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("level");
    }
    for number in 0..3000 {
        std::fs::write(root.join(format!("many-{number}")), "").expect("file");
    }
    let odd = root.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff\n\x01"));
    std::fs::create_dir(odd).expect("folder");
    symlink(&precious, root.join("link")).expect("link");
    chmod(&root, 0o300);
    drop(scratch);
    assert_eq!(std::fs::read_dir(dir.path()).expect("dir").count(), 0, "something is left");
    assert!(precious.join("file").exists());
    assert_eq!(std::fs::metadata(&precious).expect("folder").permissions().mode() & 0o777, 0o500);
    chmod(&precious, 0o700);
}

/// Protects the disk from processes that died: the next start removes what they left, and nothing that is in use or is
/// not ours.
#[test]
fn a_sweep_removes_what_the_dead_left() {
    let dir = tempfile::tempdir().expect("dir");
    let used = Scratch::new_in(dir.path()).expect("scratch");
    let left = Scratch::new_in(dir.path()).expect("scratch");
    std::fs::create_dir_all(left.path().join("a/b")).expect("folders");
    chmod(&left.path().join("a"), 0o300);
    let path = left.path().to_owned();
    // Dies without tidying up: the lock is gone with its descriptor.
    let Scratch { _lock: lock, .. } = &left;
    flock(lock, FlockOperation::Unlock).expect("unlocked");
    std::mem::forget(left);
    std::fs::create_dir(dir.path().join("another")).expect("folder");
    std::fs::write(dir.path().join("deepcoder-scratch-file"), "").expect("file");
    let elsewhere = tempfile::tempdir().expect("dir");
    symlink(elsewhere.path(), dir.path().join("deepcoder-scratch-link")).expect("link");
    sweep(dir.path()).expect("swept");
    assert!(!path.exists());
    assert!(used.path().exists() && dir.path().join("another").exists() && elsewhere.path().exists());
    assert!(
        rustix::fs::statat(rustix::fs::CWD, dir.path().join("deepcoder-scratch-link"), AtFlags::SYMLINK_NOFOLLOW)
            .is_ok()
    );
}
