//! The strings of a text that go over several lines.

use crate::Language;
use crate::parse::{parse, range};
use deepcoder_types::TextRange;
use tree_sitter::Node;

/// Every string of `text` that has a line end in it and whose content the program sees: docstrings are left out. `None` where
/// the text is too large to parse or does not parse.
#[must_use]
pub fn multiline_strings(language: Language, text: &str) -> Option<Vec<TextRange>> {
    let tree = parse(language, text).filter(|tree| !tree.root_node().has_error())?;
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let several = node.start_position().row < node.end_position().row;
        let heredoc = is_heredoc(node);
        if heredoc || several && is_string(node) {
            if !is_docstring(language, node) {
                found.push(range(node.start_byte(), if heredoc { line_end(text, node) } else { node.end_byte() }));
            }
        } else if several && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(found);
            }
        }
    }
}

/// A string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StringRange {
    /// All of it.
    pub outer: TextRange,
    /// The text between its quotes.
    pub inner: TextRange,
}

/// Every string of `text` that its grammar gives quotes of their own, in its order, outer ones only. Where a part of the text
/// does not parse, the rest is still found.
#[must_use]
pub fn strings(language: Language, text: &str) -> Vec<StringRange> {
    let Some(tree) = parse(language, text) else { return Vec::new() };
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let last = node.child_count().checked_sub(1).filter(|last| *last > 0 && is_string(node));
        if let Some((first, last)) = node.child(0).zip(last.and_then(|last| node.child(last))) {
            let (outer, inner) = (node.byte_range(), first.end_byte()..last.start_byte());
            found.push(StringRange { outer: range(outer.start, outer.end), inner: range(inner.start, inner.end) });
        } else if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}

fn is_string(node: Node<'_>) -> bool {
    let kind = node.kind();
    kind == "string"
        || kind == "template_string"
        || kind == "jsx_text"
        || kind.ends_with("string_literal")
        || kind == "char_literal"
        || matches!(
            kind,
            "raw_string" | "ansi_c_string" | "encapsed_string" | "nowdoc_string" | "template_literal_type"
        )
        || kind == "interpolated_string_expression"
        || is_heredoc(node)
}

/// The text below a line that ends in `<<END`.
fn is_heredoc(node: Node<'_>) -> bool {
    matches!(node.kind(), "heredoc" | "heredoc_body")
}

/// The end of the last line of a node, with its line end: grammars differ in whether a heredoc has that of its last line.
fn line_end(text: &str, node: Node<'_>) -> usize {
    let end = node.end_byte();
    if text.as_bytes()[..end].ends_with(b"\n") {
        return end;
    }
    text.as_bytes()[end..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| end + at + 1)
}

/// A string that is a statement by itself. Elsewhere than in Python such a one may be a value: of a block, or of `eval`.
fn is_docstring(language: Language, node: Node<'_>) -> bool {
    language == Language::Python
        && node.parent().is_some_and(|parent| {
            parent.kind() == "expression_statement" && parent.named_child_count() == 1 || parent.kind() == "module"
        })
}
