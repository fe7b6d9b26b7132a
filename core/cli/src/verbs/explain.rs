//! `deepcoder explain`

use super::run;
use crate::args::ExplainArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::place;
use deepcoder_pipeline::Policy;
use deepcoder_session::Repo;
use deepcoder_types::Instruction;
use serde_json::json;

/// What is asked when the user names only files.
const DEFAULT_QUESTION: &str = "Explain what this code does.";

pub(crate) fn explain(args: &ExplainArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let (question, paths) = question(args, invocation)?;
    let repo = Repo::open(&invocation.session, &invocation.base)?;
    let (paths, selection) = run::select(&paths, &repo, invocation)?;
    let targets = repo.targets(&invocation.base, &paths, false)?;
    repo.check_readable(&targets)?;
    let model = invocation.model(console)?;
    let instruction = Instruction {
        id: invocation.request_id(),
        verb: "explain".into(),
        prompt: question,
        targets,
        reads: Vec::new(),
        selection,
        options: json!({}),
        seed: invocation.seed.unwrap_or(0),
    };
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
    let run = run::run(&repo, model, &instruction, Policy::default(), invocation, console, &mut on_token)?;
    let answer = run.answer.map(|answer| answer.text).unwrap_or_default();
    if console.json {
        console.json(&json!({
            "text": answer,
            "model": run.record.model,
            "targets": run.record.targets,
            "usage": run.record.stats.usage,
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
        word != "-" && invocation.path(std::path::Path::new(place::lines(word).0)).symlink_metadata().is_ok()
    };
    if args.message.is_none() && args.words.first().is_some_and(names_a_file) {
        return Ok((DEFAULT_QUESTION.into(), args.words.clone()));
    }
    let (question, paths) = run::words(&args.words, args.message.as_ref(), invocation)?;
    if question.is_empty() {
        return Err(Failure::new("nothing to explain")
            .hint("deepcoder explain src/util.py, or deepcoder explain \"how are paths checked?\""));
    }
    Ok((question, paths))
}
