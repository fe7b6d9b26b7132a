//! `deepcoder jobs show` and `deepcoder jobs logs`

use super::{ended, short};
use crate::args::{JobArgs, JobLogsArgs};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::progress::Progress;
use crate::sanitise::{self, for_terminal};
use crate::{ids, time};
use deepcoder_protocol::client::{CallError, Client};
use deepcoder_types::{Delivery, Job, JobEvent, JobHappening, JobState, Schedule};
use serde_json::json;
use std::time::{Duration, Instant};

/// Events that are asked for at a time.
const PAGE: u32 = 1_000;

/// How long a daemon that died may take to be there again, while its jobs are followed.
const COMES_BACK: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(300);

pub(super) fn show(args: &JobArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let mut client = invocation.profile.client()?;
    let job = client.job(&args.id)?;
    if console.json {
        let events = events(&mut client, &job)?;
        console.json(&json!({ "job": job, "events": events }))?;
        return Ok(Done::Clean);
    }
    console.heading(&format!("{} {}", job.spec.kind, job.spec.prompt))?;
    let now = invocation.now_ms();
    let ago = |ms: u64| format!("{} ({} ago)", time::local(ms), time::span(now.saturating_sub(ms) / 1000));
    let mut rows = vec![
        ("job", job.id.0.clone()),
        ("repository", sanitise::file(&job.spec.repository)),
        ("state", job.state.name().to_owned()),
        ("added", ago(job.created_ms)),
    ];
    if !job.spec.paths.is_empty() {
        let paths: Vec<_> = job.spec.paths.iter().map(|path| sanitise::path(path)).collect();
        rows.push(("paths", paths.join(" ")));
    }
    rows.push(("goes", delivery(&job.spec.delivery)));
    match &job.spec.schedule {
        Schedule::Cron(text) => rows.push(("again", text.clone())),
        Schedule::Change => rows.push(("again", "on changes of its paths".into())),
        Schedule::Now | Schedule::At(_) => {}
    }
    rows.extend(job.due_ms.map(|due| ("due", time::local(due))));
    rows.extend(job.started_ms.map(|started| ("begun", ago(started))));
    rows.extend(job.finished_ms.map(|finished| ("over", ago(finished))));
    rows.push(("attempts", format!("{} of {}", job.attempts, job.spec.max_attempts)));
    rows.extend(job.template.as_ref().map(|template| ("made of", template.0.clone())));
    for (name, value) in rows {
        console.line(&format!("{name:10}  {value}"))?;
    }
    come_to(&job, console)?;
    Ok(Done::Clean)
}

fn delivery(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Show | Delivery::Review => "nowhere before it is reviewed".into(),
        Delivery::Apply | Delivery::Commit { .. } => "into the work tree".into(),
        Delivery::Branch(branch) => format!("on the branch {branch}"),
        Delivery::Worktree(path) => format!("into the work tree {}", path.display()),
    }
}

/// The result of a job.
fn come_to(job: &Job, console: &mut Console) -> Result<()> {
    if let (Some(failure), false) = (&job.failure, matches!(job.state, JobState::Done | JobState::Review)) {
        console.warn(&failure.message);
        failure.hint.iter().for_each(|hint| console.hint(hint));
    }
    let Some(result) = &job.result else { return Ok(()) };
    result.notes.iter().for_each(|note| console.warn(note));
    match &result.answer {
        Some(answer) => console.print(&format!("{}\n", answer.trim_end()))?,
        None if result.diff.is_empty() => console.print(&format!("{}\n", result.summary))?,
        None => console.diff(&result.diff)?,
    }
    let id = short(&job.id);
    match (job.state, &result.edit, &result.commit) {
        (JobState::Review, ..) => console.note(&format!("`deepcoder jobs review {id}` decides about it")),
        (JobState::Done, Some(edit), _) => {
            console.note(&format!("in the work tree; `deepcoder undo {}` takes it back", ids::short(edit)))
        }
        (JobState::Done, _, Some(commit)) => {
            console.note(&format!("committed as {}", commit.get(..12).unwrap_or(commit)));
        }
        _ => {}
    }
    Ok(())
}

fn events(client: &mut Client, job: &Job) -> Result<Vec<JobEvent>> {
    let mut all: Vec<JobEvent> = Vec::new();
    loop {
        let page = client.events(&job.id.0, all.last().map_or(0, |event| event.seq), PAGE)?;
        let full = page.len() == PAGE as usize;
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}

pub(super) fn logs(args: &JobLogsArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let mut client = invocation.profile.client()?;
    if args.follow {
        return follow(&args.id, 0, client, invocation, console);
    }
    let job = client.job(&args.id)?;
    for event in events(&mut client, &job)? {
        print(&event, console)?;
    }
    Ok(Done::Clean)
}

/// Show what happens to a job until it is over or waits for a decision, also when the daemon dies meanwhile.
pub(super) fn follow(
    id: &str,
    after: u64,
    mut client: Client,
    invocation: &Invocation,
    console: &mut Console,
) -> Result {
    let mut last = after;
    let mut lost: Option<Instant> = None;
    let mut progress = Progress::spinner(console.can_animate(&invocation.vars), "waiting");
    loop {
        let mut broken = None;
        // The daemon follows a job until it is over. This command stops where the job waits for the user's decision.
        let enough = invocation.cancel.child();
        let followed = client.follow(id, last, &enough, &mut |event| {
            (last, lost) = (event.seq, None);
            if matches!(event.what, JobHappening::State { to: JobState::Review, .. }) {
                enough.cancel();
            }
            if let (JobHappening::Progress(now), false) = (&event.what, console.json) {
                progress.label(&for_terminal(&line(now)));
            } else if let Err(error) = progress.suspend(|| print(&event, console)) {
                broken.get_or_insert(error);
            }
        });
        if let Some(error) = broken {
            return Err(error);
        }
        let followed = match followed {
            Err(CallError::Cancelled) if !invocation.cancel.is_cancelled() => {
                client = invocation.profile.client()?;
                let job = client.job(id)?;
                // It may have been decided about long ago.
                if job.state != JobState::Review {
                    continue;
                }
                Ok(job)
            }
            followed => followed,
        };
        match followed {
            Ok(job) => {
                progress.clear();
                if !console.json {
                    come_to(&job, console)?;
                }
                return Ok(ended(&job));
            }
            Err(CallError::Cancelled) => {
                progress.clear();
                console.note("the job continues in the daemon");
                return invocation.checkpoint().map(|()| Done::Clean);
            }
            // It may have died; the next one goes on with the job.
            Err(
                error @ (CallError::Lost(_)
                | CallError::Io(_)
                | CallError::Refused(deepcoder_protocol::Failure::Stopping)),
            ) => {
                if lost.get_or_insert_with(Instant::now).elapsed() > COMES_BACK {
                    return Err(error.into());
                }
                progress.label("the daemon has gone; waiting for the next one");
                _ = invocation.cancel.wait_timeout(AGAIN);
                invocation.checkpoint()?;
                client = invocation.profile.client()?;
            }
            Err(error) => return Err(Failure::from(error)),
        }
    }
}

fn line(progress: &deepcoder_types::JobProgress) -> String {
    let percent = progress.fraction.map(|fraction| format!(" {:.0} %", fraction * 100.0)).unwrap_or_default();
    match progress.tokens {
        0 => format!("{}{percent}", progress.stage),
        tokens => format!("{}{percent}  {tokens} tokens", progress.stage),
    }
}

fn print(event: &JobEvent, console: &mut Console) -> Result<()> {
    if console.json {
        return console.json(event);
    }
    let text = match &event.what {
        JobHappening::State { to, reason: Some(reason) } => format!("{}: {reason}", to.name()),
        JobHappening::State { to, reason: None } => to.name().to_owned(),
        JobHappening::Progress(progress) => line(progress),
        JobHappening::Log { level, message } if level == "info" => message.clone(),
        JobHappening::Log { level, message } => format!("{level}: {message}"),
    };
    console.line(&format!("{}  {text}", time::local_seconds(event.at_ms)))
}
