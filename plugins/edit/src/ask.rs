//! Asking the model, with the limits of its context kept.

use deepcoder_plugin_api::{ErrorCode, Host, Level, PluginError};
use deepcoder_types::{FinishReason, GenerateRequest, Grammar, Message, Priority, Prompt, Sampling};

/// Tokens that the template puts around a chat, generously.
const TEMPLATE_TOKENS: u32 = 96;

/// One question.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The turns so far.
    pub messages: Vec<Message>,
    /// The beginning of the answer.
    pub prefill: String,
    /// Strings that end the answer.
    pub stop: Vec<String>,
    /// A text that the answer is likely to repeat.
    pub draft: Option<String>,
    /// How many tokens the answer needs at least, and how many it may have.
    pub tokens: std::ops::Range<u32>,
}

/// Which attempt this is: the first is greedy, unless the user says otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    /// From 0.
    pub number: u32,
    /// The user's seed.
    pub seed: u64,
    /// The user's temperature.
    pub temperature: Option<f32>,
}

impl Attempt {
    /// The same question, asked once more with some chance.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        Self { number: self.number + 1, ..self }
    }

    fn sampling(self) -> Sampling {
        let seed = self.seed.wrapping_add(u64::from(self.number));
        let temperature = self.temperature.unwrap_or(0.0).max(if self.number == 0 { 0.0 } else { 0.4 });
        if temperature > 0.0 {
            Sampling { temperature, top_p: 0.95, seed, ..Sampling::GREEDY }
        } else {
            Sampling { seed, ..Sampling::GREEDY }
        }
    }
}

/// The tokens that are left for an answer to `messages`.
pub(crate) fn room(host: &dyn Host, messages: &[Message]) -> Result<u32, PluginError> {
    let mut used = TEMPLATE_TOKENS;
    for message in messages {
        used = used.saturating_add(host.count_tokens(&message.content)?);
    }
    Ok(host.model()?.context_length.saturating_sub(used))
}

/// The model's answer, or an error when it was cut off: half an answer is never an edit.
pub(crate) fn ask(host: &dyn Host, question: &Question, attempt: Attempt) -> Result<String, PluginError> {
    ask_within(host, question, attempt, None)
}

/// The model's answer under a grammar.
pub(crate) fn ask_within(
    host: &dyn Host,
    question: &Question,
    attempt: Attempt,
    grammar: Option<Grammar>,
) -> Result<String, PluginError> {
    if host.cancelled() {
        return Err(PluginError::cancelled());
    }
    let room = room(host, &question.messages)?;
    if room < question.tokens.start {
        return Err(too_large(question.tokens.start, room));
    }
    let request = GenerateRequest {
        prompt: Prompt::Chat { messages: question.messages.clone(), prefill: question.prefill.clone() },
        sampling: attempt.sampling(),
        max_tokens: question.tokens.end.min(room),
        stop: question.stop.clone(),
        logprobs: None,
        draft: question.draft.clone(),
        priority: Priority::Interactive,
        grammar,
        client: String::new(),
    };
    let generation = host.generate(&request, &mut |_| {})?;
    match generation.finish {
        FinishReason::End | FinishReason::Stop => Ok(generation.text),
        FinishReason::Cancelled => Err(PluginError::cancelled()),
        FinishReason::Length => {
            host.log(Level::Info, "the answer was cut off, so that it is not used");
            Err(PluginError::new(
                ErrorCode::Budget,
                format!("the model's answer was cut off after {} tokens", request.max_tokens),
            )
            .with_hint("select lines (FILE:10-40), ask for less at a time, or allow more with -o max_tokens=N"))
        }
    }
}

/// The error for what does not fit the model's context.
#[must_use]
pub(crate) fn too_large(needed: u32, room: u32) -> PluginError {
    PluginError::new(
        ErrorCode::Budget,
        format!("the answer needs about {needed} tokens, and the model's context has room for {room}"),
    )
    .with_hint("select lines (FILE:10-40), or name the function or class that is meant")
}
