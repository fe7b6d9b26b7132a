//! One state of a project's files, wherever it is kept: [`Tree`].

mod memory;
mod objects;
mod overlay;
#[cfg(test)]
mod tests;

pub use memory::Memory;
pub use objects::{GitTree, GitTreeError};
pub use overlay::Overlay;

use crate::{FileStamp, ListError, MAX_FILE, ReadError, TextFile, Visibility, Workspace, read, similar};
use deepcoder_types::{ContentHash, FileImage, RepoPath};
use std::ops::Deref;
use std::path::Path;

/// One state of a project's files, for reading: a work tree on the disk ([`Workspace`]), files in memory ([`Memory`]), a
/// commit or an index ([`GitTree`]), or changes on top of any of them ([`Overlay`]).
///
/// **Invariant:** no implementation reads through a symbolic link, and [`Tree::files`] and [`Tree::visibility`] agree.
/// **Invariant:** an unsaved or proposed ignore file cannot show what the tree below it hides.
pub trait Tree: Send + Sync {
    /// The bytes and permission bits of a regular file, whether or not a model may see it.
    fn read(&self, path: &RepoPath) -> Result<FileImage, ReadError>;

    /// Every file that a model may see, sorted.
    fn files(&self) -> Result<Vec<RepoPath>, ListError>;

    /// The same files, each with a stamp where the tree has one.
    fn stamped_files(&self) -> Result<Vec<(RepoPath, Option<FileStamp>)>, ListError> {
        Ok(self.files()?.into_iter().map(|path| (path, None)).collect())
    }

    /// Where what is computed from these files may be kept, and the name of the tree there; `None` keeps nothing.
    fn cache(&self) -> Option<(&Path, &Path)> {
        None
    }

    /// Whether a model may see `path`; it need not exist.
    fn visibility(&self, path: &RepoPath) -> Visibility;

    /// The name of the commit or other state that the files belong to.
    fn revision(&self) -> String;

    /// Whether a regular file is there, not behind a link.
    fn exists(&self, path: &RepoPath) -> bool {
        self.read(path).is_ok()
    }

    /// The text of a file that is UTF-8.
    fn read_text(&self, path: &RepoPath) -> Result<TextFile, ReadError> {
        read::text_of(path, self.read(path)?)
    }

    /// A file's bytes; `None` where there is no such file.
    fn image(&self, path: &RepoPath) -> Result<Option<FileImage>, ReadError> {
        match self.read(path) {
            Ok(image) => Ok(Some(image)),
            Err(ReadError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names the state that was seen: the revision, and the bytes of `files`.
    fn snapshot_id(&self, files: &[(RepoPath, ContentHash)]) -> String {
        let mut sorted: Vec<_> = files.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut text = self.revision();
        for (path, hash) in sorted {
            // A path has no NUL, so that no two lists give the same text.
            text.push('\0');
            text.push_str(path.as_str());
            text.push('\0');
            text.push_str(&hash.to_string());
        }
        ContentHash::of(text.as_bytes()).to_string()
    }
}

impl Tree for Workspace {
    fn read(&self, path: &RepoPath) -> Result<FileImage, ReadError> {
        Self::read(self, path)
    }

    fn files(&self) -> Result<Vec<RepoPath>, ListError> {
        Self::files(self)
    }

    fn stamped_files(&self) -> Result<Vec<(RepoPath, Option<FileStamp>)>, ListError> {
        Self::stamped_files(self)
    }

    fn cache(&self) -> Option<(&Path, &Path)> {
        Some((self.cache.as_deref()?, self.root()))
    }

    fn visibility(&self, path: &RepoPath) -> Visibility {
        Self::visibility(self, path)
    }

    fn revision(&self) -> String {
        let head = self.repository().and_then(|r| Ok(r.head()?.peel_to_commit()?.id().to_string()));
        head.unwrap_or_else(|_| "unborn".to_owned())
    }

    fn exists(&self, path: &RepoPath) -> bool {
        Self::exists(self, path)
    }
}

/// A reference, a box or an `Arc` of a tree is one.
impl<P> Tree for P
where
    P: Deref<Target: Tree> + Send + Sync,
{
    fn read(&self, path: &RepoPath) -> Result<FileImage, ReadError> {
        (**self).read(path)
    }

    fn files(&self) -> Result<Vec<RepoPath>, ListError> {
        (**self).files()
    }

    fn stamped_files(&self) -> Result<Vec<(RepoPath, Option<FileStamp>)>, ListError> {
        (**self).stamped_files()
    }

    fn cache(&self) -> Option<(&Path, &Path)> {
        (**self).cache()
    }

    fn visibility(&self, path: &RepoPath) -> Visibility {
        (**self).visibility(path)
    }

    fn revision(&self) -> String {
        (**self).revision()
    }

    fn exists(&self, path: &RepoPath) -> bool {
        (**self).exists(path)
    }
}

/// The error for a file that `tree` does not have.
fn missing(tree: &dyn Tree, path: &RepoPath) -> ReadError {
    let files = tree.files().unwrap_or_default();
    ReadError::Missing { similar: similar::among(files, path.as_str()), path: path.clone() }
}

/// A copy of an image that is held in memory, unless it is too large.
fn within_limit(path: &RepoPath, image: &FileImage) -> Result<FileImage, ReadError> {
    match image.bytes.len() as u64 {
        size if size > MAX_FILE => Err(ReadError::TooLarge { path: path.clone(), size }),
        _ => Ok(image.clone()),
    }
}
