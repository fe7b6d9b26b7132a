//! The only writer. It puts an [`EditSet`] into a work tree so that no byte is ever lost: not by a crash, not by a full
//! disk, not by another program that writes to the same file at the same moment.
//!
//! The order of the writes: the originals go into git, durably (`preimage`); the intent goes into the history
//! (PREPARED); the new files are staged beside the old ones (`commit`); everything is hashed once more; COMMITTING is
//! written, which is the commit point; each pair is exchanged in one step and what came out is hashed (`publish`); the
//! folders are synced; DONE. `recover` finishes or reverts what was interrupted, by the hash of what each file holds.
//!
//! **Invariant:** a tree is before or after a set, never between, once [`Applier::open`] has returned.
//!
//! **Invariant:** no file that holds bytes which deepcoder did not put there, or did not expect there, is written to,
//! moved or removed for good. HEAD, branches, the index and the stash are not touched, but by [`Applier::commit`].
//!
//! # What the disk is waited for
//!
//! One file that is edited costs nine waits, each for a reason; `n` more files cost one each, and one for each folder.
//!
//! | waits | for | without it a power cut leaves |
//! | --- | --- | --- |
//! | 3 | the pack, its index, their folder | no original, or a pack that git cannot read |
//! | 2 | the ref, its folder (the first time its two parents) | an original that nothing names |
//! | 0 | PREPARED | the ref says the same (`recover::adopt`) |
//! | 1 a file | the staged bytes | a file of NUL bytes |
//! | 1 | COMMITTING | half a set published, and no plan to finish it |
//! | 1 a folder | the exchanged names | the old file after DONE was said |
//! | 1 | DONE | a set taken back because of what the user wrote afterwards |
//! | 0 | cleared | one more look, which finds nothing |
//!
//! SQLite adds two for the first write of a process (the new log and its folder) and two when it closes the history (the
//! log, the database), after the edit is said to be applied. Opening costs none.

mod error;
mod protect;
mod scratch_worktree;
mod steps;
mod types;

pub use error::{
    ApplyError, CommitError, LogError, OpenError, PruneError, RecoverError, Refusal, RestoreError, UndoError,
};
pub use protect::protected;
pub use scratch_worktree::{
    Published, ScratchWorktree, check_free_branch, clear_scratch_worktree, forget_mark, keep_work_tree, landed,
};
pub use steps::{NoSteps, STEPS, ScriptError, StepScript, Steps};
pub use types::{
    Applied, ApplyOptions, LogEntry, LogFile, LogImage, LogState, Pruned, Recovery, Restored, Side, Undone,
};
pub use usercommit::{CommitOptions, Committed, add_work_tree, remove_work_tree};

mod clear;
mod commit;
mod git;
mod index;
mod kept;
mod lock;
mod plan;
mod preimage;
mod publish;
mod recover;
mod restore;
mod sharing;
mod tree;
mod undo;
mod usercommit;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write to temporary folders as users do")]
mod tests;

use commit::About;
use deepcoder_history::{FileRow, History, ImageRow, SetRow, State, TreeId};
use deepcoder_types::{Cancel, EditSet};
use deepcoder_workspace::Workspace;
use lock::Lock;
use publish::FileState;
use sharing::Sharing;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tree::Tree;

/// Writes to one work tree.
pub struct Applier {
    workspace: Workspace,
    /// The program git, for what the library does not do.
    runner: deepcoder_git::Git,
    root: PathBuf,
    git_dir: PathBuf,
    tree: Tree,
    /// Git's folder of this work tree, for what is ours in it.
    git: Tree,
    history: History,
    tree_id: TreeId,
    sharing: Sharing,
    steps: Box<dyn Steps>,
    lock_wait: Duration,
    recovered: Recovery,
}

/// How to open an [`Applier`].
pub struct ApplierOptions {
    /// How long to wait for another process that writes to the same tree.
    pub lock_wait: Duration,
    /// Where tests make it fail.
    pub steps: Box<dyn Steps>,
}

impl Default for ApplierOptions {
    fn default() -> Self {
        Self { lock_wait: Duration::from_secs(10), steps: Box::new(NoSteps) }
    }
}

impl Applier {
    /// Open the tree of `workspace`, with the history in `state_dir`, and bring interrupted work to an end.
    pub fn open(workspace: &Workspace, state_dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(workspace, state_dir, ApplierOptions::default())
    }

    /// The same, with options.
    pub fn open_with(workspace: &Workspace, state_dir: &Path, options: ApplierOptions) -> Result<Self, OpenError> {
        let root = workspace.root().to_owned();
        let plain = options.steps.plain_opens();
        let open = |path: &Path| {
            Tree::open(path, plain).map_err(|e| OpenError::Root { path: path.to_owned(), source: e.into() })
        };
        let sharing = Sharing::of(workspace);
        let (tree, git) = (open(&root)?, open(workspace.git_dir())?.shared(sharing));
        let history = History::open(&state_dir.join("history.db"))?;
        let (tree_id, _) = history.work_tree(&root).map_err(RecoverError::from)?;
        let mut recovered = Recovery { damaged_history: history.replaced().map(Path::to_owned), ..Recovery::default() };
        let mut applier = Self {
            workspace: workspace.clone(),
            runner: workspace.git(),
            root,
            git_dir: workspace.git_dir().to_owned(),
            tree,
            git,
            history,
            tree_id,
            sharing,
            steps: options.steps,
            lock_wait: options.lock_wait,
            recovered: Recovery::default(),
        };
        // Without unfinished work nothing is written here, so that a tree that cannot be written can still be read.
        let unknown = !applier.unknown_sets().map_err(RecoverError::from)?.is_empty();
        let unfinished = applier.needs_recovery().map_err(RecoverError::from)?;
        if unknown || unfinished {
            match applier.lock(&Cancel::new()) {
                Ok(_lock) => {
                    recovered.rebuilt = applier.adopt().map_err(RecoverError::from)?;
                    applier.recover_locked(&mut recovered).map_err(RecoverError::from)?;
                }
                // The tree is read-only, so no other process is in the middle of an edit.
                Err(ApplyError::ReadOnly { .. }) if !unfinished => {
                    recovered.rebuilt = applier.adopt().map_err(RecoverError::from)?;
                }
                // Recovery of the unknown can wait: a caller that only reads must not be refused.
                Err(ApplyError::Denied { .. } | ApplyError::Busy { .. }) if !unfinished => {}
                Err(error) => return Err(RecoverError::from(error).into()),
            }
        }
        applier.recovered = recovered;
        Ok(applier)
    }

    /// The edits that [`Applier::open`] found interrupted, for the user to know.
    #[must_use]
    pub fn recovered(&self) -> &Recovery {
        &self.recovered
    }

    /// Apply `set`. All of it is in the tree and on the disk when this returns `Ok`; on an error nothing of it is, but
    /// for [`ApplyError::Interrupted`].
    ///
    /// A set with the id of one that is in effect is not applied twice. `cancel` counts until the commit point.
    pub fn apply(&self, set: &EditSet, options: &ApplyOptions, cancel: &Cancel) -> Result<Applied, ApplyError> {
        let _lock = self.begin(options.now_ms, cancel)?;
        let plan = self.plan(set, options.allow_protected)?;
        if let Some(refusal) = plan.refusals.first() {
            // The same request made for the same bytes gives the same id, so that a tree which is as it was asked for
            // before is asked for again; only where it is not, the earlier application is the answer.
            let rows = self.history.by_edit_id(self.tree_id, &set.id)?;
            let done = rows.into_iter().find(|row| row.state == State::Done && row.undone_by.is_none());
            return match done {
                Some(row) if plan.refusals.iter().all(Refusal::is_stale) => Ok(Applied {
                    id: row.set.edit_id,
                    files: row.set.files.into_iter().map(|f| f.path).collect(),
                    already: true,
                    kept: Vec::new(),
                    fsyncs: 0,
                }),
                _ => Err(refusal.clone().into()),
            };
        }
        if plan.files.is_empty() {
            return Err(ApplyError::Empty);
        }
        let about = About {
            edit_id: Some(set.id.clone()),
            title: set.title.clone(),
            undoes: None,
            drop_dirs: Vec::new(),
            as_before: Vec::new(),
            created_ms: options.now_ms,
            request_json: options.request_json.clone(),
        };
        self.execute(&plan, about, cancel)
    }

    /// The refusals that applying `set` would meet now. Writes nothing and takes no lock.
    pub fn preview_conflicts(&self, set: &EditSet, options: &ApplyOptions) -> Result<Vec<Refusal>, ApplyError> {
        Ok(self.plan(set, options.allow_protected)?.refusals)
    }

    /// Take back the set called `id` (a prefix will do), or the last one that is in effect. Undoing an undoing, by the id
    /// in [`Undone`], brings the edit back. All of it is taken back, or nothing: a file that was changed since forbids it.
    pub fn undo(&self, id: Option<&str>, now_ms: u64, cancel: &Cancel) -> Result<Undone, UndoError> {
        let _lock = self.begin(now_ms, cancel)?;
        self.undo_locked(id, now_ms, cancel)
    }

    /// The history, newest first: edits that changed the tree, and edits that were rolled back because another program
    /// wrote.
    pub fn log(&self, limit: usize) -> Result<Vec<LogEntry>, LogError> {
        let rows = self.history.newest(self.tree_id, limit)?;
        rows.into_iter().map(|row| self.entry(row)).collect()
    }

    /// The set that was applied under the id `id`, in effect or taken back since; `None` when none ever was.
    pub fn applied(&self, id: &str) -> Result<Option<LogEntry>, LogError> {
        let mut rows = self.history.by_edit_id(self.tree_id, id)?;
        rows.retain(|row| row.state == State::Done);
        rows.pop().map(|row| self.entry(row)).transpose()
    }

    /// Bring interrupted work to an end. [`Applier::open`], [`Applier::apply`] and [`Applier::undo`] do it by themselves.
    pub fn recover(&self) -> Result<Recovery, RecoverError> {
        let _lock = self.lock(&Cancel::new())?;
        let mut recovery = Recovery::default();
        self.recover_locked(&mut recovery)?;
        Ok(recovery)
    }

    /// Forget sets from before `older_than_ms`, and the oldest ones beyond `max_bytes` of images.
    pub fn prune(&self, older_than_ms: u64, max_bytes: u64) -> Result<Pruned, PruneError> {
        let _lock = self.lock(&Cancel::new())?;
        self.recover_locked(&mut Recovery::default())?;
        let rows = self.sets_to_prune(older_than_ms, max_bytes)?;
        let bytes = rows.iter().map(|row| recover::size(&row.set)).sum();
        // The rows go last: dying in between leaves rows without refs, which the next call removes.
        self.forget(rows.iter().map(|row| row.set.ulid.as_str()))?;
        self.history.remove(&rows.iter().map(|row| row.seq).collect::<Vec<_>>())?;
        // Refs of histories that are gone.
        let mut orphans = self.unknown_sets()?;
        orphans.retain(|set| set.created_ms < older_than_ms);
        self.forget(orphans.iter().map(|set| set.ulid.as_str()))?;
        Ok(Pruned { sets: rows.len(), bytes })
    }

    fn entry(&self, row: SetRow) -> Result<LogEntry, LogError> {
        let state = match (row.state, row.undone_by) {
            (State::Conflict, _) => LogState::Conflict,
            (State::Done, None) => LogState::Applied,
            (State::Done, Some(_)) => LogState::Undone,
            _ => LogState::Pending,
        };
        let mut changed_since = Vec::new();
        for file in row.set.files.iter().filter(|_| state == LogState::Applied) {
            if matches!(self.file_state(file)?, FileState::Foreign | FileState::Displaced) {
                changed_since.push(file.path.clone());
            }
        }
        let image = |i: ImageRow| LogImage { hash: i.hash, mode: i.mode, size: i.size };
        let file = |f: FileRow| LogFile { path: f.path, old: f.old.map(image), new: f.new.map(image) };
        Ok(LogEntry {
            id: row.set.edit_id,
            title: row.set.title,
            created_ms: row.set.created_ms,
            state,
            files: row.set.files.into_iter().map(file).collect(),
            undoable: state == LogState::Applied && changed_since.is_empty(),
            changed_since,
            undoes: row.set.undoes,
            commit: row.set.git_commit,
            user_commit: row.user_commit,
            request_json: row.set.request_json,
            note: row.note,
        })
    }

    fn lock(&self, cancel: &Cancel) -> Result<Lock, ApplyError> {
        Lock::take(&self.git, &self.git_dir, self.lock_wait, cancel)
    }

    /// The lock, with nothing left over from before.
    fn begin(&self, now_ms: u64, cancel: &Cancel) -> Result<Lock, ApplyError> {
        cancel.check()?;
        let lock = self.lock(cancel)?;
        // A process may have died since this one opened the tree.
        self.recover_locked(&mut Recovery::default()).map_err(|e| ApplyError::Recover(Box::new(e.into())))?;
        self.sweep(now_ms);
        Ok(lock)
    }

    fn at(&self, step: &'static str) -> Result<(), ApplyError> {
        self.steps.at(step).map_err(|e| ApplyError::io(format!("(at the step `{step}`)"), e))
    }
}
