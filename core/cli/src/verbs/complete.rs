//! Verbs of plugins about a position, such as `deepcoder complete`.

use super::task;
use crate::args::{PlaceArgs, PluginVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::place;
use serde_json::json;

pub(crate) fn complete(
    verb: &PluginVerb,
    args: &PlaceArgs,
    invocation: &mut Invocation,
    console: &mut Console,
) -> Result {
    let place = place::parse(&args.place)?;
    let mut request = task::request(&verb.name, String::new(), vec![place.file.clone()], invocation);
    request.position = Some(place.position);
    request.params.clone_from(&verb.params);
    if args.stdin {
        let text = invocation.input.all(&invocation.cancel)?;
        request.buffers.insert(place.file.clone(), text);
    }
    let task::Ended { task, .. } = task::carry_out(&request, invocation, console, &mut |_, _, _| {})?;
    let Some(result) = task.result else { return Err(Failure::new("the task has no result")) };
    let text = result.answer.map(|answer| answer.text).unwrap_or_default();
    if console.json {
        console.json(&json!({
            "text": text,
            "file": place.file,
            "line": place.position.line,
            "column": place.position.column,
            "model": result.model,
            "usage": result.stats.usage,
            "timing": {
                "first_token_ms": result.stats.first_token_ms,
                "total_ms": result.stats.model_ms,
            },
        }))?;
    } else if text.is_empty() {
        console.note("nothing to insert");
    } else {
        console.print(&text)?;
        if !text.ends_with('\n') {
            console.line("")?;
        }
    }
    Ok(Done::Clean)
}
