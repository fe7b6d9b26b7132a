//! Room on the disk, and eviction.

use super::*;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

/// Let the last use of a page be `hours` after the beginning of time.
fn used(path: &Path, hours: i64) {
    let time = Timespec { tv_sec: hours * 3600 + 5, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("set");
}

fn hours_of(path: &Path) -> i64 {
    std::fs::metadata(path).expect("there").mtime() / 3600
}

fn present(fixture: &Fixture, numbers: std::ops::Range<u8>) -> Vec<u8> {
    numbers.filter(|n| fixture.file(&key(*n)).exists()).collect()
}

/// Protects the disk: pages never take more than the setting says, whatever is stored.
#[test]
fn the_cap_holds() {
    let cap = 10 * COUNTED;
    let fixture = fixture_with(Limits::of(cap));
    for n in 0..60 {
        fixture.store([n]);
        let usage = prefix_usage(&fixture.path()).expect("counted");
        assert!(usage.bytes <= cap, "after {n}: {usage:?}");
    }
    assert!(prefix_usage(&fixture.path()).expect("counted").pages >= 8);
}

/// Protects what is of use: the least recently used pages go first, those of one time from the end of the prefix, since
/// a beginning alone is of use and an end alone is not.
#[test]
fn the_least_recently_used_go_first() {
    let fixture = fixture();
    fixture.store(0..8);
    for (n, hours) in [(0, 50), (1, 50), (2, 50), (3, 50), (4, 20), (5, 30), (6, 20), (7, 60)] {
        used(&fixture.file(&key(n)), hours);
    }
    let evict = |pages: u64| {
        let folder = &fixture.cache.shared.folder;
        let mut scan = folder.scan(&key(99)).expect("looked at");
        folder.evict(&mut scan, pages * COUNTED);
        assert_eq!(scan.usage, PrefixUsage { pages, bytes: pages * COUNTED });
        present(&fixture, 0..8)
    };
    assert_eq!(evict(7), [0, 1, 2, 3, 4, 5, 7]);
    assert_eq!(evict(5), [0, 1, 2, 3, 7]);
    assert_eq!(evict(3), [0, 1, 7]);
    assert_eq!(evict(1), [7]);
    assert_eq!(evict(0), [0; 0]);
}

/// Protects pages in use from being evicted as old ones: reading or asking for one records its use, once.
#[test]
fn use_is_recorded_once_in_a_while() {
    let fixture = fixture();
    fixture.store(0..3);
    let Fixture { folder, cache, .. } = fixture;
    drop(cache);
    let path = folder.path().join("prefix");
    (0..3).for_each(|n| used(&path.join(key(n).file()), 7));
    let (cache, warnings) = open_in(&path, Limits::of(1 << 30));
    let fixture = Fixture { folder, cache, warnings };
    assert!(get(&fixture.cache, 0) && fixture.cache.has(&key(1)));
    fixture.settle();
    let hours = |n| hours_of(&fixture.file(&key(n)));
    assert!(hours(0) > 400_000 && hours(1) > 400_000 && hours(2) == 7);
    used(&fixture.file(&key(0)), 8);
    assert!(get(&fixture.cache, 0));
    fixture.settle();
    assert_eq!(hours(0), 8, "not again within the hour");
}

/// Protects against clocks that jump: a page from the future is not kept for ever, it goes first; and an unfinished
/// file goes, wherever its time lies, unless it is of this hour.
#[test]
fn clocks_may_jump() {
    let fixture = fixture();
    fixture.store(0..4);
    used(&fixture.file(&key(0)), 10_000_000);
    used(&fixture.file(&key(1)), 9_000_000);
    used(&fixture.file(&key(2)), -5);
    let part = |n: u8| fixture.path().join(format!("{}.77-{n}.part", key(n).file()));
    for (n, hours) in [(0, 10_000_000), (1, -5), (2, 3)] {
        std::fs::write(part(n), b"half").expect("written");
        used(&part(n), hours);
    }
    std::fs::write(part(3), b"being written").expect("written");
    let folder = &fixture.cache.shared.folder;
    let mut scan = folder.scan(&key(99)).expect("looked at");
    assert_eq!([0, 1, 2, 3].map(|n| part(n).exists()), [false, false, false, true]);
    folder.evict(&mut scan, 3 * COUNTED);
    assert_eq!(present(&fixture, 0..4), [0, 2, 3]);
    folder.evict(&mut scan, 2 * COUNTED);
    assert_eq!(present(&fixture, 0..4), [2, 3]);
}

/// Protects the directory from being filled with what is no page: huge, empty and odd files under names of pages go
/// when it is looked at, do not push out real ones, and other files stay.
#[test]
fn what_is_no_page_goes_and_counts_for_nothing() {
    let fixture = fixture();
    fixture.store(0..2);
    for (n, len) in [(10, 0), (11, 50), (12, 1 << 42)] {
        std::fs::File::create(fixture.file(&key(n))).and_then(|file| file.set_len(len)).expect("made");
    }
    std::os::unix::fs::symlink("/", fixture.file(&key(13))).expect("a link");
    let strange = [".page", "x-0.page", "README", "\u{e9}.page"].map(str::to_owned);
    let long = format!("{}-+1.pagex", "a".repeat(64));
    strange.iter().chain([&long]).for_each(|name| std::fs::write(fixture.path().join(name), b"x").expect("written"));
    let scan = fixture.cache.shared.folder.scan(&key(99)).expect("looked at");
    assert_eq!(scan.usage, PrefixUsage { pages: 2, bytes: 2 * COUNTED });
    assert_eq!(fixture.names().len(), 2 + 5);
}

/// Protects users with little room: a cap below one page stores nothing and says so once, and reading goes on.
#[test]
fn a_cap_below_a_page_stores_nothing() {
    let fixture = fixture();
    fixture.store([0]);
    let (small, warnings) = open_in(&fixture.path(), Limits { pause: Duration::ZERO, ..Limits::of(COUNTED - 1) });
    small.shared.queue.settle();
    assert!(!get(&small, 0), "the setting was made smaller");
    for n in 0..3 {
        small.put(key(n), page(n));
        small.shared.queue.settle();
    }
    assert_eq!(prefix_usage(&fixture.path()).expect("counted"), PrefixUsage::default());
    let said: Vec<String> = warnings.try_iter().collect();
    assert!(said.len() == 1 && said[0].contains("larger than a tenth of the room"), "{said:?}");
}

/// Protects a user's disk as it fills up: pages take a tenth of what is free and of themselves, however large the
/// setting.
#[test]
fn a_tenth_of_the_room_is_enough() {
    let fixture = fixture_with(Limits::of(u64::MAX));
    fixture.store(0..2);
    let free = fixture.cache.shared.folder.free().expect("known");
    let limit = writer::limit(u64::MAX, free, 0);
    assert_eq!(limit, free / 10);
    assert_eq!(writer::limit(5, free, 0), 5);
    assert_eq!(writer::limit(u64::MAX, 0, 1000), 100);
}
