//! What is known of a model beside its graph.

use crate::form::Forms;
use crate::prompt::Prompts;
use crate::vocab::Vocabulary;
use deepcoder_grammar::Constraint;
use deepcoder_types::{GenerateError, Grammar, Manifest, ModelInfo};
use std::sync::Arc;
use std::time::Duration;

/// What is known of a model beside its graph.
pub(crate) struct Model {
    pub(crate) info: ModelInfo,
    pub(crate) manifest: Manifest,
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) prompts: Prompts,
    pub(crate) forms: Forms,
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
            forms: Forms::default(),
            drafts: true,
            threads: 1,
            load_time: Duration::ZERO,
        }
    }

    /// Whether a token ends an answer: the model's end tokens, and any other control token that is not text. Behind a hole
    /// (`fills`) the smaller models go on with the suffix's own tokens, which are such.
    pub(crate) fn ends_answer(&self, id: u32, fills: bool) -> bool {
        self.manifest.eos_ids.contains(&id)
            || self.vocabulary.is_special(id)
            || (fills && self.vocabulary.is_control(id))
    }

    /// The tokens that end an answer.
    pub(crate) fn ends(&self) -> impl Iterator<Item = u32> {
        self.manifest.eos_ids.iter().copied()
    }

    /// What holds an answer to a form.
    pub(crate) fn constraint(&self, grammar: &Grammar) -> Result<Constraint, GenerateError> {
        self.forms.constraint(&self.vocabulary, &self.manifest, grammar)
    }
}

/// Source and recipe: what decides the weights. The files' own hashes would change with every version of the writer.
pub(crate) fn fingerprint(manifest: &Manifest) -> String {
    let mut files = String::new();
    for (name, entry) in &manifest.files {
        files.push_str(name);
        files.push_str(&entry.sha256.to_string());
    }
    let hash = deepcoder_types::ContentHash::of(files.as_bytes()).to_string();
    format!("{}-{}", manifest.name, &hash[..16])
}
