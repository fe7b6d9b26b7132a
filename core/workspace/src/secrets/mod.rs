//! Finds secrets, which must not reach a model or a remote: files by their names, and text by its look.
//!
//! [`find_secrets`] is the one judge, of prompts and of hooks. It reads a text once for some 200 marks (an automaton), and
//! looks closer only where one stands: `tokens` knows tokens by their first letters, `shapes` knows private keys,
//! addresses and the like, and `assigned` judges values that are given to names such as `password`, by `value`.
//! docs/lab/secrets.md says how much it finds and how often it is wrong.

mod assigned;
#[cfg(test)]
mod corpus;
mod names;
mod shapes;
#[cfg(test)]
mod tests;
mod tokens;
mod value;

pub use names::is_secret_path;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::OnceLock;

/// Text that looks like a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretFound {
    /// Its kind, for a message.
    pub what: &'static str,
    /// The byte where it begins.
    pub offset: usize,
    /// Its line, from 1.
    pub line: usize,
    /// The line where it ends, from 1.
    pub last_line: usize,
}

/// Marks of gitleaks and detect-secrets: a person has looked at the line and allows it.
const ALLOWED: [&str; 2] = ["gitleaks:allow", "pragma: allowlist secret"];

/// How far a line is looked at for them.
const NEAR: usize = 2000;

/// Whether `text` holds something that looks like a secret.
#[must_use]
pub fn contains_secret(text: &str) -> bool {
    find_secret(text).is_some()
}

/// The first thing in `text` that looks like a secret: a private key, the token of a well-known service, a password in an
/// address, or a random string given to a name such as `password`. Linear in the length of the text.
#[must_use]
pub fn find_secret(text: &str) -> Option<SecretFound> {
    find_secrets(text).next()
}

/// Everything in `text` that looks like a secret, at most one for each line that one begins on.
pub fn find_secrets(text: &str) -> impl Iterator<Item = SecretFound> {
    let bytes = text.as_bytes();
    let mut lines = Lines { text: bytes, read: 0, line: 1 };
    let mut done = 0;
    let found = automaton().into_iter().flat_map(move |automaton| automaton.find_overlapping_iter(bytes));
    found.filter_map(move |hit| {
        if hit.end() <= done {
            return None;
        }
        let (what, start, end) = look(bytes, hit.pattern().as_usize(), hit.start(), hit.end())?;
        let near = &bytes[start.saturating_sub(NEAR)..start];
        let first = start - near.iter().rev().take_while(|b| **b != b'\n').count();
        let near = &bytes[start..bytes.len().min(start + NEAR)];
        let last = start + near.iter().take_while(|b| **b != b'\n').count();
        let here = &bytes[first..last];
        let marked = |mark: &&str| here.windows(mark.len()).any(|w| w == mark.as_bytes());
        if start < done || ALLOWED.iter().any(&marked) {
            return None;
        }
        // The next one begins on another line.
        let end = end.max(start);
        done = bytes[end..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| end + n);
        let line = lines.number(start);
        let last_line = line + bytes[start..end].iter().filter(|b| **b == b'\n').count();
        Some(SecretFound { what, offset: start, line, last_line })
    })
}

/// Counts lines once.
struct Lines<'a> {
    text: &'a [u8],
    read: usize,
    line: usize,
}

impl Lines<'_> {
    fn number(&mut self, at: usize) -> usize {
        if at >= self.read {
            self.line += self.text[self.read..at].iter().filter(|b| **b == b'\n').count();
        } else {
            self.line -= self.text[at..self.read].iter().filter(|b| **b == b'\n').count();
        }
        self.read = at;
        self.line
    }
}

/// The secret that the mark number `pattern` at `start..end` is a part of.
fn look(text: &[u8], pattern: usize, start: usize, end: usize) -> Option<shapes::Span> {
    let (tokens, shapes) = (tokens::TOKENS.len(), shapes::MARKS.len());
    if let Some(token) = tokens::TOKENS.get(pattern) {
        return token.end(text, start).map(|end| (token.what, start, end));
    }
    if let Some((_, shape)) = shapes::MARKS.get(pattern - tokens) {
        return shape.find(text, start, end);
    }
    let (_, class, boundary) = assigned::NAMES.get(pattern - tokens - shapes)?;
    let (start, end) = assigned::assigned(text, start, end, *class, *boundary)?;
    let what = match class {
        assigned::Class::Password => "a password",
        _ => "a random string given to a secret's name",
    };
    Some((what, start, end))
}

fn automaton() -> Option<&'static AhoCorasick> {
    static AUTOMATON: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    AUTOMATON
        .get_or_init(|| {
            let tokens = tokens::TOKENS.iter().map(|token| token.prefix);
            let shapes = shapes::MARKS.iter().map(|(mark, _)| *mark);
            let names = assigned::NAMES.iter().map(|(name, ..)| *name);
            AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .ascii_case_insensitive(true)
                .kind(Some(AhoCorasickKind::DFA))
                .build(tokens.chain(shapes).chain(names))
                .ok()
        })
        .as_ref()
}
