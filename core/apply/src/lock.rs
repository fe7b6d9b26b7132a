//! One writer per work tree.

use crate::ApplyError;
use deepcoder_types::Cancel;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(20);

/// Held while somebody writes. The system releases it when the process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

/// Our folder inside git's, which is the same whatever state folder is used.
pub(crate) fn folder(git_dir: &Path) -> PathBuf {
    git_dir.join("deepcoder")
}

impl Lock {
    /// Take the lock, waiting up to `wait` and until `cancel`.
    pub(crate) fn take(git_dir: &Path, wait: Duration, cancel: &Cancel) -> Result<Self, ApplyError> {
        let path = folder(git_dir).join("lock");
        let error = |e: std::io::Error| ApplyError::io(path.display().to_string(), e);
        std::fs::create_dir_all(folder(git_dir)).map_err(error)?;
        let mut options = OpenOptions::new();
        // The file stays when it is released: removing it would let two processes lock two files of one name.
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(error)?;
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
                    cancel.check()?;
                    std::thread::sleep(POLL);
                    waited += POLL;
                }
            }
        }
        let note = format!("{}\n", std::process::id());
        // Only a help for whoever waits; the lock holds without it.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
        Ok(Self { _file: file })
    }
}
