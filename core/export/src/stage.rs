//! The folder beside the destination that an import writes.

use crate::error::ImportError;
use crate::journal::JOURNAL_FILE;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Held while an import runs, so that a second one does not clear the first one's folder.
const LOCK_FILE: &str = ".lock";

/// The folder that is being written, removed when it is dropped. Only a process that ends without that leaves it.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    parent: PathBuf,
    _lock: File,
}

impl Stage {
    pub(crate) fn create(dest: &Path) -> Result<Self, ImportError> {
        let name = dest.file_name().ok_or_else(|| ImportError::Options("the destination has no name".to_owned()))?;
        let parent = dest.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(ImportError::io("create", parent))?;
        let folder = parent.join(format!(".{}.importing", name.to_string_lossy()));
        std::fs::create_dir_all(&folder).map_err(ImportError::io("create", &folder))?;
        let lock_path = folder.join(LOCK_FILE);
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(ImportError::io("create", &lock_path))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(ImportError::Running(dest.to_owned()));
        }
        Ok(Self { folder, parent: parent.to_owned(), _lock: lock })
    }

    /// Removes what an import that was killed has left, but for `kept`.
    pub(crate) fn clear(&self, kept: &[&str]) -> Result<(), ImportError> {
        for entry in std::fs::read_dir(&self.folder).map_err(ImportError::io("read", &self.folder))? {
            let entry = entry.map_err(ImportError::io("read", &self.folder))?;
            if entry.file_name() != LOCK_FILE && !kept.iter().any(|name| entry.file_name() == *name) {
                #[expect(clippy::disallowed_methods, reason = "left-over of an import into the folder that we hold")]
                std::fs::remove_file(entry.path()).map_err(ImportError::io("remove", &entry.path()))?;
            }
        }
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the finished model folder loses what served its making, takes its name"
    )]
    pub(crate) fn publish(self, dest: &Path) -> Result<(), ImportError> {
        for name in [JOURNAL_FILE, LOCK_FILE] {
            let path = self.folder.join(name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(ImportError::io("remove", &path)(error));
                }
                _ => {}
            }
        }
        let sync = |path: &Path| File::open(path).and_then(|f| f.sync_all()).map_err(ImportError::io("write", path));
        sync(&self.folder)?;
        std::fs::rename(&self.folder, dest).map_err(ImportError::io("rename to", dest))?;
        sync(&self.parent)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // After `publish` there is nothing under this name; a failure here leaves what the next import clears.
        #[expect(clippy::disallowed_methods, reason = "the half-written folder of a failed import")]
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
