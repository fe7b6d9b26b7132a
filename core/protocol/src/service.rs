//! The services of the daemon besides the model. The crates that do it are above this one and are put in when the
//! server is started; the protocol and its clients see these traits and nothing else.

use crate::wire::{Failure, WorkerStatus};
use deepcoder_types::{Cancel, Decision, GenerateError, Job, JobEvent, JobFilter, JobSpec, LanguageModel, ModelInfo};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where the server gets models from.
pub trait ModelLoader: Send + Sync {
    /// Load the model `name`. May take its time, and may give up when `cancel` is set; one call at a time, and only
    /// after the former model is gone.
    fn load(&self, name: &str, cancel: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError>;

    /// Describe the model `name`, without loading it where possible.
    fn describe(&self, name: &str) -> Result<ModelInfo, GenerateError>;

    /// Whether the model that was loaded last is still there: it may be in a process that has died.
    fn is_alive(&self) -> bool {
        true
    }

    /// How the process is in which models run, where that is another one.
    fn worker(&self) -> Option<WorkerStatus> {
        None
    }
}

/// How a worker is started: a program that calls the daemon's `work`.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its name in lists of processes, where that is not the program's.
    pub name: Option<OsString>,
    /// Its arguments; `--parent PID` follows.
    pub args: Vec<OsString>,
    /// Variables that it gets besides the daemon's.
    pub env: Vec<(OsString, OsString)>,
    /// Silence after which it counts as hung. It answers at once also where a step takes long.
    pub patience: Duration,
}

/// Where background work gets its model from.
pub trait Models: Send + Sync {
    /// The model `name`, or the daemon's own, for work that waits whenever a user's own request wants the processor, and
    /// takes turns with the work for other repositories. Loads nothing before it is asked for text.
    fn background(&self, name: Option<&str>, repository: &Path) -> Result<Arc<dyn LanguageModel>, GenerateError>;

    /// The model `name`, or the one of the settings, for a request of the user, which goes before all background work.
    /// Ends soon after `cancel` is set, where it loads the model.
    fn interactive(&self, name: Option<&str>, cancel: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError>;

    /// How long the model has worked for `repository` in the background since the daemon began. Waiting and giving way
    /// do not count.
    fn model_time(&self, _repository: &Path) -> Duration {
        Duration::ZERO
    }

    /// A piece of background work is done: give the memory that it has freed back to the system.
    fn rest(&self) {}
}

/// Called after every change of a job, from any thread; must not block.
pub type OnChange = Arc<dyn Fn() + Send + Sync>;

/// The background jobs. Calls block for as long as the database takes.
///
/// An `id` may be any prefix that names one job only.
pub trait Jobs: Send + Sync {
    /// Begin to work. Called once, when the server listens; returns at once.
    fn start(&self, models: Arc<dyn Models>, on_change: OnChange) -> Result<(), Failure>;

    /// End what runs within one decode step and give the jobs back; returns when nothing runs any more.
    fn stop(&self);

    /// Add a job, durably.
    fn add(&self, spec: JobSpec) -> Result<Added, Failure>;

    /// One job.
    fn get(&self, id: &str) -> Result<Job, Failure>;

    /// Those that match, newest first.
    fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, Failure>;

    /// The events of a job that come after number `after`, at most `limit`.
    fn events(&self, id: &str, after: u64, limit: u32) -> Result<Vec<JobEvent>, Failure>;

    /// Cancel it; one that runs ends within one decode step.
    fn cancel(&self, id: &str) -> Result<Job, Failure>;

    /// Try one again that is over.
    fn retry(&self, id: &str) -> Result<Job, Failure>;

    /// Hold it back; one that runs goes back into the queue and waits there.
    fn pause(&self, id: &str) -> Result<Job, Failure>;

    /// Let it go on.
    fn resume(&self, id: &str) -> Result<Job, Failure>;

    /// Decide about a result.
    fn review(&self, id: &str, decision: &Decision) -> Result<Job, Failure>;

    /// Where they are kept, for people: without a password.
    fn place(&self) -> Option<String> {
        None
    }

    /// How many there are.
    fn counts(&self) -> Result<JobCounts, Failure>;
}

/// The result of adding a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Added {
    /// The job.
    pub job: Job,
    /// Whether it was there already, under the same key.
    pub existed: bool,
}

/// How many jobs there are, by state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobCounts {
    /// That wait for their time or for others, templates included.
    pub waiting: u64,
    /// That can be taken.
    pub queued: u64,
    /// That run.
    pub running: u64,
    /// That wait for a decision.
    pub review: u64,
    /// Where the file of a queue went that was found to be damaged since the daemon began. Its jobs are in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<PathBuf>,
}

/// The repositories that are watched.
pub trait Watching: Send + Sync {
    /// Watch what was watched when the daemon last ran. Called once, after [`Jobs::start`]; returns at once. `models` says
    /// how long the model worked.
    fn start(&self, jobs: Arc<dyn Jobs>, models: Arc<dyn Models>) -> Result<(), Failure>;

    /// Stop watching; what is watched is remembered.
    fn stop(&self);

    /// Watch the work tree at `root`, also after a restart.
    fn watch(&self, root: &Path) -> Result<Watched, Failure>;

    /// Watch it no more; `false` when it was not watched.
    fn unwatch(&self, root: &Path) -> Result<bool, Failure>;

    /// The watched repositories.
    fn list(&self) -> Vec<Watched>;
}

/// A repository that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// The canonical root of the work tree.
    pub root: PathBuf,
    /// Files in it that are not ignored, once they have been counted.
    pub files: Option<u64>,
    /// `events` of the system, or `polling`.
    pub how: String,
    /// Notices for the user: a limit of the system that was reached, a root that is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}
