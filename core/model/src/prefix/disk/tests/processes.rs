//! Several processes on one directory, and processes that die.

use super::*;
use std::process::{Child, Command, Stdio};

/// Set in a child: the directory, and the bytes that pages may have.
const CHILD: &str = "DEEPCODER_TEST_PREFIX_CHILD";

/// This test again in a process that only writes, with `before` in front of its command line.
fn child(test: &str, path: &Path, cap: u64, before: &[&str]) -> Command {
    let itself = std::env::current_exe().expect("this program");
    let words = before.iter().map(|word| (*word).to_owned()).chain([itself.display().to_string()]);
    let words: Vec<String> = words.collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["--exact", &format!("prefix::disk::tests::processes::{test}"), "--nocapture"]);
    command.env(CHILD, format!("{cap} {}", path.display())).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What the child is to do, in the child.
fn in_child() -> Option<(u64, PathBuf)> {
    let said = std::env::var(CHILD).ok()?;
    let (cap, path) = said.split_once(' ').expect("a cap and a path");
    Some((cap.parse().expect("a number"), path.into()))
}

fn wait(child: &mut Child, until: impl Fn() -> bool) {
    while !until() {
        assert!(child.try_wait().expect("known").is_none(), "the child has ended");
        std::thread::yield_now();
    }
}

fn kill(mut child: Child) {
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// Protects the next start after a kill: whenever a writer dies, every page is whole or a miss, and its unfinished file
/// is deleted in time.
#[test]
fn a_writer_may_be_killed_at_any_time() {
    if let Some((cap, path)) = in_child() {
        let (cache, _) = open_in(&path, Limits::of(cap));
        loop {
            (0..100).for_each(|n| cache.put(key(n), page(n)));
            cache.shared.queue.settle();
            _ = forget_prefixes(&path);
        }
    }
    let fixture = fixture();
    for round in 0..12 {
        let mut child =
            child("a_writer_may_be_killed_at_any_time", &fixture.path(), 1 << 30, &[]).spawn().expect("started");
        // Another page each time, so that it dies at another step.
        wait(&mut child, || fixture.file(&key(round * 8)).exists());
        kill(child);
        let pages = fixture.names().iter().filter(|name| name.ends_with(".page")).count();
        assert_eq!((0..100).filter(|n| get(&fixture.cache, *n)).count(), pages, "round {round}");
    }
    fixture.store(0..100);
    assert!((0..100).all(|n| get(&fixture.cache, n)));
}

/// Protects two daemons on one directory: both write and evict at once, neither gets a wrong page or an error, and the
/// cap holds but for what the other writes before it looks.
#[test]
fn two_processes_evict_at_once() {
    if let Some((cap, path)) = in_child() {
        let (cache, _) = open_in(&path, Limits::of(cap));
        loop {
            (0..40).for_each(|n| cache.put(key(n), page(n)));
            cache.shared.queue.settle();
        }
    }
    let cap = 12 * COUNTED;
    let fixture = fixture_with(Limits::of(cap));
    let mut child = child("two_processes_evict_at_once", &fixture.path(), cap, &[]).spawn().expect("started");
    wait(&mut child, || fixture.cache.has(&key(30)));
    for _ in 0..20 {
        for n in (0..40).rev() {
            fixture.store([n]);
            get(&fixture.cache, n.wrapping_mul(7) % 40);
        }
        let usage = prefix_usage(&fixture.path()).expect("counted");
        assert!(usage.bytes <= 3 * cap, "{usage:?}");
    }
    kill(child);
    assert_eq!(fixture.warnings.try_iter().collect::<Vec<_>>(), [""; 0]);
    fixture.store([50]);
    assert!(get(&fixture.cache, 50));
}

/// Protects the engine on a full disk: a write that fails in the middle of a page leaves nothing, is said once, and
/// turns writing off for a while, but not reading. The limit on the size of files stands for the disk here.
#[test]
fn a_write_that_fails_pauses_writing() {
    if let Some((cap, path)) = in_child() {
        fails_to_write(cap, &path);
    } else {
        let fixture = fixture();
        fixture.store([0]);
        // The signal that ends a process at its limit is ignored, so that the write fails.
        let before = ["sh", "-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""];
        let mut child = child("a_write_that_fails_pauses_writing", &fixture.path(), 1 << 30, &before);
        let status = child.status().expect("ran");
        assert!(status.success(), "{status}");
        assert_eq!(fixture.names(), [key(0).file()], "no unfinished file is left");
    }
}

fn fails_to_write(cap: u64, path: &Path) {
    let (cache, warnings) = open_in(path, Limits::of(cap));
    cache.put(key(1), page(1));
    cache.shared.queue.settle();
    assert!(!cache.wants(&key(2)), "paused");
    cache.put(key(2), page(2));
    cache.shared.queue.settle();
    assert!(get(&cache, 0) && !get(&cache, 1) && !get(&cache, 2));
    let said: Vec<String> = warnings.try_iter().collect();
    assert!(said.len() == 1 && said[0].starts_with("the prefix cache is only read for a while: "), "{said:?}");
    drop(cache);
    let (cache, warnings) = open_in(path, Limits { pause: Duration::ZERO, ..Limits::of(cap) });
    (3..6).for_each(|n| cache.put(key(n), page(n)));
    cache.shared.queue.settle();
    assert_eq!(warnings.try_iter().count(), 1, "the same is not said again");
}

/// Protects readers of a directory that cannot be written to: pages are found, and it is said once that none are
/// stored.
#[test]
fn a_directory_may_be_read_only() {
    let fixture = fixture();
    fixture.store([0]);
    let path = fixture.path();
    std::fs::set_permissions(&path, Permissions::from_mode(0o500)).expect("set");
    let (cache, warnings) = open_in(&path, Limits::of(1 << 30));
    cache.put(key(1), page(1));
    cache.shared.queue.settle();
    assert!(get(&cache, 0));
    let said: Vec<String> = warnings.try_iter().collect();
    // Root may write everywhere.
    let root = rustix::process::geteuid().is_root();
    assert_eq!((get(&cache, 1), said.len()), (root, usize::from(!root)), "{said:?}");
    std::fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("set");
}
