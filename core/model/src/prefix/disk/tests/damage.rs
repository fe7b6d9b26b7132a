//! Damaged and foreign files.

use super::*;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::net::UnixListener;

fn alive(fixture: &Fixture) {
    fixture.store([200]);
    assert!(get(&fixture.cache, 200), "the cache goes on");
}

/// Protects answers from damage: one wrong bit anywhere in a file, of the header or of the page, is a miss, and the
/// file is gone.
#[test]
fn a_wrong_bit_is_a_miss() {
    let fixture = fixture();
    let len = usize::try_from(fixture.cache.shared.format.file_len()).expect("small");
    for at in (0..page::HEADER).chain([page::HEADER, len / 2, len - 1]) {
        fixture.store([0]);
        let path = fixture.file(&key(0));
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).expect("written");
        assert!(!get(&fixture.cache, 0), "byte {at}");
        assert!(!path.exists(), "byte {at}");
    }
    alive(&fixture);
}

/// Protects against writers that died and disks that lost power: a file of any other length, or of zeros, is a miss and
/// is deleted.
#[test]
fn torn_files_are_misses() {
    let fixture = fixture();
    let len = fixture.cache.shared.format.file_len();
    for wrong in [0, 1, page::HEADER as u64 - 1, page::HEADER as u64, len / 2, len - 1, len + 1, 1 << 40] {
        fixture.store([0]);
        let file = std::fs::OpenOptions::new().write(true).open(fixture.file(&key(0))).expect("opened");
        file.set_len(wrong).expect("cut");
        assert!(!get(&fixture.cache, 0), "{wrong}");
        assert!(!fixture.file(&key(0)).exists(), "{wrong}");
    }
    std::fs::write(fixture.file(&key(0)), vec![0; usize::try_from(len).expect("small")]).expect("written");
    assert!(!get(&fixture.cache, 0));
    alive(&fixture);
}

/// Protects against files under a wrong name: a page of other tokens, of another model, or of a model with the same
/// pages and another layout is a miss.
#[test]
fn foreign_pages_are_misses() {
    let fixture = fixture();
    fixture.store(0..2);
    std::fs::copy(fixture.file(&key(0)), fixture.file(&key(1))).expect("copied");
    assert!(!get(&fixture.cache, 1) && get(&fixture.cache, 0));
    let other = DiskCache::open(&fixture.path(), "other", PAGE, 1 << 30, drop).expect("opened");
    let mut into = page(0);
    assert!(!other.get(&key(0), &mut into), "another model");
    let fixture = super::fixture();
    fixture.store([0]);
    let longer = DiskCache::open(&fixture.path(), "model", PAGE + 1, 1 << 30, drop).expect("opened");
    assert!(!longer.get(&key(0), &mut vec![0; PAGE + 1]));
    fixture.store([0]);
    assert!(!fixture.cache.get(&key(0), &mut vec![0; PAGE - 1]), "the caller's own mistake");
    assert!(get(&fixture.cache, 0), "and it costs no page");
}

/// Protects other files and the engine's thread: links in the place of pages are not followed, neither read nor written
/// nor deleted through, and a FIFO, a socket, a device or a directory is a miss at once.
#[test]
fn nothing_but_regular_files_is_opened() {
    let fixture = fixture();
    let precious = fixture.folder.path().join("precious");
    fixture.store([0]);
    std::fs::rename(fixture.file(&key(0)), &precious).expect("moved");
    let before = std::fs::read(&precious).expect("read");
    std::os::unix::fs::symlink(&precious, fixture.file(&key(0))).expect("a link");
    std::os::unix::fs::symlink("/dev/zero", fixture.file(&key(1))).expect("a link");
    mknodat(CWD, fixture.file(&key(2)), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
    // A socket's path is short, and the page's name is not.
    let socket = fixture.folder.path().join("s");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    std::fs::rename(socket, fixture.file(&key(3))).expect("moved");
    std::fs::create_dir(fixture.file(&key(4))).expect("a directory");
    for n in 0..5 {
        assert!(!fixture.cache.has(&key(n)) && !get(&fixture.cache, n), "{n}");
    }
    assert_eq!(fixture.names(), [key(4).file()], "all but the directory are gone");
    for n in 0..5 {
        mknodat(CWD, fixture.file(&key(n)), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap_or_default();
        fixture.store([n]);
        assert_eq!(get(&fixture.cache, n), n < 4, "{n}");
    }
    assert_eq!(std::fs::read(&precious).expect("read"), before);
    assert!(fixture.warnings.try_iter().count() <= 1, "a directory in the way");
}

/// Protects readers from a page that changes while they read it: the checksum is of the bytes that were read.
#[test]
fn a_page_that_changes_later_is_a_miss() {
    let fixture = fixture();
    fixture.store([0]);
    assert!(get(&fixture.cache, 0));
    let mut file = std::fs::OpenOptions::new().write(true).open(fixture.file(&key(0))).expect("opened");
    file.seek(SeekFrom::Start(5000)).and_then(|_| file.write_all(b"other")).expect("written");
    assert!(!get(&fixture.cache, 0));
}

/// Protects users who delete the directory: reading misses, and writing makes it again, as private as before.
#[test]
fn a_directory_that_is_deleted_is_made_again() {
    let fixture = fixture();
    fixture.store([0]);
    std::fs::remove_dir_all(fixture.path()).expect("deleted");
    assert!(!get(&fixture.cache, 0) && !fixture.path().exists());
    fixture.store(0..2);
    assert!(get(&fixture.cache, 0) && get(&fixture.cache, 1));
    assert_eq!(std::fs::metadata(fixture.path()).expect("there").mode() & 0o777, 0o700);
    assert_eq!(fixture.warnings.try_iter().count(), 0);
}

/// Protects the engine's steps from a disk that hangs: after a slow read nothing is read for a while.
#[test]
fn a_slow_disk_is_left_alone() {
    let fixture = fixture_with(Limits { slow: Duration::ZERO, ..Limits::of(1 << 30) });
    fixture.store(0..2);
    assert!(get(&fixture.cache, 0), "any read is slower than nothing");
    assert!(!get(&fixture.cache, 1) && fixture.file(&key(1)).exists(), "not read, and not taken for damaged");
}
