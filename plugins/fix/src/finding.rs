//! A finding, and the edits that mend it.

use deepcoder_types::{RepoPath, TextEdit, TextRange};
use std::collections::BTreeMap;

/// A message of a tool about a place of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The tool, as far as the form of its output tells: `rustc`, `tsc`, `python`.
    pub tool: &'static str,
    /// The rule or the code, such as `needless_return` or `TS2304`; empty where the tool gives none.
    pub rule: String,
    /// Whether it is an error; a warning otherwise.
    pub error: bool,
    /// The message, in one line.
    pub message: String,
    /// The file.
    pub path: RepoPath,
    /// The line, from 1.
    pub line: u32,
    /// The place, in bytes; empty where the tool names a position only.
    pub range: TextRange,
    /// The tool's own suggestion; empty where it gives none.
    pub suggestion: Vec<TextEdit>,
    /// Whether the tool says that a machine may apply its suggestion.
    pub applicable: bool,
}

/// Edits that mend a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fix {
    /// The edits, of the files as they are before.
    pub edits: BTreeMap<RepoPath, Vec<TextEdit>>,
    /// Why a person should look first; `None` where the edits are exact.
    pub doubt: Option<String>,
}

impl Fix {
    /// One edit of one file, which is exact.
    #[must_use]
    pub fn one(path: &RepoPath, range: TextRange, replacement: impl Into<String>) -> Self {
        Self::of(path, vec![TextEdit { range, replacement: replacement.into() }])
    }

    /// Edits of one file, which are exact.
    #[must_use]
    pub fn of(path: &RepoPath, edits: Vec<TextEdit>) -> Self {
        Self { edits: BTreeMap::from([(path.clone(), edits)]), doubt: None }
    }

    /// With a reason to look first.
    #[must_use]
    pub fn doubted(mut self, why: impl Into<String>) -> Self {
        self.doubt = Some(why.into());
        self
    }
}
