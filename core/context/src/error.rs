//! Why context cannot be gathered.

use deepcoder_index::SearchError;
use deepcoder_types::{Cancelled, GenerateError, Hint, RepoPath};
use deepcoder_workspace::{ListError, ReadError};

/// Why context cannot be gathered.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// A target cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A target is hidden by an ignore file.
    #[error("`{0}` is ignored")]
    Ignored(RepoPath),
    /// A target's name says that it holds secrets.
    #[error("`{0}` looks like a file of secrets, which no model is shown")]
    SecretFile(RepoPath),
    /// A target has something in it that looks like a secret.
    #[error("line {line} of `{path}` looks like {what}, which no model is shown")]
    SecretText {
        /// The file.
        path: RepoPath,
        /// The kind of secret, in words.
        what: &'static str,
        /// Where, from 1.
        line: usize,
    },
    /// A target does not fit, and nothing says which part of it is meant.
    #[error("`{path}` has {tokens} tokens, and {budget} fit")]
    TooLarge {
        /// The file.
        path: RepoPath,
        /// Its tokens, or those of the part that is meant (estimated for very large files).
        tokens: u32,
        /// The tokens that there is room for.
        budget: u32,
    },
    /// The selection is not a part of the first target.
    #[error("the selection {start}..{end} is not a part of `{path}`")]
    Selection {
        /// The file.
        path: RepoPath,
        /// Its first byte.
        start: u32,
        /// One past its last byte.
        end: u32,
    },
    /// The tree cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// Tokens cannot be counted.
    #[error(transparent)]
    Count(#[from] GenerateError),
    /// The user cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<SearchError> for GatherError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::List(error) => Self::List(error),
            SearchError::Cancelled(error) => Self::Cancelled(error),
        }
    }
}

impl GatherError {
    /// Whether another file may do where the program chose this one.
    #[must_use]
    pub const fn is_about_the_file(&self) -> bool {
        matches!(
            self,
            Self::Read(_) | Self::Ignored(_) | Self::SecretFile(_) | Self::SecretText { .. } | Self::TooLarge { .. }
        )
    }
}

impl Hint for GatherError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(error) => error.hint(),
            Self::List(error) => error.hint(),
            Self::Count(error) => error.hint(),
            Self::Ignored(_) => Some("it is hidden by .gitignore, .aiignore or .deepcoderignore".into()),
            Self::SecretFile(_) => Some("edit it yourself, or rename it if it holds none".into()),
            Self::SecretText { .. } => {
                let hint = "move it out of the file, for example to an environment variable, and try again; if it is none, \
                            write `gitleaks:allow` in a comment on its line";
                Some(hint.into())
            }
            Self::TooLarge { .. } => {
                Some("name the function or class that is meant in the instruction, or give fewer files".into())
            }
            Self::Selection { .. } => Some("the file may have changed since it was selected".into()),
            Self::Cancelled(_) => None,
        }
    }
}
