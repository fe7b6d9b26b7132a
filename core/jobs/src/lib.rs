//! Background jobs: the daemon's work that no client waits for. It takes jobs from the queue, runs them as `deepcoder
//! edit` would, and delivers their results: to the work tree, to a branch, or to the user for a decision.
//!
//! **Invariant:** every effect happens once, whichever process dies at whichever moment. A job's result is kept in the
//! queue before it lands; it lands under the id of the job, in the history of the work tree or as a mark beside the
//! branch; and a worker looks there before anything else. A worker that has lost the job lands nothing: see `land`.
//!
//! **Invariant:** what a person was told is not forgotten. A call that changes something has been written down when it
//! returns; what runs is told by its flag at once, and by the queue where it runs in another process.

mod check;
mod error;
mod land;
mod refuse;
mod review;
mod run;
mod schedule;
mod service;
mod sweep;
#[cfg(test)]
mod tests;
mod worker;

pub use service::{Clock, JobService, Options};
