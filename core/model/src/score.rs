//! Scoring: log-probabilities, perplexity, and the comparison of options.

use crate::engine::Engine;
use crate::scheduler::{Command, gone};
use crate::sequence::{EventSink, Sequence, SequenceEvent, count};
use crate::session::{Interrupt, RunOutcome};
use crate::step::{PREFILL_GROUP, SlotRequest, StepTokens};
use deepcoder_types::{Cancel, GenerateError, LanguageModel as _, Likelihood, MAX_CHOICES, Prompt};
use std::sync::mpsc::channel;

impl Engine {
    /// The natural logarithm of the probability of each token but the first, given those before it. An empty result
    /// for fewer than two tokens.
    pub fn score(&self, tokens: &[u32], cancel: &Cancel) -> Result<Vec<f32>, GenerateError> {
        self.check_tokens(tokens)?;
        let mut scores = self.scores(vec![(tokens.to_vec(), 1, false)], cancel)?;
        Ok(scores.pop().unwrap_or_default())
    }

    /// [`LanguageModel::choose`](deepcoder_types::LanguageModel::choose).
    pub(crate) fn compare(
        &self,
        prompt: &Prompt,
        options: &[String],
        cancel: &Cancel,
    ) -> Result<Vec<Likelihood>, GenerateError> {
        if options.is_empty() || options.len() > MAX_CHOICES || options.iter().any(String::is_empty) {
            let message =
                format!("there are {} options, and 1 to {MAX_CHOICES} can be compared, none empty", options.len());
            return Err(GenerateError::Invalid(message));
        }
        let begin = self.render(prompt)?;
        // In a chat an option is the whole answer, so its end counts: `a` must not win over `ab` as its prefix.
        let ends = matches!(prompt, Prompt::Chat { .. });
        let mut asked = Vec::with_capacity(options.len());
        for option in options {
            let mut tokens = begin.clone();
            tokens.extend(self.tokenize(option)?);
            self.check_length(tokens.len(), 0)?;
            asked.push((tokens, begin.len(), ends));
        }
        let scores = self.scores(asked, cancel)?;
        let likelihood = |(option, scores): (usize, Vec<f32>)| Likelihood {
            option: count(option),
            logprob: scores.iter().sum(),
            tokens: count(scores.len()),
        };
        Ok(scores.into_iter().enumerate().map(likelihood).collect())
    }

    /// Log-probabilities for several `(tokens, from, ends)`: of each list from token `from` on and, with `ends`, of an
    /// end token after it.
    fn scores(&self, asked: Vec<(Vec<u32>, usize, bool)>, cancel: &Cancel) -> Result<Vec<Vec<f32>>, GenerateError> {
        let (sender, events) = channel();
        let _wake = cancel.on_cancel(self.scheduler.waker());
        let (mut all, mut sequences) = (vec![None; asked.len()], Vec::new());
        for (index, (tokens, from, ends)) in asked.into_iter().enumerate() {
            if tokens.len() <= from && !ends {
                all[index] = Some(Vec::new());
                continue;
            }
            let to = EventSink { events: sender.clone(), index };
            sequences.push(Sequence::scores(tokens, from, ends, cancel, to));
        }
        drop(sender);
        self.scheduler.send(Command::Submit(sequences))?;
        for (index, what) in events {
            if let SequenceEvent::Scores(scores) = what {
                all[index] = Some(scores?);
            }
        }
        all.into_iter().map(|scores| scores.ok_or_else(gone)).collect()
    }

    fn check_tokens(&self, tokens: &[u32]) -> Result<(), GenerateError> {
        self.check_length(tokens.len(), 0)?;
        match tokens.iter().find(|id| **id >= self.model.manifest.vocab_size) {
            Some(wrong) => Err(GenerateError::Invalid(format!("token {wrong} is beyond the vocabulary"))),
            None => Ok(()),
        }
    }

    /// The logits after every token, `[tokens, vocab]`, for comparisons with other implementations. The tokens are run in
    /// pieces of `runs` tokens, the rest in one.
    pub fn logits(&self, tokens: &[u32], runs: &[usize], cancel: &Cancel) -> Result<Vec<f32>, GenerateError> {
        self.check_tokens(tokens)?;
        let (tokens, runs, cancel) = (tokens.to_vec(), runs.to_vec(), cancel.clone());
        self.exclusive(move |backend| {
            // All tokens must be computed: no prefix may come from the cache.
            let request = SlotRequest { tokens: &[], usable: 0, prompt: 0, total: tokens.len(), interactive: false };
            let failed = |reason: &str| GenerateError::Engine(reason.into());
            let (mut slot, _) =
                backend.allocate(&request, std::iter::empty())?.ok_or_else(|| failed("its cache is taken"))?;
            let mut out = Vec::new();
            let (mut runs, mut at) = (runs.iter(), 0);
            let mut outcome = Ok(RunOutcome::Done);
            while at < tokens.len() && matches!(outcome, Ok(RunOutcome::Done)) {
                let rest = &tokens[at..];
                let wanted = runs.next().map_or(rest.len(), |n| (*n).clamp(1, rest.len()));
                let part = StepTokens { tokens: rest[..wanted].to_vec(), at, wanted };
                let due = || cancel.is_cancelled();
                let interrupt = (wanted > PREFILL_GROUP / 2).then(|| Interrupt::when(&due, false));
                outcome = backend.run(std::iter::once((&part, &mut slot)), interrupt);
                if matches!(outcome, Ok(RunOutcome::Done)) {
                    (0..wanted).for_each(|row| out.extend_from_slice(backend.logits(row)));
                    at += wanted;
                }
            }
            backend.free(slot, &[]);
            match outcome? {
                RunOutcome::Done => Ok(out),
                RunOutcome::Interrupted => Err(failed("it was cancelled")),
            }
        })?
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
            if let Some(bos) = self.model.manifest.bos_id {
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
