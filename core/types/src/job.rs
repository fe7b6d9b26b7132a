//! Background work: the request ([`JobSpec`]), its state ([`Job`]), and its log ([`JobEvent`]). Plain data: `queue`
//! keeps it, `jobs` does it, `daemon` carries it over the wire.

use crate::{Applicability, Delivery, RepoPath};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Names a job once and for all: a ULID, so that ids sort by the time at which they were made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub String);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a job is due.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// As soon as there is room.
    #[default]
    Now,
    /// Once, not before this time, in milliseconds since 1970.
    At(u64),
    /// Again and again: five fields, in the local time zone of the daemon. Each time is a job of its own, made from
    /// this one, which stays as the template.
    Cron(String),
    /// Each time that a file which matches one of [`JobSpec::paths`] changes in a watched repository. Each time is a
    /// job of its own, made from this one, which stays as the template.
    Change,
}

/// The request for a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    /// The verb of a plugin: `edit`, `explain`, …
    pub kind: String,
    /// The canonical root of the work tree.
    pub repository: PathBuf,
    /// The text that the user typed.
    pub prompt: String,
    /// Paths and globs below the root; empty when the plugin is to find the files.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Free options of the verb.
    #[serde(default = "empty_object")]
    pub options: serde_json::Value,
    /// The model; `None` takes the daemon's setting at the time of the run.
    #[serde(default)]
    pub model: Option<String>,
    /// Seed for sampling.
    #[serde(default)]
    pub seed: u64,
    /// How much work it is worth; `None` takes the daemon's setting at the time of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<crate::Effort>,
    /// Jobs with a higher priority run first; the user's own requests run before all jobs.
    #[serde(default)]
    pub priority: i32,
    /// When it is due.
    #[serde(default)]
    pub schedule: Schedule,
    /// Jobs that must be done first. If one of them fails or is cancelled, so does this one.
    #[serde(default)]
    pub after: Vec<JobId>,
    /// How often it may be tried, the first time included.
    #[serde(default = "two")]
    pub max_attempts: u32,
    /// The most milliseconds that one attempt may take.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Idempotency key: if this repository already has a job with this key, adding another returns that job.
    #[serde(default)]
    pub key: Option<String>,
    /// Where the result goes. In JSON it is `landing`: rows and clients of earlier versions have that name.
    #[serde(default, rename = "landing", alias = "delivery")]
    pub delivery: Delivery,
    /// Who asked, in one word: `cli`, `python`, `watch`, `cron`.
    #[serde(default)]
    pub origin: String,
}

fn empty_object() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

const fn two() -> u32 {
    2
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// It waits for its time or for other jobs.
    Waiting,
    /// It is a template: its schedule makes jobs of it.
    Scheduled,
    /// It can be taken.
    Queued,
    /// A worker has it.
    Running,
    /// The user has paused it.
    Paused,
    /// Its result waits for a decision.
    Review,
    /// It is done: its result has landed, there was nothing to change, or it was an answer in words.
    Done,
    /// The user has rejected its result.
    Rejected,
    /// It was tried as often as it may be.
    Failed,
    /// The user has cancelled it.
    Cancelled,
}

impl JobState {
    /// Whether the job stays as it is unless the user retries it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Rejected | Self::Failed | Self::Cancelled)
    }

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Review => "review",
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The kind of a failure, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The repository, or a path in it.
    Repository,
    /// The model: it is not installed, or does not load.
    Model,
    /// Anything else, also what a later version knows.
    #[default]
    #[serde(other)]
    Other,
}

impl FailureKind {
    const fn is_other(&self) -> bool {
        matches!(self, Self::Other)
    }
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailure {
    /// The error, in words.
    pub message: String,
    /// A hint for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether another attempt may come out differently: a worker that died, a file that changed meanwhile.
    pub transient: bool,
    /// Its kind.
    #[serde(default, skip_serializing_if = "FailureKind::is_other")]
    pub kind: FailureKind,
}

/// One file of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    /// Where.
    pub path: RepoPath,
    /// `added`, `modified` or `deleted`.
    pub status: String,
    /// Hunks of its diff, which a review can accept one by one.
    pub hunks: u32,
}

/// The result of a job, without the bytes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JobResult {
    /// In one line, for lists.
    pub summary: String,
    /// A unified diff; empty when there is nothing to change.
    pub diff: String,
    /// The files.
    pub files: Vec<JobFile>,
    /// An answer in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Whether it passed verification.
    pub verified: bool,
    /// How far it may be trusted. Results from before this was kept do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applicability: Option<Applicability>,
    /// The notes of verification and of the plugin.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The edit in the history of the repository, once it has landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
    /// The commit, once it has landed in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JobProgress {
    /// In words: `reading`, `writing src/a.py`, `checking`.
    pub stage: String,
    /// In `0..=1`, where it is known.
    #[serde(default)]
    pub fraction: Option<f32>,
    /// Tokens that the model wrote so far.
    #[serde(default)]
    pub tokens: u64,
}

/// A job, as everybody may see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// The request.
    pub spec: JobSpec,
    /// How it stands.
    pub state: JobState,
    /// How often it was begun.
    pub attempts: u32,
    /// When it was added, in milliseconds since 1970, as all times here.
    pub created_ms: u64,
    /// When it was last begun.
    #[serde(default)]
    pub started_ms: Option<u64>,
    /// When it was over.
    #[serde(default)]
    pub finished_ms: Option<u64>,
    /// When it is due, where it waits for a time.
    #[serde(default)]
    pub due_ms: Option<u64>,
    /// The worker that has it.
    #[serde(default)]
    pub worker: Option<String>,
    /// How far it is.
    #[serde(default)]
    pub progress: Option<JobProgress>,
    /// Its result.
    #[serde(default)]
    pub result: Option<JobResult>,
    /// Why it failed, or did the last time.
    #[serde(default)]
    pub failure: Option<JobFailure>,
    /// The template that it was made from.
    #[serde(default)]
    pub template: Option<JobId>,
}

/// Something that happened to a job. Events of one job are numbered without gaps, from 1, and kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobEvent {
    /// The job.
    pub job: JobId,
    /// Its number.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What.
    pub what: JobHappening,
}

/// The event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobHappening {
    /// Its state changed.
    State {
        /// To what.
        to: JobState,
        /// Why, where there is something to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It is further than it was.
    Progress(JobProgress),
    /// A line for the log.
    Log {
        /// `debug`, `info`, `warn` or `error`.
        level: String,
        /// What.
        message: String,
    },
}

/// A hunk of a result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HunkRef {
    /// The file.
    pub path: RepoPath,
    /// Its number within the file's diff, from 1.
    pub hunk: u32,
}

/// Which jobs are listed, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobFilter {
    /// Of this repository.
    #[serde(default)]
    pub repository: Option<PathBuf>,
    /// In one of these states; empty is any.
    #[serde(default)]
    pub states: Vec<JobState>,
    /// Only those older than this one: the next page.
    #[serde(default)]
    pub before: Option<JobId>,
    /// At most so many; 0 is 100.
    #[serde(default)]
    pub limit: u32,
}
