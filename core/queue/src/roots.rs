//! The repositories that this machine watches.

use super::base::Disk;
use super::error::QueueError;
use super::{Queue, host};
use std::path::{Path, PathBuf};

impl Queue {
    /// The watched repositories of this machine, in the order in which they were remembered.
    pub fn watch_roots(&self) -> Result<Vec<PathBuf>, QueueError> {
        self.base.transaction(Disk::Read, |tx| {
            let select = "SELECT root FROM watched_root WHERE machine = $1 ORDER BY added_ms, root";
            let machine = host::machine();
            tx.rows(select, &[(&machine).into()])?.iter().map(|row| Ok(PathBuf::from(row.text("root")?))).collect()
        })
    }

    /// Remember a repository as watched.
    pub fn remember_root(&self, root: &Path, now_ms: u64) -> Result<(), QueueError> {
        let text =
            root.to_str().ok_or_else(|| QueueError::Invalid("the path of the repository is not UTF-8".into()))?;
        self.base.transaction(Disk::Now, |tx| {
            let insert =
                "INSERT INTO watched_root (machine, root, added_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            let machine = host::machine();
            Ok(tx.run(insert, &[(&machine).into(), text.into(), now_ms.into()])?)
        })
    }

    /// Forget one; whether it was remembered.
    pub fn forget_root(&self, root: &Path) -> Result<bool, QueueError> {
        let Some(text) = root.to_str() else { return Ok(false) };
        self.base.transaction(Disk::Now, |tx| {
            let delete = "DELETE FROM watched_root WHERE machine = $1 AND root = $2 RETURNING root";
            let machine = host::machine();
            Ok(tx.row(delete, &[(&machine).into(), text.into()])?.is_some())
        })
    }
}
