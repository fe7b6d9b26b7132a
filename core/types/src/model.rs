//! A language model, as the rest of the program sees it. The engine, the daemon's client and the fakes of the tests
//! implement [`LanguageModel`].

use crate::{Cancel, Grammar, Likelihood};
use serde::{Deserialize, Serialize};

/// Who speaks in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Standing orders.
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
}

/// One turn of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text. Control tokens in it are text, never control.
    pub content: String,
}

impl Message {
    /// A turn of the user.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// Standing orders.
    #[must_use]
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// A turn of the model.
    #[must_use]
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// The text that the model is to continue. Only the engine knows the tokens that mark turns and holes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prompt {
    /// A chat, rendered with the model's own template.
    Chat {
        /// The turns so far.
        messages: Vec<Message>,
        /// The beginning of the model's answer, which it continues (it is not repeated in the result). May be empty.
        prefill: String,
    },
    /// Fill in the middle, rendered with the model's own FIM tokens.
    Fill {
        /// The text before the hole.
        prefix: String,
        /// The text after it.
        suffix: String,
    },
    /// Plain text to continue; control tokens in it are not interpreted.
    Text(String),
}

/// How the next token is chosen. The filters apply in the order of the fields, after the penalty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Divides the logits; 0 means greedy, and then nothing below has an effect but the penalty.
    pub temperature: f32,
    /// Keep the k likeliest tokens; 0 keeps all.
    pub top_k: u32,
    /// Keep the likeliest tokens whose probabilities reach this sum; 1 keeps all (Holtzman et al. 2019).
    pub top_p: f32,
    /// Keep tokens at least this fraction as likely as the likeliest; 0 keeps all (Nguyen et al. 2024).
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of tokens already present; 1 is none (Keskar et al. 2019).
    pub repetition_penalty: f32,
    /// Seed of the generator.
    pub seed: u64,
}

impl Sampling {
    /// Always the likeliest token.
    pub const GREEDY: Self =
        Self { temperature: 0.0, top_k: 0, top_p: 1.0, min_p: 0.0, repetition_penalty: 1.0, seed: 0 };
}

impl Default for Sampling {
    fn default() -> Self {
        Self::GREEDY
    }
}

/// The priority of a request where several want the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// A user waits for the answer.
    #[default]
    Interactive,
    /// No user waits: an interactive request preempts it within one step, and it resumes with the same tokens when the
    /// model is free again.
    Background,
}

/// One request for text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateRequest {
    /// The text to continue.
    pub prompt: Prompt,
    /// How to choose.
    pub sampling: Sampling,
    /// The most tokens to produce.
    pub max_tokens: u32,
    /// Generation ends before the first of these to appear in the text.
    pub stop: Vec<String>,
    /// Report this many alternatives for each token (0: only the chosen token's own log-probability; `None`: nothing).
    pub logprobs: Option<u32>,
    /// Text that the answer is likely to repeat, such as the file being edited: used to draft several tokens at a time.
    /// It changes the speed, never which tokens are likely.
    pub draft: Option<String>,
    /// The priority. It changes when the tokens come, never which.
    #[serde(default)]
    pub priority: Priority,
    /// The grammar that the answer must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grammar: Option<Grammar>,
    /// The client, for fairness: clients with requests of the same priority share the model equally.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
}

impl GenerateRequest {
    /// A greedy request without stop strings.
    #[must_use]
    pub const fn greedy(prompt: Prompt, max_tokens: u32) -> Self {
        Self {
            prompt,
            sampling: Sampling::GREEDY,
            max_tokens,
            stop: Vec::new(),
            logprobs: None,
            draft: None,
            priority: Priority::Interactive,
            grammar: None,
            client: String::new(),
        }
    }
}

/// Why generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// The model said that it is done.
    End,
    /// `max_tokens` was reached, or the context is full.
    Length,
    /// A stop string appeared.
    Stop,
    /// It was cancelled; the text so far is returned.
    Cancelled,
}

/// A token that could have been chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopLogprob {
    /// Its text (U+FFFD where it is a part of a character).
    pub text: String,
    /// Its id in the vocabulary.
    pub id: u32,
    /// Natural logarithm of its probability at temperature 1.
    pub logprob: f32,
}

/// One step of a generation, as it streams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenEvent {
    /// The text that became certain with this step: whole characters, never part of a possible stop string. May be
    /// empty.
    pub text: String,
    /// The id of the token.
    pub id: u32,
    /// Natural logarithm of its probability at temperature 1, if it was asked for.
    pub logprob: Option<f32>,
    /// The alternatives, likeliest first, if they were asked for.
    pub top: Vec<TopLogprob>,
}

/// Tokens counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of those, how many were still in the cache and cost nothing.
    pub cached_tokens: u32,
    /// Tokens produced (the end token is not counted).
    pub completion_tokens: u32,
    /// Drafted tokens that the model was asked to check.
    pub drafted_tokens: u32,
    /// Drafted tokens that it agreed with.
    pub accepted_tokens: u32,
}

impl Usage {
    /// Add what another generation used.
    pub const fn add(&mut self, more: Self) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(more.prompt_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(more.cached_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(more.completion_tokens);
        self.drafted_tokens = self.drafted_tokens.saturating_add(more.drafted_tokens);
        self.accepted_tokens = self.accepted_tokens.saturating_add(more.accepted_tokens);
    }
}

/// Times of one generation. Set by the engine; zero where a fake has no clock.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Timing {
    /// Prompt tokens computed (not cached ones) per second.
    pub prefill_tps: f64,
    /// Produced tokens after the first, per second.
    pub decode_tps: f64,
    /// Milliseconds from the request to the first token.
    pub first_token_ms: f64,
    /// Milliseconds in all.
    pub total_ms: f64,
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// The text, without what a stop string cut off.
    pub text: String,
    /// Why it ended.
    pub finish: FinishReason,
    /// Tokens counted.
    pub usage: Usage,
    /// Times.
    pub timing: Timing,
}

/// A description of a model for callers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Its name in the store.
    pub name: String,
    /// The most tokens that prompt and answer may have together.
    pub context_length: u32,
    /// Whether [`Prompt::Fill`] works.
    pub supports_fill: bool,
    /// Why its completions may be poor even so. The program that asks for one tells the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill_warning: Option<String>,
    /// Identifies the weights and recipe; the same prompt, seed, fingerprint and thread count give the same tokens.
    pub fingerprint: String,
    /// Warnings to the user about how it was loaded, such as that it runs on the processor for want of CUDA.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Why text could not be generated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// Prompt and answer do not fit. Nothing is ever cut silently.
    #[error("the prompt has {prompt} tokens, and with {max_tokens} for the answer exceeds the context of {context}")]
    TooLong {
        /// Tokens of the prompt.
        prompt: u32,
        /// Tokens asked for.
        max_tokens: u32,
        /// Tokens that fit.
        context: u32,
    },
    /// The model is not installed or damaged, or the runtime cannot run it. The message is that of the crate that found
    /// out.
    #[error("{message}")]
    Load {
        /// The error, in words.
        message: String,
        /// A hint for the user.
        hint: Option<String>,
    },
    /// A setting is out of range.
    #[error("{0}")]
    Invalid(String),
    /// The model has no FIM tokens.
    #[error("the model `{0}` cannot fill in the middle")]
    NoFill(String),
    /// The chat template failed.
    #[error("the model's chat template failed: {0}")]
    Template(String),
    /// The grammar cannot be compiled, exceeds a limit, or allows no token.
    #[error("the grammar cannot be used: {0}")]
    Grammar(String),
    /// The request alone exceeds the whole KV cache.
    #[error("{tokens} tokens need {needs_mib} MiB of cache, and it may have {allowed_mib} MiB")]
    NoRoom {
        /// Tokens of prompt and answer.
        tokens: u32,
        /// Mebibytes for them.
        needs_mib: u64,
        /// Mebibytes that all requests may have together.
        allowed_mib: u64,
    },
    /// The runtime or the model failed.
    #[error("the model failed: {0}")]
    Engine(String),
    /// The process that computes has died.
    #[error("the model's process died: {reason}")]
    Died {
        /// How, as far as it is known.
        reason: String,
    },
    /// The daemon that holds the model is gone or did not answer.
    #[error("the daemon is not available: {0}")]
    Unavailable(String),
}

impl crate::Hint for GenerateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Load { hint, .. } => hint.clone(),
            Self::Grammar(_) => {
                Some("`deepcoder generate --help` says which schemas, patterns and grammars there are".into())
            }
            Self::NoRoom { .. } => Some("ask for a shorter answer, or allow more with `-c cache_mib=N`".into()),
            Self::TooLong { .. } => Some("give fewer or smaller files, or ask for a shorter answer".into()),
            Self::NoFill(_) => Some("use a model whose `deepcoder models show` lists FIM tokens".into()),
            Self::Unavailable(_) => {
                Some("run the command again; if it stays so, `deepcoder doctor` says what is wrong".into())
            }
            Self::Died { .. } => Some(
                "the next request starts it anew; where memory is short, a smaller model or `max_context` needs less"
                    .into(),
            ),
            Self::Engine(_) => Some("`deepcoder doctor` checks the runtime and the model folder".into()),
            Self::Invalid(_) => Some("`deepcoder generate --help` has the settings and their ranges".into()),
            Self::Template(_) => Some("`deepcoder generate --raw` continues the text without the template".into()),
        }
    }
}

/// A model that continues text. Calls block the calling thread; a model that is busy makes the caller wait.
pub trait LanguageModel: Send + Sync {
    /// Its description.
    fn info(&self) -> &ModelInfo;

    /// How many tokens `text` has as plain text.
    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError>;

    /// Generate. `on_token` sees every token as it is decided. When `cancel` is set the generation ends within one
    /// step, with [`FinishReason::Cancelled`] and the text so far.
    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError>;

    /// Generate for several requests, as one batch if the model supports that: they share common prefixes of their
    /// prompts, and a step for eight costs little more than a step for one. Each result, in the order of the requests,
    /// is the one that the request would have alone. `on_token` gets the index of the request and the token.
    fn generate_all(
        &self,
        requests: &[GenerateRequest],
        cancel: &Cancel,
        on_token: &mut dyn FnMut(usize, &TokenEvent),
    ) -> Vec<Result<Generation, GenerateError>> {
        let each = requests.iter().enumerate();
        each.map(|(i, request)| self.generate(request, cancel, &mut |token| on_token(i, token))).collect()
    }

    /// How likely each option is as the answer to a prompt, in the order of the options. The prompt is computed once.
    ///
    /// # Errors
    /// The model cannot compare options, there are none or more than [`MAX_CHOICES`](crate::MAX_CHOICES), one is empty,
    /// or the prompt does not fit.
    fn choose(&self, prompt: &Prompt, options: &[String], cancel: &Cancel) -> Result<Vec<Likelihood>, GenerateError> {
        _ = (prompt, options, cancel);
        Err(GenerateError::Invalid(format!("the model `{}` cannot compare options", self.info().name)))
    }
}

/// [`LanguageModel::generate_all`] for a model that takes several calls at once, each on a thread of its own.
pub fn generate_at_once(
    model: &dyn LanguageModel,
    requests: &[GenerateRequest],
    cancel: &Cancel,
    on_token: &mut dyn FnMut(usize, &TokenEvent),
) -> Vec<Result<Generation, GenerateError>> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let threads: Vec<_> = requests
            .iter()
            .enumerate()
            .map(|(i, request)| {
                let sender = sender.clone();
                let generate = move || {
                    // The receiver lives until the last sender is gone.
                    model.generate(request, cancel, &mut |token| sender.send((i, token.clone())).unwrap_or_default())
                };
                std::thread::Builder::new().spawn_scoped(scope, generate)
            })
            .collect();
        drop(sender);
        receiver.iter().for_each(|(i, token)| on_token(i, &token));
        let failed = |reason: String| Err(GenerateError::Engine(reason));
        let end = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| failed("it panicked".into()))
        };
        threads.into_iter().map(|thread| thread.map_or_else(|e| failed(e.to_string()), end)).collect()
    })
}
