//! The file layer: every operation is relative to the descriptor of a folder that was opened below the root without
//! following a link, so that no swapped folder leads a write out of the tree.

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sharing::Sharing;
use deepcoder_types::ContentHash;

/// An open work tree.
pub(crate) struct Tree {
    root: OwnedFd,
    /// Whether to do without `openat2`.
    plain: bool,
    /// The permissions that others get on new files.
    sharing: Sharing,
    syncs: AtomicU32,
    pinned: Mutex<HashMap<String, OwnedFd>>,
}

/// Folders are the ones that they were, whatever is moved or put in their place, until this is dropped.
pub(crate) struct Pins<'a>(&'a Tree);

impl Drop for Pins<'_> {
    fn drop(&mut self) {
        self.0.pinned().clear();
    }
}

/// More folders than this are looked up each time, since descriptors are few.
const MOST_PINS: usize = 256;

/// The entry at a name.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A regular file.
    File(OnDisk),
    /// A symbolic link.
    Link,
    /// Something else.
    Other,
}

/// A regular file as it is now.
#[derive(Debug)]
pub(crate) struct OnDisk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) links: u64,
    pub(crate) owner: (u32, u32),
    /// Kept open for its extended attributes.
    pub(crate) file: File,
}

impl OnDisk {
    pub(crate) fn hash(&self) -> ContentHash {
        ContentHash::of(&self.bytes)
    }
}

/// The attributes that a staged file takes over from the file that it replaces.
pub(crate) struct Like<'a> {
    pub(crate) mode: u32,
    pub(crate) of: Option<&'a OnDisk>,
}

/// The folder (empty for the root) and the name in it.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Tree {
    pub(crate) fn open(root: &Path, plain: bool) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            root: rustix::fs::open(root, flags, Mode::empty())?,
            plain,
            sharing: Sharing::Umask,
            syncs: AtomicU32::new(0),
            pinned: Mutex::default(),
        })
    }

    /// Open the folder `inside` of `root`, where no link may be on the way.
    pub(crate) fn open_inside(root: &Path, inside: &str, plain: bool) -> Result<Self, Errno> {
        let mut tree = Self::open(root, plain)?;
        tree.root = tree.look_up(inside)?;
        Ok(tree)
    }

    /// The same, for a folder inside git's.
    pub(crate) fn shared(self, sharing: Sharing) -> Self {
        Self { sharing, ..self }
    }

    /// Give a file that was made here the permissions that members of the repository share.
    pub(crate) fn adjust(&self, file: impl rustix::fd::AsFd) {
        self.sharing.adjust(file);
    }

    /// How often the disk was waited for so far.
    pub(crate) fn syncs(&self) -> u32 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Count a wait for the disk that was done elsewhere.
    pub(crate) fn count_syncs(&self, n: u32) {
        self.syncs.fetch_add(n, Ordering::Relaxed);
    }

    /// Hold on to `folders`.
    pub(crate) fn pin<'p>(&self, folders: impl IntoIterator<Item = &'p str>) -> Result<Pins<'_>, Errno> {
        let pins = Pins(self);
        for path in folders {
            let full = self.pinned().len() >= MOST_PINS;
            if !full {
                let folder = self.folder(path)?;
                self.pinned().insert(path.to_owned(), folder);
            }
        }
        Ok(pins)
    }

    /// Whether the folders that are held are still where they were.
    pub(crate) fn pins_hold(&self) -> bool {
        let identity = |folder: &OwnedFd| rustix::fs::fstat(folder).map(|stat| (stat.st_dev, stat.st_ino));
        self.pinned().iter().all(|(path, held)| {
            let there = self.look_up(path).and_then(|folder| identity(&folder));
            there.is_ok() && there == identity(held)
        })
    }

    fn pinned(&self) -> MutexGuard<'_, HashMap<String, OwnedFd>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder `path` (empty for the root). `ELOOP` where a link is on the way, `ENOENT`, `ENOTDIR`.
    pub(crate) fn folder(&self, path: &str) -> Result<OwnedFd, Errno> {
        match self.pinned().get(path) {
            Some(held) => held.try_clone().map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO)),
            None => self.look_up(path),
        }
    }

    fn look_up(&self, path: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if path.is_empty() {
            return rustix::fs::openat(&self.root, ".", flags, Mode::empty());
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        // The kernel answers EAGAIN when a rename elsewhere raced with it.
        for _ in 0..if self.plain { 0 } else { 16 } {
            // Without O_NOFOLLOW, which would have a link at the end answered with ENOTDIR.
            match rustix::fs::openat2(&self.root, path, flags - OFlags::NOFOLLOW, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                // Old kernels, and sandboxes that do not know the call.
                Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => break,
                other => return other,
            }
        }
        self.folder_step_by_step(path)
    }

    /// The same without `openat2`.
    fn folder_step_by_step(&self, path: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = self.look_up("")?;
        for name in path.split('/') {
            // The error of `openat2`.
            if matches!(name, "" | "." | "..") {
                return Err(Errno::XDEV);
            }
            at = match rustix::fs::openat(&at, name, flags, Mode::empty()) {
                // O_DIRECTORY | O_NOFOLLOW says ENOTDIR for a link, where openat2 says ELOOP.
                Err(Errno::NOTDIR) if kind(&at, name) == Ok(FileType::Symlink) => return Err(Errno::LOOP),
                other => other?,
            };
        }
        Ok(at)
    }

    /// Make the folder `path`, whose parent exists. One that is there already is as good.
    pub(crate) fn make_folder(&self, path: &str) -> Result<(), Errno> {
        let (parent, name) = split(path);
        match rustix::fs::mkdirat(&self.folder(parent)?, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            other => return other,
        }
        if self.sharing != Sharing::Umask {
            self.sharing.adjust(self.folder(path)?);
        }
        Ok(())
    }

    /// Make a file of ours at `name`, where nothing may be; not yet synced.
    pub(crate) fn write_new(folder: &OwnedFd, name: &str, bytes: &[u8], mode: u32) -> Result<File, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(mode))?);
        file.write_all(bytes).map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
        Ok(file)
    }

    /// Remove the folder `path` if it is empty. Whatever keeps it from being removed is a reason to leave it.
    pub(crate) fn drop_folder(&self, path: &str) {
        let (parent, name) = split(path);
        if let Ok(parent) = self.folder(parent) {
            let _ = rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR);
        }
    }

    /// Read what stands at `name` in `folder`.
    pub(crate) fn look(&self, folder: &OwnedFd, name: &str) -> Result<Found, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        // Asked first, because opening a device or a FIFO can have effects.
        match kind(folder, name) {
            Ok(FileType::RegularFile) => {}
            Ok(FileType::Symlink) => return Ok(Found::Link),
            Ok(_) => return Ok(Found::Other),
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(errno) => return Err(errno),
        }
        let fd = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(Errno::LOOP) => return Ok(Found::Link),
            Err(errno) => return Err(errno),
        };
        let stat = rustix::fs::fstat(&fd)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(Found::Other);
        }
        let mut file = File::from(fd);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
        let meta = file.metadata().map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
        let (mode, owner) = (meta.mode() & 0o7777, (meta.uid(), meta.gid()));
        Ok(Found::File(OnDisk { bytes, mode, links: meta.nlink(), owner, file }))
    }

    /// Make `name` in `folder`, with `bytes`; not yet synced. Fails if it exists.
    pub(crate) fn create(&self, folder: &OwnedFd, name: &str, bytes: &[u8], like: &Like<'_>) -> Result<File, Errno> {
        let file = Self::write_new(folder, name, bytes, 0o600)?;
        let mut mode = like.mode;
        if let Some(original) = like.of {
            copy_attributes(&original.file, &file)?;
            let made = file.metadata().map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
            if (made.uid(), made.gid()) != original.owner && !chown(&file, original.owner) {
                // Bits that lend an identity must not lend another one.
                mode &= 0o777;
            }
        }
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        Ok(file)
    }

    /// Sync a file.
    pub(crate) fn sync(&self, file: impl rustix::fd::AsFd) -> Result<(), Errno> {
        self.count_syncs(1);
        rustix::fs::fsync(file)
    }

    /// Sync the folder `path`; one that is gone needs none.
    pub(crate) fn sync_folder(&self, path: &str) -> Result<(), Errno> {
        match self.folder(path) {
            Err(Errno::NOENT) => Ok(()),
            // Some file systems cannot sync a folder and need not.
            Ok(folder) => match self.sync(folder.as_fd()) {
                Err(Errno::INVAL) => Ok(()),
                other => other,
            },
            Err(errno) => Err(errno),
        }
    }

    /// Remove a file of ours; one that is gone is as good.
    pub(crate) fn remove(&self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            other => other,
        }
    }
}

/// Exchange two files. `Ok(false)`: this file system cannot.
pub(crate) fn exchange(folder: &OwnedFd, a: &str, b: &str) -> Result<bool, Errno> {
    match rustix::fs::renameat_with(folder, a, folder, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Move `from` to `to`, which must not exist (`EEXIST`).
pub(crate) fn rename_new(folder: &OwnedFd, from: &str, to: &str, plain: bool) -> Result<(), Errno> {
    if !plain {
        match rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
            Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => {}
            other => return other,
        }
    }
    // A second name is made only where there is none, so nothing can be replaced here either.
    match rustix::fs::linkat(folder, from, folder, to, AtFlags::empty()) {
        Ok(()) => rustix::fs::unlinkat(folder, from, AtFlags::empty()),
        // No hard links either (FAT): a look before is all that is left, and a file that another program makes in
        // between is replaced. No Linux file system that holds repositories is known to lack both.
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => match kind(folder, to) {
            Err(Errno::NOENT) => rustix::fs::renameat(folder, from, folder, to),
            Ok(_) => Err(Errno::EXIST),
            Err(errno) => Err(errno),
        },
        Err(errno) => Err(errno),
    }
}

/// The kind of `name`, without following it.
pub(crate) fn kind(folder: &OwnedFd, name: &str) -> Result<FileType, Errno> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

/// Extended attributes, ACLs among them. Those of `security.` and `trusted.` may need rights that we lack.
fn copy_attributes(from: &File, to: &File) -> Result<(), Errno> {
    use xattr::FileExt as _;
    let Ok(names) = from.list_xattr() else { return Ok(()) };
    for name in names {
        let Ok(Some(value)) = from.get_xattr(&name) else { continue };
        if let Err(error) = to.set_xattr(&name, &value)
            && matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
        {
            return Err(Errno::NOSPC);
        }
    }
    Ok(())
}

/// Whether the owner could be kept, or at least the group that matters for who may read it.
fn chown(file: &File, (uid, gid): (u32, u32)) -> bool {
    let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
    if rustix::fs::fchown(file, Some(uid), Some(gid)).is_ok() {
        return true;
    }
    let _ = rustix::fs::fchown(file, None, Some(gid));
    false
}
