//! The instruction, and the context that the model sees. Mirrors `plugin.wit`.

use crate::{ContentHash, Proposal, RepoPath, TextRange};
use serde::{Deserialize, Serialize};

/// The verb that changes files as instructed. It is the default where no verb is given: a job without one, a fix of a
/// hook, a comment that ends with `AI!`, EditEval.
pub const EDIT: &str = "edit";

/// The verb that refactors by the rules of languages: an instruction for [`EDIT`] that only asks for that goes there.
pub const REFACTOR: &str = "refactor";

/// The verb that answers in words: a comment that ends with `AI?` means it.
pub const EXPLAIN: &str = "explain";

/// One request to a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instruction {
    /// Unique for this request; names it in logs and in the history.
    pub id: String,
    /// A verb of a plugin, such as [`EDIT`].
    pub verb: String,
    /// The text that the user typed.
    pub prompt: String,
    /// The files that it is about; empty when the plugin is to find them.
    pub targets: Vec<RepoPath>,
    /// Files that the model may see beside the targets, and that it does not change.
    #[serde(default)]
    pub reads: Vec<RepoPath>,
    /// Part of the first target.
    pub selection: Option<TextRange>,
    /// Free options of the verb (`{}` when there are none).
    pub options: serde_json::Value,
    /// Seed for sampling; the same seed and model give the same bytes.
    pub seed: u64,
}

/// The context that a plugin wants gathered before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContextRequest {
    /// A verb that does exactly what the instruction asks for, without a model. Where that can, the plugin does not run.
    #[serde(default)]
    pub exact: Option<String>,
    /// Files by glob. A plain path matches itself.
    pub globs: Vec<String>,
    /// Definitions by name, wherever they are.
    pub symbols: Vec<String>,
    /// The most tokens of context that the plugin can use.
    pub token_budget: u32,
}

/// A piece of a file as the plugin sees it. The text is the file's bytes: line endings and a BOM are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snippet {
    /// Where it is from.
    pub path: RepoPath,
    /// Which part of the file.
    pub range: TextRange,
    /// The text of that part.
    pub text: String,
    /// Hash of the whole file that this was cut from; edits made for it must name it.
    pub file_hash: ContentHash,
    /// Why it is here: `target`, `symbol:NAME`, `glob:PATTERN`, `read`, `outline`, `instructions`.
    pub origin: String,
}

/// Everything gathered for one run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContextBundle {
    /// Identifies the state of the tree that the snippets are from.
    pub snapshot: String,
    /// In order of importance.
    pub snippets: Vec<Snippet>,
    /// The budget that was kept, in tokens.
    pub token_budget: u32,
}

/// A definition found by the parser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// `function`, `method`, `class`, `struct`, `enum`, `trait`, `interface`, `module`, `constant`, `type`, …
    pub kind: String,
    /// The file that defines it.
    pub path: RepoPath,
    /// The whole definition, with its attributes, decorators and doc comment where the grammar joins them.
    pub range: TextRange,
}

/// Text for the user, not an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Markdown, or the inserted code for `complete`.
    pub text: String,
    /// For `refactor list`: the operations, which `text` tells in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// For a check: the findings, which `text` tells in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<crate::Diagnostic>,
}

impl Answer {
    /// An answer that is a text and nothing else.
    #[must_use]
    pub fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), actions: Vec::new(), diagnostics: Vec::new() }
    }
}

/// An operation at a place of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Action {
    /// As a command names it: `extract-variable`.
    pub operation: String,
    /// What it does, for a menu.
    pub title: String,
    /// Its kind, as the Language Server Protocol names kinds of code actions: `refactor.extract.variable`.
    pub kind: String,
    /// Why it is not possible there.
    pub refused: Option<String>,
    /// How many texts it would change.
    pub places: u32,
    /// How many files it would change.
    pub files: u32,
    /// How many places a person should look at first.
    pub doubts: u32,
}

/// The result of a plugin's run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The tree is already as asked.
    Unchanged,
    /// Changes to look at, best first.
    Proposals(Vec<Proposal>),
    /// An answer in words.
    Answer(Answer),
}
