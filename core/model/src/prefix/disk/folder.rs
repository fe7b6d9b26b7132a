//! The directory of pages. Its content is untrusted: any name may be a FIFO, a link or a damaged file, and other
//! processes may write, evict and delete at the same time.
//!
//! Every call is relative to the open directory, follows no link in it, and touches only names that [`Name::parse`]
//! accepts.

use super::page::{Format, HEADER, Name, PART, PageKey, counted};
use super::{PrefixFolderError, PrefixUsage};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;
use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A larger file is no page, whatever its name.
const LARGEST: u64 = 256 << 20;
/// Seconds. A page's use is recorded at most this often, and pages used within the same hour count as used at the same
/// time.
pub(super) const HOUR: i64 = 3600;

/// Why a page is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    /// No file, or it cannot be read now.
    Absent,
    /// Another kind of file, or a damaged one: delete it.
    Bad,
}

/// An open directory that is this user's alone.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Replaced when the directory was deleted and created again.
    open: Mutex<Arc<OwnedFd>>,
}

impl Folder {
    /// Open `path`; with `make`, create it if absent.
    pub(super) fn open(path: &Path, make: bool) -> Result<Self, PrefixFolderError> {
        Ok(Self { path: path.to_owned(), open: Mutex::new(Arc::new(open_own(path, make)?)) })
    }

    fn fd(&self) -> Arc<OwnedFd> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Create the directory again after it was deleted.
    fn reopen(&self) -> Result<(), PrefixFolderError> {
        let open = Arc::new(open_own(&self.path, true)?);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = open;
        Ok(())
    }

    /// Whether there is a file under the key's name.
    pub(super) fn has(&self, key: &PageKey) -> bool {
        rustix::fs::statat(&*self.fd(), key.file(), AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    }

    /// Read a page. On a miss the content of `into` is undefined.
    pub(super) fn read(&self, format: &Format, key: &PageKey, into: &mut [u8]) -> Result<(), Miss> {
        let file = deepcoder_files::open_at(&*self.fd(), &key.file(), OFlags::RDONLY, Mode::empty());
        let mut file = file.map_err(|error| match error.kind() {
            // It is a FIFO, a link, a directory, ...
            io::ErrorKind::InvalidInput => Miss::Bad,
            _ => Miss::Absent,
        })?;
        let stat = rustix::fs::fstat(&file).map_err(|_| Miss::Absent)?;
        if !is_mine(&stat) || size(&stat) != format.file_len() || into.len() != format.page {
            return Err(Miss::Bad);
        }
        let mut header = [0; HEADER];
        file.read_exact(&mut header).and_then(|()| file.read_exact(into)).map_err(|_| Miss::Bad)?;
        if format.matches(key, &header, into) { Ok(()) } else { Err(Miss::Bad) }
    }

    /// Ask the system to read pages ahead of [`Folder::read`].
    pub(super) fn read_ahead(&self, key: &PageKey) {
        if let Ok(file) = deepcoder_files::open_at(&*self.fd(), &key.file(), OFlags::RDONLY, Mode::empty()) {
            advise(&file);
        }
    }

    /// Write a page under a temporary name, then rename it, so that readers never see a partial page. There is no
    /// `fsync`: after a power cut the file may be empty or torn, which the checksum turns into a miss.
    pub(super) fn write(&self, format: &Format, key: &PageKey, page: &[u8]) -> io::Result<()> {
        let part = part_name(&key.file());
        let mut made = self.create(&part);
        if made.as_ref().is_err_and(|error| error.raw_os_error() == Some(Errno::NOENT.raw_os_error())) {
            self.reopen().map_err(io::Error::other)?;
            made = self.create(&part);
        }
        let mut file = made?;
        let fd = self.fd();
        let written = file
            .write_all(&format.header(key, page))
            .and_then(|()| file.write_all(page))
            .and_then(|()| Ok(rustix::fs::renameat(&*fd, &part, &*fd, key.file())?));
        if written.is_err() {
            self.delete(&part);
        }
        written
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        deepcoder_files::open_at(&*self.fd(), name, flags, Mode::from_raw_mode(0o600))
    }

    /// Record that a page is used now, by the clock of the file system.
    pub(super) fn touch(&self, key: &PageKey) {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: now };
        // If this fails, the page is evicted earlier.
        _ = rustix::fs::utimensat(&*self.fd(), key.file(), &times, AtFlags::SYMLINK_NOFOLLOW);
    }

    /// Delete an entry of the directory that is not a directory itself.
    pub(super) fn delete(&self, name: &str) -> bool {
        // Another process may have deleted it.
        matches!(rustix::fs::unlinkat(&*self.fd(), name, AtFlags::empty()), Ok(()) | Err(Errno::NOENT))
    }

    /// The file system's time, taken from a new file. This also finds out whether files can be created.
    fn now(&self, name: &str) -> io::Result<i64> {
        let part = part_name(name);
        let file = self.create(&part)?;
        let stat = rustix::fs::fstat(&file);
        self.delete(&part);
        Ok(stat?.st_mtime)
    }

    /// List all pages and their bytes on the disk. Deletes the temporary files of dead writers, and files that cannot
    /// be pages.
    pub(super) fn scan(&self, probe: &PageKey) -> io::Result<Scan> {
        let mut scan = Scan { pages: Vec::new(), usage: PrefixUsage::default(), now: self.now(&probe.file()) };
        let fd = self.fd();
        for entry in Dir::read_from(&*fd)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let Some(kind) = Name::parse(name) else { continue };
            let Ok(stat) = rustix::fs::statat(&*fd, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            let page = regular && is_mine(&stat) && size(&stat) > HEADER as u64 && size(&stat) <= LARGEST;
            match kind {
                Name::Page(index) if page => scan.add(name, index, &stat),
                // Its writer may be at work.
                Name::Part if regular && scan.is_recent(stat.st_mtime) => {}
                _ => _ = self.delete(name),
            }
        }
        Ok(scan)
    }

    /// Evict pages until the others take at most `most` bytes: the least recently used first, and of these the ends of
    /// prefixes before their beginnings.
    pub(super) fn evict(&self, scan: &mut Scan, most: u64) {
        let soon = scan.now.as_ref().map_or(i64::MAX, |now| now.saturating_add(HOUR));
        // A time in the future says nothing, and must not protect a page for ever.
        scan.pages.sort_by_key(|page| (page.used <= soon, page.used / HOUR, std::cmp::Reverse(page.index)));
        // `pop` takes the last.
        scan.pages.reverse();
        while scan.usage.bytes > most
            && let Some(page) = scan.pages.pop()
        {
            if self.delete(&page.name) {
                scan.usage.bytes = scan.usage.bytes.saturating_sub(page.bytes);
                scan.usage.pages = scan.usage.pages.saturating_sub(1);
            }
        }
    }

    /// Free bytes of the disk.
    pub(super) fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::fstatvfs(&*self.fd())?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Count pages and temporary files; with `delete`, delete them.
    pub(super) fn count(&self, delete: bool) -> io::Result<PrefixUsage> {
        let fd = self.fd();
        let mut usage = PrefixUsage::default();
        for entry in Dir::read_from(&*fd)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let Some(_) = Name::parse(name) else { continue };
            let Ok(stat) = rustix::fs::statat(&*fd, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if delete {
                rustix::fs::unlinkat(&*fd, name, AtFlags::empty()).or_else(gone)?;
            }
            usage.pages += 1;
            usage.bytes = usage.bytes.saturating_add(counted(size(&stat)));
        }
        Ok(usage)
    }
}

/// A page in the directory.
#[derive(Debug)]
struct Found {
    name: String,
    index: u32,
    used: i64,
    bytes: u64,
}

/// The pages in the directory at one time.
#[derive(Debug)]
pub(super) struct Scan {
    pages: Vec<Found>,
    pub(super) usage: PrefixUsage,
    /// Seconds of the file system's clock.
    pub(super) now: io::Result<i64>,
}

impl Scan {
    fn is_recent(&self, time: i64) -> bool {
        self.now.as_ref().is_ok_and(|now| now.saturating_sub(time).saturating_abs() < HOUR)
    }

    fn add(&mut self, name: &str, index: u32, stat: &Stat) {
        let bytes = counted(size(stat));
        self.usage.pages += 1;
        self.usage.bytes = self.usage.bytes.saturating_add(bytes);
        self.pages.push(Found { name: name.to_owned(), index, used: stat.st_mtime, bytes });
    }
}

#[cfg(target_os = "linux")]
fn advise(file: &File) {
    _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::WillNeed);
}

#[cfg(not(target_os = "linux"))]
const fn advise(_: &File) {}

fn gone(error: Errno) -> rustix::io::Result<()> {
    if error == Errno::NOENT { Ok(()) } else { Err(error) }
}

/// A temporary name that is unique in this process. A process with the same id in another container may choose it too,
/// which `O_EXCL` detects.
fn part_name(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{name}.{}-{}{PART}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn is_mine(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// Open the directory `path` if it is this user's and no other user may write to it.
fn open_own(path: &Path, make: bool) -> Result<OwnedFd, PrefixFolderError> {
    let io = |error: io::Error| PrefixFolderError::Io { path: path.to_owned(), error };
    if make {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| io(error.into()))?;
    let stat = rustix::fs::fstat(&fd).map_err(|error| io(error.into()))?;
    if !is_mine(&stat) {
        return Err(PrefixFolderError::Foreign { path: path.to_owned(), owner: stat.st_uid });
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::WGRP | Mode::WOTH) {
        return Err(PrefixFolderError::Writable { path: path.to_owned() });
    }
    // The files are 0600 and their names say little, but no other user needs to see even these.
    if mode.intersects(Mode::RWXG | Mode::RWXO) {
        rustix::fs::fchmod(&fd, Mode::RWXU).map_err(|error| io(error.into()))?;
    }
    Ok(fd)
}
