//! The result of an operation: edits of a tree, and the doubts about them.

use deepcoder_edit::{EditError, LineEnding, apply_edits};
use deepcoder_resolve::{Files, Place};
use deepcoder_types::{Hint, RepoPath, TextEdit, TextRange};
use std::collections::BTreeMap;

/// Edits of a tree. All of them refer to the files as they are before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Texts that replace others, by the path that the file has before.
    pub edits: BTreeMap<RepoPath, Vec<(TextRange, String)>>,
    /// Files that get another name: before, after.
    pub renamed: Vec<(RepoPath, RepoPath)>,
    /// Files that are not there yet, with their texts.
    pub created: BTreeMap<RepoPath, String>,
    /// What a person should look at. Without any the changes are safe.
    pub doubts: Vec<Doubt>,
    /// What is worth knowing beside them.
    pub notes: Vec<String>,
}

/// A place where the text does not tell whether the change is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Where, in the files before.
    pub place: Place,
    /// Why, in lower case without a full stop.
    pub why: String,
}

/// Why changes do not fit a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// An edit or a move of a file that is not there, or is no text.
    #[error("`{0}` does not exist or is not UTF-8 text")]
    Missing(RepoPath),
    /// A new or moved file would replace another one.
    #[error("`{0}` exists already")]
    Exists(RepoPath),
    /// The edits do not fit the text.
    #[error("`{path}`: {source}")]
    Edit {
        /// The file.
        path: RepoPath,
        /// The mistake.
        source: EditError,
    },
}

impl Hint for ApplyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(_) => None,
            Self::Exists(path) => Some(format!("move `{path}` away first, or choose another name")),
            Self::Edit { source, .. } => source.hint(),
        }
    }
}

impl Changes {
    /// Put `text` in the place of a range.
    pub fn replace(&mut self, path: &RepoPath, at: TextRange, text: impl Into<String>) {
        self.edits.entry(path.clone()).or_default().push((at, text.into()));
    }

    /// Put `text` before the byte at `offset`.
    pub fn insert(&mut self, path: &RepoPath, offset: u32, text: impl Into<String>) {
        self.replace(path, TextRange::new(offset, offset), text);
    }

    /// Take a range away.
    pub fn remove(&mut self, path: &RepoPath, at: TextRange) {
        self.replace(path, at, "");
    }

    /// Let a person look at a place.
    pub fn doubt(&mut self, path: &RepoPath, at: TextRange, why: impl Into<String>) {
        let doubt = Doubt { place: Place { path: path.clone(), at }, why: why.into() };
        if !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    /// Whether they change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.values().all(Vec::is_empty) && self.renamed.is_empty() && self.created.is_empty()
    }

    /// The files that the changes leave behind, by the paths that they have then: those that are edited, moved or
    /// created. The bytes outside of the edits are those of before.
    pub fn apply(&self, files: &dyn Files) -> Result<BTreeMap<RepoPath, String>, ApplyError> {
        let moved: BTreeMap<&RepoPath, &RepoPath> = self.renamed.iter().map(|(from, to)| (from, to)).collect();
        let mut after = BTreeMap::new();
        let mut put = |path: &RepoPath, text: String| {
            let free = !files.exists(path) || moved.contains_key(path);
            if after.insert(path.clone(), text).is_some() || !free {
                return Err(ApplyError::Exists(path.clone()));
            }
            Ok(())
        };
        for (from, to) in &self.renamed {
            put(to, self.edited(from, files)?)?;
        }
        for (path, text) in &self.created {
            put(path, text.clone())?;
        }
        for path in self.edits.keys().filter(|path| !moved.contains_key(path)) {
            let text = self.edited(path, files)?;
            if after.insert(path.clone(), text).is_some() {
                return Err(ApplyError::Exists(path.clone()));
            }
        }
        Ok(after)
    }

    /// A file's text after its edits.
    fn edited(&self, path: &RepoPath, files: &dyn Files) -> Result<String, ApplyError> {
        let text = files.text(path).ok_or_else(|| ApplyError::Missing(path.clone()))?;
        let edits = self.edits.get(path).map(Vec::as_slice).unwrap_or_default();
        let edits: Vec<TextEdit> =
            edits.iter().map(|(range, text)| TextEdit { range: *range, replacement: text.clone() }).collect();
        apply_edits(&text, &edits).map_err(|source| ApplyError::Edit { path: path.clone(), source })
    }

    /// Puts the edits in order, gives new lines the line ending of their file and leaves out edits that change nothing.
    pub(crate) fn settle(&mut self, files: &dyn Files) {
        for (path, edits) in &mut self.edits {
            let Some(text) = files.text(path) else { continue };
            let ending = LineEnding::dominant(&text).as_str();
            for (_, replacement) in edits.iter_mut().filter(|(_, new)| new.contains('\n')) {
                *replacement = replacement.replace("\r\n", "\n").replace('\n', ending);
            }
            edits.retain(|(range, new)| text.get(range.as_range()) != Some(new));
            // Stable: two insertions in one place stay in the order of the operation.
            edits.sort_by_key(|(range, _)| (range.start, range.end));
            edits.dedup_by(|a, b| a == b && a.0.start < a.0.end);
        }
        self.edits.retain(|_, edits| !edits.is_empty());
        self.doubts.sort_by(|a, b| a.place.cmp(&b.place));
    }
}
