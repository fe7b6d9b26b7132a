//! `deepcoder complete`

use super::run;
use crate::args::CompleteArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::place::{self, Place};
use crate::progress::Progress;
use deepcoder_pipeline::{Event, Pipeline, Policy, Run, RunOptions};
use deepcoder_session::{Repo, RepoError};
use deepcoder_types::{Instruction, LanguageModel, RepoPath, TextRange};
use deepcoder_workspace::{Memory, OpenError};
use serde_json::json;
use std::sync::Arc;

/// The most that is read of a file outside a repository, as inside one.
const MAX_FILE: u64 = deepcoder_workspace::MAX_FILE;

pub(crate) fn complete(args: &CompleteArgs, invocation: &mut Invocation, console: &mut Console) -> Result {
    let place = place::parse(&args.place)?;
    let run = match Repo::open(&invocation.session, &invocation.base) {
        Ok(repo) if !args.stdin => in_repository(args, &place, &repo, invocation, console)?,
        Ok(_) | Err(RepoError::Open(OpenError::NotARepository(_))) => {
            let text =
                if args.stdin { invocation.input.all(&invocation.cancel)? } else { read(&place.file, invocation)? };
            on_text(args, &place, text, invocation, console)?
        }
        Err(error) => return Err(error.into()),
    };
    let text = run.answer.map(|answer| answer.text).unwrap_or_default();
    if console.json {
        console.json(&json!({
            "text": text,
            "file": place.file,
            "line": place.line,
            "column": place.column,
            "model": run.record.model,
            "usage": run.record.stats.usage,
            "timing": {
                "first_token_ms": run.record.stats.first_token_ms,
                "total_ms": run.record.stats.model_ms,
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

fn in_repository(
    args: &CompleteArgs,
    place: &Place,
    repo: &Repo,
    invocation: &Invocation,
    console: &mut Console,
) -> Result<Run> {
    let (path, offset) = repo.find_place(&invocation.base, &place.file, place.counted())?;
    let instruction = instruction(args, path, offset, invocation);
    let model = model(invocation, console)?;
    run::run(repo, model, &instruction, Policy::default(), invocation, console, &mut |_, _, _| {})
}

/// A file that is in no repository, or a buffer of an editor.
fn on_text(
    args: &CompleteArgs,
    place: &Place,
    text: String,
    invocation: &Invocation,
    console: &mut Console,
) -> Result<Run> {
    let name = std::path::Path::new(&place.file).file_name().and_then(|name| name.to_str()).unwrap_or("buffer");
    let path = RepoPath::new(name)?;
    let instruction = instruction(args, path.clone(), place::offset(&text, place)?, invocation);
    let model = model(invocation, console)?;
    let mut progress = Progress::spinner(console.can_animate(&invocation.vars), "thinking");
    let buffer = Memory::of(path, text);
    let pipeline = Pipeline::new(&buffer, model);
    let run = pipeline.run(&instruction, &RunOptions::default(), &invocation.cancel, &mut |event| {
        if matches!(event, Event::Token(_)) {
            progress.token();
        }
    });
    progress.clear();
    Ok(run?)
}

fn model(invocation: &Invocation, console: &mut Console) -> Result<Arc<dyn LanguageModel>> {
    let model = invocation.model(console)?;
    model.info().fill_warning.iter().for_each(|warning| console.warn(warning));
    Ok(model)
}

fn instruction(args: &CompleteArgs, path: RepoPath, offset: u32, invocation: &Invocation) -> Instruction {
    Instruction {
        id: invocation.request_id(),
        verb: "complete".into(),
        prompt: String::new(),
        targets: vec![path],
        reads: Vec::new(),
        selection: Some(TextRange::new(offset, offset)),
        options: json!({ "max_tokens": args.max_tokens, "extent": args.extent.name() }),
        seed: invocation.seed.unwrap_or(0),
    }
}

fn read(file: &str, invocation: &Invocation) -> Result<String> {
    let path = invocation.path(std::path::Path::new(file));
    let wrong = |e: &std::io::Error| Failure::io(format_args!("cannot read {file}"), e);
    let bytes = deepcoder_files::read(&path, MAX_FILE).map_err(|e| wrong(&e))?;
    String::from_utf8(bytes)
        .map_err(|e| Failure::new(format!("{file} is not UTF-8 text: byte {} is wrong", e.utf8_error().valid_up_to())))
}
