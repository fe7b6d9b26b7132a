//! What has to outlive a crash, in two databases: the history of edits ([`Store`]), in SQLite, which serves all the work
//! trees of a user; and the background jobs ([`Queue`]), in SQLite or in PostgreSQL.
//!
//! **Invariant:** a call that returned `Ok` is on the disk. Every connection runs with `synchronous=FULL`, which is read
//! back, because WAL with `NORMAL` loses committed rows in a power cut. Two calls of the history say that they do not wait for
//! the disk, and why nothing rests on it: [`Store::prepare`] and [`Store::set_cleared`]; for those of the queue see there.
//! Whatever is written after them makes them durable too, since the log is one file.
//!
//! Calls block. They may be made from any thread, also from one that belongs to an asynchronous runtime.

mod blocking;
mod error;
mod open;
mod queue;
mod rows;
mod write;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write to temporary folders")]
mod tests;

pub use error::{OpenError, StoreError};
pub use queue::{
    Beat, Claim, Counts, End, Held, Lease, MAX_RESULT, OpenQueueError, Queue, QueueError, QueuePlace, Repositories,
};
pub use rows::{Elsewhere, FileRow, ImageRow, NewSet, SetRow, State, TreeId};

use blocking::Blocking;
use std::path::{Path, PathBuf};

/// The largest original that [`Store::prepare`] keeps in the database besides git.
pub const MAX_IMAGE: usize = 1_000_000;

/// An open history.
pub struct Store {
    db: Blocking,
    path: PathBuf,
    replaced: Option<PathBuf>,
}

impl Store {
    /// Open the database file at `path`, making it and bringing its schema up to date where needed.
    ///
    /// A damaged file is moved aside, with a note next to it, and a new one begun: see [`Store::replaced`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let (runtime, connection, replaced) = open::open(path, &open::HISTORY)?;
        Ok(Self { db: Blocking::new(runtime, connection), path: path.to_owned(), replaced })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the damaged file went, when [`Store::open`] found one.
    #[must_use]
    pub fn replaced(&self) -> Option<&Path> {
        self.replaced.as_deref()
    }
}
