//! One watched repository: a watcher that tells what changed, and a thread that makes jobs of it.

use crate::ask::Asks;
use crate::own::Own;
use crate::trigger::Triggers;
use crate::{CommentDelivery, Notices, Options, Services};
use deepcoder_protocol::Watched;
use deepcoder_types::RepoPath;
use deepcoder_workspace::{Batch, ChangeKind, WatchError, Watcher, Workspace};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A user does not save more files than this at once: a program is at work, and comments that it writes ask for
/// nothing.
const SAVED: usize = 20;

/// Files that are looked at after a restart.
const LEFT: usize = 200;

/// How long the first scan may take.
const SCAN: Duration = Duration::from_secs(600);

/// How watching begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// The user asked for it now: comments that are in the tree already are left alone.
    New,
    /// It was watched before: comments that were saved while the daemon was down are not lost.
    Again,
}

/// One watched repository, until this is dropped.
pub(crate) struct Repository {
    watcher: Option<Arc<Watcher>>,
    thread: Option<JoinHandle<()>>,
    notices: Arc<Mutex<Notices>>,
}

impl Repository {
    pub(crate) fn open(
        workspace: Workspace,
        options: &Options,
        services: Services,
        begin: Begin,
    ) -> Result<Self, WatchError> {
        let (sender, batches) = channel();
        let again = (begin == Begin::Again && options.comments != CommentDelivery::Off).then(|| sender.clone());
        let tell = move |batch| {
            // When the other thread is gone, so is the daemon.
            _ = sender.send(News::Batch(batch));
        };
        let watcher = Arc::new(Watcher::start(workspace.clone(), options.tree.clone(), tell)?);
        let notices = Arc::new(Mutex::new(Notices::default()));
        let root = workspace.root().to_owned();
        let mut agenda = Agenda {
            asks: Asks::new(workspace.clone(), Arc::clone(&services.jobs), options.comments),
            triggers: Triggers::new(
                workspace.clone(),
                services.jobs,
                services.models,
                options.gap,
                options.model_per_hour,
            ),
            own: Own::new(&options.history, &root),
            notices: Arc::clone(&notices),
            workspace,
        };
        let scanned = again.map(|again| (again, Arc::downgrade(&watcher)));
        let run = move || {
            if let Some((again, watcher)) = scanned {
                // Watched first: what is saved from now on is told.
                if watcher.upgrade().is_some_and(|watcher| watcher.wait_ready(SCAN)) {
                    _ = again.send(News::Left);
                }
            }
            agenda.run(&batches);
        };
        let thread = std::thread::Builder::new().name("deepcoder-agenda".into()).spawn(run);
        let thread = thread.map_err(|source| WatchError::Thread { root, source })?;
        Ok(Self { watcher: Some(watcher), thread: Some(thread), notices })
    }

    /// How it goes.
    pub(crate) fn watched(&self, root: &Path) -> Watched {
        let status = self.watcher.as_ref().map(|watcher| watcher.status());
        let mut notes = status.as_ref().map(|status| status.notes.clone()).unwrap_or_default();
        notes.extend(self.notices.lock().unwrap_or_else(PoisonError::into_inner).lines().iter().cloned());
        let how = status.as_ref().map_or("nothing", |status| status.how.name()).to_owned();
        Watched { root: root.to_owned(), files: status.and_then(|status| status.files), how, notes }
    }

    /// Look at everything once more, and ask the system for events again where it had none to give.
    pub(crate) fn retry(&self) {
        if let Some(watcher) = self.watcher.as_ref().filter(|watcher| !watcher.status().notes.is_empty()) {
            watcher.rescan();
        }
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        // With the watcher goes the sender, and with it the thread's reason to be.
        drop(self.watcher.take());
        if let Some(thread) = self.thread.take() {
            // It panics where a service does, and then there is nothing left to end.
            _ = thread.join();
        }
    }
}

enum News {
    Batch(Batch),
    /// Look for comments that were saved while the daemon was down.
    Left,
}

struct Agenda {
    workspace: Workspace,
    asks: Asks,
    triggers: Triggers,
    own: Own,
    notices: Arc<Mutex<Notices>>,
}

impl Agenda {
    fn run(&mut self, news: &Receiver<News>) {
        let mut due: Option<Instant> = None;
        loop {
            let next = match due {
                None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => news.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            let mut notices = Notices::default();
            match next {
                Ok(News::Batch(batch)) => self.batch(&batch, &mut notices),
                Ok(News::Left) => {
                    let left = self.workspace.uncommitted(LEFT);
                    self.saved(left, &mut notices);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            due = self.triggers.fire(&mut notices);
            let mut shared = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
            notices.lines().iter().for_each(|line| shared.add(line.clone()));
        }
    }

    fn batch(&mut self, batch: &Batch, notices: &mut Notices) {
        if batch.changes.is_empty() {
            return;
        }
        // Reads go through the folder that was opened, which may be another one than the one at the path.
        if !self.workspace.is_in_place()
            && let Ok(workspace) = Workspace::open(self.workspace.root())
            && workspace.root() == self.workspace.root()
        {
            self.asks.reopen(&workspace);
            self.triggers.reopen(&workspace);
            self.workspace = workspace;
        }
        let written = self.own.written();
        let hash = |path: &RepoPath| self.workspace.read(path).ok().map(|image| image.hash());
        let theirs =
            batch.changes.iter().filter(|change| !written.contains(&(change.path.clone(), hash(&change.path))));
        let theirs: Vec<_> = theirs.collect();
        if theirs.len() <= SAVED {
            // Removed files as well: their comments ask for nothing any more.
            self.saved(theirs.iter().map(|change| change.path.clone()).collect(), notices);
        }
        let there = theirs.iter().filter(|change| change.kind != ChangeKind::Removed);
        self.triggers.changed(&there.map(|change| change.path.clone()).collect::<Vec<_>>(), notices);
    }

    fn saved(&mut self, paths: Vec<RepoPath>, notices: &mut Notices) {
        if let Some(operation) = self.workspace.operation() {
            // A merge brings comments into the tree that are not committed yet and that the user did not type here.
            notices.add(format!("a {operation} is under way: comments are read again when it is over"));
            return;
        }
        self.asks.saved(&paths, notices);
    }
}
