//! The socket in the file system: who may reach it, and that only one server has it.

use deepcoder_protocol::socket::{connect, short_path};
use rustix::fs::{FlockOperation, OFlags, flock};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a starting server waits for one that is ending.
const HANDOVER: Duration = Duration::from_secs(5);

/// Why the socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("another server answers")]
    InUse,
    #[error("the folder is open to others")]
    InsecureFolder { path: PathBuf, mode: u32 },
    #[error("something else has this name")]
    NotASocket,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A socket that this process listens on. Dropping it removes the socket's name and gives up the lock.
pub(crate) struct Bound {
    path: PathBuf,
    identity: (u64, u64),
    _lock: File,
}

/// Listen at `path`. A stale socket is replaced under a lock, and only when no process answers on it.
pub(crate) fn bind(path: &Path) -> Result<(UnixListener, Bound), BindError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_folder(folder)?;
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    // The lock file stays: unlinking it would let two processes lock two files of one name.
    let lock = deepcoder_files::open_to_write(Path::new(&lock_path), OFlags::CREATE)?;
    let deadline = Instant::now() + HANDOVER;
    loop {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK) => {
                // Held by a server that answers, or by one that is starting or ending.
                if connect(path).is_ok() || Instant::now() > deadline {
                    return Err(BindError::InUse);
                }
                // Polls, because the system cannot wake a process that waits for a lock with a time limit.
                thread::sleep(Duration::from_millis(20));
            }
            Err(e) => return Err(io::Error::from(e).into()),
        }
    }
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => return Err(BindError::NotASocket),
        Ok(_) if connect(path).is_ok() => return Err(BindError::InUse),
        Ok(_) => unlink(path)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e.into()),
    }
    let (short, _folder) = short_path(path)?;
    let listener = UnixListener::bind(short)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    let meta = fs::symlink_metadata(path)?;
    Ok((listener, Bound { path: path.to_owned(), identity: (meta.dev(), meta.ino()), _lock: lock }))
}

impl Bound {
    /// Remove the name, so that new clients do not come to a server that is ending.
    pub(crate) fn unpublish(&self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|m| (m.dev(), m.ino()) == self.identity);
        if ours {
            unlink(&self.path).unwrap_or_default();
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.unpublish();
    }
}

fn unlink(path: &Path) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the socket is ours: under our lock, or of our own inode")]
    fs::remove_file(path)
}

fn private_folder(folder: &Path) -> Result<(), BindError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let meta = fs::metadata(folder)?;
    let mode = meta.mode() & 0o777;
    if meta.uid() != rustix::process::geteuid().as_raw() || mode & 0o077 != 0 {
        return Err(BindError::InsecureFolder { path: folder.to_owned(), mode });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_protocol::socket::same_user;

    /// Protects the user from other users: the folder and the socket are theirs alone, and an open folder is refused.
    #[test]
    fn only_the_user_can_reach_it() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("run/daemon.sock");
        let (_listener, _bound) = bind(&path).expect("bound");
        let mode = |p: &Path| fs::metadata(p).expect("metadata").mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("parent"))), (0o600, 0o700));
        fs::create_dir(dir.path().join("open")).expect("dir");
        fs::set_permissions(dir.path().join("open"), fs::Permissions::from_mode(0o755)).expect("chmod");
        let refused = bind(&dir.path().join("open/daemon.sock"));
        assert!(matches!(refused, Err(BindError::InsecureFolder { mode: 0o755, .. })));
    }

    /// Protects a second start: a socket that answers is never taken away, a dead one is replaced, a file is kept.
    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let dir = tempfile::tempdir().expect("dir");
        let dir = dir.path().join("run");
        private_folder(&dir).expect("folder");
        let path = dir.join("daemon.sock");
        drop(UnixListener::bind(&path).expect("a socket that nobody listens on"));
        let (listener, bound) = bind(&path).expect("the stale one is replaced");
        assert!(matches!(bind(&path), Err(BindError::InUse)));
        // A foreign server that knows nothing of the lock counts as well.
        let foreign = dir.join("foreign.sock");
        let _server = UnixListener::bind(&foreign).expect("foreign server");
        assert!(matches!(bind(&foreign), Err(BindError::InUse)));
        drop((listener, bound));
        assert!(!path.exists());
        #[expect(clippy::disallowed_methods, reason = "a temporary folder of the test")]
        fs::write(&path, b"precious").expect("file");
        assert!(matches!(bind(&path), Err(BindError::NotASocket)));
        assert_eq!(fs::read(&path).expect("file"), b"precious");
    }

    /// Protects homes with long paths: the kernel's limit of 107 bytes is no limit here.
    #[test]
    fn long_paths_work() {
        let dir = tempfile::tempdir().expect("dir");
        let folder = dir.path().join("a".repeat(120));
        let path = folder.join("daemon.sock");
        let (_listener, _bound) = bind(&path).expect("bound");
        assert!(same_user(&connect(&path).expect("connected")).expect("credentials"));
    }
}
