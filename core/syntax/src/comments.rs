//! The comments in a text.

use crate::Language;
use crate::parse::{parse, range};
use deepcoder_types::TextRange;

/// Every comment of `text` in its order; empty when it is too large to parse. Where a part of the text does not parse,
/// the rest is still found. Text inside a string that looks like a comment is none.
#[must_use]
pub fn comments(language: Language, text: &str) -> Vec<TextRange> {
    let Some(tree) = parse(language, text) else { return Vec::new() };
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.kind().ends_with("comment") {
            // Some grammars take the end of the line for a part of it.
            let end = text[..node.end_byte()].trim_end_matches(['\n', '\r']).len().max(node.start_byte());
            found.push(range(node.start_byte(), end));
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
