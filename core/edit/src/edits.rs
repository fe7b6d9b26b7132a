//! Applying and inverting edits.

use deepcoder_types::{Hint, TextEdit, TextRange};

/// Why edits do not fit a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The range is reversed or leaves the text.
    #[error("the edit at bytes {start}..{end} is outside the text of {len} bytes")]
    OutOfRange {
        /// First byte.
        start: u32,
        /// One past the last byte.
        end: u32,
        /// Bytes of the text.
        len: usize,
    },
    /// The range cuts a character in two.
    #[error("byte {offset} is in the middle of a character")]
    NotACharBoundary {
        /// The offset that is not a boundary.
        offset: u32,
    },
    /// Two edits change the same bytes.
    #[error("the edits at bytes {first} and {second} overlap")]
    Overlap {
        /// Start of the earlier edit.
        first: u32,
        /// Start of the later one.
        second: u32,
    },
    /// The edits are not sorted by position.
    #[error("the edit at byte {second} comes after the one at byte {first}")]
    Unsorted {
        /// Start of the edit that comes first in the list.
        first: u32,
        /// Start of the edit that should have come before it.
        second: u32,
    },
}

impl Hint for EditError {
    fn hint(&self) -> Option<String> {
        Some("this is a defect of the plugin that made the edit; nothing was changed".into())
    }
}

/// The text with the edits made. They must be sorted, must not overlap, and must lie on character boundaries; two
/// insertions at the same place are made in their order.
pub fn apply_edits(text: &str, edits: &[TextEdit]) -> Result<String, EditError> {
    check(text, edits)?;
    let grown: usize = edits.iter().map(|e| e.replacement.len()).sum();
    let mut out = String::with_capacity(text.len() + grown);
    let mut at = 0;
    for edit in edits {
        let range = edit.range.as_range();
        out.push_str(&text[at..range.start]);
        out.push_str(&edit.replacement);
        at = range.end;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

/// The edits that turn the result of `edits` back into `text`.
pub fn invert(text: &str, edits: &[TextEdit]) -> Result<Vec<TextEdit>, EditError> {
    check(text, edits)?;
    let mut shift = 0i64;
    let inverse = edits.iter().map(|edit| {
        let start = offset_of(i64::from(edit.range.start) + shift);
        let end = offset_of(i64::from(start) + i64::try_from(edit.replacement.len()).unwrap_or(i64::MAX));
        shift += i64::from(end) - i64::from(start) - i64::from(edit.range.end - edit.range.start);
        TextEdit { range: TextRange::new(start, end), replacement: text[edit.range.as_range()].to_owned() }
    });
    Ok(inverse.collect())
}

fn offset_of(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn check(text: &str, edits: &[TextEdit]) -> Result<(), EditError> {
    let mut previous: Option<TextRange> = None;
    for edit in edits {
        let TextRange { start, end } = edit.range;
        if start > end || end as usize > text.len() {
            return Err(EditError::OutOfRange { start, end, len: text.len() });
        }
        if let Some(offset) = [start, end].into_iter().find(|&o| !text.is_char_boundary(o as usize)) {
            return Err(EditError::NotACharBoundary { offset });
        }
        if let Some(before) = previous {
            if start < before.start {
                return Err(EditError::Unsorted { first: before.start, second: start });
            }
            if start < before.end {
                return Err(EditError::Overlap { first: before.start, second: start });
            }
        }
        previous = Some(edit.range);
    }
    Ok(())
}
