//! What can go wrong with a database file, and with the history.

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
        /// What the system said.
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
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite failed in another way.
    #[error("cannot open the database {}: {message}", path.display())]
    Sql {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
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

/// Why the history could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("no space left for the history")]
    NoSpace,
    /// It cannot be written.
    #[error("the history cannot be written")]
    ReadOnly,
    /// Another process held it for too long.
    #[error("the history is in use by another process")]
    Busy,
    /// It is damaged.
    #[error("the history is damaged: {0}")]
    Corrupt(String),
    /// SQLite failed in another way.
    #[error("the history failed: {0}")]
    Sql(String),
}

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSpace => Some("free some space and run the command again".into()),
            Self::ReadOnly => Some("make the state folder writable".into()),
            Self::Busy => Some("wait for the other deepcoder to finish and run the command again".into()),
            Self::Corrupt(_) => {
                Some("run the command again: the damaged file is moved aside and rebuilt from git's refs".into())
            }
            Self::Sql(_) => Some("run the command again; should it go on, move the state folder aside".into()),
        }
    }
}

/// SQLite's primary result code, where there is one.
pub(crate) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let sqlx::Error::Database(error) = error else { return None };
    match error.code()?.parse::<i32>().ok()? {
        // The shared memory of the log could not grow: SQLite's way of meeting a full disk when it opens a database.
        SQLITE_IOERR_SHMSIZE => Some(SQLITE_FULL),
        extended => Some(extended & 0xff),
    }
}

const SQLITE_IOERR_SHMSIZE: i32 = 4874;

pub(crate) const SQLITE_BUSY: i32 = 5;
pub(crate) const SQLITE_LOCKED: i32 = 6;
pub(crate) const SQLITE_READONLY: i32 = 8;
pub(crate) const SQLITE_CORRUPT: i32 = 11;
pub(crate) const SQLITE_FULL: i32 = 13;
pub(crate) const SQLITE_CANTOPEN: i32 = 14;
pub(crate) const SQLITE_NOTADB: i32 = 26;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match (primary_code(&error), &error) {
            (Some(SQLITE_FULL), _) => Self::NoSpace,
            (Some(SQLITE_READONLY | SQLITE_CANTOPEN), _) => Self::ReadOnly,
            (Some(SQLITE_BUSY | SQLITE_LOCKED), _) => Self::Busy,
            (Some(SQLITE_CORRUPT | SQLITE_NOTADB), _)
            | (_, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => Self::Corrupt(error.to_string()),
            _ => Self::Sql(error.to_string()),
        }
    }
}
