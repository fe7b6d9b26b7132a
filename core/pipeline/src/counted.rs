//! Counts the tokens of each text once in a run: the model may be in another process, behind two sockets.

use deepcoder_types::{
    Cancel, ContentHash, GenerateError, GenerateRequest, Generation, LanguageModel, Likelihood, ModelInfo, Prompt,
    TokenEvent,
};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A model that remembers its counts.
pub(crate) struct Counted<'m> {
    model: &'m dyn LanguageModel,
    counts: Mutex<HashMap<ContentHash, u32>>,
}

impl<'m> Counted<'m> {
    pub(crate) fn new(model: &'m dyn LanguageModel) -> Self {
        Self { model, counts: Mutex::default() }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<ContentHash, u32>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LanguageModel for Counted<'_> {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    fn count_tokens(&self, text: &str) -> Result<u32, GenerateError> {
        let hash = ContentHash::of(text.as_bytes());
        if let Some(count) = self.counts().get(&hash) {
            return Ok(*count);
        }
        let count = self.model.count_tokens(text)?;
        self.counts().insert(hash, count);
        Ok(count)
    }

    fn generate(
        &self,
        request: &GenerateRequest,
        cancel: &Cancel,
        on_token: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        self.model.generate(request, cancel, on_token)
    }

    fn choose(&self, prompt: &Prompt, options: &[String], cancel: &Cancel) -> Result<Vec<Likelihood>, GenerateError> {
        self.model.choose(prompt, options, cancel)
    }
}
