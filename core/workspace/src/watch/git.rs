//! Git at work in the tree: its operations are told as one change, when they are over.

use crate::Workspace;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between the steps of an operation, such as writing the index and moving HEAD.
const STEP: Duration = Duration::from_millis(100);

/// Between the commits of a rebase. One that waits for the user does not hold up what the user saves.
const PICK: Duration = Duration::from_millis(1500);

/// Git that works without a sign of life for this long has died and left its lock.
const DEAD: Duration = Duration::from_secs(5);

/// The watcher reports changes at least this often, also while git is at work.
const LONGEST: Duration = Duration::from_secs(600);

/// The files that git writes when it works on the tree.
const SIGNS: &[&str] = &[
    "HEAD",
    "HEAD.lock",
    "index",
    "index.lock",
    "ORIG_HEAD",
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
];

/// Where HEAD is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The branch; `None` when it is detached.
    pub branch: Option<String>,
    /// The commit; `None` when there is none yet.
    pub commit: Option<String>,
}

impl Workspace {
    /// Where HEAD is.
    #[must_use]
    pub fn head(&self) -> Head {
        let Ok(repository) = self.repository() else { return Head::default() };
        let reference = repository.find_reference("HEAD").ok();
        let branch = reference.as_ref().and_then(|r| r.symbolic_target().ok().flatten().map(str::to_owned));
        let branch = branch.map(|name| name.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(name));
        let commit = reference.and_then(|r| r.peel_to_commit().ok()).map(|commit| commit.id().to_string());
        Head { branch, commit }
    }

    /// The merge, rebase, cherry-pick or revert that is under way.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        let is_there = |name: &str| self.git_dir().join(name).exists();
        let signs = [
            ("rebase-merge", "rebase"),
            ("rebase-apply", "rebase"),
            ("MERGE_HEAD", "merge"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
        ];
        signs.into_iter().find(|(sign, _)| is_there(sign)).map(|(_, name)| name)
    }
}

/// The state of git's work.
pub(crate) struct Git {
    dir: PathBuf,
    /// First and last sign of what goes on.
    span: Option<(Instant, Instant)>,
    /// The lock has outlasted the longest wait: it counts as stale.
    dead_lock: bool,
    head: Head,
}

impl Git {
    pub(crate) fn new(workspace: &Workspace) -> Self {
        let dir = workspace.git_dir().to_owned();
        let dead_lock = dir.join("index.lock").exists();
        Self { dir, span: None, dead_lock, head: workspace.head() }
    }

    /// Take note of what happened in git's folder; whether `path` is in there.
    pub(crate) fn note(&mut self, path: &Path, now: Instant) -> bool {
        let Ok(inside) = path.strip_prefix(&self.dir) else { return false };
        let sign = inside.to_str().is_some_and(|name| SIGNS.contains(&name));
        if sign {
            if inside.as_os_str() == "index.lock" {
                self.dead_lock = false;
            }
            self.live(now);
        }
        true
    }

    /// Until when nothing is told.
    pub(crate) fn hold(&mut self, now: Instant, files_change: bool) -> Option<Instant> {
        let (first, _) = self.span?;
        let locked = !self.dead_lock && self.dir.join("index.lock").exists();
        if locked && files_change {
            self.live(now);
        }
        let (_, last) = self.span?;
        let rebasing = || ["rebase-merge", "rebase-apply"].iter().any(|name| self.dir.join(name).exists());
        let wait = if locked {
            DEAD
        } else if rebasing() {
            PICK
        } else {
            STEP
        };
        let until = (last + wait).min(first + LONGEST);
        if until <= now {
            self.dead_lock |= locked;
            return None;
        }
        Some(until)
    }

    /// End the current work: whether git did anything, and where HEAD is now if it moved.
    pub(crate) fn settle(&mut self, workspace: &Workspace) -> (bool, Option<Head>) {
        if self.span.take().is_none() {
            return (false, None);
        }
        let head = workspace.head();
        let moved = head != self.head;
        self.head = head;
        (true, moved.then(|| self.head.clone()))
    }

    fn live(&mut self, now: Instant) {
        self.span = Some((self.span.map_or(now, |(first, _)| first), now));
    }
}
