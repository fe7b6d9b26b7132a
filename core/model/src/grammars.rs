//! Compiles grammars for the vocabulary of one model.

use crate::vocab::Vocabulary;
use deepcoder_grammar::{Compiler, Constraint};
use deepcoder_types::{GenerateError, Grammar, Manifest};
use std::sync::{Arc, OnceLock};

/// The grammar compiler, which the first request with a grammar builds: it takes a few hundred milliseconds, and most
/// requests have no grammar.
#[derive(Default)]
pub(crate) struct Grammars(OnceLock<Result<Compiler, GenerateError>>);

impl Grammars {
    /// Compile a grammar into the constraint of one answer.
    pub(crate) fn constraint(
        &self,
        vocabulary: &Arc<Vocabulary>,
        manifest: &Manifest,
        grammar: &Grammar,
    ) -> Result<Constraint, GenerateError> {
        let compiler = self.0.get_or_init(|| compiler(vocabulary, manifest)).as_ref().map_err(Clone::clone)?;
        compiler.compile(grammar).map_err(|e| GenerateError::Grammar(e.to_string()))
    }
}

fn compiler(vocabulary: &Arc<Vocabulary>, manifest: &Manifest) -> Result<Compiler, GenerateError> {
    let tokens: Vec<&[u8]> = (0..manifest.vocab_size).map(|id| vocabulary.bytes_of(id)).collect();
    let encoder = Arc::clone(vocabulary);
    let encode = Box::new(move |text: &str| encoder.encode(text).ok());
    let is_control = |id| vocabulary.is_control(id);
    let prepared = deepcoder_grammar::Vocabulary::new(&tokens, is_control, &manifest.eos_ids, Some(encode));
    Ok(Compiler::new(Arc::new(prepared.map_err(|e| GenerateError::Grammar(e.to_string()))?)))
}
