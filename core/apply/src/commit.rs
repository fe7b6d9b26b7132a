//! The order of the writes, from the plan to the end.

use crate::plan::{Plan, Planned};
use crate::preimage::{Images, blob_id, own_names};
use crate::publish::FileState;
use crate::tree::{Pins, split};
use crate::{Applied, Applier, ApplyError, Refusal};
use deepcoder_history::{FileRow, ImageRow, NewSet, State};
use deepcoder_types::{Cancel, ContentHash, RepoPath};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The facts about a set that the plan lacks.
pub(crate) struct About {
    /// The id of the request; an undoing goes by its ulid.
    pub(crate) edit_id: Option<String>,
    pub(crate) title: String,
    /// The ulid of the set that it undoes.
    pub(crate) undoes: Option<String>,
    pub(crate) drop_dirs: Vec<String>,
    /// Files that are not written to because they are as they should be; looked at once more before the commit point.
    pub(crate) as_before: Vec<FileRow>,
    pub(crate) created_ms: u64,
    pub(crate) request_json: Option<String>,
}

impl Applier {
    /// Write what `plan` says. The lock is held and nothing is left to recover.
    pub(crate) fn execute(&self, plan: &Plan<'_>, about: About, cancel: &Cancel) -> Result<Applied, ApplyError> {
        let syncs = self.tree.syncs();
        self.at("planned")?;
        cancel.check()?;
        let as_before = about.as_before.clone();
        let mut set = self.describe(plan, about)?;
        let images: Vec<Images<'_>> =
            plan.files.iter().map(|f| (f.old.map(|(bytes, _)| bytes), f.new.map(|(bytes, _)| bytes))).collect();
        let prepared = self.save(&mut set, &images).and_then(|()| {
            cancel.check()?;
            let originals: Vec<(ContentHash, &[u8])> = set
                .files
                .iter()
                .zip(&images)
                .filter_map(|(row, (old, _))| Some((row.old.as_ref()?.hash, (*old)?)))
                .collect();
            Ok(self.history.prepare(self.tree_id, &set, &originals)?)
        });
        let seq = match prepared {
            Ok(seq) => seq,
            Err(error) => {
                // Should this fail as well, the ref keeps more than it needs to until it is pruned.
                let _ = self.forget([set.ulid.as_str()]);
                return Err(error);
            }
        };
        // From when they are there until the end a folder is the same folder, also for taking things back.
        let mut pins = None;
        let staged = self.make_folders(&set).and_then(|()| {
            pins = Some(self.pin_folders(&set)?);
            self.stage_all(&set, plan, cancel)?;
            self.decide(seq, &set, &as_before, cancel)
        });
        if let Err(error) = staged {
            // Should this fail as well, recovery does it.
            let _ = self.abort(seq, &set);
            return Err(error);
        }
        let published = self.at("committing").and_then(|()| self.publish_all(&set, &[]));
        // A folder that was moved away took its files along, and goes back to what it was.
        let complete = published.map(|complete| complete && self.tree.pins_hold());
        match complete.and_then(|complete| if complete { self.finish(seq).map(|()| true) } else { Ok(false) }) {
            Ok(true) => {}
            Ok(false) => return Err(self.roll_back(seq, &set, None)),
            Err(cause) => return Err(self.roll_back(seq, &set, Some(cause))),
        }
        // All is done and on the disk: whatever cannot be cleared away now is cleared away by the next call.
        let kept = self.at("done").and_then(|()| self.clear_done(seq, &set)).unwrap_or_default();
        Ok(Applied {
            id: set.edit_id,
            files: set.files.into_iter().map(|f| f.path).collect(),
            already: false,
            kept,
            fsyncs: self.tree.syncs() - syncs,
        })
    }

    fn describe(&self, plan: &Plan<'_>, about: About) -> Result<NewSet, ApplyError> {
        let ulid = self.new_ulid(&about)?;
        let image = |side: Option<(&[u8], u32)>| -> Result<Option<ImageRow>, ApplyError> {
            let Some((bytes, mode)) = side else { return Ok(None) };
            let (hash, blob) = (ContentHash::of(bytes), blob_id(bytes)?);
            Ok(Some(ImageRow { hash, blob, mode, size: bytes.len() as u64 }))
        };
        let row = |(n, file): (usize, &Planned<'_>)| -> Result<FileRow, ApplyError> {
            let [temp, displaced] = own_names(&ulid, n);
            Ok(FileRow { path: file.path.clone(), temp, displaced, old: image(file.old)?, new: image(file.new)? })
        };
        Ok(NewSet {
            edit_id: about.edit_id.unwrap_or_else(|| ulid.clone()),
            title: about.title,
            undoes: about.undoes,
            created_ms: about.created_ms,
            request_json: about.request_json,
            git_commit: String::new(),
            made_dirs: plan.made_dirs.clone(),
            drop_dirs: about.drop_dirs,
            files: plan.files.iter().enumerate().map(row).collect::<Result<_, _>>()?,
            ulid,
        })
    }

    /// A name that no set of this repository has. It comes from the set and the time, because libraries have neither a
    /// clock nor randomness.
    fn new_ulid(&self, about: &About) -> Result<String, ApplyError> {
        let repo = self.repository()?;
        for attempt in 0_u32.. {
            let seed = format!("{:?}\0{:?}\0{}\0{attempt}", about.edit_id, about.undoes, self.root.display());
            let digest = *ContentHash::of(seed.as_bytes()).as_bytes();
            let random = digest.iter().take(16).fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
            let ulid = ulid::Ulid::from_parts(about.created_ms, random).to_string().to_ascii_lowercase();
            if !self.has_ref(&repo, &ulid) && self.history.by_prefix(self.tree_id, &ulid)?.is_empty() {
                return Ok(ulid);
            }
        }
        Err(ApplyError::Git("no free name is left for the ref".into()))
    }

    fn make_folders(&self, set: &NewSet) -> Result<(), ApplyError> {
        self.at("prepared")?;
        for folder in &set.made_dirs {
            self.tree.make_folder(folder).map_err(|e| ApplyError::io(format!("`{folder}`"), e))?;
            self.at("folder-made")?;
        }
        Ok(())
    }

    fn pin_folders(&self, set: &NewSet) -> Result<Pins<'_>, ApplyError> {
        let folders: BTreeSet<&str> = set.files.iter().map(|file| split(file.path.as_str()).0).collect();
        self.tree.pin(folders).map_err(|e| ApplyError::io("the folders of the files", e))
    }

    fn stage_all(&self, set: &NewSet, plan: &Plan<'_>, cancel: &Cancel) -> Result<(), ApplyError> {
        for (row, file) in set.files.iter().zip(&plan.files) {
            cancel.check()?;
            if let Some((bytes, mode)) = file.new {
                self.stage(row, bytes, mode)?;
            }
        }
        self.at("staged")
    }

    /// The last look, and the commit point.
    fn decide(&self, seq: i64, set: &NewSet, as_before: &[FileRow], cancel: &Cancel) -> Result<(), ApplyError> {
        for file in set.files.iter().chain(as_before) {
            if self.file_state(file)? != FileState::Old {
                return Err(Refusal::Stale(file.path.clone()).into());
            }
        }
        self.at("checked")?;
        cancel.check()?;
        self.tree.count_syncs(1);
        Ok(self.history.set_state(seq, State::Committing, None)?)
    }

    /// Put every file in its place, except those that are there by `there`, and sync the folders. `false`: another
    /// program wrote to one.
    pub(crate) fn publish_all(&self, set: &NewSet, there: &[bool]) -> Result<bool, ApplyError> {
        for (n, file) in set.files.iter().enumerate() {
            if !there.get(n).copied().unwrap_or(false) && !self.publish(file)? {
                return Ok(false);
            }
        }
        self.at("published")?;
        for file in &set.files {
            if self.written_late(file)? {
                return Ok(false);
            }
        }
        self.sync_folders(set)?;
        self.at("folders-synced")?;
        Ok(true)
    }

    fn sync_folders(&self, set: &NewSet) -> Result<(), ApplyError> {
        let folders: BTreeSet<&str> = (set.files.iter().map(|f| f.path.as_str()))
            .chain(set.made_dirs.iter().map(String::as_str))
            .map(|path| split(path).0)
            .collect();
        for folder in folders {
            self.tree.sync_folder(folder).map_err(|e| ApplyError::io(format!("`{folder}`"), e))?;
        }
        Ok(())
    }

    /// Write DONE down.
    pub(crate) fn finish(&self, seq: i64) -> Result<(), ApplyError> {
        self.tree.count_syncs(1);
        match self.history.finish(seq) {
            Ok(()) => Ok(()),
            // An error does not say that it was not written.
            Err(_) if self.history.state(seq).is_ok_and(|state| state == State::Done) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Give up before the commit point: nothing was visible, and nothing of it is left.
    pub(crate) fn abort(&self, seq: i64, set: &NewSet) -> Result<(), ApplyError> {
        self.at("abort")?;
        self.clear(set, State::Aborted)?;
        self.at("abort-cleared")?;
        self.tree.count_syncs(1);
        self.history.set_state(seq, State::Aborted, None)?;
        self.forget([set.ulid.as_str()])
    }

    /// Give up after the commit point: everything goes back, except files that another program has written to. Returns
    /// what to tell the user.
    pub(crate) fn roll_back(&self, seq: i64, set: &NewSet, cause: Option<ApplyError>) -> ApplyError {
        match self.roll_back_files(seq, set) {
            Ok((paths, kept)) if paths.is_empty() && kept.is_empty() => {
                // With no file to name, a conflict was over before it could be looked at.
                let paths = set.files.iter().map(|f| f.path.clone()).collect();
                cause.unwrap_or(ApplyError::Conflict { paths, kept })
            }
            Ok((paths, kept)) => ApplyError::Conflict { paths, kept },
            Err(error) => {
                let reason = cause.map_or_else(|| error.to_string(), |cause| format!("{cause}; then {error}"));
                ApplyError::Interrupted { reason }
            }
        }
    }

    /// The same. Returns the files that were left alone, and where bytes were kept that had no place left.
    pub(crate) fn roll_back_files(&self, seq: i64, set: &NewSet) -> Result<(Vec<RepoPath>, Vec<PathBuf>), ApplyError> {
        for file in set.files.iter().rev() {
            self.revert(file)?;
        }
        let mut left = Vec::new();
        for file in &set.files {
            if self.file_state(file)? != FileState::Old {
                left.push(file.path.clone());
            }
        }
        self.sync_folders(set)?;
        self.at("reverted")?;
        let state = if left.is_empty() { State::RolledBack } else { State::Conflict };
        let kept = self.clear(set, state)?;
        self.at("reverted-cleared")?;
        let note = note(&left, &kept);
        self.tree.count_syncs(1);
        self.history.set_state(seq, state, Some(note.as_str()).filter(|n| !n.is_empty()))?;
        if left.is_empty() && kept.is_empty() {
            self.forget([set.ulid.as_str()])?;
        }
        Ok((left, kept))
    }
}

pub(crate) fn note(left: &[RepoPath], kept: &[PathBuf]) -> String {
    let left = left.iter().map(|path| format!("{path} was changed by another program and left alone"));
    let kept = kept.iter().map(|path| format!("bytes were kept in {}", path.display()));
    left.chain(kept).collect::<Vec<_>>().join("; ")
}
