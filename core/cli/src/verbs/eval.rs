//! `deepcoder eval`

use super::task;
use crate::args::{EvalArgs, EvalVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::progress::Progress;
use deepcoder_eval::editeval::{Edited, Question};
use deepcoder_eval::{Harness, Progress as At, Report, RunOptions, Verdict, editeval, fim, humaneval, perplexity};
use deepcoder_pipeline::{Pipeline, unattended_text};
use deepcoder_types::{Cancel, EDIT, Instruction, LanguageModel, RepoPath};
use deepcoder_workspace::Memory;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

pub(crate) fn eval(verb: &EvalVerb, invocation: &Invocation, console: &mut Console) -> Result {
    match verb {
        EvalVerb::Humaneval(args) => {
            let tasks = humaneval::load(&invocation.path(&args.data))?;
            let (harness, options) = (harness(invocation)?, options(args, invocation));
            let model = invocation.model(console)?;
            let report = watched("humaneval", invocation, console, &mut |progress| {
                humaneval::run(&*model, &tasks, &harness, &options, &invocation.cancel, progress)
            })?;
            show(&report, &*model, console)
        }
        EvalVerb::Editeval(args) => edits(args, invocation, console),
        EvalVerb::FimLines(args) => {
            let tasks = fim::load_lines(&invocation.path(&args.data))?;
            let options = options(args, invocation);
            let model = invocation.model(console)?;
            let report = watched("fim-lines", invocation, console, &mut |progress| {
                fim::run_lines(&*model, &tasks, &options, &invocation.cancel, progress)
            })?;
            show(&report, &*model, console)
        }
        EvalVerb::Infilling(args) => {
            let tasks = fim::load_spans(&invocation.path(&args.data))?;
            let (harness, options) = (harness(invocation)?, options(args, invocation));
            let model = invocation.model(console)?;
            let report = watched("infilling", invocation, console, &mut |progress| {
                fim::run_spans(&*model, &tasks, &harness, &options, &invocation.cancel, progress)
            })?;
            show(&report, &*model, console)
        }
        EvalVerb::Perplexity { data, window } => text(data, *window, invocation, console),
    }
}

fn edits(args: &EvalArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let tasks = editeval::load(&invocation.path(&args.data))?;
    let (harness, options) = (harness(invocation)?, options(args, invocation));
    let plugin_options = serde_json::Value::from(task::params(&args.option)?);
    deepcoder_pipeline::check_options(EDIT, &plugin_options)?;
    let model = invocation.model(console)?;
    let info = model.info();
    let name = format!("{} {} {plugin_options}", info.name, info.fingerprint);
    let (seed, cancel) = (invocation.seed.unwrap_or(0), &invocation.cancel);
    let edit = |question: Question<'_>| edit_one(&model, question, &plugin_options, seed, cancel);
    let report = watched("editeval", invocation, console, &mut |progress| {
        editeval::run(&name, &edit, &tasks, &harness, &options, &invocation.cancel, progress)
    })?;
    show(&report, &*model, console)
}

/// One edit by the same stages as `deepcoder edit`, on a text instead of a work tree.
fn edit_one(
    model: &Arc<dyn LanguageModel>,
    question: Question<'_>,
    options: &serde_json::Value,
    seed: u64,
    cancel: &Cancel,
) -> std::result::Result<Edited, String> {
    let path = RepoPath::new("code.py").map_err(|e| e.to_string())?;
    let instruction = Instruction {
        id: question.task_id.to_owned(),
        verb: EDIT.into(),
        prompt: question.instruction.to_owned(),
        targets: vec![path.clone()],
        reads: Vec::new(),
        selection: None,
        options: options.clone(),
        seed,
    };
    let tree = Memory::of(path, question.code);
    let run = Pipeline::new(&tree, Arc::clone(model))
        .run(&instruction, &deepcoder_pipeline::RunOptions::default(), cancel, &mut |_| {})
        .map_err(|e| e.to_string())?;
    // A result that `edit --yes` would not write does not count as an edit.
    let usage = run.record.stats.usage;
    let code = unattended_text(run)?.unwrap_or_else(|| question.code.to_owned());
    Ok(Edited { code, usage })
}

fn text(data: &Path, window: usize, invocation: &Invocation, console: &mut Console) -> Result {
    let text = std::fs::read_to_string(invocation.path(data))
        .map_err(|e| Failure::io(format_args!("cannot read {}", data.display()), &e))?;
    let settings = invocation.profile.settings();
    let engine = invocation.profile.engine(&settings.model)?;
    let tokens = engine.tokenize(&text)?;
    let progress = Progress::count(console.can_animate(&invocation.vars), "scoring", 0);
    let mut score = |tokens: &[u32]| engine.score(tokens, &invocation.cancel);
    let mut at = |done: usize, total: usize, _: f64| progress.position(done as u64, total as u64);
    let result = perplexity::measure(&tokens, window, &mut score, &invocation.cancel, &mut at);
    progress.clear();
    let result = result?;
    if console.json {
        let mut value = json!(result);
        value["model"] = json!(settings.model);
        value["window"] = json!(window);
        console.json(&value)?;
    } else {
        console.line(&format!(
            "{}: perplexity {:.4} ± {:.4} over {} tokens",
            settings.model, result.perplexity, result.standard_error, result.scored
        ))?;
    }
    Ok(Done::Clean)
}

/// Tests run with the Python beside this program, or the path's.
fn harness(invocation: &Invocation) -> Result<Harness> {
    let python = invocation.profile.python();
    let scratch = invocation.profile.folders().state.join("scratch");
    std::fs::create_dir_all(&scratch)
        .map_err(|e| Failure::io(format_args!("cannot make {}", scratch.display()), &e))?;
    Ok(Harness::new(&python, &scratch)?)
}

fn options(args: &EvalArgs, invocation: &Invocation) -> RunOptions {
    RunOptions {
        limit: args.limit,
        only: args.only.clone(),
        results: args.out.as_deref().map(|out| invocation.path(out)),
        at_once: args.at_once,
    }
}

/// A benchmark, which tells how far it is.
type Work<'a, E> = dyn FnMut(&mut dyn FnMut(At<'_>)) -> std::result::Result<Report, E> + 'a;

/// Run `work` with a bar, and a line for each task for the curious.
fn watched<E: deepcoder_types::Hint>(
    label: &str,
    invocation: &Invocation,
    console: &mut Console,
    work: &mut Work<'_, E>,
) -> Result<Report> {
    let mut bar = Progress::count(console.can_animate(&invocation.vars), label, 0);
    let mut progress = |at: At<'_>| {
        bar.position(at.done as u64, at.total as u64);
        bar.label(&format!("{label}: {} of {} passed", at.passed, at.done));
        if let Some(record) = at.record {
            let verdict = match record.verdict {
                Verdict::Passed => "passed".to_owned(),
                verdict => format!("{verdict:?}: {}", record.detail),
            };
            let line = crate::sanitise::for_terminal(&format!("{}: {verdict}", record.task_id));
            bar.suspend(|| console.detail(&line));
        }
    };
    let report = work(&mut progress);
    bar.clear();
    Ok(report?)
}

fn show(report: &Report, model: &dyn LanguageModel, console: &mut Console) -> Result {
    if console.json {
        let mut value = json!(report);
        value["model"] = json!(model.info().name);
        console.json(&value)?;
    } else {
        console.line(&format!(
            "{:.1}% ± {:.1} ({} of {}; {} wrong, {} timed out, {} without an answer), {:.0} s",
            report.pass_at_1,
            report.standard_error,
            report.passed,
            report.total,
            report.failed,
            report.timed_out,
            report.no_answer,
            report.seconds
        ))?;
    }
    if !report.confined {
        console.warn("the sandbox of the tests was incomplete: this kernel lacks some of its walls");
    }
    Ok(Done::Clean)
}
