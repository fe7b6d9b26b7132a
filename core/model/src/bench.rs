//! What the engine can do on this machine, in numbers.

use crate::cache::Cache;
use crate::engine::Engine;
use crate::generate::prefill;
use crate::graph::{Graph, Ran};
use crate::sampler::argmax;
use deepcoder_types::{Cancel, GenerateError, LanguageModel as _};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchOptions {
    /// Tokens of the prompt whose prefill is measured.
    pub prefill: usize,
    /// Tokens that are produced at each context.
    pub decode: usize,
    /// Tokens in the cache when decoding begins.
    pub contexts: Vec<usize>,
    /// Tokens per run when drafts are checked.
    pub verify: Vec<usize>,
    /// Each is measured this often and the fastest counts: other programs only make it slower.
    pub repeat: usize,
}

impl Default for BenchOptions {
    fn default() -> Self {
        Self { prefill: 512, decode: 64, contexts: vec![0, 1024, 4096], verify: vec![4, 8, 16], repeat: 3 }
    }
}

/// What was measured. Rates are tokens per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// The model.
    pub model: String,
    /// Threads of a step.
    pub threads: usize,
    /// Milliseconds that loading took.
    pub load_ms: f64,
    /// Tokens of the prompt.
    pub prefill_tokens: usize,
    /// Prompt tokens computed.
    pub prefill_tps: f64,
    /// Tokens produced, one by one.
    pub decode: Vec<DecodeAt>,
    /// Drafts checked, at a context of 1,024 tokens (or the longest measured, if that is less).
    pub verify: Vec<VerifyAt>,
    /// The most memory that the process had at any time, in MiB, where the system says so.
    pub peak_rss_mib: Option<f64>,
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
    /// Tokens per run.
    pub tokens: usize,
    /// Tokens checked, if all are right.
    pub tps: f64,
    /// What the run costs, in single steps.
    pub steps: f64,
}

impl Engine {
    /// Measure.
    pub fn bench(&self, options: &BenchOptions, cancel: &Cancel) -> Result<BenchReport, GenerateError> {
        let context = self.info().context_length as usize;
        let longest = options.contexts.iter().copied().max().unwrap_or(0) + options.decode + 64;
        if longest.max(options.prefill) > context || options.prefill == 0 || options.decode == 0 {
            return Err(GenerateError::Invalid(format!("the lengths must be above 0 and within {context} tokens")));
        }
        let mut turn = self.enter(cancel).ok_or_else(cancelled)?;
        let graph = &mut turn.state.graph;
        let mut bench = Bench { graph, cancel, context, repeat: options.repeat.max(1), cache: Cache::default() };
        let vocab = self.manifest.vocab_size;
        // Ordinary tokens in no order; what they are does not matter for the time of a dense model.
        let tokens: Vec<u32> = (0..longest.max(options.prefill)).map(|i| scatter(i) % vocab.min(50_000)).collect();
        bench.fill(&tokens, 16)?;
        let prefill_s = bench.fastest(|b| b.fill(&tokens, options.prefill))?;
        let mut decode = Vec::new();
        for at in &options.contexts {
            bench.fill(&tokens, (*at).max(1))?;
            let seconds = bench.fastest(|b| b.decode((*at).max(1), options.decode))?;
            decode.push(DecodeAt { context: *at, tps: rate(options.decode, seconds) });
        }
        let at = options.contexts.iter().copied().filter(|c| *c <= 1024).max().unwrap_or(0).max(1);
        bench.fill(&tokens, at)?;
        let single = bench.fastest(|b| b.decode(at, 16))? / 16.0;
        let mut verify = Vec::new();
        for count in &options.verify {
            let count = (*count).clamp(1, 64);
            let seconds = bench.fastest(|b| b.run(at, &tokens[..count]))?;
            verify.push(VerifyAt { tokens: count, tps: rate(count, seconds), steps: seconds / single });
        }
        Ok(BenchReport {
            model: self.info().name.clone(),
            threads: self.threads,
            load_ms: self.load_time.as_secs_f64() * 1e3,
            prefill_tokens: options.prefill,
            prefill_tps: rate(options.prefill, prefill_s),
            decode,
            verify,
            peak_rss_mib: peak_rss_mib(),
        })
    }
}

struct Bench<'g> {
    graph: &'g mut Graph,
    cancel: &'g Cancel,
    context: usize,
    repeat: usize,
    cache: Cache,
}

impl Bench<'_> {
    fn fastest(&mut self, mut work: impl FnMut(&mut Self) -> Result<(), GenerateError>) -> Result<f64, GenerateError> {
        let mut best = f64::INFINITY;
        for _ in 0..self.repeat {
            let start = Instant::now();
            work(self)?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        Ok(best)
    }

    fn fill(&mut self, tokens: &[u32], count: usize) -> Result<(), GenerateError> {
        self.cache.truncate(0);
        done(prefill(self.graph, &mut self.cache, &tokens[..count], self.context, self.cancel)?)
    }

    fn decode(&mut self, from: usize, count: usize) -> Result<(), GenerateError> {
        self.cache.truncate(from);
        let mut next = 0;
        for _ in 0..count {
            self.run(self.cache.len(), &[next])?;
            next = argmax(self.graph.logits(0)).0;
        }
        Ok(())
    }

    fn run(&mut self, from: usize, tokens: &[u32]) -> Result<(), GenerateError> {
        self.cache.truncate(from);
        self.graph.reserve(&mut self.cache, from + tokens.len(), self.context)?;
        done(self.graph.run(&mut self.cache, tokens, tokens.len(), self.cancel)?)
    }
}

fn done(ran: Ran) -> Result<(), GenerateError> {
    if ran == Ran::Done { Ok(()) } else { Err(cancelled()) }
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
