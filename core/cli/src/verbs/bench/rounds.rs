//! A shape in rounds: ours, llama.cpp's, ours again, so that what disturbs one disturbs both. Each piece of work is done
//! by a process of its own, so that never more than one of them holds the model, and peaks of memory are its own.

use super::child;
use super::llama::{LlamaBench, Measured, Task};
use super::machine::Machine;
use super::prepare::Plan;
use super::report::{Peak, Rates, Row, ShapeReport, Work};
use crate::args::BenchArgs;
use crate::console::Console;
use crate::context::Invocation;
use crate::failure::{Done, Failure, Result};
use crate::progress::Progress;
use deepcoder_export::Shape;
use deepcoder_model::{BenchOptions, BenchReport, read_bandwidth};
use std::path::Path;
use std::process::Command;

/// Rounds, if not said otherwise.
const ROUNDS: usize = 3;
/// Tokens of the prompts, and tokens that are produced.
const PREFILL: usize = 512;
const DECODE: usize = 32;
/// A buffer much larger than caches, and how often it is read.
const BUFFER: usize = 1 << 30;
const PASSES: usize = 5;

/// The measurements behind one length of context, in one process.
struct Group {
    context: usize,
    prefill: bool,
    decode: bool,
    verify: Vec<usize>,
    /// llama.cpp has to compute the context first; a long one only where that was asked for, and once.
    slow: bool,
}

impl Group {
    fn all(quick: bool, context: u64) -> Vec<Self> {
        let group = |context, prefill, decode| Self { context, prefill, decode, verify: Vec::new(), slow: false };
        let mut all = vec![group(0, true, true)];
        if !quick {
            all.push(Self { verify: vec![4, 8, 16], ..group(1024, false, true) });
            all.push(group(3584, true, false));
            all.push(group(4096, false, true));
            all.push(Self { slow: true, ..group(16_384, false, true) });
        }
        all.retain(|g| (g.plan().longest() as u64) <= context);
        all
    }

    /// The work for our engine.
    fn plan(&self) -> BenchOptions {
        let at = |wanted: bool| if wanted { vec![self.context] } else { Vec::new() };
        BenchOptions {
            prefill: PREFILL,
            prefill_contexts: at(self.prefill),
            decode: DECODE,
            contexts: at(self.decode),
            verify: self.verify.clone(),
            verify_context: self.context,
            repeat: 1,
        }
    }

    /// The same for llama.cpp.
    fn task(&self) -> Task {
        let mut prompts = self.verify.clone();
        prompts.extend(self.prefill.then_some(PREFILL));
        Task { depth: self.context, prompts, generate: if self.decode { DECODE } else { 0 } }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        rows.extend(self.prefill.then(|| Row::new(Work::Prefill, self.context, PREFILL)));
        rows.extend(self.decode.then(|| Row::new(Work::Decode, self.context, DECODE)));
        rows.extend(self.verify.iter().map(|count| Row::new(Work::Verify, self.context, *count)));
        rows
    }
}

pub(crate) fn bench(args: &BenchArgs, shape: &Shape, invocation: &Invocation, console: &mut Console) -> Result {
    let cancel = &invocation.cancel;
    let machine = Machine::this();
    let threads = invocation.profile.settings().threads.unwrap_or(machine.cores);
    let groups = Group::all(args.quick, shape.context());
    let longest = groups.iter().map(|g| g.plan().longest()).max().unwrap_or(0);
    // Reports the errors that can be known before the work.
    let program = args.llama_bench.as_deref().map(|path| invocation.path(path));
    if let Some(program) = &program {
        LlamaBench::new(program, Path::new(""), threads, cancel)?;
    }
    let plan = Plan::new(args, shape, longest, invocation, console)?;
    invocation.profile.start_runtime()?;
    plan.make(invocation, console)?;
    let llama = program.map(|program| LlamaBench::new(&program, &plan.gguf, threads, cancel)).transpose()?;

    let rounds = args.rounds.unwrap_or(if args.quick { 1 } else { ROUNDS }).max(1);
    let mut work: Vec<Vec<Row>> = groups.iter().map(Group::rows).collect();
    let mut found = Found::default();
    for round in 1..=rounds {
        found.bandwidth = found.bandwidth.max(read_bandwidth(threads, BUFFER, PASSES));
        for (group, rows) in groups.iter().zip(&mut work) {
            let doing = |who: &str| format!("round {round} of {rounds}: {who}, {} tokens in the cache", group.context);
            let step = Step::begin(&doing("deepcoder"), invocation, console);
            let ours = ours(&plan.folder, &group.plan(), threads, invocation)?;
            drop(step);
            found.note(group.context, &ours);
            note_ours(rows, &ours);
            let Some(llama) = llama.as_ref().filter(|_| !group.slow || (args.long && round == 1)) else { continue };
            let step = Step::begin(&doing("llama.cpp"), invocation, console);
            let theirs = llama.run(&group.task(), cancel)?;
            drop(step);
            found.commit = theirs.first().map(|m| m.build.clone()).or(found.commit);
            note_theirs(rows, &theirs);
        }
    }
    let mut work: Vec<Row> = work.into_iter().flatten().collect();
    for row in &mut work {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let bytes = (shape.bytes_per_token() + row.context as u64 * shape.cache_bytes_per_token()) as f64;
        row.finish(bytes / found.bandwidth);
    }
    let report = ShapeReport {
        shape: shape.name,
        parameters: shape.parameters(),
        gguf_bytes: shape.file_bytes(invocation.seed.unwrap_or(0)),
        bytes_per_token: shape.bytes_per_token(),
        cache_bytes_per_token: shape.cache_bytes_per_token(),
        machine,
        threads,
        read_bandwidth: found.bandwidth,
        rounds,
        load_ms: found.load_ms,
        peak_rss: found.peaks,
        llama_cpp: found.commit,
        work,
    };
    report.show(console)?;
    Ok(Done::Clean)
}

/// The fields that do not depend on the work.
struct Found {
    bandwidth: f64,
    load_ms: f64,
    peaks: Vec<Peak>,
    commit: Option<String>,
}

impl Default for Found {
    fn default() -> Self {
        Self { bandwidth: 0.0, load_ms: f64::INFINITY, peaks: Vec::new(), commit: None }
    }
}

impl Found {
    fn note(&mut self, context: usize, report: &BenchReport) {
        self.load_ms = self.load_ms.min(report.load_ms);
        let Some(mib) = report.peak_rss_mib else { return };
        match self.peaks.iter_mut().find(|peak| peak.context == context) {
            Some(peak) => peak.mib = peak.mib.max(mib),
            None => self.peaks.push(Peak { context, mib }),
        }
    }
}

fn note_ours(rows: &mut [Row], report: &BenchReport) {
    for row in rows {
        let rate = match row.work {
            Work::Prefill => report.prefill.iter().find(|p| p.context == row.context).map(|p| p.tps),
            Work::Decode => report.decode.iter().find(|d| d.context == row.context).map(|d| d.tps),
            Work::Verify => report.verify.iter().find(|v| v.tokens == row.tokens).map(|v| v.tps),
        };
        row.deepcoder.rounds.extend(rate);
    }
}

fn note_theirs(rows: &mut [Row], measured: &[Measured]) {
    for row in rows {
        let (prompt, generated) = if row.work == Work::Decode { (0, row.tokens) } else { (row.tokens, 0) };
        let same = |m: &&Measured| (m.prompt, m.generated, m.depth) == (prompt, generated, row.context);
        if let Some(found) = measured.iter().find(same) {
            row.llama_cpp.get_or_insert_with(Rates::default).rounds.push(found.tps);
        }
    }
}

/// Our engine in a process of its own, with the settings of this one.
fn ours(folder: &Path, plan: &BenchOptions, threads: usize, invocation: &Invocation) -> Result<BenchReport> {
    let settings = invocation.profile.settings();
    let plan = serde_json::to_string(plan).map_err(|e| Failure::new(e.to_string()))?;
    let mut command = Command::new(&invocation.executable);
    command.args(["bench", "--json", "--threads", &threads.to_string(), "--plan", &plan, "--folder"]).arg(folder);
    command.args(["-c", &format!("device={}", settings.device), "-c", &format!("weights={}", settings.weights)]);
    if let Some(library) = &settings.onnxruntime {
        let mut pair = std::ffi::OsString::from("onnxruntime=");
        pair.push(library);
        command.arg("-c").arg(pair);
    }
    let said = child::run(&mut command, &invocation.cancel)?;
    if !said.status.success() {
        let error = serde_json::from_str::<serde_json::Value>(&said.out).unwrap_or_default();
        let message = error["error"]["message"].as_str().map_or_else(|| said.complaint(), ToOwned::to_owned);
        let failure = Failure::new(message);
        let hint = error["error"]["hint"].as_str().unwrap_or("if the model is damaged, --fresh makes it anew");
        return Err(failure.hint(hint));
    }
    serde_json::from_str(&said.out).map_err(|e| Failure::new(format!("the measurement is not readable: {e}")))
}

/// A line that says what is being measured: drawn, or printed once where nothing can be drawn.
struct Step(Progress);

impl Step {
    fn begin(text: &str, invocation: &Invocation, console: &mut Console) -> Self {
        let animate = console.can_animate(&invocation.vars);
        if !animate {
            console.note(text);
        }
        Self(Progress::spinner(animate, text))
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the comparison: both sides are asked for the same work, and each result lands in its row.
    #[test]
    fn both_sides_do_the_same_work() {
        let groups = Group::all(false, 163_840);
        assert_eq!(groups.iter().map(|g| g.context).collect::<Vec<_>>(), [0, 1024, 3584, 4096, 16_384]);
        assert_eq!(Group::all(false, 4096).len(), 3, "what the shape's context does not hold is left out");
        let group = &groups[1];
        assert_eq!(group.task(), Task { depth: 1024, prompts: vec![4, 8, 16], generate: 32 });
        let plan = group.plan();
        assert_eq!((plan.contexts, plan.verify_context, plan.verify), (vec![1024], 1024, vec![4, 8, 16]));
        let mut rows = group.rows();
        let measured = |prompt, generated, depth, tps| Measured { prompt, generated, depth, tps, build: String::new() };
        note_theirs(&mut rows, &[measured(8, 0, 1024, 33.0), measured(0, 32, 1024, 17.0), measured(8, 0, 0, 1.0)]);
        let theirs = |work, tokens| {
            let row = rows.iter().find(|r| r.work == work && r.tokens == tokens).unwrap();
            row.llama_cpp.as_ref().map(|r| r.rounds.clone())
        };
        assert_eq!(theirs(Work::Verify, 8), Some(vec![33.0]));
        assert_eq!(theirs(Work::Decode, 32), Some(vec![17.0]));
        assert_eq!(theirs(Work::Verify, 4), None);
    }
}
