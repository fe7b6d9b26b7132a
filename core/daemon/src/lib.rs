//! The daemon: keeps a model warm and lends it to other processes of the same user over a Unix socket.
//!
//! [`serve`] is the server; `deepcoder-protocol` holds what it speaks, the client, and the traits of its services.
//!
//! **Invariant:** this crate holds no repository and no database, writes no file but its socket and lock, and answers
//! only processes of its own user. The daemon's other services are behind those traits.

mod memory;
mod server;
mod socket;
mod worker;

pub use memory::keep_memory_together;
pub use server::{ServeError, ServeOptions, Services, serve};
pub use worker::{WorkError, WorkOptions, Workers, work};
