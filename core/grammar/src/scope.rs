//! Scopes: a given text of which only some ranges may change.

use crate::GrammarError;
use crate::automaton::Part;
use deepcoder_types::{Form, Free, Grammar};

/// The grammar of a text that equals `text` outside of the ranges `free`, which are in bytes.
///
/// # Errors
/// A range is out of order, overlaps another one, exceeds the text or splits a character.
pub fn scope(text: impl Into<String>, free: Vec<Free>) -> Result<Grammar, GrammarError> {
    let text = text.into();
    parts(&text, &free)?;
    Ok(Grammar::of(Form::Scope { text, free }))
}

/// The text as literals and regular expressions.
pub(crate) fn parts(text: &str, free: &[Free]) -> Result<Vec<Part>, GrammarError> {
    let wrong = |at: &Free, why: &str| GrammarError::Invalid(format!("the free range {}..{} {why}", at.start, at.end));
    let mut parts = Vec::with_capacity(free.len() * 2 + 1);
    let mut from = 0;
    for range in free {
        if range.start > range.end {
            return Err(wrong(range, "ends before it begins"));
        }
        if range.start < from {
            return Err(wrong(range, "overlaps the one before it, or is not in order"));
        }
        if range.end > text.len() {
            return Err(wrong(range, &format!("goes beyond the text of {} bytes", text.len())));
        }
        let Some(literal) = text.get(from..range.start).filter(|_| text.is_char_boundary(range.end)) else {
            return Err(wrong(range, "cuts a character"));
        };
        parts.push(Part::Literal(literal.to_owned()));
        parts.push(Part::Pattern(range.regex.clone()));
        from = range.end;
    }
    parts.push(Part::Literal(text.get(from..).unwrap_or_default().to_owned()));
    Ok(parts)
}
