//! Bringing to an end what was interrupted. It goes by the hash of what each file holds now, so that being interrupted
//! itself changes nothing.

use crate::publish::FileState;
use crate::{Applier, ApplyError, Recovery};
use deepcoder_history::{NewSet, SetRow, State};
use deepcoder_workspace::Workspace;

impl Applier {
    /// Whether there is anything for [`Applier::recover_locked`] to do.
    pub(crate) fn needs_recovery(&self) -> Result<bool, ApplyError> {
        Ok(!self.history.unfinished(self.tree_id)?.is_empty() || !self.history.uncleared(self.tree_id)?.is_empty())
    }

    /// Finish or revert every unfinished set, and clear away what finished ones have left. The lock is held.
    pub(crate) fn recover_locked(&self, recovery: &mut Recovery) -> Result<(), ApplyError> {
        for row in self.history.unfinished(self.tree_id)? {
            self.at("recover")?;
            let id = row.set.edit_id.clone();
            if row.state == State::Prepared {
                self.abort(row.seq, &row.set)?;
                recovery.reverted.push(id);
                continue;
            }
            let complete = match self.can_complete(&row.set)? {
                Some(there) => {
                    self.at("roll-forward")?;
                    self.publish_all(&row.set, &there)?
                }
                None => false,
            };
            if complete {
                self.finish(row.seq)?;
                self.at("recovered")?;
                recovery.completed.push(id);
            } else {
                self.at("roll-back")?;
                let (left, kept) = self.roll_back_files(row.seq, &row.set)?;
                recovery.kept.extend(kept);
                if left.is_empty() { recovery.reverted.push(id) } else { recovery.conflicts.push((id, left)) }
            }
        }
        for row in self.history.uncleared(self.tree_id)? {
            // The set is done; what cannot be cleared away is no reason to stop.
            recovery.kept.extend(self.clear_done(row.seq, &row.set).unwrap_or_default());
        }
        Ok(())
    }

    /// Which files are in their place already, if all the others can still follow.
    fn can_complete(&self, set: &NewSet) -> Result<Option<Vec<bool>>, ApplyError> {
        let mut there = Vec::with_capacity(set.files.len());
        for file in &set.files {
            let state = self.file_state(file)?;
            let ready = match state {
                FileState::New => !self.written_late(file)?,
                FileState::Old => self.is_staged(file)?,
                // The path is empty: putting the old file back first leaves one way for everything.
                FileState::Displaced | FileState::Foreign => false,
            };
            if !ready {
                return Ok(None);
            }
            there.push(state == FileState::New);
        }
        Ok(Some(there))
    }

    /// Take up the sets that git's refs hold and the history does not: it is new or was lost, another state folder was
    /// used, the repository was moved or copied, or a power cut took a row that had not been waited for. Returns how
    /// many were made up from their refs. The lock is held, since a writer at work has a ref before its row.
    pub(crate) fn adopt(&self) -> Result<usize, ApplyError> {
        let mut sets = self.unknown_sets()?;
        if self.take_over(&sets)? > 0 {
            sets = self.unknown_sets()?;
        }
        let newest = sets.last().map(|set| set.ulid.clone());
        let mut known = 0;
        for set in &sets {
            let state = self.guess_state(set, newest.as_deref() == Some(&set.ulid))?;
            let Some(seq) = self.history.adopt(self.tree_id, set, state)? else { continue };
            known += 1;
            if state == State::Done {
                self.history.finish(seq)?;
            }
        }
        Ok(known)
    }

    /// Take over what the history has of `sets` under a path where this repository no longer is, because it was moved:
    /// rows say more than refs. A copy leaves the rows to the original, and is made up from its refs. Returns how many
    /// rows were taken over.
    fn take_over(&self, sets: &[NewSet]) -> Result<usize, ApplyError> {
        let names: Vec<&str> = sets.iter().map(|set| set.ulid.as_str()).collect();
        let mut rows = self.history.elsewhere(self.tree_id, &names)?;
        // The same commit, and so the same bytes and paths: a name alone could be anybody's.
        rows.retain(|row| sets.iter().any(|set| set.ulid == row.ulid && set.git_commit == row.git_commit));
        rows.retain(|row| {
            let there = Workspace::open(&row.root).ok().filter(|there| there.root() == row.root);
            there.and_then(|there| there.repository().ok()).is_none_or(|repo| !self.has_ref(&repo, &row.ulid))
        });
        for row in &rows {
            self.history.take_over(row.tree, self.tree_id, &row.ulid)?;
        }
        Ok(rows.len())
    }

    /// A set that was interrupted has left files beside its own; recovery then goes by the hashes. The refs of sets that
    /// were given up are gone. Only the newest one may not have begun.
    fn guess_state(&self, set: &NewSet, newest: bool) -> Result<State, ApplyError> {
        let mut all_old = true;
        for file in &set.files {
            if self.has_leftovers(file)? {
                return Ok(State::Committing);
            }
            all_old &= self.file_state(file)? == FileState::Old;
        }
        Ok(if newest && all_old { State::Aborted } else { State::Done })
    }

    pub(crate) fn sets_to_prune(&self, older_than_ms: u64, max_bytes: u64) -> Result<Vec<SetRow>, ApplyError> {
        let (mut kept_bytes, mut full, mut newest) = (0_u64, false, true);
        let mut rows = self.history.settled(self.tree_id)?;
        rows.retain(|row| {
            // The row knows what is still beside the files.
            if row.state == State::Done && !row.cleared {
                return false;
            }
            // Once the oldest sets have to go, all that are older than the first of them go. One edit may be larger than
            // all that is to be kept, and can be undone all the same.
            kept_bytes = kept_bytes.saturating_add(size(&row.set));
            full |= kept_bytes > max_bytes && !newest;
            newest &= row.state != State::Done;
            full || row.set.created_ms < older_than_ms
        });
        Ok(rows)
    }
}

/// Bytes of the images of a set.
pub(crate) fn size(set: &NewSet) -> u64 {
    set.files.iter().flat_map(|f| [&f.old, &f.new]).flatten().map(|image| image.size).sum()
}
