//! What goes over the socket: one JSON object a line. See `PROTOCOL.md`.

mod failure;
mod status;
#[cfg(test)]
mod tests;

use crate::service::{Added, JobCounts, Watched};
use deepcoder_types::{GenerateRequest, Generation, Job, JobEvent, JobFilter, JobSpec, ModelInfo, Review, TokenEvent};
pub use failure::{Failure, Refusal};
pub use status::{ServerInfo, Status, WorkerStatus};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::PathBuf;

/// Version of the protocol. A server answers only clients that speak the same.
pub const PROTOCOL: u32 = 2;

/// The longest line that a server reads, in bytes.
pub const MAX_REQUEST: usize = 16 << 20;

/// A line of a client.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request<'a> {
    /// Chosen by the client; every event that answers carries it.
    pub id: u64,
    /// What is to be done.
    #[serde(rename = "do")]
    pub op: Op<'a>,
}

/// What is to be done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op<'a> {
    /// The first request of a connection.
    Hello {
        /// The protocol that the client speaks.
        protocol: u32,
        /// The client's name.
        client: Cow<'a, str>,
    },
    /// Have a model write text.
    Generate {
        /// The model's name.
        model: Cow<'a, str>,
        /// The prompt and the settings.
        request: Cow<'a, GenerateRequest>,
    },
    /// How many tokens a text has.
    CountTokens {
        /// The model's name.
        model: Cow<'a, str>,
        /// The text.
        text: Cow<'a, str>,
    },
    /// What a model is.
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
    /// End a request of this connection.
    Cancel {
        /// Its id.
        target: u64,
    },
    /// About background jobs.
    Jobs(JobOp),
    /// About watched repositories.
    Watching(WatchOp),
}

/// About background jobs. An `id` is any prefix that names one job only.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobOp {
    /// Add a job.
    Add {
        /// What is to be done, where and when.
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
        /// What is accepted.
        decision: Review,
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
    /// What is watched.
    List,
}

/// A line of the daemon.
#[derive(Debug, Serialize, Deserialize)]
pub struct Event {
    /// Of the request; 0 where it could not be read.
    pub id: u64,
    /// What happened.
    pub event: Body,
}

/// What happened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// The answer to `hello`.
    Hello(ServerInfo),
    /// One of several, while text is generated; never the last.
    Token(TokenEvent),
    /// The generated text.
    Done(Generation),
    /// A number of tokens.
    Count(u32),
    /// What a model is.
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
    JobEvents(Vec<JobEvent>),
    /// How many jobs there are.
    JobCounts(JobCounts),
    /// Watched repositories.
    Watched(Vec<Watched>),
    /// Whether the repository was watched.
    Unwatched(bool),
    /// It is done.
    Ok,
    /// The request failed.
    Error {
        /// For people.
        message: String,
        /// For programs.
        kind: Failure,
    },
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
