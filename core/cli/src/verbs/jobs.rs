//! `deepcoder jobs`

mod add;
mod review;
mod show;

use crate::args::{JobListArgs, JobsArgs, JobsVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::time;
use deepcoder_protocol::client::{CallError, Client};
use deepcoder_types::{Job, JobFilter, JobId, JobState, Schedule};
use deepcoder_workspace::Workspace;
use serde_json::json;

/// Characters of an instruction in a list.
const WORDS: usize = 48;

pub(crate) fn jobs(verb: &JobsVerb, invocation: &mut Invocation, console: &mut Console) -> Result {
    match verb {
        JobsVerb::Add(args) => add::add(args, invocation, console),
        JobsVerb::List(args) => list(args, invocation, console),
        JobsVerb::Show(args) => show::show(args, invocation, console),
        JobsVerb::Logs(args) => show::logs(args, invocation, console),
        JobsVerb::Review(args) => review::review(args, invocation, console),
        JobsVerb::Cancel(args) => each(args, invocation, console, Client::cancel_job),
        JobsVerb::Retry(args) => each(args, invocation, console, Client::retry_job),
        JobsVerb::Pause(args) => each(args, invocation, console, Client::pause_job),
        JobsVerb::Resume(args) => each(args, invocation, console, Client::resume_job),
    }
}

/// Do the same to every job, and say of each how it stands then.
fn each(
    args: &JobsArgs,
    invocation: &Invocation,
    console: &mut Console,
    how: fn(&mut Client, &str) -> std::result::Result<Job, CallError>,
) -> Result {
    let mut client = invocation.profile.client()?;
    let mut failed = None;
    for id in &args.ids {
        match how(&mut client, id) {
            Ok(job) if console.json => console.json(&job)?,
            Ok(job) => console.line(&format!("{} {}", short(&job.id), stands(&job)))?,
            // The others are done all the same.
            Err(error) => {
                let failure = Failure::from(error);
                if let Some(before) = failed.replace(failure) {
                    console.warn(&before.message);
                }
            }
        }
    }
    failed.map_or(Ok(Done::Clean), Err)
}

fn list(args: &JobListArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let here = match Workspace::open(&invocation.base) {
        _ if args.all => None,
        Ok(workspace) => Some(workspace.root().to_owned()),
        Err(error) if invocation.moved => return Err(error.into()),
        Err(_) => None,
    };
    let mut client = invocation.profile.client()?;
    let before = match &args.before {
        Some(id) => Some(client.job(id)?.id),
        None => None,
    };
    let filter = JobFilter {
        repository: here.clone(),
        states: args.state.iter().copied().map(JobState::from).collect(),
        before,
        limit: args.limit,
    };
    let jobs = client.jobs(&filter)?;
    if console.json {
        console.json(&json!({ "jobs": jobs }))?;
        return Ok(Done::Clean);
    }
    if jobs.is_empty() {
        console.note("no jobs; `deepcoder jobs add \"…\"` adds one");
        return Ok(Done::Clean);
    }
    let now = invocation.now_ms();
    let state = jobs.iter().map(|job| job.state.name().len()).max().unwrap_or_default();
    for job in &jobs {
        let age = time::span(now.saturating_sub(job.created_ms) / 1000);
        let place =
            if here.is_some() { String::new() } else { format!("  {}", crate::sanitise::file(&job.spec.repository)) };
        console.line(&format!(
            "{}  {:state$}  {age:>7}  {:8} {}{}{place}",
            short(&job.id),
            job.state.name(),
            job.spec.kind,
            words(&job.spec.prompt),
            details(job, now),
        ))?;
    }
    if u32::try_from(jobs.len()).is_ok_and(|count| count == args.limit)
        && let Some(last) = jobs.last()
    {
        console.note(&format!("`deepcoder jobs list --before {}` shows older ones", short(&last.id)));
    }
    Ok(Done::Clean)
}

/// The notes below a list.
fn details(job: &Job, now: u64) -> String {
    let text = match (job.state, &job.result, &job.failure, &job.progress) {
        (JobState::Running, _, _, Some(progress)) => match progress.tokens {
            0 => progress.stage.clone(),
            tokens => format!("{}, {tokens} tokens", progress.stage),
        },
        (JobState::Failed, _, Some(failure), _) => failure.message.lines().next().unwrap_or_default().to_owned(),
        (JobState::Done | JobState::Review, Some(result), ..) => match result.files.len() {
            0 => result.summary.clone(),
            1 => format!("1 file, {}", hunks(result)),
            files => format!("{files} files, {}", hunks(result)),
        },
        (JobState::Scheduled, ..) if job.spec.schedule == Schedule::Change => "on changes".into(),
        (JobState::Scheduled | JobState::Waiting, ..) => match job.due_ms {
            Some(due) if due > now => format!("in {}", time::span((due - now) / 1000)),
            _ => String::new(),
        },
        _ => String::new(),
    };
    if text.is_empty() { text } else { format!("  ({})", cut(&text, WORDS)) }
}

fn hunks(result: &deepcoder_types::JobResult) -> String {
    match result.files.iter().map(|file| file.hunks).sum() {
        1u32 => "1 hunk".into(),
        hunks => format!("{hunks} hunks"),
    }
}

/// How a job stands, in a word or a few.
fn stands(job: &Job) -> String {
    match (job.state, &job.failure) {
        (JobState::Failed, Some(failure)) => format!("failed: {}", failure.message),
        (JobState::Running, _) => "running; it ends within one step of the model".into(),
        (state, _) => state.name().to_owned(),
    }
}

/// How the program ends for a job that ended so.
fn ended(job: &Job) -> Done {
    match job.state {
        JobState::Done | JobState::Scheduled => Done::Clean,
        _ => Done::Findings,
    }
}

pub(super) fn short(id: &JobId) -> &str {
    crate::ids::short(&id.0)
}

fn words(prompt: &str) -> String {
    cut(prompt.trim().lines().next().unwrap_or_default(), WORDS)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}
