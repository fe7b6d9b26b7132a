//! How likely a text is: log-probabilities and perplexity.

use crate::cache::Cache;
use crate::engine::Engine;
use crate::graph::{Halt, Ran};
use crate::sampler::log_sum_exp;
use deepcoder_types::{Cancel, GenerateError, LanguageModel as _, Priority};

/// Rows of logits that are held at a time (each is as long as the vocabulary).
const ROWS: usize = 64;

impl Engine {
    /// The natural logarithm of the probability of each token but the first, given those before it. An empty result
    /// for fewer than two tokens.
    pub fn score(&self, tokens: &[u32], cancel: &Cancel) -> Result<Vec<f32>, GenerateError> {
        let context = self.info().context_length as usize;
        if tokens.len() > context {
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            return Err(GenerateError::TooLong { prompt: count(tokens.len()), max_tokens: 0, context: count(context) });
        }
        let cancelled = || GenerateError::Engine("it was cancelled".into());
        if let Some(wrong) = tokens.iter().find(|id| **id >= self.manifest.vocab_size) {
            return Err(GenerateError::Invalid(format!("token {wrong} is beyond the vocabulary")));
        }
        let _turn = self.enter(Priority::Interactive, cancel).ok_or_else(cancelled)?;
        let graph = &mut self.lock().graph;
        let mut cache = Cache::default();
        graph.reserve(&mut cache, tokens.len(), context)?;
        let mut out = Vec::with_capacity(tokens.len().saturating_sub(1));
        // The last token's logits are not wanted.
        let inputs = &tokens[..tokens.len().saturating_sub(1)];
        for chunk in inputs.chunks(ROWS) {
            let at = cache.len();
            if graph.run(&mut cache, chunk, chunk.len(), Halt::on(cancel))? == Ran::Halted {
                return Err(cancelled());
            }
            for i in 0..chunk.len() {
                let logits = graph.logits(i);
                out.push(logits[tokens[at + i + 1] as usize] - log_sum_exp(logits));
            }
        }
        Ok(out)
    }

    /// The logits behind every token, one row after the other, with the tokens run in pieces of `runs` tokens and those
    /// that are left in one: for comparisons with other implementations.
    pub fn logits(&self, tokens: &[u32], runs: &[usize], cancel: &Cancel) -> Result<Vec<f32>, GenerateError> {
        let context = self.info().context_length as usize;
        if tokens.len() > context || tokens.iter().any(|id| *id >= self.manifest.vocab_size) {
            return Err(GenerateError::Invalid("the tokens are too many or beyond the vocabulary".into()));
        }
        let cancelled = || GenerateError::Engine("it was cancelled".into());
        let _turn = self.enter(Priority::Interactive, cancel).ok_or_else(cancelled)?;
        let graph = &mut self.lock().graph;
        let mut cache = Cache::default();
        let mut out = Vec::new();
        let mut runs = runs.iter();
        while cache.len() < tokens.len() {
            let rest = &tokens[cache.len()..];
            let piece = &rest[..runs.next().map_or(rest.len(), |n| (*n).clamp(1, rest.len()))];
            let needed = cache.len() + piece.len();
            graph.reserve(&mut cache, needed, context)?;
            if graph.run(&mut cache, piece, piece.len(), Halt::on(cancel))? == Ran::Halted {
                return Err(cancelled());
            }
            for row in 0..piece.len() {
                out.extend_from_slice(graph.logits(row));
            }
        }
        Ok(out)
    }

    /// The perplexity of a text, read in windows of `window` tokens that begin anew, as llama.cpp's tool reads them:
    /// only the second half of each window counts, so that every counted token has a context.
    pub fn perplexity(&self, text: &str, window: usize, cancel: &Cancel) -> Result<f64, GenerateError> {
        let tokens = self.tokenize(text)?;
        let window = window.min(self.info().context_length as usize);
        if window < 4 || tokens.len() < window {
            let message = format!("a text of at least {} tokens is needed, not {}", window.max(4), tokens.len());
            return Err(GenerateError::Invalid(message));
        }
        let (mut sum, mut counted) = (0.0f64, 0u32);
        for part in tokens.chunks_exact(window) {
            let mut part = part.to_vec();
            if let Some(bos) = self.manifest.bos_id {
                part[0] = bos;
            }
            for logprob in &self.score(&part, cancel)?[window / 2 - 1..] {
                sum -= f64::from(*logprob);
                counted += 1;
            }
        }
        Ok((sum / f64::from(counted.max(1))).exp())
    }
}
