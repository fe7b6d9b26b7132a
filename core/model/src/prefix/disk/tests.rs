//! Real files in temporary directories.
#![expect(clippy::disallowed_methods, reason = "the files are in temporary directories")]

mod damage;
mod processes;
mod room;

use super::*;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::mpsc::{Receiver, channel};
use tempfile::TempDir;

/// Bytes of a page: with its header, two blocks of the disk.
const PAGE: usize = 8000;
/// Bytes that it counts for.
const COUNTED: u64 = 8192;

struct Fixture {
    folder: TempDir,
    cache: DiskCache,
    warnings: Receiver<String>,
}

fn open_in(path: &Path, limits: Limits) -> (DiskCache, Receiver<String>) {
    let (sender, warnings) = channel();
    let warn = move |text| sender.send(text).unwrap_or_default();
    (DiskCache::with_limits(path, "model", PAGE, limits, warn).expect("opened"), warnings)
}

fn fixture_with(limits: Limits) -> Fixture {
    let folder = tempfile::tempdir().expect("a directory");
    let (cache, warnings) = open_in(&folder.path().join("prefix"), limits);
    Fixture { folder, cache, warnings }
}

fn fixture() -> Fixture {
    fixture_with(Limits::of(1 << 30))
}

impl Fixture {
    fn path(&self) -> PathBuf {
        self.folder.path().join("prefix")
    }

    fn file(&self, key: &PageKey) -> PathBuf {
        self.path().join(key.file())
    }

    /// Store pages, and wait until they are.
    fn store(&self, numbers: impl IntoIterator<Item = u8>) {
        numbers.into_iter().for_each(|n| self.cache.put(key(n), page(n)));
        self.settle();
    }

    fn settle(&self) {
        self.cache.shared.queue.settle();
    }

    /// The names of its files.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).expect("read");
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
    }
}

/// The key of the page number `n` of a prefix.
fn key(n: u8) -> PageKey {
    (0..=n).fold(PageKey::root("model"), |key, n| key.then(&[u32::from(n); 64]))
}

fn page(n: u8) -> Vec<u8> {
    (0..PAGE).map(|i| u8::try_from(i % 251).expect("small") ^ n).collect()
}

/// Whether the page is there as it was stored, or not at all.
fn get(cache: &DiskCache, n: u8) -> bool {
    let mut into = vec![0; PAGE];
    let found = cache.get(&key(n), &mut into);
    assert!(!found || into == page(n), "page {n} is not what was stored");
    found
}

/// Protects the purpose of the store: the next process finds the stored pages, in files that no other user may read.
#[test]
fn pages_are_found_after_a_restart() {
    let fixture = fixture();
    assert!(!get(&fixture.cache, 0) && !fixture.cache.has(&key(0)) && fixture.cache.wants(&key(0)));
    fixture.store(0..3);
    assert!(fixture.cache.has(&key(2)) && !fixture.cache.wants(&key(2)));
    let Fixture { folder, cache, warnings } = fixture;
    drop(cache);
    let path = folder.path().join("prefix");
    let (again, _) = open_in(&path, Limits::of(1 << 30));
    again.read_ahead(&[key(0), key(9)]);
    assert!((0..3).all(|n| get(&again, n)) && !get(&again, 3));
    assert_eq!(again.hits(), 3);
    assert_eq!(std::fs::metadata(&path).expect("there").mode() & 0o777, 0o700);
    for entry in std::fs::read_dir(&path).expect("read") {
        assert_eq!(entry.expect("an entry").metadata().expect("there").mode() & 0o777, 0o600);
    }
    assert_eq!(warnings.try_iter().count(), 0);
}

/// Protects prompts from the pages of others: a key differs with the model, with any token before, and with the place.
#[test]
fn keys_name_all_tokens_and_the_model() {
    let page = |tokens: &[u32]| PageKey::root("a").then(tokens);
    let keys = [
        page(&[1, 2]),
        page(&[2, 1]),
        page(&[1]).then(&[2]),
        page(&[1, 2]).then(&[3]),
        page(&[9, 2]).then(&[3]),
        PageKey::root("b").then(&[1, 2]),
    ];
    let names: std::collections::HashSet<String> = keys.iter().map(PageKey::file).collect();
    assert_eq!(names.len(), keys.len(), "{names:?}");
    assert_eq!(page(&[1, 2]), keys[0]);
}

/// Protects idle unloads and short commands: pages that wait when the engine ends are written, and the thread ends with
/// it.
#[test]
fn what_waits_is_written_at_the_end() {
    let fixture = fixture();
    (0..20).for_each(|n| fixture.cache.put(key(n), page(n)));
    let path = fixture.path();
    let shared = Arc::downgrade(&fixture.cache.shared);
    drop(fixture.cache);
    assert_eq!(shared.strong_count(), 0, "the thread is gone");
    let (again, _) = open_in(&path, Limits::of(1 << 30));
    assert!((0..20).all(|n| get(&again, n)));
}

/// Protects memory: pages that come faster than the disk takes them are dropped beyond a bound, which one page may
/// pass.
#[test]
fn the_queue_is_bounded() {
    let limits = Limits { queue: 3 * PAGE, ..Limits::of(1 << 30) };
    let queue = Queue::default();
    for n in 0..10 {
        queue.put(key(n), page(n), &limits);
    }
    assert!(!queue.accepts(PAGE, &limits));
    assert_eq!(queue.waiting(), 3);
    let queue = Queue::default();
    queue.put(key(0), page(0), &Limits { queue: 1, ..limits });
    assert_eq!(queue.waiting(), 1);
}

/// Protects the data: a directory that other users may write in, or that is not the user's, is refused in words, and
/// one that others may only read is closed to them.
#[test]
fn directories_of_others_are_refused() {
    let folder = tempfile::tempdir().expect("a directory");
    let open = || DiskCache::open(folder.path(), "model", PAGE, 1 << 30, drop);
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("set");
    let error = open().expect_err("refused");
    assert!(matches!(error, PrefixFolderError::Writable { .. }), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.starts_with("chmod go-w ")));
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("set");
    drop(open().expect("opened"));
    assert_eq!(std::fs::metadata(folder.path()).expect("there").mode() & 0o777, 0o700);
    // Only root can give a directory away, and root's own are foreign to all other users.
    let foreign = match rustix::process::geteuid().is_root() {
        true => {
            std::os::unix::fs::chown(folder.path(), Some(12345), None).expect("given away");
            folder.path()
        }
        false => Path::new("/"),
    };
    let error = DiskCache::open(foreign, "model", PAGE, 1 << 30, drop).expect_err("refused");
    assert!(matches!(error, PrefixFolderError::Foreign { .. }), "{error}");
    assert!(matches!(prefix_usage(foreign), Err(PrefixFolderError::Foreign { .. })));
    let file = folder.path().join("file");
    std::fs::write(&file, b"").expect("written");
    let error = DiskCache::open(&file, "model", PAGE, 1 << 30, drop).expect_err("refused");
    assert!(matches!(error, PrefixFolderError::Io { .. }), "{error}");
}

/// Protects the user's right to have it gone: all pages are counted and deleted, and no other file.
#[test]
fn all_is_forgotten_and_nothing_else() {
    let fixture = fixture();
    let none = fixture.folder.path().join("none");
    assert_eq!(prefix_usage(&none).expect("counted"), PrefixUsage::default());
    assert_eq!(forget_prefixes(&none).expect("counted"), PrefixUsage::default());
    assert!(!none.exists(), "looking makes nothing");
    fixture.store(0..3);
    let other = fixture.path().join("notes.txt");
    std::fs::write(&other, b"mine").expect("written");
    std::fs::write(fixture.path().join(format!("{}.1-1.part", key(9).file())), b"half").expect("written");
    let usage = PrefixUsage { pages: 4, bytes: 3 * COUNTED + 4096 };
    assert_eq!(prefix_usage(&fixture.path()).expect("counted"), usage);
    assert_eq!(forget_prefixes(&fixture.path()).expect("deleted"), usage);
    assert_eq!(fixture.names(), ["notes.txt"]);
    assert!(!get(&fixture.cache, 0));
    fixture.store([0]);
    assert!(get(&fixture.cache, 0), "a running engine goes on");
}
