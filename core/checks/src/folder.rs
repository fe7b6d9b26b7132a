//! Directories that untrusted programs have written to. No program runs in them while they are used here, but what one left
//! may be anything: a link in place of a directory must never lead a write of ours elsewhere.
//!
//! **Invariant:** no function here follows a link or opens a file for writing that exists.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

const OPEN: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// An open directory.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

/// A place of deepcoder's own, where programs cannot write, for what is to be removed.
#[derive(Debug)]
pub(crate) struct Trash {
    path: PathBuf,
    folder: Folder,
    next: u32,
}

/// The stamp of a file: it changes whenever the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: i64,
    mode: u32,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Stamp {
    pub(crate) fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size,
            mode: stat.st_mode,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// The size of the file, in bytes.
    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.size).unwrap_or(0)
    }
}

impl Folder {
    /// Open `path`, whose parents are the caller's own.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, OPEN, Mode::empty())?))
    }

    /// The directory `name`; an error where it is none.
    pub(crate) fn child(&self, name: &str) -> io::Result<Self> {
        Ok(Self(openat(&self.0, name, OPEN, Mode::empty())?))
    }

    /// The directory `name`, made where it is not there. Anything else of that name is removed.
    pub(crate) fn child_or_new(&self, name: &str, trash: &mut Trash) -> io::Result<Self> {
        match mkdirat(&self.0, name, Mode::RWXU) {
            Ok(()) => self.child(name),
            Err(Errno::EXIST) => self.child(name).or_else(|_| {
                self.remove(name, trash)?;
                mkdirat(&self.0, name, Mode::RWXU)?;
                self.child(name)
            }),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A new empty directory `name`.
    pub(crate) fn fresh(&self, name: &str, trash: &mut Trash) -> io::Result<()> {
        self.remove(name, trash)?;
        Ok(mkdirat(&self.0, name, Mode::RWXU)?)
    }

    /// The names in it and what they are; a name that is not UTF-8 is `None`.
    pub(crate) fn entries(&self) -> io::Result<Vec<(CString, Stat)>> {
        let mut found = Vec::new();
        let mut dir = Dir::read_from(&self.0)?;
        while let Some(entry) = dir.read() {
            let entry = entry?;
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            match statat(&self.0, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => found.push((entry.file_name().to_owned(), stat)),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(found)
    }

    /// Remove `name`, whatever it is.
    pub(crate) fn remove(&self, name: impl rustix::path::Arg + Copy, trash: &mut Trash) -> io::Result<()> {
        match unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // Linux says ISDIR, POSIX says PERM.
            Err(Errno::ISDIR | Errno::PERM) => trash.take(self, name),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A new file `name`, and nothing that was there before.
    pub(crate) fn create(&self, name: &str, executable: bool, trash: &mut Trash) -> io::Result<File> {
        self.remove(name, trash)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(if executable { 0o755 } else { 0o644 });
        Ok(openat(&self.0, name, flags, mode)?.into())
    }

    /// A new link `name` to `target`.
    pub(crate) fn link(&self, name: &str, target: &str, trash: &mut Trash) -> io::Result<Stamp> {
        self.remove(name, trash)?;
        rustix::fs::symlinkat(target, &self.0, name)?;
        Ok(Stamp::of(&statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// At most `most` bytes of the regular file `name`.
    pub(crate) fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        use std::io::Read as _;
        let file = deepcoder_files::open_at(&self.0, name, OFlags::RDONLY, Mode::empty())?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Trash {
    /// In the directory `parent`, which is deepcoder's own. What an earlier process left there is removed.
    pub(crate) fn new(parent: &Path) -> io::Result<Self> {
        let path = parent.join("trash");
        if path.symlink_metadata().is_ok() {
            deepcoder_verify::sandbox::remove_scratch(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(Self { folder: Folder::open(&path)?, path, next: 0 })
    }

    /// Take the directory `name` of `from`, and remove it.
    fn take(&mut self, from: &Folder, name: impl rustix::path::Arg + Copy) -> io::Result<()> {
        self.next += 1;
        let own = self.next.to_string();
        match renameat(&from.0, name, &self.folder.0, own.as_str()) {
            // A directory that may not be written cannot be moved: its `..` would change.
            Err(Errno::ACCESS | Errno::PERM) => {
                permit(from, name)?;
                renameat(&from.0, name, &self.folder.0, own.as_str())?;
            }
            moved => moved?,
        }
        deepcoder_verify::sandbox::remove_scratch(&self.path.join(own))
    }
}

/// Let us do everything in the directory `name`. It is changed through a descriptor, so that no link is followed.
fn permit(from: &Folder, name: impl rustix::path::Arg) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(&from.0, name, flags, Mode::empty())?;
    Ok(rustix::fs::chmod(format!("/proc/self/fd/{}", folder.as_raw_fd()), Mode::RWXU)?)
}

/// Whether `stat` is of a directory.
pub(crate) fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// The stamp of an open file.
pub(crate) fn stamp(file: &File) -> io::Result<Stamp> {
    Ok(Stamp::of(&fstat(file)?))
}
