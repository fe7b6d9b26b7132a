//! Questions about names to a second source, such as a language server.

use crate::{RepoPath, TextRange};
use serde::{Deserialize, Serialize};

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// The file.
    pub path: RepoPath,
    /// The part.
    pub range: TextRange,
}

/// A name whose occurrences the texts do not all decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameQuestion {
    /// Where it is declared.
    pub declared: Vec<Spot>,
    /// The names that may mean it.
    pub doubtful: Vec<Spot>,
}

/// What a second source knows of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meant {
    /// It does not say.
    Unknown,
    /// Something outside of the repository: the path of its file.
    Elsewhere(String),
    /// What is declared at these places.
    Declared(Vec<Spot>),
}

/// The answer to a question about a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameAnswer {
    /// The program that gave it.
    pub by: String,
    /// What each doubtful name means, in the order of the question.
    pub meant: Vec<Meant>,
    /// Every place that names what is asked about; `None` where the program does not say.
    pub references: Option<Vec<Spot>>,
}
