//! The form that an answer must have. The engine allows those tokens only that keep to it.

use serde::{Deserialize, Serialize};

/// A form, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grammar {
    /// The form.
    pub form: Form,
    /// The answer is free until this text has appeared in it, and has the form behind it. `None`: from the first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// JSON that fits a JSON schema, which is given as its text.
    Json(String),
    /// A text that a regular expression matches as a whole, in the syntax of Rust's `regex` without look-around.
    Regex(String),
    /// A text of a context-free grammar in Lark's syntax.
    Lark(String),
    /// One of these texts.
    Choices(Vec<String>),
    /// A given text, in which some ranges may be replaced.
    Scope {
        /// The text.
        text: String,
        /// The ranges, in order and apart from each other. What lies between them is forced.
        free: Vec<Free>,
    },
}

/// A range of a text that an answer may replace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Free {
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last one. An empty range is a place where text may be put in.
    pub end: usize,
    /// What may stand there, as a regular expression that matches it as a whole.
    pub regex: String,
}

impl Grammar {
    /// A form from the first token on.
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
    /// Natural logarithm of the probability of the option's tokens and, behind a chat, of the end of the answer.
    pub logprob: f32,
    /// How many tokens these are.
    pub tokens: u32,
}
