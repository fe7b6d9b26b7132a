//! Reading files that others may have put there: never one that does not end, or that waits for a writer.

use rustix::fs::{FileType, Mode, OFlags};
use std::io::{Error, Read as _};
use std::path::Path;

/// More than any script, message or list of git's has.
pub(crate) const MOST: u64 = 1 << 20;

/// The bytes of a regular file of at most `most` bytes, or of one that a link leads to.
pub(crate) fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    read_with(path, most, OFlags::empty())
}

/// The same; a link is an error.
pub(crate) fn read_no_link(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    read_with(path, most, OFlags::NOFOLLOW)
}

fn read_with(path: &Path, most: u64, more: OFlags) -> std::io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | more;
    let odd = || Error::other(format!("it is not a plain file of at most {} KiB", most >> 10));
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => std::fs::File::from(fd),
        // A link, or a socket.
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => return Err(odd()),
        Err(errno) => return Err(errno.into()),
    };
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(odd());
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(odd()) } else { Ok(bytes) }
}
