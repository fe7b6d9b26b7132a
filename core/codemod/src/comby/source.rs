//! A text cut into the units that a hole takes: a bracket with all that is in it, a string, a comment, a run of spaces, a
//! character.
//!
//! The unit that begins at an offset depends on the text behind it only, so that all of them are found from the end to the
//! front, in linear time and without recursion.

use super::lexicon::Lexicon;

/// A text and its units.
pub(crate) struct Source<'t> {
    pub(crate) text: &'t str,
    /// The ends of comments by their first byte; 0: none begins there.
    comments: Vec<u32>,
    /// The ends of strings by their first byte.
    strings: Vec<u32>,
    /// The ends of units by their first byte; 0 where a bracket has no partner.
    units: Vec<u32>,
}

impl<'t> Source<'t> {
    /// `None` where the text is too long.
    pub(crate) fn new(text: &'t str, lexicon: &Lexicon) -> Option<Self> {
        let length = u32::try_from(text.len()).ok().filter(|_| text.len() <= deepcoder_syntax::MAX_PARSE)?;
        let size = text.len() + 1;
        let mut source = Self { text, comments: vec![0; size], strings: vec![0; size], units: vec![0; size] };
        source.mark_comments(lexicon, length);
        source.mark_strings(lexicon);
        source.mark_units(lexicon);
        Some(source)
    }

    /// The end of the comment that begins at `at`.
    pub(crate) fn comment(&self, at: usize) -> Option<usize> {
        end(&self.comments, at)
    }

    /// The end of the string that begins at `at`.
    pub(crate) fn string(&self, at: usize) -> Option<usize> {
        end(&self.strings, at)
    }

    /// The end of the unit that begins at `at`.
    pub(crate) fn unit(&self, at: usize) -> Option<usize> {
        end(&self.units, at)
    }

    /// The end of the run of spaces that begins at `at`.
    pub(crate) fn spaces(&self, at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        let length = rest.len() - rest.trim_start_matches(is_space).len();
        (length > 0).then_some(at + length)
    }

    /// The character at `at` and its end.
    pub(crate) fn character(&self, at: usize) -> Option<(char, usize)> {
        let c = self.text.get(at..)?.chars().next()?;
        Some((c, at + c.len_utf8()))
    }

    fn mark_comments(&mut self, lexicon: &Lexicon, length: u32) {
        let mut newline = length;
        let ends: Vec<Vec<usize>> = lexicon.block.iter().map(|(_, close)| all(self.text, close)).collect();
        for at in (0..self.text.len()).rev() {
            let Some(rest) = self.text.get(at..) else { continue };
            if rest.starts_with('\n') {
                newline = u32::try_from(at).unwrap_or(length);
            }
            let block = lexicon.block.iter().zip(&ends).find(|((open, _), _)| rest.starts_with(open));
            if let Some(((open, close), ends)) = block {
                let end = first_from(ends, at + open.len()).map(|end| end + close.len());
                self.comments[at] = end.and_then(|end| u32::try_from(end).ok()).unwrap_or(0);
            } else if lexicon.line.iter().any(|mark| rest.starts_with(mark)) {
                self.comments[at] = newline;
            }
        }
    }

    fn mark_strings(&mut self, lexicon: &Lexicon) {
        let ends: Vec<Vec<usize>> = lexicon.raw.iter().map(|(_, close)| all(self.text, close)).collect();
        // Where a string of each kind of quotes ends whose next character is at the offset.
        let mut closes = vec![vec![0_u32; self.text.len() + 2]; lexicon.quotes.len()];
        let bytes = self.text.as_bytes();
        for at in (0..bytes.len()).rev() {
            for (quote, close) in lexicon.quotes.iter().zip(&mut closes) {
                close[at] = match bytes[at] {
                    b'\\' => close[at + 2],
                    byte if Some(&byte) == quote.as_bytes().first() => u32::try_from(at + 1).unwrap_or(0),
                    _ => close[at + 1],
                };
            }
            let Some(rest) = self.text.get(at..) else { continue };
            let raw =
                lexicon.raw.iter().zip(&ends).filter(|((open, _), _)| rest.starts_with(open)).find_map(
                    |((open, close), ends)| u32::try_from(first_from(ends, at + open.len())? + close.len()).ok(),
                );
            let quoted = || {
                let kind = lexicon.quotes.iter().position(|quote| rest.starts_with(quote))?;
                closes.get(kind).map(|close| close[at + 1])
            };
            self.strings[at] = raw.or_else(quoted).unwrap_or(0);
        }
    }

    fn mark_units(&mut self, lexicon: &Lexicon) {
        for at in (0..self.text.len()).rev() {
            let Some(rest) = self.text.get(at..) else { continue };
            let known = self.comment(at).or_else(|| self.string(at)).or_else(|| self.spaces_marked(at));
            let end = known.or_else(|| {
                if let Some((open, close)) = lexicon.brackets.iter().find(|(open, _)| rest.starts_with(open)) {
                    let mut inner = at + open.len();
                    while !self.text.get(inner..)?.starts_with(close) {
                        inner = self.unit(inner)?;
                    }
                    return Some(inner + close.len());
                }
                let closing = lexicon.brackets.iter().any(|(_, close)| rest.starts_with(close));
                rest.chars().next().filter(|_| !closing).map(|c| at + c.len_utf8())
            });
            self.units[at] = end.and_then(|end| u32::try_from(end).ok()).unwrap_or(0);
        }
    }

    /// [`Self::spaces`] while the units behind `at` are marked.
    fn spaces_marked(&self, at: usize) -> Option<usize> {
        let (first, next) = self.character(at).filter(|(c, _)| is_space(*c))?;
        debug_assert!(is_space(first));
        match self.character(next) {
            Some((c, _)) if is_space(c) && self.comment(next).is_none() => self.unit(next),
            _ => Some(next),
        }
    }
}

fn end(ends: &[u32], at: usize) -> Option<usize> {
    ends.get(at).filter(|end| **end > 0).and_then(|end| usize::try_from(*end).ok())
}

/// Space, tab and the ends of lines, in the templates' sense.
pub(crate) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Every offset at which `text` has `sign`, overlapping ones as well.
fn all(text: &str, sign: &str) -> Vec<usize> {
    let (bytes, sign) = (text.as_bytes(), sign.as_bytes());
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(sign)).collect()
}

fn first_from(offsets: &[usize], at: usize) -> Option<usize> {
    offsets.get(offsets.partition_point(|offset| *offset < at)).copied()
}
