//! Walks over syntax trees.

use crate::read::source::range;
use deepcoder_syntax::Node;
use deepcoder_types::{TextEdit, TextRange};

/// Every node, parents first.
pub(crate) fn all(root: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut left = vec![root];
    while let Some(node) = left.pop() {
        found.push(node);
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        left.extend(children.into_iter().rev());
    }
    found
}

/// The text of a node.
pub(crate) fn text<'t>(node: Node<'_>, text: &'t str) -> &'t str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// The bytes of a node.
pub(crate) fn at(node: Node<'_>) -> TextRange {
    range(node.start_byte(), node.end_byte())
}

/// The smallest named node that holds a range.
pub(crate) fn around(root: Node<'_>, place: TextRange) -> Option<Node<'_>> {
    root.named_descendant_for_byte_range(place.start as usize, place.end as usize)
}

/// The first node of one of these kinds, from a node upwards.
pub(crate) fn up<'t>(node: Node<'t>, kinds: &[&str]) -> Option<Node<'t>> {
    let mut node = Some(node);
    while let Some(found) = node {
        if kinds.contains(&found.kind()) {
            return Some(found);
        }
        node = found.parent();
    }
    None
}

/// The named children of a node.
pub(crate) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

/// Takes a whole statement away, with its line where it has one for itself.
pub(crate) fn without_statement(text: &str, node: Node<'_>) -> TextEdit {
    let (mut start, mut end) = (node.start_byte(), node.end_byte());
    let before = text.get(..start).unwrap_or_default();
    let indented = before.trim_end_matches([' ', '\t']);
    let rest = text.get(end..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches([' ', '\t', ';']).len();
    let ends = rest.get(blank..).is_none_or(|rest| rest.is_empty() || rest.starts_with(['\n', '\r']));
    if ends && (indented.is_empty() || indented.ends_with('\n')) {
        start = indented.len();
        end += blank;
        let rest = text.get(end..).unwrap_or_default();
        end += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    TextEdit { range: range(start, end), replacement: String::new() }
}

/// Takes an element of a list away, with one comma.
pub(crate) fn without_element(text: &str, node: Node<'_>) -> TextEdit {
    let (start, end) = (node.start_byte(), node.end_byte());
    let after = text.get(end..).unwrap_or_default();
    let blank = after.len() - after.trim_start().len();
    if after.get(blank..).is_some_and(|rest| rest.starts_with(',')) {
        let rest = after.get(blank + 1..).unwrap_or_default();
        let more = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        return TextEdit { range: range(start, end + blank + 1 + more), replacement: String::new() };
    }
    let before = text.get(..start).unwrap_or_default().trim_end();
    let start = if before.ends_with(',') { before.len() - 1 } else { start };
    TextEdit { range: range(start, end), replacement: String::new() }
}

/// An edit that puts text at a place.
pub(crate) fn insert(at: usize, replacement: impl Into<String>) -> TextEdit {
    TextEdit { range: range(at, at), replacement: replacement.into() }
}

/// An edit that replaces a node.
pub(crate) fn put(node: Node<'_>, replacement: impl Into<String>) -> TextEdit {
    TextEdit { range: at(node), replacement: replacement.into() }
}
