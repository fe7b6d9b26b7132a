//! After quiet, what is known is what a fresh scan finds.

use super::{Watched, repo};
use crate::watch::How;
use fastrand::Rng;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Where random things happen: few names, so that they collide.
fn place(rng: &mut Rng) -> String {
    const FOLDERS: &[&str] = &["", "src/", "src/deep/", "x/", "x/y/", "x/y/z/", "target/", "target/kept/"];
    const NAMES: &[&str] = &["a.py", "b.py", "c.log", "d", "e.rs"];
    format!("{}{}", rng.choice(FOLDERS).expect("some"), rng.choice(NAMES).expect("some"))
}

fn folder(rng: &mut Rng) -> String {
    rng.choice(["src", "src/deep", "x", "x/y", "x/y/z", "moved", "target"]).expect("some").to_owned()
}

/// One thing that happens. Many of them fail, as they may.
fn happen(rng: &mut Rng, root: &Path) {
    let (one, other) = (root.join(place(rng)), root.join(place(rng)));
    let (here, there) = (root.join(folder(rng)), root.join(folder(rng)));
    match rng.u32(0..14) {
        0..4 => {
            _ = one.parent().map(fs::create_dir_all);
            // The same length again and again: only the times tell.
            _ = fs::write(&one, format!("{:04}", rng.u32(0..10_000)));
        }
        4 => _ = fs::remove_file(&one),
        5 => _ = fs::rename(&one, &other),
        6 => _ = fs::create_dir_all(&here),
        7 => _ = fs::remove_dir_all(&here),
        8 => _ = fs::rename(&here, &there),
        9 => {
            // Away and made anew under the same name.
            _ = fs::rename(&here, root.join("away"));
            _ = fs::create_dir_all(&here);
            _ = fs::write(here.join("new.py"), "new");
            _ = fs::remove_dir_all(root.join("away"));
        }
        10 => _ = symlink(&here, &one),
        11 => _ = fs::write(here.join(".gitignore"), *rng.choice(&["*.rs\n", "d\n", "y\n", ""]).expect("some")),
        12 => _ = fs::write(here.join(".git"), "gitdir: nowhere\n"),
        _ => _ = fs::remove_file(here.join(".git")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    /// Protects the one thing that watching is for: whatever happens, in whatever order and however fast, in the end
    /// the state is that of a fresh scan, and whoever only reads what is told has every file as it is.
    #[test]
    fn whatever_happens_the_state_is_that_of_a_fresh_scan(seed: u64) {
        let repo = repo();
        repo.write("target/kept/a.py", b"0000");
        repo.git(&["add", "-f", "target/kept/a.py"]);
        let watched = Watched::new(repo.path());
        let mut rng = Rng::with_seed(seed);
        for round in 0..6 {
            for _ in 0..rng.usize(1..60) {
                happen(&mut rng, &watched.root);
                if rng.u32(0..8) == 0 {
                    std::thread::sleep(std::time::Duration::from_millis(rng.u64(0..20)));
                }
            }
            watched.settle();
            prop_assert_eq!(watched.watcher.status().how, How::Events, "round {}", round);
        }
    }
}

/// Protects against lost events: when the system's queue overflows, everything is compared, and new folders are watched.
#[test]
fn an_overflowing_queue_is_answered_by_a_scan() {
    let repo = repo();
    let watched = Watched::new(repo.path());
    let most: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|most| *most <= 20_000)
        .expect("the usual length of the queue");
    {
        // Whoever reads the queue waits for this.
        let _stopped = watched.watcher.shared.inbox.lock();
        for n in 0..most / 2 + 500 {
            fs::write(repo.join("src/storm.py"), n.to_string()).expect("written");
            fs::remove_file(repo.join("src/storm.py")).expect("removed");
        }
        repo.write("late/deep/x.py", b"x");
        fs::remove_file(repo.join("a.py")).expect("removed");
    }
    watched.settle();
    assert!(watched.batches().iter().any(|batch| batch.rescanned));
    assert_eq!(watched.watcher.status().scans, 2);
    repo.write("late/deep/x.py", b"yy");
    watched.settle();
    assert_eq!(watched.changes(), ["~late/deep/x.py"]);
}
