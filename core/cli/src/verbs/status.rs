//! `deepcoder status`

use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Result};
use crate::{sanitise, time};
use deepcoder_profile::build_version;
use deepcoder_protocol::client::{Client, ConnectError};
use deepcoder_protocol::{JobCounts, Status, Watched};
use serde_json::json;

pub(crate) fn status(invocation: &Invocation, console: &mut Console) -> Result {
    let Some(mut client) = connected(invocation)? else {
        return not_running(invocation, console);
    };
    let status = client.status()?;
    let same_build = status.version == build_version(&invocation.executable);
    // A database that cannot be reached is worth a word, and no reason to say nothing else.
    let (jobs, watched) = (client.job_counts(), client.watched());
    if console.json {
        let mut value = json!(status);
        value["running"] = json!(true);
        value["same_build"] = json!(same_build);
        value["socket"] = json!(socket(invocation));
        value["jobs"] = match &jobs {
            Ok(counts) => json!(counts),
            Err(error) => json!({ "error": error.to_string() }),
        };
        value["watched"] = json!(watched.unwrap_or_default());
        console.json(&value)?;
        return Ok(Done::Clean);
    }
    process(&status, console)?;
    if !same_build {
        console.line("it is another build than this program, which replaces it when it is idle")?;
    }
    models(&status, console)?;
    if let Some(store) = &status.store {
        match &jobs {
            Ok(counts) => {
                console.line(&format!("jobs: {}, kept in {store}", count(counts)))?;
                if let Some(aside) = &counts.damaged {
                    let aside = aside.display();
                    console.warn(&format!("the queue was damaged and is now {aside}; {aside}.txt says what is lost"));
                }
            }
            Err(error) => console.warn(&format!("jobs: {error}")),
        }
    }
    for one in watched.unwrap_or_default() {
        lines(&one)
            .iter()
            .enumerate()
            .try_for_each(|(n, text)| console.line(&format!("{}{text}", if n == 0 { "watches " } else { "" })))?;
    }
    if status.hung > 0 {
        let many = if status.hung == 1 { "1 call hangs" } else { &format!("{} calls hang", status.hung) };
        console.warn(&format!("{many} at a disk or a database that does not answer"));
        console.hint("`deepcoder stop` ends them with the daemon; the next command starts a new one");
    }
    let busy = if status.busy || status.tasks > 0 { "at work" } else { "idle" };
    if status.tasks > 0 {
        console.line(&format!("tasks that run: {}", status.tasks))?;
    }
    console.line(&format!("{busy}, {} waiting, {} requests served", status.queued, status.served))?;
    Ok(Done::Clean)
}

/// The daemon's status, if one runs.
pub(crate) fn running(invocation: &Invocation) -> Result<Option<Status>> {
    Ok(match connected(invocation)? {
        Some(mut client) => Some(client.status()?),
        None => None,
    })
}

fn connected(invocation: &Invocation) -> Result<Option<Client>> {
    match Client::connect(&invocation.profile.folders().socket) {
        Ok(client) => Ok(Some(client)),
        Err(ConnectError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn socket(invocation: &Invocation) -> String {
    invocation.profile.folders().socket.to_string_lossy().into_owned()
}

fn not_running(invocation: &Invocation, console: &mut Console) -> Result {
    if console.json {
        console.json(&json!({ "running": false, "socket": socket(invocation) }))?;
    } else {
        console.line("not running; it starts when it is needed")?;
    }
    Ok(Done::Clean)
}

fn process(status: &Status, console: &mut Console) -> Result<()> {
    console.line(&format!(
        "running: process {}, version {}, for {}{}",
        status.pid,
        status.version,
        time::span(status.uptime_ms / 1000),
        memory(status.memory)
    ))
}

fn models(status: &Status, console: &mut Console) -> Result<()> {
    let idle = time::span(status.idle_limit_ms / 1000);
    match &status.model {
        Some(model) => console.line(&format!("model: {model}, unloaded after {idle} without work"))?,
        None => console.line("model: none in memory")?,
    }
    if let Some(worker) = &status.worker {
        if let Some(pid) = worker.pid {
            console.line(&format!("its process: {pid}{}", memory(worker.memory)))?;
        }
        if let Some(reason) = &worker.last_death {
            console.line(&format!("processes that died: {}, the last one: {reason}", worker.deaths))?;
        }
    }
    if status.background_busy || status.background_queued > 0 {
        let busy = if status.background_busy { "at work" } else { "giving way" };
        console.line(&format!("in the background: {busy}, {} waiting", status.background_queued))?;
    }
    Ok(())
}

fn memory(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!(", {}", time::bytes(bytes)))
}

fn count(counts: &JobCounts) -> String {
    let named = [
        (counts.running, "running"),
        (counts.queued, "queued"),
        (counts.waiting, "waiting"),
        (counts.review, "to be reviewed"),
    ];
    let some: Vec<String> = named.iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
    if some.is_empty() { "none open".into() } else { some.join(", ") }
}

/// A watched repository in a line, with what the user should know below.
pub(crate) fn lines(watched: &Watched) -> Vec<String> {
    let files = watched.files.map_or_else(|| "not counted yet".to_owned(), |files| format!("{files} files"));
    let first = format!("{}  {files}, by {}", sanitise::file(&watched.root), watched.how);
    [first].into_iter().chain(watched.notes.iter().map(|note| format!("  {note}"))).collect()
}
