//! Counting what fits.

use crate::Count;
use deepcoder_types::{GenerateError, Snippet};

/// No tokenizer joins more bytes than this on average over a text that is worth showing; beyond it nothing is counted.
const MOST_BYTES_PER_TOKEN: usize = 48;

/// Typical for program text; only for numbers in messages about what was not counted.
const USUAL_BYTES_PER_TOKEN: usize = 4;

/// Tokens that are left.
pub(crate) struct Budget<'c> {
    left: u32,
    count: Count<'c>,
}

impl<'c> Budget<'c> {
    pub(crate) fn new(left: u32, count: Count<'c>) -> Self {
        Self { left, count }
    }

    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    /// How many tokens `text` has; an estimate where it is hopelessly too large.
    pub(crate) fn tokens(&self, text: &str) -> Result<u32, GenerateError> {
        if text.len() / MOST_BYTES_PER_TOKEN > self.left as usize {
            return Ok(u32::try_from(text.len() / USUAL_BYTES_PER_TOKEN).unwrap_or(u32::MAX));
        }
        (self.count)(text)
    }

    /// Take `tokens` if they are left.
    pub(crate) fn take(&mut self, tokens: u32) -> bool {
        match self.left.checked_sub(tokens) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Undo a [`Budget::take`].
    pub(crate) fn give_back(&mut self, tokens: u32) {
        self.left = self.left.saturating_add(tokens);
    }

    /// Add `snippet` to `list` if it fits; otherwise says how many tokens it has.
    pub(crate) fn push(&mut self, list: &mut Vec<Snippet>, snippet: Snippet) -> Result<Result<(), u32>, GenerateError> {
        let tokens = self.tokens(&snippet.text)?;
        if !self.take(tokens) {
            return Ok(Err(tokens));
        }
        list.push(snippet);
        Ok(Ok(()))
    }

    /// A part of what is left, to be spent on something less important.
    pub(crate) fn part(&self, most: u32) -> Self {
        Self { left: self.left.min(most), count: self.count }
    }
}
