//! How a verb ends: an exit code, or a message with a hint.

use deepcoder_app::in_words;
use deepcoder_types::Hint;

/// How a verb ended when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// As asked: exit code 0.
    Clean,
    /// There is something to see to, or a dry run would change something: exit code 1.
    Findings,
}

/// The error of a verb, as the user sees it. The exit code is 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Lower case, no full stop.
    pub(crate) message: String,
    /// A hint for the user.
    pub(crate) hint: Option<String>,
}

/// The result of a verb.
pub(crate) type Result<T = Done> = std::result::Result<T, Failure>;

impl Failure {
    /// A message without a hint.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// With a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An input or output error, with what was being done.
    pub(crate) fn io(doing: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self::new(format!("{doing}: {}", plain_io(error)))
    }
}

impl<E: Hint> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { message: in_words(&error), hint: error.hint() }
    }
}

/// The system's message in lower case and without its number.
pub(crate) fn plain_io(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
