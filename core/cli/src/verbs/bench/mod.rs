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
use deepcoder_model::{BenchOptions, BenchReport, Engine};

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
    let engine = load(args, invocation)?;
    invocation.checkpoint()?;
    progress.label("measuring");
    let report = engine.bench(&options, &invocation.cancel);
    progress.clear();
    let report = report?;
    invocation.checkpoint()?;
    if console.json {
        console.json(&report)?;
    } else {
        table(&report, console)?;
    }
    Ok(Done::Clean)
}

fn load(args: &BenchArgs, invocation: &Invocation) -> Result<Engine> {
    Ok(match &args.folder {
        Some(folder) => invocation.profile.engine_at(&invocation.path(folder))?,
        None => invocation.profile.engine(&invocation.profile.settings().model)?,
    })
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
    if let Some(mib) = report.peak_rss_mib {
        row("peak memory".into(), format!("{mib:.0} MiB"))?;
    }
    Ok(())
}
