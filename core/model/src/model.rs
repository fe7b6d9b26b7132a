//! A loaded model without its graph.

use crate::grammars::Grammars;
use crate::prompt::Prompts;
use crate::vocab::Vocabulary;
use deepcoder_grammar::Constraint;
use deepcoder_types::{GenerateError, Grammar, Manifest, ModelInfo};
use std::sync::Arc;
use std::time::Duration;

/// A loaded model without its graph: manifest, vocabulary, templates and grammars.
pub(crate) struct Model {
    pub(crate) info: ModelInfo,
    pub(crate) manifest: Manifest,
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) prompts: Prompts,
    pub(crate) grammars: Grammars,
    pub(crate) drafts: bool,
    pub(crate) threads: usize,
    pub(crate) load_time: Duration,
}

impl Model {
    #[cfg(test)]
    pub(crate) fn of(info: ModelInfo, manifest: Manifest, vocabulary: Vocabulary, prompts: Prompts) -> Self {
        Self {
            info,
            manifest,
            vocabulary: Arc::new(vocabulary),
            prompts,
            grammars: Grammars::default(),
            drafts: true,
            threads: 1,
            load_time: Duration::ZERO,
        }
    }

    /// Whether a token ends an answer: the model's end tokens, and special tokens. When filling in the middle
    /// (`fills`), smaller models continue with the control tokens of the suffix; these end the answer too.
    pub(crate) fn ends_answer(&self, id: u32, fills: bool) -> bool {
        self.manifest.eos_ids.contains(&id)
            || self.vocabulary.is_special(id)
            || (fills && self.vocabulary.is_control(id))
    }

    /// The tokens that end an answer.
    pub(crate) fn ends(&self) -> impl Iterator<Item = u32> {
        self.manifest.eos_ids.iter().copied()
    }

    /// Compile a grammar into the constraint of one answer.
    pub(crate) fn constraint(&self, grammar: &Grammar) -> Result<Constraint, GenerateError> {
        self.grammars.constraint(&self.vocabulary, &self.manifest, grammar)
    }
}

/// Identifies a model by its name and the hashes of its files.
pub(crate) fn fingerprint(manifest: &Manifest) -> String {
    let mut files = String::new();
    for (name, entry) in &manifest.files {
        files.push_str(name);
        files.push_str(&entry.sha256.to_string());
    }
    let hash = deepcoder_types::ContentHash::of(files.as_bytes()).to_string();
    format!("{}-{}", manifest.name, &hash[..16])
}
