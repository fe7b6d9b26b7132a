//! The context of a model: targets, symbols, files by glob, the repository's own instructions, and, where no targets
//! are given, the files that the prompt is about; packed into a token budget.
//!
//! **Invariant:** everything comes through a [`Tree`] and is visible by its rules; text that looks
//! like a secret never enters; every snippet is an exact range of a file and says why it is there. **Invariant:** nothing is cut silently: a
//! target that does not fit is an error with the numbers, and anything else that is left out is in the notes.

mod budget;
mod choose;
mod error;
mod gather;
mod rank;
mod related;
mod search;
mod target;
#[cfg(test)]
mod tests;

pub use choose::Choice;
pub use error::GatherError;
pub use gather::{Gathered, MAX_INSTRUCTIONS};

use deepcoder_index::{Listed, Words};
use deepcoder_types::{ContentHash, RepoPath, Snippet, TextRange};
use deepcoder_workspace::{TextFile, Tree, Visibility, find_secret};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts tokens.
pub type Count<'c> = &'c dyn Fn(&str) -> Result<u32, deepcoder_types::GenerateError>;

/// Gathers context from one tree.
#[derive(Clone)]
pub struct Context<'t> {
    tree: &'t dyn Tree,
    progress: Option<deepcoder_index::Progress<'t>>,
    /// The words of the files, once they were asked for.
    words: Arc<Mutex<Option<Arc<Words>>>>,
    /// One run sees one list of files.
    listed: Arc<Mutex<Option<Arc<Vec<Listed>>>>>,
}

impl<'t> Context<'t> {
    /// For `tree`.
    #[must_use]
    pub fn new(tree: &'t dyn Tree) -> Self {
        Self { tree, progress: None, words: Arc::default(), listed: Arc::default() }
    }

    /// With a function that is told how many files of how many are read, where many are.
    #[must_use]
    pub fn with_progress(self, progress: deepcoder_index::Progress<'t>) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// The text of a file that is neither ignored nor secret by its name.
    pub(crate) fn visible(&self, path: &RepoPath) -> Result<TextFile, GatherError> {
        // Rules that were asked for the list need not be asked again for each file.
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if listed.is_some_and(|listed| listed.binary_search_by(|(known, _)| known.cmp(path)).is_ok()) {
            return Ok(self.tree.read_text(path)?);
        }
        match self.tree.visibility(path) {
            Visibility::Visible => Ok(self.tree.read_text(path)?),
            Visibility::Ignored => Err(GatherError::Ignored(path.clone())),
            Visibility::Secret => Err(GatherError::SecretFile(path.clone())),
        }
    }

    /// The text of a file, if a model may see it.
    pub(crate) fn admit(&self, path: &RepoPath) -> Result<TextFile, GatherError> {
        let file = self.visible(path)?;
        match find_secret(&file.text) {
            Some(found) => Err(GatherError::SecretText { path: path.clone(), what: found.what, line: found.line }),
            None => Ok(file),
        }
    }
}

/// The part `range` of `file`, if it is one.
pub(crate) fn cut(file: &TextFile, range: TextRange, origin: impl Into<String>) -> Option<Snippet> {
    let text = file.text.get(range.as_range())?.to_owned();
    Some(Snippet { path: file.path.clone(), range, text, file_hash: file.hash, origin: origin.into() })
}

/// All of `file`.
pub(crate) fn whole(file: &TextFile, origin: impl Into<String>) -> Snippet {
    Snippet {
        path: file.path.clone(),
        range: TextRange::new(0, offset(file.text.len())),
        text: file.text.clone(),
        file_hash: file.hash,
        origin: origin.into(),
    }
}

/// Files are at most 8 MiB, so that offsets fit.
pub(crate) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

pub(crate) fn file_hashes(snippets: &[Snippet]) -> Vec<(RepoPath, ContentHash)> {
    snippets.iter().map(|s| (s.path.clone(), s.file_hash)).collect()
}
