//! The place of a rewrite, and the edits that it drafts.

use super::ConvertError;
use crate::grammar::source::{Source, holds, range, walk};
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::Project;
use deepcoder_syntax::{Language, Node, tree};
use deepcoder_types::TextRange;
use std::collections::BTreeMap;

/// A file and the selection in it.
pub(super) struct Site<'p> {
    pub(super) source: Source<'p>,
    /// The selection without the blanks at its ends; a cursor is empty.
    pub(super) at: TextRange,
}

/// Edits of one file that are not checked yet.
#[derive(Debug, Default)]
pub(super) struct Draft {
    edits: Vec<(TextRange, String)>,
    doubts: Vec<(TextRange, &'static str)>,
    comments_change: bool,
}

impl Draft {
    /// One text in the place of a node.
    pub(super) fn of(node: Node<'_>, text: impl Into<String>) -> Self {
        let mut draft = Self::default();
        draft.put(range(node), text);
        draft
    }

    /// Put a text in the place of a range.
    pub(super) fn put(&mut self, at: TextRange, text: impl Into<String>) {
        self.edits.push((at, text.into()));
    }

    /// Put a text in the place of a node.
    pub(super) fn replace(&mut self, node: Node<'_>, text: impl Into<String>) {
        self.put(range(node), text);
    }

    /// Let a person look at a node.
    pub(super) fn doubt(&mut self, node: Node<'_>, why: &'static str) {
        self.doubts.push((range(node), why));
    }

    /// The same with a doubt.
    pub(super) fn doubted(mut self, node: Node<'_>, why: &'static str) -> Self {
        self.doubt(node, why);
        self
    }

    /// The same with doubts that were found on the way.
    pub(super) fn with(mut self, doubts: Vec<(TextRange, &'static str)>) -> Self {
        self.doubts.extend(doubts);
        self
    }

    /// The comments themselves are rewritten.
    pub(super) fn of_comments(mut self) -> Self {
        self.comments_change = true;
        self
    }
}

impl<'p> Site<'p> {
    pub(super) fn of(project: &'p Project<'p>, target: &Target) -> Result<Self, Refusal> {
        let source = Source::of(project, target)?;
        let at = if target.range.start == target.range.end { target.range } else { source.trimmed(target.range) };
        Ok(Self { source, at })
    }

    /// The text of a node.
    pub(super) fn text(&self, node: Node<'_>) -> &str {
        self.source.text_of(range(node))
    }

    /// The text from the start of one node to the end of another.
    pub(super) fn text_between(&self, from: u32, to: u32) -> &str {
        self.source.text_of(TextRange::new(from, to))
    }

    /// The tokens that a cursor touches (the one behind it first), or that a selection holds a part of.
    pub(super) fn tokens(&self) -> Vec<Node<'_>> {
        let mut found = Vec::new();
        let cursor = self.at.start == self.at.end;
        walk(self.source.tree.root_node(), |node| {
            let here = range(node);
            let touches = if cursor {
                here.start <= self.at.start && self.at.end <= here.end
            } else {
                here.start < self.at.end && self.at.start < here.end
            };
            if touches && node.child_count() == 0 && here.start < here.end {
                found.push(node);
            }
            touches
        });
        if cursor {
            found.reverse();
        }
        found
    }

    /// The first token at the place that is of one of these kinds.
    pub(super) fn token(&self, kinds: &[&str]) -> Option<Node<'_>> {
        self.tokens().into_iter().find(|token| kinds.contains(&token.kind()))
    }

    /// The smallest node around the selection that is of one of these kinds.
    pub(super) fn around(&self, kinds: &[&str]) -> Option<Node<'_>> {
        let mut at = self.source.node_at(self.at)?;
        loop {
            if kinds.contains(&at.kind()) {
                return Some(at);
            }
            at = at.parent()?;
        }
    }

    /// The node whose keyword or bracket is at the place.
    pub(super) fn owner(&self, tokens: &[&str], kinds: &[&str]) -> Option<Node<'_>> {
        self.tokens()
            .into_iter()
            .filter(|token| tokens.contains(&token.kind()))
            .filter_map(|token| token.parent())
            .find(|parent| kinds.contains(&parent.kind()))
    }

    /// The comments in a range.
    pub(super) fn has_comment(&self, within: TextRange) -> bool {
        let mut found = false;
        walk(self.source.tree.root_node(), |node| {
            found |= is_comment(node) && holds(within, range(node));
            !found && range(node).start < within.end && within.start < range(node).end
        });
        found
    }

    /// One step of indentation, as the file has it.
    pub(super) fn unit(&self) -> String {
        if self.source.language == Language::Go {
            return "\t".to_owned();
        }
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        let mut before = 0;
        for line in self.source.text.lines().filter(|line| !line.trim().is_empty()) {
            let blanks = &line[..line.len() - line.trim_start().len()];
            if blanks.len() > before && !line.trim_start().starts_with('*') {
                *found.entry(&blanks[before.min(blanks.len())..]).or_default() += 1;
            }
            before = blanks.len();
        }
        let most = found.into_iter().max_by_key(|(unit, count)| (*count, usize::MAX - unit.len()));
        most.map_or_else(|| "    ".to_owned(), |(unit, _)| unit.to_owned())
    }

    /// A range's text with the indentation of its lines moved from one to another; lines that begin in a string stay.
    pub(super) fn moved(&self, at: TextRange, from: &str, to: &str) -> String {
        let mut fixed = Vec::new();
        walk(self.source.tree.root_node(), |node| {
            let here = range(node);
            let text = matches!(
                node.kind(),
                "string" | "string_literal" | "raw_string_literal" | "template_string" | "interpreted_string_literal"
            );
            if text && holds(at, here) {
                fixed.push(here);
            }
            here.start < at.end && at.start < here.end
        });
        let mut out = String::new();
        let mut offset = at.start;
        for (index, line) in self.source.text_of(at).split_inclusive('\n').enumerate() {
            let in_string = fixed.iter().any(|string| string.start < offset && offset < string.end);
            match line.strip_prefix(from).filter(|_| index > 0 && !in_string) {
                Some(rest) if rest.trim().is_empty() => out.push_str(rest.trim_start_matches([' ', '\t'])),
                Some(rest) => {
                    out.push_str(to);
                    out.push_str(rest);
                }
                None => out.push_str(line),
            }
            offset += u32::try_from(line.len()).unwrap_or(0);
        }
        out
    }

    /// The indentation of the line in which a node begins.
    pub(super) fn indentation(&self, node: Node<'_>) -> &str {
        self.source.indentation(range(node).start)
    }

    /// The checked changes of a draft: no comment is lost.
    pub(super) fn finish(&self, draft: Draft) -> Result<Changes, ConvertError> {
        let mut changes = Changes::default();
        let path = &self.source.path;
        let mut edits = draft.edits;
        edits.sort_by_key(|(at, _)| (at.start, at.end));
        for (at, text) in edits {
            changes.replace(path, at, text);
        }
        for (at, why) in draft.doubts {
            changes.doubt(path, at, why);
        }
        if !draft.comments_change {
            let after = changes.apply(self.source.project.files()).map_err(|_| ConvertError::Broken)?;
            let after = after.get(path).and_then(|text| tree(self.source.language, text).map(|tree| (text, tree)));
            let Some((text, tree)) = after else { return Err(ConvertError::Broken) };
            if comments(tree.root_node(), text) != comments(self.source.tree.root_node(), &self.source.text) {
                return Err(ConvertError::Comment);
            }
        }
        Ok(changes)
    }
}

/// Whether a node is a comment.
pub(super) fn is_comment(node: Node<'_>) -> bool {
    matches!(node.kind(), "comment" | "line_comment" | "block_comment")
}

/// The words of each comment and how often it is there.
fn comments(root: Node<'_>, text: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    walk(root, |node| {
        if is_comment(node) {
            let words = text.get(node.byte_range()).unwrap_or_default();
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            *found.entry(words).or_default() += 1;
        }
        true
    });
    found
}

/// The named children that are no comments.
pub(super) fn parts(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra() && !is_comment(*child)).collect()
}

/// The first child of this kind.
pub(super) fn child<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).find(|child| child.kind() == kind)
}

/// A field of a node.
pub(super) fn field<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    node.child_by_field_name(name)
}
