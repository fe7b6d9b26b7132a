//! The folder that a program may write: made, measured, cleared.

mod clear;
mod usage;

pub(super) use usage::Quota;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open, unlinkat};
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// How the folders are called that [`Scratch`] makes and [`sweep`] looks for.
const PREFIX: &str = "deepcoder-scratch-";

/// A new folder for a program. Dropping it removes it, whatever the program made of it; should that fail, or this process
/// die before, the next [`sweep`] does.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Locked for as long as it is in use. The kernel unlocks it when this process dies.
    _lock: OwnedFd,
}

impl Scratch {
    /// A folder in `parent`, which must exist.
    pub fn new_in(parent: &Path) -> io::Result<Self> {
        loop {
            let path = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?.keep();
            let opened =
                open(&path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
            match opened {
                // A sweep may have it, in the instant before it is locked.
                Ok(folder) if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() => {}
                Ok(folder) if fstat(&folder)?.st_nlink == 0 => {}
                Ok(folder) => return Ok(Self { path, _lock: folder }),
                Err(rustix::io::Errno::NOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next sweep retries entries that cannot be removed now, such as on a disk that fails.
        _ = remove(&self.path);
    }
}

/// Remove what processes that died left in `parent`. Folders in use, of others, or not made by [`Scratch`] stay.
pub fn sweep(parent: &Path) -> io::Result<()> {
    let own = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        if !entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() && std::os::unix::fs::MetadataExt::uid(&meta) == own {
            remove_unless_used(&entry.path())?;
        }
    }
    Ok(())
}

fn remove_unless_used(path: &Path) -> io::Result<()> {
    let (parent, name) = split(path)?;
    let folder = clear::open(&parent, &name)?;
    if flock(&folder, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(());
    }
    remove_open(&parent, &name, &folder)
}

/// Remove the directory `path`, whatever a program has made of it: any modes, any depth, links that lead elsewhere. No
/// process may write to it any more, and the directory that it is in must be the caller's.
pub fn remove(path: &Path) -> io::Result<()> {
    let (parent, name) = split(path)?;
    let folder = clear::open(&parent, &name)?;
    remove_open(&parent, &name, &folder)
}

fn remove_open(parent: &OwnedFd, name: &CString, folder: &OwnedFd) -> io::Result<()> {
    clear::empty(folder)?;
    unlinkat(parent, name, rustix::fs::AtFlags::REMOVEDIR).map_err(io::Error::from)
}

/// The folder that `path` is in, opened, and its name there.
fn split(path: &Path) -> io::Result<(OwnedFd, CString)> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    Ok((parent, CString::new(name.as_bytes())?))
}

#[cfg(test)]
mod tests;
