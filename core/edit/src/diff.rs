//! The difference of two texts, by lines and then by tokens.

use crate::lines::{starts, with_endings};
use deepcoder_types::{TextEdit, TextRange};
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::ops::Range;

/// A run of lines that both sides share, or that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Lines of the old text.
    pub old: Range<usize>,
    /// Lines of the new text.
    pub new: Range<usize>,
    /// Whether they are the same.
    pub equal: bool,
}

/// Above this many lines, those that occur on one side only are set aside first, so that two large texts with nothing
/// in common cost no quadratic time.
const LARGE: usize = 8_000;
/// Above this many lines that occur on both sides and still differ in order, the region is replaced as a whole.
const HUGE: usize = 60_000;
/// Above this many tokens a block is replaced as a whole.
const MAX_TOKENS: usize = 4_000;
/// Edits closer than this many bytes become one edit.
const GLUE: usize = 3;

/// The edits that turn `old` into `new`: whole lines first, and within lines that resemble each other single tokens.
/// The same input always gives the same edits, and none for equal texts. Texts are at most 4 GiB.
#[must_use]
pub fn edits_between(old: &str, new: &str) -> Vec<TextEdit> {
    let (old_lines, new_lines) = (with_endings(old), with_endings(new));
    let (old_starts, new_starts) = (starts(&old_lines), starts(&new_lines));
    let mut edits = Vec::new();
    for span in line_spans(&old_lines, &new_lines).into_iter().filter(|s| !s.equal) {
        let from = old_starts[span.old.start];
        let before = &old[from..old_starts[span.old.end]];
        let after = &new[new_starts[span.new.start]..new_starts[span.new.end]];
        if !refine(before, after, from, &mut edits) {
            edits.push(edit(from, from + before.len(), after));
        }
    }
    edits
}

/// How the lines of two texts correspond, in order and without gaps. Equal and differing spans alternate.
#[must_use]
pub fn line_spans<T: Eq + Hash>(old: &[T], new: &[T]) -> Vec<Span> {
    let mut ids: HashMap<&T, u32> = HashMap::new();
    let mut numbers = Vec::with_capacity(old.len() + new.len());
    for line in old.iter().chain(new) {
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        numbers.push(*ids.entry(line).or_insert(next));
    }
    let (a, b) = numbers.split_at(old.len());
    spans(&matches(a, b), a.len(), b.len())
}

/// Pairs of lines that correspond, ascending on both sides.
fn matches(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    let (mid_a, mid_b) = (&a[head..a.len() - tail], &b[head..b.len() - tail]);
    let mut out: Vec<_> = (0..head).map(|i| (i, i)).collect();
    let (kept_a, kept_b) = if mid_a.len() + mid_b.len() > LARGE {
        (shared(mid_a, mid_b), shared(mid_b, mid_a))
    } else {
        ((0..mid_a.len()).collect(), (0..mid_b.len()).collect())
    };
    if kept_a.len() + kept_b.len() <= HUGE {
        let left: Vec<u32> = kept_a.iter().map(|&i| mid_a[i]).collect();
        let right: Vec<u32> = kept_b.iter().map(|&i| mid_b[i]).collect();
        for op in capture_diff_slices(Algorithm::Patience, &left, &right) {
            if let DiffOp::Equal { old_index, new_index, len } = op {
                out.extend((0..len).map(|k| (head + kept_a[old_index + k], head + kept_b[new_index + k])));
            }
        }
    }
    out.extend((0..tail).map(|k| (a.len() - tail + k, b.len() - tail + k)));
    out
}

/// Positions in `a` of what occurs in `b` as well.
fn shared(a: &[u32], b: &[u32]) -> Vec<usize> {
    let there: HashSet<u32> = b.iter().copied().collect();
    (0..a.len()).filter(|&i| there.contains(&a[i])).collect()
}

fn spans(pairs: &[(usize, usize)], old_len: usize, new_len: usize) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    let (mut i, mut j) = (0, 0);
    let differ = |out: &mut Vec<Span>, i: usize, to_i: usize, j: usize, to_j: usize| {
        if i < to_i || j < to_j {
            out.push(Span { old: i..to_i, new: j..to_j, equal: false });
        }
    };
    for &(a, b) in pairs {
        differ(&mut out, i, a, j, b);
        match out.last_mut() {
            Some(last) if last.equal && last.old.end == a && last.new.end == b => {
                last.old.end = a + 1;
                last.new.end = b + 1;
            }
            _ => out.push(Span { old: a..a + 1, new: b..b + 1, equal: true }),
        }
        (i, j) = (a + 1, b + 1);
    }
    differ(&mut out, i, old_len, j, new_len);
    out
}

/// Edits of single tokens between two blocks of lines at byte `base`; false where the blocks have too little in common
/// for that to be readable.
fn refine(old: &str, new: &str, base: usize, edits: &mut Vec<TextEdit>) -> bool {
    if old.is_empty() || new.is_empty() {
        return false;
    }
    let (a, b) = (tokens(old), tokens(new));
    if a.len() + b.len() > MAX_TOKENS {
        return false;
    }
    let (a_starts, b_starts) = (starts(&a), starts(&b));
    let mut kept = 0;
    let mut changed: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &a, &b) {
        let (o, n) = (op.old_range(), op.new_range());
        let (o, n) = (a_starts[o.start]..a_starts[o.end], b_starts[n.start]..b_starts[n.end]);
        if let DiffOp::Equal { .. } = op {
            kept += old[o].trim().len();
            continue;
        }
        match changed.last_mut() {
            Some(last) if o.start < last.0.end + GLUE => {
                last.0.end = o.end;
                last.1.end = n.end;
            }
            _ => changed.push((o, n)),
        }
    }
    if kept * 2 < old.trim().len().max(new.trim().len()) {
        return false;
    }
    edits.extend(changed.into_iter().map(|(o, n)| edit(base + o.start, base + o.end, &new[n])));
    true
}

/// Words, runs of blanks, line endings (`\r\n` stays whole), and single other characters.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        ' ' | '\t' => 1,
        _ => 2,
    };
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = match kind(first) {
            2 if rest.starts_with("\r\n") => 2,
            2 => first.len_utf8(),
            k => rest.find(|c| kind(c) != k).unwrap_or(rest.len()),
        };
        let (token, tail) = rest.split_at(len);
        out.push(token);
        rest = tail;
    }
    out
}

fn edit(start: usize, end: usize, replacement: &str) -> TextEdit {
    let offset = |o: usize| u32::try_from(o).unwrap_or(u32::MAX);
    TextEdit { range: TextRange::new(offset(start), offset(end)), replacement: replacement.to_owned() }
}
