//! Why a call to the daemon fails.

use crate::wire::{Failure, Refusal};
use deepcoder_types::{GenerateError, Hint};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The hint about a busy daemon of an older or a newer build.
pub(super) const REPLACE: &str =
    "wait until it is idle, end it with `deepcoder stop`, or add --no-daemon to do without it";

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No process listens on the socket.
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
    #[error("{}", other(*server, *client, version.as_deref(), *busy))]
    Protocol {
        /// Of the server, where it says so.
        server: Option<u32>,
        /// Of this program.
        client: u32,
        /// The server's build, where it says so.
        version: Option<String>,
        /// Whether it is busy with requests of users, or does not say that it is not.
        busy: bool,
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

fn other(server: Option<u32>, client: u32, version: Option<&str>, busy: bool) -> String {
    let version = version.map_or_else(String::new, |version| format!(" (version {version})"));
    let speaks = server.map_or_else(|| "another protocol".into(), |server| format!("protocol {server}"));
    let busy = if busy && server.is_some() { ", and it is busy" } else { "" };
    format!("the running daemon{version} speaks {speaks}, this deepcoder {client}{busy}")
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused(failure) => failure,
            error => Self::Refused { reason: Refusal::Unavailable, message: error.to_string(), hint: error.hint() },
        }
    }
}

impl Hint for ConnectError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotRunning { .. } => Some("start one with `deepcoder serve`".into()),
            Self::Protocol { busy: true, .. } => Some(REPLACE.into()),
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

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(failure) => failure,
            CallError::Lost(why) => Self::Unavailable(why),
            CallError::Io(e) => Self::Unavailable(e.to_string()),
            CallError::Cancelled => Self::Cancelled,
        }
    }
}

impl Hint for CallError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(failure) => failure.hint(),
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
