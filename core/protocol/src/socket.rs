//! The socket in the file system, as a client sees it.

use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// The longest path that the kernel takes for a socket, without the NUL.
const MAX_PATH: usize = 107;

/// Connect to the socket at `path`, however long that is.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let (short, _folder) = short_path(path)?;
    UnixStream::connect(short)
}

/// Whether the process at the other end belongs to our user.
pub fn same_user(stream: &UnixStream) -> io::Result<bool> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(peer.uid == rustix::process::geteuid())
}

/// A path that the kernel takes: a long one goes through a descriptor of its folder, which must be kept meanwhile.
pub fn short_path(path: &Path) -> io::Result<(PathBuf, Option<OwnedFd>)> {
    if path.as_os_str().len() <= MAX_PATH {
        return Ok((path.to_owned(), None));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    Ok((short, Some(folder)))
}
