//! Generation: turns requests into sequences, submits them to the scheduler, and collects tokens and results.

use crate::draft::Drafter;
use crate::engine::Engine;
use crate::sampler::Sampler;
use crate::scheduler::{Command, gone};
use crate::sequence::{EventSink, GenerationState, Sequence, SequenceEvent, count};
use crate::stream::TextStream;
use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel as _, Prompt, Timing, TokenEvent,
    Usage,
};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

impl Engine {
    /// Submit all requests together and wait for their results.
    pub(crate) fn submit(
        &self,
        requests: &[GenerateRequest],
        cancel: &Cancel,
        on_token: &mut dyn FnMut(usize, &TokenEvent),
    ) -> Vec<Result<Generation, GenerateError>> {
        let (sender, events) = channel();
        let _wake = cancel.on_cancel(self.scheduler.waker());
        let (mut received, mut sequences) = (Vec::with_capacity(requests.len()), Vec::with_capacity(requests.len()));
        for (index, request) in requests.iter().enumerate() {
            let sequence = self.sequence(request, index, cancel, sender.clone());
            let refused = sequence.map(|sequence| sequences.push(sequence)).err();
            received.push(Received { result: refused.map(Err), ..Received::default() });
        }
        drop(sender);
        // If the thread is gone, it drops the senders: the loop ends, and each result is an error.
        self.scheduler.send(Command::Submit(sequences)).unwrap_or_default();
        // The channel closes when the last sequence is dropped.
        for (index, what) in events {
            let Some(received) = received.get_mut(index) else { continue };
            match what {
                SequenceEvent::Token(event) if !cancel.is_cancelled() => {
                    received.text.push_str(&event.text);
                    received.tokens += 1;
                    on_token(index, &event);
                }
                SequenceEvent::Done(result) => received.result = Some(result),
                SequenceEvent::Token(_) | SequenceEvent::Scores(_) => {}
            }
        }
        received.into_iter().map(|received| received.end(cancel)).collect()
    }

    fn sequence(
        &self,
        request: &GenerateRequest,
        index: usize,
        cancel: &Cancel,
        events: Sender<(usize, SequenceEvent)>,
    ) -> Result<Sequence, GenerateError> {
        let start = Instant::now();
        request.check()?;
        let prompt = self.render(&request.prompt)?;
        self.check_length(prompt.len(), request.max_tokens)?;
        let answer = GenerationState {
            sampler: Sampler::new(request.sampling, self.model.manifest.vocab_size as usize, &prompt)?,
            stream: TextStream::new(&request.stop),
            drafter: self.drafter(request, &prompt)?,
            constraint: request.grammar.as_ref().map(|grammar| self.model.constraint(grammar)).transpose()?,
            max_tokens: request.max_tokens,
            logprobs: request.logprobs,
            fills: matches!(request.prompt, Prompt::Fill { .. }),
            usage: Usage { prompt_tokens: count(prompt.len()), ..Usage::default() },
            start,
            read: None,
            first: None,
        };
        let mut sequence = Sequence::generation(prompt, answer, cancel, EventSink { events, index });
        sequence.priority = request.priority;
        sequence.client.clone_from(&request.client);
        Ok(sequence)
    }

    /// Prompt and answer must fit into the context together. Nothing is ever cut silently.
    pub(crate) fn check_length(&self, prompt: usize, max_tokens: u32) -> Result<(), GenerateError> {
        let context = self.info().context_length;
        if prompt.saturating_add(max_tokens as usize) > context as usize {
            return Err(GenerateError::TooLong { prompt: count(prompt), max_tokens, context });
        }
        Ok(())
    }

    fn drafter(&self, request: &GenerateRequest, prompt: &[u32]) -> Result<Option<Drafter>, GenerateError> {
        if !self.model.drafts {
            return Ok(None);
        }
        let draft = request.draft.as_deref().map(|text| self.tokenize(text)).transpose()?;
        Ok(Some(Drafter::new(&draft.unwrap_or_default(), prompt)))
    }
}

/// What the caller of a request has received so far.
#[derive(Default)]
struct Received {
    text: String,
    tokens: u32,
    result: Option<Result<Generation, GenerateError>>,
}

impl Received {
    /// The scheduler may be some tokens ahead of the caller: a cancelled request returns the text that the caller
    /// received.
    fn end(self, cancel: &Cancel) -> Result<Generation, GenerateError> {
        let Self { text, tokens, result } = self;
        match result {
            Some(Ok(done)) if cancel.is_cancelled() && done.usage.completion_tokens >= tokens => {
                let usage = Usage { completion_tokens: tokens, ..done.usage };
                let whole = done.usage.completion_tokens == tokens && done.finish != FinishReason::Cancelled;
                let finish = if whole { done.finish } else { FinishReason::Cancelled };
                Ok(Generation { text: if whole { done.text } else { text }, finish, usage, ..done })
            }
            Some(result) => result,
            None if cancel.is_cancelled() => {
                let usage = Usage { completion_tokens: tokens, ..Usage::default() };
                Ok(Generation { text, finish: FinishReason::Cancelled, usage, timing: Timing::default() })
            }
            None => Err(gone()),
        }
    }
}
