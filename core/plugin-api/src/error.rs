//! The errors on either side of the contract.

use serde::{Deserialize, Serialize};

/// The kind of a [`PluginError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// Not granted.
    Denied,
    /// No such file, symbol or check.
    NotFound,
    /// The tree changed since the context was gathered.
    Stale,
    /// The input makes no sense.
    Invalid,
    /// A limit on calls, tokens or time was reached.
    Budget,
    /// The user cancelled.
    Cancelled,
    /// The model or a service cannot be reached.
    Unavailable,
    /// A defect.
    Internal,
}

/// An error with what the user can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct PluginError {
    /// The kind.
    pub code: ErrorCode,
    /// Lower case, no full stop.
    pub message: String,
    /// A hint for the user.
    pub hint: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

impl PluginError {
    /// An error that is not worth repeating.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, retryable: false }
    }

    /// With a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The user cancelled.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(ErrorCode::Cancelled, "cancelled")
    }
}

impl deepcoder_types::Hint for PluginError {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

impl From<deepcoder_types::GenerateError> for PluginError {
    fn from(error: deepcoder_types::GenerateError) -> Self {
        use deepcoder_types::{GenerateError as E, Hint as _};
        let code = match &error {
            E::TooLong { .. } | E::NoRoom { .. } => ErrorCode::Budget,
            E::Invalid(_) | E::NoFill(_) | E::Grammar(_) => ErrorCode::Invalid,
            E::Unavailable(_) | E::Died { .. } => ErrorCode::Unavailable,
            E::Template(_) | E::Engine(_) | E::Load { .. } => ErrorCode::Internal,
        };
        let retryable = matches!(error, E::Unavailable(_) | E::Died { .. });
        Self { code, message: error.to_string(), hint: error.hint(), retryable }
    }
}
