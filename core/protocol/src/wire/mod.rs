//! The wire types: one JSON object a line. See `PROTOCOL.md`.

mod failure;
#[cfg(test)]
mod golden;
mod hex;
mod status;
#[cfg(test)]
mod tests;

use crate::service::{Added, JobCounts, Watched};
use deepcoder_types::{
    Decision, GenerateRequest, Generation, Job, JobEvent, JobFilter, JobSpec, Likelihood, ModelInfo, Prompt, RepoPath,
    Task, TaskEvent, TokenEvent,
};
pub use failure::{Failure, Refusal};
pub use status::{ServerInfo, Status, WorkerStatus};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::path::PathBuf;

/// The newest version of the protocol that this program speaks.
pub const PROTOCOL: u32 = 4;

/// The oldest one.
pub const OLDEST: u32 = 3;

/// The first version with grammars and `choose`. An older daemon ignores a grammar.
pub const GRAMMARS: u32 = 4;

/// The newest version that both sides speak, each from its oldest to its newest.
#[must_use]
pub fn common(ours: (u32, u32), theirs: (u32, u32)) -> Option<u32> {
    let newest = ours.1.min(theirs.1);
    (newest >= ours.0.max(theirs.0)).then_some(newest)
}

/// The longest line that a server reads, in bytes.
pub const MAX_REQUEST: usize = 16 << 20;

/// A line of a client.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request<'a> {
    /// Chosen by the client; every event that answers carries it.
    pub id: u64,
    /// The operation.
    #[serde(rename = "do")]
    pub op: Op<'a>,
}

/// The operation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op<'a> {
    /// The first request of a connection.
    Hello {
        /// The newest protocol that the client speaks.
        protocol: u32,
        /// The oldest one, where it speaks several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oldest: Option<u32>,
        /// The client's name and build.
        client: Cow<'a, str>,
    },
    /// Have a model write text.
    Generate {
        /// The model's name.
        model: Cow<'a, str>,
        /// The prompt and the settings.
        request: Cow<'a, GenerateRequest>,
    },
    /// How likely each option is as the answer to a prompt.
    Choose {
        /// The model's name.
        model: Cow<'a, str>,
        /// The prompt.
        prompt: Cow<'a, Prompt>,
        /// The options.
        options: Cow<'a, [String]>,
    },
    /// How many tokens a text has.
    CountTokens {
        /// The model's name.
        model: Cow<'a, str>,
        /// The text.
        text: Cow<'a, str>,
    },
    /// Describe a model.
    ModelInfo {
        /// The model's name.
        model: Cow<'a, str>,
    },
    /// How the daemon is.
    Status,
    /// Take the model out of memory.
    Unload,
    /// End the daemon.
    Stop,
    /// End the daemon, unless it is busy with requests of users.
    StopIfIdle,
    /// End a request of this connection.
    Cancel {
        /// Its id.
        target: u64,
    },
    /// About background jobs.
    Jobs(JobOp),
    /// About watched repositories.
    Watching(WatchOp),
    /// About tasks: requests in flight.
    Task(TaskOp),
}

/// About background jobs. An `id` is any prefix that names one job only.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobOp {
    /// Add a job.
    Add {
        /// The job.
        spec: Box<JobSpec>,
    },
    /// One job.
    Get {
        /// Its id.
        id: String,
    },
    /// Those that match, newest first.
    List {
        /// Which.
        filter: JobFilter,
    },
    /// Events of a job.
    Events {
        /// Its id.
        id: String,
        /// The number of the last event that is known.
        after: u64,
        /// At most so many.
        limit: u32,
    },
    /// Events of a job as they come, until it is over.
    Follow {
        /// Its id.
        id: String,
        /// The number of the last event that is known.
        after: u64,
    },
    /// Cancel a job.
    Cancel {
        /// Its id.
        id: String,
    },
    /// Try a job again that is over.
    Retry {
        /// Its id.
        id: String,
    },
    /// Hold a job back.
    Pause {
        /// Its id.
        id: String,
    },
    /// Let a job go on.
    Resume {
        /// Its id.
        id: String,
    },
    /// Decide about the result of a job.
    Review {
        /// Its id.
        id: String,
        /// The accepted hunks.
        decision: Decision,
    },
    /// How many jobs there are.
    Counts,
}

/// About watched repositories.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchOp {
    /// Watch a work tree.
    Add {
        /// Its root.
        root: PathBuf,
    },
    /// Watch it no more.
    Remove {
        /// Its root.
        root: PathBuf,
    },
    /// List the watched repositories.
    List,
}

/// About tasks. An `id` is any prefix that names one task only.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskOp {
    /// Begin to carry out a request.
    Submit {
        /// The request.
        request: Box<deepcoder_types::Request>,
    },
    /// The tasks that are known, newest first.
    List {
        /// Of this repository only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repository: Option<PathBuf>,
    },
    /// One task.
    Get {
        /// Its id.
        id: String,
    },
    /// Events of a task as they come, until it no longer runs.
    Follow {
        /// Its id.
        id: String,
        /// The number of the last event that is known.
        after: u64,
    },
    /// Cancel a task.
    Cancel {
        /// Its id.
        id: String,
    },
    /// Decide about the result of a task.
    Decide {
        /// Its id.
        id: String,
        /// The part of the result that lands.
        decision: Decision,
    },
    /// The text that a file would have.
    Text {
        /// The task's id.
        id: String,
        /// The file.
        path: RepoPath,
    },
    /// The result with the bytes of its files.
    Content {
        /// The task's id.
        id: String,
    },
    /// Forget a task that no longer runs.
    Forget {
        /// Its id.
        id: String,
    },
}

/// A line of the daemon.
#[derive(Debug, Serialize, Deserialize)]
pub struct Event {
    /// Of the request; 0 where it could not be read.
    pub id: u64,
    /// The event.
    pub event: Body,
}

/// The event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// The answer to `hello`.
    Hello(ServerInfo),
    /// One of several, while text is generated; never the last.
    Token(TokenEvent),
    /// The generated text.
    Done(Generation),
    /// How likely the options are, in their order.
    Likelihoods(Vec<Likelihood>),
    /// A number of tokens.
    Count(u32),
    /// A description of a model.
    Model(ModelInfo),
    /// How the daemon is.
    Status(Box<Status>),
    /// A job was added, or existed.
    Added(Box<Added>),
    /// One job.
    Job(Box<Job>),
    /// Several jobs, without diffs.
    Jobs(Vec<Job>),
    /// One of several, while a job is followed; never the last.
    JobEvent(JobEvent),
    /// Events of a job.
    JobEvents(#[serde(deserialize_with = "known")] Vec<JobEvent>),
    /// How many jobs there are.
    JobCounts(JobCounts),
    /// Watched repositories.
    Watched(Vec<Watched>),
    /// Whether the repository was watched.
    Unwatched(bool),
    /// One task.
    Task(Box<Task>),
    /// Several tasks, without diffs.
    Tasks(Vec<Task>),
    /// One of several, while a task is followed; never the last.
    TaskEvent(TaskEvent),
    /// The text of a file, where there is one.
    Text(Option<String>),
    /// A result with the bytes of its files.
    Content(#[serde(with = "hex")] Vec<u8>),
    /// It is done.
    Ok,
    /// The request failed.
    Error {
        /// For people.
        message: String,
        /// For programs.
        kind: Failure,
    },
    /// An event of a later version, which this one does not know. It is never sent.
    #[serde(skip)]
    Unknown,
}

impl Body {
    /// The event of a failure.
    pub fn error(kind: impl Into<Failure>) -> Self {
        let kind = kind.into();
        Self::Error { message: kind.to_string(), kind }
    }

    /// JSON has no infinities: a number that it cannot carry must not make the answer unreadable.
    pub fn finite(mut self) -> Self {
        match &mut self {
            Self::Token(token) => {
                for top in &mut token.top {
                    if !top.logprob.is_finite() {
                        top.logprob = f32::MIN;
                    }
                }
            }
            Self::Likelihoods(options) => {
                for option in options {
                    if !option.logprob.is_finite() {
                        option.logprob = f32::MIN;
                    }
                }
            }
            Self::Done(generation) => {
                let t = &mut generation.timing;
                for x in [&mut t.prefill_tps, &mut t.decode_tps, &mut t.first_token_ms, &mut t.total_ms] {
                    if !x.is_finite() {
                        *x = 0.0;
                    }
                }
            }
            _ => {}
        }
        self
    }
}

/// Read a line of a server. Within a version of the protocol a server may be newer than its client: an event that the
/// client does not know, or a part of one that it cannot read, is [`Body::Unknown`], and an error of an unknown kind is
/// one with its message.
pub fn read_event(line: &[u8]) -> Result<Event, serde_json::Error> {
    #[derive(Deserialize)]
    struct Raw {
        id: u64,
        event: serde_json::Value,
    }
    let problem = match serde_json::from_slice::<Event>(line) {
        Ok(event) => return Ok(event),
        Err(problem) => problem,
    };
    let Raw { id, event } = serde_json::from_slice(line)?;
    let kind = event.as_str().or_else(|| event.as_object()?.keys().next().map(String::as_str)).unwrap_or_default();
    let event = match (kind, event["error"]["message"].as_str()) {
        ("error", Some(message)) => {
            Body::error(Failure::Refused { reason: Refusal::Other, message: message.to_owned(), hint: None })
        }
        // Not a part of an answer: the client would wait for another one.
        (known, _) if KNOWN.contains(&known) => return Err(problem),
        _ => Body::Unknown,
    };
    Ok(Event { id, event })
}

/// The events that end a request.
const KNOWN: &[&str] = &[
    "hello",
    "done",
    "likelihoods",
    "count",
    "model",
    "status",
    "added",
    "job",
    "jobs",
    "job-events",
    "job-counts",
    "watched",
    "unwatched",
    "task",
    "tasks",
    "text",
    "content",
    "ok",
    "error",
];

/// A list without the elements of later versions.
fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(list: D) -> Result<Vec<T>, D::Error> {
    let list = Vec::<serde_json::Value>::deserialize(list)?;
    Ok(list.into_iter().filter_map(|element| serde_json::from_value(element).ok()).collect())
}

/// The id of a request whose operation could not be read, such as one of a later version; 0 where there is none.
pub fn id_of(line: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct OnlyId {
        id: u64,
    }
    serde_json::from_slice::<OnlyId>(line).map_or(0, |only| only.id)
}

/// The line of an event. An event that JSON cannot carry, such as one with a path that is not UTF-8, becomes an error
/// under its id: the client would wait forever for one that is left out.
pub fn event_line(id: u64, event: Body) -> Vec<u8> {
    line(&Event { id, event: event.finite() }).unwrap_or_else(|e| {
        let event = Body::error(Failure::Engine(format!("the answer cannot be sent: {e}")));
        line(&Event { id, event }).unwrap_or_default()
    })
}

/// One line, with its end.
pub fn line<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes)
}
