//! The text of a replacement, laid out as the code around it.

use std::collections::BTreeMap;
use std::ops::Range;

/// A replacement with meta-variables: `bar($B, $$$ARGS)`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The name, whether it stands for several nodes, and the indentation of its line in the template.
    Variable(String, bool, String),
}

/// A text that remembers which of its line breaks are in a string: the lines behind those keep their indentation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    pub(crate) text: String,
    kept: Vec<usize>,
}

/// What a match offers to its template.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captures {
    /// Single nodes by the names of their variables.
    pub(crate) one: BTreeMap<String, Range<usize>>,
    /// Runs of nodes.
    pub(crate) many: BTreeMap<String, Range<usize>>,
    /// Results of transformations.
    pub(crate) made: BTreeMap<String, String>,
}

impl Captures {
    /// The parts of the text that variables stand for.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = &Range<usize>> {
        self.one.values().chain(self.many.values())
    }
}

impl Template {
    pub(crate) fn new(text: &str) -> Self {
        let mut template = Self::default();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let dollars = rest.bytes().take(3).take_while(|byte| *byte == b'$').count();
            let tail = &rest[dollars..];
            let length = tail.find(|c: char| !is_of_name(c)).unwrap_or(tail.len());
            if dollars > 0 && length > 0 && !tail.starts_with(|c: char| c.is_ascii_digit()) {
                template.push_text(&mut plain);
                let indent = indentation(text, at).to_owned();
                template.parts.push(Part::Variable(tail[..length].to_owned(), dollars == 3, indent));
                at += dollars + length;
                continue;
            }
            let length = rest.chars().next().map_or(1, char::len_utf8);
            plain.push_str(&rest[..length]);
            at += length;
        }
        template.push_text(&mut plain);
        template
    }

    fn push_text(&mut self, plain: &mut String) {
        if !plain.is_empty() {
            self.parts.push(Part::Text(std::mem::take(plain)));
        }
    }

    /// The names of its variables.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name, ..) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The replacement for a match at `start` of `text`. `taken` gives the layout of a part of the text.
    pub(crate) fn fill(
        &self,
        text: &str,
        start: usize,
        captures: &Captures,
        taken: &dyn Fn(&Range<usize>) -> Layout,
    ) -> Layout {
        let mut out = Layout::default();
        for part in &self.parts {
            match part {
                Part::Text(plain) => out.text.push_str(plain),
                Part::Variable(name, several, indent) => {
                    if let (false, Some(made)) = (several, captures.made.get(name)) {
                        out.push(Layout { text: made.clone(), kept: Vec::new() }.indented("", indent));
                        continue;
                    }
                    let ranges = if *several { &captures.many } else { &captures.one };
                    if let Some(range) = ranges.get(name) {
                        out.push(taken(range).indented(indentation(text, range.start), indent));
                    }
                }
            }
        }
        out.indented("", indentation(text, start))
    }
}

/// Whether `c` may be in the name of a meta-variable.
pub(crate) const fn is_of_name(c: char) -> bool {
    matches!(c, 'A'..='Z' | '_' | '0'..='9')
}

/// The spaces and tabs that the line of `at` begins with.
pub(crate) fn indentation(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

impl Layout {
    /// A text whose line breaks in `strings` are kept.
    pub(crate) fn new(text: &str, strings: &[Range<usize>], offset: usize) -> Self {
        let inside = |at: usize| strings.iter().any(|string| string.start < offset + at && offset + at < string.end);
        let kept = text.match_indices('\n').map(|(at, _)| at).filter(|at| inside(*at)).collect();
        Self { text: text.to_owned(), kept }
    }

    /// Puts another text behind this one.
    pub(crate) fn push(&mut self, other: Self) {
        let offset = self.text.len();
        self.text.push_str(&other.text);
        self.kept.extend(other.kept.into_iter().map(|at| at + offset));
    }

    /// The same with its lines behind the first at `to` instead of `from`. Empty lines and lines of strings stay.
    pub(crate) fn indented(self, from: &str, to: &str) -> Self {
        if from == to || !self.text.contains('\n') {
            return self;
        }
        let mut out = Self::default();
        let mut rest = self.text.as_str();
        let mut at = 0;
        while let Some(end) = rest.find('\n') {
            out.text.push_str(&rest[..=end]);
            rest = &rest[end + 1..];
            let kept = self.kept.contains(&(at + end));
            at += end + 1;
            if kept {
                out.kept.push(out.text.len() - 1);
            } else if !rest.trim_start_matches(['\r', ' ', '\t']).starts_with('\n') && !rest.is_empty() {
                let (taken, put) = shift(rest, from, to);
                out.text.push_str(put);
                rest = &rest[taken..];
                at += taken;
            }
        }
        out.text.push_str(rest);
        out
    }
}

/// How many bytes a line loses in front, and the text that it gets there.
fn shift<'i>(line: &str, from: &'i str, to: &'i str) -> (usize, &'i str) {
    if line.starts_with(from) {
        return (from.len(), to);
    }
    if let Some(more) = to.strip_prefix(from) {
        return (0, more);
    }
    match from.strip_prefix(to) {
        Some(less) if line.starts_with(less) => (less.len(), ""),
        _ => (0, ""),
    }
}
