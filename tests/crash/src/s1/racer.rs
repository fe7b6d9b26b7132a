//! Somebody swaps folders and files for links that lead out, as fast as the machine can, while sets are applied.

use super::{canaries, plant_canaries};
use crate::child::Trap;
use crate::options::Options;
use crate::scene::{NOW, make_repository, random_tree};
use deepcoder_types::{EditSet, FileChange, FileImage, RepoPath};
use fastrand::Rng;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(super) struct Raced {
    pub(super) swaps: u64,
    pub(super) applied: u64,
    pub(super) refused: u64,
    pub(super) lost: Vec<String>,
}

/// What is swapped, and for what outside.
const SWAPS: [(&str, &str); 5] = [
    ("sub", "folder"),
    ("sub/deep", "folder/deep"),
    (".git/deepcoder", "empty"),
    (".git/deepcoder/displaced", "empty"),
    (".git/refs/deepcoder", "empty"),
];

pub(super) fn run(options: &Options, time: Duration) -> Raced {
    let scratch = options.scratch();
    let (root, state) = (scratch.path().join("in/repo"), scratch.path().join("in/state"));
    let outside = scratch.path().join("outside");
    plant_canaries(&outside);
    make_repository(&root, &random_tree(&mut Rng::with_seed(options.seed), 4));
    std::fs::create_dir_all(root.join("sub/deep")).expect("a folder");
    // The same bytes inside and outside, so that a look through the link would find what it looks for.
    for path in ["sub/file", "sub/deep/file"] {
        std::fs::write(root.join(path), "canary").expect("a file");
    }
    let before = canaries(&outside);
    let (stop, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut raced = Raced { swaps: 0, applied: 0, refused: 0, lost: Vec::new() };
    let mut rng = Rng::with_seed(options.seed);
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = Rng::with_seed(options.seed + 1);
            while !stop.load(Ordering::Acquire) {
                let (inside, target) = SWAPS[rng.usize(..SWAPS.len())];
                if swap(&root.join(inside), &outside.join(target), &mut rng).is_ok() {
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let mut round = 0;
        while started.elapsed() < time && raced.lost.is_empty() {
            round += 1;
            // Opened anew now and then: opening makes folders as well.
            let Ok(tool) = options.writer.open(&root, &state, Box::new(Trap::default())) else {
                raced.refused += 1;
                continue;
            };
            for n in 0..20 {
                let set = set(&mut rng, &root, round * 100 + n);
                match tool.apply(&set, NOW + round * 100 + n) {
                    Ok(()) => raced.applied += 1,
                    Err(_) => raced.refused += 1,
                }
            }
            let _ = tool.undo(NOW + round * 100 + 50);
            let now = canaries(&outside);
            if let Some(path) = now.keys().chain(before.keys()).find(|path| now.get(*path) != before.get(*path)) {
                raced.lost.push(format!("racer: written outside: {}", path.display()));
            }
        }
        stop.store(true, Ordering::Release);
    });
    raced.swaps = swaps.into_inner();
    raced
}

/// For a moment a link that leads out stands there.
fn swap(inside: &Path, target: &Path, rng: &mut Rng) -> std::io::Result<()> {
    let aside = inside.with_extension("aside");
    std::fs::rename(inside, &aside)?;
    let linked = symlink(target, inside);
    for _ in 0..rng.u32(..200) {
        std::hint::spin_loop();
    }
    if linked.is_ok() {
        std::fs::remove_file(inside)?;
    }
    // A folder of ours may have been made there meanwhile; it must be empty enough to go, or the old one is lost here.
    if let Err(error) = std::fs::rename(&aside, inside) {
        let _ = std::fs::remove_dir_all(inside);
        std::fs::rename(&aside, inside)?;
        return Err(error);
    }
    std::thread::sleep(Duration::from_micros(rng.u64(..300)));
    Ok(())
}

fn set(rng: &mut Rng, root: &Path, n: u64) -> EditSet {
    let path = ["sub/file", "sub/deep/file"][rng.usize(..2)];
    let planted = format!("{}planted", ["sub/", "sub/deep/", "sub/deep/er/"][rng.usize(..3)]);
    let bytes = std::fs::read(root.join(path)).unwrap_or_else(|_| b"canary".to_vec());
    let image = |bytes: &[u8]| Some(FileImage { bytes: bytes.to_vec(), mode: None });
    let mut files = vec![FileChange {
        path: RepoPath::new(path).expect("a path"),
        old: image(&bytes),
        new: image(if bytes == b"canary" { b"changed" } else { b"canary" }),
    }];
    let there = std::fs::read(root.join(&planted)).ok();
    let (old, new) = if there.is_some() { (there.as_deref(), None) } else { (None, Some(b"x".as_slice())) };
    files.push(FileChange {
        path: RepoPath::new(planted).expect("a path"),
        old: old.and_then(image),
        new: new.and_then(image),
    });
    files.sort_by(|a, b| a.path.cmp(&b.path));
    EditSet { id: format!("r{n}"), title: "t".into(), files }
}
