//! Benchmarks of whole requests: several at once, candidates of one prompt, constrained decoding, a restart.
//!
//! They use the public calls, so that they measure what users get. Load the engine without drafts: the texts repeat
//! themselves, and accepted drafts would hide the cost of a step.

use crate::engine::Engine;
use crate::options::EngineOptions;
use deepcoder_types::{
    Cancel, FinishReason, Form, GenerateError, GenerateRequest, Generation, Grammar, Hint as _, LanguageModel, Prompt,
    Sampling,
};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

/// How often the constrained and the free answer are measured, in turns.
const TURNS: usize = 3;
/// A schema whose answers have many tokens, of which few are forced.
const SCHEMA: &str =
    r#"{"type": "array", "items": {"type": "string", "minLength": 3, "maxLength": 60}, "minItems": 1000}"#;

/// The measurements to make; zero or none leaves one out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPlan {
    /// How many sequences are decoded at once.
    pub sequences: Vec<usize>,
    /// Tokens of the prompt of each.
    pub context: usize,
    /// Tokens that each produces.
    pub tokens: usize,
    /// Candidates of one prompt.
    pub candidates: usize,
    /// Tokens of the prompt.
    pub candidate_prompt: usize,
    /// Tokens of each candidate.
    pub candidate_tokens: usize,
    /// Tokens of a constrained answer.
    pub form_tokens: usize,
}

impl Default for RequestPlan {
    fn default() -> Self {
        Self {
            sequences: vec![1, 8],
            context: 1024,
            tokens: 96,
            candidates: 8,
            candidate_prompt: 512,
            candidate_tokens: 300,
            form_tokens: 128,
        }
    }
}

/// The measurements.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RequestReport {
    /// Sequences decoded at once.
    pub sequences: Vec<SequencesAt>,
    /// Candidates of one prompt.
    pub candidates: Option<Candidates>,
    /// Constrained decoding. `None` if the model has no grammars.
    pub form: Option<FormCost>,
    /// A prompt that was seen before a restart.
    pub restart: Option<Restart>,
}

/// Sequences decoded at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SequencesAt {
    /// Their number.
    pub count: usize,
    /// Tokens of each one's prompt.
    pub context: usize,
    /// Tokens per second of all together, while all of them decode.
    pub tps: f64,
    /// Against the first number of sequences that was measured.
    pub ratio: f64,
}

/// Several answers to one prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidates {
    /// Their number.
    pub count: usize,
    /// Tokens of the prompt.
    pub prompt: u32,
    /// Tokens of all answers.
    pub tokens: u32,
    /// Tokens of the one answer.
    pub one_tokens: u32,
    /// Milliseconds for one, with its prompt.
    pub one_ms: f64,
    /// Milliseconds for all, with their prompt.
    pub all_ms: f64,
    /// Time for all against time for one, for equally long answers.
    pub ratio: f64,
}

/// The cost of constrained decoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormCost {
    /// Milliseconds of a token without a grammar: the median.
    pub free_ms: f64,
    /// Milliseconds of a token with a grammar: the median.
    pub form_ms: f64,
    /// The grammar's share of a token's time, from 0 to 1.
    pub share: f64,
}

/// A prompt before and after a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    /// Tokens of the prompt.
    pub prompt: u32,
    /// Of these, found after the restart.
    pub cached: u32,
    /// Milliseconds to the first token when the prompt is new.
    pub first_ms: f64,
    /// Milliseconds to the first token after the restart, without loading the model.
    pub again_ms: f64,
    /// Milliseconds that loading took.
    pub load_ms: f64,
}

impl Engine {
    /// Measure whole requests. Measurements that exceed the context are left out.
    pub fn bench_requests(&self, plan: &RequestPlan, cancel: &Cancel) -> Result<RequestReport, GenerateError> {
        let fits = |tokens: usize| tokens < self.info().context_length as usize;
        let mut report = RequestReport::default();
        if fits(plan.context + plan.tokens) && plan.tokens > 1 {
            for count in plan.sequences.iter().copied().filter(|count| *count > 0) {
                let tps = self.sequences(count, plan, cancel)?;
                let base = report.sequences.first().map_or(tps, |first| first.tps);
                report.sequences.push(SequencesAt { count, context: plan.context, tps, ratio: tps / base });
            }
        }
        if plan.candidates > 0 && fits(plan.candidate_prompt + plan.candidate_tokens) {
            report.candidates = Some(self.candidates(plan, cancel)?);
        }
        if plan.form_tokens > 1 && fits(plan.form_tokens + 64) {
            report.form = self.form(plan.form_tokens, cancel)?;
        }
        Ok(report)
    }

    fn sequences(&self, count: usize, plan: &RequestPlan, cancel: &Cancel) -> Result<f64, GenerateError> {
        let request = |i: usize, tokens| request(text(self, i, plan.context)?, i, tokens);
        // Compute the prompts first: the measured requests find them cached and only decode.
        let short: Vec<_> = (0..count).map(|i| request(i, 1)).collect::<Result<_, GenerateError>>()?;
        self.all(&short, cancel, &mut |_| {})?;
        let long: Vec<_> = (0..count).map(|i| request(i, plan.tokens)).collect::<Result<_, GenerateError>>()?;
        let mut events = Vec::new();
        self.all(&long, cancel, &mut |i| events.push((i, Instant::now())))?;
        Ok(decode_rate(&events, count))
    }

    fn candidates(&self, plan: &RequestPlan, cancel: &Cancel) -> Result<Candidates, GenerateError> {
        let prompt = text(self, 0, plan.candidate_prompt)?;
        let requests: Vec<_> = (0..plan.candidates)
            .map(|i| request(prompt.clone(), i, plan.candidate_tokens))
            .collect::<Result<_, GenerateError>>()?;
        let timed = |requests: &[GenerateRequest]| {
            self.forget();
            let start = Instant::now();
            let done = self.all(requests, cancel, &mut |_| {})?;
            let tokens: u32 = done.iter().map(|one| one.usage.completion_tokens).sum();
            let prompt = done.first().map_or(0, |one| one.usage.prompt_tokens);
            Ok::<_, GenerateError>((start.elapsed().as_secs_f64() * 1e3, tokens, prompt))
        };
        let (one_ms, one_tokens, prompt) = timed(&requests[..1])?;
        let (all_ms, tokens, _) = timed(&requests)?;
        let count = plan.candidates;
        // Answers may end early: compare per token.
        let longer = f64::from(tokens) / (f64::from(one_tokens.max(1)) * f64::from(u32::try_from(count).unwrap_or(1)));
        let ratio = all_ms / one_ms / if longer > 0.0 { longer } else { 1.0 };
        Ok(Candidates { count, prompt, tokens, one_tokens, one_ms, all_ms, ratio })
    }

    fn form(&self, tokens: usize, cancel: &Cancel) -> Result<Option<FormCost>, GenerateError> {
        let free = request("The old lighthouse keeper looked at the sea, and then he".into(), 0, tokens)?;
        let formed = GenerateRequest { grammar: Some(Grammar::of(Form::Json(SCHEMA.into()))), ..free.clone() };
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            intervals(self, &free, cancel, &mut without)?;
            let text = match intervals(self, &formed, cancel, &mut with) {
                Err(GenerateError::Grammar(_)) => return Ok(None),
                text => text?,
            };
            // A model without grammars continues the story.
            if !text.trim_start().starts_with('[') {
                return Ok(None);
            }
        }
        let (free_ms, form_ms) = (median(&mut without), median(&mut with));
        let share = if form_ms > 0.0 { (1.0 - free_ms / form_ms).max(0.0) } else { 0.0 };
        Ok(Some(FormCost { free_ms, form_ms, share }))
    }

    /// Generate for all, or fail with the first that fails.
    fn all(
        &self,
        requests: &[GenerateRequest],
        cancel: &Cancel,
        on_token: &mut dyn FnMut(usize),
    ) -> Result<Vec<Generation>, GenerateError> {
        let done = self.generate_all(requests, cancel, &mut |i, _| on_token(i));
        done.into_iter().map(|one| finished(one?)).collect()
    }
}

/// Load the model in `folder`, generate one token for a prompt of `tokens` tokens, and do both again. `options` say
/// where prefixes are stored.
pub fn bench_restart(
    folder: &Path,
    options: &EngineOptions,
    tokens: usize,
    cancel: &Cancel,
) -> Result<Restart, GenerateError> {
    let run = || {
        let engine = Engine::load(folder, options)
            .map_err(|error| GenerateError::Load { message: error.to_string(), hint: error.hint() })?;
        let tokens = tokens.min((engine.info().context_length as usize).saturating_sub(2));
        let request = request(text(&engine, 0, tokens)?, 0, 1)?;
        let done = finished(engine.generate(&request, cancel, &mut |_| {})?)?;
        Ok::<_, GenerateError>((done, engine.model.load_time.as_secs_f64() * 1e3))
    };
    let (first, _) = run()?;
    let (again, load_ms) = run()?;
    Ok(Restart {
        prompt: again.usage.prompt_tokens,
        cached: again.usage.cached_tokens,
        first_ms: first.timing.first_token_ms,
        again_ms: again.timing.first_token_ms,
        load_ms,
    })
}

fn finished(done: Generation) -> Result<Generation, GenerateError> {
    if done.finish == FinishReason::Cancelled { Err(super::cancelled()) } else { Ok(done) }
}

/// A list of about `tokens` tokens that models continue without an end. Texts of different `number` differ from the
/// first token on.
fn text(engine: &Engine, number: usize, tokens: usize) -> Result<String, GenerateError> {
    let mut text = format!("{number}. List of measured values\n");
    let mut line = 0;
    let mut ids = engine.tokenize(&text)?;
    while ids.len() < tokens {
        // Add many lines at a time: each round tokenises the whole text.
        for _ in 0..(tokens - ids.len()).div_ceil(16) {
            line += 1;
            let value = super::scatter(line + number * 10_007);
            text.push_str(&format!("{line}: value_{} = {}\n", value % 97, value % 10_000));
        }
        ids = engine.tokenize(&text)?;
    }
    ids.truncate(tokens.max(1));
    Ok(engine.detokenize(&ids))
}

/// Sampled, so that sequences differ from each other.
fn request(text: String, seed: usize, tokens: usize) -> Result<GenerateRequest, GenerateError> {
    let tokens = u32::try_from(tokens).map_err(|_| GenerateError::Invalid("too many tokens".into()))?;
    let sampling = Sampling { temperature: 0.8, seed: seed as u64, ..Sampling::GREEDY };
    Ok(GenerateRequest { sampling, ..GenerateRequest::greedy(Prompt::Text(text), tokens) })
}

/// Adds the milliseconds between the tokens of an answer, which it returns.
fn intervals(
    model: &dyn LanguageModel,
    request: &GenerateRequest,
    cancel: &Cancel,
    into: &mut Vec<f64>,
) -> Result<String, GenerateError> {
    let mut last: Option<Instant> = None;
    let mut note = || {
        let now = Instant::now();
        into.extend(last.map(|last| (now - last).as_secs_f64() * 1e3));
        last = Some(now);
    };
    Ok(finished(model.generate(request, cancel, &mut |_| note())?)?.text)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Tokens per second of `count` sequences, from the sequence and time of each token: while all of them decode, if they
/// ever do at the same time; else over the time in which at least one decodes.
#[expect(clippy::cast_precision_loss, reason = "numbers of tokens are small")]
fn decode_rate(events: &[(usize, Instant)], count: usize) -> f64 {
    let of = |i: usize| events.iter().filter(move |(at, _)| *at == i).map(|(_, time)| *time);
    let mut spans: Vec<_> = (0..count).filter_map(|i| Some((of(i).min()?, of(i).max()?))).collect();
    let together = spans.iter().map(|(first, _)| *first).max().zip(spans.iter().map(|(_, last)| *last).min());
    if let Some((begin, end)) = together.filter(|(begin, end)| begin < end) {
        let inside = events.iter().filter(|(_, time)| *time > begin && *time <= end).count();
        return inside as f64 / (end - begin).as_secs_f64();
    }
    // The time of each sequence's first token includes its prompt: leave it out.
    let tokens = events.len().saturating_sub(spans.len());
    spans.sort();
    let mut seconds = 0.0;
    let mut until: Option<Instant> = None;
    for (first, last) in spans {
        let from = until.map_or(first, |until| until.max(first));
        seconds += last.saturating_duration_since(from).as_secs_f64();
        until = Some(until.map_or(last, |until| until.max(last)));
    }
    if seconds > 0.0 { tokens as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Protects the comparison of one sequence with eight: the rate covers only the time in which all decode, or the
    /// time of each if they never decode together, and never the prompts.
    #[test]
    fn rates_are_of_decoding_alone() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let rate = |events: &[(usize, u64)], count| {
            let events: Vec<_> = events.iter().map(|(i, ms)| (*i, at(*ms))).collect();
            decode_rate(&events, count)
        };
        let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-6, "{got} is not {want}");
        near(rate(&[(0, 0), (0, 100), (0, 200)], 1), 10.0);
        // The second one's prompt took from 100 to 300; both decode from 300 to 400.
        near(rate(&[(0, 0), (0, 100), (1, 300), (0, 350), (1, 350), (0, 400), (1, 400), (1, 900)], 2), 40.0);
        // One after the other.
        near(rate(&[(0, 0), (0, 100), (1, 1000), (1, 1100)], 2), 10.0);
        near(rate(&[(0, 0), (1, 10)], 2), 0.0);
        near(rate(&[], 2), 0.0);
        near(median(&mut [3.0, 1.0, 2.0]), 2.0);
        near(median(&mut []), 0.0);
    }
}
