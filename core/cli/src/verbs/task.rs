//! A request from the command line: sent to the application, followed, and shown.

use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Failure, Result};
use crate::progress::Progress;
use crate::sanitise::for_terminal;
use deepcoder_app::{App, ProfileModels, Takes, lines_of};
use deepcoder_protocol::Failure as Refused;
use deepcoder_protocol::Tasks;
use deepcoder_types::{Cancel, Delivery, Event, JobState, Request, Task, Tone};
use std::sync::Arc;

/// The instruction and the paths of `words`, of which the first is the instruction unless `-m` gave it. `-` reads it
/// from standard input. For a verb that takes words or none, a first word that names a file is one.
pub(crate) fn words(
    takes: Takes,
    words: &[String],
    message: Option<&String>,
    invocation: &mut Invocation,
) -> Result<(String, Vec<String>)> {
    let names_a_file = |word: &String| {
        word != "-" && invocation.path(std::path::Path::new(lines_of(word).0)).symlink_metadata().is_ok()
    };
    let (instruction, paths) = match (message, words) {
        (Some(message), paths) => (message.clone(), paths),
        (None, paths) if takes == Takes::Nothing => (String::new(), paths),
        (None, [first, ..]) if takes == Takes::OptionalWords && names_a_file(first) => (String::new(), words),
        (None, [first, paths @ ..]) => (first.clone(), paths),
        (None, []) => (String::new(), words),
    };
    let instruction = if instruction == "-" { invocation.input.all(&invocation.cancel)? } else { instruction };
    Ok((instruction.trim().to_owned(), paths.to_vec()))
}

/// `key=value` pairs as the parameters of a verb: JSON where it parses, text otherwise.
pub(crate) fn params(pairs: &[String]) -> Result<serde_json::Map<String, serde_json::Value>> {
    let mut params = serde_json::Map::new();
    for pair in pairs {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::new(format!("`{pair}` is not an option")).hint("write KEY=VALUE"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        params.insert(key.to_owned(), value);
    }
    Ok(params)
}

/// A request of this invocation, without anything of its verb.
pub(crate) fn request(verb: &str, prompt: String, paths: Vec<String>, invocation: &Invocation) -> Request {
    Request {
        verb: verb.to_owned(),
        prompt,
        directory: invocation.base.clone(),
        paths,
        model: Some(invocation.profile.settings().model.clone()),
        seed: invocation.seed.unwrap_or(0),
        delivery: Delivery::Show,
        origin: "cli".to_owned(),
        ..Request::default()
    }
}

/// Where `request` is carried out: in this process also where it needs the user's shell for a commit.
pub(crate) fn tasks(
    request: &Request,
    commits: bool,
    invocation: &Invocation,
    console: &mut Console,
) -> Result<Arc<dyn Tasks>> {
    let profile = &invocation.profile;
    let model = &profile.settings().model;
    if !commits && let Some(tasks) = deepcoder_app::in_daemon(profile, request)? {
        console.detail(&format!("using the model {model} in the daemon"));
        return Ok(Arc::new(tasks));
    }
    console.detail(&format!("using the model {model}"));
    Ok(Arc::new(here(invocation)))
}

/// The tasks that are known without starting anything.
pub(crate) fn known(invocation: &Invocation) -> Arc<dyn Tasks> {
    deepcoder_app::known_tasks(&invocation.profile, || here(invocation))
}

fn here(invocation: &Invocation) -> App {
    let models = Arc::new(ProfileModels(invocation.profile.clone()));
    App::here(invocation.profile.clone(), models, invocation.clock())
}

/// Send `request` and show how it goes, until the task no longer runs. `on_token` sees what the model writes.
///
/// An interrupt cancels the task. Where the terminal is closed instead, the daemon goes on with it.
pub(crate) fn carry_out(
    tasks: &dyn Tasks,
    request: &Request,
    invocation: &Invocation,
    console: &mut Console,
    on_token: &mut dyn FnMut(&mut Console, &Progress, &str),
) -> Result<Task> {
    let task = tasks.submit(request.clone())?;
    let task = follow(tasks, &task.id, invocation, console, on_token)?;
    match (task.state, &task.failure) {
        (JobState::Failed, Some(failure)) => {
            Err(Failure { message: failure.message.clone(), hint: failure.hint.clone() })
        }
        (JobState::Cancelled, _) => Err(Failure::new("cancelled").hint("nothing was changed")),
        _ => Ok(task),
    }
}

/// Show the events of a task until it no longer runs.
pub(crate) fn follow(
    tasks: &dyn Tasks,
    id: &str,
    invocation: &Invocation,
    console: &mut Console,
    on_token: &mut dyn FnMut(&mut Console, &Progress, &str),
) -> Result<Task> {
    let mut progress = Progress::spinner(console.can_animate(&invocation.vars), "reading the repository");
    let mut seen = 0;
    let followed = tasks.follow(id, 0, &invocation.cancel, &mut |event| {
        seen = event.seq;
        show(&event.event, &mut progress, console, on_token);
    });
    let followed = match followed {
        Err(Refused::Cancelled) if !invocation.hung_up() => {
            tasks.cancel(id)?;
            // It ends within a step. What it did until then is told.
            tasks.follow(id, seen, &Cancel::new(), &mut |event| {
                show(&event.event, &mut progress, console, &mut |_, _, _| {});
            })
        }
        followed => followed,
    };
    progress.clear();
    Ok(followed?)
}

fn show(
    event: &Event,
    progress: &mut Progress,
    console: &mut Console,
    on_token: &mut dyn FnMut(&mut Console, &Progress, &str),
) {
    match event {
        Event::Stage(stage) => progress.label(stage.label()),
        Event::Progress { message, .. } => progress.label(&for_terminal(message)),
        Event::Token(text) => {
            progress.token();
            on_token(console, progress, text);
        }
        _ => {}
    }
    for (tone, line) in event.lines() {
        progress.suspend(|| match tone {
            Tone::Warning => console.warn(&line),
            Tone::Note => console.note(&for_terminal(&line)),
            Tone::Detail => console.detail(&line),
        });
    }
}
