//! The errors of the history.

use deepcoder_sqlite::FileFault;
use deepcoder_types::Hint;

/// Why the history could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
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

impl Hint for HistoryError {
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

impl From<sqlx::Error> for HistoryError {
    fn from(error: sqlx::Error) -> Self {
        match (FileFault::of(&error), &error) {
            (Some(FileFault::NoSpace), _) => Self::NoSpace,
            (Some(FileFault::ReadOnly), _) => Self::ReadOnly,
            (Some(FileFault::Busy), _) => Self::Busy,
            (Some(FileFault::Damaged), _) | (_, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Sql(error.to_string()),
        }
    }
}
