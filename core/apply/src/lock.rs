//! One writer per work tree.

use crate::ApplyError;
use crate::tree::Tree;
use deepcoder_types::{Cancel, Cancelled};
use rustix::fs::{Mode, OFlags};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

/// The lock is polled, because the system cannot wake a process that waits for a lock with a time limit.
const POLL: Duration = Duration::from_millis(20);

/// Held by the process that writes. The system releases it when the process ends, also by a crash.
pub(crate) struct Lock {
    _file: File,
}

/// Our folder inside git's, which is the same whatever state folder is used.
pub(crate) const FOLDER: &str = "deepcoder";

impl Lock {
    /// Take the lock in git's folder `git`, at `git_dir`, waiting up to `wait` and until `cancel`.
    pub(crate) fn take(git: &Tree, git_dir: &Path, wait: Duration, cancel: &Cancel) -> Result<Self, ApplyError> {
        let error = |e: std::io::Error| ApplyError::io(git_dir.join(FOLDER).join("lock").display().to_string(), e);
        git.make_folder(FOLDER).map_err(|e| error(e.into()))?;
        let folder = git.folder(FOLDER).map_err(|e| error(e.into()))?;
        // The file stays when it is released: removing it would let two processes lock two files of one name.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, "lock", flags, Mode::from_raw_mode(0o600));
        let mut file = File::from(file.map_err(|e| error(e.into()))?);
        git.adjust(&file);
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(e)) => return Err(error(e)),
                Err(TryLockError::WouldBlock) if waited >= wait => {
                    let mut text = String::new();
                    let _ = file.read_to_string(&mut text);
                    return Err(ApplyError::Busy { pid: text.trim().parse().ok() });
                }
                Err(TryLockError::WouldBlock) => {
                    if cancel.wait_timeout(POLL) {
                        return Err(Cancelled.into());
                    }
                    waited += POLL;
                }
            }
        }
        let note = format!("{}\n", std::process::id());
        // Names the holder in other processes' messages; the lock holds without it.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
        Ok(Self { _file: file })
    }
}
