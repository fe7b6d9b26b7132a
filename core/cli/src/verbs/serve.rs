//! `deepcoder serve` and `deepcoder stop`

use crate::args::{ServeArgs, WorkerArgs};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Result};
use deepcoder_app::App;
use deepcoder_daemon::{ServeError, ServeOptions, Services, WorkOptions, Workers};
use deepcoder_jobs::{JobService, Options as JobOptions};
use deepcoder_profile::{Role, build_version};
use deepcoder_protocol::{ModelLoader, client};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn serve(args: &ServeArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let socket = args
        .socket
        .as_deref()
        .map_or_else(|| invocation.profile.folders().socket.clone(), |socket| invocation.path(socket));
    deepcoder_daemon::keep_memory_together();
    let mut options = ServeOptions::new(&socket);
    if args.detached {
        options.exit = Some(invocation.profile.settings().exit);
        // Leaves the terminal of the program that started the daemon. It fails where this process leads a group
        // already, which has the same effect.
        let _ = rustix::process::setsid();
    }
    options.idle = args.idle_seconds.map_or(invocation.profile.settings().idle, Duration::from_secs);
    options.version = build_version(&invocation.executable);
    options.model = invocation.profile.model_for(Role::Edit);
    if !args.detached {
        console.note(&format!("listening on {}; Ctrl-C ends it", socket.display()));
    }
    let jobs = JobService::new(JobOptions::new(invocation.profile.clone(), invocation.clock()));
    let watching = super::watch::service(&invocation.profile, jobs.queue(), invocation.clock());
    let tasks = App::new(invocation.profile.clone(), invocation.clock());
    let services =
        Services { jobs: Some(Arc::new(jobs)), watching: Some(Arc::new(watching)), tasks: Some(Arc::new(tasks)) };
    let engines = invocation.profile.engines();
    let loader: Arc<dyn ModelLoader> = match invocation.profile.worker_command() {
        Some(command) => Arc::new(Workers::new(command, engines)),
        None => engines,
    };
    match deepcoder_daemon::serve(&options, loader, services, &invocation.cancel) {
        Ok(()) => Ok(Done::Clean),
        // Two callers started one each: the other one serves both.
        Err(ServeError::AlreadyRunning { .. }) if args.detached => Ok(Done::Clean),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn worker(args: &WorkerArgs, invocation: &Invocation) -> Result {
    let profile = &invocation.profile;
    let options = WorkOptions { parent: args.parent, memory: profile.settings().worker_memory };
    match deepcoder_daemon::work(profile.engines(), &options)? {}
}

pub(crate) fn stop(invocation: &Invocation, console: &mut Console) -> Result {
    let stopped = client::stop(&invocation.profile.folders().socket)?;
    if console.json {
        console.json(&json!({ "stopped": stopped }))?;
    } else {
        console.note(if stopped { "stopped" } else { "the daemon was not running" });
    }
    Ok(Done::Clean)
}
