//! The order of the stages: plan → context → run → edit → verify → apply. Only this crate sees them all.
//!
//! **Invariant:** a plugin reaches files and the model only through [`Grants`]: what its manifest declares and what the
//! caller's [`Policy`] allows. A plugin returns a proposal; [`apply`] is the only way to the applier, refuses what
//! failed verification unless the caller says otherwise, and then the record says so.

mod agreement;
mod attempt;
mod candidates;
mod comments;
mod confidence;
mod contain;
mod counted;
mod decision;
mod each;
mod error;
mod grants;
mod host;
mod linked;
mod names;
mod no_model;
mod project;
mod record;
mod run;
#[cfg(test)]
mod tests;
mod trim;
mod verbs;
mod verdict;
mod within;

pub use deepcoder_types::{Event, Skipped, Stage, Stats};
pub use error::{ApplyRunError, RunError};
pub use grants::{Grants, GrantsError, Policy};
pub use names::NameServers;
pub use no_model::NoModel;
pub use project::ProjectChecks;
pub use record::Record;
pub use run::{CONFIDENCE, Pipeline, Run, RunOptions, apply};
pub use verbs::{Verb, check_options, needs_no_model, verb, verbs};
pub use verdict::{may_land, unattended_text};
