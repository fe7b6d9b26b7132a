//! The units of a file: the definitions that an edit may write anew while all else stays as it is.
//!
//! **Invariant:** the scope of an edit is chosen before the model writes. What is outside of it is never part of an answer.

mod named;

pub(crate) use named::{is_named, named};

use deepcoder_syntax::{Language, RawSymbol, symbols};
use deepcoder_types::{RepoPath, TextRange};
use std::ops::Range;

/// Shorter files are written anew as a whole: a small model does that as well as it writes a part.
const SMALL_LINES: usize = 40;
/// Files with fewer functions as well.
const FEW: usize = 3;

/// A definition of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Its whole lines, with the comments and decorators that belong to it.
    pub range: Range<usize>,
    /// Its name.
    pub name: String,
    /// With the names of what it is in: `Class.method`.
    pub qualified: String,
    /// Its kind, in a word of [`RawSymbol::kind`].
    pub kind: &'static str,
    /// Its signature.
    pub signature: Range<usize>,
}

impl Unit {
    /// Whether it is a function or a method.
    pub(crate) fn is_function(&self) -> bool {
        matches!(self.kind, "function" | "method")
    }

    /// Whether it is a type that other definitions are in.
    pub(crate) fn is_type(&self) -> bool {
        matches!(self.kind, "class" | "struct" | "union" | "trait" | "impl" | "interface" | "enum")
    }

    /// Whether the other one is in it.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        self.range != other.range && self.range.start <= other.range.start && other.range.end <= self.range.end
    }
}

/// The definitions of a program that have lines of their own, in their order. What is local to a function belongs to it.
pub(crate) fn units(path: &RepoPath, text: &str) -> Vec<Unit> {
    let Some(language) = Language::program(path) else { return Vec::new() };
    let mut out: Vec<Unit> = Vec::new();
    for symbol in symbols(language, text) {
        let Some(unit) = unit(text, &symbol) else { continue };
        let local = out.iter().any(|outer| outer.is_function() && outer.range.end > unit.range.start);
        let beside = out.last().is_some_and(|before| before.range.end > unit.range.start && !before.holds(&unit));
        if !local && !beside {
            out.push(unit);
        }
    }
    out
}

fn unit(text: &str, symbol: &RawSymbol) -> Option<Unit> {
    if matches!(symbol.kind, "field" | "variable" | "macro" | "module") {
        return None;
    }
    let range = whole_lines(text, symbol.range)?;
    Some(Unit {
        range,
        name: symbol.name.clone(),
        qualified: symbol.qualified.clone(),
        kind: symbol.kind,
        signature: symbol.signature_start as usize..symbol.signature_end as usize,
    })
}

/// The lines that a range touches; `None` where it is not a range of the text.
pub(crate) fn whole_lines(text: &str, range: TextRange) -> Option<Range<usize>> {
    let range = range.as_range();
    if range.start > range.end || !text.is_char_boundary(range.start) || !text.is_char_boundary(range.end) {
        return None;
    }
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let touched = if range.end > range.start && text[..range.end].ends_with('\n') { range.end - 1 } else { range.end };
    let end = text[touched..].find('\n').map_or(text.len(), |at| touched + at + 1);
    (start < end).then_some(start..end)
}

/// Whether a file has so little that a part of it is no smaller a task.
pub(crate) fn is_small(text: &str, units: &[Unit]) -> bool {
    text.lines().count() <= SMALL_LINES || units.iter().filter(|unit| unit.is_function()).count() < FEW
}

/// The signature of a unit on one line.
pub(crate) fn signature<'t>(text: &'t str, unit: &Unit) -> String {
    let words: Vec<&'t str> = text.get(unit.signature.clone()).unwrap_or_default().split_whitespace().collect();
    words.join(" ").trim_end_matches([':', '{']).trim_end().to_owned()
}
