//! Clearing away what a set leaves beside the files.
//!
//! A file that was replaced is not removed at once: a program that had it open may still write to it. It moves to
//! `deepcoder/displaced` in git's folder and goes a minute later, if it still is what it was.

use crate::commit::note;
use crate::publish::is;
use crate::tree::{Found, split};
use crate::{Applier, ApplyError, lock};
use deepcoder_store::{FileRow, NewSet, State};
use deepcoder_types::ContentHash;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, RenameFlags};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

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
                let target = self.displaced_folder().join(format!("{}-{n}.{suffix}", set.ulid));
                self.move_out(&folder, name, file, &found, &target)?;
                // Looked at again: the handle that wrote to it may have been at it just now.
                if target.exists() && !holds_old(&target, file) {
                    kept.push(target);
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
            self.store.set_state(seq, State::Done, Some(&note(&[], &kept)))?;
        }
        self.tree.count_syncs(1);
        self.store.set_cleared(seq)?;
        Ok(kept)
    }

    /// Remove what was displaced more than a minute ago. Best effort: what stays now goes next time.
    pub(crate) fn sweep(&self, now_ms: u64) {
        for entry in std::fs::read_dir(self.displaced_folder()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some((ulid, n)) = name.to_str().and_then(|name| name.rsplit_once('.')?.0.split_once('-')) else {
                continue;
            };
            let (Ok(parsed), Ok(n)) = (ulid.parse::<ulid::Ulid>(), n.parse::<usize>()) else { continue };
            // The clock may have been set back.
            if parsed.timestamp_ms() <= now_ms && parsed.timestamp_ms().saturating_add(KEEP_MS) > now_ms {
                continue;
            }
            let row = self.store.by_prefix(self.tree_id, ulid).ok().and_then(|mut rows| rows.pop());
            if let Some(file) = row.as_ref().and_then(|row| row.set.files.get(n)) {
                remove_if_old(&entry.path(), file);
            }
        }
    }

    pub(crate) fn displaced_folder(&self) -> PathBuf {
        lock::folder(&self.git_dir).join("displaced")
    }

    fn move_out(
        &self,
        folder: &OwnedFd,
        name: &str,
        file: &FileRow,
        found: &Found,
        target: &Path,
    ) -> Result<(), ApplyError> {
        let what = |e: std::io::Error| ApplyError::io(target.display().to_string(), e);
        std::fs::create_dir_all(self.displaced_folder()).map_err(what)?;
        let moved = match rustix::fs::renameat_with(folder, name, CWD, target, RenameFlags::NOREPLACE) {
            Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => {
                // A second name where there is none; then the first one goes.
                rustix::fs::linkat(folder, name, CWD, target, AtFlags::empty())
                    .and_then(|()| rustix::fs::unlinkat(folder, name, AtFlags::empty()))
            }
            other => other,
        };
        match (moved, found) {
            (Ok(()), _) => Ok(()),
            // Git's folder is on another disk. The original is in git; only bytes that are not must be copied.
            (Err(Errno::XDEV | Errno::PERM), Found::File(disk)) => {
                if !is(found, file.old.as_ref(), file) {
                    #[expect(clippy::disallowed_methods, reason = "keeps somebody's bytes in git's folder")]
                    std::fs::write(target, &disk.bytes).map_err(what)?;
                    let copy = std::fs::File::open(target).map_err(what)?;
                    self.tree.sync(&copy).map_err(|e| what(e.into()))?;
                }
                self.tree.remove(folder, name).map_err(|e| failed(file, e))
            }
            (Err(errno), _) => Err(failed(file, errno)),
        }
    }
}

fn holds_old(path: &Path, file: &FileRow) -> bool {
    std::fs::read(path).is_ok_and(|bytes| file.old.as_ref().is_some_and(|old| old.hash == ContentHash::of(&bytes)))
}

/// Bytes that nobody else has written to are in git as well.
fn remove_if_old(path: &Path, file: &FileRow) {
    if holds_old(path, file) {
        #[expect(clippy::disallowed_methods, reason = "removes an original that git keeps, from our own folder")]
        let _ = std::fs::remove_file(path);
    }
}

fn failed(file: &FileRow, errno: Errno) -> ApplyError {
    ApplyError::io(format!("what is left beside `{}`", file.path), errno)
}
