//! What a caller can show while a run goes on.

use deepcoder_plugin_api::Level;
use deepcoder_types::{RepoPath, Timing, Usage};

/// A stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Asking the plugin what it needs, and gathering it.
    Context,
    /// The plugin's own work, which is mostly the model's.
    Plugin,
    /// Making byte images of the proposal and checking them.
    Verify,
    /// Asking the plugin again, with what verification found.
    Repair,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A stage begins.
    Stage(Stage),
    /// No files were named, and these were chosen.
    Targets(Vec<RepoPath>),
    /// This target gets no change; the others go on.
    Skipped {
        /// The file.
        path: RepoPath,
        /// Why, in one line.
        reason: String,
    },
    /// What the model will see.
    Gathered {
        /// The files, each once.
        files: Vec<RepoPath>,
        /// What was left out, and why.
        notes: Vec<String>,
    },
    /// The model is asked.
    Generating {
        /// The how many-th call of the run, from 1.
        call: u32,
        /// The most tokens that it may answer.
        max_tokens: u32,
    },
    /// The model wrote a token.
    Token(String),
    /// The model has answered.
    Generated {
        /// Tokens counted.
        usage: Usage,
        /// Times.
        timing: Timing,
    },
    /// The plugin says how far it is.
    Progress {
        /// In words.
        message: String,
        /// In `0..=1`, where it is known.
        fraction: Option<f32>,
    },
    /// The plugin writes to the log.
    Log {
        /// How loud.
        level: Level,
        /// What.
        message: String,
    },
}
