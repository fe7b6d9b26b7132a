//! The errors of jobs, as messages and as stored.

use deepcoder_app::{KeptError, RepoError, TaskError, in_words};
use deepcoder_apply::{CommitError, LogError};
use deepcoder_edit::hunks::ChooseError;
use deepcoder_pipeline::RunError;
use deepcoder_protocol::{Failure, Refusal};
use deepcoder_queue::{OpenQueueError, QueueError};
use deepcoder_types::{Cancelled, FailureKind, GenerateError, Hint, JobFailure};

/// Why a job did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// Its task failed.
    #[error(transparent)]
    Task(TaskError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Another worker has the job now.
    #[error("another worker has the job")]
    Lost,
    /// It took too long.
    #[error("it took longer than the {seconds} s that it may take")]
    Deadline {
        /// The limit.
        seconds: u64,
    },
}

macro_rules! of_the_task {
    ($($error:ty),*) => { $(impl From<$error> for WorkError {
        fn from(error: $error) -> Self {
            Self::Task(error.into())
        }
    })* };
}

of_the_task!(TaskError, RepoError, RunError, GenerateError, CommitError, LogError, ChooseError, KeptError, Cancelled);

impl Hint for WorkError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Task(TaskError::Stale(_)) => {
                Some("reject the result and `deepcoder jobs retry`, or bring the files back to what they were".into())
            }
            Self::Task(TaskError::Kept(_)) => Some("`deepcoder jobs retry` makes it anew".into()),
            Self::Task(TaskError::Panic(_)) => {
                Some("nothing was changed; `deepcoder jobs logs` shows how far it came".into())
            }
            Self::Task(e) => e.hint(),
            Self::Queue(e) => e.hint(),
            Self::Deadline { .. } => {
                Some("`deepcoder jobs add --timeout TIME` gives a job more time; or name fewer files".into())
            }
            Self::Lost => None,
        }
    }
}

impl WorkError {
    /// Whether another attempt may come out differently.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Task(error) => error.is_transient(),
            Self::Queue(error) => matches!(error, QueueError::Busy | QueueError::Unreachable { .. }),
            Self::Lost | Self::Deadline { .. } => false,
        }
    }

    /// Whether it is the model's process that died or was away.
    pub(crate) fn is_of_the_model(&self) -> bool {
        matches!(self, Self::Task(error) if error.is_of_the_model())
    }

    /// As the queue keeps it.
    pub(crate) fn failure(&self) -> JobFailure {
        let kind = match self {
            Self::Task(error) => error.kind(),
            _ => FailureKind::Other,
        };
        JobFailure { message: in_words(self), hint: self.hint(), transient: self.is_transient(), kind }
    }

    /// As it is told to the caller.
    pub(crate) fn told(&self) -> Failure {
        let reason = match self {
            Self::Task(error) => error.refusal(),
            Self::Queue(error) => return queue(error),
            Self::Lost | Self::Deadline { .. } => Refusal::Invalid,
        };
        Failure::Refused { reason, message: in_words(self), hint: self.hint() }
    }
}

/// The queue's error as a failure of the protocol.
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
