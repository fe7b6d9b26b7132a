//! What can go wrong with a job, as it is told to people and as it is kept.

use deepcoder_apply::{ApplyError, CommitError, LogError};
use deepcoder_context::GatherError;
use deepcoder_edit::MaterialiseError;
use deepcoder_edit::hunks::ChooseError;
use deepcoder_pipeline::{ApplyRunError, RunError};
use deepcoder_plugin_api::ErrorCode;
use deepcoder_protocol::{Failure, Refusal};
use deepcoder_queue::{OpenQueueError, QueueError};
use deepcoder_session::RepoError;
use deepcoder_types::{GenerateError, Hint, JobFailure};

/// Why a job did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// Its repository or its files cannot be used, or refuse the result.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is no model.
    #[error(transparent)]
    Model(#[from] GenerateError),
    /// Git refuses.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The history cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The chosen hunks are none.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The branch was moved while the job worked on it.
    #[error("the branch `{0}` was moved by somebody else meanwhile")]
    BranchMoved(String),
    /// A result was made for other files than those that are there now.
    #[error("{0} changed since the result was made")]
    Stale(String),
    /// What was kept cannot be read.
    #[error(transparent)]
    Kept(#[from] crate::kept::KeptError),
    /// The job is somebody else's now.
    #[error("somebody else has the job")]
    Lost,
    /// It took too long.
    #[error("it took longer than the {seconds} s that it may take")]
    Deadline {
        /// The limit.
        seconds: u64,
    },
    /// A defect of ours.
    #[error("it failed by a defect of deepcoder: {0}")]
    Panic(String),
}

impl Hint for WorkError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Repo(e) => e.hint(),
            Self::Run(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Commit(e) => e.hint(),
            Self::Log(e) => e.hint(),
            Self::Choose(e) => e.hint(),
            Self::Queue(e) => e.hint(),
            Self::BranchMoved(_) => Some("`deepcoder jobs retry` works on what it holds now".into()),
            Self::Stale(_) => {
                Some("reject the result and `deepcoder jobs retry`, or bring the files back to what they were".into())
            }
            Self::Kept(_) => Some("`deepcoder jobs retry` makes it anew".into()),
            Self::Deadline { .. } => Some("give it more time by --timeout, or fewer files".into()),
            Self::Panic(_) => Some("nothing was changed; `deepcoder jobs logs` shows how far it came".into()),
            Self::Lost => None,
        }
    }
}

impl WorkError {
    /// Whether another attempt may come out differently.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Run(RunError::Plugin(error)) => error.retryable || error.code == ErrorCode::Stale,
            // A comment that is gone was moved or changed by whoever works there.
            Self::Run(RunError::Materialise(MaterialiseError::Stale { .. }) | RunError::NoComment { .. })
            | Self::Stale(_) => true,
            Self::Run(RunError::Gather(GatherError::Count(error))) | Self::Model(error) => {
                matches!(error, GenerateError::Unavailable(_) | GenerateError::Died { .. })
            }
            Self::Repo(RepoError::Apply(ApplyRunError::Apply(error))) => is_transient(error),
            Self::Queue(error) => matches!(error, QueueError::Busy | QueueError::Unreachable { .. }),
            Self::BranchMoved(_) | Self::Kept(_) => true,
            _ => false,
        }
    }

    /// Whether it is the model's process that died or was away.
    pub(crate) fn is_of_the_model(&self) -> bool {
        match self {
            Self::Run(RunError::Plugin(error)) => error.code == ErrorCode::Unavailable,
            Self::Run(RunError::Gather(GatherError::Count(error))) | Self::Model(error) => {
                matches!(error, GenerateError::Unavailable(_) | GenerateError::Died { .. })
            }
            _ => false,
        }
    }

    /// As the queue keeps it.
    pub(crate) fn failure(&self) -> JobFailure {
        JobFailure { message: self.to_string(), hint: self.hint(), transient: self.is_transient() }
    }

    /// As it is told to whoever asked for it just now.
    pub(crate) fn told(&self) -> Failure {
        let reason = match self {
            Self::Stale(_) | Self::BranchMoved(_) => Refusal::Stale,
            Self::Repo(RepoError::Apply(ApplyRunError::Apply(error))) if is_transient(error) => Refusal::Stale,
            Self::Queue(error) => return queue(error),
            _ => Refusal::Invalid,
        };
        Failure::Refused { reason, message: self.to_string(), hint: self.hint() }
    }
}

/// Files that changed, or a tree that somebody else writes to.
fn is_transient(error: &ApplyError) -> bool {
    match error {
        ApplyError::Refused(refusal) => refusal.is_stale(),
        ApplyError::Busy { .. } | ApplyError::Conflict { .. } | ApplyError::Interrupted { .. } => true,
        _ => false,
    }
}

/// What the queue says, as a failure of the protocol.
pub(crate) fn queue(error: &QueueError) -> Failure {
    let reason = match error {
        QueueError::NotFound(_) => Refusal::NotFound,
        QueueError::Ambiguous(_) => Refusal::Ambiguous,
        QueueError::WrongState { .. } => Refusal::State,
        QueueError::Invalid(_) | QueueError::TooLarge(_) => Refusal::Invalid,
        _ => Refusal::Storage,
    };
    Failure::Refused { reason, message: error.to_string(), hint: error.hint() }
}

/// Why there is no queue.
pub(crate) fn open(error: &OpenQueueError) -> Failure {
    Failure::Refused { reason: Refusal::Storage, message: error.to_string(), hint: error.hint() }
}
