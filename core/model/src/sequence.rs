//! One request as the scheduler sees it: tokens that are certain, of which the first are computed, and what to do with the
//! logits behind the last.

use crate::backend::{Backend, Seat};
use crate::draft::Drafter;
use crate::model::Model;
use crate::sampler::{self, Sampler};
use crate::step::{GROUP, Part};
use crate::stream::{Pushed, TextStream};
use deepcoder_grammar::Constraint;
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, Generation, Priority, Timing, TokenEvent, TopLogprob, Usage,
};
use std::sync::mpsc::Sender;
use std::time::Instant;

/// Tokens of an answer that are computed again, after its memory was taken, in one run: fewer than a group.
const AGAIN: usize = GROUP / 2;
/// Rows of logits that are held for scores.
const SCORED: usize = 64;

/// What a caller hears of its request.
pub(crate) enum News {
    /// A token was chosen.
    Token(TokenEvent),
    /// It is over.
    Done(Result<Generation, GenerateError>),
    /// The log-probabilities that were asked for.
    Scores(Result<Vec<f32>, GenerateError>),
}

/// A request in progress.
pub(crate) struct Sequence {
    /// Tokens that are certain: the prompt, and the answer so far.
    pub(crate) tokens: Vec<u32>,
    /// Of those, the prompt's.
    pub(crate) prompt: usize,
    /// Of those, the first that are in the cache.
    pub(crate) computed: usize,
    /// Tokens that there may be in all.
    pub(crate) total: usize,
    pub(crate) priority: Priority,
    pub(crate) client: String,
    pub(crate) cancel: Cancel,
    /// Its memory, while it has some.
    pub(crate) seat: Option<Seat>,
    /// What it has in the step that is being computed.
    pub(crate) part: Option<Part>,
    /// The order in which requests came.
    pub(crate) number: u64,
    /// The step that it was in last, where steps are for one sequence.
    pub(crate) turn: u64,
    /// Nobody listens any more.
    pub(crate) abandoned: bool,
    drafted: usize,
    work: Work,
    news: Sender<(usize, News)>,
    index: usize,
}

enum Work {
    Generate(Box<Answer>),
    Score(Scores),
}

/// How likely the tokens from `from` on are; and that the answer ends behind them, if `ends`.
struct Scores {
    from: usize,
    ends: bool,
    found: Vec<f32>,
}

/// A generation in progress.
pub(crate) struct Answer {
    pub(crate) sampler: Sampler,
    pub(crate) stream: TextStream,
    pub(crate) drafter: Option<Drafter>,
    pub(crate) constraint: Option<Constraint>,
    pub(crate) max_tokens: u32,
    pub(crate) logprobs: Option<u32>,
    /// Behind a hole the smaller models go on with the suffix's own tokens, which end the answer there.
    pub(crate) fills: bool,
    pub(crate) usage: Usage,
    pub(crate) start: Instant,
    pub(crate) read: Option<Instant>,
    pub(crate) first: Option<Instant>,
}

/// Where the news go.
pub(crate) struct Listener {
    pub(crate) news: Sender<(usize, News)>,
    pub(crate) index: usize,
}

impl Sequence {
    fn new(tokens: Vec<u32>, prompt: usize, total: usize, cancel: &Cancel, work: Work, to: Listener) -> Self {
        Self {
            tokens,
            prompt,
            computed: 0,
            total,
            priority: Priority::Interactive,
            client: String::new(),
            cancel: cancel.clone(),
            seat: None,
            part: None,
            number: 0,
            turn: 0,
            abandoned: false,
            drafted: 0,
            work,
            news: to.news,
            index: to.index,
        }
    }

    /// A generation behind `prompt`.
    pub(crate) fn generation(prompt: Vec<u32>, answer: Answer, cancel: &Cancel, to: Listener) -> Self {
        let (read, total) = (prompt.len(), prompt.len().saturating_add(answer.max_tokens as usize));
        Self::new(prompt, read, total, cancel, Work::Generate(Box::new(answer)), to)
    }

    /// The log-probabilities of the tokens from `from` on, and that of the answer's end behind them if `ends`.
    pub(crate) fn scores(tokens: Vec<u32>, from: usize, ends: bool, cancel: &Cancel, to: Listener) -> Self {
        let (total, read) = (tokens.len(), from.saturating_sub(1));
        Self::new(tokens, read, total, cancel, Work::Score(Scores { from, ends, found: Vec::new() }), to)
    }

    /// Tokens that are to be computed in all, as far as is known.
    fn end(&self) -> usize {
        match &self.work {
            Work::Score(scores) if !scores.ends => self.tokens.len().saturating_sub(1),
            _ => self.tokens.len(),
        }
    }

    /// The first tokens, which may come from a cache: the logits behind the others are wanted.
    pub(crate) fn usable(&self) -> &[u32] {
        match &self.work {
            Work::Score(_) => &self.tokens[..self.prompt.min(self.tokens.len())],
            Work::Generate(_) => &self.tokens[..self.tokens.len().saturating_sub(1)],
        }
    }

    /// Whether there is nothing to compute at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.computed >= self.end()
    }

    /// Tokens that are to be computed before the next choice.
    pub(crate) fn pending(&self) -> usize {
        self.end() - self.computed
    }

    /// Plan its part of the next step: at most about `chunk` tokens of a prompt, and at most `drafts` drafted ones.
    pub(crate) fn plan(&mut self, chunk: usize, drafts: usize) {
        let chunk = (chunk / GROUP).max(1) * GROUP;
        // A run that was halted may have left some.
        self.drafted = 0;
        let end = if self.computed < self.prompt {
            (self.computed / GROUP * GROUP + chunk).min(self.prompt)
        } else {
            let most = if matches!(self.work, Work::Score(_)) { SCORED } else { AGAIN };
            (self.computed + most).min(self.end())
        };
        let mut tokens = self.tokens[self.computed..end].to_vec();
        let wanted = match &mut self.work {
            Work::Score(scores) => (end + 1).saturating_sub(scores.from.max(self.computed + 1)),
            Work::Generate(_) if end < self.tokens.len() => 0,
            Work::Generate(answer) => {
                let mut drafted = Vec::new();
                if let Some(drafter) = &mut answer.drafter {
                    // The one that is certain now comes before them, and one that is chosen after them.
                    let left = answer.max_tokens.saturating_sub(answer.usage.completion_tokens) as usize;
                    drafter.propose(left.saturating_sub(1).min(drafts), &mut drafted);
                }
                self.drafted = drafted.len();
                tokens.extend(drafted);
                1 + self.drafted
            }
        };
        self.part = Some(Part { tokens, at: self.computed, wanted });
    }

    /// Its memory was taken: it begins again, with the tokens that it has.
    pub(crate) fn begin_again(&mut self) {
        self.computed = 0;
        self.part = None;
    }

    /// Note how many tokens were in the cache when it began.
    pub(crate) fn begun(&mut self, cached: usize) {
        self.computed = cached;
        if let Work::Generate(answer) = &mut self.work
            && answer.read.is_none()
        {
            answer.usage.cached_tokens = count(cached);
        }
    }

    /// Use the result of its part, whose logits begin at row `row`. `Some` when it is over.
    pub(crate) fn advance(
        &mut self,
        row: usize,
        backend: &mut Backend,
        model: &Model,
    ) -> Result<Option<FinishReason>, GenerateError> {
        let Some(part) = self.part.take() else { return Ok(None) };
        let drafted = std::mem::take(&mut self.drafted);
        self.computed = part.at + part.tokens.len() - drafted;
        match &mut self.work {
            Work::Score(scores) => {
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
            Work::Generate(_) if part.wanted == 0 => Ok(None),
            Work::Generate(answer) => {
                answer.read.get_or_insert_with(Instant::now);
                if answer.max_tokens == 0 {
                    return Ok(Some(FinishReason::Length));
                }
                let proposed = &part.tokens[part.tokens.len() - drafted..];
                self.choose(row, proposed, backend, model)
            }
        }
    }

    /// From the logits behind the last token that was certain and behind each drafted one, choose the tokens that follow.
    fn choose(
        &mut self,
        row: usize,
        drafted: &[u32],
        backend: &mut Backend,
        model: &Model,
    ) -> Result<Option<FinishReason>, GenerateError> {
        let Work::Generate(answer) = &mut self.work else { return Ok(None) };
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
                    self.abandoned |= self.news.send((self.index, News::Token(event))).is_err();
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

    /// Tell the caller that it is over.
    pub(crate) fn finish(self, result: Result<FinishReason, GenerateError>) {
        let news = match self.work {
            Work::Generate(answer) => News::Done(result.map(|finish| answer.end(finish, self.prompt))),
            Work::Score(scores) => News::Scores(match result {
                Ok(FinishReason::Cancelled) => Err(GenerateError::Engine("it was cancelled".into())),
                Ok(_) => Ok(scores.found),
                Err(error) => Err(error),
            }),
        };
        // A caller that is gone does not want to know.
        self.news.send((self.index, news)).unwrap_or_default();
    }
}

impl Answer {
    /// Choose a token. Log-probabilities are the model's own: they are read before the form and the penalty change the
    /// logits.
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

    /// Note a token that was chosen: whether it is the last, and what to tell the caller.
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
