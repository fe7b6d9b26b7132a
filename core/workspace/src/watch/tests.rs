#![expect(clippy::disallowed_methods, reason = "these files are in temporary folders of the tests")]

mod converge;
mod told;

use super::{Batch, ChangeKind, WatchOptions, Watcher};
use crate::Workspace;
use deepcoder_test_support::TestRepo;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longer than anything takes on a machine that does a lot else.
const LIMIT: Duration = Duration::from_secs(20);

/// A watcher, with all that it told.
struct Watched {
    watcher: Watcher,
    told: Arc<Mutex<Vec<Batch>>>,
    root: std::path::PathBuf,
    /// What somebody would have who only ever reads the files that are told.
    mirror: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Watched {
    fn new(root: &Path) -> Self {
        Self::with(root, WatchOptions::default())
    }

    fn with(root: &Path, options: WatchOptions) -> Self {
        let workspace = Workspace::open(root).expect("opens");
        let root = workspace.root().to_owned();
        let files = workspace.scan();
        let read = |path: &str| std::fs::read(root.join(path)).ok();
        let mirror: BTreeMap<_, _> = files.iter().filter_map(|(path, _)| Some((path.clone(), read(path)?))).collect();
        let (told, mirror) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(mirror)));
        let (tell, reader, at) = (Arc::clone(&told), Arc::clone(&mirror), root.clone());
        let watcher = Watcher::start(workspace, options, move |batch: Batch| {
            let mut mirror = reader.lock().unwrap();
            for change in &batch.changes {
                let path = change.path.as_str();
                match std::fs::read(at.join(path)) {
                    Ok(bytes) if change.kind != ChangeKind::Removed => _ = mirror.insert(path.to_owned(), bytes),
                    _ => _ = mirror.remove(path),
                }
            }
            tell.lock().unwrap().push(batch);
        });
        let watcher = watcher.expect("starts");
        assert!(watcher.wait_ready(LIMIT), "no first scan");
        Self { watcher, told, root, mirror }
    }

    /// Wait until it knows what a fresh scan knows, and has told everything that leads there.
    fn settle(&self) {
        let fresh = Workspace::open(&self.root).expect("opens").scan();
        let read = |path: &str| std::fs::read(self.root.join(path)).expect("a file");
        let files: BTreeMap<String, Vec<u8>> = fresh.iter().map(|(path, _)| (path.clone(), read(path))).collect();
        let start = Instant::now();
        loop {
            let known = self.watcher.state();
            let mirror = self.mirror.lock().unwrap().clone();
            if known == fresh && mirror == files {
                return;
            }
            if start.elapsed() > LIMIT {
                let names = |of: &[(String, super::Stamp)]| of.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>();
                assert_eq!(names(&known), names(&fresh), "the state");
                assert_eq!(known, fresh, "the stamps");
                assert_eq!(mirror, files, "what was told");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What was told since the last time, one line for each change.
    fn changes(&self) -> Vec<String> {
        self.batches().iter().flat_map(lines).collect()
    }

    fn batches(&self) -> Vec<Batch> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

fn lines(batch: &Batch) -> Vec<String> {
    let sign = |kind| match kind {
        ChangeKind::Added => '+',
        ChangeKind::Modified => '~',
        ChangeKind::Removed => '-',
    };
    batch.changes.iter().map(|c| format!("{}{}", sign(c.kind), c.path)).collect()
}

/// A repository with some files.
fn repo() -> TestRepo {
    TestRepo::new(&[
        (".gitignore", b"target/\n*.log\n"),
        ("a.py", b"a = 1\n"),
        ("src/b.py", b"b = 1\n"),
        ("src/deep/c.py", b"c = 1\n"),
    ])
}
