//! This program as the one that watches: it says how it goes, line by line, and compares what it knows with a fresh scan
//! when it is told that all is quiet.

use super::plain::Plain;
use crate::writer::Writer;
use deepcoder_workspace::{Batch, ChangeKind, How, WatchOptions, WatchStatus, Watcher, Workspace};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// It is given up then: long after it is too late, to say what is wrong; one that is to lose need not be waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const PLAIN_PATIENCE: Duration = Duration::from_secs(12);

/// A first scan on a busy machine.
const FIRST: Duration = Duration::from_secs(300);

/// Asking takes the watcher's own time, a second for five questions in a large tree: one part in so many at most.
const ASIDE: u32 = 10;

/// What to watch, on the command line.
#[derive(clap::Args, Clone)]
pub(crate) struct WatchAct {
    #[arg(long)]
    pub(crate) root: PathBuf,
    #[arg(long, default_value = "ours")]
    pub(crate) writer: Writer,
    /// Leave so many descriptors to it.
    #[arg(long)]
    pub(crate) descriptors: Option<u64>,
}

/// Files with their bytes, or what stands for them.
pub(crate) type Mirror = BTreeMap<String, u64>;

/// What somebody has who reads the files that are told, and nothing else.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) files: Mirror,
    /// When something was told last.
    pub(crate) last: Option<Instant>,
    /// How often all was compared because events were lost.
    pub(crate) rescans: u64,
    /// Files that were said to be gone and stood there.
    pub(crate) slandered: u64,
}

/// What is put to the test.
enum Watching {
    Ours(Watcher),
    Plain(Plain),
}

/// Watch, and do what the lines of the input say.
pub(crate) fn act(act: &WatchAct) -> ExitCode {
    let workspace = Workspace::open(&act.root).expect("a repository");
    let told = Arc::new(Mutex::new(Told { files: contents(&workspace), ..Told::default() }));
    if let Some(left) = act.descriptors {
        leave(open_descriptors() + left);
    }
    let watching = match act.writer {
        Writer::Plain => Watching::Plain(Plain::start(workspace.root(), &told)),
        Writer::Ours | Writer::NoSync => Watching::Ours(ours(&workspace, &told)),
    };
    let mut hogs = Vec::new();
    watching.say("ready");
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("settle", _) => settle(&workspace, &watching, &told),
            ("watches", most) => {
                std::fs::write("/proc/sys/user/max_inotify_watches", most).expect("a namespace of its own");
                watching.retry();
            }
            ("instances", most) => {
                std::fs::write("/proc/sys/user/max_inotify_instances", most).expect("a namespace of its own");
                watching.retry();
            }
            ("retry", _) => watching.retry(),
            ("hog", _) => {
                leave(open_descriptors() + 40);
                hogs.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
                say("ok");
            }
            ("feed", _) => {
                hogs.clear();
                say("ok");
            }
            // Of the folders that there are, those that are watched stay so.
            ("enough", _) => {
                std::fs::write("/proc/sys/user/max_inotify_watches", "1").expect("a namespace of its own");
                say("ok");
            }
            other => say(&format!("nobody says {other:?}")),
        }
    }
    ExitCode::SUCCESS
}

fn ours(workspace: &Workspace, told: &Arc<Mutex<Told>>) -> Watcher {
    let (told, at) = (Arc::clone(told), workspace.root().to_owned());
    let tell = move |batch: Batch| {
        let mut told = told.lock().expect("nobody panics in between");
        for change in &batch.changes {
            let path = change.path.as_str();
            match (change.kind, content(&at.join(path))) {
                (ChangeKind::Removed, there) => {
                    told.files.remove(path);
                    told.slandered += u64::from(there.is_some());
                }
                (_, Some(bytes)) => _ = told.files.insert(path.to_owned(), bytes),
                (_, None) => _ = told.files.remove(path),
            }
        }
        told.rescans += u64::from(batch.rescanned);
        told.last = Some(Instant::now());
    };
    let watcher = Watcher::start(workspace.clone(), WatchOptions::default(), tell).expect("a thread");
    let start = Instant::now();
    // It cannot begin without descriptors, and says so.
    while !watcher.wait_ready(Duration::from_millis(100)) && watcher.status().notes.is_empty() {
        assert!(start.elapsed() < FIRST, "no first scan");
    }
    watcher
}

impl Watching {
    fn knows(&self, fresh: &[(String, deepcoder_workspace::Stamp)]) -> bool {
        match self {
            Self::Ours(watcher) => watcher.state() == fresh,
            // It has nothing but what it tells.
            Self::Plain(_) => true,
        }
    }

    fn retry(&self) {
        let Self::Ours(watcher) = self else { return self.say("retried") };
        let before = watcher.status().scans;
        watcher.rescan();
        let start = Instant::now();
        // A look that had begun before ends first.
        let begun = |status: &WatchStatus| status.scans > before && status.how == How::Events;
        while !begun(&watcher.status()) && watcher.status().scans < before + 2 && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.say("retried");
    }

    /// How it watches and what the user would see.
    fn say(&self, word: &str) {
        match self {
            Self::Ours(watcher) => {
                let status = watcher.status();
                say(&format!("{word} {} {}", status.how.name(), status.notes.join("; ")));
            }
            Self::Plain(plain) => say(&format!("{word} events {}", plain.failure.as_deref().unwrap_or_default())),
        }
    }
}

/// All is quiet: how long from now until what is known, and what was told, is what a fresh scan finds.
fn settle(workspace: &Workspace, watching: &Watching, told: &Mutex<Told>) {
    let quiet = Instant::now();
    // Looking takes descriptors too, and is no part of the test.
    leave(getrlimit(Resource::Nofile).maximum.unwrap_or(1024));
    // One that has never seen the tree, and no index of git's that was read before.
    let workspace = Workspace::open(workspace.root()).expect("a repository");
    if let Watching::Ours(watcher) = watching
        && watcher.status().files.is_none()
    {
        // Whatever it finds first is the beginning.
        assert!(watcher.wait_ready(FIRST), "no first scan");
        told.lock().expect("nobody panics in between").files = contents(&workspace);
    }
    let (fresh, files) = (workspace.scan(), contents(&workspace));
    let plain = matches!(watching, Watching::Plain(_));
    loop {
        let asked = Instant::now();
        let known = watching.knows(&fresh);
        let pause = (asked.elapsed() * ASIDE).max(Duration::from_millis(20));
        let mut told = told.lock().expect("nobody panics in between");
        if plain {
            // It does not know the rules: what they hide counts for nothing, unless it is gone.
            let root = workspace.root();
            told.files.retain(|path, _| files.contains_key(path) || content(&root.join(path)).is_none());
        }
        if known && told.files == files {
            let took = told.last.map_or(Duration::ZERO, |last| last.saturating_duration_since(quiet));
            let line = format!("settled {} {} {} {}", took.as_millis(), files.len(), told.rescans, told.slandered);
            (told.rescans, told.slandered) = (0, 0);
            return say(&line);
        }
        if quiet.elapsed() > if plain { PLAIN_PATIENCE } else { PATIENCE } {
            let wrong = difference(&told.files, &files).unwrap_or_else(|| "only the stamps of files".into());
            return say(&format!("differs {wrong}"));
        }
        drop(told);
        std::thread::sleep(pause);
    }
}

fn difference(told: &Mirror, files: &Mirror) -> Option<String> {
    let missed = files.iter().filter(|(path, bytes)| told.get(*path) != Some(bytes)).map(|(path, _)| path);
    let stale = told.keys().filter(|path| !files.contains_key(*path));
    let (missed, stale): (Vec<_>, Vec<_>) = (missed.collect(), stale.collect());
    let first = missed.first().or(stale.first())?;
    Some(format!("{} files were missed and {} kept that are gone, `{first}` for one", missed.len(), stale.len()))
}

/// What a fresh scan finds, with the bytes.
fn contents(workspace: &Workspace) -> Mirror {
    let files = workspace.scan().into_iter().map(|(path, _)| path);
    files.filter_map(|path| content(&workspace.root().join(&path)).map(|bytes| (path, bytes))).collect()
}

/// What stands for the bytes of a regular file.
pub(crate) fn content(path: &Path) -> Option<u64> {
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let bytes = loop {
        match std::fs::read(path) {
            // Somebody has taken all descriptors, for a moment: that is no word about the file.
            Err(error) if error.raw_os_error() == Some(libc::EMFILE) => std::thread::sleep(Duration::from_millis(5)),
            read => break read.ok()?,
        }
    };
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Some(hasher.finish())
}

fn open_descriptors() -> u64 {
    std::fs::read_dir("/proc/self/fd").expect("proc").count() as u64
}

fn leave(most: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }).expect("less than it was");
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever listened has gone, and this program ends with its input.
    _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
