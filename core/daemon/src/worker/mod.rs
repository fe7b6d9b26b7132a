//! Inference in a process of its own: [`Workers`] is the daemon's side of it, [`work`] the process's.
//!
//! They speak the lines of the protocol over a pair of sockets, of which the process has one as its standard input: what
//! a library prints on standard output cannot get in between. A process holds one model for its whole life; unloading
//! it is ending the process.

mod inside;
mod link;
mod pool;
#[cfg(test)]
mod tests;

pub use inside::{WorkError, WorkOptions, work};
pub use pool::Workers;
