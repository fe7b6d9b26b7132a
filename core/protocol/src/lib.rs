//! The protocol between processes of deepcoder and the daemon: the wire types, the blocking client, and the traits
//! behind which the daemon's services are. `PROTOCOL.md` beside this crate describes the lines.
//!
//! **Invariant:** this crate has no async runtime, opens no file, and connects only to processes of its own user.

pub mod client;
mod service;
pub mod socket;
mod tasks;
pub mod wire;

pub use service::{Added, JobCounts, Jobs, ModelLoader, Models, OnChange, Watched, Watching, WorkerCommand};
pub use tasks::Tasks;
pub use wire::{Failure, MAX_REQUEST, OLDEST, PROTOCOL, Refusal, ServerInfo, Status, WorkerStatus};
