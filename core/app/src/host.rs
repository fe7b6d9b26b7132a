//! Where a request is carried out.

use crate::carry_out::check_request;
use crate::{App, TaskError};
use deepcoder_profile::{ModelError, Profile};
use deepcoder_protocol::Tasks;
use deepcoder_protocol::client::{Client, RemoteTasks};
use deepcoder_types::{GenerateError, Request, env_var};
use std::sync::Arc;

/// The tasks of the daemon, which is started when there is none; `None` where this process carries `request` out: where
/// the settings say so, and where the request needs what only this process has, the repository that git's variables name.
pub fn in_daemon(profile: &Profile, request: &Request) -> Result<Option<RemoteTasks>, TaskError> {
    let named = [env_var::GIT_DIR, env_var::GIT_WORK_TREE].iter().any(|name| profile.vars().get(name).is_some());
    let steps = cfg!(debug_assertions) && profile.vars().get(env_var::STEP).is_some();
    if !profile.settings().daemon || !profile.has_daemon() || named || steps {
        return Ok(None);
    }
    let away = |error: ModelError| TaskError::Model(GenerateError::from(error));
    if let Some(tasks) = profile.running_tasks().map_err(away)? {
        return Ok(Some(tasks));
    }
    // What cannot be done is said before a daemon is started for it.
    check_request(profile, request)?;
    let model = request.model.as_ref().unwrap_or(&profile.settings().model);
    profile.start_tasks(model).map(Some).map_err(away)
}

/// The tasks that are known without starting anything: those of the daemon that runs, or else those of `here`.
pub fn known_tasks(profile: &Profile, here: impl FnOnce() -> App) -> Arc<dyn Tasks> {
    let socket = &profile.folders().socket;
    match Client::connect(socket) {
        Ok(_) => Arc::new(RemoteTasks::new(socket.clone())),
        Err(_) => Arc::new(here()),
    }
}
