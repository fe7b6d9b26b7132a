//! Perplexity on a text, to see what quantisation costs: comparable with llama.cpp's `llama-perplexity` on the same text
//! and window.

use crate::EvalError;
use deepcoder_types::{Cancel, GenerateError};
use serde::{Deserialize, Serialize};

/// How well a model foresees a text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Perplexity {
    /// `exp` of the mean negative log-probability of a token.
    pub perplexity: f64,
    /// One standard error of it (of the mean, carried through `exp`).
    pub standard_error: f64,
    /// The mean negative log-probability, in nats.
    pub mean_nll: f64,
    /// Tokens scored.
    pub scored: usize,
    /// Windows run.
    pub windows: usize,
}

/// Returns, for the tokens of one window, the natural logarithm of the probability of each but the first.
pub type Score<'a> = dyn FnMut(&[u32]) -> Result<Vec<f32>, GenerateError> + 'a;

/// Score `tokens` in windows of `window` tokens that do not overlap. In each, only the second half is counted, so that
/// every counted token is foreseen from at least half a window; what is left at the end is not used.
///
/// `progress` sees the windows done, the windows in all, and the perplexity so far.
pub fn measure(
    tokens: &[u32],
    window: usize,
    score: &mut Score<'_>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize, f64),
) -> Result<Perplexity, EvalError> {
    let windows = if window < 4 { 0 } else { tokens.len() / window };
    if windows == 0 {
        return Err(EvalError::NoTasks);
    }
    let (mut sum, mut squares, mut scored) = (0.0f64, 0.0f64, 0usize);
    for (index, part) in tokens.chunks_exact(window).enumerate() {
        if cancel.is_cancelled() {
            return Err(EvalError::Cancelled { done: index, total: windows });
        }
        let model = |source| EvalError::Model { task: format!("window {}", index + 1), source };
        let logprobs = score(part).map_err(model)?;
        if logprobs.len() != window - 1 {
            let message = format!("{} scores for {window} tokens", logprobs.len());
            return Err(model(GenerateError::Engine(message)));
        }
        // Entry i is about token i + 1; llama.cpp counts from the token after the middle one on.
        for logprob in &logprobs[window / 2..] {
            let nll = -f64::from(*logprob);
            sum += nll;
            squares += nll * nll;
            scored += 1;
        }
        progress(index + 1, windows, (sum / scored as f64).exp());
    }
    let mean = sum / scored as f64;
    let variance = (squares / scored as f64 - mean * mean).max(0.0);
    let deviation = if scored > 1 { (variance / (scored - 1) as f64).sqrt() } else { 0.0 };
    let perplexity = mean.exp();
    Ok(Perplexity { perplexity, standard_error: deviation * perplexity, mean_nll: mean, scored, windows })
}
