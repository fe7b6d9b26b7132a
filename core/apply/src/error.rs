//! The errors of applying and undoing an edit.

mod request;

pub use request::{CommitError, RestoreError};

use crate::undo::NoEdit;
use deepcoder_history::HistoryError;
use deepcoder_types::{Cancelled, Hint, RepoPath};
use rustix::io::Errno;
use std::path::PathBuf;

/// Why the work tree could not be opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The root cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    Root {
        /// The root.
        path: PathBuf,
        /// The message of the system.
        source: std::io::Error,
    },
    /// The history cannot be opened.
    #[error(transparent)]
    History(#[from] deepcoder_history::OpenError),
    /// The recovery of an interrupted edit failed.
    #[error("cannot recover what an interrupted run left: {0}")]
    Recover(#[from] RecoverError),
}

impl Hint for OpenError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Root { source, .. } => Some(io_hint(source)),
            Self::History(error) => error.hint(),
            Self::Recover(error) => error.hint(),
        }
    }
}

/// Why one file cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no longer what the edit was made for.
    #[error("`{0}` has changed since the edit was made")]
    Stale(RepoPath),
    /// It is gone.
    #[error("`{0}` no longer exists")]
    Missing(RepoPath),
    /// It is to be added but is there already.
    #[error("`{0}` exists already")]
    Exists(RepoPath),
    /// It steers tools, hooks or agents.
    #[error("`{path}` is protected: {reason}")]
    Protected {
        /// The file.
        path: RepoPath,
        /// The tool that it steers.
        reason: &'static str,
    },
    /// It is a link, or a folder on the way to it is one.
    #[error("`{0}` is or passes through a symbolic link")]
    Link(RepoPath),
    /// Another name leads to the same file; exchanging it would part the two.
    #[error("`{0}` is a hard link: it has another name")]
    HardLink(RepoPath),
    /// It is a folder, a pipe, a device …
    #[error("`{0}` is not a regular file")]
    NotAFile(RepoPath),
    /// Part of its path is a file.
    #[error("`{0}` cannot exist: part of its path is a file")]
    NotAFolder(RepoPath),
    /// It belongs to another repository.
    #[error("`{0}` is in a submodule or in another repository")]
    Submodule(RepoPath),
    /// It runs with the rights of its owner, whichever user starts it.
    #[error("`{0}` is setuid or setgid: it lends the rights of its owner")]
    Privileged(RepoPath),
    /// Git LFS keeps its contents elsewhere.
    #[error("`{0}` is a Git LFS pointer")]
    LfsPointer(RepoPath),
    /// A merge has left it undecided.
    #[error("`{0}` is unmerged")]
    Unmerged(RepoPath),
    /// It is named twice.
    #[error("`{0}` is named twice in the edit")]
    Duplicate(RepoPath),
    /// One path is a folder of another.
    #[error("`{0}` cannot be both a file and a folder")]
    Overlap(RepoPath),
}

impl Refusal {
    /// The file.
    #[must_use]
    pub const fn path(&self) -> &RepoPath {
        match self {
            Self::Stale(path)
            | Self::Missing(path)
            | Self::Exists(path)
            | Self::Protected { path, .. }
            | Self::Link(path)
            | Self::HardLink(path)
            | Self::NotAFile(path)
            | Self::NotAFolder(path)
            | Self::Submodule(path)
            | Self::Privileged(path)
            | Self::LfsPointer(path)
            | Self::Unmerged(path)
            | Self::Duplicate(path)
            | Self::Overlap(path) => path,
        }
    }

    /// Whether the file is merely not as it was when the edit was made.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        matches!(self, Self::Stale(_) | Self::Missing(_) | Self::Exists(_))
    }
}

impl Hint for Refusal {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Stale(_) | Self::Missing(_) | Self::Exists(_) => "ask for the edit again".into(),
            Self::Protected { .. } => "change it by hand, or allow protected files explicitly".into(),
            Self::Link(_) => "name the file that the link leads to".into(),
            Self::HardLink(_) => "part it first: copy it, and move the copy over it".into(),
            Self::Submodule(_) => "run deepcoder inside that repository".into(),
            Self::Privileged(_) => "take the bits away first (chmod u-s,g-s), or change it by hand".into(),
            Self::LfsPointer(_) => "run `git lfs pull` first".into(),
            Self::Unmerged(_) => "resolve the merge first".into(),
            Self::NotAFile(_) | Self::NotAFolder(_) | Self::Duplicate(_) | Self::Overlap(_) => return None,
        })
    }
}

/// Why an edit was not applied. Nothing of it is in the tree, but for [`ApplyError::Interrupted`].
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It changes nothing.
    #[error("the edit changes nothing")]
    Empty,
    /// A file cannot be changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another program wrote to a file at the same moment. Its bytes stay, the rest is as before.
    #[error("{} was changed by another program while the edit was applied", list(paths))]
    Conflict {
        /// The files.
        paths: Vec<RepoPath>,
        /// Where bytes are kept that could not be left at their path.
        kept: Vec<PathBuf>,
    },
    /// Another process is writing to this tree.
    #[error("another deepcoder{} is writing to this work tree", pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
    Busy {
        /// It.
        pid: Option<u32>,
    },
    /// Asked to stop in time.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The disk is full.
    #[error("no space left to write {what}")]
    NoSpace {
        /// The path that was being written.
        what: String,
    },
    /// The file system is read-only.
    #[error("cannot write {what}: the file system is read-only")]
    ReadOnly {
        /// The path that was being written.
        what: String,
    },
    /// Not allowed.
    #[error("cannot write {what}: permission denied")]
    Denied {
        /// The path that was being written.
        what: String,
    },
    /// Another failure of the file system.
    #[error("cannot write {what}: {source}")]
    Io {
        /// The path that was being written.
        what: String,
        /// The message of the system.
        source: std::io::Error,
    },
    /// Git's index does not tell which files are unmerged or submodules.
    #[error("git's index cannot be read: {0}")]
    Index(String),
    /// The repository could not keep the originals.
    #[error("git could not keep the originals: {0}")]
    Git(String),
    /// The history failed.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Neither finished nor taken back; the next run does it, by what each file then holds.
    #[error("interrupted half-way: {reason}; the next run of deepcoder here completes or reverts it")]
    Interrupted {
        /// Why.
        reason: String,
    },
    /// The recovery of an earlier set failed.
    #[error("cannot recover what an interrupted run left: {0}")]
    Recover(#[source] Box<RecoverError>),
}

impl ApplyError {
    pub(crate) fn io(what: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        let (what, source) = (what.into(), source.into());
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::NoSpace { what },
            std::io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { what },
            std::io::ErrorKind::PermissionDenied => Self::Denied { what },
            _ => Self::Io { what, source },
        }
    }
}

impl From<git2::Error> for ApplyError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.message().to_owned())
    }
}

impl Hint for ApplyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::Conflict { kept, .. } if kept.is_empty() => Some("ask for the edit again".into()),
            Self::Conflict { kept, .. } => {
                let kept: Vec<_> = kept.iter().map(|p| p.display().to_string()).collect();
                Some(format!("look at what was kept in {}", kept.join(", ")))
            }
            Self::Busy { .. } => Some("wait until it has finished and run the command again".into()),
            Self::NoSpace { .. } => Some("free some space and run the command again; nothing was changed".into()),
            Self::ReadOnly { .. } => Some("mount it for writing, or work in a copy".into()),
            Self::Denied { .. } => Some("check the owner and mode of the folder; nothing was changed".into()),
            Self::Index(_) => Some("`git status` tells whether the index is sound; nothing was changed".into()),
            Self::Git(_) => Some("`git fsck` tells whether the repository is sound; nothing was changed".into()),
            Self::History(error) => error.hint(),
            Self::Recover(error) => error.hint(),
            Self::Interrupted { .. } => Some("run `deepcoder log` to let it be completed or reverted".into()),
            Self::Io { source, .. } => Some(io_hint(source)),
            Self::Empty | Self::Cancelled(_) => None,
        }
    }
}

/// The hint for a failure of the file system that has no error of its own.
fn io_hint(error: &std::io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => "allow more open files (`ulimit -n`) and run the command again".into(),
        Some(Errno::BUSY) => {
            "a file system is mounted on it (a bind mount, as containers have): change the file where it is mounted from"
                .into()
        }
        Some(Errno::LOOP) => "a folder on the way there is a symbolic link: put the folder itself there".into(),
        _ => "the system's log (`dmesg`) tells whether the disk is failing; then run the command again".into(),
    }
}

/// Why an edit was not undone. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// There is no edit to undo.
    #[error("there is nothing to undo")]
    Nothing,
    /// No edit has this id.
    #[error("no edit is called `{0}`")]
    NotFound(String),
    /// Several edits have ids that start so.
    #[error("`{0}` is the beginning of several ids")]
    Ambiguous(String),
    /// It is undone already, or was never applied.
    #[error("the edit `{0}` is not in effect")]
    NotInEffect(String),
    /// Files were changed since.
    #[error("{} changed since the edit was applied", list(paths))]
    Changed {
        /// The edit.
        id: String,
        /// Them.
        paths: Vec<RepoPath>,
        /// The commit that holds both states; empty where it does not, because git filters the file.
        commit: String,
    },
    /// The originals are gone from git and from the history.
    #[error("the original of `{0}` is no longer kept")]
    Lost(RepoPath),
    /// Writing failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<HistoryError> for UndoError {
    fn from(error: HistoryError) -> Self {
        Self::Apply(error.into())
    }
}

impl Hint for UndoError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::NotFound(_) | Self::NotInEffect(_) => Some("`deepcoder log` lists the edits".into()),
            Self::Ambiguous(_) => Some("give more letters of the id; `deepcoder log` lists them".into()),
            Self::Changed { id, paths, commit } => {
                let path = paths.first().map_or("FILE", RepoPath::as_str);
                // Files with a clean filter are not in the commit.
                let plain = if commit.is_empty() {
                    String::new()
                } else {
                    format!("; with plain git: git show {commit}:old/{path}")
                };
                Some(format!(
                    "nothing was changed; `deepcoder restore {id} --path {path}` restores one file and keeps its current \
                     content, `deepcoder restore {id} --path {path} --to -` prints it{plain}"
                ))
            }
            Self::Lost(_) => Some("it was pruned, or git's object store is damaged".into()),
            Self::Apply(error) => error.hint(),
        }
    }
}

impl From<NoEdit> for UndoError {
    fn from(error: NoEdit) -> Self {
        match error {
            NoEdit::NotFound(id) => Self::NotFound(id),
            NoEdit::Ambiguous(id) => Self::Ambiguous(id),
            NoEdit::Failed(error) => error.into(),
        }
    }
}

/// Why the history could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The history failed.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The files cannot be read.
    #[error(transparent)]
    Files(#[from] ApplyError),
}

impl Hint for LogError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::History(error) => error.hint(),
            Self::Files(error) => error.hint(),
        }
    }
}

/// Why the recovery of an interrupted edit failed. The next run retries it.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The files could not be put right.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<HistoryError> for RecoverError {
    fn from(error: HistoryError) -> Self {
        Self::Apply(error.into())
    }
}

impl Hint for RecoverError {
    fn hint(&self) -> Option<String> {
        let Self::Apply(error) = self;
        error.hint()
    }
}

/// Why old edits could not be forgotten.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The refs or the history could not be changed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<HistoryError> for PruneError {
    fn from(error: HistoryError) -> Self {
        Self::Apply(error.into())
    }
}

impl Hint for PruneError {
    fn hint(&self) -> Option<String> {
        let Self::Apply(error) = self;
        error.hint()
    }
}

fn list(paths: &[RepoPath]) -> String {
    let names: Vec<_> = paths.iter().map(|p| format!("`{p}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "a file".into(),
    }
}
