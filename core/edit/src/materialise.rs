//! A proposal and a tree → the bytes before and after.

use crate::edits::{EditError, apply_edits};
use deepcoder_types::{Change, ContentHash, EditSet, FileChange, FileEdit, FileImage, Hint, Proposal, RepoPath};
use std::collections::{BTreeMap, BTreeSet};

/// Why a proposal does not fit the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaterialiseError {
    /// The file is not what the edit was made for.
    #[error("`{path}` has changed since it was read")]
    Stale {
        /// The file.
        path: RepoPath,
        /// The expected hash.
        wanted: ContentHash,
        /// Its hash.
        found: ContentHash,
    },
    /// An edit, a move or a removal of a file that is not there.
    #[error("`{0}` does not exist")]
    Missing(RepoPath),
    /// A new or moved file would replace another one.
    #[error("`{0}` exists already")]
    Exists(RepoPath),
    /// Two changes of the proposal are about the same file, or would give two files the same name.
    #[error("the proposal changes `{0}` twice")]
    Duplicate(RepoPath),
    /// A move onto itself.
    #[error("`{0}` would be moved onto itself")]
    MovedOntoItself(RepoPath),
    /// A file would have to be a folder at the same time.
    #[error("`{file}` cannot be a file and the folder of `{inside}`")]
    FileAndFolder {
        /// The file.
        file: RepoPath,
        /// The path that would be inside it.
        inside: RepoPath,
    },
    /// Edits of a file that is not UTF-8.
    #[error("`{0}` is not UTF-8 text")]
    NotText(RepoPath),
    /// The edits do not fit the file.
    #[error("`{path}`: {source}")]
    Edit {
        /// The file.
        path: RepoPath,
        /// The error, in words.
        source: EditError,
    },
    /// The tree could not be read.
    #[error("`{path}` cannot be read: {message}")]
    Read {
        /// The file.
        path: RepoPath,
        /// Why.
        message: String,
    },
}

impl Hint for MaterialiseError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Stale { .. } => Some("run the command again, so that it works on what is there now".into()),
            Self::Exists(path) => Some(format!("name `{path}` as a file to edit, or move it away first")),
            Self::Edit { source, .. } => source.hint(),
            _ => None,
        }
    }
}

/// How the tree is read: `None` where there is no such file.
type Read<'a> = &'a dyn Fn(&RepoPath) -> Result<Option<FileImage>, String>;

/// The proposal as bytes before and after, under the name `id`.
///
/// All changes refer to the tree as it is now and happen together: a chain of moves (`a` to `b`, `b` to `c`) and an edit
/// of a file that is also moved mean what they say, and an edit names the path that the file has now. Changes that
/// change nothing are left out, so that the set may be empty.
pub fn materialise(proposal: &Proposal, id: &str, read: Read<'_>) -> Result<EditSet, MaterialiseError> {
    let mut plan = Plan { read, olds: BTreeMap::new(), gone: BTreeSet::new(), news: BTreeMap::new() };
    let mut edits: BTreeMap<&RepoPath, &FileEdit> = BTreeMap::new();
    for change in &proposal.changes {
        if let Change::Modify(edit) = change
            && edits.insert(&edit.path, edit).is_some()
        {
            return Err(MaterialiseError::Duplicate(edit.path.clone()));
        }
    }
    for change in &proposal.changes {
        match change {
            Change::Modify(_) => {}
            Change::Create(file) => {
                plan.put(&file.path, FileImage { bytes: file.text.clone().into_bytes(), mode: None })?;
            }
            Change::Delete(path) => {
                let created = |c: &Change| matches!(c, Change::Create(file) if file.path == *path);
                if edits.contains_key(path) || proposal.changes.iter().any(created) {
                    return Err(MaterialiseError::Duplicate(path.clone()));
                }
                plan.take(path)?;
            }
            Change::Rename(moved) => {
                if moved.source == moved.target {
                    return Err(MaterialiseError::MovedOntoItself(moved.source.clone()));
                }
                let old = plan.take(&moved.source)?;
                let new = match edits.remove(&moved.source) {
                    Some(edit) => edited(edit, &old)?,
                    None => old,
                };
                plan.put(&moved.target, new)?;
            }
        }
    }
    for (path, edit) in edits {
        let old = plan.take(path)?;
        let new = edited(edit, &old)?;
        plan.put(path, new)?;
    }
    plan.finish(id, &proposal.title)
}

/// The paths that are removed from the tree and those that are put there; both are checked against each other at the
/// end.
struct Plan<'a> {
    read: Read<'a>,
    olds: BTreeMap<RepoPath, Option<FileImage>>,
    gone: BTreeSet<RepoPath>,
    news: BTreeMap<RepoPath, FileImage>,
}

impl Plan<'_> {
    fn old(&mut self, path: &RepoPath) -> Result<Option<FileImage>, MaterialiseError> {
        if let Some(known) = self.olds.get(path) {
            return Ok(known.clone());
        }
        let image = (self.read)(path).map_err(|message| MaterialiseError::Read { path: path.clone(), message })?;
        self.olds.insert(path.clone(), image.clone());
        Ok(image)
    }

    fn take(&mut self, path: &RepoPath) -> Result<FileImage, MaterialiseError> {
        let image = self.old(path)?.ok_or_else(|| MaterialiseError::Missing(path.clone()))?;
        if !self.gone.insert(path.clone()) {
            return Err(MaterialiseError::Duplicate(path.clone()));
        }
        Ok(image)
    }

    fn put(&mut self, path: &RepoPath, image: FileImage) -> Result<(), MaterialiseError> {
        self.old(path)?;
        match self.news.insert(path.clone(), image) {
            Some(_) => Err(MaterialiseError::Duplicate(path.clone())),
            None => Ok(()),
        }
    }

    fn finish(mut self, id: &str, title: &str) -> Result<EditSet, MaterialiseError> {
        for path in self.news.keys() {
            if self.olds.get(path).is_some_and(Option::is_some) && !self.gone.contains(path) {
                return Err(MaterialiseError::Exists(path.clone()));
            }
            let parents =
                path.as_str().match_indices('/').filter_map(|(at, _)| RepoPath::new(&path.as_str()[..at]).ok());
            for parent in parents {
                // A folder cannot be read, so that only `Some` says that a file stands there.
                let stands = !self.gone.contains(&parent) && matches!((self.read)(&parent), Ok(Some(_)));
                if stands || self.news.contains_key(&parent) {
                    return Err(MaterialiseError::FileAndFolder { file: parent, inside: path.clone() });
                }
            }
        }
        let mut files = Vec::new();
        for (path, old) in self.olds {
            let new = self.news.remove(&path);
            if old != new {
                files.push(FileChange { path, old, new });
            }
        }
        Ok(EditSet { id: id.to_owned(), title: title.to_owned(), files })
    }
}

fn edited(edit: &FileEdit, old: &FileImage) -> Result<FileImage, MaterialiseError> {
    let path = || edit.path.clone();
    let found = old.hash();
    if found != edit.base_hash {
        return Err(MaterialiseError::Stale { path: path(), wanted: edit.base_hash, found });
    }
    let text = std::str::from_utf8(&old.bytes).map_err(|_| MaterialiseError::NotText(path()))?;
    let new = apply_edits(text, &edit.edits).map_err(|source| MaterialiseError::Edit { path: path(), source })?;
    Ok(FileImage { bytes: new.into_bytes(), mode: old.mode })
}
