//! What models write, read without guessing.
//!
//! A reply is first taken apart ([`search_replace::parse`], [`fenced::parse`], [`patch::parse`]) and then fitted to the
//! text. A piece is looked for exactly, then without regard to blanks at line ends, then with another indentation; a
//! looser search is only tried when the stricter one found nothing, and is only believed when it finds one place.
//! Every error can be told to the model ([`FormatError::feedback`]), which often gets it right the second time.

pub mod fenced;
pub mod lazy;
pub mod locate;
pub mod patch;
pub mod region;
pub mod search_replace;

use deepcoder_types::Hint;
use locate::LocateError;

/// Why a model's reply is not an edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The reply holds nothing in the format that was asked for.
    #[error("the model's answer has no {wanted}")]
    Nothing {
        /// What was asked for, such as `code block`.
        wanted: &'static str,
    },
    /// Several blocks could be the one.
    #[error("the model's answer has {count} code blocks where one was asked for")]
    SeveralBlocks {
        /// How many.
        count: usize,
    },
    /// A block that is not closed: the answer was cut off.
    #[error("the block that begins on line {line} of the model's answer is not finished: `{wanted}` is missing")]
    Unfinished {
        /// Line of the answer, from 1.
        line: usize,
        /// The marker that is missing.
        wanted: &'static str,
    },
    /// More than one line could be the one that divides a block.
    #[error("the block that begins on line {line} of the model's answer has several `=======` lines")]
    SeveralDividers {
        /// Line of the answer, from 1.
        line: usize,
    },
    /// Something in a block cannot be read.
    #[error("line {line} of the model's answer cannot be read as part of a {format}")]
    Malformed {
        /// Line of the answer, from 1.
        line: usize,
        /// What it should be part of.
        format: &'static str,
    },
    /// A block names a file that was not given.
    #[error("the model's answer is about `{0}`, which it was not asked to edit")]
    UnknownFile(String),
    /// A block does not fit the text.
    #[error("block {block} of the model's answer: {source}")]
    Locate {
        /// Which block, from 1.
        block: usize,
        /// Why it does not fit.
        source: LocateError,
    },
    /// The answer leaves code out in a way that cannot be filled in.
    #[error("line {line} of the model's answer leaves out code (`{marker}`), and it is not certain which")]
    LeftOut {
        /// Line of the new text, from 1.
        line: usize,
        /// The line that stands for what was left out.
        marker: String,
    },
}

impl FormatError {
    /// What to tell the model so that it can correct itself.
    #[must_use]
    pub fn feedback(&self) -> String {
        match self {
            Self::Nothing { wanted } => format!("Your answer has no {wanted}. Answer again in the format I asked for."),
            Self::SeveralBlocks { .. } => "Your answer must be exactly one code block.".into(),
            Self::Unfinished { wanted, .. } => format!("Your answer is not finished: `{wanted}` is missing."),
            Self::SeveralDividers { .. } => "Each block must have exactly one `=======` line.".into(),
            Self::Malformed { line, format } => format!("Line {line} of your answer is not part of a valid {format}."),
            Self::UnknownFile(path) => {
                format!("`{path}` is not one of the files. Edit only the files that you were given.")
            }
            Self::Locate { block, source } => format!("Block {block}: {}", source.feedback()),
            Self::LeftOut { marker, .. } => {
                format!("Do not leave out code. Write every line in full instead of `{marker}`.")
            }
        }
    }
}

impl Hint for FormatError {
    fn hint(&self) -> Option<String> {
        Some("nothing was changed; say it in other words, select fewer lines, or use a larger model".into())
    }
}

#[cfg(test)]
mod tests;
