//! The record of a run in the history.

use deepcoder_types::{ChosenFile, Evidence, Finding, RepoPath, Skipped, Stats};
use serde::{Deserialize, Serialize};

/// The request and its result, stored as JSON with an applied edit set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of deepcoder that made it.
    pub deepcoder: String,
    /// The verb.
    pub verb: String,
    /// The user's instruction.
    pub prompt: String,
    /// The files that it was about.
    pub targets: Vec<RepoPath>,
    /// The files that were chosen where none was named, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<ChosenFile>,
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
    /// The findings of verification.
    pub findings: Vec<Finding>,
    /// Targets without a change while others were edited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// Its use of the model.
    pub stats: Stats,
    /// What it rests on.
    #[serde(default)]
    pub evidence: Evidence,
}
