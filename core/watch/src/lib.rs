//! Repositories that are watched by the daemon: what changes in them becomes jobs.
//!
//! There are two ways from a change to a job: a template that waits for changes of its files (`Schedule::Change`), and a
//! comment that asks for something (`AI!`, `AI?`). Nothing is cached about a repository that a change would have to
//! refresh: every run reads what it needs.
//!
//! **Invariant:** what deepcoder wrote itself starts nothing, judged by its bytes. **Invariant:** a comment that git
//! brought along starts nothing: only one that the user typed here and has not committed.

mod ask;
mod budget;
mod comment;
mod own;
mod repository;
mod roots;
#[cfg(test)]
mod tests;
mod trigger;

pub use roots::{Roots, StoredRoots};

use deepcoder_protocol::{Failure, Jobs, Models, Refusal, Watched, Watching};
use deepcoder_types::Hint;
use deepcoder_workspace::Workspace;
use repository::{Begin, Repository};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where the result of a comment's request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommentDelivery {
    /// It is written into the work tree, as an edit that can be undone.
    #[default]
    Apply,
    /// It waits for a decision.
    Review,
    /// Comments ask for nothing.
    Off,
}

/// How repositories are watched.
#[derive(Debug, Clone)]
pub struct Options {
    /// How their trees are.
    pub tree: deepcoder_workspace::WatchOptions,
    /// Where the result of a comment's request goes.
    pub comments: CommentDelivery,
    /// The least time between two jobs of one template.
    pub gap: Duration,
    /// The most time that the model may work within an hour for the changes of one repository. A comment's request is
    /// the user's own and does not wait for it.
    pub model_per_hour: Duration,
    /// Roots that are watched without being remembered: those of the settings.
    pub always: Vec<PathBuf>,
    /// The file of the history of edits.
    pub history: PathBuf,
}

impl Options {
    /// The defaults, with the history in the folder `state`.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self {
            tree: deepcoder_workspace::WatchOptions::default(),
            comments: CommentDelivery::default(),
            gap: Duration::from_secs(10),
            model_per_hour: Duration::from_secs(15 * 60),
            always: Vec::new(),
            history: state.join("history.db"),
        }
    }
}

/// All watched repositories.
pub struct Watches {
    options: Options,
    roots: Box<dyn Roots>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Once started.
    services: Option<Services>,
    open: BTreeMap<PathBuf, Repository>,
    /// Roots that are to be watched and cannot be, with the reason.
    failed: BTreeMap<PathBuf, String>,
}

#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) jobs: Arc<dyn Jobs>,
    pub(crate) models: Arc<dyn Models>,
}

/// Notices for the user, newest last.
#[derive(Default)]
pub(crate) struct Notices {
    lines: Vec<String>,
}

impl Notices {
    /// Only the last few are kept, each once.
    const MOST: usize = 5;

    pub(crate) fn add(&mut self, line: String) {
        self.lines.retain(|notice| *notice != line);
        self.lines.push(line);
        let over = self.lines.len().saturating_sub(Self::MOST);
        self.lines.drain(..over);
    }

    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl Watches {
    /// Nothing is watched before [`Watching::start`].
    #[must_use]
    pub fn new(options: Options, roots: Box<dyn Roots>) -> Self {
        Self { options, roots, inner: Mutex::new(Inner::default()) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, inner: &mut Inner, workspace: Workspace, begin: Begin) -> Result<(), Failure> {
        let services = inner.services.clone().ok_or(Failure::Stopping)?;
        let root = workspace.root().to_owned();
        let repository =
            Repository::open(workspace, &self.options, services, begin).map_err(|error| refused(&error))?;
        inner.failed.remove(&root);
        inner.open.insert(root, repository);
        Ok(())
    }
}

impl Watching for Watches {
    fn start(&self, jobs: Arc<dyn Jobs>, models: Arc<dyn Models>) -> Result<(), Failure> {
        let mut inner = self.lock();
        inner.services = Some(Services { jobs, models });
        let remembered = self.roots.all();
        let always = self.options.always.iter().cloned();
        for root in always.chain(remembered.iter().flatten().cloned()) {
            let opened = Workspace::open(&root).map_err(|error| refused(&error));
            let watched = opened.and_then(|workspace| match inner.open.contains_key(workspace.root()) {
                true => Ok(()),
                false => self.open(&mut inner, workspace, Begin::Again),
            });
            if let Err(failure) = watched {
                inner.failed.insert(root, failure.to_string());
            }
        }
        remembered.map(|_| ())
    }

    fn stop(&self) {
        let open = {
            let mut inner = self.lock();
            inner.services = None;
            std::mem::take(&mut inner.open)
        };
        // Each waits for its threads.
        drop(open);
    }

    fn watch(&self, root: &Path) -> Result<Watched, Failure> {
        let workspace = Workspace::open(root).map_err(|error| refused(&error))?;
        let root = workspace.root().to_owned();
        self.roots.remember(&root)?;
        let mut inner = self.lock();
        match inner.open.get(&root) {
            // Limits may have been raised since.
            Some(open) => open.retry(),
            None => self.open(&mut inner, workspace, Begin::New)?,
        }
        inner.open.get(&root).map(|open| open.watched(&root)).ok_or(Failure::Stopping)
    }

    fn unwatch(&self, root: &Path) -> Result<bool, Failure> {
        // A folder that is gone can be given as it was remembered only.
        let root = Workspace::open(root).map_or_else(|_| root.to_owned(), |workspace| workspace.root().to_owned());
        let remembered = self.roots.forget(&root)?;
        let (open, failed) = {
            let mut inner = self.lock();
            (inner.open.remove(&root), inner.failed.remove(&root))
        };
        Ok(remembered || open.is_some() || failed.is_some())
    }

    fn list(&self) -> Vec<Watched> {
        let inner = self.lock();
        let failed = inner.failed.iter().map(|(root, why)| Watched {
            root: root.clone(),
            files: None,
            how: "nothing".into(),
            notes: vec![why.clone()],
        });
        let mut all: Vec<Watched> = inner.open.iter().map(|(root, open)| open.watched(root)).chain(failed).collect();
        all.sort_by(|a, b| a.root.cmp(&b.root));
        all
    }
}

fn refused<E: std::error::Error + Hint>(error: &E) -> Failure {
    Failure::Refused { reason: Refusal::NotFound, message: error.to_string(), hint: error.hint() }
}
