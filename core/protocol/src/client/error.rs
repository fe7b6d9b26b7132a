//! Why a call to the daemon fails.

use crate::wire::Failure;
use deepcoder_types::{GenerateError, Hint};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens.
    #[error("no daemon is running at `{}`", socket.display())]
    NotRunning {
        /// Where it would be.
        socket: PathBuf,
    },
    /// It accepts connections and says nothing, or nonsense.
    #[error("the daemon at `{}` does not answer", socket.display())]
    NoAnswer {
        /// Where.
        socket: PathBuf,
    },
    /// The process that listens belongs to another user.
    #[error("the socket `{}` belongs to another user", socket.display())]
    Foreign {
        /// Where.
        socket: PathBuf,
    },
    /// It is another version of deepcoder.
    #[error("the running daemon speaks protocol {server}, this deepcoder {client}")]
    Protocol {
        /// Of the server.
        server: u32,
        /// Of this program.
        client: u32,
    },
    /// It refuses.
    #[error(transparent)]
    Refused(Failure),
    /// The operating system refused.
    #[error("`{}`: {source}", socket.display())]
    Io {
        /// Where.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Hint for ConnectError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotRunning { .. } => Some("start one with `deepcoder serve`".into()),
            Self::NoAnswer { .. } | Self::Protocol { .. } => {
                Some("end it with `deepcoder stop`; the next command starts a new one".into())
            }
            Self::Foreign { .. } => Some("choose a folder of your own with DEEPCODER_HOME".into()),
            Self::Refused(_) | Self::Io { .. } => None,
        }
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The daemon said no.
    #[error(transparent)]
    Refused(Failure),
    /// The daemon is gone, or speaks nonsense.
    #[error("the daemon is not available: {0}")]
    Lost(String),
    /// The operating system refused.
    #[error("the daemon is not available: {0}")]
    Io(io::Error),
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl From<CallError> for GenerateError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(failure) => failure.into(),
            CallError::Lost(why) => Self::Unavailable(why),
            CallError::Io(e) => Self::Unavailable(e.to_string()),
            CallError::Cancelled => Self::Unavailable("cancelled".into()),
        }
    }
}

impl Hint for CallError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(Failure::Refused { hint, .. }) => hint.clone(),
            Self::Refused(failure) => GenerateError::from(failure.clone()).hint(),
            Self::Lost(_) | Self::Io(_) => GenerateError::Unavailable(String::new()).hint(),
            Self::Cancelled => None,
        }
    }
}

/// Why no daemon could be started.
#[derive(Debug, thiserror::Error)]
pub enum EnsureError {
    /// There is one that cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It could not be started.
    #[error("the daemon could not be started: {0}")]
    Spawn(io::Error),
    /// It was started and ended at once.
    #[error("the daemon could not be started: {said}")]
    Ended {
        /// Its last error message, or how it ended.
        said: String,
        /// The hint that it gave.
        hint: Option<String>,
    },
    /// It was started and does not listen.
    #[error("the daemon was started and did not answer at `{}` within {} s", socket.display(), after.as_secs_f32())]
    Timeout {
        /// Where.
        socket: PathBuf,
        /// How long was waited.
        after: Duration,
    },
}

impl Hint for EnsureError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Connect(error) => error.hint(),
            Self::Ended { hint: Some(hint), .. } => Some(hint.clone()),
            Self::Spawn(_) | Self::Ended { .. } | Self::Timeout { .. } => {
                Some("`deepcoder serve` in the foreground shows why; --no-daemon does without".into())
            }
        }
    }
}
