//! What a result rests on: how many candidates were compared, which checks ran, and how often results like it are right.

use crate::RepoPath;
use serde::{Deserialize, Serialize};

/// How much work an edit is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// One answer, and a second one where the checks find something.
    Quick,
    /// The greedy answer and a few samples, compared.
    #[default]
    Normal,
    /// The greedy answer and as many samples as pay, each through the project's checks.
    Thorough,
}

impl Effort {
    /// The names, from the least effort to the most.
    pub const NAMES: [&'static str; 3] = ["quick", "normal", "thorough"];

    /// The effort of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "quick" => Some(Self::Quick),
            "normal" => Some(Self::Normal),
            "thorough" => Some(Self::Thorough),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Normal => "normal",
            Self::Thorough => "thorough",
        }
    }
}

/// The evidence for a result.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The candidates, the chosen one first. Empty where no model was asked.
    pub candidates: Vec<Candidate>,
    /// Mean similarity of the chosen candidate's change to those of the others, in `0..=1`; `None` without others.
    pub agreement: Option<f32>,
    /// The share of such results that were right on public benchmarks with this model, in `0..=1`; `None` where the
    /// model has no calibration, or no model was asked.
    pub likely_right: Option<f32>,
    /// The project's checks, in the order in which they are configured.
    pub checks: Vec<CheckReport>,
    /// Why the result is safe, needs a review or is refused, in one line.
    pub reason: String,
}

impl Evidence {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One answer of the model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidate {
    /// The temperature that it was sampled at; 0 is the greedy answer.
    pub temperature: f32,
    /// How many candidates came to the same program, this one among them; 0 where it came to none.
    pub agreeing: u32,
    /// Tokens that the model wrote.
    pub tokens: u32,
    /// Mean natural log-probability of these tokens.
    pub mean_logprob: Option<f32>,
    /// Of these tokens, those in lines that are new, or where lines were left out.
    pub changed_tokens: u32,
    /// Mean natural log-probability of the changed tokens.
    pub changed_logprob: Option<f32>,
    /// The lowest natural log-probability of a token.
    pub least_logprob: Option<f32>,
    /// Errors and reviews of the checks.
    pub findings: u32,
    /// Lines added and removed.
    pub lines: u32,
    /// Why it came to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What kind of check a project has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// Style and likely mistakes.
    Lint,
    /// A type checker, or a compiler without output.
    Types,
    /// A build.
    Build,
    /// Tests.
    Test,
}

/// One check of the project, before and after the edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Its name in `deepcoder.toml`.
    pub name: String,
    /// Its kind.
    pub kind: CheckKind,
    /// The outcome.
    pub outcome: CheckOutcome,
    /// Diagnostics that the edit adds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Diagnostic>,
    /// How many diagnostics the edit removes.
    #[serde(default)]
    pub removed: u32,
    /// Whether the check is known to run or read the code that changed.
    #[serde(default)]
    pub reaches: bool,
    /// Milliseconds that it ran after the edit.
    #[serde(default)]
    pub ms: u64,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// It passes after the edit, or finds nothing that it did not find before.
    Passed,
    /// It finds something new, or fails where it passed.
    Failed,
    /// It failed before the edit and fails in the same way after it, so that it says nothing.
    Unknown,
    /// It was not run, or gave no result; the reason in one line.
    NotRun(String),
}

/// One message of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The tool, such as `ruff`.
    pub tool: String,
    /// Its rule or code; empty where it has none.
    #[serde(default)]
    pub rule: String,
    /// How bad the tool says that it is.
    pub severity: crate::Severity,
    /// The file; `None` where it is about the project.
    #[serde(default)]
    pub path: Option<RepoPath>,
    /// The line, from 1; 0 where there is none.
    #[serde(default)]
    pub line: u32,
    /// The range in the file, in bytes, where the tool gives one.
    #[serde(default)]
    pub range: Option<crate::TextRange>,
    /// The message, without control characters.
    pub message: String,
    /// The same for the same message at moved lines: of the rule, the enclosing definition and the message without
    /// numbers.
    pub fingerprint: String,
    /// Edits that the tool proposes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<crate::TextEdit>,
}
