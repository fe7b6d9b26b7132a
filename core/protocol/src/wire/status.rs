//! Who answers, and how the daemon is.

use serde::{Deserialize, Serialize};

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// The protocol of this connection.
    pub protocol: u32,
    /// Its build.
    #[serde(default)]
    pub version: String,
    /// Process id.
    #[serde(default)]
    pub pid: u32,
    /// Whether it is busy with requests of users.
    #[serde(default)]
    pub busy: bool,
}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Process id.
    pub pid: u32,
    /// Its build.
    pub version: String,
    /// The newest protocol that it speaks.
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
    /// Tasks that run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tasks: u64,
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
