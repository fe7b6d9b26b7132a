//! One file as operations see it: its text, its tree, its names, the table of its language.

use super::{Grammar, Step};
use crate::{Refusal, Target};
use deepcoder_resolve::{Bindings, Project, Reference};
use deepcoder_syntax::{Language, Node, Tree};
use deepcoder_types::{Hint, RepoPath, TextRange};
use std::sync::Arc;

/// A file that an operation works on.
pub(crate) struct Source<'p> {
    pub(crate) project: &'p Project<'p>,
    pub(crate) path: RepoPath,
    pub(crate) text: Arc<str>,
    pub(crate) tree: Tree,
    pub(crate) bindings: Arc<Bindings>,
    pub(crate) language: Language,
    pub(crate) grammar: &'static Grammar,
}

/// Why a file cannot be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum SourceError {
    #[error("`{0}` does not exist or is not UTF-8 text")]
    Missing(RepoPath),
    #[error("`{0}` is in a language without this operation")]
    Language(RepoPath),
    #[error("the selection is outside of `{0}`")]
    Outside(RepoPath),
    #[error("`{0}` is written by a program, which would write the old code again")]
    Generated(RepoPath),
}

impl Hint for SourceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(_) | Self::Language(_) => None,
            Self::Outside(_) => Some("select code of the file: FILE:LINE:COLUMN-LINE:COLUMN".into()),
            Self::Generated(_) => Some("change what it is generated from".into()),
        }
    }
}

/// The text of a node.
pub(crate) fn range(node: Node<'_>) -> TextRange {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    TextRange::new(offset(node.start_byte()), offset(node.end_byte()))
}

/// Whether `outer` holds all of `inner`.
pub(crate) const fn holds(outer: TextRange, inner: TextRange) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Every node from `top` down, in the order of the text; `enter` says whether its children are wanted.
pub(crate) fn walk<'t>(top: Node<'t>, mut enter: impl FnMut(Node<'t>) -> bool) {
    let mut cursor = top.walk();
    loop {
        if enter(cursor.node()) && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

impl<'p> Source<'p> {
    /// The file of a target.
    pub(crate) fn of(project: &'p Project<'p>, target: &Target) -> Result<Self, Refusal> {
        let path = &target.path;
        let text = project.files().text(path).ok_or_else(|| Refusal::of(&SourceError::Missing(path.clone())))?;
        let range = target.range.as_range();
        if target.range.start > target.range.end || text.get(range).is_none() {
            return Err(Refusal::of(&SourceError::Outside(path.clone())));
        }
        if deepcoder_syntax::is_generated(&text) {
            return Err(Refusal::of(&SourceError::Generated(path.clone())));
        }
        let unknown = || Refusal::of(&SourceError::Language(path.clone()));
        let language = Language::program(path).ok_or_else(unknown)?;
        let grammar = Grammar::of(language).ok_or_else(unknown)?;
        let tree = deepcoder_syntax::tree(language, &text).ok_or_else(unknown)?;
        let bindings = project.bindings(path).ok_or_else(unknown)?;
        Ok(Self { project, path: path.clone(), text, tree, bindings, language, grammar })
    }

    /// A refusal at a place of the file.
    pub(crate) fn refuse(&self, error: &impl Hint, at: TextRange) -> Refusal {
        Refusal::of(error).at(&self.path, at)
    }

    /// The text of a range.
    pub(crate) fn text_of(&self, at: TextRange) -> &str {
        self.text.get(at.as_range()).unwrap_or_default()
    }

    /// The range without blanks at its ends.
    pub(crate) fn trimmed(&self, at: TextRange) -> TextRange {
        let text = self.text_of(at);
        let blank = |length: usize| u32::try_from(length).unwrap_or(0);
        let start = at.start + blank(text.len() - text.trim_start().len());
        let end = at.end - blank(text.len() - text.trim_end().len());
        TextRange::new(start.min(end.max(at.start)), end.max(start.min(at.end)))
    }

    /// The smallest node that holds a range.
    pub(crate) fn node_at(&self, at: TextRange) -> Option<Node<'_>> {
        self.tree.root_node().named_descendant_for_byte_range(at.start as usize, at.end as usize)
    }

    /// The statement that holds a node; `None` outside of blocks.
    pub(crate) fn statement<'t>(&self, node: Node<'t>) -> Option<Node<'t>> {
        let mut at = node;
        while !self.grammar.is_statement(at) {
            at = at.parent()?;
        }
        Some(at)
    }

    /// How a node is evaluated where the node `top` around it is: the strongest of all steps between.
    pub(crate) fn steps(&self, node: Node<'_>, top: Node<'_>) -> Step {
        let mut worst = Step::Once;
        let mut at = node;
        while at.id() != top.id() {
            let Some(parent) = at.parent() else { return Step::Never("it stands in no statement") };
            let direct = at.id() == node.id();
            worst = match ((self.grammar.step)(parent, at), worst) {
                (no @ Step::Nowhere(_), _) => return no,
                (no @ Step::Never(_), _) if direct => return no,
                (Step::Never(_), worst) | (Step::Once, worst) | (_, worst @ Step::Later) => worst,
                (Step::Later, _) => Step::Later,
                (_, Step::Never(_) | Step::Nowhere(_)) => worst,
                (Step::Often, _) | (_, Step::Often) => Step::Often,
                (Step::Maybe, _) => Step::Maybe,
            };
            at = parent;
        }
        worst
    }

    /// The references within a range.
    pub(crate) fn references(&self, at: TextRange) -> &[Reference] {
        let all = &self.bindings.references;
        let first = all.partition_point(|r| r.at.start < at.start);
        let last = all.partition_point(|r| r.at.start < at.end);
        all.get(first..last.max(first)).unwrap_or_default()
    }

    /// The blanks before the first character of the line of an offset.
    pub(crate) fn indentation(&self, offset: u32) -> &str {
        let line = self.line_start(offset) as usize;
        let rest = self.text.get(line..).unwrap_or_default();
        let length = rest.len() - rest.trim_start_matches([' ', '\t', '\u{c}']).len();
        rest.get(..length).unwrap_or_default()
    }

    /// Where the line of an offset begins.
    pub(crate) fn line_start(&self, offset: u32) -> u32 {
        let before = self.text.get(..offset as usize).unwrap_or_default();
        before.rfind('\n').map_or(0, |at| u32::try_from(at + 1).unwrap_or(0))
    }

    /// Where the line of an offset ends: after its line break.
    pub(crate) fn line_end(&self, offset: u32) -> u32 {
        let rest = self.text.get(offset as usize..).unwrap_or_default();
        let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        offset + u32::try_from(length).unwrap_or(0)
    }

    /// Whether only blanks stand before an offset in its line.
    pub(crate) fn begins_line(&self, offset: u32) -> bool {
        self.text_of(TextRange::new(self.line_start(offset), offset)).trim().is_empty()
    }
}

impl Source<'_> {
    /// A selection without the comments and blanks at its ends.
    pub(crate) fn without_comments(&self, selection: TextRange) -> TextRange {
        let mut at = selection;
        if self.grammar.line_ends && self.language == Language::Python {
            return at;
        }
        for _ in 0..64 {
            let text = self.text_of(at);
            let length = |text: &str| u32::try_from(text.len()).unwrap_or(0);
            if let Some(rest) = text.strip_prefix("/*").and_then(|rest| rest.split_once("*/")) {
                at.start = at.end - length(rest.1);
            } else if text.starts_with("//") {
                at.start += length(text.split('\n').next().unwrap_or_default());
            } else if text.ends_with("*/") && text.rfind("/*").is_some() {
                at.end = at.start + u32::try_from(text.rfind("/*").unwrap_or(0)).unwrap_or(0);
            } else {
                break;
            }
            at = self.trimmed(at);
            if at.start >= at.end {
                return selection;
            }
        }
        at
    }

    /// How a node is evaluated as far as taking it out of its place goes: a call can stand where a declaration before the
    /// statement could not.
    pub(crate) fn steps_of_function(&self, node: Node<'_>, top: Node<'_>) -> Step {
        let mut at = node;
        while at.id() != top.id() {
            let Some(parent) = at.parent() else { break };
            let direct = at.id() == node.id();
            match (self.grammar.step)(parent, at) {
                Step::Nowhere(why) if super::lasting(why) => return Step::Nowhere(why),
                no @ Step::Never(_) if direct => return no,
                _ => {}
            }
            at = parent;
        }
        Step::Once
    }
}
