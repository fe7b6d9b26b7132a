//! Parsing with a cap, and what does not parse.

use crate::Language;
use deepcoder_types::TextRange;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tree_sitter::{ParseOptions, ParseState, Parser, Point, Range, Tree};

/// Longer texts are not parsed: 1 MiB.
pub const MAX_PARSE: usize = 1 << 20;

/// A guard that no program text of [`MAX_PARSE`] bytes comes near in a release build.
const MAX_TIME: Duration = Duration::from_secs(5);

/// At most this many errors are told.
const MAX_ERRORS: usize = 1000;

/// A place that the grammar does not understand, or where it misses something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The text that is not understood; empty where something is missing.
    pub range: TextRange,
    /// The line where it begins, from 1.
    pub line: u32,
    /// The missing text, where the grammar knows it (`;`, `)`, …).
    pub missing: Option<String>,
}

/// Where `text` does not parse. Empty when it does, and also when it is too large to say (see [`parses`]).
#[must_use]
pub fn errors(language: Language, text: &str) -> Vec<SyntaxError> {
    let Some(tree) = parse(language, text) else { return Vec::new() };
    let mut found = errors_of(&tree);
    if language == Language::Python {
        found.extend(empty_blocks(&tree));
    }
    found
}

/// Blocks without a statement, which Python's grammar lets pass and Python does not.
fn empty_blocks(tree: &Tree) -> Vec<SyntaxError> {
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.kind() == "block" && node.named_child_count() == 0 && found.len() < MAX_ERRORS {
            found.push(SyntaxError {
                range: range(node.start_byte(), node.end_byte()),
                line: u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX),
                missing: Some("block".to_owned()),
            });
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}

/// Whether `text` parses without an error; `None` when it is too large or too contorted to say.
#[must_use]
pub fn parses(language: Language, text: &str) -> Option<bool> {
    parse(language, text).map(|tree| !tree.root_node().has_error())
}

/// The syntax tree of `text`; `None` when it is too large or too contorted to parse.
#[must_use]
pub fn tree(language: Language, text: &str) -> Option<Tree> {
    parse(language, text)
}

/// The tree of a part of a text, with the offsets of the whole text; `None` where [`tree`] gives none.
#[must_use]
pub fn tree_within(language: Language, text: &str, part: TextRange) -> Option<Tree> {
    let part = part.as_range();
    text.get(part.clone())?;
    parse_part(language, text, Some(part))
}

/// Gives up on text that costs much more work than program text of its length, and on what still takes too long:
/// error recovery can need time that grows with the square of the length (`a<b<a<b<…` in C++).
pub(crate) fn parse(language: Language, text: &str) -> Option<Tree> {
    parse_part(language, text, None)
}

fn parse_part(language: Language, text: &str, part: Option<std::ops::Range<usize>>) -> Option<Tree> {
    if text.len() > MAX_PARSE || language.spec().refuses.is_some_and(|refuses| refuses(text)) {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    let mut length = text.len();
    if let Some(part) = part {
        length = part.len();
        // Rows and columns are not asked for.
        let (start_point, end_point) = (Point::new(0, part.start), Point::new(0, part.end));
        let range = Range { start_byte: part.start, end_byte: part.end, start_point, end_point };
        parser.set_included_ranges(&[range]).ok()?;
    }
    // The parser asks every 100 operations; the densest program text needs about two for each byte.
    let mut left = 1_000 + length / 24;
    let started = Instant::now();
    let mut watch = |_: &ParseState| {
        left = left.saturating_sub(1);
        if left == 0 || started.elapsed() > MAX_TIME { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = text.as_bytes();
    let mut read = |offset: usize, _| bytes.get(offset..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(ParseOptions::new().progress_callback(&mut watch)))
}

fn errors_of(tree: &Tree) -> Vec<SyntaxError> {
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let wrong = node.is_error() || node.is_missing();
        if wrong {
            found.push(SyntaxError {
                range: range(node.start_byte(), node.end_byte()),
                line: u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX),
                missing: node.is_missing().then(|| node.kind().to_owned()),
            });
        }
        if found.len() >= MAX_ERRORS {
            return found;
        }
        if !wrong && node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}

pub(crate) fn range(start: usize, end: usize) -> TextRange {
    // Below the cap these always fit.
    TextRange::new(u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX))
}
