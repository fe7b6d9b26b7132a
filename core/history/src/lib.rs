//! The history of edits: a SQLite database that outlives a crash and serves all the work trees of a user.
//!
//! **Invariant:** a call that returned `Ok` is on the disk (see `deepcoder_sqlite`). Two calls say that they do not wait for
//! the disk, and why nothing rests on it: [`History::prepare`] and [`History::set_cleared`]. Whatever is written after them
//! makes them durable too, since the log is one file.
//!
//! Calls block. They may be made from any thread, also from one that belongs to an asynchronous runtime.

mod blocking;
mod error;
mod rows;
mod write;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write to temporary folders")]
mod tests;

pub use deepcoder_sqlite::OpenError;
pub use error::HistoryError;
pub use rows::{Elsewhere, FileRow, ImageRow, NewSet, SetRow, State, TreeId};

use blocking::Blocking;
use deepcoder_sqlite::Schema;
use std::path::{Path, PathBuf};

/// It belongs to the work trees of this machine, so that there is no other database for it.
const SCHEMA: Schema = Schema {
    migrations: &[
        (1, "history", include_str!("../../../migrations/sqlite/0001_history.sql")),
        (2, "user_commit", include_str!("../../../migrations/sqlite/0002_user_commit.sql")),
    ],
    lost: "A new history was begun; what the refs under refs/deepcoder/undo/ of a repository hold is read back when \
           deepcoder next runs in it.",
};

/// The largest original that [`History::prepare`] keeps in the database besides git.
pub const MAX_IMAGE: usize = 1_000_000;

/// An open history.
pub struct History {
    db: Blocking,
    path: PathBuf,
    replaced: Option<PathBuf>,
}

impl History {
    /// Open the database file at `path`, making it and bringing its schema up to date where needed.
    ///
    /// A damaged file is moved aside, with a note next to it, and a new one begun: see [`History::replaced`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let (runtime, connection, replaced) = deepcoder_sqlite::open(path, &SCHEMA)?;
        Ok(Self { db: Blocking::new(runtime, connection), path: path.to_owned(), replaced })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the damaged file went, when [`History::open`] found one.
    #[must_use]
    pub fn replaced(&self) -> Option<&Path> {
        self.replaced.as_deref()
    }
}
