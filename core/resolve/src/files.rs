//! Where the texts of a tree come from.

use crate::Paths;
use deepcoder_types::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The files of a tree.
pub trait Files: Sync {
    /// The text of a file; `None` where there is none, or it is no text.
    fn text(&self, path: &RepoPath) -> Option<Arc<str>>;

    /// Every file, in the order of the paths.
    fn paths(&self) -> &Paths;

    /// The files that hold this name as a word, and perhaps some that do not.
    fn mentions(&self, word: &str) -> Vec<RepoPath>;

    /// Whether there is such a file.
    fn exists(&self, path: &RepoPath) -> bool {
        self.paths().binary_search(path).is_ok()
    }
}

/// Files in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    texts: BTreeMap<RepoPath, Arc<str>>,
    paths: Paths,
}

impl Memory {
    /// These files.
    #[must_use]
    pub fn new(texts: BTreeMap<RepoPath, Arc<str>>) -> Self {
        let paths = Paths::new(texts.keys().cloned());
        Self { texts, paths }
    }
}

impl Files for Memory {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        self.texts.get(path).cloned()
    }

    fn paths(&self) -> &Paths {
        &self.paths
    }

    fn mentions(&self, word: &str) -> Vec<RepoPath> {
        self.texts.iter().filter(|(_, text)| text.contains(word)).map(|(path, _)| path.clone()).collect()
    }
}

/// A tree with changes on top.
pub struct Overlay<'f> {
    base: &'f dyn Files,
    /// `None`: the file is gone.
    changed: BTreeMap<RepoPath, Option<Arc<str>>>,
    paths: Paths,
}

impl<'f> Overlay<'f> {
    /// `base` with other texts for these files; `None` takes a file away.
    #[must_use]
    pub fn new(base: &'f dyn Files, changed: BTreeMap<RepoPath, Option<Arc<str>>>) -> Self {
        let same = changed.iter().all(|(path, text)| text.is_some() == base.exists(path));
        let paths = if same {
            base.paths().clone()
        } else {
            let kept = base.paths().iter().filter(|path| !changed.contains_key(path));
            let there = changed.iter().filter(|(_, text)| text.is_some()).map(|(path, _)| path);
            Paths::new(kept.chain(there).cloned())
        };
        Self { base, changed, paths }
    }

    /// Whether a file's text is not that of the tree below.
    #[must_use]
    pub fn changes(&self, path: &RepoPath) -> bool {
        self.changed.contains_key(path)
    }
}

impl Files for Overlay<'_> {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        match self.changed.get(path) {
            Some(text) => text.clone(),
            None => self.base.text(path),
        }
    }

    fn paths(&self) -> &Paths {
        &self.paths
    }

    fn mentions(&self, word: &str) -> Vec<RepoPath> {
        let mut found: BTreeSet<RepoPath> =
            self.base.mentions(word).into_iter().filter(|path| !self.changed.contains_key(path)).collect();
        let holds = |text: &Option<Arc<str>>| text.as_ref().is_some_and(|text| text.contains(word));
        found.extend(self.changed.iter().filter(|(_, text)| holds(text)).map(|(path, _)| path.clone()));
        found.into_iter().collect()
    }
}
