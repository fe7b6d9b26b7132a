//! `deepcoder eval`

pub(crate) mod calibrate;
mod edits;
mod fix;
mod refactor;
mod repositories;

use crate::args::{EvalArgs, EvalVerb};
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::progress::Progress;
use deepcoder_eval::{Harness, Progress as At, Report, RunOptions, Verdict, fim, humaneval, perplexity};
use deepcoder_types::{LanguageModel, env_var};
use serde_json::json;
use std::ffi::OsStr;
use std::path::Path;

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
        EvalVerb::Edits(args) => edits::edits(args, invocation, console),
        EvalVerb::Calibrate(args) => calibrate::run(args, invocation, console),
        EvalVerb::Files(args) => edits::files(args, invocation, console),
        EvalVerb::Refactor(args) => refactor::refactor(args, invocation, console),
        EvalVerb::Fix(args) => fix::fix(args, invocation, console),
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
    let path = invocation.vars.get(env_var::PATH).unwrap_or(OsStr::new(""));
    Ok(Harness::new(&python, &scratch)?.with_tools(path))
}

fn options(args: &EvalArgs, invocation: &Invocation) -> RunOptions {
    RunOptions {
        limit: args.limit,
        only: args.only.clone(),
        results: args.out.as_deref().map(|out| invocation.path(out)),
        at_once: args.at_once.unwrap_or(8),
    }
}

/// A benchmark, which tells how far it is.
type Work<'a, R, E> = dyn FnMut(&mut dyn FnMut(At<'_>)) -> std::result::Result<R, E> + 'a;

/// Run `work` with a bar, and a line for each task for the curious.
fn watched<R, E: deepcoder_types::Hint>(
    label: &str,
    invocation: &Invocation,
    console: &mut Console,
    work: &mut Work<'_, R, E>,
) -> Result<R> {
    let mut bar = Progress::count(console.can_animate(&invocation.vars), label, 0);
    let mut progress = |at: At<'_>| {
        bar.position(at.done as u64, at.total as u64);
        bar.label(&format!("{label}: {} of {} passed", at.passed, at.done));
        if let Some(record) = at.record {
            let verdict = match (&record.edit, record.verdict) {
                (Some(edit), _) => edits::outcome(edit, &record.detail),
                (None, Verdict::Passed) => "passed".to_owned(),
                (None, verdict) => format!("{verdict:?}: {}", record.detail),
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
