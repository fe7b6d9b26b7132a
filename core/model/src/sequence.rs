//! One request in the scheduler: its certain tokens, how many of them are computed, and how it uses the logits. A
//! generation samples tokens and checks drafts; a scoring reads log-probabilities.

use crate::backend::{Backend, KvSlot};
use crate::draft::Drafter;
use crate::model::Model;
use crate::sampler::{self, Sampler};
use crate::step::{PREFILL_GROUP, StepTokens};
use crate::stream::{Pushed, TextStream};
use deepcoder_grammar::Constraint;
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, Generation, Priority, Timing, TokenEvent, TopLogprob, Usage,
};
use std::sync::mpsc::Sender;
use std::time::Instant;

/// Maximum number of answer tokens that one run recomputes after a preemption: fewer than a group, so that each has the
/// bits that it had when it was decoded.
const MAX_RECOMPUTED: usize = PREFILL_GROUP / 2;
/// Maximum number of rows of logits that a scoring needs of one run.
const MAX_SCORED: usize = 64;

/// A message from the scheduler to the caller of a request.
pub(crate) enum SequenceEvent {
    /// A token was chosen.
    Token(TokenEvent),
    /// The generation ended.
    Done(Result<Generation, GenerateError>),
    /// The scoring ended.
    Scores(Result<Vec<f32>, GenerateError>),
}

/// A request in the scheduler.
pub(crate) struct Sequence {
    /// Tokens that are certain: the prompt, and the answer so far.
    pub(crate) tokens: Vec<u32>,
    /// How many of these are the prompt's.
    pub(crate) prompt: usize,
    /// How many of the first ones are in the KV cache.
    pub(crate) computed: usize,
    /// Maximum number of tokens of prompt and answer.
    pub(crate) total: usize,
    pub(crate) priority: Priority,
    pub(crate) client: String,
    pub(crate) cancel: Cancel,
    /// Its KV cache, from admission on.
    pub(crate) slot: Option<KvSlot>,
    /// Its tokens in the current step.
    pub(crate) step_tokens: Option<StepTokens>,
    /// Number of the request in the order of arrival.
    pub(crate) number: u64,
    /// The last step that it was in, where a step computes one sequence: sequences take turns.
    pub(crate) turn: u64,
    /// The caller is gone: the channel is closed.
    pub(crate) abandoned: bool,
    drafted: usize,
    kind: SequenceKind,
    events: Sender<(usize, SequenceEvent)>,
    index: usize,
}

enum SequenceKind {
    Generate(Box<GenerationState>),
    Score(ScoringState),
}

/// Log-probabilities of the tokens from `from` on and, with `ends`, of an end token after them.
struct ScoringState {
    from: usize,
    ends: bool,
    found: Vec<f32>,
}

/// A generation in progress.
pub(crate) struct GenerationState {
    pub(crate) sampler: Sampler,
    pub(crate) stream: TextStream,
    pub(crate) drafter: Option<Drafter>,
    pub(crate) constraint: Option<Constraint>,
    pub(crate) max_tokens: u32,
    pub(crate) logprobs: Option<u32>,
    /// Whether the prompt is fill-in-the-middle; see [`Model::ends_answer`].
    pub(crate) fills: bool,
    pub(crate) usage: Usage,
    pub(crate) start: Instant,
    pub(crate) read: Option<Instant>,
    pub(crate) first: Option<Instant>,
}

/// The channel to the caller, and the index of the request in the call.
pub(crate) struct EventSink {
    pub(crate) events: Sender<(usize, SequenceEvent)>,
    pub(crate) index: usize,
}

impl Sequence {
    fn new(tokens: Vec<u32>, prompt: usize, total: usize, cancel: &Cancel, kind: SequenceKind, to: EventSink) -> Self {
        Self {
            tokens,
            prompt,
            computed: 0,
            total,
            priority: Priority::Interactive,
            client: String::new(),
            cancel: cancel.clone(),
            slot: None,
            step_tokens: None,
            number: 0,
            turn: 0,
            abandoned: false,
            drafted: 0,
            kind,
            events: to.events,
            index: to.index,
        }
    }

    /// A generation that continues `prompt`.
    pub(crate) fn generation(prompt: Vec<u32>, answer: GenerationState, cancel: &Cancel, to: EventSink) -> Self {
        let (read, total) = (prompt.len(), prompt.len().saturating_add(answer.max_tokens as usize));
        Self::new(prompt, read, total, cancel, SequenceKind::Generate(Box::new(answer)), to)
    }

    /// A scoring of the tokens from `from` on and, with `ends`, of an end token after them.
    pub(crate) fn scores(tokens: Vec<u32>, from: usize, ends: bool, cancel: &Cancel, to: EventSink) -> Self {
        let (total, read) = (tokens.len(), from.saturating_sub(1));
        Self::new(tokens, read, total, cancel, SequenceKind::Score(ScoringState { from, ends, found: Vec::new() }), to)
    }

    /// How many tokens must be computed. The last token of a scoring needs no logits after it.
    fn end(&self) -> usize {
        match &self.kind {
            SequenceKind::Score(scores) if !scores.ends => self.tokens.len().saturating_sub(1),
            _ => self.tokens.len(),
        }
    }

    /// The first tokens, which may come from the cache. The others must be computed for their logits.
    pub(crate) fn usable(&self) -> &[u32] {
        match &self.kind {
            SequenceKind::Score(_) => &self.tokens[..self.prompt.min(self.tokens.len())],
            SequenceKind::Generate(_) => &self.tokens[..self.tokens.len().saturating_sub(1)],
        }
    }

    /// Whether nothing is left to compute.
    pub(crate) fn is_empty(&self) -> bool {
        self.computed >= self.end()
    }

    /// How many tokens must be computed before the next one can be sampled.
    pub(crate) fn pending(&self) -> usize {
        self.end() - self.computed
    }

    /// Plan its tokens of the next step: of a prompt up to a multiple of [`PREFILL_GROUP`] and about `chunk` tokens, or
    /// the certain tokens and at most `drafts` drafted ones.
    pub(crate) fn plan(&mut self, chunk: usize, drafts: usize) {
        let chunk = (chunk / PREFILL_GROUP).max(1) * PREFILL_GROUP;
        // A run that was halted may have left some.
        self.drafted = 0;
        let end = if self.computed < self.prompt {
            (self.computed / PREFILL_GROUP * PREFILL_GROUP + chunk).min(self.prompt)
        } else {
            let most = if matches!(self.kind, SequenceKind::Score(_)) { MAX_SCORED } else { MAX_RECOMPUTED };
            (self.computed + most).min(self.end())
        };
        let mut tokens = self.tokens[self.computed..end].to_vec();
        let wanted = match &mut self.kind {
            SequenceKind::Score(scores) => (end + 1).saturating_sub(scores.from.max(self.computed + 1)),
            SequenceKind::Generate(_) if end < self.tokens.len() => 0,
            SequenceKind::Generate(answer) => {
                let mut drafted = Vec::new();
                if let Some(drafter) = &mut answer.drafter {
                    // One token is sampled after the drafts, which therefore must leave room for it.
                    let left = answer.max_tokens.saturating_sub(answer.usage.completion_tokens) as usize;
                    drafter.propose(left.saturating_sub(1).min(drafts), &mut drafted);
                }
                self.drafted = drafted.len();
                tokens.extend(drafted);
                1 + self.drafted
            }
        };
        self.step_tokens = Some(StepTokens { tokens, at: self.computed, wanted });
    }

    /// Its memory was taken: compute all its tokens again.
    pub(crate) fn preempt(&mut self) {
        self.computed = 0;
        self.step_tokens = None;
    }

    /// Record how many tokens were cached when it was admitted.
    pub(crate) fn admit(&mut self, cached: usize) {
        self.computed = cached;
        if let SequenceKind::Generate(answer) = &mut self.kind
            && answer.read.is_none()
        {
            answer.usage.cached_tokens = count(cached);
        }
    }

    /// Use the logits of its tokens in the step, which begin at row `row` of the step's. `Some` when it is done.
    pub(crate) fn advance(
        &mut self,
        row: usize,
        backend: &mut Backend,
        model: &Model,
    ) -> Result<Option<FinishReason>, GenerateError> {
        let Some(part) = self.step_tokens.take() else { return Ok(None) };
        let drafted = std::mem::take(&mut self.drafted);
        self.computed = part.at + part.tokens.len() - drafted;
        match &mut self.kind {
            SequenceKind::Score(scores) => {
                for i in 0..part.wanted {
                    let logits = backend.logits(row + i);
                    let next = self.computed - part.wanted + i + 1;
                    let sum = sampler::log_sum_exp(logits);
                    scores.found.push(match self.tokens.get(next) {
                        Some(id) => logits[*id as usize] - sum,
                        None => {
                            let ends: Vec<f32> = model.ends().map(|id| logits[id as usize]).collect();
                            sampler::log_sum_exp(&ends) - sum
                        }
                    });
                }
                Ok(self.is_empty().then_some(FinishReason::End))
            }
            SequenceKind::Generate(_) if part.wanted == 0 => Ok(None),
            SequenceKind::Generate(answer) => {
                answer.read.get_or_insert_with(Instant::now);
                if answer.max_tokens == 0 {
                    return Ok(Some(FinishReason::Length));
                }
                let proposed = &part.tokens[part.tokens.len() - drafted..];
                self.choose(row, proposed, backend, model)
            }
        }
    }

    /// Sample from the logits after the last certain token and after each draft, until a draft differs (speculative
    /// decoding with exact agreement, so that drafts change no token; Leviathan et al. 2023).
    fn choose(
        &mut self,
        row: usize,
        drafted: &[u32],
        backend: &mut Backend,
        model: &Model,
    ) -> Result<Option<FinishReason>, GenerateError> {
        let SequenceKind::Generate(answer) = &mut self.kind else { return Ok(None) };
        answer.usage.drafted_tokens += count(drafted.len());
        let (mut accepted, mut agrees) = (0, true);
        let finish = 'rows: loop {
            let (id, event) = answer.choose(backend.logits(row + accepted), model)?;
            let mut next = Some((id, event));
            // What the form leaves no choice about follows without a choice, whether it was drafted or not: the same tokens
            // are drawn with a draft and without, and one that was not drafted is computed with the next step.
            let mut forced = None;
            while let Some((id, event)) = next {
                agrees = agrees && drafted.get(accepted) == Some(&id);
                accepted += usize::from(agrees);
                let (finish, event) = answer.take(id, event, model)?;
                if let Some(event) = event {
                    self.abandoned |= self.events.send((self.index, SequenceEvent::Token(event))).is_err();
                }
                self.tokens.push(id);
                if let Some(drafter) = &mut answer.drafter {
                    drafter.push(id);
                }
                if finish.is_some() {
                    break 'rows finish;
                }
                let forced = forced.get_or_insert_with(|| answer.forced());
                next = forced
                    .next()
                    .map(|id| (id, TokenEvent { text: String::new(), id, logprob: None, top: Vec::new() }));
            }
            if !agrees {
                break None;
            }
        };
        self.computed += accepted;
        answer.usage.accepted_tokens += count(accepted);
        if let (Some(drafter), false) = (&mut answer.drafter, drafted.is_empty()) {
            drafter.judged(drafted.len(), accepted);
        }
        Ok(finish)
    }

    /// Send the result to the caller.
    pub(crate) fn finish(self, result: Result<FinishReason, GenerateError>) {
        let event = match self.kind {
            SequenceKind::Generate(answer) => SequenceEvent::Done(result.map(|finish| answer.end(finish, self.prompt))),
            SequenceKind::Score(scores) => SequenceEvent::Scores(match result {
                Ok(FinishReason::Cancelled) => Err(GenerateError::Engine("it was cancelled".into())),
                Ok(_) => Ok(scores.found),
                Err(error) => Err(error),
            }),
        };
        // The caller may be gone.
        self.events.send((self.index, event)).unwrap_or_default();
    }
}

impl GenerationState {
    /// Sample a token. Log-probabilities are the model's own: they are read before the grammar and the repetition
    /// penalty change the logits.
    fn choose(&mut self, logits: &mut [f32], model: &Model) -> Result<(u32, TokenEvent), GenerateError> {
        let before = self.logprobs.map(|n| {
            let sum = sampler::log_sum_exp(logits);
            (sum, sampler::top(logits, n as usize), logits.to_vec())
        });
        if let Some(constraint) = &mut self.constraint {
            constraint.mask(logits).map_err(|e| GenerateError::Grammar(e.to_string()))?;
        }
        let id = self.sampler.choose(logits)?;
        let mut event = TokenEvent { text: String::new(), id, logprob: None, top: Vec::new() };
        if let Some((sum, top, raw)) = before {
            event.logprob = raw.get(id as usize).map(|l| l - sum);
            event.top = top
                .into_iter()
                .map(|(id, logit)| TopLogprob {
                    text: String::from_utf8_lossy(model.vocabulary.bytes_of(id)).into_owned(),
                    id,
                    logprob: logit - sum,
                })
                .collect();
        }
        Ok((id, event))
    }

    /// What the form leaves no choice about. The penalty is for these tokens, too.
    fn forced(&mut self) -> std::vec::IntoIter<u32> {
        let forced = self.constraint.as_mut().map(Constraint::forced).unwrap_or_default();
        forced.iter().for_each(|id| self.sampler.observe(*id));
        forced.into_iter()
    }

    /// Append a token: whether it ends the answer, and the event for the caller.
    fn take(
        &mut self,
        id: u32,
        mut event: TokenEvent,
        model: &Model,
    ) -> Result<(Option<FinishReason>, Option<TokenEvent>), GenerateError> {
        self.first.get_or_insert_with(Instant::now);
        if model.ends_answer(id, self.fills) {
            event.text = self.stream.finish();
            return Ok((Some(FinishReason::End), (!event.text.is_empty()).then_some(event)));
        }
        self.usage.completion_tokens += 1;
        let mut finish = match self.stream.push(model.vocabulary.bytes_of(id)) {
            Pushed::Stopped(text) => {
                event.text = text;
                Some(FinishReason::Stop)
            }
            Pushed::More(text) => {
                event.text = text;
                None
            }
        };
        if let (None, Some(constraint)) = (finish, &mut self.constraint) {
            constraint.accept(id).map_err(|e| GenerateError::Grammar(e.to_string()))?;
            if constraint.is_done() {
                event.text.push_str(&self.stream.finish());
                finish = Some(FinishReason::End);
            }
        }
        if finish.is_none() && self.usage.completion_tokens >= self.max_tokens {
            event.text.push_str(&self.stream.cut());
            finish = Some(FinishReason::Length);
        }
        Ok((finish, Some(event)))
    }

    fn end(self, finish: FinishReason, prompt: usize) -> Generation {
        let now = Instant::now();
        let (read, first) = (self.read.unwrap_or(now), self.first.unwrap_or(now));
        let after_first = self.usage.completion_tokens.saturating_sub(1);
        let rate = |tokens: u32, seconds: f64| if seconds > 0.0 { f64::from(tokens) / seconds } else { 0.0 };
        let computed = count(prompt).saturating_sub(self.usage.cached_tokens);
        let timing = Timing {
            prefill_tps: rate(computed, (read - self.start).as_secs_f64()),
            decode_tps: rate(after_first, (now - first).as_secs_f64()),
            first_token_ms: (first - self.start).as_secs_f64() * 1e3,
            total_ms: (now - self.start).as_secs_f64() * 1e3,
        };
        Generation { finish, usage: self.usage, timing, text: self.stream.into_text() }
    }
}

/// Numbers of tokens are below the context length, which is 32 bits.
pub(crate) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
