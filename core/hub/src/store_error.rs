//! The errors of installed models.

use crate::name::NameError;
use deepcoder_types::{Cancelled, Hint};
use std::io;
use std::path::PathBuf;

/// Why the store cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The name cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The catalogue has it, the store does not.
    #[error("the model `{name}` is not installed")]
    NotInstalled {
        /// Which.
        name: String,
    },
    /// Neither installed nor in the catalogue.
    #[error("there is no model `{name}`")]
    Unknown {
        /// The path that was asked for.
        name: String,
        /// Suggestions, of the installed and the known ones.
        nearest: Vec<String>,
    },
    /// The folder is there and cannot be used.
    #[error("the model `{name}` is damaged: {problem}")]
    Damaged {
        /// Which.
        name: String,
        /// The error, in words.
        problem: String,
    },
    /// The folder does not look like one of ours.
    #[error("`{}` is not a model folder ({why})", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// The reason.
        why: &'static str,
    },
    /// The operating system refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The user cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Name(error) => error.hint(),
            Self::NotInstalled { name } => Some(format!("get it with `deepcoder pull {name}`")),
            Self::Unknown { nearest, .. } if nearest.is_empty() => {
                Some("`deepcoder models list` shows the installed ones, `deepcoder pull` gets others".into())
            }
            Self::Unknown { nearest, .. } => Some(format!("did you mean `{}`?", nearest.join("` or `"))),
            Self::Damaged { name, .. } => {
                Some(format!("remove it with `deepcoder models rm {name}`, then pull or import it again"))
            }
            Self::NotOurs { .. } => Some("deepcoder removes only folders that it made; remove it by hand".into()),
            Self::Io { .. } | Self::Cancelled(_) => None,
        }
    }
}
