//! Files in memory.

use super::{Tree, missing, within_limit};
use crate::globs::Globs;
use crate::rules::{RuleSource, parse_rules, visibility, visible};
use crate::{ListError, ReadError, Visibility};
use deepcoder_types::{FileImage, RepoPath};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files in memory: an editor's buffer, a file outside of a repository, a task of a benchmark, a test. Its own ignore files
/// count, as if all of it were tracked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    files: BTreeMap<RepoPath, FileImage>,
}

impl Memory {
    /// A tree of one file.
    #[must_use]
    pub fn of(path: RepoPath, text: impl Into<String>) -> Self {
        [(path, text.into().into_bytes())].into_iter().collect()
    }
}

impl FromIterator<(RepoPath, Vec<u8>)> for Memory {
    fn from_iter<T: IntoIterator<Item = (RepoPath, Vec<u8>)>>(files: T) -> Self {
        let image = |bytes| FileImage { bytes, mode: None };
        Self { files: files.into_iter().map(|(path, bytes)| (path, image(bytes))).collect() }
    }
}

impl Tree for Memory {
    fn read(&self, path: &RepoPath) -> Result<FileImage, ReadError> {
        match self.files.get(path) {
            Some(image) => within_limit(path, image),
            None if below(&self.files, path) => Err(ReadError::Directory(path.clone())),
            None => Err(missing(self, path)),
        }
    }

    fn files(&self) -> Result<Vec<RepoPath>, ListError> {
        Ok(visible(self, self.files.keys()))
    }

    fn visibility(&self, path: &RepoPath) -> Visibility {
        visibility(self, path, || self.files.contains_key(path))
    }

    fn revision(&self) -> String {
        "memory".to_owned()
    }

    fn exists(&self, path: &RepoPath) -> bool {
        self.files.contains_key(path)
    }
}

impl RuleSource for Memory {
    fn own_rules(&self, path: &str) -> Option<Arc<Globs>> {
        let image = self.files.get(&RepoPath::new(path).ok()?)?;
        parse_rules(&String::from_utf8_lossy(&image.bytes), false)
    }
}

/// Whether some file lies below the folder `path`.
pub(super) fn below<T>(files: &BTreeMap<RepoPath, T>, path: &RepoPath) -> bool {
    let prefix = format!("{path}/");
    let after = files.range::<RepoPath, _>((std::ops::Bound::Excluded(path), std::ops::Bound::Unbounded));
    // Names such as `a-b` sort between `a` and `a/b`.
    after
        .map(|(path, _)| path.as_str())
        .take_while(|other| other.starts_with(path.as_str()))
        .any(|other| other.starts_with(&prefix))
}
