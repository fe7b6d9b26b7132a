//! What the history keeps of a run.

use deepcoder_types::{Generation, RepoPath, Usage};
use deepcoder_verify::Finding;
use serde::{Deserialize, Serialize};

/// What a run used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Calls of the model.
    pub calls: u32,
    /// Tokens of all calls.
    pub usage: Usage,
    /// Milliseconds that the model worked.
    pub model_ms: f64,
    /// Milliseconds to the first token of the first call.
    pub first_token_ms: Option<f64>,
    /// Whether verification sent the plugin back to work once.
    pub repaired: bool,
}

impl Stats {
    /// Add what another request of the same run used.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        add_usage(&mut self.usage, other.usage);
        self.model_ms += other.model_ms;
        self.first_token_ms = self.first_token_ms.or(other.first_token_ms);
        self.repaired |= other.repaired;
    }

    pub(crate) fn add(&mut self, generation: &Generation) {
        add_usage(&mut self.usage, generation.usage);
        self.model_ms += generation.timing.total_ms;
        self.first_token_ms.get_or_insert(generation.timing.first_token_ms);
    }
}

fn add_usage(sum: &mut Usage, more: Usage) {
    sum.prompt_tokens = sum.prompt_tokens.saturating_add(more.prompt_tokens);
    sum.cached_tokens = sum.cached_tokens.saturating_add(more.cached_tokens);
    sum.completion_tokens = sum.completion_tokens.saturating_add(more.completion_tokens);
    sum.drafted_tokens = sum.drafted_tokens.saturating_add(more.drafted_tokens);
    sum.accepted_tokens = sum.accepted_tokens.saturating_add(more.accepted_tokens);
}

/// A target without a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The file.
    pub path: RepoPath,
    /// Why, in one line.
    pub reason: String,
    /// A hint for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The request and what came of it, stored as JSON with an applied edit set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of deepcoder that made it.
    pub deepcoder: String,
    /// The verb.
    pub verb: String,
    /// What the user typed.
    pub prompt: String,
    /// The files that it was about.
    pub targets: Vec<RepoPath>,
    /// Options of the verb.
    pub options: serde_json::Value,
    /// The seed.
    pub seed: u64,
    /// The plugin, as `id version`.
    pub plugin: String,
    /// The model's name.
    pub model: String,
    /// The model's fingerprint.
    pub fingerprint: String,
    /// The state of the tree that the model saw.
    pub snapshot: String,
    /// Whether the result passed verification.
    pub verified: bool,
    /// What verification found.
    pub findings: Vec<Finding>,
    /// Targets without a change while others were edited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What it used.
    pub stats: Stats,
}
