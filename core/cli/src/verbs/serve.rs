//! `deepcoder serve`, `deepcoder status` and `deepcoder stop`

use crate::args::{ServeArgs, WorkerArgs};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Result};
use crate::time;
use deepcoder_daemon::client::{self, Client, ConnectError};
use deepcoder_daemon::{ServeError, ServeOptions, Services, Status, WorkOptions};
use deepcoder_jobs::{JobService, Options as JobOptions};
use deepcoder_session::build_version;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn serve(args: &ServeArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let socket = args
        .socket
        .as_deref()
        .map_or_else(|| invocation.session.folders().socket.clone(), |socket| invocation.path(socket));
    let mut options = ServeOptions::new(&socket);
    if args.detached {
        options.exit = Some(invocation.session.settings().exit);
        // Away from the terminal of whoever started us. It fails where we lead a group already: then we are away.
        let _ = rustix::process::setsid();
    }
    options.idle = args.idle_seconds.map_or(invocation.session.settings().idle, Duration::from_secs);
    // Our own handler sets the flag that `serve` looks at.
    options.handle_signals = false;
    options.version = build_version(&invocation.executable);
    options.model.clone_from(&invocation.session.settings().model);
    if !args.detached {
        console.note(&format!("listening on {}; Ctrl-C ends it", socket.display()));
    }
    let jobs = JobService::new(JobOptions::new(invocation.session.clone(), invocation.clock()));
    let watching = super::watch::service(&invocation.session, jobs.queue(), invocation.clock());
    let services = Services { jobs: Some(Arc::new(jobs)), watching: Some(Arc::new(watching)) };
    match deepcoder_daemon::serve(&options, invocation.session.loader(), services, &invocation.cancel) {
        Ok(()) => Ok(Done::Clean),
        // Two callers started one each: the other one serves both.
        Err(ServeError::AlreadyRunning { .. }) if args.detached => Ok(Done::Clean),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn worker(args: &WorkerArgs, invocation: &Invocation) -> Result {
    let session = &invocation.session;
    let options = WorkOptions { parent: args.parent, memory: session.settings().worker_memory };
    match deepcoder_daemon::work(session.engines(), &options)? {}
}

pub(crate) fn status(invocation: &Invocation, console: &mut Console) -> Result {
    let status = running(invocation)?;
    if console.json {
        let value = status.as_ref().map_or_else(|| json!({}), |status| json!(status));
        let mut value = value;
        value["running"] = json!(status.is_some());
        value["socket"] = json!(invocation.session.folders().socket);
        console.json(&value)?;
        return Ok(Done::Clean);
    }
    let Some(status) = status else {
        console.line("not running; it starts when it is needed")?;
        return Ok(Done::Clean);
    };
    let memory = status.memory.map_or_else(String::new, |memory| format!(", {}", time::bytes(memory)));
    console.line(&format!(
        "running: process {}, version {}, for {}{memory}",
        status.pid,
        status.version,
        time::span(status.uptime_ms / 1000)
    ))?;
    let idle = time::span(status.idle_limit_ms / 1000);
    match &status.model {
        Some(model) => console.line(&format!("model: {model}, unloaded after {idle} without work"))?,
        None => console.line("model: none in memory")?,
    }
    if let Some(worker) = &status.worker {
        let memory = worker.memory.map_or_else(String::new, |memory| format!(", {}", time::bytes(memory)));
        if let Some(pid) = worker.pid {
            console.line(&format!("its process: {pid}{memory}"))?;
        }
        if let Some(reason) = &worker.last_death {
            console.line(&format!("processes that died: {}, the last one: {reason}", worker.deaths))?;
        }
    }
    if status.background_busy || status.background_queued > 0 {
        let busy = if status.background_busy { "at work" } else { "giving way" };
        console.line(&format!("in the background: {busy}, {} waiting", status.background_queued))?;
    }
    let busy = if status.busy { "at work" } else { "idle" };
    console.line(&format!("{busy}, {} waiting, {} requests served", status.queued, status.served))?;
    Ok(Done::Clean)
}

pub(crate) fn stop(invocation: &Invocation, console: &mut Console) -> Result {
    let stopped = client::stop(&invocation.session.folders().socket)?;
    if console.json {
        console.json(&json!({ "stopped": stopped }))?;
    } else {
        console.note(if stopped { "stopped" } else { "it was not running" });
    }
    Ok(Done::Clean)
}

/// The daemon's status, if one runs.
pub(crate) fn running(invocation: &Invocation) -> Result<Option<Status>> {
    match Client::connect(&invocation.session.folders().socket) {
        Ok(mut client) => Ok(Some(client.status()?)),
        Err(ConnectError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
