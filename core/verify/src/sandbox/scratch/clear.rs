//! Removes a folder that a hostile program has filled.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

/// Remove everything in `top`, which no process writes to any more: folders without permissions, of any depth, with any
/// names. Links are removed and never followed.
///
/// No path is ever put together and at most two folders are open: what lies in a folder of `top` and is not empty itself
/// is moved up into `top`, so that the tree gets wider and never deeper.
pub(super) fn empty(top: &OwnedFd) -> io::Result<()> {
    let mut names = Names(0);
    let mut failed = None;
    loop {
        let mut progress = false;
        for name in entries(top)? {
            match remove(top, &name) {
                Ok(true) => progress = true,
                Ok(false) => match flatten(top, &name, &mut names) {
                    Ok(()) => progress = true,
                    Err(error) => failed = Some(error),
                },
                Err(error) => failed = Some(error.into()),
            }
        }
        if !progress {
            return if entries(top)?.is_empty() { Ok(()) } else { Err(failed.unwrap_or(Errno::NOTEMPTY.into())) };
        }
    }
}

/// Names to move folders to.
struct Names(u64);

impl Names {
    fn next(&mut self) -> CString {
        self.0 += 1;
        CString::new(format!("moved-{}", self.0)).unwrap_or_default()
    }
}

fn entries(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut dir = Dir::read_from(folder)?;
    let mut names = Vec::new();
    while let Some(entry) = dir.read() {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// Remove what `name` is; false when it is a folder that is not empty.
fn remove(folder: &OwnedFd, name: &CStr) -> Result<bool, Errno> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(true),
        // Linux says ISDIR, POSIX says PERM.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(errno),
    }
    match unlinkat(folder, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        // A folder whose content may not be read says ACCESS on some file systems.
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Empty the folder `name` of `top` by removing what can be removed and moving the rest up, and remove it.
fn flatten(top: &OwnedFd, name: &CStr, names: &mut Names) -> io::Result<()> {
    let folder = open(top, name)?;
    for entry in entries(&folder)? {
        if remove(&folder, &entry)? {
            continue;
        }
        // A folder changes its `..` when it is moved, for which it must be writable.
        permit(&folder, &entry)?;
        loop {
            match renameat(&folder, &*entry, top, names.next()) {
                // The name is taken. (An empty folder would be replaced, which is as well.)
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
                moved => break moved?,
            }
        }
    }
    unlinkat(top, name, AtFlags::REMOVEDIR).map_err(io::Error::from)
}

/// Open the folder `name` for reading, whatever its mode.
pub(super) fn open(parent: impl AsFd, name: &CStr) -> io::Result<OwnedFd> {
    permit(parent.as_fd(), name)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty()).map_err(io::Error::from)
}

/// Give the folder `name` mode 0700 if we may not do everything in it. It is opened without any permission and changed
/// through that, so that no link is followed.
fn permit(parent: impl AsFd, name: &CStr) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(parent, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&folder)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory
        || Mode::from_raw_mode(stat.st_mode).contains(Mode::RWXU)
    {
        return Ok(());
    }
    let path = format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd());
    rustix::fs::chmod(path, Mode::RWXU).map_err(io::Error::from)
}
