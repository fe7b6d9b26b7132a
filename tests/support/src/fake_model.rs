//! A scripted model.

use deepcoder_types::{
    Cancel, FinishReason, GenerateError, GenerateRequest, Generation, LanguageModel, ModelInfo, Timing, TokenEvent,
    Usage,
};
use std::collections::VecDeque;
use std::sync::Mutex;

/// What the model says to one request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Streams this text a word at a time and ends.
    Text(String),
    /// Streams this text and runs out of tokens.
    CutOff(String),
    /// Fails.
    Error(GenerateError),
}

/// Answers the requests in the order of its script and remembers every request. A request beyond the script fails, so
/// that a test which asks once too often does not pass.
pub struct FakeModel {
    info: ModelInfo,
    script: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<GenerateRequest>>,
}

impl FakeModel {
    /// A model with a context of 32,768 tokens that says `replies`.
    #[must_use]
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self {
            info: ModelInfo {
                name: "fake".into(),
                context_length: 32_768,
                supports_fill: true,
                fill_warning: None,
                fingerprint: "fake".into(),
                warnings: Vec::new(),
            },
            script: Mutex::new(replies.into_iter().collect()),
            requests: Mutex::new(Vec::new()),
        }
    }

    /// A model that says `texts`.
    #[must_use]
    pub fn saying<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::new(texts.into_iter().map(|t| Reply::Text(t.into())))
    }

    /// The same model with another context length.
    #[must_use]
    pub fn with_context(mut self, tokens: u32) -> Self {
        self.info.context_length = tokens;
        self
    }

    /// The same model with something to say before it fills a hole.
    #[must_use]
    pub fn warning_of_fill(mut self, text: &str) -> Self {
        self.info.fill_warning = Some(text.to_owned());
        self
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<GenerateRequest> {
        lock(&self.requests).clone()
    }

    /// How many replies of the script are left.
    #[must_use]
    pub fn replies_left(&self) -> usize {
        lock(&self.script).len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A fake token is a word with the white space after it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(char::is_whitespace)
}

impl LanguageModel for FakeModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        Ok(u32::try_from(words(text).count()).unwrap_or(u32::MAX))
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        lock(&self.requests).push(request.clone());
        let (text, finish) = match lock(&self.script).pop_front() {
            Some(Reply::Text(text)) => (text, FinishReason::End),
            Some(Reply::CutOff(text)) => (text, FinishReason::Length),
            Some(Reply::Error(error)) => return Err(error),
            None => return Err(GenerateError::Engine("the fake model's script has ended".into())),
        };
        let mut said = String::new();
        let mut usage = Usage::default();
        for (id, word) in words(&text).enumerate() {
            if cancel.is_cancelled() {
                return Ok(Generation {
                    text: said,
                    finish: FinishReason::Cancelled,
                    usage,
                    timing: Timing::default(),
                });
            }
            said.push_str(word);
            usage.completion_tokens += 1;
            on_token(&TokenEvent {
                text: word.to_owned(),
                id: u32::try_from(id).unwrap_or(u32::MAX),
                logprob: None,
                top: Vec::new(),
            });
        }
        // Stop strings cut the text as the engine does, so that plugins can rely on it in tests.
        let (text, finish) = match request.stop.iter().filter_map(|s| said.find(s.as_str())).min() {
            Some(at) => (said[..at].to_owned(), FinishReason::Stop),
            None => (said, finish),
        };
        Ok(Generation { text, finish, usage, timing: Timing::default() })
    }
}
