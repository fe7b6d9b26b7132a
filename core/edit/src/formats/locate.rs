//! Where in a text a piece of it is that a model has repeated, perhaps not quite exactly.

pub use super::nearest::{Difference, Nearest};
pub use super::shift::Shift;

use super::nearest::nearest;
use super::shift::shift_of;
use crate::lines::{indent_of, split_line, starts, with_endings};
use std::ops::Range;

/// How well the piece fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Character for character (line endings aside).
    Exact,
    /// But for blanks at the ends of lines.
    TrailingSpace,
    /// But for an indentation that all its lines lack or have too much of, or that is written otherwise (tabs).
    Indentation,
    /// But for typographic quotes and dashes, and for how many blanks stand between words.
    Typography,
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
    /// Empty lines at the beginning and the end of the piece that the text does not have; a replacement has them no more
    /// than the text.
    pub extra: (usize, usize),
}

/// Why a piece has no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// It is nowhere.
    #[error("the text to replace is not in the file{}", match nearest { Some(n) => n.told(), None => String::new() })]
    NotFound {
        /// The text that resembles it most.
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

impl LocateError {
    /// A message for the model.
    #[must_use]
    pub fn feedback(&self) -> String {
        match self {
            Self::NotFound { nearest: Some(near) } => {
                let text = near.text.trim_end_matches(['\n', '\r']);
                let differs = near.differs.as_ref().map(|d| format!("\nBut {d}.")).unwrap_or_default();
                format!(
                    "the text to replace is not in the file. The nearest lines, from line {}, are:\n{text}{differs}\nCopy them exactly.",
                    near.line
                )
            }
            Self::NotFound { nearest: None } => {
                "the text to replace is not in the file. Copy lines of the file exactly.".into()
            }
            Self::Ambiguous { lines } => format!(
                "the text to replace is in the file {} times, at lines {}. Add the lines around it until it is unique.",
                lines.len(),
                list(lines)
            ),
            Self::Empty => "the text to replace is empty. Copy lines of the file exactly.".into(),
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
    let inner_extra = (first, full.len() - last);
    for (index, needle) in needles.iter().enumerate() {
        for fit in [Fit::Exact, Fit::TrailingSpace] {
            let places = haystack.windows(needle, fit, if index == 0 { (0, 0) } else { inner_extra });
            if !places.is_empty() {
                return Ok(places);
            }
        }
    }
    let places = haystack.windows(inner, Fit::Indentation, inner_extra);
    if !places.is_empty() {
        return Ok(places);
    }
    let part = piece.trim_end_matches(['\n', '\r']);
    let places: Vec<Place> = text
        .match_indices(part)
        .map(|(at, _)| Place {
            range: at..at + part.len(),
            fit: Fit::Exact,
            shift: Shift::none(),
            whole_lines: false,
            extra: (0, 0),
        })
        .collect();
    if !places.is_empty() {
        return Ok(places);
    }
    let places = haystack.windows(inner, Fit::Typography, inner_extra);
    if !places.is_empty() {
        return Ok(places);
    }
    Err(LocateError::NotFound { nearest: nearest(&haystack.contents, inner) })
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

    fn windows(&self, needle: &[&str], fit: Fit, extra: (usize, usize)) -> Vec<Place> {
        if needle.is_empty() || needle.len() > self.contents.len() {
            return Vec::new();
        }
        (0..=self.contents.len() - needle.len())
            .filter_map(|at| {
                let shift = matched(&self.contents[at..at + needle.len()], needle, fit)?;
                let range = self.starts[at]..self.starts[at + needle.len()];
                Some(Place { range, fit, shift, whole_lines: true, extra })
            })
            .collect()
    }
}

/// The shift that makes `needle` fit `window`.
fn matched(window: &[&str], needle: &[&str], fit: Fit) -> Option<Shift> {
    let nothing = Shift::none();
    let all = |same: &dyn Fn(&str, &str) -> bool| window.iter().zip(needle).all(|(a, b)| same(a, b));
    match fit {
        Fit::Exact => all(&|a, b| a == b).then_some(nothing),
        Fit::TrailingSpace => all(&|a, b| a.trim_end() == b.trim_end()).then_some(nothing),
        Fit::Typography => all(&|a, b| plain(a.trim_end()) == plain(b.trim_end())).then_some(nothing),
        Fit::Indentation => shift_of(window, needle),
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
