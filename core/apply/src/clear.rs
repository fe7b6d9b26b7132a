//! Clearing away what a set leaves beside the files.
//!
//! A file that was replaced is not removed at once: a program that had it open may still write to it. It moves to
//! `deepcoder/displaced` in git's folder and goes a minute later, if it still is what it was.

use crate::commit::note;
use crate::publish::is;
use crate::tree::{Found, Tree, split};
use crate::{Applier, ApplyError, lock};
use deepcoder_history::{FileRow, NewSet, State};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use std::path::PathBuf;

/// How long a displaced file is kept.
const KEEP_MS: u64 = 60_000;

impl Applier {
    /// Clear away what `set`, now in `state`, has left in the tree. Returns where unexpected bytes were put.
    pub(crate) fn clear(&self, set: &NewSet, state: State) -> Result<Vec<PathBuf>, ApplyError> {
        let mut kept = Vec::new();
        for (n, file) in set.files.iter().enumerate() {
            let folder = match self.tree.folder(split(file.path.as_str()).0) {
                Ok(folder) => folder,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
                Err(errno) => return Err(failed(file, errno)),
            };
            for (name, suffix) in [(&file.temp, "tmp"), (&file.displaced, "old")] {
                let found = self.tree.look(&folder, name).map_err(|e| failed(file, e))?;
                if matches!(found, Found::Nothing) {
                    continue;
                }
                self.at("clear")?;
                // Before the commit point only our own, perhaps half written, temporary files can be there.
                if state == State::Aborted || (file.new.is_some() && is(&found, file.new.as_ref(), file)) {
                    self.tree.remove(&folder, name).map_err(|e| failed(file, e))?;
                    continue;
                }
                let target = format!("{}-{n}.{suffix}", set.ulid);
                let displaced = self.displaced(true)?.ok_or_else(|| failed(file, Errno::NOENT))?;
                self.move_out(&folder, name, file, &found, (&displaced, &target))?;
                // Looked at again: the handle that wrote to it may have been at it just now.
                let moved = self.tree.look(&displaced, &target).map_err(|e| failed(file, e))?;
                if matches!(&moved, Found::File(_)) && !holds_old(&moved, file) {
                    kept.push(self.displaced_path(&target));
                }
            }
        }
        let dirs = if state == State::Done { &set.drop_dirs } else { &set.made_dirs };
        for folder in dirs.iter().rev() {
            self.at("drop-folder")?;
            self.tree.drop_folder(folder);
        }
        Ok(kept)
    }

    /// The same for a set that is done, recorded.
    pub(crate) fn clear_done(&self, seq: i64, set: &NewSet) -> Result<Vec<PathBuf>, ApplyError> {
        let kept = self.clear(set, State::Done)?;
        self.at("cleared")?;
        if !kept.is_empty() {
            self.tree.count_syncs(1);
            self.history.set_state(seq, State::Done, Some(&note(&[], &kept)))?;
        }
        self.history.set_cleared(seq)?;
        Ok(kept)
    }

    /// Remove what was displaced more than a minute ago. Best effort: what stays now goes next time.
    pub(crate) fn sweep(&self, now_ms: u64) {
        let Ok(Some(displaced)) = self.displaced(false) else { return };
        let Ok(entries) = rustix::fs::Dir::read_from(&displaced) else { return };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().to_str() else { continue };
            let Some((ulid, n)) = name.rsplit_once('.').and_then(|(stem, _)| stem.split_once('-')) else { continue };
            let (Ok(parsed), Ok(n)) = (ulid.parse::<ulid::Ulid>(), n.parse::<usize>()) else { continue };
            // The clock may have been set back.
            if parsed.timestamp_ms() <= now_ms && parsed.timestamp_ms().saturating_add(KEEP_MS) > now_ms {
                continue;
            }
            let row = self.history.by_prefix(self.tree_id, ulid).ok().and_then(|mut rows| rows.pop());
            // Bytes that no other program has changed are in git as well.
            if let Some(file) = row.as_ref().and_then(|row| row.set.files.get(n))
                && self.tree.look(&displaced, name).is_ok_and(|found| holds_old(&found, file))
            {
                let _ = self.tree.remove(&displaced, name);
            }
        }
    }

    /// Where displaced files wait; `None` where there is no such folder and it is not to be made.
    pub(crate) fn displaced(&self, make: bool) -> Result<Option<OwnedFd>, ApplyError> {
        let path = format!("{}/displaced", lock::FOLDER);
        let error = |e: Errno| ApplyError::io(self.displaced_path("").display().to_string(), e);
        if make {
            self.git.make_folder(lock::FOLDER).and_then(|()| self.git.make_folder(&path)).map_err(error)?;
        }
        match self.git.folder(&path) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) if !make => Ok(None),
            Err(errno) => Err(error(errno)),
        }
    }

    /// The user's name for the displaced file `name`.
    pub(crate) fn displaced_path(&self, name: &str) -> PathBuf {
        self.git_dir.join(lock::FOLDER).join("displaced").join(name)
    }

    fn move_out(
        &self,
        folder: &OwnedFd,
        name: &str,
        file: &FileRow,
        found: &Found,
        (displaced, target): (&OwnedFd, &str),
    ) -> Result<(), ApplyError> {
        let what = |e: Errno| ApplyError::io(self.displaced_path(target).display().to_string(), e);
        let moved = match rustix::fs::renameat_with(folder, name, displaced, target, RenameFlags::NOREPLACE) {
            Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => {
                // A second name where there is none; then the first one goes.
                rustix::fs::linkat(folder, name, displaced, target, AtFlags::empty())
                    .and_then(|()| rustix::fs::unlinkat(folder, name, AtFlags::empty()))
            }
            other => other,
        };
        match (moved, found) {
            (Ok(()), _) => Ok(()),
            // Git's folder is on another disk. The original is in git; only bytes that are not must be copied.
            (Err(Errno::XDEV | Errno::PERM), Found::File(disk)) => {
                if !is(found, file.old.as_ref(), file) {
                    let copy = Tree::write_new(displaced, target, &disk.bytes, 0o600).map_err(what)?;
                    self.git.adjust(&copy);
                    self.tree.sync(&copy).map_err(what)?;
                }
                self.tree.remove(folder, name).map_err(|e| failed(file, e))
            }
            (Err(errno), _) => Err(failed(file, errno)),
        }
    }
}

fn holds_old(found: &Found, file: &FileRow) -> bool {
    matches!((found, &file.old), (Found::File(disk), Some(old)) if disk.hash() == old.hash)
}

fn failed(file: &FileRow, errno: Errno) -> ApplyError {
    ApplyError::io(format!("what is left beside `{}`", file.path), errno)
}
