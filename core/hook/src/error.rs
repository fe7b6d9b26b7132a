//! Why a hook cannot run, or cannot be installed.

use crate::config::ConfigError;
use crate::git::GitError;
use deepcoder_checks::trust::TrustError;
use deepcoder_types::{Hint, PathError};
use std::path::PathBuf;

/// Why a hook cannot run. The index is as before.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// Git does not do as it is told.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file of git's own cannot be read.
    #[error(transparent)]
    Open(#[from] deepcoder_workspace::OpenError),
    /// `deepcoder.toml` is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot be recorded that the user trusts it.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Git's answer makes no sense.
    #[error("git does not say where the repository of {} is", .0.display())]
    Strange(PathBuf),
    /// A file of git's or of ours cannot be used.
    #[error("cannot use {}: {}", path.display(), crate::plain(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A name that cannot be used.
    #[error("cannot use {0}: {1}")]
    Path(String, PathError),
    /// Others keep writing to the index, or have left its lock behind.
    #[error("{} is being written to by another git", .0.display())]
    IndexBusy(PathBuf),
    /// The work tree cannot be written.
    #[error("cannot write to the work tree: {0}")]
    CannotWrite(String),
    /// The user interrupted it.
    #[error("interrupted")]
    Cancelled,
}

impl Hint for HookError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Git(e) => e.hint(),
            Self::Open(e) => e.hint(),
            Self::Config(e) => e.hint(),
            Self::IndexBusy(_) => Some("let it finish, and commit again; what is staged is as before".into()),
            Self::Strange(_) => Some("run it in a repository with a work tree".into()),
            Self::CannotWrite(_) | Self::Trust(_) | Self::Io { .. } | Self::Path(..) | Self::Cancelled => None,
        }
    }
}

/// Why a hook is not installed or removed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Git does not do as it is told.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The repository or its configuration cannot be used.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// Hooks are switched off.
    #[error("core.hooksPath is `{0}`, so that git runs no hooks")]
    Off(String),
    /// The folder is for every repository of this user.
    #[error("core.hooksPath is set for all repositories, to {}", .0.display())]
    Shared(PathBuf),
    /// The repository's own configuration, or a link in it, leads to a folder that is not its own.
    #[error("the repository keeps its hooks in {}, which is outside of it", .0.display())]
    Outside(PathBuf),
    /// A tool writes this folder anew whenever it likes.
    #[error("{} belongs to {tool}", path.display())]
    Managed {
        /// The folder or the file.
        path: PathBuf,
        /// The tool.
        tool: &'static str,
        /// How to have it run our hook.
        how: String,
    },
    /// The hook that is there is a file of the repository.
    #[error("{} is a file of this repository", .0.display())]
    Tracked(PathBuf, &'static str),
    /// A file exists where the earlier hook would be kept.
    #[error("{} exists already", .0.display())]
    InTheWay(PathBuf),
    /// Our hook was edited.
    #[error("{} was changed after it was installed", .0.display())]
    Changed(PathBuf),
    /// There is nothing to remove.
    #[error("no hook of deepcoder is installed here")]
    NotInstalled,
    /// It cannot be written.
    #[error("cannot write {}: {}", path.display(), crate::plain(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Hint for InstallError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Git(e) => e.hint(),
            Self::Hook(e) => e.hint(),
            Self::Off(_) => Some("unset core.hooksPath first".into()),
            Self::Shared(_) => Some(
                "--global installs it there, for every repository; `git config core.hooksPath .git/hooks` gives this \
                 one its own"
                    .into(),
            ),
            Self::Outside(_) => Some(
                "`git config --show-origin core.hooksPath` says who set it; if it is right, set it in your own configuration: \
                 `git config --global core.hooksPath`"
                    .into(),
            ),
            Self::Managed { how, .. } => Some(how.clone()),
            Self::Tracked(_, hook) => Some(format!("add the line: deepcoder hook run --type {hook} -- \"$@\"")),
            Self::InTheWay(_) => Some("move it away and run the command again".into()),
            Self::Changed(_) => Some("take your changes out of it, or remove it by hand".into()),
            Self::NotInstalled => Some("`deepcoder hook install` installs one".into()),
            Self::Io { .. } => None,
        }
    }
}
