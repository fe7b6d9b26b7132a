//! The speed of the engine on this machine.

mod bandwidth;
mod requests;

use crate::backend::{Backend, KvSlot};
use crate::engine::Engine;
use crate::sampler::argmax;
use crate::session::{Interrupt, RunOutcome};
use crate::step::{SlotRequest, StepTokens};
pub use bandwidth::read_bandwidth;
use deepcoder_types::{Cancel, GenerateError, LanguageModel as _};
pub use requests::{Candidates, FormCost, RequestPlan, RequestReport, Restart, SequencesAt, bench_restart};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::time::Instant;

/// The measurements to make. Tokens that a context holds before are not computed: their cache holds noise, which costs
/// the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchOptions {
    /// Tokens of the prompt whose prefill is measured.
    pub prefill: usize,
    /// Tokens in the cache when a prefill begins.
    pub prefill_contexts: Vec<usize>,
    /// Tokens that are produced at each context.
    pub decode: usize,
    /// Tokens in the cache when decoding begins.
    pub contexts: Vec<usize>,
    /// Tokens per run when drafts are checked.
    pub verify: Vec<usize>,
    /// Tokens in the cache when drafts are checked.
    pub verify_context: usize,
    /// Each is measured this often and the fastest counts: other programs only make it slower.
    pub repeat: usize,
}

impl Default for BenchOptions {
    fn default() -> Self {
        Self {
            prefill: 512,
            prefill_contexts: vec![0],
            decode: 64,
            contexts: vec![0, 1024, 4096],
            verify: vec![4, 8, 16],
            verify_context: 1024,
            repeat: 3,
        }
    }
}

impl BenchOptions {
    /// The most tokens that a cache will hold.
    #[must_use]
    pub fn longest(&self) -> usize {
        let prefill = self.prefill_contexts.iter().map(|at| at + self.prefill);
        let decode = self.contexts.iter().map(|at| at + self.decode);
        let verify = self.verify.iter().map(|count| self.verify_context + (*count).max(STEPS));
        // Warming up takes a prompt of its own.
        prefill.chain(decode).chain(verify).chain([self.prefill]).max().unwrap_or(0)
    }
}

/// The measurements. Rates are tokens per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// The model.
    pub model: String,
    /// Threads of a step.
    pub threads: usize,
    /// Milliseconds that loading took.
    pub load_ms: f64,
    /// Prompt tokens computed.
    pub prefill: Vec<PrefillAt>,
    /// Tokens produced, one by one.
    pub decode: Vec<DecodeAt>,
    /// Drafts checked.
    pub verify: Vec<VerifyAt>,
    /// Whole requests, where they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<RequestReport>,
    /// The most memory that the process had at any time, in MiB, where the system says so.
    pub peak_rss_mib: Option<f64>,
}

/// Computing a prompt behind a context of one length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrefillAt {
    /// Tokens in the cache at the start.
    pub context: usize,
    /// Tokens of the prompt.
    pub tokens: usize,
    /// Tokens computed.
    pub tps: f64,
}

/// Decoding at one length of context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecodeAt {
    /// Tokens in the cache at the start.
    pub context: usize,
    /// Tokens produced.
    pub tps: f64,
}

/// Checking drafts of one length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyAt {
    /// Tokens in the cache at the start.
    pub context: usize,
    /// Tokens per run.
    pub tokens: usize,
    /// Tokens checked, if all are right.
    pub tps: f64,
    /// The cost of the run, in single steps.
    pub steps: f64,
}

/// Single steps that a check of drafts is compared with.
const STEPS: usize = 16;

impl Engine {
    /// Measure.
    pub fn bench(&self, options: &BenchOptions, cancel: &Cancel) -> Result<BenchReport, GenerateError> {
        let context = self.info().context_length as usize;
        if options.longest() > context || options.prefill == 0 || options.decode == 0 {
            return Err(GenerateError::Invalid(format!("the lengths must be above 0 and within {context} tokens")));
        }
        let vocab = self.model.manifest.vocab_size;
        // In no order, so that they go to all experts of a model that has some.
        let tokens = (0..options.longest()).map(|i| scatter(i) % vocab.min(50_000)).collect();
        let (wanted, cancel) = (options.clone(), cancel.clone());
        let rates = self.exclusive(move |backend| measure(backend, &wanted, tokens, &cancel))??;
        Ok(BenchReport {
            model: self.info().name.clone(),
            threads: self.model.threads,
            load_ms: self.model.load_time.as_secs_f64() * 1e3,
            prefill: rates.prefill,
            decode: rates.decode,
            verify: rates.verify,
            requests: None,
            peak_rss_mib: peak_rss_mib(),
        })
    }
}

struct Rates {
    prefill: Vec<PrefillAt>,
    decode: Vec<DecodeAt>,
    verify: Vec<VerifyAt>,
}

fn measure(
    backend: &mut Backend,
    options: &BenchOptions,
    tokens: Vec<u32>,
    cancel: &Cancel,
) -> Result<Rates, GenerateError> {
    // Other requests' tokens must not be read, and none are kept of this.
    let request = SlotRequest { tokens: &[], usable: 0, prompt: 0, total: options.longest(), interactive: false };
    let taken = || GenerateError::Engine("its cache is taken by other requests".into());
    let (slot, _) = backend.allocate(&request, std::iter::empty())?.ok_or_else(taken)?;
    let mut bench = Bench { backend, slot, cancel, repeat: options.repeat.max(1), tokens };
    let rates = bench.rates(options);
    let Bench { backend, slot, .. } = bench;
    backend.free(slot, &[]);
    rates
}

impl Bench<'_> {
    fn rates(&mut self, options: &BenchOptions) -> Result<Rates, GenerateError> {
        // Maps what a prompt reads, and once what a step does.
        self.prefill(0, options.prefill)?;
        self.decode(0, 2)?;
        let mut prefill = Vec::new();
        for at in options.prefill_contexts.iter().copied() {
            let seconds = self.fastest(at, |b| b.prefill(at, options.prefill))?;
            prefill.push(PrefillAt { context: at, tokens: options.prefill, tps: rate(options.prefill, seconds) });
        }
        let mut decode = Vec::new();
        for at in options.contexts.iter().copied() {
            let seconds = self.fastest(at, |b| b.decode(at, options.decode))?;
            decode.push(DecodeAt { context: at, tps: rate(options.decode, seconds) });
        }
        let mut verify = Vec::new();
        if !options.verify.is_empty() {
            let at = options.verify_context;
            let single = self.fastest(at, |b| b.decode(at, STEPS))? / rate(STEPS, 1.0);
            for count in &options.verify {
                let count = (*count).clamp(1, 64);
                let seconds = self.fastest(at, |b| b.verify(at, count))?;
                verify.push(VerifyAt {
                    context: at,
                    tokens: count,
                    tps: rate(count, seconds),
                    steps: seconds / single,
                });
            }
        }
        Ok(Rates { prefill, decode, verify })
    }
}

struct Bench<'g> {
    backend: &'g mut Backend,
    slot: KvSlot,
    cancel: &'g Cancel,
    repeat: usize,
    tokens: Vec<u32>,
}

impl Bench<'_> {
    /// The seconds of the fastest of some runs of `work`, each behind `context` tokens.
    fn fastest(
        &mut self,
        context: usize,
        mut work: impl FnMut(&mut Self) -> Result<(), GenerateError>,
    ) -> Result<f64, GenerateError> {
        // Noise where it can be written, else computed.
        if !self.backend.fill_with_noise(&mut self.slot, &self.tokens[..context])? {
            self.prefill(0, context)?;
        }
        let mut best = f64::INFINITY;
        for _ in 0..self.repeat {
            let start = Instant::now();
            work(self)?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        Ok(best)
    }

    fn prefill(&mut self, from: usize, count: usize) -> Result<(), GenerateError> {
        let chunk = self.backend.chunk();
        (0..count).step_by(chunk).try_for_each(|at| self.run(from + at, chunk.min(count - at), 1))
    }

    /// Single steps, with the choice of a token after each; which one follows is decided before, so that a model that
    /// repeats itself is not measured with the same experts again and again.
    fn decode(&mut self, from: usize, count: usize) -> Result<(), GenerateError> {
        (from..from + count).try_for_each(|at| {
            self.run(at, 1, 1)?;
            black_box(argmax(self.backend.logits(0)));
            Ok(())
        })
    }

    fn verify(&mut self, from: usize, count: usize) -> Result<(), GenerateError> {
        self.run(from, count, count)?;
        for row in 0..count {
            black_box(argmax(self.backend.logits(row)));
        }
        Ok(())
    }

    fn run(&mut self, at: usize, count: usize, wanted: usize) -> Result<(), GenerateError> {
        let part = StepTokens { tokens: self.tokens[at..at + count].to_vec(), at, wanted };
        let due = || self.cancel.is_cancelled();
        let interrupt = (count > STEPS).then(|| Interrupt::when(&due, false));
        done(self.backend.run(std::iter::once((&part, &mut self.slot)), interrupt)?)
    }
}

fn done(outcome: RunOutcome) -> Result<(), GenerateError> {
    if outcome == RunOutcome::Done { Ok(()) } else { Err(cancelled()) }
}

fn cancelled() -> GenerateError {
    GenerateError::Engine("the measurement was cancelled".into())
}

fn scatter(i: usize) -> u32 {
    u32::try_from(i).unwrap_or(0).wrapping_mul(0x9E37_79B1) >> 8
}

#[expect(clippy::cast_precision_loss, reason = "numbers of tokens are small")]
fn rate(tokens: usize, seconds: f64) -> f64 {
    tokens as f64 / seconds
}

/// From Linux' process information; other systems have no such file.
fn peak_rss_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024.0)
}
