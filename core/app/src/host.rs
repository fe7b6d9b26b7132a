//! Where a request is carried out.

use crate::caller::caller_at;
use crate::carry_out::check_request;
use crate::{App, TaskError};
use deepcoder_pipeline::needs_no_model;
use deepcoder_profile::{ModelError, Profile, Role};
use deepcoder_protocol::client::{Client, RemoteTasks};
use deepcoder_protocol::{Failure, Refusal, Tasks};
use deepcoder_types::{Delivery, GenerateError, Hint, Request, Task, env_var};
use std::sync::Arc;

/// Variables by which git's configuration differs from that of the daemon.
const GIT_CONFIGURATION: &[&str] =
    &["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"];

/// Submits `request` to the daemon, started when there is none, or else to `here`. Where the daemon leaves the request to
/// the caller, `here` carries it out. Also says whether that is so.
pub fn submit(
    profile: &Profile,
    mut request: Request,
    here: impl FnOnce() -> App,
) -> Result<(Arc<dyn Tasks>, bool, Task), SubmitError> {
    request.caller = caller_at(&request.directory);
    if let Some(tasks) = in_daemon(profile, &request)? {
        match tasks.submit(request.clone()) {
            Err(Failure::Refused { reason: Refusal::Unsupported, .. }) => {}
            task => {
                let task = task?;
                return Ok((Arc::new(tasks), false, task));
            }
        }
    }
    let app = here();
    let task = app.submit(request)?;
    Ok((Arc::new(app), true, task))
}

/// Why a request is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It cannot be carried out.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The application refuses it.
    #[error(transparent)]
    Refused(#[from] Failure),
}

impl Hint for SubmitError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Task(error) => error.hint(),
            Self::Refused(failure) => failure.hint(),
        }
    }
}

/// The tasks of the daemon, which is started when there is none; `None` where this process carries `request` out: where
/// the settings say so, and where the request needs what only this process has, the repository that git's variables name.
fn in_daemon(profile: &Profile, request: &Request) -> Result<Option<RemoteTasks>, TaskError> {
    let named = [env_var::GIT_DIR, env_var::GIT_WORK_TREE].iter().any(|name| profile.vars().get(name).is_some());
    let steps = cfg!(debug_assertions) && profile.vars().get(env_var::STEP).is_some();
    let configured = GIT_CONFIGURATION.iter().any(|name| profile.vars().get(name).is_some());
    // JSON has no paths that are not UTF-8.
    let unsent = request.directory.to_str().is_none();
    let mut deliveries = [Some(&request.delivery), request.accepted.as_ref()].into_iter().flatten();
    // A commit is made in the user's shell.
    let commits = deliveries.any(|delivery| matches!(delivery, Delivery::Commit { .. }));
    let own = named || configured || unsent || commits || steps;
    if !profile.settings().daemon || !profile.has_daemon() || own {
        return Ok(None);
    }
    let away = |error: ModelError| TaskError::Model(GenerateError::from(error));
    if let Some(tasks) = profile.running_tasks().map_err(away)? {
        return Ok(Some(tasks));
    }
    // A daemon is worth its start for the model that it keeps.
    if needs_no_model(&request.verb, &request.params.clone().into()) {
        return Ok(None);
    }
    // A request that cannot succeed is refused before a daemon is started for it.
    check_request(profile, request)?;
    let model = request.model.clone().unwrap_or_else(|| profile.model_for(Role::of_verb(&request.verb)));
    profile.start_tasks(&model).map(Some).map_err(away)
}

/// The tasks that are known without starting anything: those of the daemon that runs, or else those of `here`.
pub fn known_tasks(profile: &Profile, here: impl FnOnce() -> App) -> Arc<dyn Tasks> {
    let socket = &profile.folders().socket;
    match Client::connect(socket) {
        Ok(_) => Arc::new(RemoteTasks::new(socket.clone())),
        Err(_) => Arc::new(here()),
    }
}
