//! Verbs of plugins that answer in words, such as `deepcoder explain`.

use super::task;
use crate::args::{AnswerArgs, PluginVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use deepcoder_app::Takes;
use serde_json::json;

pub(crate) fn explain(
    verb: &PluginVerb,
    args: &AnswerArgs,
    invocation: &mut Invocation,
    console: &mut Console,
) -> Result {
    let (question, paths) = task::words(verb.takes, &args.words, args.message.as_ref(), invocation)?;
    let needed = match verb.takes {
        Takes::Words => question.is_empty(),
        _ => question.is_empty() && paths.is_empty() && verb.takes != Takes::Nothing,
    };
    if needed {
        let name = &verb.name;
        return Err(Failure::new(format!("nothing to {name}"))
            .hint(format!("deepcoder {name} src/util.py, or deepcoder {name} \"how are paths checked?\"")));
    }
    let mut request = task::request(&verb.name, question, paths, invocation);
    request.params.clone_from(&verb.params);
    // Shown as it comes only to a person: a pipe gets the finished answer.
    let live = console.streams_live();
    let mut shown = String::new();
    let mut on_token = |console: &mut Console, progress: &crate::progress::Progress, text: &str| {
        if live {
            progress.clear();
            shown.push_str(text);
            // A broken standard output shows again below.
            let _ = console.print(text);
        }
    };
    let task::Ended { task, .. } = task::carry_out(&request, invocation, console, &mut on_token)?;
    let Some(result) = task.result else { return Err(Failure::new("the task has no result")) };
    let answer = result.answer.map(|answer| answer.text).unwrap_or_default();
    if console.json {
        console.json(&json!({
            "text": answer,
            "model": result.model,
            "targets": result.targets,
            "usage": result.stats.usage,
        }))?;
    } else {
        let rest = if shown.trim() == answer.trim() { "" } else { answer.as_str() };
        if !shown.is_empty() && !shown.ends_with('\n') {
            console.line("")?;
        }
        console.print(rest)?;
        if !rest.is_empty() && !rest.ends_with('\n') {
            console.line("")?;
        }
    }
    Ok(Done::Clean)
}
