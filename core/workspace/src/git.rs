//! What is asked of git: the head and the index.

use crate::Workspace;
use deepcoder_types::{ContentHash, RepoPath};
use git2::{Repository, RepositoryOpenFlags};
use std::collections::HashSet;
use std::ffi::OsStr;

impl Workspace {
    /// Names the state that was seen: the commit that HEAD points to, and the bytes of `files`.
    #[must_use]
    pub fn snapshot_id(&self, files: &[(RepoPath, ContentHash)]) -> String {
        let head = self
            .repository()
            .and_then(|r| Ok(r.head()?.peel_to_commit()?.id().to_string()))
            .unwrap_or_else(|_| "unborn".to_owned());
        let mut sorted: Vec<_> = files.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut text = head;
        for (path, hash) in sorted {
            // A path has no NUL, so that no two lists give the same text.
            text.push('\0');
            text.push_str(path.as_str());
            text.push('\0');
            text.push_str(&hash.to_string());
        }
        ContentHash::of(text.as_bytes()).to_string()
    }

    /// Regular files in git's index: ignore rules do not apply to what is tracked. Empty when the index is unreadable.
    pub(crate) fn tracked(&self) -> HashSet<String> {
        const KIND: u32 = 0o170_000;
        const REGULAR: u32 = 0o100_000;
        let Ok(index) = self.repository().and_then(|r| r.index()) else { return HashSet::new() };
        index.iter().filter(|e| e.mode & KIND == REGULAR).filter_map(|e| String::from_utf8(e.path).ok()).collect()
    }

    fn repository(&self) -> Result<Repository, git2::Error> {
        Repository::open_ext(self.root(), RepositoryOpenFlags::NO_SEARCH, &[] as &[&OsStr])
    }
}
