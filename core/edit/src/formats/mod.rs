//! Parsers of the formats that models write. They do not guess.
//!
//! A reply is first taken apart ([`search_replace::parse`], [`fenced::parse`], [`patch::parse`],
//! [`envelope::parse`]) and then fitted to the
//! text. A piece is looked for exactly, then without regard to blanks at line ends, then with another indentation; a
//! looser search is only tried when the stricter one found nothing, and is only believed when it finds one place.
//! Every error can be told to the model ([`FormatError::feedback`]), which often gets it right the second time.

pub mod envelope;
pub mod fenced;
pub mod lazy;
pub mod locate;
mod nearest;
pub mod patch;
pub mod region;
mod replacement;
pub mod search_replace;
mod shift;

use deepcoder_types::Hint;
use locate::{Fit, LocateError};

/// A text with the pieces of a reply put into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The new text.
    pub text: String,
    /// How each piece fitted, in their order.
    pub fits: Vec<Fit>,
}

impl Applied {
    /// Notes for the user on how the pieces fitted: a line for each that was not exact.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let told = |(index, fit): (usize, &Fit)| {
            let how = match fit {
                Fit::Exact => return None,
                Fit::TrailingSpace => "without regard to blanks at line ends",
                Fit::Indentation => "with another indentation, and was indented like the file",
                Fit::Typography => "with plain instead of typographic characters",
            };
            Some(format!("block {} of the answer matched {how}", index + 1))
        };
        self.fits.iter().enumerate().filter_map(told).collect()
    }
}

/// Why a model's reply is not an edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The reply holds nothing in the format that was asked for.
    #[error("the model's answer has no {wanted}")]
    Nothing {
        /// The expected part, such as `code block`.
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
        /// The format that it should be part of.
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
    /// A line that a block is said to stand below is not in the text.
    #[error("block {block} of the model's answer: the file has no line `{line}`{}", match at { Some(n) => format!(" below line {n}"), None => String::new() })]
    NoContext {
        /// Which block, from 1.
        block: usize,
        /// The line that is not there.
        line: String,
        /// The line of the text, from 1, below which it is looked for.
        at: Option<usize>,
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
    /// A message with which the model can correct itself.
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
            Self::NoContext { block, line, .. } => {
                format!(
                    "Block {block}: the file has no line `{line}`. Copy the line after `@@` exactly, or leave it out."
                )
            }
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

/// Applies to a text whose lines end with `\r` alone as if they ended with `\n`, which is how models write pieces of it.
fn with_line_feeds(
    text: &str,
    apply: impl FnOnce(&str) -> Result<Applied, FormatError>,
) -> Result<Applied, FormatError> {
    if text.contains('\n') || !text.contains('\r') {
        return apply(text);
    }
    let applied = apply(&text.replace('\r', "\n"))?;
    Ok(Applied { text: applied.text.replace('\n', "\r"), ..applied })
}

#[cfg(test)]
mod rendered;
#[cfg(test)]
mod scored;
#[cfg(test)]
mod tests;
