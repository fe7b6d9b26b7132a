//! Which changes are our own: by what the history of edits says was written, byte for byte, and never by time.

use deepcoder_history::History;
use deepcoder_types::{ContentHash, RepoPath};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Edits that are looked at: what was written before them has been seen long ago.
const NEWEST: usize = 32;

/// The history of one work tree.
pub(crate) struct Own {
    path: PathBuf,
    root: PathBuf,
    history: Option<History>,
}

/// The files that were written last: paths with the hash of their bytes, `None` where they were deleted.
pub(crate) type Written = HashSet<(RepoPath, Option<ContentHash>)>;

impl Own {
    pub(crate) fn new(path: &Path, root: &Path) -> Self {
        Self { path: path.to_owned(), root: root.to_owned(), history: None }
    }

    /// The files that deepcoder wrote recently. Empty where there is no history: then nothing was written, or it is
    /// unknown, and a change that is taken for the user's costs one look.
    pub(crate) fn written(&mut self) -> Written {
        if self.history.is_none() && self.path.exists() {
            self.history = History::open(&self.path).ok();
        }
        let Some(history) = &self.history else { return Written::new() };
        let tree = history.known_tree(&self.root);
        let sets = tree.and_then(|tree| tree.map_or(Ok(Vec::new()), |tree| history.newest(tree, NEWEST)));
        let Ok(sets) = sets else {
            // Opened anew the next time: another process may have replaced the file.
            self.history = None;
            return Written::new();
        };
        let files = sets.into_iter().flat_map(|row| row.set.files);
        files.map(|file| (file.path, file.new.map(|image| image.hash))).collect()
    }
}
