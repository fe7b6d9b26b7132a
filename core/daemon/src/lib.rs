//! The daemon: keeps a model warm and lends it to other processes of the same user over a Unix socket.
//!
//! [`serve`] is the server, [`client`] the blocking client; `PROTOCOL.md` beside this crate describes what they speak.
//!
//! **Invariant:** what the daemon can do is generate. It holds no repository, writes no file but its socket and lock,
//! and answers only processes of its own user.

pub mod client;
mod server;
mod socket;
mod wire;

pub use server::{ModelLoader, ServeError, ServeOptions, serve};
pub use wire::{Failure, MAX_REQUEST, PROTOCOL, ServerInfo, Status};
