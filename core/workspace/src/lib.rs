//! Reads a work tree: finds the repository, lists the files that a model may see, resolves what users type, and reads
//! files without ever following a symbolic link. [`Tree`] is any state of files: on the disk, in memory, in git, or changed.
//!
//! **Invariant:** nothing here writes, to the tree or to git. **Invariant:** every byte is read through a descriptor of
//! the root with `openat2(RESOLVE_BENEATH | NO_SYMLINKS | NO_MAGICLINKS)` or a walk that refuses links at every step, so
//! that no race of renames and links leads outside the tree.

mod beneath;
mod checkout;
mod git;
mod gitfiles;
mod globs;
mod list;
mod open;
mod owner;
mod read;
mod resolve;
mod rules;
mod secrets;
mod similar;
#[cfg(test)]
mod tests;
mod tree;
mod watch;

pub use checkout::Entry;
pub use deepcoder_git::process;
pub use git::Recorded;
pub use gitfiles::check_git_files;
pub use list::{FileStamp, ListError};
pub use open::OpenError;
pub use read::{MAX_FILE, ReadError, TextFile};
pub use resolve::ResolveError;
pub use rules::Visibility;
pub use secrets::{SecretFound, contains_secret, find_secret, find_secrets, is_secret_path};
pub use tree::{GitTree, GitTreeError, Memory, Overlay, Tree};
pub use watch::{Batch, ChangeKind, Changed, Head, How, Stamp, WatchError, WatchOptions, WatchStatus, Watcher};

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A work tree, opened for reading. Cheap to clone; may be used from several threads.
#[derive(Debug, Clone)]
pub struct Workspace {
    inner: Arc<Inner>,
    cache: Option<Arc<Path>>,
}

#[derive(Debug)]
struct Inner {
    /// Canonical.
    root: PathBuf,
    git_dir: PathBuf,
    /// Where `info/exclude` is: the main repository's folder when this is a linked work tree.
    common_dir: PathBuf,
    /// Whether the caller named both, and git would not find `git_dir` from `root`.
    named: bool,
    /// Where `git_dir` is in the tree, unless it is `.git`.
    git_inside: Option<String>,
    excludes_file: Option<PathBuf>,
    ignore_case: bool,
    /// Ignore files that take long to parse, by their text.
    long_rules: Mutex<HashMap<String, Arc<globs::Globs>>>,
    root_fd: OwnedFd,
}

impl Workspace {
    /// The canonical path of the folder that holds the work tree.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// With a folder of deepcoder's own that may hold what is computed from the files, so that it is not computed again.
    #[must_use]
    pub fn with_cache(mut self, folder: impl AsRef<Path>) -> Self {
        self.cache = Some(Arc::from(folder.as_ref()));
        self
    }

    /// Git's own folder of this work tree (for a linked work tree or a submodule not `root/.git`).
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.inner.git_dir
    }

    /// The folder of the main repository, which is another one where this is a linked work tree.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.inner.common_dir
    }

    /// The last component of the root.
    #[must_use]
    pub fn name(&self) -> String {
        self.inner.root.file_name().map_or_else(|| "/".to_owned(), |n| n.to_string_lossy().into_owned())
    }
}
