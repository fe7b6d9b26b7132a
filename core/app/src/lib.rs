//! The application: requests come in, become tasks, and land. Every surface is a caller of it and keeps parsing and
//! rendering to itself: the command line, Python, background jobs, and the daemon, which hosts it for its clients.
//!
//! **Invariant:** [`may_land`] is the only rule that decides whether a result lands, whichever surface asks.
//! **Invariant:** a task recovers its work tree before it reads it, so that no half-written tree is read.

mod caller;
mod carry_out;
mod checks;
mod commit;
mod entry;
mod error;
mod held;
mod host;
mod kept;
mod learn;
mod position;
mod refusals;
mod repo;
mod resolve;
mod result;
mod tasks;
#[cfg(test)]
mod tests;

pub use carry_out::{land, may_land_now};
pub use checks::CheckPlace;
pub use commit::CommitPlace;
pub use deepcoder_apply::{LogEntry, LogFile, Recovery, Restored, STEPS, Side, Undone};
pub use deepcoder_codemod::Learned;
pub use deepcoder_pipeline::{Verb, may_land, verb, verbs};
pub use deepcoder_plugin_api::{Param, ParamType, Takes};
pub use error::{TaskError, in_words};
pub use host::{SubmitError, known_tasks, submit};
pub use kept::{Kept, KeptError, from_bytes, to_bytes};
pub use learn::{LearnEditError, learn_texts};
pub use position::{FindPositionError, PositionError, offset_in};
pub use repo::{ApplyRun, Repo, RepoError};
pub use resolve::{Resolved, from_root, lines_of, request_for, resolve};
pub use result::{files_of, notes_of, summary_of};
pub use tasks::{App, Clock};

use deepcoder_profile::{Profile, Role};
use deepcoder_protocol::Models;
use deepcoder_types::{Cancel, GenerateError, LanguageModel};
use std::path::Path;
use std::sync::Arc;

/// Models as a profile has them: in the daemon, or in this process.
pub struct ProfileModels(pub Profile);

impl Models for ProfileModels {
    fn interactive(&self, name: Option<&str>, cancel: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        let name = name.map_or_else(|| self.0.model_for(Role::Edit), str::to_owned);
        Ok(self.0.model(&name, cancel)?)
    }

    fn background(&self, name: Option<&str>, _: &Path) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        self.interactive(name, &Cancel::new())
    }
}

/// One model that the caller has loaded, whichever is asked for.
pub struct OneModel(pub Arc<dyn LanguageModel>);

impl Models for OneModel {
    fn interactive(&self, _: Option<&str>, _: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Ok(Arc::clone(&self.0))
    }

    fn background(&self, _: Option<&str>, _: &Path) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        Ok(Arc::clone(&self.0))
    }
}
