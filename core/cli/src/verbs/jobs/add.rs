//! `deepcoder jobs add`

use super::{short, show};
use crate::args::JobAddArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::verbs::task;
use chrono::{DateTime, Local, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _};
use deepcoder_app::Takes;
use deepcoder_types::{Delivery, EDIT, Effort, JobSpec, JobState, Schedule};
use deepcoder_workspace::Workspace;
use serde_json::json;
use std::path::{Component, Path, PathBuf};

pub(super) fn add(args: &JobAddArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let verbs: Vec<String> = deepcoder_app::verbs().into_iter().map(|verb| verb.manifest.name).collect();
    let (kind, words) = verb(&args.words, &verbs);
    let takes = deepcoder_app::verb(&kind).map(|verb| verb.manifest.takes).unwrap_or_default();
    let (prompt, mut typed) = task::words(takes, words, args.message.as_ref(), invocation)?;
    typed.extend(args.paths.iter().cloned());
    let mut params = task::params(&args.option)?;
    task::read_files(&kind, &mut params, invocation)?;
    let options = serde_json::Value::from(params);
    deepcoder_pipeline::check_options(&kind, &without_new(&options))?;
    let workspace = invocation.profile.daemon_workspace(&invocation.base)?;
    // A job runs at the root of the repository.
    let prompt = match takes {
        Takes::Command => deepcoder_app::from_root(&workspace, &invocation.base, &prompt),
        _ => prompt,
    };
    let paths = typed.iter().map(|path| below(&workspace, &invocation.base, path)).collect::<Result<Vec<_>>>()?;
    let schedule = schedule(args, invocation.now_ms())?;
    // A job that runs here at once needs its files now; a branch or a later time may have other files.
    let elsewhere = args.branch.is_some() || args.worktree.is_some() || options["new"] == json!(true);
    if schedule == Schedule::Now && args.after.is_empty() && !elsewhere {
        workspace.expand(&invocation.base, &typed)?;
    }
    let delivery = match (args.apply, &args.branch, &args.worktree) {
        (true, ..) => Delivery::Apply,
        (_, Some(branch), _) => Delivery::Branch(branch.clone()),
        (_, _, Some(path)) => Delivery::Worktree(plain(&invocation.path(path))),
        _ => Delivery::Review,
    };
    let mut client = invocation.profile.client()?;
    // Prefixes are for people; what is kept is whole.
    let after = args.after.iter().map(|id| Ok(client.job(id)?.id)).collect::<Result<Vec<_>>>()?;
    let spec = JobSpec {
        kind,
        repository: workspace.root().to_owned(),
        prompt,
        paths,
        options,
        model: invocation.named_model.clone(),
        seed: invocation.seed.unwrap_or(0),
        effort: args.effort.as_deref().and_then(Effort::named),
        priority: args.priority,
        schedule,
        after,
        max_attempts: args.attempts,
        timeout_ms: args.timeout.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
        key: args.key.clone(),
        delivery,
        origin: "cli".into(),
    };
    let on_change = spec.schedule == Schedule::Change;
    let added = client.add_job(&spec)?;
    if console.json {
        console.json(&json!({ "job": added.job, "existed": added.existed }))?;
    } else {
        console.line(&added.job.id.0)?;
    }
    let id = short(&added.job.id);
    if added.existed {
        console.note(&format!("there is a job of this name already: it is {}", added.job.state.name()));
    }
    if on_change && !client.watched()?.iter().any(|watched| watched.root == spec.repository) {
        console.hint("`deepcoder watch --detach` watches this repository, which is not watched yet");
    }
    if args.follow && added.job.state != JobState::Scheduled {
        return show::follow(&added.job.id.0, 0, client, invocation, console);
    }
    console.note(&format!("`deepcoder jobs logs -f {id}` follows it"));
    Ok(Done::Clean)
}

/// The verb, which is [`EDIT`] where none is named, and the words behind it.
fn verb<'w>(words: &'w [String], verbs: &[String]) -> (String, &'w [String]) {
    match words {
        [first, rest @ ..] if verbs.contains(first) => (first.clone(), rest),
        words => (EDIT.to_owned(), words),
    }
}

/// Options of the plugin: `new` is one of jobs.
fn without_new(options: &serde_json::Value) -> serde_json::Value {
    let mut options = options.clone();
    _ = options.as_object_mut().and_then(|options| options.remove("new"));
    options
}

/// The text typed in the folder `base`, as a path or glob below the root.
fn below(workspace: &Workspace, base: &Path, typed: &str) -> Result<String> {
    let outside = || Failure::new(format!("`{typed}` is outside of {}", workspace.root().display()));
    let base = base.canonicalize().map_err(|e| Failure::io(format_args!("cannot work in {}", base.display()), &e))?;
    let whole = plain(&base.join(typed));
    let path = whole.strip_prefix(workspace.root()).map_err(|_| outside())?;
    let text = path.to_str().ok_or_else(|| Failure::new(format!("`{typed}` is not UTF-8")))?;
    Ok(if text.is_empty() { "**".to_owned() } else { text.to_owned() })
}

/// Without `.` and `..`, by the names alone: what is named need not exist, and may be a glob.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}

fn schedule(args: &JobAddArgs, now_ms: u64) -> Result<Schedule> {
    if let Some(cron) = &args.cron {
        return Ok(Schedule::Cron(cron.clone()));
    }
    if args.on_change {
        return Ok(Schedule::Change);
    }
    if let Some(delay) = args.delay {
        return Ok(Schedule::At(now_ms.saturating_add(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))));
    }
    let Some(text) = &args.at else { return Ok(Schedule::Now) };
    let wrong = |why: &str| {
        Failure::new(format!("`{text}` {why}"))
            .hint("write the time like 18:30 or \"2026-12-24 18:30\"; --in 2h counts from now")
    };
    let now = i64::try_from(now_ms).ok().and_then(|ms| Local.timestamp_millis_opt(ms).single());
    let now = now.ok_or_else(|| wrong("cannot be compared with the clock"))?;
    let at = at(text, now).ok_or_else(|| wrong("is not a time"))?;
    if at <= now {
        return Err(wrong("is over already"));
    }
    u64::try_from(at.timestamp_millis()).map(Schedule::At).map_err(|_| wrong("is not a time"))
}

/// A time of the day is the next one of its kind.
fn at(text: &str, now: DateTime<Local>) -> Option<DateTime<Local>> {
    let text = text.trim();
    if let Ok(whole) = DateTime::parse_from_rfc3339(text) {
        return Some(whole.with_timezone(&Local));
    }
    let times = ["%H:%M", "%H:%M:%S"];
    if let Some(time) = times.iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok()) {
        let today = now.date_naive().and_time(time).and_local_timezone(Local).earliest();
        return match today {
            Some(today) if today > now => Some(today),
            _ => (now.date_naive() + TimeDelta::days(1)).and_time(time).and_local_timezone(Local).earliest(),
        };
    }
    let dates = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"];
    let date = dates.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    date.and_local_timezone(Local).earliest()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects people who write a time as they say it: a time of the day is the next one, dates are taken as they are.
    #[test]
    fn times_are_those_that_are_meant() {
        let now = Local.with_ymd_and_hms(2026, 11, 28, 12, 0, 0).single().expect("a time");
        let said = |text: &str| at(text, now).map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string());
        assert_eq!(said("18:30").as_deref(), Some("2026-11-28 18:30:00"));
        assert_eq!(said("08:00").as_deref(), Some("2026-11-29 08:00:00"));
        assert_eq!(said("2026-12-24 18:30").as_deref(), Some("2026-12-24 18:30:00"));
        assert_eq!(said("2026-12-24T18:30:05").as_deref(), Some("2026-12-24 18:30:05"));
        assert_eq!(said("tomorrow"), None);
        assert_eq!(said("25:00"), None);
    }

    /// Protects the short form: without a verb it is an edit, and a verb is known by its name.
    #[test]
    fn a_job_is_an_edit_unless_it_is_said() {
        let said = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            let (kind, rest) = verb(&words, &["edit".into(), "explain".into()]);
            (kind, rest.to_vec())
        };
        assert_eq!(said(&["add types", "a.py"]), ("edit".into(), vec!["add types".into(), "a.py".into()]));
        assert_eq!(said(&["explain", "how", "a.py"]), ("explain".into(), vec!["how".into(), "a.py".into()]));
        assert_eq!(said(&["edit", "add types"]), ("edit".into(), vec!["add types".into()]));
        assert_eq!(said(&[]), ("edit".into(), Vec::new()));
    }

    /// Protects globs, which name nothing that exists: they mean what they mean in the folder where they were typed.
    #[test]
    fn paths_are_plain() {
        assert_eq!(plain(Path::new("/r/src/../lib/./**/*.py")), Path::new("/r/lib/**/*.py"));
        assert_eq!(plain(Path::new("/../..")), Path::new("/"));
    }
}
