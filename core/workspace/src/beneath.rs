//! Opening below a folder without following links.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Open `path` (relative, `/`-separated, no `.` or `..`; empty for the folder itself) below `root`.
/// A symbolic link anywhere gives `ELOOP`. Never blocks on a FIFO and never becomes the controlling terminal.
pub(crate) fn open(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let name = if path.is_empty() { "." } else { path };
    // The kernel answers EAGAIN when a rename elsewhere raced with it.
    for _ in 0..16 {
        match rustix::fs::openat2(root, name, flags & !path_only(flags), Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Old kernels, and sandboxes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => return open_step_by_step(root, path, flags),
            Ok(fd) => return unless_link(fd, flags),
            Err(errno) => return Err(errno),
        }
    }
    open_step_by_step(root, path, flags)
}

/// `openat2` refuses flags that have no meaning with `O_PATH`, where `openat` ignores them.
fn path_only(flags: OFlags) -> OFlags {
    if flags.contains(OFlags::PATH) { OFlags::NONBLOCK | OFlags::NOCTTY } else { OFlags::empty() }
}

/// The same without `openat2`: every folder on the way is opened by itself, and none may be a link.
pub(crate) fn open_step_by_step(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    if path.is_empty() {
        return rustix::fs::openat(root, ".", flags, Mode::empty());
    }
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder: Option<OwnedFd> = None;
    let mut rest = path;
    while let Some((name, tail)) = rest.split_once('/') {
        let at = folder.as_ref().map_or(root, AsFd::as_fd);
        let next = rustix::fs::openat(at, name, step, Mode::empty()).map_err(|e| link_or(at, name, e))?;
        folder = Some(next);
        rest = tail;
    }
    let at = folder.as_ref().map_or(root, AsFd::as_fd);
    let file = rustix::fs::openat(at, rest, flags, Mode::empty()).map_err(|e| link_or(at, rest, e))?;
    unless_link(file, flags)
}

/// With `O_PATH | O_NOFOLLOW` a link itself can be opened, whatever `RESOLVE_NO_SYMLINKS` says.
fn unless_link(fd: OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    if flags.contains(OFlags::PATH) && FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) == FileType::Symlink {
        return Err(Errno::LOOP);
    }
    Ok(fd)
}

/// `O_DIRECTORY | O_NOFOLLOW` on a link says ENOTDIR; say ELOOP as `openat2` does.
fn link_or(at: BorrowedFd<'_>, name: &str, error: Errno) -> Errno {
    if kind(at, name) == Some(FileType::Symlink) { Errno::LOOP } else { error }
}

/// The kind of `name`, without following it.
pub(crate) fn kind(at: BorrowedFd<'_>, name: &str) -> Option<FileType> {
    let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(FileType::from_raw_mode(stat.st_mode))
}

/// The first component of `path` that is a symbolic link, as a path from the root.
pub(crate) fn first_link<'p>(root: BorrowedFd<'_>, path: &'p str) -> Option<&'p str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.map(|end| &path[..end]).find(|&prefix| matches!(open(root, prefix, OFlags::PATH), Err(Errno::LOOP)))
}
