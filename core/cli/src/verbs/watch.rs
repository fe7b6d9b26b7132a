//! `deepcoder watch`, and how the daemon watches.

use crate::args::WatchArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::ids;
use deepcoder_profile::Profile;
use deepcoder_protocol::Failure as Refused;
use deepcoder_protocol::client::Client;
use deepcoder_queue::Queue;
use deepcoder_types::{Job, JobFilter, JobId, JobState};
use deepcoder_watch::{CommentDelivery, Options, StoredRoots, Watches};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often the jobs are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Jobs that are shown at a time.
const SHOWN: u32 = 50;

pub(crate) fn watch(args: &WatchArgs, invocation: &Invocation, console: &mut Console) -> Result {
    if args.list {
        return list(invocation, console);
    }
    if args.stop {
        return stop(invocation, console);
    }
    let workspace = invocation.profile.daemon_workspace(&invocation.base)?;
    let mut client = invocation.profile.client()?;
    let mut seen = Seen::default();
    seen.update(jobs(&mut client, workspace.root())?);
    let watched = client.watch(workspace.root())?;
    if console.json {
        console.json(&json!({ "watched": watched }))?;
    }
    watched.notes.iter().for_each(|note| console.warn(note));
    if args.detach {
        console.note(&format!("watching {}; `deepcoder watch --stop` ends that", watched.root.display()));
        return Ok(Done::Clean);
    }
    console.note(&format!(
        "watching {}: save a comment that ends with AI! (a change) or AI? (a question); Ctrl-C ends this view",
        watched.root.display()
    ));
    let done = follow(args.once, &mut client, workspace.root(), &mut seen, invocation, console);
    if invocation.cancel.is_cancelled() {
        console.note("it is still watched; `deepcoder watch --stop` ends that");
        return Ok(Done::Clean);
    }
    done
}

/// Show the progress of jobs until the user stops the command.
fn follow(
    once: bool,
    client: &mut Client,
    root: &Path,
    seen: &mut Seen,
    invocation: &Invocation,
    console: &mut Console,
) -> Result {
    let mut said: Vec<String> = Vec::new();
    while !invocation.cancel.is_cancelled() && !console.out_closed() {
        for job in seen.update(jobs(client, root)?) {
            show(&job, client, console)?;
            if once && (job.state.is_over() || job.state == JobState::Review) {
                return Ok(if job.state == JobState::Done { Done::Clean } else { Done::Findings });
            }
        }
        let watched = client.watched()?.into_iter().find(|watched| watched.root == root);
        let Some(watched) = watched else {
            return Err(Failure::new(format!("{} is not watched any more", root.display())));
        };
        watched.notes.iter().filter(|note| !said.contains(note)).for_each(|note| console.warn(note));
        said = watched.notes;
        _ = invocation.cancel.wait_timeout(LOOK);
    }
    Ok(Done::Clean)
}

/// How far jobs were when they were last looked at.
#[derive(Default)]
struct Seen(BTreeMap<JobId, JobState>);

impl Seen {
    /// Those that are further, oldest first.
    fn update(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let mut further: Vec<Job> = jobs.into_iter().filter(|job| job.state != JobState::Scheduled).collect();
        further.retain(|job| self.0.insert(job.id.clone(), job.state) != Some(job.state));
        further.reverse();
        further
    }
}

fn jobs(client: &mut Client, root: &Path) -> Result<Vec<Job>> {
    let filter = JobFilter { repository: Some(root.to_owned()), limit: SHOWN, ..JobFilter::default() };
    Ok(client.jobs(&filter)?)
}

fn show(job: &Job, client: &mut Client, console: &mut Console) -> Result<()> {
    // A list comes without diffs.
    let job = if job.state.is_over() || job.state == JobState::Review { client.job(&job.id.0)? } else { job.clone() };
    if console.json {
        return console.json(&json!({ "job": job }));
    }
    let id = ids::short(&job.id.0);
    let first = job.spec.prompt.lines().next().unwrap_or_default();
    let paths: Vec<_> = job.spec.paths.iter().map(|path| crate::sanitise::path(path)).collect();
    let name = format!("{id} {} `{first}` ({})", job.spec.kind, paths.join(", "));
    match (job.state, &job.result, &job.failure) {
        (JobState::Done | JobState::Review, Some(result), _) => {
            console
                .heading(&format!("{name}: {}", if job.state == JobState::Done { "done" } else { "to be reviewed" }))?;
            if let Some(answer) = &result.answer {
                console.print(&format!("{}\n", answer.trim_end()))?;
            } else if result.diff.is_empty() {
                console.line(&result.summary)?;
            }
            console.diff(&result.diff)?;
            if let Some(edit) = &result.edit {
                console.note(&format!("`deepcoder undo {}` takes it back", ids::short(edit)));
            }
            if job.state == JobState::Review {
                console.note(&format!("`deepcoder jobs review {id}` decides about it"));
            }
        }
        (JobState::Failed, _, Some(failure)) => {
            console.warn(&format!("{name}: {}", failure.message));
            failure.hint.iter().for_each(|hint| console.note(&format!("hint: {hint}")));
        }
        (state, ..) => console.note(&format!("{name}: {}", state.name())),
    }
    Ok(())
}

fn list(invocation: &Invocation, console: &mut Console) -> Result {
    let watched = invocation.profile.client()?.watched()?;
    if console.json {
        console.json(&json!({ "watched": watched }))?;
        return Ok(Done::Clean);
    }
    if watched.is_empty() {
        console.note("nothing is watched; `deepcoder watch -C DIR` begins");
    }
    watched.iter().flat_map(super::status::lines).try_for_each(|line| console.line(&line))?;
    Ok(Done::Clean)
}

fn stop(invocation: &Invocation, console: &mut Console) -> Result {
    // The folder may be gone, and is known by its name then.
    let base = std::fs::canonicalize(&invocation.base).unwrap_or_else(|_| invocation.base.clone());
    let was = invocation.profile.client()?.unwatch(&base)?;
    if console.json {
        console.json(&json!({ "stopped": was }))?;
    } else {
        console.note(if was { "not watched any more" } else { "this repository was not watched" });
    }
    Ok(Done::Clean)
}

/// How the daemon of this profile watches. Roots are remembered in the database of the jobs, to which `queue` leads.
pub(crate) fn service(
    profile: &Profile,
    queue: Box<dyn Fn() -> std::result::Result<Arc<Queue>, Refused> + Send + Sync>,
    now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
) -> Watches {
    let settings = profile.settings();
    let options = Options {
        comments: match settings.watch_comments.as_str() {
            "review" => CommentDelivery::Review,
            "off" => CommentDelivery::Off,
            _ => CommentDelivery::Apply,
        },
        gap: settings.watch_gap,
        model_per_hour: settings.watch_model,
        always: settings.watch.clone(),
        ..Options::new(&profile.folders().state)
    };
    Watches::new(options, Box::new(StoredRoots { queue, now_ms: Box::new(move || now_ms()) }))
}
