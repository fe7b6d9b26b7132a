//! A plugin's proposal, and the byte images that are made of it.

use crate::{ContentHash, Renaming, RepoPath};
use serde::{Deserialize, Serialize};

/// UTF-8 byte offsets `[start, end)` into a file's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TextRange {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl TextRange {
    /// `[start, end)`.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// As a range for slicing.
    #[must_use]
    pub const fn as_range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Replace the bytes of `range` with `replacement`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextEdit {
    /// UTF-8 byte offsets into the file that the edit was made for.
    pub range: TextRange,
    /// The new text, with the line endings that the file is to have.
    pub replacement: String,
}

/// Edits to one existing file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEdit {
    /// The file.
    pub path: RepoPath,
    /// Refused when the file no longer hashes to this.
    pub base_hash: ContentHash,
    /// Sorted by position, not overlapping, on character boundaries.
    pub edits: Vec<TextEdit>,
}

/// A file that does not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFile {
    /// Where.
    pub path: RepoPath,
    /// Its whole text.
    pub text: String,
}

/// A file that gets another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedFile {
    /// The name that it has.
    pub source: RepoPath,
    /// The name that it will have.
    pub target: RepoPath,
}

/// One change to the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Edit an existing file.
    Modify(FileEdit),
    /// Add a file.
    Create(NewFile),
    /// Move a file.
    Rename(MovedFile),
    /// Remove a file.
    Delete(RepoPath),
}

/// How far a proposal may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applicability {
    /// May be applied without a look, once verified.
    Safe,
    /// A person should see the diff first.
    NeedsReview,
    /// Only to be shown.
    DisplayOnly,
}

/// All that a narrow instruction may change. Verification refuses a proposal that changes more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Constraint {
    /// Comments and docstrings.
    Comments,
    /// Type annotations, with the imports that they need, and comments.
    Annotations,
    /// One name, where the code and its comments have it as a word.
    Rename(Renaming),
    /// White space, and what is the same to the language (trailing commas, the kind of quotes).
    Layout,
    /// Names, and the places of code, while every name that stays means what it meant.
    Refactoring,
}

/// The changes that a plugin proposes. It cannot write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The snapshot that it was made for ([`crate::ContextBundle::snapshot`]).
    pub snapshot: String,
    /// One line for the history.
    pub title: String,
    /// Why, for the user. May be empty.
    pub rationale: String,
    /// How far it may be trusted.
    pub applicability: Applicability,
    /// The changes.
    pub changes: Vec<Change>,
    /// Checks, by the id that the workspace gave them, that should pass on the result.
    pub checks: Vec<String>,
    /// All that was asked for, where that is certain.
    pub constraint: Option<Constraint>,
}

/// One state of one file: its bytes and its permission bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileImage {
    /// All of the file.
    pub bytes: Vec<u8>,
    /// `st_mode & 0o7777`; `None` for a new file takes what the umask gives (0o666 before it).
    pub mode: Option<u32>,
}

/// One file before and after. `old == None` creates it, `new == None` deletes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The file.
    pub path: RepoPath,
    /// The file that must be there now, byte for byte, for the change to be applied.
    pub old: Option<FileImage>,
    /// The file that will be there.
    pub new: Option<FileImage>,
}

/// Changes that are applied together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditSet {
    /// Names the set: a hash of the request and its inputs, so that a repeat is recognised.
    pub id: String,
    /// One line for the history.
    pub title: String,
    /// Sorted by path, each path once.
    pub files: Vec<FileChange>,
}

impl FileImage {
    /// The hash of the bytes.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(&self.bytes)
    }
}
