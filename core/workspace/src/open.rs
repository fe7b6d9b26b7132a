//! Finding the repository that a folder belongs to.

use crate::{Inner, Workspace};
use git2::{ErrorCode, Repository, RepositoryOpenFlags};
use rustix::fs::{Mode, OFlags};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a work tree cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path does not exist or cannot be reached.
    #[error("cannot open `{}`: {source}", path.display())]
    Start {
        /// What was given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No repository at the path or above it.
    #[error("`{}` is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// The repository has no files to edit.
    #[error("`{}` is a bare repository: it has no work tree", .0.display())]
    Bare(PathBuf),
    /// The repository belongs to somebody else, who could make git run programs through its configuration.
    #[error("`{}` is owned by another user", .0.display())]
    Owner(PathBuf),
    /// `core.worktree` points to a folder that does not hold this repository.
    #[error("the repository `{}` claims `{}` as its work tree, which is not where it is", git_dir.display(), claimed.display())]
    ForeignWorkTree {
        /// Git's folder.
        git_dir: PathBuf,
        /// What its configuration says.
        claimed: PathBuf,
    },
    /// The repository is damaged or uses something that we do not know.
    #[error("cannot read the repository at `{}`: {message}", path.display())]
    Git {
        /// Where it was looked for.
        path: PathBuf,
        /// What git's library says.
        message: String,
    },
}

impl deepcoder_types::Hint for OpenError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotARepository(path) => Some(format!(
                "run `git init {}` first: edits are only made where git can show and undo them",
                path.display()
            )),
            Self::Bare(_) => Some("make a work tree with `git worktree add` and use that".into()),
            Self::Owner(path) => {
                Some(format!("if you trust it: git config --global --add safe.directory {}", path.display()))
            }
            Self::ForeignWorkTree { .. } => Some("check core.worktree in its configuration".into()),
            Self::Git { message, .. } if message.contains("object format") => Some(
                "only repositories with SHA-1 names are supported yet; a clone made by git cannot change that".into(),
            ),
            Self::Git { message, .. } if message.contains("refstorage") => {
                Some("`git refs migrate --ref-format=files` makes it one that can be read".into())
            }
            Self::Git { .. } => Some("`git fsck` and `git status` there say more".into()),
            Self::Start { .. } => Some("check that it is there, and that you may read it".into()),
        }
    }
}

impl Workspace {
    /// Open the work tree that `start` is in, looking upwards. The environment (`GIT_DIR` and the like) is not asked.
    pub fn open(start: &Path) -> Result<Self, OpenError> {
        let unreachable = |source| OpenError::Start { path: start.to_owned(), source };
        let mut folder = std::fs::canonicalize(start).map_err(unreachable)?;
        if !folder.is_dir() {
            folder.pop();
        }
        let repository = Repository::open_ext(&folder, RepositoryOpenFlags::empty(), &[] as &[&OsStr])
            .map_err(|error| classify(&error, &folder))?;
        let Some(claimed) = repository.workdir() else {
            return Err(OpenError::Bare(repository.path().to_owned()));
        };
        let root =
            std::fs::canonicalize(claimed).map_err(|source| OpenError::Start { path: claimed.to_owned(), source })?;
        let git_dir = repository.path().to_owned();
        // A hostile `core.worktree` could point anywhere, so the folder must itself say that it holds a repository.
        if !(folder.starts_with(&root) || folder.starts_with(&git_dir)) || !root.join(".git").exists() {
            return Err(OpenError::ForeignWorkTree { git_dir, claimed: root });
        }
        let config = repository.config().ok();
        let excludes_file = config
            .as_ref()
            .and_then(|c| c.get_path("core.excludesFile").ok())
            .or_else(ignore::gitignore::gitconfig_excludes_path);
        let ignore_case = config.is_some_and(|c| c.get_bool("core.ignoreCase").unwrap_or(false));
        let root_fd = rustix::fs::open(&root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|e| OpenError::Start { path: root.clone(), source: e.into() })?;
        let common_dir = repository.commondir().to_owned();
        let long_rules = std::sync::Mutex::default();
        Ok(Self {
            inner: Arc::new(Inner { root, git_dir, common_dir, excludes_file, ignore_case, long_rules, root_fd }),
        })
    }
}

fn classify(error: &git2::Error, folder: &Path) -> OpenError {
    match error.code() {
        ErrorCode::NotFound => OpenError::NotARepository(folder.to_owned()),
        ErrorCode::Owner => {
            // The owner's folder is somewhere above; git's hint needs exactly that one.
            let owned = folder.ancestors().find(|dir| dir.join(".git").exists()).unwrap_or(folder);
            OpenError::Owner(owned.to_owned())
        }
        _ => OpenError::Git { path: folder.to_owned(), message: lower(error.message()) },
    }
}

fn lower(message: &str) -> String {
    let mut chars = message.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
