//! The model of verbs that ask none.

use deepcoder_types::{Cancel, GenerateError, GenerateRequest, Generation, LanguageModel, ModelInfo, TokenEvent};

/// Answers nothing, so that no model is loaded for a verb whose plugin may not ask one.
#[derive(Debug)]
pub struct NoModel {
    info: ModelInfo,
}

impl Default for NoModel {
    fn default() -> Self {
        let info = ModelInfo {
            name: String::new(),
            context_length: 0,
            supports_fill: false,
            fill_warning: None,
            fingerprint: String::new(),
            warnings: Vec::new(),
        };
        Self { info }
    }
}

impl LanguageModel for NoModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count_tokens(&self, _: &str) -> Result<u32, GenerateError> {
        Ok(0)
    }

    fn generate(
        &self,
        _: &GenerateRequest,
        _: &Cancel,
        _: &mut dyn FnMut(&TokenEvent),
    ) -> Result<Generation, GenerateError> {
        Err(GenerateError::Unavailable("no model is loaded for this".into()))
    }
}
