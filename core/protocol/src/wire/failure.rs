//! Why a request failed.

use deepcoder_types::{GenerateError, Hint};
use serde::{Deserialize, Serialize};

/// Why a request failed. The first eleven are [`GenerateError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// [`GenerateError::TooLong`].
    #[error("the prompt has {prompt} tokens, and with {max_tokens} for the answer exceeds the context of {context}")]
    TooLong {
        /// Tokens of the prompt.
        prompt: u32,
        /// Tokens asked for.
        max_tokens: u32,
        /// Tokens that fit.
        context: u32,
    },
    /// [`GenerateError::Load`].
    #[error("{message}")]
    Load {
        /// The error, in words.
        message: String,
        /// A hint for the user.
        hint: Option<String>,
    },
    /// [`GenerateError::Invalid`].
    #[error("{0}")]
    Invalid(String),
    /// [`GenerateError::NoFill`].
    #[error("the model `{0}` cannot fill in the middle")]
    NoFill(String),
    /// [`GenerateError::Template`].
    #[error("the model's chat template failed: {0}")]
    Template(String),
    /// [`GenerateError::Grammar`].
    #[error("the grammar cannot be used: {0}")]
    Grammar(String),
    /// [`GenerateError::NoRoom`].
    #[error("{tokens} tokens need {needs_mib} MiB of cache, and it may have {allowed_mib} MiB")]
    NoRoom {
        /// Tokens of prompt and answer.
        tokens: u32,
        /// Mebibytes for them.
        needs_mib: u64,
        /// Mebibytes that all requests may have together.
        allowed_mib: u64,
    },
    /// [`GenerateError::Engine`].
    #[error("the model failed: {0}")]
    Engine(String),
    /// [`GenerateError::Died`].
    #[error("the model's process died: {reason}")]
    Died {
        /// How, as far as it is known.
        reason: String,
    },
    /// [`GenerateError::Unavailable`].
    #[error("the daemon is not available: {0}")]
    Unavailable(String),
    /// The client speaks another version of the protocol.
    #[error("the daemon speaks protocol {server}, the client {client}")]
    Protocol {
        /// The newest one of the server.
        server: u32,
        /// The newest one of the client.
        client: u32,
        /// The server's build.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// Whether the server is busy with requests of users.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        busy: Option<bool>,
    },
    /// The line is not a request.
    #[error("not a request: {0}")]
    BadRequest(String),
    /// The line is too long.
    #[error("the request is longer than {limit} bytes")]
    TooLarge {
        /// The most bytes of a line.
        limit: u64,
    },
    /// Too many requests or clients.
    #[error("the daemon is busy: {0}")]
    Busy(String),
    /// It was cancelled before there was anything to return.
    #[error("cancelled")]
    Cancelled,
    /// The daemon is ending.
    #[error("the daemon is stopping")]
    Stopping,
    /// The jobs or the watched repositories do not allow it.
    #[error("{message}")]
    Refused {
        /// Why, for programs.
        reason: Refusal,
        /// The error, in words.
        message: String,
        /// A hint for the user.
        hint: Option<String>,
    },
}

/// Why something was refused, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// There is no such job, plugin or repository.
    NotFound,
    /// Several jobs have this prefix.
    Ambiguous,
    /// The job is in a state that does not allow it.
    State,
    /// The request is invalid.
    Invalid,
    /// Files have changed since the result was made.
    Stale,
    /// A person must look at the result first.
    NeedsReview,
    /// The checks refuse the result.
    Checks,
    /// The database failed: busy, full, read-only, damaged, too new, gone.
    Storage,
    /// This daemon does not do it.
    Unsupported,
    /// There is no daemon that could be asked.
    Unavailable,
    /// A reason of a later version.
    #[serde(other)]
    Other,
}

impl Hint for Failure {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { hint, .. } => hint.clone(),
            failure => GenerateError::from(failure.clone()).hint(),
        }
    }
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::TooLong { prompt, max_tokens, context } => Self::TooLong { prompt, max_tokens, context },
            GenerateError::Load { message, hint } => Self::Load { message, hint },
            GenerateError::Invalid(m) => Self::Invalid(m),
            GenerateError::NoFill(m) => Self::NoFill(m),
            GenerateError::Template(m) => Self::Template(m),
            GenerateError::Grammar(m) => Self::Grammar(m),
            GenerateError::NoRoom { tokens, needs_mib, allowed_mib } => Self::NoRoom { tokens, needs_mib, allowed_mib },
            GenerateError::Engine(m) => Self::Engine(m),
            GenerateError::Died { reason } => Self::Died { reason },
            GenerateError::Unavailable(m) => Self::Unavailable(m),
        }
    }
}

impl From<Failure> for GenerateError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooLong { prompt, max_tokens, context } => Self::TooLong { prompt, max_tokens, context },
            Failure::Load { message, hint } => Self::Load { message, hint },
            Failure::Invalid(m) => Self::Invalid(m),
            Failure::NoFill(m) => Self::NoFill(m),
            Failure::Template(m) => Self::Template(m),
            Failure::Grammar(m) => Self::Grammar(m),
            Failure::NoRoom { tokens, needs_mib, allowed_mib } => Self::NoRoom { tokens, needs_mib, allowed_mib },
            Failure::Engine(m) => Self::Engine(m),
            Failure::Died { reason } => Self::Died { reason },
            Failure::Unavailable(m) => Self::Unavailable(m),
            Failure::TooLarge { .. } | Failure::BadRequest(_) => Self::Invalid(failure.to_string()),
            Failure::Protocol { .. }
            | Failure::Busy(_)
            | Failure::Cancelled
            | Failure::Stopping
            | Failure::Refused { .. } => Self::Unavailable(failure.to_string()),
        }
    }
}
