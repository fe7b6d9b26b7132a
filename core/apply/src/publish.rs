//! Putting one file in its place, and taking it back. Both go by what is on the disk, so that both can be repeated after
//! a crash at any point.
//!
//! A file is replaced with `RENAME_EXCHANGE`: its path never stops existing, and whatever stood there at that moment
//! comes out and is hashed. Where the file system cannot exchange, the old file is moved aside first, and for a moment
//! the path does not exist; nothing is ever replaced unseen there either.

use crate::tree::{Found, Like, OnDisk, exchange, kind, rename_new, split};
use crate::{Applier, ApplyError};
use deepcoder_history::{FileRow, ImageRow};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

/// The state of a file's path, compared with an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileState {
    /// The file from before the edit, or its absence.
    Old,
    /// The file that the edit makes, or its absence.
    New,
    /// Nothing: the old file was moved to its other name, and the new one has not arrived yet.
    Displaced,
    /// Anything else: another program has written there.
    Foreign,
}

/// How an exchange went.
enum Swap<'a> {
    /// The file that came out bears this name.
    Out(&'a str),
    /// There was nothing to exchange, or something new came in between.
    Lost,
}

impl Applier {
    /// The folder of a file. `None`: there is no such folder any more.
    fn folder_of(&self, file: &FileRow) -> Result<Option<OwnedFd>, ApplyError> {
        match self.tree.folder(split(file.path.as_str()).0) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(at_path(file, errno)),
        }
    }

    /// The state of the path of `file`.
    pub(crate) fn file_state(&self, file: &FileRow) -> Result<FileState, ApplyError> {
        // A folder that another program moved away and linked to still has its files.
        if self.tree.folder(split(file.path.as_str()).0).is_err_and(|e| e == Errno::LOOP) {
            return Ok(FileState::Foreign);
        }
        let Some(folder) = self.folder_of(file)? else {
            return Ok(match (&file.old, &file.new) {
                (None, Some(_)) => FileState::Old,
                (Some(_), None) => FileState::New,
                _ => FileState::Foreign,
            });
        };
        let found = self.look(&folder, split(file.path.as_str()).1, file)?;
        // The old state first: where both are the same bytes and mode, nothing needs to be done.
        if is(&found, file.old.as_ref(), file) {
            return Ok(FileState::Old);
        }
        if is(&found, file.new.as_ref(), file) {
            return Ok(FileState::New);
        }
        if matches!(found, Found::Nothing) && is(&self.look(&folder, &file.displaced, file)?, file.old.as_ref(), file) {
            return Ok(FileState::Displaced);
        }
        Ok(FileState::Foreign)
    }

    /// Whether the new bytes wait beside the path, or none are needed.
    pub(crate) fn is_staged(&self, file: &FileRow) -> Result<bool, ApplyError> {
        let (Some(new), Some(folder)) = (&file.new, self.folder_of(file)?) else { return Ok(file.new.is_none()) };
        Ok(is(&self.look(&folder, &file.temp, file)?, Some(new), file))
    }

    /// Whether another program has written to the old file after the exchange, through a handle that was open before.
    pub(crate) fn written_late(&self, file: &FileRow) -> Result<bool, ApplyError> {
        let Some(folder) = self.folder_of(file)? else { return Ok(false) };
        for name in [&file.temp, &file.displaced] {
            let found = self.look(&folder, name, file)?;
            let known = [&file.old, &file.new].into_iter().flatten().any(|image| is(&found, Some(image), file));
            if !known && !matches!(found, Found::Nothing) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether anything of ours is beside the path.
    pub(crate) fn has_leftovers(&self, file: &FileRow) -> Result<bool, ApplyError> {
        let Some(folder) = self.folder_of(file)? else { return Ok(false) };
        Ok([&file.temp, &file.displaced].iter().any(|name| kind(&folder, name).is_ok()))
    }

    /// Put the new bytes beside the path, on the disk.
    pub(crate) fn stage(&self, file: &FileRow, bytes: &[u8], mode: u32) -> Result<(), ApplyError> {
        let (folder, name) = split(file.path.as_str());
        let folder = self.tree.folder(folder).map_err(|e| at_path(file, e))?;
        let original = match self.look(&folder, name, file)? {
            Found::File(original) => Some(original),
            _ => None,
        };
        self.stage_in(&folder, file, bytes, mode, original.as_ref())
    }

    fn stage_in(
        &self,
        folder: &OwnedFd,
        file: &FileRow,
        bytes: &[u8],
        mode: u32,
        original: Option<&OnDisk>,
    ) -> Result<(), ApplyError> {
        self.at("stage")?;
        let like = Like { mode, of: original };
        let staged = self.tree.create(folder, &file.temp, bytes, &like).map_err(|e| at_path(file, e))?;
        self.at("temp-written")?;
        self.tree.sync(&staged).map_err(|e| at_path(file, e))
    }

    /// Put `file` in its place. `false`: another program wrote there. [`Applier::revert`] finds out what is where.
    pub(crate) fn publish(&self, file: &FileRow) -> Result<bool, ApplyError> {
        let Some(folder) = self.folder_of(file)? else { return Ok(false) };
        let name = split(file.path.as_str()).1;
        self.at("exchange")?;
        let out = match (&file.old, &file.new) {
            (Some(_), Some(_)) => match self.swap(&folder, name, &file.temp, &file.displaced, file)? {
                Swap::Out(out) => out,
                Swap::Lost => return Ok(false),
            },
            (None, Some(_)) => return self.move_new(&folder, &file.temp, name, file),
            (Some(_), None) => {
                if !self.move_new(&folder, name, &file.displaced, file)? {
                    return Ok(false);
                }
                &file.displaced
            }
            (None, None) => return Ok(true),
        };
        self.at("exchanged")?;
        Ok(is(&self.look(&folder, out, file)?, file.old.as_ref(), file))
    }

    /// Put back what stood at the path of `file`, unless another program has written there since.
    pub(crate) fn revert(&self, file: &FileRow) -> Result<(), ApplyError> {
        let Some(folder) = self.folder_of(file)? else { return Ok(()) };
        let name = split(file.path.as_str()).1;
        let found = self.look(&folder, name, file)?;
        self.at("revert")?;
        let is_new = is(&found, file.new.as_ref(), file);
        match (&file.old, &file.new) {
            // Our file is there: exchange it for the one that came out, which is the old file or another program's
            // version of it.
            (Some(old), Some(_)) if is_new && !is(&found, Some(old), file) => {
                let there = |n: &str| Ok::<_, ApplyError>(!matches!(self.look(&folder, n, file)?, Found::Nothing));
                let (back, aside) = if there(&file.temp)? || !there(&file.displaced)? {
                    (&file.temp, &file.displaced)
                } else {
                    (&file.displaced, &file.temp)
                };
                if !there(back)? {
                    let Some(bytes) = self.load(old)? else { return Ok(()) };
                    let like = if let Found::File(found) = &found { Some(found) } else { None };
                    self.stage_in(&folder, file, &bytes, old.mode, like)?;
                }
                self.take_out(&folder, name, (back, aside), file)
            }
            (Some(_), _) if matches!(found, Found::Nothing) => {
                self.move_new(&folder, &file.displaced, name, file).map(drop)
            }
            // A temporary file that still waits says that what stands here is not ours.
            (None, Some(_)) if is_new && matches!(self.look(&folder, &file.temp, file)?, Found::Nothing) => {
                if self.move_new(&folder, name, &file.temp, file)?
                    && !is(&self.look(&folder, &file.temp, file)?, file.new.as_ref(), file)
                {
                    // Another program wrote in between: its file goes back.
                    self.move_new(&folder, &file.temp, name, file)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Exchange our file at `name` for `back`. Another program's write in between goes back to its place.
    fn take_out(
        &self,
        folder: &OwnedFd,
        name: &str,
        (back, aside): (&str, &str),
        file: &FileRow,
    ) -> Result<(), ApplyError> {
        if let Swap::Out(out) = self.swap(folder, name, back, aside, file)?
            && !is(&self.look(folder, out, file)?, file.new.as_ref(), file)
        {
            let other = if out == back { aside } else { back };
            self.swap(folder, name, out, other, file)?;
        }
        Ok(())
    }

    /// Put `incoming` at `name`, and what stood there at `incoming` or, where files cannot be exchanged, at `aside`.
    fn swap<'a>(
        &self,
        folder: &OwnedFd,
        name: &str,
        incoming: &'a str,
        aside: &'a str,
        file: &FileRow,
    ) -> Result<Swap<'a>, ApplyError> {
        if !self.steps.plain_renames() {
            match exchange(folder, name, incoming) {
                Ok(true) => return Ok(Swap::Out(incoming)),
                Ok(false) => {}
                Err(Errno::NOENT) => return Ok(Swap::Lost),
                Err(errno) => return Err(at_path(file, errno)),
            }
        }
        if !self.move_new(folder, name, aside, file)? {
            return Ok(Swap::Lost);
        }
        self.at("moved-aside")?;
        match self.move_new(folder, incoming, name, file) {
            Ok(true) => Ok(Swap::Out(aside)),
            Ok(false) => Ok(Swap::Lost),
            Err(error) => {
                self.move_new(folder, aside, name, file)?;
                Err(error)
            }
        }
    }

    /// Move where nothing is. `false`: the source is gone, or the target is taken.
    fn move_new(&self, folder: &OwnedFd, from: &str, to: &str, file: &FileRow) -> Result<bool, ApplyError> {
        match rename_new(folder, from, to, self.steps.plain_renames()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::EXIST) => Ok(false),
            Err(errno) => Err(at_path(file, errno)),
        }
    }

    fn look(&self, folder: &OwnedFd, name: &str, file: &FileRow) -> Result<Found, ApplyError> {
        self.tree.look(folder, name).map_err(|e| at_path(file, e))
    }
}

/// Whether what was found is `image`; `None` is its absence. Modes count only where nothing else tells old from new: a
/// `chmod` by the user is no reason to lose an edit.
pub(crate) fn is(found: &Found, image: Option<&ImageRow>, file: &FileRow) -> bool {
    match (found, image) {
        (Found::Nothing, None) => true,
        (Found::File(disk), Some(image)) => {
            let by_mode = match (&file.old, &file.new) {
                (Some(old), Some(new)) => old.hash == new.hash,
                _ => false,
            };
            disk.hash() == image.hash && (!by_mode || disk.mode == image.mode)
        }
        _ => false,
    }
}

fn at_path(file: &FileRow, errno: Errno) -> ApplyError {
    ApplyError::io(format!("`{}`", file.path), errno)
}
