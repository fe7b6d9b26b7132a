//! What goes over the socket: one JSON object a line. See `PROTOCOL.md`.

use crate::service::{Added, JobCounts, Watched};
use deepcoder_types::{
    GenerateError, GenerateRequest, Generation, Job, JobEvent, JobFilter, JobSpec, ModelInfo, Review, TokenEvent,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::PathBuf;

/// Version of the protocol. A server answers only clients that speak the same.
pub const PROTOCOL: u32 = 2;

/// The longest line that a server reads, in bytes.
pub const MAX_REQUEST: usize = 16 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request<'a> {
    /// Chosen by the client; every event that answers carries it.
    pub(crate) id: u64,
    #[serde(rename = "do")]
    pub(crate) op: Op<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Op<'a> {
    Hello {
        protocol: u32,
        client: Cow<'a, str>,
    },
    Generate {
        model: Cow<'a, str>,
        request: Cow<'a, GenerateRequest>,
    },
    CountTokens {
        model: Cow<'a, str>,
        text: Cow<'a, str>,
    },
    ModelInfo {
        model: Cow<'a, str>,
    },
    Status,
    Unload,
    Stop,
    /// End the request with this id.
    Cancel {
        target: u64,
    },
    Jobs(JobOp),
    Watching(WatchOp),
}

/// About background jobs. An `id` is any prefix that names one job only.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum JobOp {
    Add { spec: Box<JobSpec> },
    Get { id: String },
    List { filter: JobFilter },
    Events { id: String, after: u64, limit: u32 },
    Follow { id: String, after: u64 },
    Cancel { id: String },
    Retry { id: String },
    Pause { id: String },
    Resume { id: String },
    Review { id: String, decision: Review },
    Counts,
}

/// About watched repositories.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WatchOp {
    Add { root: PathBuf },
    Remove { root: PathBuf },
    List,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Of the request; 0 where it could not be read.
    pub(crate) id: u64,
    pub(crate) event: Body,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Body {
    Hello(ServerInfo),
    Token(TokenEvent),
    Done(Generation),
    Count(u32),
    Model(ModelInfo),
    Status(Box<Status>),
    Added(Box<Added>),
    Job(Box<Job>),
    Jobs(Vec<Job>),
    /// One of several, while a job is followed; never the last.
    JobEvent(JobEvent),
    JobEvents(Vec<JobEvent>),
    JobCounts(JobCounts),
    Watched(Vec<Watched>),
    Unwatched(bool),
    Ok,
    Error {
        message: String,
        kind: Failure,
    },
}

impl Body {
    pub(crate) fn error(kind: impl Into<Failure>) -> Self {
        let kind = kind.into();
        Self::Error { message: kind.to_string(), kind }
    }

    /// JSON has no infinities: a number that it cannot carry must not make the answer unreadable.
    pub(crate) fn finite(mut self) -> Self {
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

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// [`PROTOCOL`] of the server.
    pub protocol: u32,
    /// Version of deepcoder.
    pub version: String,
    /// Process id.
    pub pid: u32,
}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Process id.
    pub pid: u32,
    /// Version of deepcoder.
    pub version: String,
    /// [`PROTOCOL`] of the server.
    pub protocol: u32,
    /// Milliseconds since it began to listen.
    pub uptime_ms: u64,
    /// The model in memory.
    pub model: Option<String>,
    /// Bytes of memory that the daemon's own process has resident, where the system tells.
    pub memory: Option<u64>,
    /// The process in which models run.
    #[serde(default)]
    pub worker: Option<WorkerStatus>,
    /// Requests answered, however they ended.
    pub served: u64,
    /// Whether a request of a user is being worked on.
    pub busy: bool,
    /// Requests of users that wait.
    pub queued: u64,
    /// Whether the model has begun something in the background.
    #[serde(default)]
    pub background_busy: bool,
    /// Requests that wait in the background.
    #[serde(default)]
    pub background_queued: u64,
    /// Clients connected.
    pub clients: u64,
    /// Milliseconds without work after which the model is unloaded.
    pub idle_limit_ms: u64,
    /// Where background jobs are kept, without a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// Calls about jobs and watched repositories that wait for a disk or a database which does not answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hung: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How the process is in which models run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// Its id, while there is one.
    pub pid: Option<u32>,
    /// Bytes of memory that it has resident, weights that are mapped from their file included.
    pub memory: Option<u64>,
    /// How many have died since the daemon began.
    pub deaths: u64,
    /// How the last one did.
    pub last_death: Option<String>,
}

/// Why a request failed. The first eight are [`GenerateError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// [`GenerateError::TooLong`].
    #[error("the prompt has {prompt} tokens, and with {max_tokens} for the answer exceeds the context of {context}")]
    TooLong {
        /// Tokens of the prompt.
        prompt: u32,
        /// Tokens asked for.
        max_tokens: u32,
        /// Tokens that fit.
        context: u32,
    },
    /// [`GenerateError::Load`].
    #[error("{message}")]
    Load {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// [`GenerateError::Invalid`].
    #[error("{0}")]
    Invalid(String),
    /// [`GenerateError::NoFill`].
    #[error("the model `{0}` cannot fill in the middle")]
    NoFill(String),
    /// [`GenerateError::Template`].
    #[error("the model's chat template failed: {0}")]
    Template(String),
    /// [`GenerateError::Engine`].
    #[error("the model failed: {0}")]
    Engine(String),
    /// [`GenerateError::Died`].
    #[error("the model's process died: {reason}")]
    Died {
        /// How, as far as it is known.
        reason: String,
    },
    /// [`GenerateError::Unavailable`].
    #[error("the daemon is not available: {0}")]
    Unavailable(String),
    /// The client speaks another version of the protocol.
    #[error("the daemon speaks protocol {server}, the client {client}")]
    Protocol {
        /// Of the server.
        server: u32,
        /// Of the client.
        client: u32,
    },
    /// The line is not a request.
    #[error("not a request: {0}")]
    BadRequest(String),
    /// The line is too long.
    #[error("the request is longer than {limit} bytes")]
    TooLarge {
        /// The most bytes of a line.
        limit: u64,
    },
    /// Too many requests or clients.
    #[error("the daemon is busy: {0}")]
    Busy(String),
    /// It was cancelled before there was anything to return.
    #[error("cancelled")]
    Cancelled,
    /// The daemon is ending.
    #[error("the daemon is stopping")]
    Stopping,
    /// The jobs or the watched repositories do not allow it.
    #[error("{message}")]
    Refused {
        /// Why, for programs.
        reason: Refusal,
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// Why something was refused, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// There is no such job, plugin or repository.
    NotFound,
    /// Several jobs have this prefix.
    Ambiguous,
    /// The job is in a state that does not allow it.
    State,
    /// What was asked makes no sense.
    Invalid,
    /// Files have changed since the result was made.
    Stale,
    /// The database failed: busy, full, read-only, damaged, too new, gone.
    Storage,
    /// This daemon does not do it.
    Unsupported,
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::TooLong { prompt, max_tokens, context } => Self::TooLong { prompt, max_tokens, context },
            GenerateError::Load { message, hint } => Self::Load { message, hint },
            GenerateError::Invalid(m) => Self::Invalid(m),
            GenerateError::NoFill(m) => Self::NoFill(m),
            GenerateError::Template(m) => Self::Template(m),
            GenerateError::Engine(m) => Self::Engine(m),
            GenerateError::Died { reason } => Self::Died { reason },
            GenerateError::Unavailable(m) => Self::Unavailable(m),
        }
    }
}

impl From<Failure> for GenerateError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooLong { prompt, max_tokens, context } => Self::TooLong { prompt, max_tokens, context },
            Failure::Load { message, hint } => Self::Load { message, hint },
            Failure::Invalid(m) => Self::Invalid(m),
            Failure::NoFill(m) => Self::NoFill(m),
            Failure::Template(m) => Self::Template(m),
            Failure::Engine(m) => Self::Engine(m),
            Failure::Died { reason } => Self::Died { reason },
            Failure::Unavailable(m) => Self::Unavailable(m),
            Failure::TooLarge { .. } | Failure::BadRequest(_) => Self::Invalid(failure.to_string()),
            Failure::Protocol { .. }
            | Failure::Busy(_)
            | Failure::Cancelled
            | Failure::Stopping
            | Failure::Refused { .. } => Self::Unavailable(failure.to_string()),
        }
    }
}

/// The id of a request whose operation could not be read, such as one of a later version; 0 where there is none.
pub(crate) fn id_of(line: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct OnlyId {
        id: u64,
    }
    serde_json::from_slice::<OnlyId>(line).map_or(0, |only| only.id)
}

/// The line of an event. An event that JSON cannot carry, such as one with a path that is not UTF-8, becomes an error
/// under its id: the client would wait forever for one that is left out.
pub(crate) fn event_line(id: u64, event: Body) -> Vec<u8> {
    line(&Event { id, event: event.finite() }).unwrap_or_else(|e| {
        let event = Body::error(Failure::Engine(format!("the answer cannot be sent: {e}")));
        line(&Event { id, event }).unwrap_or_default()
    })
}

/// One line, with its end.
pub(crate) fn line<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_types::{FinishReason, Timing, TopLogprob, Usage};

    /// Protects callers that act on the kind of an error: it is the same behind the socket as in the process.
    #[test]
    fn errors_of_the_model_survive_the_wire() {
        for error in [
            GenerateError::TooLong { prompt: 9, max_tokens: 2, context: 10 },
            GenerateError::Load { message: "it is damaged".into(), hint: Some("remove it".into()) },
            GenerateError::Invalid("top_p".into()),
            GenerateError::NoFill("m".into()),
            GenerateError::Template("t".into()),
            GenerateError::Engine("e".into()),
            GenerateError::Died { reason: "killed by signal 9".into() },
            GenerateError::Unavailable("u".into()),
        ] {
            let failure = Failure::from(error.clone());
            assert_eq!(failure.to_string(), error.to_string());
            let text = serde_json::to_string(&failure).expect("json");
            let back: Failure = serde_json::from_str(&text).expect("json");
            assert_eq!(GenerateError::from(back), error);
        }
    }

    /// Protects the stream: an engine that reports an infinite number does not make the client lose the answer.
    #[test]
    fn numbers_that_json_lacks_stay_readable() {
        let token = TokenEvent {
            text: "x".into(),
            id: 1,
            logprob: Some(f32::NEG_INFINITY),
            top: vec![TopLogprob { text: "y".into(), id: 2, logprob: f32::NEG_INFINITY }],
        };
        let timing = Timing { prefill_tps: f64::INFINITY, decode_tps: f64::NAN, ..Timing::default() };
        let done = Generation { text: String::new(), finish: FinishReason::End, usage: Usage::default(), timing };
        for body in [Body::Token(token), Body::Done(done)] {
            let text = line(&Event { id: 1, event: body.finite() }).expect("json");
            serde_json::from_slice::<Event>(&text).expect("readable");
        }
    }

    /// Protects clients from waiting forever: an answer that JSON cannot carry is an error under the id of its request.
    #[test]
    fn an_answer_that_cannot_be_sent_is_an_error() {
        use std::os::unix::ffi::OsStringExt as _;
        let root = PathBuf::from(std::ffi::OsString::from_vec(b"/tmp/caf\xe9".to_vec()));
        let watched = Watched { root, files: None, how: "events".into(), notes: Vec::new() };
        let text = event_line(7, Body::Watched(vec![watched]));
        let event: Event = serde_json::from_slice(&text).expect("readable");
        assert!(matches!(event, Event { id: 7, event: Body::Error { .. } }), "{event:?}");
    }

    /// Protects other people's clients: these are the lines of PROTOCOL.md.
    #[test]
    fn the_documented_lines_are_read() {
        let text = include_str!("../PROTOCOL.md");
        let (mut requests, mut events) = (0, 0);
        for line in text.lines().map(str::trim) {
            if let Some(json) = line.strip_prefix("→ ") {
                serde_json::from_str::<Request<'_>>(json).unwrap_or_else(|e| panic!("{json}: {e}"));
                requests += 1;
            } else if let Some(json) = line.strip_prefix("← ") {
                serde_json::from_str::<Event>(json).unwrap_or_else(|e| panic!("{json}: {e}"));
                events += 1;
            }
        }
        assert!(requests >= 8 && events >= 8, "{requests} requests, {events} events");
    }
}
