//! Where in a text a piece of it is that a model has repeated, perhaps not quite exactly.

use crate::lines::{indent_of, split_line, starts, with_endings};
use std::ops::Range;

/// Windows that are compared line by line when a piece is not found.
const MAX_TIES: usize = 64;

/// How well the piece fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Character for character (line endings aside).
    Exact,
    /// But for blanks at the ends of lines.
    TrailingSpace,
    /// But for an indentation that all its lines lack or have too much of.
    Indentation,
    /// But for typographic quotes and dashes, and for how many blanks stand between words.
    Typography,
}

/// What must be done to the indentation of the piece's lines to fit the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shift {
    /// Put this in front.
    Add(String),
    /// Take this away.
    Remove(String),
}

/// A place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Bytes; whole lines, or a part of one line or of several when the piece is no whole line.
    pub range: Range<usize>,
    /// How well it fits.
    pub fit: Fit,
    /// For a replacement that is indented like the piece.
    pub shift: Shift,
    /// Whether the range is whole lines.
    pub whole_lines: bool,
}

/// Why a piece has no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// It is nowhere.
    #[error("the text to replace is not in the file{}", match nearest { Some(n) => format!("; the nearest is at line {}", n.line), None => String::new() })]
    NotFound {
        /// What resembles it most.
        nearest: Option<Nearest>,
    },
    /// It is in more than one place.
    #[error("the text to replace is in the file {} times, at lines {}", lines.len(), list(lines))]
    Ambiguous {
        /// First line of each place, from 1.
        lines: Vec<usize>,
    },
    /// It is empty.
    #[error("the text to replace is empty")]
    Empty,
}

/// The part of the text that resembles a missing piece most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// First line, from 1.
    pub line: usize,
    /// The lines.
    pub text: String,
}

impl LocateError {
    /// What to tell the model.
    #[must_use]
    pub fn feedback(&self) -> String {
        match self {
            Self::NotFound { nearest: Some(near) } => format!(
                "the SEARCH text is not in the file. The nearest lines in the file are:\n{}\nCopy them exactly.",
                near.text.trim_end_matches(['\n', '\r'])
            ),
            Self::NotFound { nearest: None } => {
                "the SEARCH text is not in the file. Copy lines of the file exactly.".into()
            }
            Self::Ambiguous { lines } => format!(
                "the SEARCH text is in the file {} times, at lines {}. Add the lines around it until it is unique.",
                lines.len(),
                list(lines)
            ),
            Self::Empty => "the SEARCH text is empty. Copy lines of the file exactly.".into(),
        }
    }
}

fn list(lines: &[usize]) -> String {
    let shown: Vec<String> = lines.iter().take(8).map(usize::to_string).collect();
    shown.join(", ") + if lines.len() > 8 { ", …" } else { "" }
}

/// The one place of `piece` in `text`.
pub fn find(text: &str, piece: &str) -> Result<Place, LocateError> {
    let mut places = find_all(text, piece)?;
    match places.len() {
        1 => Ok(places.remove(0)),
        _ => Err(LocateError::Ambiguous { lines: places.iter().map(|p| line_at(text, p.range.start)).collect() }),
    }
}

/// Every place of `piece` in `text` at the strictest fit that has any; never empty.
pub fn find_all(text: &str, piece: &str) -> Result<Vec<Place>, LocateError> {
    if piece.trim().is_empty() {
        return Err(LocateError::Empty);
    }
    let haystack = Lines::of(text);
    let full: Vec<&str> = with_endings(piece).into_iter().map(|l| split_line(l).0).collect();
    let filled = |l: &&str| !l.trim().is_empty();
    let first = full.iter().position(filled).unwrap_or(0);
    let last = full.iter().rposition(filled).map_or(full.len(), |i| i + 1);
    let inner = &full[first..last];
    let mut needles = vec![full.as_slice()];
    if inner.len() < full.len() {
        needles.push(inner);
    }
    for needle in &needles {
        for fit in [Fit::Exact, Fit::TrailingSpace] {
            let places = haystack.windows(needle, fit);
            if !places.is_empty() {
                return Ok(places);
            }
        }
    }
    let places = haystack.windows(inner, Fit::Indentation);
    if !places.is_empty() {
        return Ok(places);
    }
    let part = piece.trim_end_matches(['\n', '\r']);
    let places: Vec<Place> = text
        .match_indices(part)
        .map(|(at, _)| Place {
            range: at..at + part.len(),
            fit: Fit::Exact,
            shift: Shift::Add(String::new()),
            whole_lines: false,
        })
        .collect();
    if !places.is_empty() {
        return Ok(places);
    }
    let places = haystack.windows(inner, Fit::Typography);
    if !places.is_empty() {
        return Ok(places);
    }
    Err(LocateError::NotFound { nearest: haystack.nearest(inner) })
}

/// The line, from 1, that holds byte `at`.
#[must_use]
pub fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1
}

/// A text taken apart once for several searches.
struct Lines<'a> {
    contents: Vec<&'a str>,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let lines = with_endings(text);
        let starts = starts(&lines);
        Self { contents: lines.into_iter().map(|l| split_line(l).0).collect(), starts }
    }

    fn windows(&self, needle: &[&str], fit: Fit) -> Vec<Place> {
        if needle.is_empty() || needle.len() > self.contents.len() {
            return Vec::new();
        }
        (0..=self.contents.len() - needle.len())
            .filter_map(|at| {
                let shift = matched(&self.contents[at..at + needle.len()], needle, fit)?;
                let range = self.starts[at]..self.starts[at + needle.len()];
                Some(Place { range, fit, shift, whole_lines: true })
            })
            .collect()
    }

    /// The window that shares most lines with the needle, or else the line that is most like its first.
    fn nearest(&self, needle: &[&str]) -> Option<Nearest> {
        let wanted: Vec<&str> = needle.iter().map(|l| l.trim()).filter(|l| !l.is_empty()).collect();
        let size = needle.len().min(self.contents.len()).clamp(1, 12);
        let shared = |at: usize| {
            let window = &self.contents[at..(at + size).min(self.contents.len())];
            window.iter().filter(|l| wanted.contains(&l.trim())).count()
        };
        let most = (0..self.contents.len()).map(shared).max().unwrap_or(0);
        let at = if most > 0 {
            // Of the windows that share as much, the one that is most alike line by line.
            let alike = |at: usize| -> usize {
                self.contents[at..].iter().zip(needle).map(|(a, b)| likeness(a.trim(), b.trim())).sum()
            };
            let ties = (0..self.contents.len()).filter(|&at| shared(at) == most).take(MAX_TIES);
            ties.max_by_key(|&at| (alike(at), usize::MAX - at))?
        } else {
            let first = wanted.first()?;
            let score = |at: usize| likeness(self.contents[at].trim(), first);
            let all = (0..self.contents.len()).map(|at| (score(at), at));
            let (score, at) = all.max_by_key(|&(score, at)| (score, usize::MAX - at))?;
            if score < 50 {
                return None;
            }
            at
        };
        let end = (at + size).min(self.contents.len());
        Some(Nearest { line: at + 1, text: self.contents[at..end].join("\n") + "\n" })
    }
}

/// The shift that makes `needle` fit `window`.
fn matched(window: &[&str], needle: &[&str], fit: Fit) -> Option<Shift> {
    let nothing = Shift::Add(String::new());
    let all = |same: &dyn Fn(&str, &str) -> bool| window.iter().zip(needle).all(|(a, b)| same(a, b));
    match fit {
        Fit::Exact => all(&|a, b| a == b).then_some(nothing),
        Fit::TrailingSpace => all(&|a, b| a.trim_end() == b.trim_end()).then_some(nothing),
        Fit::Typography => all(&|a, b| plain(a.trim_end()) == plain(b.trim_end())).then_some(nothing),
        Fit::Indentation => {
            if !all(&|a, b| a.trim() == b.trim()) {
                return None;
            }
            let mut filled = window.iter().zip(needle).filter(|(a, _)| !a.trim().is_empty());
            let (a, b) = filled.next()?;
            let shift = shift_between(indent_of(b), indent_of(a))?;
            filled.all(|(a, b)| shift.apply(b).trim_end() == a.trim_end()).then_some(shift)
        }
    }
}

/// What turns the indentation `from` into `to`, if it is adding or removing at the front.
pub(crate) fn shift_between(from: &str, to: &str) -> Option<Shift> {
    if let Some(more) = to.strip_suffix(from) {
        return Some(Shift::Add(more.to_owned()));
    }
    from.strip_suffix(to).map(|less| Shift::Remove(less.to_owned()))
}

impl Shift {
    /// One line, without its ending, with the shift made; blank lines stay.
    #[must_use]
    pub fn apply(&self, line: &str) -> String {
        match self {
            Self::Add(more) if !line.trim().is_empty() => format!("{more}{line}"),
            Self::Remove(less) => line.strip_prefix(less.as_str()).unwrap_or(line).to_owned(),
            Self::Add(_) => line.to_owned(),
        }
    }

    /// Every line of `text`.
    #[must_use]
    pub fn apply_all(&self, text: &str) -> String {
        with_endings(text)
            .into_iter()
            .map(|line| {
                let (content, ending) = split_line(line);
                self.apply(content) + ending
            })
            .collect()
    }
}

fn plain(line: &str) -> String {
    let indent = indent_of(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = indent.to_owned() + &words.join(" ");
    line.chars()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => '\'',
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' => '"',
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
            c => c,
        })
        .collect()
}

/// Of a hundred pairs of neighbouring characters in both, how many are shared (Dice's coefficient).
fn likeness(a: &str, b: &str) -> usize {
    let pairs = |s: &str| -> Vec<(char, char)> { s.chars().zip(s.chars().skip(1)).take(400).collect() };
    let (a, mut b) = (pairs(a), pairs(b));
    let total = a.len() + b.len();
    if total == 0 {
        return 0;
    }
    let shared = a.iter().filter(|p| b.iter().position(|q| q == *p).map(|at| b.swap_remove(at)).is_some()).count();
    200 * shared / total
}
