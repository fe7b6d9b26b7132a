//! `deepcoder bench`

mod child;
mod llama;
mod machine;
mod prepare;
mod report;
mod rounds;

use crate::args::BenchArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::progress::Progress;
use deepcoder_export::Shape;
use deepcoder_model::{
    BenchOptions, BenchReport, EngineOptions, PrefixCache, RequestPlan, RequestReport, Restart, bench_restart,
};
use deepcoder_profile::Role;
use std::path::{Path, PathBuf};

/// Tokens of the prompt that is given again after a restart.
const RESTART_TOKENS: usize = 3000;

pub(crate) fn bench(args: &BenchArgs, invocation: &Invocation, console: &mut Console) -> Result {
    if let Some(name) = &args.shape {
        let shape = Shape::named(name).ok_or_else(|| Failure::new(format!("there is no shape `{name}`")))?;
        return rounds::bench(args, shape, invocation, console);
    }
    let mut options = BenchOptions::default();
    if args.quick {
        options.contexts = vec![0];
        options.verify = Vec::new();
        options.repeat = 1;
    }
    if let Some(plan) = &args.plan {
        options = serde_json::from_str(plan).map_err(|e| Failure::new(format!("not a plan: {e}")))?;
    }
    // In this process: a daemon's threads and memory would be measured otherwise.
    let mut progress = Progress::spinner(console.can_animate(&invocation.vars), "loading the model");
    let folder = folder(args, invocation)?;
    // Without drafts and the user's prefixes, which would hide the cost of the model.
    let plain = EngineOptions { draft: false, prefix_cache: None, ..invocation.profile.engine_options() };
    let engine = invocation.profile.engine_with(&folder, &plain)?;
    invocation.checkpoint()?;
    progress.label("measuring");
    let report = engine.bench(&options, &invocation.cancel);
    let requests = args.requests.then(|| {
        progress.label("measuring whole requests");
        engine.bench_requests(&RequestPlan::default(), &invocation.cancel)
    });
    drop(engine);
    let restart = args.requests.then(|| {
        progress.label("measuring a restart");
        restart(&folder, &plain, invocation)
    });
    progress.clear();
    let mut report = report?;
    if let Some(requests) = requests {
        report.requests = Some(RequestReport { restart: restart.transpose()?, ..requests? });
    }
    invocation.checkpoint()?;
    if console.json {
        console.json(&report)?;
    } else {
        table(&report, console)?;
    }
    Ok(Done::Clean)
}

fn folder(args: &BenchArgs, invocation: &Invocation) -> Result<PathBuf> {
    Ok(match &args.folder {
        Some(folder) => invocation.path(folder),
        None => invocation.profile.store().path(&invocation.profile.model_for(Role::Edit))?,
    })
}

/// Measures a prompt before and after a restart, with a prefix directory of its own.
fn restart(folder: &Path, plain: &EngineOptions, invocation: &Invocation) -> Result<Restart> {
    let home = &invocation.profile.folders().bench;
    let prefixes = home.join("prefixes");
    // An interrupted bench may have left prefixes.
    deepcoder_model::forget_prefixes(&prefixes)?;
    let options =
        EngineOptions { prefix_cache: Some(PrefixCache { folder: prefixes.clone(), bytes: 1 << 30 }), ..plain.clone() };
    let measured = bench_restart(folder, &options, RESTART_TOKENS, &invocation.cancel);
    deepcoder_model::forget_prefixes(&prefixes)?;
    Ok(measured?)
}

fn table(report: &BenchReport, console: &mut Console) -> Result<()> {
    console.heading(&format!("{}, {} threads", report.model, report.threads))?;
    let mut row = |label: String, value: String| console.line(&format!("{label:36} {value:>14}"));
    row("load".into(), format!("{:.0} ms", report.load_ms))?;
    for at in &report.prefill {
        let behind = if at.context > 0 { format!(" after {}", at.context) } else { String::new() };
        row(format!("prefill of {} tokens{behind}", at.tokens), format!("{:.1} tok/s", at.tps))?;
    }
    for at in &report.decode {
        row(format!("decode after {} tokens", at.context), format!("{:.1} tok/s", at.tps))?;
    }
    for at in &report.verify {
        row(format!("check of {} drafted tokens", at.tokens), format!("{:.1} tok/s", at.tps))?;
    }
    let decode = |context| report.decode.iter().find(|at| at.context == context).map(|at| at.tps);
    if let Some((full, empty)) = decode(4096).zip(decode(0)) {
        row("decode after 4096 ÷ after 0".into(), format!("{:.2}", full / empty))?;
    }
    if let Some(requests) = &report.requests {
        rows_of_requests(requests, &mut row)?;
    }
    if let Some(mib) = report.peak_rss_mib {
        row("peak memory".into(), format!("{mib:.0} MiB"))?;
    }
    Ok(())
}

fn rows_of_requests(report: &RequestReport, row: &mut dyn FnMut(String, String) -> Result<()>) -> Result<()> {
    for at in &report.sequences {
        let sequences = if at.count == 1 { "1 sequence".into() } else { format!("{} sequences", at.count) };
        row(format!("{sequences} after {} tokens", at.context), format!("{:.1} tok/s ({:.2})", at.tps, at.ratio))?;
    }
    if let Some(all) = &report.candidates {
        let label = format!("{} candidates ÷ 1, prompt of {}", all.count, all.prompt);
        row(label, format!("{:.2} ({:.1} s)", all.ratio, all.all_ms / 1e3))?;
    }
    let share = report.form.as_ref().map_or("not known".into(), |form| format!("{:.1} %", form.share * 100.0));
    row("a JSON schema's share of decode".into(), share)?;
    if let Some(restart) = &report.restart {
        row(format!("first token of {}", restart.prompt), format!("{:.0} ms", restart.first_ms))?;
        row("first token after a restart".into(), format!("{:.0} ms", restart.again_ms))?;
    }
    Ok(())
}
