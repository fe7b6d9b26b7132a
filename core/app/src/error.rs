//! Why a task fails, as people are told and as it is kept.

use crate::{FindPositionError, KeptError, RepoError};
use deepcoder_apply::{ApplyError, CommitError, LogError};
use deepcoder_context::GatherError;
use deepcoder_edit::MaterialiseError;
use deepcoder_edit::hunks::ChooseError;
use deepcoder_pipeline::{ApplyRunError, RunError};
use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_protocol::Refusal;
use deepcoder_types::{Cancelled, FailureKind, GenerateError, Hint, JobFailure, PathError};
use deepcoder_workspace::ResolveError;
use std::error::Error;

/// Why a task fails.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Its repository or its files cannot be used, or refuse the result.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A parameter is wrong.
    #[error(transparent)]
    Params(#[from] PluginError),
    /// There is no model.
    #[error(transparent)]
    Model(#[from] GenerateError),
    /// Git refuses.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The history cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The chosen hunks do not exist.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// The position is not in the file.
    #[error(transparent)]
    Position(#[from] FindPositionError),
    /// The name of a buffer cannot be one.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The verb is about a position, and none is named.
    #[error("`{0}` needs a position in a file")]
    NoPosition(String),
    /// The lines are not in the file.
    #[error("{file} has {count} lines, not {line}")]
    NoSuchLine {
        /// As typed.
        file: String,
        /// Its lines.
        count: usize,
        /// The line that was named.
        line: usize,
    },
    /// The text after a file's name is no range.
    #[error("`{lines}` is no range of lines of {file}")]
    NotLines {
        /// As typed.
        file: String,
        /// The text after the name.
        lines: String,
    },
    /// A file that is in no repository cannot be read.
    #[error("cannot read {file}: {message}")]
    Unreadable {
        /// As typed.
        file: String,
        /// Why.
        message: String,
    },
    /// The checks refuse the result.
    #[error("not applied: {}", .0.join("; "))]
    Refused(Vec<String>),
    /// A person must look at the result first.
    #[error("not applied: it needs a review{}", list(.0))]
    NeedsReview(Vec<String>),
    /// The branch was moved while the task worked on it.
    #[error("the branch `{0}` was moved by another program meanwhile")]
    BranchMoved(String),
    /// A result was made for other files than those that are there now.
    #[error("{0} changed since the result was made")]
    Stale(String),
    /// A kept result cannot be read.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// This process cannot deliver the result that way.
    #[error("the daemon cannot commit for you: hooks, signing and authorship are those of your shell")]
    NotHere,
    /// A defect of ours.
    #[error("it failed by a defect of deepcoder: {0}")]
    Panic(String),
}

impl Hint for TaskError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Repo(error) => {
                let hint = error.hint();
                match error {
                    RepoError::Resolve(ResolveError::NothingMatched { .. }) => {
                        let new = "--new lets the edit make a file that does not exist";
                        Some(hint.map_or_else(|| new.to_owned(), |hint| format!("{hint}? {new}")))
                    }
                    _ => hint,
                }
            }
            Self::Run(e) => e.hint(),
            Self::Params(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Commit(e) => e.hint(),
            Self::Log(e) => e.hint(),
            Self::Choose(e) => e.hint(),
            Self::Position(e) => e.hint(),
            Self::Path(_) | Self::Unreadable { .. } => None,
            Self::NoPosition(verb) => Some(format!("name it: deepcoder {verb} src/util.py:12:9")),
            Self::NoSuchLine { count, .. } => Some(format!("name lines up to {count}")),
            Self::NotLines { file, .. } => Some(format!("lines count from 1, and the first comes first: {file}:10-40")),
            Self::Refused(_) => Some(
                "look at the findings, and ask again with a narrower instruction; --no-verify applies it all the same"
                    .into(),
            ),
            Self::NeedsReview(_) => {
                Some("look at the diff and the findings, and then accept it with reviewed=True".into())
            }
            Self::BranchMoved(_) => Some("`deepcoder jobs retry` works on what it holds now".into()),
            Self::Stale(_) => Some("ask again, or bring the files back to what they were".into()),
            Self::Kept(_) => Some("ask again".into()),
            Self::NotHere => Some("`deepcoder --no-daemon edit --commit` does it in your shell".into()),
            Self::Panic(_) => Some("nothing was changed".into()),
        }
    }
}

impl From<Cancelled> for TaskError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Run(cancelled.into())
    }
}

impl TaskError {
    /// Whether another attempt may come out differently.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Run(RunError::Plugin(error)) => error.retryable || error.code == ErrorCode::Stale,
            // A comment that is gone was moved or changed by a person who works there.
            Self::Run(RunError::Materialise(MaterialiseError::Stale { .. }) | RunError::NoComment { .. })
            | Self::Stale(_)
            | Self::BranchMoved(_)
            | Self::Kept(_) => true,
            Self::Run(RunError::Gather(GatherError::Count(error))) | Self::Model(error) => is_away(error),
            Self::Repo(RepoError::Apply(ApplyRunError::Apply(error))) => is_passing(error),
            _ => false,
        }
    }

    /// Whether the model's process died or was away.
    #[must_use]
    pub fn is_of_the_model(&self) -> bool {
        match self {
            Self::Run(RunError::Plugin(error)) => error.code == ErrorCode::Unavailable,
            Self::Run(RunError::Gather(GatherError::Count(error))) | Self::Model(error) => is_away(error),
            _ => false,
        }
    }

    /// Whether the task ended because it was cancelled, and nothing else is to be said.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Run(RunError::Cancelled(_)) => true,
            Self::Run(RunError::Plugin(error)) => error.code == ErrorCode::Cancelled,
            Self::Repo(RepoError::Apply(ApplyRunError::Apply(ApplyError::Cancelled(_)))) => true,
            _ => false,
        }
    }

    /// As it is kept and sent.
    #[must_use]
    pub fn failure(&self) -> JobFailure {
        let (transient, kind) = (self.is_transient(), self.kind());
        JobFailure { message: in_words(self), hint: self.hint(), transient, kind }
    }

    /// The kind of the error, for programs.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        match self {
            Self::Repo(RepoError::Open(_) | RepoError::Resolve(_))
            | Self::Position(_)
            | Self::Path(_)
            | Self::NoSuchLine { .. }
            | Self::NotLines { .. }
            | Self::Unreadable { .. } => FailureKind::Repository,
            Self::Model(_) => FailureKind::Model,
            _ => FailureKind::Other,
        }
    }

    /// The reason, for programs.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NeedsReview(_) => Refusal::NeedsReview,
            Self::Refused(_) => Refusal::Checks,
            Self::Stale(_) | Self::BranchMoved(_) => Refusal::Stale,
            Self::Repo(RepoError::Apply(ApplyRunError::Apply(error))) if is_passing(error) => Refusal::Stale,
            _ => Refusal::Invalid,
        }
    }
}

fn list(reasons: &[String]) -> String {
    if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) }
}

/// The message of an error and those of its causes that it does not contain already.
#[must_use]
pub fn in_words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

const fn is_away(error: &GenerateError) -> bool {
    matches!(error, GenerateError::Unavailable(_) | GenerateError::Died { .. })
}

/// Files that changed, or a tree that another program writes to.
fn is_passing(error: &ApplyError) -> bool {
    match error {
        ApplyError::Refused(refusal) => refusal.is_stale(),
        ApplyError::Busy { .. } | ApplyError::Conflict { .. } | ApplyError::Interrupted { .. } => true,
        _ => false,
    }
}
