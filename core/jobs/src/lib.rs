//! Background jobs: what the daemon does while no client waits for it. Takes jobs from the queue, runs them as
//! `deepcoder edit` would, and lands what they come to: in the work tree, on a branch, or for somebody to decide about.
//!
//! **Invariant:** every effect once, whoever dies when. A job's result is kept in the queue before it lands; it lands under
//! the id of the job, in the history of the work tree or as a mark beside the branch; and whoever has the job looks
//! there before anything else. Whoever has lost the job lands nothing: see `land`.
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
