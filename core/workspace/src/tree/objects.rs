//! The files of a commit, and those of an index.

use super::memory::below;
use super::{Tree, missing};
use crate::globs::Globs;
use crate::rules::{RuleSource, parse_rules, visibility, visible};
use crate::{ListError, MAX_FILE, ReadError, Visibility, Workspace};
use deepcoder_types::{FileImage, Hint, RepoPath};
use git2::{Oid, Repository};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Kinds and modes of git's entries.
const LINK: u32 = 0o120_000;
const MODULE: u32 = 0o160_000;
const PROGRAM: u32 = 0o100_755;
/// The bits of an entry's flags that tell the sides of a conflict apart.
const STAGE: u16 = 0x3000;

/// Why the files of a commit or an index cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum GitTreeError {
    /// It names no commit.
    #[error("`{0}` is not a commit of this repository")]
    NoCommit(String),
    /// Git's library cannot read it.
    #[error("cannot read {what}: {message}")]
    Git {
        /// The commit, or the index.
        what: String,
        /// The library's message.
        message: String,
    },
}

impl Hint for GitTreeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCommit(_) => Some("`git log --all --oneline` lists commits".into()),
            Self::Git { .. } => Some("`git fsck` says whether the repository is damaged".into()),
        }
    }
}

/// The files of a commit or of an index, read through git's objects: byte for byte as git stores them, without filters.
///
/// A file is hidden where the rules of these files hide it, and where those of the work tree do: a user who hides a file
/// today does not mean its older versions to be seen. Git's rules hide no tracked file.
pub struct GitTree {
    workspace: Workspace,
    repository: Mutex<Repository>,
    revision: String,
    entries: BTreeMap<RepoPath, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: Oid,
    mode: u32,
}

impl GitTree {
    /// The files of the commit that `revision` names.
    pub fn commit(workspace: &Workspace, revision: &str) -> Result<Self, GitTreeError> {
        let failed = |error: git2::Error| failed(format!("the commit `{revision}`"), &error);
        let repository = workspace.repository().map_err(failed)?;
        let no_commit = |_| GitTreeError::NoCommit(revision.to_owned());
        let object = repository.revparse_single(revision).map_err(no_commit)?;
        let found = object.peel_to_commit().map_err(no_commit)?;
        let mut index = git2::Index::new().map_err(failed)?;
        found.tree().and_then(|tree| index.read_tree(&tree)).map_err(failed)?;
        let revision = found.id().to_string();
        drop((found, object));
        Ok(Self::of(workspace, repository, revision, &index))
    }

    /// The staged files: those of the repository's own index, or of the one in `file`.
    pub fn index(workspace: &Workspace, file: Option<&Path>) -> Result<Self, GitTreeError> {
        let failed = |error: git2::Error| failed("the index".to_owned(), &error);
        let repository = workspace.repository().map_err(failed)?;
        let index = file.map_or_else(|| repository.index(), git2::Index::open).map_err(failed)?;
        let revision = workspace.revision();
        Ok(Self::of(workspace, repository, revision, &index))
    }

    fn of(workspace: &Workspace, repository: Repository, revision: String, index: &git2::Index) -> Self {
        // Of a file in a conflict there are several versions, and none is staged.
        let staged = index.iter().filter(|entry| entry.flags & STAGE == 0);
        let entry = |entry: git2::IndexEntry| {
            let path = RepoPath::new(String::from_utf8(entry.path).ok()?).ok()?;
            Some((path, Entry { id: entry.id, mode: entry.mode }))
        };
        let entries = staged.filter_map(entry).collect();
        Self { workspace: workspace.clone(), repository: Mutex::new(repository), revision, entries }
    }

    /// The entry of a regular file, or the reason why there is none.
    fn entry(&self, path: &RepoPath) -> Result<Entry, ReadError> {
        let ends = path.as_str().match_indices('/').map(|(at, _)| at).chain([path.as_str().len()]);
        for on_the_way in ends.filter_map(|end| RepoPath::new(&path.as_str()[..end]).ok()) {
            match self.entries.get(&on_the_way).map(|entry| entry.mode) {
                Some(LINK) => return Err(ReadError::Symlink { path: path.clone(), link: on_the_way.into() }),
                Some(MODULE) if on_the_way == *path => return Err(ReadError::Directory(on_the_way)),
                _ => {}
            }
        }
        match self.entries.get(path) {
            Some(entry) => Ok(*entry),
            None if below(&self.entries, path) => Err(ReadError::Directory(path.clone())),
            None => Err(missing(self, path)),
        }
    }

    fn blob(&self, path: &RepoPath, id: Oid) -> Result<Vec<u8>, ReadError> {
        let io = |error: git2::Error| ReadError::Io { path: path.clone(), source: std::io::Error::other(error) };
        let repository = self.repository();
        let size = repository.odb().and_then(|odb| odb.read_header(id)).map_err(io)?.0 as u64;
        if size > MAX_FILE {
            return Err(ReadError::TooLarge { path: path.clone(), size });
        }
        Ok(repository.find_blob(id).map_err(io)?.content().to_vec())
    }

    fn repository(&self) -> MutexGuard<'_, Repository> {
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, path: &RepoPath) -> bool {
        self.entries.get(path).is_some_and(|entry| !matches!(entry.mode, LINK | MODULE))
    }
}

impl Tree for GitTree {
    fn read(&self, path: &RepoPath) -> Result<FileImage, ReadError> {
        let entry = self.entry(path)?;
        let mode = if entry.mode == PROGRAM { 0o755 } else { 0o644 };
        Ok(FileImage { bytes: self.blob(path, entry.id)?, mode: Some(mode) })
    }

    fn files(&self) -> Result<Vec<RepoPath>, ListError> {
        let here = visible(self, self.entries.keys().filter(|path| self.has(path)));
        Ok(visible(&self.workspace, here.iter()))
    }

    fn visibility(&self, path: &RepoPath) -> Visibility {
        match visibility(self, path, || self.has(path)) {
            Visibility::Visible => visibility(&self.workspace, path, || self.has(path)),
            hidden => hidden,
        }
    }

    fn revision(&self) -> String {
        self.revision.clone()
    }

    fn exists(&self, path: &RepoPath) -> bool {
        self.has(path)
    }
}

impl RuleSource for GitTree {
    fn own_rules(&self, path: &str) -> Option<Arc<Globs>> {
        let path = RepoPath::new(path).ok()?;
        let entry = self.entries.get(&path).filter(|_| self.has(&path))?;
        parse_rules(&String::from_utf8_lossy(&self.blob(&path, entry.id).ok()?), self.workspace.inner.ignore_case)
    }
}

fn failed(what: String, error: &git2::Error) -> GitTreeError {
    GitTreeError::Git { what, message: error.message().to_lowercase() }
}
