//! The errors of a database file.

use deepcoder_types::Hint;
use std::path::PathBuf;

/// Why a database file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It was written by a newer deepcoder.
    #[error("the database {} has schema {found}, newer than this program knows", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its newest migration.
        found: i64,
    },
    /// A migration in it is not the one that this program has under the same number.
    #[error("the database {} was made by another build: migration {version} differs", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
        /// The migration.
        version: i64,
    },
    /// It cannot be written.
    #[error("the database {} cannot be written: {reason}", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// The message of the system.
        reason: String,
    },
    /// The disk is full.
    #[error("no space left for the database {}", path.display())]
    NoSpace {
        /// The database.
        path: PathBuf,
    },
    /// Another process holds it.
    #[error("the database {} is in use", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// The SQLite that was linked can corrupt a database.
    #[error("SQLite {found} is too old, 3.51.3 is needed")]
    OldSqlite {
        /// Its version.
        found: String,
    },
    /// A setting that durability rests on was not accepted.
    #[error("SQLite did not accept {pragma} for {}: it says {found}", path.display())]
    Pragma {
        /// The database.
        path: PathBuf,
        /// The setting.
        pragma: &'static str,
        /// Its value.
        found: String,
    },
    /// The file system failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The message of the system.
        source: std::io::Error,
    },
    /// SQLite failed in another way.
    #[error("cannot open the database {}: {message}", path.display())]
    Sql {
        /// The database.
        path: PathBuf,
        /// The message of SQLite.
        message: String,
    },
}

impl Hint for OpenError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Newer { .. } | Self::Foreign { .. } => Some("use the deepcoder that wrote it, or a newer one".into()),
            Self::ReadOnly { path, .. } => Some(format!("make {} writable", path.parent().unwrap_or(path).display())),
            Self::NoSpace { .. } => Some("free some space and run the command again; nothing was changed".into()),
            Self::Busy { .. } => Some("wait for the other deepcoder to finish and run the command again".into()),
            Self::OldSqlite { .. } => Some("build deepcoder with its bundled SQLite".into()),
            Self::Pragma { .. } => Some("put the state folder on a local disk".into()),
            Self::Io { .. } | Self::Sql { .. } => {
                Some("the system's log (`dmesg`) tells whether the disk is failing; then run the command again".into())
            }
        }
    }
}

/// The damage of a file, by SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFault {
    /// The disk is full.
    NoSpace,
    /// It cannot be written, or opened.
    ReadOnly,
    /// Another connection held it for too long.
    Busy,
    /// It is damaged, or no database.
    Damaged,
}

impl FileFault {
    /// By SQLite's result code; `None` where the error is about something else.
    #[must_use]
    pub fn of(error: &sqlx::Error) -> Option<Self> {
        match error.as_database_error()?.code()?.parse::<i32>().ok()? {
            // SQLITE_IOERR_SHMSIZE: the shared memory of the log could not grow, SQLite's way of meeting a full disk when it
            // opens a database.
            4874 => Some(Self::NoSpace),
            extended => match extended & 0xff {
                // SQLITE_BUSY, SQLITE_LOCKED
                5 | 6 => Some(Self::Busy),
                // SQLITE_READONLY, SQLITE_CANTOPEN
                8 | 14 => Some(Self::ReadOnly),
                // SQLITE_CORRUPT, SQLITE_NOTADB
                11 | 26 => Some(Self::Damaged),
                // SQLITE_FULL
                13 => Some(Self::NoSpace),
                _ => None,
            },
        }
    }
}
