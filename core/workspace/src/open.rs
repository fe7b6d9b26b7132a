//! Finding the repository that a folder belongs to.

use crate::{Inner, Workspace, owner};
use deepcoder_git::Git;
use deepcoder_types::RepoPath;
use git2::{ErrorCode, Repository, RepositoryOpenFlags};
use rustix::fs::{Mode, OFlags};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a work tree cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path does not exist or cannot be reached.
    #[error("cannot open `{}`: {source}", path.display())]
    Start {
        /// The path that was given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No repository at the path or above it.
    #[error("`{}` is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// Only the variables of this command say that it is one.
    #[error("`{}` is a repository by GIT_DIR and GIT_WORK_TREE only, which the daemon does not have", .0.display())]
    OnlyNamed(PathBuf),
    /// The repository has no files to edit.
    #[error("`{}` is a bare repository: it has no work tree", .0.display())]
    Bare(PathBuf),
    /// The repository belongs to another user, who could make git run programs through its configuration.
    #[error("`{}` is owned by another user", .0.display())]
    Owner(PathBuf),
    /// `core.worktree` points to a folder that does not hold this repository.
    #[error("the repository `{}` claims `{}` as its work tree, which is not where it is", git_dir.display(), claimed.display())]
    ForeignWorkTree {
        /// Git's folder.
        git_dir: PathBuf,
        /// The work tree in its configuration.
        claimed: PathBuf,
    },
    /// A file that git reads would keep it, and us, waiting or reading for ever.
    #[error("cannot use `{}`: {source}", path.display())]
    Odd {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The repository is damaged or uses something that we do not know.
    #[error("cannot read the repository at `{}`: {message}", path.display())]
    Git {
        /// Where it was looked for.
        path: PathBuf,
        /// The message of git's library.
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
            Self::OnlyNamed(_) => {
                Some("`deepcoder edit` works there; jobs and watching need a `.git` in the folder".into())
            }
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
            Self::Odd { .. } => Some("git itself cannot work with it either: move it away".into()),
            Self::Git { .. } => Some("`git fsck` and `git status` there say more".into()),
            Self::Start { .. } => Some("check that it is there, and that you may read it".into()),
        }
    }
}

impl Workspace {
    /// Open the work tree that `start` is in, looking upwards. The environment (`GIT_DIR` and the like) is not asked.
    pub fn open(start: &Path) -> Result<Self, OpenError> {
        let folder = folder_of(start)?;
        // Before git's library or its program, which the check of the owner runs, waits for one of them.
        crate::check_git_files(&folder)?;
        let repository =
            owner::open(&folder, RepositoryOpenFlags::empty()).map_err(|error| classify(&error, &folder))?;
        owner::check(&repository, &folder)?;
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
        Self::of(&repository, root, false)
    }

    /// Open the work tree at `work_tree`, whose repository is at `git_dir`, as git does where both are named: a manager
    /// of dotfiles keeps them apart. Where `start` is not in that tree, this is [`Workspace::open`].
    pub fn open_named(start: &Path, git_dir: &Path, work_tree: &Path) -> Result<Self, OpenError> {
        let folder = folder_of(start)?;
        let root = std::fs::canonicalize(work_tree)
            .map_err(|source| OpenError::Start { path: work_tree.to_owned(), source })?;
        if !folder.starts_with(&root) {
            return Self::open(start);
        }
        crate::gitfiles::check_named(git_dir, &root)?;
        // A user who names a repository trusts it: git does not check the owner here either.
        let repository = owner::open(git_dir, RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT)
            .map_err(|error| classify(&error, git_dir))?;
        Self::of(&repository, root, true)
    }

    fn of(repository: &Repository, root: PathBuf, named: bool) -> Result<Self, OpenError> {
        let git_dir = repository.path().to_owned();
        let config = repository.config().ok();
        let excludes_file = config
            .as_ref()
            .and_then(|c| c.get_path("core.excludesFile").ok())
            .or_else(ignore::gitignore::gitconfig_excludes_path);
        let ignore_case = config.is_some_and(|c| c.get_bool("core.ignoreCase").unwrap_or(false));
        let root_fd = rustix::fs::open(&root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|e| OpenError::Start { path: root.clone(), source: e.into() })?;
        let common_dir = repository.commondir().to_owned();
        let inside =
            git_dir.canonicalize().ok().and_then(|dir| Some(dir.strip_prefix(&root).ok()?.to_str()?.to_owned()));
        let git_inside = inside.filter(|path| !path.is_empty() && path != ".git");
        let long_rules = std::sync::Mutex::default();
        let inner =
            Inner { root, git_dir, common_dir, named, git_inside, excludes_file, ignore_case, long_rules, root_fd };
        Ok(Self { inner: Arc::new(inner), cache: None })
    }

    /// Whether the folder at the root's path is still the one that was opened. It may have been moved away, and another
    /// one made in its place.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        let now = rustix::fs::stat(self.root());
        let then = rustix::fs::fstat(&self.inner.root_fd);
        now.ok().zip(then.ok()).is_some_and(|(now, then)| (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino))
    }

    /// The program git, for this repository.
    #[must_use]
    pub fn git(&self) -> Git {
        let git = Git::new(self.root());
        if self.inner.named { git.with_repository(self.git_dir(), self.root()) } else { git }
    }

    /// Git's library, for this repository.
    pub fn repository(&self) -> Result<Repository, git2::Error> {
        // Its files may have been exchanged since the work tree was opened.
        crate::gitfiles::check_known(&self.inner.git_dir, &self.inner.common_dir)
            .map_err(|error| git2::Error::from_str(&error.to_string()))?;
        if !self.inner.named {
            return owner::open(self.root(), RepositoryOpenFlags::NO_SEARCH);
        }
        let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT;
        let repository = owner::open(self.git_dir(), flags)?;
        repository.set_workdir(self.root(), false)?;
        Ok(repository)
    }

    /// Whether `path` is in git's own folder, where that is in the work tree under a name other than `.git`.
    #[must_use]
    pub fn is_in_git_dir(&self, path: &RepoPath) -> bool {
        let Some(inside) = &self.inner.git_inside else { return false };
        path.as_str().strip_prefix(inside.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn folder_of(start: &Path) -> Result<PathBuf, OpenError> {
    let unreachable = |source| OpenError::Start { path: start.to_owned(), source };
    let mut folder = std::fs::canonicalize(start).map_err(unreachable)?;
    if !folder.is_dir() {
        folder.pop();
    }
    Ok(folder)
}

fn classify(error: &git2::Error, folder: &Path) -> OpenError {
    match error.code() {
        ErrorCode::NotFound => OpenError::NotARepository(folder.to_owned()),
        ErrorCode::Owner => OpenError::Owner(folder.to_owned()),
        _ => OpenError::Git { path: folder.to_owned(), message: lower(error.message()) },
    }
}

fn lower(message: &str) -> String {
    let mut chars = message.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
