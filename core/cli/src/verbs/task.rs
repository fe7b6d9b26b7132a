//! A request from the command line: sent to the application, followed, and shown.

use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Failure, Result};
use crate::progress::Progress;
use crate::sanitise::for_terminal;
use deepcoder_app::{App, ParamType, ProfileModels, Takes, lines_of};
use deepcoder_profile::Role;
use deepcoder_protocol::Failure as Refused;
use deepcoder_protocol::Tasks;
use deepcoder_types::{Cancel, Delivery, Event, JobState, Request, Task, Tone};
use std::path::Path;
use std::sync::Arc;

/// The longest file that is the value of a parameter.
const MAX_FILE: u64 = 2 << 20;

/// The instruction and the paths of `words`, of which the first is the instruction unless `-m` gave it. `-` reads it
/// from standard input. For a verb that takes words or none, a first word that names a file is one.
pub(crate) fn words(
    takes: Takes,
    words: &[String],
    message: Option<&String>,
    invocation: &mut Invocation,
) -> Result<(String, Vec<String>)> {
    let names_a_file = |word: &String| {
        let exists = |name: &str| invocation.path(std::path::Path::new(name)).symlink_metadata().is_ok();
        word != "-" && (exists(lines_of(word).0) || exists(word))
    };
    let (instruction, paths) = match (message, words) {
        (None, words) if takes == Takes::Command && words.len() > 1 => {
            (words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "), &words[..0])
        }
        (Some(message), paths) => (message.clone(), paths),
        (None, paths) if takes == Takes::Nothing => (String::new(), paths),
        (None, [first, ..]) if takes == Takes::OptionalWords && names_a_file(first) => (String::new(), words),
        (None, [first, paths @ ..]) => (first.clone(), paths),
        (None, []) => (String::new(), words),
    };
    let instruction = if instruction == "-" { invocation.input.all(&invocation.cancel)? } else { instruction };
    Ok((instruction.trim().to_owned(), paths.to_vec()))
}

/// A word of a command as it is: in backquotes where it would be read as several words or as something else, with backquotes
/// in it doubled.
fn quoted(word: &str) -> String {
    let odd = |c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'');
    if word.is_empty() || word.contains(odd) { format!("`{}`", word.replace('`', "``")) } else { word.to_owned() }
}

/// Puts the texts of files in the place of their names, for the parameters that are files; `-` is standard input.
pub(crate) fn read_files(
    verb: &str,
    params: &mut serde_json::Map<String, serde_json::Value>,
    invocation: &mut Invocation,
) -> Result<()> {
    let Some(verb) = deepcoder_app::verb(verb) else { return Ok(()) };
    for param in verb.manifest.params.iter().filter(|param| param.kind == ParamType::File) {
        let Some(serde_json::Value::String(name)) = params.get_mut(&param.name) else { continue };
        if name == "-" {
            *name = invocation.input.all(&invocation.cancel)?;
            continue;
        }
        let shown = for_terminal(name);
        let text = deepcoder_files::read_text(&invocation.path(Path::new(name.as_str())), MAX_FILE);
        let text = text.map_err(|e| Failure::io(format_args!("cannot read {shown}"), &e))?;
        *name = text;
    }
    Ok(())
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
        model: Some(invocation.profile.model_for(Role::of_verb(verb))),
        seed: invocation.seed.unwrap_or(0),
        delivery: Delivery::Show,
        origin: "cli".to_owned(),
        ..Request::default()
    }
}

/// The tasks that are known without starting anything.
pub(crate) fn known(invocation: &Invocation) -> Arc<dyn Tasks> {
    deepcoder_app::known_tasks(&invocation.profile, || here(invocation))
}

pub(crate) fn here(invocation: &Invocation) -> App {
    let models = Arc::new(ProfileModels(invocation.profile.clone()));
    App::here(invocation.profile.clone(), models, invocation.clock())
}

/// A task that no longer runs, and the tasks that it is one of.
pub(crate) struct Ended {
    pub(crate) tasks: Arc<dyn Tasks>,
    pub(crate) task: Task,
}

/// Send `request` and show how it goes, until the task no longer runs. `on_token` sees what the model writes.
///
/// An interrupt cancels the task. Where the terminal is closed instead, the daemon goes on with it.
pub(crate) fn carry_out(
    request: &Request,
    invocation: &Invocation,
    console: &mut Console,
    on_token: &mut dyn FnMut(&mut Console, &Progress, &str),
) -> Result<Ended> {
    let (tasks, is_here, task) = deepcoder_app::submit(&invocation.profile, request.clone(), || here(invocation))?;
    let place = if is_here { "in this process" } else { "in the daemon" };
    console.detail(&format!("using the model {} {place}", request.model.as_deref().unwrap_or_default()));
    let task = follow(&*tasks, &task.id, is_here, invocation, console, on_token)?;
    match (task.state, &task.failure) {
        (JobState::Failed, Some(failure)) => {
            let failure = Failure { message: failure.message.clone(), hint: failure.hint.clone() };
            Err(interrupted(failure, invocation))
        }
        (JobState::Cancelled, _) => Err(Failure::new("cancelled").hint("nothing was changed")),
        _ => Ok(Ended { tasks, task }),
    }
}

/// Tells a user who interrupts that the edit is in the tree although it could not be committed.
pub(crate) fn interrupted(failure: Failure, invocation: &Invocation) -> Failure {
    if failure.message.contains("is applied but not committed") && invocation.cancel.is_cancelled() {
        return Failure { message: format!("interrupted: {}", failure.message), ..failure };
    }
    failure
}

/// Show the events of a task until it no longer runs. `is_here`: it ends with this process.
pub(crate) fn follow(
    tasks: &dyn Tasks,
    id: &str,
    is_here: bool,
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
        Err(Refused::Cancelled) if invocation.hung_up() && !is_here => {
            let failure = Failure::new("interrupted: the terminal was closed, and the daemon goes on with the task");
            return Err(failure.hint(format!("`deepcoder tasks show {id}` shows it")));
        }
        Err(Refused::Cancelled) => {
            // It may have ended at this moment. If not, it ends within a step, and its events until then are shown.
            _ = tasks.cancel(id);
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
