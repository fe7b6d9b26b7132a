//! What `edit`, `explain` and `complete` share: words and options, and a run of the pipeline with its progress shown.

use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Failure, Result};
use crate::place;
use crate::progress::Progress;
use crate::sanitise::for_terminal;
use deepcoder_pipeline::{Event, Policy, Run, Stage};
use deepcoder_plugin_api::Level;
use deepcoder_session::Repo;
use deepcoder_types::{Instruction, LanguageModel, TextRange};
use std::sync::Arc;

/// The instruction and the paths of `words`, of which the first is the instruction unless `-m` gave it. `-` reads it
/// from standard input.
pub(crate) fn words(
    words: &[String],
    message: Option<&String>,
    invocation: &mut Invocation,
) -> Result<(String, Vec<String>)> {
    let (instruction, paths) = match (message, words) {
        (Some(message), paths) => (message.clone(), paths),
        (None, [first, paths @ ..]) => (first.clone(), paths),
        (None, []) => (String::new(), words),
    };
    let instruction = if instruction == "-" { invocation.input.all(&invocation.cancel)? } else { instruction };
    Ok((instruction.trim().to_owned(), paths.to_vec()))
}

/// Lines named with the first path become the selection.
pub(crate) fn select(
    paths: &[String],
    repo: &Repo,
    invocation: &Invocation,
) -> Result<(Vec<String>, Option<TextRange>)> {
    let Some(first) = paths.first() else { return Ok((Vec::new(), None)) };
    let (file, Some(lines)) = place::lines(first) else {
        let range = first.rsplit_once(':').filter(|(file, lines)| {
            let numbers = !lines.is_empty() && lines.chars().all(|c| c.is_ascii_digit() || c == '-');
            numbers && invocation.path(std::path::Path::new(file)).symlink_metadata().is_ok()
        });
        if let Some((file, lines)) = range {
            let failure = Failure::new(format!("`{lines}` is no range of lines of {file}"));
            return Err(failure.hint(format!("lines count from 1, and the first comes first: {file}:10-40")));
        }
        return Ok((paths.to_vec(), None));
    };
    let path = repo.workspace().resolve(&invocation.base, file)?;
    let text = repo.workspace().read_text(&path)?.text;
    let range = place::range(&text, lines).ok_or_else(|| {
        let count = text.lines().count();
        Failure::new(format!("{file} has {count} lines, not {}", lines.0)).hint(format!("name lines up to {count}"))
    })?;
    let mut files = paths.to_vec();
    files[0] = file.to_owned();
    Ok((files, Some(range)))
}

/// `key=value` pairs as the options of a verb: JSON where it parses, text otherwise.
pub(crate) fn options(pairs: &[String]) -> Result<serde_json::Value> {
    let mut options = serde_json::Map::new();
    for pair in pairs {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::new(format!("`{pair}` is not an option")).hint("write KEY=VALUE"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        options.insert(key.to_owned(), value);
    }
    Ok(options.into())
}

/// Run `instruction` and show how it goes. `on_token` sees what the model writes.
pub(crate) fn run(
    repo: &Repo,
    model: Arc<dyn LanguageModel>,
    instruction: &Instruction,
    policy: Policy,
    invocation: &Invocation,
    console: &mut Console,
    on_token: &mut (dyn FnMut(&mut Console, &Progress, &str) + Send),
) -> Result<Run> {
    let animate = console.can_animate(&invocation.vars);
    let mut progress = Progress::spinner(animate, "reading the repository");
    let mut events = |event: Event| show(event, &mut progress, console, on_token);
    let run = repo.run(model, instruction, policy, &invocation.cancel, &mut events);
    progress.clear();
    Ok(run?)
}

fn show(
    event: Event,
    progress: &mut Progress,
    console: &mut Console,
    on_token: &mut (dyn FnMut(&mut Console, &Progress, &str) + Send),
) {
    match event {
        Event::Stage(Stage::Load) => progress.label("loading the model"),
        Event::Stage(Stage::Land) => progress.label("applying"),
        Event::Stage(Stage::Context) => progress.label("reading the repository"),
        Event::Stage(Stage::Plugin) => progress.label("thinking"),
        Event::Stage(Stage::Verify) => progress.label("verifying"),
        Event::Stage(Stage::Repair) => {
            progress.label("repairing");
            progress.suspend(|| console.note("the result failed verification; asking the model once more"));
        }
        Event::Targets(paths) => {
            let names: Vec<_> = paths.iter().map(|path| for_terminal(path.as_str())).collect();
            progress.suspend(|| console.note(&format!("no files named; chosen: {}", names.join(", "))));
        }
        Event::Skipped { path, reason } => {
            progress.suspend(|| console.warn(&format!("left out {path}: {reason}")));
        }
        Event::Gathered { files, notes } => progress.suspend(|| {
            let names: Vec<_> = files.iter().map(ToString::to_string).collect();
            console.detail(&format!("the model sees {}", names.join(", ")));
            notes.iter().for_each(|note| console.detail(note));
        }),
        Event::Generating { call, max_tokens } => {
            progress.suspend(|| console.debug(&format!("call {call} of the model, at most {max_tokens} tokens")));
        }
        Event::Token(text) => {
            progress.token();
            on_token(console, progress, &text);
        }
        Event::Generated { usage, timing } => progress.suspend(|| {
            console.debug(&format!(
                "{} prompt tokens ({} cached), {} written, {:.0} ms to the first, {:.1} tok/s",
                usage.prompt_tokens,
                usage.cached_tokens,
                usage.completion_tokens,
                timing.first_token_ms,
                timing.decode_tps
            ));
        }),
        Event::Progress { message, .. } => progress.label(&crate::sanitise::for_terminal(&message)),
        Event::Log { level, message } => progress.suspend(|| match level {
            Level::Warn => console.warn(&message),
            Level::Info => console.detail(&message),
            Level::Debug => console.debug(&message),
        }),
    }
}
