//! Grammars for structured output: the engine masks every token that would leave the grammar.

use serde::{Deserialize, Serialize};

/// A grammar, and where in the answer it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grammar {
    /// The texts that are allowed.
    pub form: Form,
    /// The trigger: the answer is free until this text has appeared, and must match `form` after it. `None`: from the
    /// first token on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// The texts that an answer may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// JSON that is valid under this JSON schema, given as its text.
    Json(String),
    /// A text that this regular expression matches as a whole, in the syntax of Rust's `regex` crate without
    /// look-around.
    Regex(String),
    /// A text of this context-free grammar in Lark's syntax, whose first rule is `start`.
    Lark(String),
    /// One of these texts.
    Choices(Vec<String>),
    /// A given text, in which some ranges may be replaced.
    Scope {
        /// The text.
        text: String,
        /// The ranges, in order and without overlap. The text between them is forced.
        free: Vec<Free>,
    },
}

/// A range of a text that an answer may replace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Free {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last one. Text may be inserted at an empty range.
    pub end: usize,
    /// The allowed replacements, as a regular expression that matches them as a whole.
    pub regex: String,
}

impl Grammar {
    /// A grammar without a trigger.
    #[must_use]
    pub const fn of(form: Form) -> Self {
        Self { form, after: None }
    }
}

/// How likely an option is as the continuation of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// Index among the options.
    pub option: u32,
    /// Natural logarithm of the probability of the option's tokens and, in a chat, of the end of the answer; at most 0.
    pub logprob: f32,
    /// Number of these tokens.
    pub tokens: u32,
}
