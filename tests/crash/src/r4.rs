//! R4: somebody writes to the same files at the same moment. What they wrote is never lost: it stands at its path, or,
//! where they wrote to the old file through a handle that they had opened before, it was kept. And whatever happens, the
//! files that they did not write to are all as before or all as after.

use crate::child::Trap;
use crate::options::Options;
use crate::report::Report;
use crate::scene::{NOW, Snapshot, differences, make_repository, random_set, random_tree, snapshot};
use crate::writer::Tool;
use deepcoder_types::{EditSet, FileChange};
use fastrand::Rng;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const FULL: u64 = 10_000;
/// A tree is used for so many races.
const PER_TREE: u64 = 25;

/// How the other one writes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    /// As editors do: another file, renamed over it.
    Rename,
    /// As a shell's `>` does: truncated, and written in place.
    Truncate,
    /// As a shell's `>>` does.
    Append,
    /// Opened early, written to late.
    SlowHandle,
    /// Made where nothing was.
    Create,
}

const WAYS: &[How] = &[How::Rename, How::Rename, How::Truncate, How::Append, How::SlowHandle, How::Create];

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let scratch = options.scratch();
    let mut report = Report::new("r4");
    let races = options.rounds_or(FULL);
    let (mut applied, mut gave_way, mut kept) = (0, 0, 0);
    let mut round = 0;
    while round < races {
        let dir = tempfile::tempdir_in(scratch.path()).expect("a folder");
        let (repo, state) = (dir.path().join("repo"), dir.path().join("state"));
        let mut rng = Rng::with_seed(options.seed.wrapping_mul(1_000_000).wrapping_add(round));
        let mut tree = random_tree(&mut rng, 12);
        make_repository(&repo, &tree);
        let tool =
            options.writer.open(&repo, &state, Box::new(Trap::default())).ok().expect("a tree that can be opened");
        // Where in an edit the other one comes in.
        let mut span = Duration::from_millis(8);
        for _ in 0..PER_TREE.min(races - round) {
            round += 1;
            let race = Race::random(&mut rng, round, &tree);
            let outcome = race.run(&tool, &repo, span.mul_f64(rng.f64()), round);
            span = (span * 7 + outcome.took.mul_f64(1.2)) / 8;
            match race.judge(&repo, &tree, &outcome) {
                Ok(was_kept) => {
                    applied += u64::from(outcome.done);
                    gave_way += u64::from(!outcome.done);
                    kept += u64::from(was_kept);
                }
                Err(what) => {
                    report.lose(format!("race {round} ({:?}): {what}", race.how));
                    // Whatever it is now, it is where the next one begins.
                    break;
                }
            }
            tree = snapshot(&repo);
        }
    }
    report.tried = format!(
        "{races} races with a writer (rename, truncate, append, slow handle, create); {applied} edits applied, {gave_way} \
         gave way, {kept} late writes kept aside"
    );
    report
}

struct Race {
    set: EditSet,
    /// What comes of it.
    after: Snapshot,
    how: How,
    /// Where the other one writes, and what is found there then.
    path: String,
    theirs: Vec<u8>,
}

struct Outcome {
    done: bool,
    said: String,
    took: Duration,
    /// Whether the other one could write at all.
    wrote: bool,
}

impl Race {
    fn random(rng: &mut Rng, round: u64, tree: &Snapshot) -> Self {
        let files = rng.usize(1..6);
        let (set, after) = random_set(rng, &format!("x{round}"), tree, files);
        let how = WAYS[rng.usize(..WAYS.len())];
        let fits = |change: &&FileChange| change.old.is_none() == (how == How::Create);
        let places: Vec<_> = set.files.iter().filter(fits).collect();
        let theirs = format!("theirs {round} {:x}\n", rng.u64(..)).into_bytes();
        let Some(change) = places.get(rng.usize(..places.len().max(1))) else {
            // Nothing in the set is of the kind: another kind of file.
            let path = set.files[0].path.as_str().to_owned();
            return Self { set, after, how: How::Rename, path, theirs };
        };
        Self { path: change.path.as_str().to_owned(), after, how, theirs, set }
    }

    fn run(&self, tool: &Tool, repo: &Path, delay: Duration, round: u64) -> Outcome {
        let go = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let target = repo.join(&self.path);
                let early = OpenOptions::new().append(true).open(&target);
                while !go.load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
                std::thread::sleep(delay);
                self.write(&target, early.ok())
            });
            go.store(true, Ordering::Release);
            let started = Instant::now();
            let result = tool.apply(&self.set, NOW + round);
            let took = started.elapsed();
            let wrote = other.join().expect("the other writer").is_ok();
            Outcome { done: result.is_ok(), said: result.err().map(|f| f.message).unwrap_or_default(), took, wrote }
        })
    }

    fn write(&self, target: &Path, early: Option<std::fs::File>) -> std::io::Result<()> {
        match self.how {
            How::Rename => {
                let temp = target.with_file_name("theirs.swp");
                std::fs::create_dir_all(target.parent().unwrap_or(target))?;
                std::fs::write(&temp, &self.theirs)?;
                std::fs::rename(temp, target)
            }
            How::Truncate => OpenOptions::new().write(true).truncate(true).open(target)?.write_all(&self.theirs),
            How::Append => OpenOptions::new().append(true).open(target)?.write_all(&self.theirs),
            How::SlowHandle => early.ok_or(std::io::ErrorKind::NotFound)?.write_all(&self.theirs),
            How::Create => {
                std::fs::create_dir_all(target.parent().unwrap_or(target))?;
                OpenOptions::new().write(true).create_new(true).open(target)?.write_all(&self.theirs)
            }
        }
    }

    /// Whether theirs is there, and the rest before or after. `Ok(true)`: it was kept aside.
    fn judge(&self, repo: &Path, before: &Snapshot, outcome: &Outcome) -> Result<bool, String> {
        let mut now = snapshot(repo);
        let at_path = now.get(&self.path).cloned().flatten().map(|(bytes, _)| bytes);
        // Whole, or after what was there.
        let holds = |bytes: &[u8]| bytes.ends_with(&self.theirs);
        let there = at_path.as_deref().is_some_and(holds);
        let kept = !there && outcome.wrote && kept_aside(repo).iter().any(|bytes| holds(bytes));
        if outcome.wrote && !there && !kept {
            return Err(format!("theirs is nowhere; applied: {} {}", outcome.done, outcome.said));
        }
        let mut expected = if outcome.done { self.after.clone() } else { before.clone() };
        if outcome.wrote {
            now.remove(&self.path);
            expected.remove(&self.path);
        }
        // Folders that were made for a file of theirs stay with it.
        now.retain(|path, entry| {
            entry.is_some() || expected.contains_key(path) || !self.path.starts_with(path.as_str())
        });
        expected.retain(|path, entry| entry.is_some() || now.contains_key(path));
        if now == expected {
            return Ok(kept);
        }
        Err(format!("the rest is mixed: applied: {} {}: {}", outcome.done, outcome.said, differences(&now, &expected)))
    }
}

/// What deepcoder keeps in git's folder because it has no other place.
fn kept_aside(repo: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(repo.join(".git/deepcoder/displaced")).into_iter().flatten().flatten();
    entries.filter_map(|entry| std::fs::read(entry.path()).ok()).collect()
}
