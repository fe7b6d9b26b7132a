//! The tree as it will be after the edit.

use deepcoder_types::{EditSet, RepoPath};
use deepcoder_workspace::{Tree as Base, Visibility, contains_secret};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// At most this many bytes of files outside of the set are read: checks must not cost more than the edit.
const MAX_READ: usize = 8 << 20;

/// The tree with the set's results in place.
pub(crate) struct Tree<'a> {
    base: &'a dyn Base,
    set: &'a EditSet,
    files: OnceCell<BTreeSet<RepoPath>>,
    texts: RefCell<HashMap<RepoPath, Option<Rc<str>>>>,
    read: std::cell::Cell<usize>,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(base: &'a dyn Base, set: &'a EditSet) -> Self {
        let (files, texts, read) = (OnceCell::new(), RefCell::default(), std::cell::Cell::new(0));
        Self { base, set, files, texts, read }
    }

    /// Whether the tree has more than the one file that a check asks about: a text may also be checked by itself.
    pub(crate) fn is_known(&self) -> bool {
        self.files().iter().any(|path| !self.in_set(path))
            || self.set.files.iter().filter(|c| c.old.is_some()).count() > 1
    }

    /// Every file that there is after the edit.
    pub(crate) fn files(&self) -> &BTreeSet<RepoPath> {
        self.files.get_or_init(|| {
            let mut files: BTreeSet<RepoPath> = self.base.files().unwrap_or_default().into_iter().collect();
            for change in &self.set.files {
                match change.new {
                    Some(_) => files.insert(change.path.clone()),
                    None => files.remove(&change.path),
                };
            }
            files
        })
    }

    /// The files of a folder (`""` for the root).
    pub(crate) fn siblings<'t>(&'t self, folder: &'t str) -> impl Iterator<Item = &'t RepoPath> {
        self.files().iter().filter(move |path| folder_of(path) == folder)
    }

    pub(crate) fn in_set(&self, path: &RepoPath) -> bool {
        self.set.files.iter().any(|change| change.path == *path)
    }

    /// A file's text after the edit. `None` also where enough has been read.
    pub(crate) fn text(&self, path: &RepoPath) -> Option<Rc<str>> {
        if let Some(known) = self.texts.borrow().get(path) {
            return known.clone();
        }
        let text: Option<Rc<str>> = match self.set.files.iter().find(|change| change.path == *path) {
            Some(change) => change.new.as_ref().and_then(|image| std::str::from_utf8(&image.bytes).ok()).map(Rc::from),
            None if self.read.get() > MAX_READ => return None,
            None => shown(self.base, path).map(Rc::from),
        };
        self.read.set(self.read.get() + text.as_ref().map_or(0, |text| text.len()));
        self.texts.borrow_mut().insert(path.clone(), text.clone());
        text
    }
}

/// The text of a file that a model may see: it is told the findings.
fn shown(base: &dyn Base, path: &RepoPath) -> Option<String> {
    let visible = base.visibility(path) == Visibility::Visible;
    let file = visible.then(|| base.read_text(path).ok()).flatten()?;
    (!contains_secret(&file.text)).then_some(file.text)
}

/// The folder that a file is in; `""` for the root.
pub(crate) fn folder_of(path: &RepoPath) -> &str {
    path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}
