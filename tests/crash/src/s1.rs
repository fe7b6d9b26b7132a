//! S1: no write outside the root. Repositories that come from anybody, with traps at random, and sets of edits that aim
//! through them; then the same while somebody swaps folders for links. Outside lie canaries, whose names, bytes, modes and
//! times of change are looked at before and after; and programs that the repository names must not run.

mod racer;
mod trap;

use crate::child::Trap as Steps;
use crate::options::Options;
use crate::report::Report;
use crate::scene::{NOW, make_repository, random_tree};
use deepcoder_types::{EditSet, FileChange, FileImage, RepoPath};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use trap::TRAPS;

const FULL: u64 = 1000;
/// Nothing here takes so long, unless it waits for a FIFO that nobody writes to.
const STUCK: Duration = Duration::from_secs(30);

/// The suite.
pub(crate) fn run(options: &Options) -> Report {
    let mut report = Report::new("s1");
    let trees = options.rounds_or(FULL);
    let (mut applied, mut refused, mut opened) = (0, 0, 0);
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in options.seeds(FULL) {
        match with_deadline(options, seed) {
            Ok(outcome) => {
                applied += outcome.applied;
                refused += outcome.refused;
                opened += u64::from(outcome.opened);
                for trap in outcome.traps {
                    *kinds.entry(trap).or_default() += 1;
                }
            }
            Err(what) => report.lose(format!("seed {seed}: {what}")),
        }
    }
    // Ten minutes when in full, less when not.
    let seconds = (600 * trees / FULL).clamp(2, 600);
    let raced = racer::run(options, Duration::from_secs(seconds));
    for what in raced.lost {
        report.lose(what);
    }
    report.tried = format!(
        "{trees} hostile repositories with {} kinds of traps, {opened} of them opened, {applied} sets applied inside and \
         {refused} refused; {seconds} s of a racer: {} swaps, {} sets applied, {} refused",
        kinds.len(),
        raced.swaps,
        raced.applied,
        raced.refused
    );
    report
}

struct Outcome {
    applied: u64,
    refused: u64,
    opened: bool,
    traps: Vec<&'static str>,
}

/// One repository, on a thread of its own: something may get stuck.
fn with_deadline(options: &Options, seed: u64) -> Result<Outcome, String> {
    let (sender, receiver) = channel();
    let options = options.clone();
    std::thread::spawn(move || sender.send(attack(&options, seed)));
    match receiver.recv_timeout(STUCK) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err("it got stuck".into()),
        Err(RecvTimeoutError::Disconnected) => Err("it panicked".into()),
    }
}

/// Where a trap is set.
struct Ground<'a> {
    rng: &'a mut Rng,
    /// The repository.
    root: &'a Path,
    /// What is not to be touched.
    outside: &'a Path,
    /// Paths, below the root, that lead into the trap.
    aims: Vec<String>,
}

fn attack(options: &Options, seed: u64) -> Result<Outcome, String> {
    let scratch = options.scratch();
    let (root, state) = (scratch.path().join("in/repo"), scratch.path().join("in/state"));
    let outside = scratch.path().join("outside");
    let mut rng = Rng::with_seed(seed);
    let tree = random_tree(&mut rng, 8);
    make_repository(&root, &tree);
    plant_canaries(&outside);
    let mut ground = Ground { rng: &mut rng, root: &root, outside: &outside, aims: Vec::new() };
    let mut traps = Vec::new();
    for _ in 0..ground.rng.usize(1..4) {
        let (name, set) = TRAPS[ground.rng.usize(..TRAPS.len())];
        // Two traps may want the same name; the second one is not set then.
        if set(&mut ground).is_ok() {
            traps.push(name);
        }
    }
    let mut aims = ground.aims;
    aims.extend(tree.iter().filter(|(_, e)| e.is_some()).map(|(path, _)| path.clone()));
    let before = canaries(&outside);

    let mut outcome = Outcome { applied: 0, refused: 0, opened: false, traps };
    let opened = options.writer.open(&root, &state, Box::new(Steps::default()));
    if let Ok(tool) = &opened {
        outcome.opened = true;
        for round in 0..6 {
            let Some(set) = aimed(&mut rng, &root, &aims, round) else { continue };
            match tool.apply(&set, NOW + round) {
                Ok(()) => {
                    outcome.applied += 1;
                    let _ = tool.undo(NOW + round + 100);
                }
                Err(_) => outcome.refused += 1,
            }
        }
        drop(opened);
        // A second opening goes through the refs and the history that the first one left.
        let _ = options.writer.open(&root, &scratch.path().join("in/state2"), Box::new(Steps::default()));
    } else {
        outcome.refused += 1;
    }
    let after = canaries(&outside);
    // Git's own folder is where `.git` says that it is, also for git; what comes to be there has names of ours only.
    let victim = outside.join("victim/.git");
    let ours = ["deepcoder", "refs/deepcoder", "objects/pack"].map(|name| victim.join(name));
    let added = |path: &Path| !before.contains_key(path) && ours.iter().any(|ours| path.starts_with(ours));
    let names = |all: &Canaries, path: &Path| all.get(path).map(|(mode, .., bytes)| (*mode, bytes.clone()));
    let same = |path: &PathBuf| {
        let git = outcome.traps.iter().any(|trap| trap.starts_with(".git ")) && path.starts_with(&victim);
        before.get(path) == after.get(path) || git && (added(path) || names(&before, path) == names(&after, path))
    };
    if after != before {
        let differ = before.keys().chain(after.keys()).find(|path| !same(path));
        if differ.is_none() {
            return Ok(outcome);
        }
        return Err(format!("{:?}: written outside: {differ:?}", outcome.traps));
    }
    Ok(outcome)
}

/// Edits of some of `aims`, as they look to whoever follows links.
fn aimed(rng: &mut Rng, root: &Path, aims: &[String], round: u64) -> Option<EditSet> {
    let mut files = BTreeMap::new();
    for _ in 0..rng.usize(1..4) {
        let aim = &aims[rng.usize(..aims.len())];
        let Ok(path) = RepoPath::new(aim.as_str()) else { continue };
        let at = root.join(aim);
        // Asked first: reading a FIFO would wait.
        let old = std::fs::metadata(&at).ok().filter(std::fs::Metadata::is_file).and_then(|_| std::fs::read(&at).ok());
        let old = old.map(|bytes| FileImage { bytes, mode: None });
        let new =
            (old.is_none() || rng.u32(..4) > 0).then(|| FileImage { bytes: b"pwned\n".to_vec(), mode: Some(0o755) });
        files.insert(path.clone(), FileChange { path, old, new });
    }
    let set = EditSet { id: format!("s{round}"), title: "t".into(), files: files.into_values().collect() };
    (!set.files.is_empty()).then_some(set)
}

/// What lies outside: a victim's repository among it.
fn plant_canaries(outside: &Path) {
    make_repository(&outside.join("victim"), &random_tree(&mut Rng::with_seed(7), 4));
    for (path, text) in [("file", "canary"), ("folder/file", "canary"), ("folder/deep/file", "canary"), ("f0.rs", "x")]
    {
        let path = outside.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a canary");
    }
    std::fs::create_dir_all(outside.join("empty")).expect("a folder");
}

type Canaries = BTreeMap<PathBuf, (u32, u64, i64, i64, Vec<u8>)>;

/// Mode, links, time of change and bytes of everything outside. The time says also what was changed and changed back.
fn canaries(outside: &Path) -> Canaries {
    let mut all = Canaries::new();
    let mut folders = vec![outside.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let meta = entry.metadata().expect("its kind");
            let bytes = if meta.is_file() { std::fs::read(entry.path()).expect("a canary") } else { Vec::new() };
            if meta.is_dir() {
                folders.push(entry.path());
            }
            all.insert(entry.path(), (meta.mode(), meta.nlink(), meta.ctime(), meta.ctime_nsec(), bytes));
        }
    }
    all
}
