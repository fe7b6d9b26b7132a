//! The errors of commits and restores, which are made only on request.

use super::{ApplyError, list};
use crate::undo::NoEdit;
use deepcoder_types::{Hint, RepoPath};
use std::path::PathBuf;

/// Why an edit was not committed. The applied edit stays.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The program cannot be run.
    #[error("cannot run git: {0}")]
    NoGit(#[source] std::io::Error),
    /// It failed.
    #[error("git {command} failed: {said}")]
    Git {
        /// The command.
        command: String,
        /// Its message.
        said: String,
    },
    /// The user has changed a file.
    #[error("`{0}` has changes that are not committed")]
    Dirty(RepoPath),
    /// Git is not to know of a file.
    #[error("`{0}` is ignored by git")]
    Ignored(RepoPath),
    /// A commit now would end something else.
    #[error("{0} is in progress")]
    InProgress(&'static str),
    /// No branch can be called so.
    #[error("`{0}` cannot be the name of a branch")]
    BadBranch(String),
    /// There is one.
    #[error("there is a branch `{0}` already")]
    BranchExists(String),
    /// It is checked out, where moving it would show.
    #[error("the branch `{branch}` is checked out in {}", path.display())]
    BranchInUse {
        /// The branch.
        branch: String,
        /// The work tree.
        path: PathBuf,
    },
    /// Git does not know who commits.
    #[error("git does not know who you are: {0}")]
    NoIdentity(String),
    /// No edit has this id.
    #[error("no edit is called `{0}`")]
    NotFound(String),
    /// Several edits have ids that start so.
    #[error("`{0}` is the beginning of several ids")]
    Ambiguous(String),
    /// It is undone, or was never applied.
    #[error("the edit `{0}` is not in effect")]
    NotInEffect(String),
    /// A file was changed since.
    #[error("`{0}` changed since the edit was applied")]
    Changed(RepoPath),
    /// A hook or git itself refused.
    #[error("git refused to commit: {0}")]
    Refused(String),
    /// The work tree cannot be made.
    #[error("cannot make a work tree in {}: {said}", path.display())]
    WorkTree {
        /// Where.
        path: PathBuf,
        /// Why.
        said: String,
    },
    /// The files, the repository or the history failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<NoEdit> for CommitError {
    fn from(error: NoEdit) -> Self {
        match error {
            NoEdit::NotFound(id) => Self::NotFound(id),
            NoEdit::Ambiguous(id) => Self::Ambiguous(id),
            NoEdit::Failed(error) => Self::Apply(error.into()),
        }
    }
}

impl Hint for CommitError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoGit(_) => Some("put git on the path".into()),
            Self::Dirty(_) => {
                Some("commit it first, so that the edit is a commit of its own, or leave out --commit".into())
            }
            Self::Ignored(_) => Some("leave out --commit, or `git add --force` and commit it first".into()),
            Self::InProgress(_) => Some("end it first, or leave out --commit".into()),
            Self::BadBranch(_) => Some("`git check-ref-format` tells what is allowed".into()),
            Self::BranchExists(_) => {
                Some("name a new one; to commit to that one, switch to it first and leave out --branch".into())
            }
            Self::BranchInUse { .. } => {
                Some("name another branch, or have the change written into the work tree".into())
            }
            Self::NoIdentity(_) => Some("git config user.name and user.email".into()),
            Self::NotFound(_) | Self::NotInEffect(_) => Some("`deepcoder log` lists the edits".into()),
            Self::Ambiguous(_) => Some("give more letters of the id; `deepcoder log` lists them".into()),
            Self::Changed(_) => Some("look at `git diff` and commit by hand".into()),
            Self::Refused(_) => Some("see to it and `git commit`, or `deepcoder undo`".into()),
            Self::WorkTree { .. } => Some("name a folder that does not exist".into()),
            Self::Git { .. } => None,
            Self::Apply(error) => error.hint(),
        }
    }
}

/// Why files were not restored. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// No edit has this id.
    #[error("no edit is called `{0}`")]
    NotFound(String),
    /// Several edits have ids that start so.
    #[error("`{0}` is the beginning of several ids")]
    Ambiguous(String),
    /// The edit did not touch the file.
    #[error("the edit `{id}` did not touch `{path}`")]
    NotInEdit {
        /// The edit.
        id: String,
        /// The file.
        path: RepoPath,
        /// Those that it touched.
        files: Vec<RepoPath>,
    },
    /// Nothing was written to the file while the edit was applied.
    #[error("nothing else was written to `{path}` while the edit `{id}` was applied")]
    NothingKept {
        /// The edit.
        id: String,
        /// The file.
        path: RepoPath,
    },
    /// The bytes are gone from git and from the history.
    #[error("the bytes of `{0}` are no longer kept")]
    Lost(RepoPath),
    /// Writing failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<NoEdit> for RestoreError {
    fn from(error: NoEdit) -> Self {
        match error {
            NoEdit::NotFound(id) => Self::NotFound(id),
            NoEdit::Ambiguous(id) => Self::Ambiguous(id),
            NoEdit::Failed(error) => Self::Apply(error.into()),
        }
    }
}

impl Hint for RestoreError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound(_) => Some("`deepcoder log` lists the edits".into()),
            Self::Ambiguous(_) => Some("give more letters of the id; `deepcoder log` lists them".into()),
            Self::NotInEdit { files, .. } => Some(format!("it touched {}", list(files))),
            Self::NothingKept { .. } => Some("--state before and --state after have the edit's own bytes".into()),
            Self::Lost(_) => Some("they were pruned, or git's object store is damaged".into()),
            Self::Apply(error) => error.hint(),
        }
    }
}
