//! `deepcoder explain`

use super::task;
use crate::args::ExplainArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use deepcoder_app::lines_of;
use serde_json::json;

/// The question when the user names only files.
const DEFAULT_QUESTION: &str = "Explain what this code does.";

pub(crate) fn explain(args: &ExplainArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let (question, paths) = question(args, invocation)?;
    let request = task::request("explain", question, paths, invocation);
    let tasks = task::tasks(&request, false, invocation, console)?;
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
    let task = task::carry_out(&*tasks, &request, invocation, console, &mut on_token)?;
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

/// The first word is a question unless it names a file.
fn question(args: &ExplainArgs, invocation: &mut Invocation) -> Result<(String, Vec<String>)> {
    let names_a_file = |word: &String| {
        word != "-" && invocation.path(std::path::Path::new(lines_of(word).0)).symlink_metadata().is_ok()
    };
    if args.message.is_none() && args.words.first().is_some_and(names_a_file) {
        return Ok((DEFAULT_QUESTION.into(), args.words.clone()));
    }
    let (question, paths) = task::words(&args.words, args.message.as_ref(), invocation)?;
    if question.is_empty() {
        return Err(Failure::new("nothing to explain")
            .hint("deepcoder explain src/util.py, or deepcoder explain \"how are paths checked?\""));
    }
    Ok((question, paths))
}
