//! Disk space, locks, and files that appear whole or not at all.

use rustix::fs::{FlockOperation, OFlags, flock};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Bytes that an unprivileged user may still write on the file system of `dir`.
pub(crate) fn free(dir: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Whether an error says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Remove a file if it is there.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "only files in the downloads' folder, which is ours")]
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Remove a folder with all that is in it, if it is there.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "only folders in the downloads' folder, which is ours")]
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Give `from` the name `to`, durably.
pub(crate) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "only files in the downloads' folder, which is ours")]
    fs::rename(from, to)?;
    match to.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// A lock file held by this process. It goes away with the lock.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Take the lock, or `None` when another process holds it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = deepcoder_files::open_to_write(path, OFlags::CREATE)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                Err(e) => return Err(e.into()),
            }
            // The former holder may have unlinked the file between our open and our lock: then it locks nothing.
            let ours = file.metadata()?;
            match fs::metadata(path) {
                Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {
                    return Ok(Some(Self { path: path.to_owned(), _file: file }));
                }
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While still locked, so that no other process can hold the file that vanishes.
        remove_file(&self.path).unwrap_or_default();
    }
}
