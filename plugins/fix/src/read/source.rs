//! The lines of a file, found again in what a tool shows of them.

use deepcoder_types::{TextEdit, TextRange};

/// Columns of a tab in what compilers show.
const TAB: usize = 4;

/// A text and where its lines begin.
pub(crate) struct Source<'t> {
    pub(crate) text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// A line, from 1, without its end.
    pub(crate) fn line(&self, number: usize) -> Option<&'t str> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        let end = self.starts.get(number).map_or(self.text.len(), |next| next - 1);
        self.text.get(start..end).map(|line| line.trim_end_matches('\r'))
    }

    /// The byte at which a line begins.
    pub(crate) fn start(&self, number: usize) -> Option<usize> {
        self.starts.get(number.checked_sub(1)?).copied()
    }

    /// How many lines there are.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The byte at a line and a column of characters, both from 1.
    pub(crate) fn byte(&self, line: usize, column: usize) -> Option<usize> {
        let text = self.line(line)?;
        let inside = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
        Some(self.start(line)? + inside)
    }

    /// The byte at a column, from 0, of a line as compilers show it.
    pub(crate) fn shown_byte(&self, line: usize, column: usize) -> Option<usize> {
        let text = self.line(line)?;
        let mut passed = 0;
        for (at, c) in text.char_indices() {
            if passed >= column {
                return Some(self.start(line)? + at);
            }
            passed += if c == '\t' { TAB } else { 1 };
        }
        Some(self.start(line)? + text.len())
    }

    /// The line nearest to `near` from which on the lines are those that are shown.
    pub(crate) fn find(&self, shown: &[&str], near: usize) -> Option<usize> {
        let first = shown.first()?;
        let fits = |number: &usize| {
            self.line(*number).is_some_and(|line| same(line, first))
                && shown
                    .iter()
                    .enumerate()
                    .skip(1)
                    .all(|(more, text)| self.line(number + more).is_some_and(|line| same(line, text)))
        };
        (1..=self.len()).filter(fits).min_by_key(|number| (number.abs_diff(near), *number < near))
    }

    /// The edits that replace lines `from` up to `to`, both included, by others.
    pub(crate) fn replace(&self, from: usize, to: usize, new: &[String]) -> Option<Vec<TextEdit>> {
        let mut edits = Vec::new();
        if to + 1 - from == new.len() {
            for (number, new) in (from..=to).zip(new) {
                let old = self.line(number)?;
                edits.extend(trimmed(self.start(number)?, old, new));
            }
            return Some(edits);
        }
        let start = self.start(from)?;
        let end = self.start(to + 1).unwrap_or(self.text.len());
        let old = self.text.get(start..end)?;
        let mut text = new.join("\n");
        if !new.is_empty() && old.ends_with('\n') {
            text.push('\n');
        }
        edits.extend(trimmed(start, old, &text));
        Some(edits)
    }
}

/// Whether a line is what a compiler shows of it: tabs become spaces, and blanks at the end are left out.
fn same(line: &str, shown: &str) -> bool {
    if line.contains('\t') {
        line.replace('\t', "    ").trim_end() == shown.trim_end()
    } else {
        line.trim_end() == shown.trim_end()
    }
}

/// The smallest edit that makes one text of another; `None` where they are the same.
pub(crate) fn trimmed(start: usize, old: &str, new: &str) -> Option<TextEdit> {
    if old == new {
        return None;
    }
    let before: usize = old.chars().zip(new.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let (old_rest, new_rest) = (old.get(before..)?, new.get(before..)?);
    let after: usize =
        old_rest.chars().rev().zip(new_rest.chars().rev()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let range = range(start + before, start + old.len() - after);
    Some(TextEdit { range, replacement: new_rest.get(..new_rest.len() - after)?.to_owned() })
}

/// A range of bytes; texts are shorter than 4 GiB.
pub(crate) fn range(start: usize, end: usize) -> TextRange {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    TextRange::new(offset(start), offset(end.max(start)))
}
