//! The daemon: keeps a model warm and lends it to other processes of the same user over a Unix socket.
//!
//! [`serve`] is the server, [`client`] the blocking client; `PROTOCOL.md` beside this crate describes what they speak.
//!
//! **Invariant:** this crate holds no repository and no database, writes no file but its socket and lock, and answers only
//! processes of its own user. What the daemon does besides generating is behind the traits of `service`.

pub mod client;
mod memory;
mod server;
mod service;
mod socket;
mod wire;
mod worker;

pub use memory::{give_back_memory, keep_memory_together};
pub use server::{ModelLoader, ServeError, ServeOptions, Services, serve};
pub use service::{Added, JobCounts, Jobs, Models, OnChange, Watched, Watching};
pub use wire::{Failure, MAX_REQUEST, PROTOCOL, Refusal, ServerInfo, Status, WorkerStatus};
pub use worker::{WorkError, WorkOptions, WorkerCommand, Workers, work};
