//! The loop that produces tokens.

use crate::cache::{Cache, Lease};
use crate::draft::Drafter;
use crate::engine::{Engine, State};
use crate::graph::{Halt, Ran};
use crate::sampler::{self, Sampler};
use crate::stream::{Pushed, TextStream};
use crate::turns::Turn;
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel as _, Priority, Prompt, Timing,
    TokenEvent, TopLogprob, Usage,
};
use std::time::Instant;

/// The most tokens of a background prompt in one run. An interactive request preempts such a run, which then starts
/// again: this is the most work that is lost. Longer runs are hardly faster.
const BACKGROUND_CHUNK: usize = 64;

/// Answer one request.
pub(crate) fn generate(
    engine: &Engine,
    turn: Turn<'_>,
    request: &GenerateRequest,
    prompt: &[u32],
    start: Instant,
    cancel: &Cancel,
    on_token: &mut dyn FnMut(&TokenEvent),
) -> Result<Generation, GenerateError> {
    let context = engine.info().context_length as usize;
    let total = check(request, prompt, context)?;
    let sampler = Sampler::new(request.sampling, engine.manifest.vocab_size as usize, prompt)?;
    let (lease, cached) = {
        let State { graph, slots } = &mut *engine.lock();
        let lease = slots.open(graph, prompt, total, context, request.priority)?;
        let cache = slots.leased(&lease)?;
        graph.reserve(cache, prompt.len(), context)?;
        let cached = cache.len();
        (lease, cached)
    };
    let mut answer = Answer {
        engine,
        turn,
        lease,
        request,
        prompt,
        context,
        cancel,
        sampler,
        stream: TextStream::new(&request.stop),
        usage: Usage { prompt_tokens: count(prompt.len()), cached_tokens: count(cached), ..Usage::default() },
        start,
        first: None,
        on_token,
    };
    let prefill = answer.prefill(cached)?;
    let prefill_end = Instant::now();
    let finish = match prefill {
        Ran::Halted => FinishReason::Cancelled,
        Ran::Done if request.max_tokens == 0 => FinishReason::Length,
        Ran::Done => answer.decode()?,
    };
    let timing = answer.timing(prefill_end, prompt.len() - cached);
    Ok(Generation { finish, usage: answer.usage, timing, text: answer.stream.into_text() })
}

fn check(request: &GenerateRequest, prompt: &[u32], context: usize) -> Result<usize, GenerateError> {
    let total = prompt.len().saturating_add(request.max_tokens as usize);
    if total > context {
        let (prompt, context) = (count(prompt.len()), count(context));
        return Err(GenerateError::TooLong { prompt, max_tokens: request.max_tokens, context });
    }
    Ok(total)
}

/// A generation in progress.
struct Answer<'a> {
    engine: &'a Engine,
    turn: Turn<'a>,
    lease: Lease,
    request: &'a GenerateRequest,
    prompt: &'a [u32],
    context: usize,
    cancel: &'a Cancel,
    sampler: Sampler,
    stream: TextStream,
    usage: Usage,
    start: Instant,
    first: Option<Instant>,
    on_token: &'a mut dyn FnMut(&TokenEvent),
}

impl Answer<'_> {
    /// Run what is missing of the prompt in chunks; the logits of its last token are then in row 0.
    fn prefill(&mut self, cached: usize) -> Result<Ran, GenerateError> {
        let most = match self.request.priority {
            Priority::Interactive => usize::MAX,
            Priority::Background => BACKGROUND_CHUNK,
        };
        let chunk = self.engine.lock().graph.chunk().min(most);
        for tokens in self.prompt[cached..].chunks(chunk.max(1)) {
            if self.run(tokens, 1)? == Ran::Halted {
                return Ok(Ran::Halted);
            }
        }
        Ok(Ran::Done)
    }

    /// Run `tokens` behind what the cache holds, for the last `rows` of them; a background run waits for interactive
    /// ones. Halted once it is cancelled.
    fn run(&mut self, tokens: &[u32], rows: usize) -> Result<Ran, GenerateError> {
        loop {
            if !self.turn.give_way(self.cancel) {
                return Ok(Ran::Halted);
            }
            let State { graph, slots } = &mut *self.engine.lock();
            let cache = slots.leased(&self.lease)?;
            let ran = graph.run(cache, tokens, rows, Halt { cancel: self.cancel, turn: Some(&self.turn) })?;
            if ran == Ran::Done || self.cancel.is_cancelled() {
                return Ok(ran);
            }
        }
    }

    fn decode(&mut self) -> Result<FinishReason, GenerateError> {
        let mut drafter = self.drafter(self.prompt)?;
        let mut drafted: Vec<u32> = Vec::new();
        let mut step: Vec<u32> = Vec::new();
        loop {
            if let Some(finish) = self.choose(&mut drafter, &mut drafted, &mut step)? {
                return Ok(finish);
            }
            if self.run(&step, step.len())? == Ran::Halted {
                return Ok(FinishReason::Cancelled);
            }
        }
    }

    /// From the logits of the last run, behind the last token that was certain and behind each drafted one, choose the
    /// tokens of the answer, and those of the next step. `Some` at the end.
    fn choose(
        &mut self,
        drafter: &mut Option<Drafter>,
        drafted: &mut Vec<u32>,
        step: &mut Vec<u32>,
    ) -> Result<Option<FinishReason>, GenerateError> {
        let State { graph, slots } = &mut *self.engine.lock();
        let cache = slots.leased(&self.lease)?;
        let certain = cache.len() - drafted.len();
        let mut accepted = 0;
        let next = loop {
            let logits = graph.logits(accepted);
            let (id, event) = choose(&mut self.sampler, logits, self.request, self.engine)?;
            let agreed = drafted.get(accepted) == Some(&id);
            if let Some(finish) = self.take(id, event) {
                cache.truncate(certain + accepted + usize::from(agreed));
                self.usage.accepted_tokens += count(accepted + usize::from(agreed));
                return Ok(Some(finish));
            }
            if let Some(drafter) = drafter {
                drafter.push(id);
            }
            if !agreed {
                break id;
            }
            accepted += 1;
        };
        cache.truncate(certain + accepted);
        self.usage.accepted_tokens += count(accepted);
        let room = self.room(cache);
        if let Some(drafter) = drafter {
            if !drafted.is_empty() {
                drafter.judged(drafted.len(), accepted);
            }
            drafter.propose(room, drafted);
        }
        self.usage.drafted_tokens += count(drafted.len());
        step.clear();
        step.push(next);
        step.extend_from_slice(drafted);
        graph.reserve(cache, cache.len() + step.len(), self.context)?;
        Ok(None)
    }

    fn drafter(&self, prompt: &[u32]) -> Result<Option<Drafter>, GenerateError> {
        if !self.engine.drafts {
            return Ok(None);
        }
        let draft = self.request.draft.as_deref().map(|text| self.engine.tokenize(text)).transpose()?;
        Ok(Some(Drafter::new(&draft.unwrap_or_default(), prompt)))
    }

    /// Tokens that may be drafted: the one that is certain now comes before them, and one that is chosen after them.
    fn room(&self, cache: &Cache) -> usize {
        let wanted = self.request.max_tokens.saturating_sub(self.usage.completion_tokens) as usize;
        wanted.saturating_sub(1).min(self.context.saturating_sub(cache.len() + 1))
    }

    /// Note a token that was chosen, and tell the caller. `Some` if it is the last.
    fn take(&mut self, id: u32, mut event: TokenEvent) -> Option<FinishReason> {
        self.first.get_or_insert_with(Instant::now);
        if self.ends(id) {
            let held = self.stream.finish();
            if !held.is_empty() {
                event.text = held;
                (self.on_token)(&event);
            }
            return Some(FinishReason::End);
        }
        self.usage.completion_tokens += 1;
        let finish = match self.stream.push(self.engine.vocabulary.bytes_of(id)) {
            Pushed::Stopped(text) => {
                event.text = text;
                Some(FinishReason::Stop)
            }
            Pushed::More(text) => {
                event.text = text;
                let full = self.usage.completion_tokens >= self.request.max_tokens;
                if full {
                    event.text.push_str(&self.stream.cut());
                }
                full.then_some(FinishReason::Length)
            }
        };
        (self.on_token)(&event);
        finish
    }

    /// Whether a token ends the answer: the model's end tokens, and any other control token that is not text. Behind a
    /// hole the smaller models go on with the suffix's own tokens, which are such.
    fn ends(&self, id: u32) -> bool {
        self.engine.manifest.eos_ids.contains(&id)
            || self.engine.vocabulary.is_special(id)
            || (matches!(self.request.prompt, Prompt::Fill { .. }) && self.engine.vocabulary.is_control(id))
    }

    fn timing(&self, prefill_end: Instant, computed: usize) -> Timing {
        let now = Instant::now();
        let first = self.first.unwrap_or(now);
        let after_first = self.usage.completion_tokens.saturating_sub(1);
        let rate = |tokens: u32, seconds: f64| if seconds > 0.0 { f64::from(tokens) / seconds } else { 0.0 };
        Timing {
            prefill_tps: rate(count(computed), (prefill_end - self.start).as_secs_f64()),
            decode_tps: rate(after_first, (now - first).as_secs_f64()),
            first_token_ms: (first - self.start).as_secs_f64() * 1e3,
            total_ms: (now - self.start).as_secs_f64() * 1e3,
        }
    }
}

/// Choose a token. Log-probabilities are read before the penalty changes the logits.
fn choose(
    sampler: &mut Sampler,
    logits: &mut [f32],
    request: &GenerateRequest,
    engine: &Engine,
) -> Result<(u32, TokenEvent), GenerateError> {
    let before = request.logprobs.map(|n| {
        let sum = sampler::log_sum_exp(logits);
        (sum, sampler::top(logits, n as usize), logits.to_vec())
    });
    let id = sampler.choose(logits)?;
    let mut event = TokenEvent { text: String::new(), id, logprob: None, top: Vec::new() };
    if let Some((sum, top, raw)) = before {
        event.logprob = raw.get(id as usize).map(|l| l - sum);
        event.top = top
            .into_iter()
            .map(|(id, logit)| TopLogprob {
                text: String::from_utf8_lossy(engine.vocabulary.bytes_of(id)).into_owned(),
                id,
                logprob: logit - sum,
            })
            .collect();
    }
    Ok((id, event))
}

/// Numbers of tokens are below the context length, which is 32 bits.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
