//! `deepcoder bench`

use crate::args::BenchArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Result};
use crate::progress::Progress;
use deepcoder_model::{BenchOptions, BenchReport};

pub(crate) fn bench(args: &BenchArgs, invocation: &Invocation, console: &mut Console) -> Result {
    let mut options = BenchOptions::default();
    if args.quick {
        options.contexts = vec![0];
        options.verify = Vec::new();
        options.repeat = 1;
    }
    // In this process: a daemon's threads and memory would be measured otherwise.
    let progress = Progress::spinner(console.can_animate(&invocation.vars), "loading the model");
    let engine = invocation.session.engine(&invocation.session.settings().model)?;
    invocation.checkpoint()?;
    let mut progress = progress;
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

fn table(report: &BenchReport, console: &mut Console) -> Result<()> {
    console.heading(&format!("{}, {} threads", report.model, report.threads))?;
    let mut row = |label: String, value: String| console.line(&format!("{label:36} {value:>14}"));
    row("load".into(), format!("{:.0} ms", report.load_ms))?;
    row(format!("prefill of {} tokens", report.prefill_tokens), format!("{:.1} tok/s", report.prefill_tps))?;
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
