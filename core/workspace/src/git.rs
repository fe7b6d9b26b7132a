//! Reads git's head and index.

use crate::{Visibility, Workspace};
use deepcoder_types::RepoPath;
use git2::{Repository, StatusOptions};
use std::collections::HashSet;
use std::path::Path;

/// The files that git has. Keeps the repository open: reading the index of a hundred thousand files takes a tenth of a
/// second, and is done again only when it has changed.
pub struct Recorded {
    workspace: Workspace,
    repository: Option<Repository>,
}

impl Recorded {
    /// A file as committed, and as staged, where these are there and not the same.
    pub fn of(&mut self, path: &RepoPath) -> Vec<Vec<u8>> {
        if self.repository.is_none() {
            self.repository = self.workspace.repository().ok();
        }
        let Some(repository) = &self.repository else { return Vec::new() };
        let at = Path::new(path.as_str());
        let head = repository.head().and_then(|head| head.peel_to_tree()).and_then(|tree| tree.get_path(at));
        let index = repository.index().and_then(|mut index| index.read(false).map(|()| index));
        let staged = index.ok().and_then(|index| index.get_path(at, 0)).map(|entry| entry.id);
        let mut ids: Vec<_> = head.map(|entry| entry.id()).into_iter().chain(staged).collect();
        ids.dedup();
        ids.into_iter().filter_map(|id| Some(repository.find_blob(id).ok()?.content().to_vec())).collect()
    }
}

impl Workspace {
    /// A reader of the files that git has, for callers that ask often.
    #[must_use]
    pub fn recorded(&self) -> Recorded {
        Recorded { workspace: self.clone(), repository: None }
    }

    /// Files that are not as committed, new ones included; at most `limit`. Files that a model may not see are left out.
    #[must_use]
    pub fn uncommitted(&self, limit: usize) -> Vec<RepoPath> {
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).exclude_submodules(true).no_refresh(true);
        let Ok(repository) = self.repository() else { return Vec::new() };
        let Ok(statuses) = repository.statuses(Some(&mut options)) else { return Vec::new() };
        let paths = statuses.iter().filter_map(|entry| RepoPath::new(entry.path().ok()?).ok());
        paths.filter(|path| self.visibility(path) == Visibility::Visible).take(limit).collect()
    }

    /// Regular files in git's index: ignore rules do not apply to what is tracked. Empty when the index is unreadable.
    pub(crate) fn tracked(&self) -> HashSet<String> {
        const KIND: u32 = 0o170_000;
        const REGULAR: u32 = 0o100_000;
        let Ok(index) = self.repository().and_then(|r| r.index()) else { return HashSet::new() };
        index.iter().filter(|e| e.mode & KIND == REGULAR).filter_map(|e| String::from_utf8(e.path).ok()).collect()
    }
}
