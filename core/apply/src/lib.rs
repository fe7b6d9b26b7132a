//! The only writer. It puts an [`EditSet`] into a work tree so that no byte is ever lost: not by a crash, not by a full
//! disk, not by somebody who writes to the same file at the same moment.
//!
//! The order of the writes: the originals go into git, durably ([`preimage`]); the intent goes into the history
//! (PREPARED); the new files are staged beside the old ones ([`stage`]); everything is hashed once more; COMMITTING is
//! written, which is the commit point; each pair is exchanged in one step and what came out is hashed ([`publish`]); the
//! folders are synced; DONE. [`recover`] finishes or reverts what was interrupted, by the hash of what each file holds.
//!
//! **Invariant:** a tree is before or after a set, never between, once [`Applier::open`] has returned.
//!
//! **Invariant:** no file that holds bytes which deepcoder did not put there, or did not expect there, is written to,
//! moved or removed for good. HEAD, branches, the index and the stash are never touched.

mod error;
mod protect;
mod steps;
mod types;

pub use error::{ApplyError, LogError, OpenError, PruneError, RecoverError, Refusal, UndoError};
pub use protect::protected;
pub use steps::{NoSteps, Steps};
pub use types::{Applied, ApplyOptions, LogEntry, LogState, Pruned, Recovery, Undone};

use deepcoder_types::{Cancel, EditSet};
use deepcoder_workspace::Workspace;
use std::path::Path;

/// Writes to one work tree.
pub struct Applier {
    _store: deepcoder_store::Store,
}

#[expect(clippy::unused_self, reason = "lands first so that others compile against it")]
impl Applier {
    /// Open the tree of `workspace`, with the history in `state_dir`, and bring interrupted work to an end.
    pub fn open(_workspace: &Workspace, state_dir: &Path) -> Result<Self, OpenError> {
        Ok(Self { _store: deepcoder_store::Store::open(&state_dir.join("history.db"))? })
    }

    /// What [`Applier::open`] found interrupted.
    #[must_use]
    pub fn recovered(&self) -> Recovery {
        Recovery::default()
    }

    /// Apply `set`. All of it is in the tree and on the disk when this returns `Ok`, and nothing of it otherwise.
    pub fn apply(&self, _set: &EditSet, _options: &ApplyOptions, _cancel: &Cancel) -> Result<Applied, ApplyError> {
        Err(ApplyError::Empty)
    }

    /// What would keep `set` from being applied now. Writes nothing.
    pub fn preview_conflicts(&self, _set: &EditSet, _options: &ApplyOptions) -> Result<Vec<Refusal>, ApplyError> {
        Err(ApplyError::Empty)
    }

    /// Take back the set called `id` (a prefix will do), or the last one that is in effect.
    pub fn undo(&self, _id: Option<&str>, _now_ms: u64, _cancel: &Cancel) -> Result<Undone, UndoError> {
        Err(UndoError::Nothing)
    }

    /// The history, newest first.
    pub fn log(&self, _limit: usize) -> Result<Vec<LogEntry>, LogError> {
        Ok(Vec::new())
    }

    /// Bring interrupted work to an end.
    pub fn recover(&self) -> Result<Recovery, RecoverError> {
        Ok(Recovery::default())
    }

    /// Forget sets from before `older_than_ms`, and the oldest ones beyond `max_bytes` of images.
    pub fn prune(&self, _older_than_ms: u64, _max_bytes: u64) -> Result<Pruned, PruneError> {
        Ok(Pruned::default())
    }
}
