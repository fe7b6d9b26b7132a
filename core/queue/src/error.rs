//! The errors of the queue.

use super::MAX_RESULT;
use deepcoder_sqlite::{FileFault, OpenError};
use deepcoder_types::{Hint, JobState};

/// Why the queue could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenQueueError {
    /// Its file could not be opened.
    #[error(transparent)]
    File(#[from] OpenError),
    /// The address makes no sense.
    #[error("`{url}` is not the address of a PostgreSQL database: {reason}")]
    Address {
        /// Without the password.
        url: String,
        /// Why.
        reason: String,
    },
    /// No server answers at that address.
    #[error("cannot reach {server}: {reason}")]
    Unreachable {
        /// Where, without the password.
        server: String,
        /// The message of the system or the server.
        reason: String,
    },
    /// The user or the password is wrong.
    #[error("{server} does not let this user in: {reason}")]
    Refused {
        /// Where, without the password.
        server: String,
        /// The message of the server.
        reason: String,
    },
    /// The server has no such database.
    #[error("{server} is not there: {reason}")]
    NoDatabase {
        /// Where, without the password.
        server: String,
        /// The message of the server.
        reason: String,
    },
    /// The user may not make or use the tables.
    #[error("{server} does not let this user make or use the tables of the queue: {reason}")]
    NoRights {
        /// Where, without the password.
        server: String,
        /// The message of the server.
        reason: String,
    },
    /// It was written by a newer deepcoder.
    #[error("the queue in {server} has schema {found}, newer than this program knows")]
    Newer {
        /// Where, without the password.
        server: String,
        /// Its newest migration.
        found: i64,
    },
    /// A migration in it is not the one that this program has under the same number.
    #[error("the queue in {server} was made by another build: migration {version} differs")]
    Foreign {
        /// Where, without the password.
        server: String,
        /// The migration.
        version: i64,
    },
    /// The server failed in another way.
    #[error("cannot open the queue in {server}: {reason}")]
    Sql {
        /// Where, without the password.
        server: String,
        /// Its message.
        reason: String,
    },
}

impl Hint for OpenQueueError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Address { .. } => "write `store` like postgres://user@host:5432/database, or leave it out".into(),
            Self::Unreachable { .. } => {
                "start the server, or check the host and port in `store`; the jobs in it are safe".into()
            }
            Self::Refused { .. } => "check the user and password in `store`, or put the password into ~/.pgpass".into(),
            Self::NoDatabase { .. } => "make it by `createdb`, or name another one in `store`".into(),
            Self::NoRights { .. } => {
                "have its owner run: GRANT CREATE, USAGE ON SCHEMA public TO that user, or give it a database of its own"
                    .into()
            }
            Self::Newer { .. } | Self::Foreign { .. } => "use the deepcoder that wrote it, or a newer one".into(),
            Self::Sql { .. } => "the server's log says more; `store` may name another database".into(),
        })
    }
}

/// Why the queue could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no such job.
    #[error("there is no job `{0}`")]
    NotFound(String),
    /// More than one job has an id that begins like this.
    #[error("more than one job has an id that begins with `{0}`")]
    Ambiguous(String),
    /// The job does not stand so that this could be done.
    #[error("job {id} is {}", state.name())]
    WrongState {
        /// The job.
        id: String,
        /// How it stands.
        state: JobState,
    },
    /// The job cannot be kept as it is.
    #[error("this job cannot be kept: {0}")]
    Invalid(String),
    /// The result is too large.
    #[error("a result of {0} bytes is more than the queue keeps")]
    TooLarge(usize),
    /// The disk is full.
    #[error("no space left for the queue")]
    NoSpace,
    /// It cannot be written.
    #[error("the queue cannot be written: {0}")]
    ReadOnly(String),
    /// Another process held it for too long.
    #[error("the queue is in use by another process")]
    Busy,
    /// It is damaged.
    #[error("the queue is damaged: {0}")]
    Corrupt(String),
    /// The server cannot be reached, or went away.
    #[error("the queue in {server} cannot be reached: {reason}")]
    Unreachable {
        /// Where, without the password.
        server: String,
        /// The message of the system or the server.
        reason: String,
    },
    /// The database failed in another way.
    #[error("the queue failed: {0}")]
    Sql(String),
}

impl Hint for QueueError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound(_) => "`deepcoder jobs list` shows the jobs".into(),
            Self::Ambiguous(_) => "give more of the id".into(),
            Self::WrongState { state, .. } => match state {
                JobState::Review => "`deepcoder jobs review` accepts or rejects it".into(),
                JobState::Running => "cancel it first, or wait until it is done".into(),
                JobState::Done => "add it again as a new job".into(),
                JobState::Rejected | JobState::Failed | JobState::Cancelled => {
                    "`deepcoder jobs retry` begins anew".into()
                }
                JobState::Paused => "`deepcoder jobs resume` lets it go on".into(),
                JobState::Waiting | JobState::Scheduled | JobState::Queued => "it has not begun yet".into(),
            },
            Self::Invalid(_) => return None,
            Self::TooLarge(_) => {
                format!("give the job fewer paths, so that its result is at most {} MiB", MAX_RESULT >> 20)
            }
            Self::NoSpace => "free some space and run the command again; no job was lost".into(),
            Self::ReadOnly(_) => "make the state folder or the database writable; no job was lost".into(),
            Self::Busy => "run the command again; no job was lost".into(),
            Self::Corrupt(_) => "run the command again: the damaged file is moved aside and a new queue begun".into(),
            Self::Unreachable { .. } => {
                "start the server; the jobs in it are safe, and the daemon goes on by itself".into()
            }
            Self::Sql(_) => "run the command again; should it go on, the server's or the system's log says more".into(),
        })
    }
}

impl From<sqlx::Error> for QueueError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) {
            return Self::Corrupt(error.to_string());
        }
        let Some(database) = error.as_database_error() else { return Self::Sql(error.to_string()) };
        let said = database.message().to_owned();
        if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
            return match database.code().as_deref() {
                Some("53100") => Self::NoSpace,
                Some("25006" | "42501") => Self::ReadOnly(said),
                Some("40001" | "40P01" | "55P03" | "57014") => Self::Busy,
                Some("XX001" | "XX002") => Self::Corrupt(said),
                _ => Self::Sql(said),
            };
        }
        match FileFault::of(&error) {
            Some(FileFault::NoSpace) => Self::NoSpace,
            Some(FileFault::ReadOnly) => Self::ReadOnly(said),
            Some(FileFault::Busy) => Self::Busy,
            Some(FileFault::Damaged) => Self::Corrupt(said),
            None => Self::Sql(said),
        }
    }
}
