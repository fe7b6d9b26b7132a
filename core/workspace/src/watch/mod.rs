//! Watching a work tree: what a model may see in it, kept up to date, and told in batches.
//!
//! Events of the system are hints about where to look. Reports come from looking: a path is compared with what is known
//! of it, a folder with its listing, and after events were lost everything is. So whatever the system leaves out,
//! reorders or repeats, the state ends up as a fresh scan would find it.
//!
//! **Invariant:** a folder is watched before it is listed, and a folder that an event names is watched anew: what happens
//! in between is seen by one or by the other.

mod events;
mod git;
mod inbox;
mod run;
mod scratch;
mod stamp;
#[cfg(test)]
mod tests;
mod tree;

pub use git::Head;
pub use stamp::Stamp;

use crate::Workspace;
use deepcoder_types::RepoPath;
use inbox::Inbox;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a tree is watched.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// A batch is told once nothing has happened for this long.
    pub quiet: Duration,
    /// Or once its first change is this old.
    pub patience: Duration,
    /// Never ask the system for events; look at everything from time to time.
    pub polling: bool,
    /// The least time between two looks at everything, where events cannot be had.
    pub poll: Duration,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(15),
            patience: Duration::from_millis(250),
            polling: false,
            poll: Duration::from_secs(2),
        }
    }
}

/// The kind of a file's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It is there now.
    Added,
    /// It is another one, or has other bytes.
    Modified,
    /// It is gone, or must not be seen any more.
    Removed,
}

/// A file that changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// Which.
    pub path: RepoPath,
    /// How, compared with what was told before.
    pub kind: ChangeKind,
}

/// Changes that are reported together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Sorted by path, each path once.
    pub changes: Vec<Changed>,
    /// Where HEAD is now, if it moved: a checkout, a commit, a rebase, all of whose changes are in this batch.
    pub head: Option<Head>,
    /// Git worked in the tree meanwhile.
    pub git: bool,
    /// Events were lost, or are not to be had, and everything was compared.
    pub rescanned: bool,
}

/// Where changes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The system tells.
    Events,
    /// Everything is looked at from time to time.
    Polling,
}

impl How {
    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Polling => "polling",
        }
    }
}

/// How the watching goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchStatus {
    /// Files that are known; `None` until the first scan is done.
    pub files: Option<u64>,
    /// Folders that are known.
    pub folders: u64,
    /// Where changes come from.
    pub how: How,
    /// Notices for the user.
    pub notes: Vec<String>,
    /// Scans of everything so far.
    pub scans: u64,
}

/// Why watching cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system gives no thread.
    #[error("cannot start watching `{}`: {source}", root.display())]
    Thread {
        /// The work tree.
        root: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl deepcoder_types::Hint for WatchError {}

/// A work tree that is being watched, until this is dropped.
pub struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Begin to watch; returns at once. `tell` is called on a thread of its own, with every batch that is not empty. What
    /// the first scan finds is the beginning and is not told.
    pub fn start(
        workspace: Workspace,
        options: WatchOptions,
        tell: impl FnMut(Batch) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let root = workspace.root().to_owned();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let run = move || run::run(workspace, options, &theirs, Box::new(tell));
        let thread = std::thread::Builder::new().name("deepcoder-watch".into()).spawn(run);
        let thread = thread.map_err(|source| WatchError::Thread { root, source })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// How it goes.
    #[must_use]
    pub fn status(&self) -> WatchStatus {
        self.shared.shown().clone()
    }

    /// Wait until the first scan is done, at most `limit`; whether it is.
    #[must_use]
    pub fn wait_ready(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut shown = self.shared.shown();
        while shown.files.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            shown = self.shared.ready.wait_timeout(shown, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// The known files, as of the last batch. Sorted by path.
    #[must_use]
    pub fn state(&self) -> Vec<(String, Stamp)> {
        self.shared.inbox.ask().recv().unwrap_or_default()
    }

    /// Compare everything, as if events had been lost.
    pub fn rescan(&self) {
        self.shared.inbox.lose();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.inbox.stop();
        if let Some(thread) = self.thread.take() {
            // It panics where `tell` does, and then there is nothing left to end.
            _ = thread.join();
        }
    }
}

impl Workspace {
    /// The files that a watcher would know, from one fresh scan. Sorted by path.
    #[must_use]
    pub fn scan(&self) -> Vec<(String, Stamp)> {
        let mut tree = tree::Tree::new(self.clone());
        // A root that cannot be read has no files.
        _ = tree.scan_all(&mut |_| Ok(()), &mut Vec::new());
        tree.state()
    }
}

/// The state that the thread and its owner share.
struct Shared {
    inbox: Arc<Inbox>,
    shown: Mutex<WatchStatus>,
    ready: Condvar,
}

impl Default for Shared {
    fn default() -> Self {
        let shown = WatchStatus { files: None, folders: 0, how: How::Events, notes: Vec::new(), scans: 0 };
        Self { inbox: Arc::default(), shown: Mutex::new(shown), ready: Condvar::new() }
    }
}

impl Shared {
    fn shown(&self) -> MutexGuard<'_, WatchStatus> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
