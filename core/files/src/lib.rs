//! Opens files that another user or program may have made: regular files of bounded size only, and without ever
//! waiting.
//!
//! A FIFO, a device or a socket under the name of a settings file would otherwise keep the caller waiting until a
//! writer comes, where no flag and no deadline reaches it. Links are followed: paths below a work tree are opened
//! by `workspace`, which follows none.
//!
//! **Invariant:** no call here blocks on the other end of a file, and no call reads more than its caller allows.

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::path::Path;

/// The name of the kind of a file that is not a regular one; `None` for a regular one.
#[must_use]
pub fn odd_kind(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Symlink => Some("a symbolic link"),
        FileType::Fifo => Some("a FIFO"),
        FileType::Socket => Some("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
        FileType::Unknown => Some("something unknown"),
    }
}

/// Open a regular file of at most `most` bytes for reading.
pub fn open(path: &Path, most: u64) -> io::Result<File> {
    let file = open_with(path, OFlags::RDONLY, Mode::empty())?;
    let size = file.metadata()?.len();
    if size > most { Err(too_large(size, most)) } else { Ok(file) }
}

/// Open a regular file for writing with `flags` besides, such as `APPEND`; made with mode 0600 where `flags` say so.
pub fn open_to_write(path: &Path, flags: OFlags) -> io::Result<File> {
    // Nothing may be cut off before it is known what it is.
    let file = open_with(path, OFlags::WRONLY | flags.difference(OFlags::TRUNC), Mode::from_raw_mode(0o600))?;
    if flags.contains(OFlags::TRUNC) {
        file.set_len(0)?;
    }
    Ok(file)
}

/// All bytes of a regular file of at most `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_file(open(path, most)?, most)
}

fn read_file(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // It may grow while it is read.
    let read = file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if read as u64 > most { Err(too_large(read as u64, most)) } else { Ok(bytes) }
}

/// The same; a link is refused, wherever it leads.
pub fn read_no_link(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_file(open_with(path, OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty())?, most)
}

/// The text of a regular file of at most `most` bytes.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not valid UTF-8"))
}

/// Open the regular file `name` of the directory `folder`, with `flags`, and made with `mode` where they say so. No link is
/// followed, not even in place of the file.
pub fn open_at(folder: impl AsFd, name: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
    let folder = folder.as_fd();
    if let Ok(stat) = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        refuse(FileType::from_raw_mode(stat.st_mode))?;
    }
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::openat(folder, name, flags, mode)?;
    refuse(FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode))?;
    Ok(fd.into())
}

/// Whether what `path` leads to may be read: nothing there, a directory, or a regular file of at most `most` bytes.
/// Opens nothing, so that it can be asked of files that another program is about to read.
pub fn check(path: &Path, most: u64) -> io::Result<()> {
    let stat = match rustix::fs::stat(path) {
        Ok(stat) => stat,
        // A file that is absent or out of reach cannot block.
        Err(_) => return Ok(()),
    };
    let kind = FileType::from_raw_mode(stat.st_mode);
    match odd_kind(kind) {
        Some(_) if kind == FileType::Directory || is_null(&stat) => Ok(()),
        Some(odd) => Err(not_regular(odd)),
        None => {
            let size = u64::try_from(stat.st_size).unwrap_or(0);
            if size > most { Err(too_large(size, most)) } else { Ok(()) }
        }
    }
}

/// `/dev/null` is the usual way to name no file, and reading it ends at once.
fn is_null(stat: &rustix::fs::Stat) -> bool {
    let null = rustix::fs::stat("/dev/null").ok();
    let device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    device && null.is_some_and(|null| null.st_rdev == stat.st_rdev)
}

/// Opened without waiting, and closed again unless it is a regular file.
fn open_with(path: &Path, flags: OFlags, mode: Mode) -> io::Result<File> {
    // Opening some devices does something, so that they are looked at first.
    let stat = if flags.contains(OFlags::NOFOLLOW) { rustix::fs::lstat(path) } else { rustix::fs::stat(path) };
    if let Ok(stat) = stat {
        refuse(FileType::from_raw_mode(stat.st_mode))?;
    }
    let flags = flags | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = rustix::fs::open(path, flags, mode)?;
    // It may have been exchanged since.
    refuse(FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode))?;
    Ok(fd.into())
}

fn refuse(kind: FileType) -> io::Result<()> {
    odd_kind(kind).map_or(Ok(()), |odd| Err(not_regular(odd)))
}

fn not_regular(odd: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("it is {odd}, not a regular file"))
}

fn too_large(size: u64, most: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it has {size} bytes, and the most is {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, mknodat};
    use std::io::Write as _;
    use std::os::unix::net::UnixListener;

    /// Protects every caller from waiting for ever: what is no regular file is refused by its kind, read or written,
    /// also behind a link.
    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = |name: &str| dir.path().join(name);
        mknodat(CWD, path("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
        let _socket = UnixListener::bind(path("socket")).expect("a socket");
        std::os::unix::fs::symlink(path("fifo"), path("link")).expect("a link");
        std::os::unix::fs::symlink("/dev/zero", path("zero")).expect("a link");
        for (name, kind) in [("fifo", "a FIFO"), ("link", "a FIFO"), ("socket", "a socket"), ("zero", "a device")] {
            let wanted = format!("it is {kind}, not a regular file");
            for error in [
                read(&path(name), 10).expect_err("refused"),
                open_to_write(&path(name), OFlags::APPEND | OFlags::CREATE).expect_err("refused"),
                check(&path(name), 10).expect_err("refused"),
            ] {
                assert_eq!(error.to_string(), wanted, "{name}");
            }
        }
        let error = read_no_link(&path("link"), 10).expect_err("refused");
        assert_eq!(error.to_string(), "it is a symbolic link, not a regular file");
        let folder = File::open(dir.path()).expect("opened");
        for (name, kind) in [("fifo", "a FIFO"), ("link", "a symbolic link"), ("zero", "a symbolic link")] {
            let error = open_at(&folder, name, OFlags::RDONLY, Mode::empty()).expect_err("refused");
            assert_eq!(error.to_string(), format!("it is {kind}, not a regular file"));
        }
        assert!(read(dir.path(), 10).is_err() && check(dir.path(), 10).is_ok());
    }

    /// Protects memory: a file over the limit is refused with both numbers, and one within it is read whole.
    #[test]
    fn files_have_a_bound() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        let mut file = open_to_write(&path, OFlags::CREATE | OFlags::APPEND).expect("made");
        file.write_all(b"12345").expect("written");
        assert_eq!(read(&path, 5).expect("read"), b"12345");
        assert_eq!(read(&path, 4).expect_err("refused").to_string(), "it has 5 bytes, and the most is 4");
        assert!(check(&path, 4).is_err() && check(&path, 5).is_ok() && check(&dir.path().join("none"), 0).is_ok());
        file = open_to_write(&path, OFlags::TRUNC).expect("opened");
        file.write_all(b"1").expect("written");
        assert_eq!(read_text(&path, 4).expect("read"), "1");
    }
}
