//! Changes on top of another tree.

use super::{Tree, missing, within_limit};
use crate::{FileStamp, ListError, ReadError, Visibility};
use deepcoder_types::{EditSet, FileChange, FileImage, RepoPath};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A tree with some of its files changed, added or removed: the unsaved buffers of an editor, files without the comments
/// that ask for an edit, a proposed result, what an agent has written so far.
///
/// A model may see the same files as in the tree below: a change to an ignore file counts once it is there.
#[derive(Debug, Clone)]
pub struct Overlay<B> {
    base: B,
    changes: BTreeMap<RepoPath, Change>,
}

/// One file. Both sides `None`: it was added and removed again.
#[derive(Debug, Clone)]
struct Change {
    /// The file in the base when it was pinned or first changed.
    old: Option<FileImage>,
    new: Option<FileImage>,
}

impl<B: Tree> Overlay<B> {
    /// `base` without changes.
    pub fn new(base: B) -> Self {
        Self { base, changes: BTreeMap::new() }
    }

    /// Changes or adds a file.
    pub fn write(&mut self, path: &RepoPath, bytes: impl Into<Vec<u8>>) -> Result<(), ReadError> {
        self.pin(path)?;
        let mode = self.image(path)?.and_then(|image| image.mode);
        self.set(path, Some(FileImage { bytes: bytes.into(), mode }))
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &RepoPath) -> Result<(), ReadError> {
        self.set(path, None)
    }

    /// Makes the changes of a set, whose old images are taken for the files of the base.
    pub fn apply(&mut self, set: &EditSet) {
        for FileChange { path, old, new } in &set.files {
            let change = Change { old: old.clone(), new: new.clone() };
            self.changes.entry(path.clone()).and_modify(|known| known.new.clone_from(new)).or_insert(change);
        }
    }

    /// Keeps a file as it is in the base now, whatever happens there: what is read here next is what a change is made to.
    pub fn pin(&mut self, path: &RepoPath) -> Result<(), ReadError> {
        if !self.changes.contains_key(path) {
            let old = self.base.image(path)?;
            self.changes.insert(path.clone(), Change { new: old.clone(), old });
        }
        Ok(())
    }

    fn set(&mut self, path: &RepoPath, new: Option<FileImage>) -> Result<(), ReadError> {
        self.pin(path)?;
        self.changes.entry(path.clone()).and_modify(|change| change.new = new);
        Ok(())
    }

    /// Whether there is no change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Turns a set that was made on this tree into the same result on the base: it starts from the base's files, as they
    /// were when the overlay first changed them, and has the overlay's own changes too.
    pub fn rebase(&self, set: &mut EditSet) {
        for (path, change) in &self.changes {
            match set.files.iter_mut().find(|file| file.path == *path) {
                Some(file) => file.old.clone_from(&change.old),
                None => {
                    set.files.push(FileChange { path: path.clone(), old: change.old.clone(), new: change.new.clone() })
                }
            }
        }
        set.files.retain(|file| file.old != file.new);
        set.files.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

impl<B: Tree> Tree for Overlay<B> {
    fn read(&self, path: &RepoPath) -> Result<FileImage, ReadError> {
        match self.changes.get(path) {
            Some(Change { new: Some(image), .. }) => within_limit(path, image),
            Some(_) => Err(missing(self, path)),
            None => self.base.read(path),
        }
    }

    fn files(&self) -> Result<Vec<RepoPath>, ListError> {
        let mut files: BTreeSet<RepoPath> = self.base.files()?.into_iter().collect();
        for (path, change) in &self.changes {
            match change.new {
                Some(_) if self.visibility(path) == Visibility::Visible => _ = files.insert(path.clone()),
                Some(_) => {}
                None => _ = files.remove(path),
            }
        }
        Ok(files.into_iter().collect())
    }

    fn stamped_files(&self) -> Result<Vec<(RepoPath, Option<FileStamp>)>, ListError> {
        // What is changed here has no stamp: that of the base is of other bytes.
        let mut files: BTreeMap<RepoPath, Option<FileStamp>> = self.base.stamped_files()?.into_iter().collect();
        for (path, change) in &self.changes {
            match change.new {
                Some(_) if self.visibility(path) == Visibility::Visible => _ = files.insert(path.clone(), None),
                Some(_) => {}
                None => _ = files.remove(path),
            }
        }
        Ok(files.into_iter().collect())
    }

    fn cache(&self) -> Option<(&Path, &Path)> {
        self.base.cache()
    }

    fn visibility(&self, path: &RepoPath) -> Visibility {
        self.base.visibility(path)
    }

    fn revision(&self) -> String {
        self.base.revision()
    }

    fn exists(&self, path: &RepoPath) -> bool {
        self.changes.get(path).map_or_else(|| self.base.exists(path), |change| change.new.is_some())
    }
}
