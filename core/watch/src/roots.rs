//! Where the roots that the user asked to watch are stored.

use deepcoder_protocol::{Failure, Refusal};
use deepcoder_queue::{Queue, QueueError};
use deepcoder_types::Hint as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the roots that the user asked to watch are stored.
pub trait Roots: Send + Sync {
    /// All of them.
    fn all(&self) -> Result<Vec<PathBuf>, Failure>;

    /// Remember one.
    fn remember(&self, root: &Path) -> Result<(), Failure>;

    /// Forget one; whether it was remembered.
    fn forget(&self, root: &Path) -> Result<bool, Failure>;
}

/// Beside the jobs: those of this machine.
pub struct StoredRoots {
    /// The database, opened when it is first needed.
    pub queue: Box<dyn Fn() -> Result<Arc<Queue>, Failure> + Send + Sync>,
    /// Now, in milliseconds since 1970.
    pub now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Roots for StoredRoots {
    fn all(&self) -> Result<Vec<PathBuf>, Failure> {
        (self.queue)()?.watch_roots().map_err(|error| stored(&error))
    }

    fn remember(&self, root: &Path) -> Result<(), Failure> {
        (self.queue)()?.remember_root(root, (self.now_ms)()).map_err(|error| stored(&error))
    }

    fn forget(&self, root: &Path) -> Result<bool, Failure> {
        (self.queue)()?.forget_root(root).map_err(|error| stored(&error))
    }
}

fn stored(error: &QueueError) -> Failure {
    Failure::Refused { reason: Refusal::Storage, message: error.to_string(), hint: error.hint() }
}
