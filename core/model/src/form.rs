//! The forms of answers, for the vocabulary of one model.

use crate::engine::Model;
use deepcoder_grammar::{Compiler, Constraint, Vocabulary};
use deepcoder_types::{GenerateError, Grammar};
use std::sync::{Arc, OnceLock};

/// Compiles grammars. The vocabulary is prepared for it with the first one: most requests have none.
#[derive(Default)]
pub(crate) struct Forms(OnceLock<Result<Compiler, GenerateError>>);

impl Model {
    /// What holds an answer to a form.
    pub(crate) fn constraint(self: &Arc<Self>, grammar: &Grammar) -> Result<Constraint, GenerateError> {
        let compiler = self.forms.0.get_or_init(|| self.compiler()).as_ref().map_err(Clone::clone)?;
        compiler.compile(grammar).map_err(|e| GenerateError::Grammar(e.to_string()))
    }

    fn compiler(self: &Arc<Self>) -> Result<Compiler, GenerateError> {
        let tokens: Vec<&[u8]> = (0..self.manifest.vocab_size).map(|id| self.vocabulary.bytes_of(id)).collect();
        let is_control = |id| self.vocabulary.is_control(id);
        // It is of the model that has the compiler: a strong link would keep both.
        let model = Arc::downgrade(self);
        let encode = move |text: &str| model.upgrade().and_then(|model| model.vocabulary.encode(text).ok());
        let vocabulary = Vocabulary::new(&tokens, is_control, &self.manifest.eos_ids, Some(Box::new(encode)));
        Ok(Compiler::new(Arc::new(vocabulary.map_err(|e| GenerateError::Grammar(e.to_string()))?)))
    }
}
