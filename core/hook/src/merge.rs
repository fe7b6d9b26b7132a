//! Lines: which ones a change added, and a three-way merge that never guesses.

use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::ops::Range;

/// The lines of `text` with their ends.
pub(crate) fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|b| *b == b'\n').collect()
}

/// For each line of `new`, whether it is not from `old`. Without an old text all are.
pub(crate) fn added(old: Option<&[u8]>, new: &[u8]) -> Vec<bool> {
    let new = lines(new);
    let Some(old) = old else { return vec![true; new.len()] };
    let mut added = vec![false; new.len()];
    for (_, to) in changes(&lines(old), &new) {
        added[to].fill(true);
    }
    added
}

/// `ours` with the changes that lead from `base` to `theirs`; `None` where ours has changed the same lines, or lines
/// right beside them.
pub(crate) fn merge(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let (base, ours, theirs) = (lines(base), lines(ours), lines(theirs));
    let mine = changes(&base, &ours);
    let mut merged = Vec::new();
    // Up to where `ours` is copied.
    let mut copied = 0;
    let mut mine = mine.iter().peekable();
    // How far a line of `base` that both kept is moved in `ours`.
    let mut shift = 0isize;
    for (from, to) in changes(&base, &theirs) {
        while let Some((at, into)) = mine.next_if(|(at, _)| at.end < from.start) {
            shift += signed(into.len()) - signed(at.len());
        }
        if mine.peek().is_some_and(|(at, _)| at.start <= from.end) {
            return None;
        }
        let start = usize::try_from(signed(from.start) + shift).ok()?;
        merged.extend(ours.get(copied..start)?.iter().flat_map(|line| *line));
        merged.extend(theirs[to].iter().flat_map(|line| *line));
        copied = start + from.len();
    }
    merged.extend(ours.get(copied..)?.iter().flat_map(|line| *line));
    Some(merged)
}

fn signed(n: usize) -> isize {
    isize::try_from(n).unwrap_or(isize::MAX)
}

/// Where two texts differ: what is between the lines that they share, in order.
pub(crate) fn changes(old: &[&[u8]], new: &[&[u8]]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = (0, 0);
    let ops = capture_diff_slices(Algorithm::Myers, old, new);
    let shared = ops.iter().filter(|op| matches!(op, DiffOp::Equal { .. })).map(|op| (op.old_range(), op.new_range()));
    for (from, to) in shared.chain([(old.len()..old.len(), new.len()..new.len())]) {
        if at != (from.start, to.start) {
            found.push((at.0..from.start, at.1..to.start));
        }
        at = (from.end, to.end);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Protects work that is not staged: changes elsewhere are kept, and those at the same place are left to the user.
    #[test]
    fn a_merge_is_clean_or_none() {
        let base = b"a \nb\nc\nd\n";
        let theirs = b"a\nb\nc\nd\n";
        assert_eq!(merge(base, b"a \nb\nc\nd\ne\n", theirs).as_deref(), Some(&b"a\nb\nc\nd\ne\n"[..]));
        assert_eq!(merge(base, b"a \nb\nX\nY\nd", theirs).as_deref(), Some(&b"a\nb\nX\nY\nd"[..]));
        assert_eq!(merge(base, b"A \nb\nc\nd\n", theirs), None);
        assert_eq!(merge(base, b"a \nB\nc\nd\n", theirs), None);
        assert_eq!(merge(base, b"", theirs), None);
        assert_eq!(merge(base, base, theirs).as_deref(), Some(&theirs[..]));
    }

    /// Lines from few letters, so that texts share some.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec("[ab]{1,2}[ ]?", 0..9).prop_map(|lines| lines.join("\n").into_bytes())
    }

    proptest! {
        /// Protects every line of the user: a clean merge holds all that ours added, in order, and all that theirs
        /// added, and with one side unchanged it is the other side.
        #[test]
        fn a_clean_merge_loses_no_line(base in text(), ours in text(), theirs in text()) {
            prop_assert_eq!(merge(&base, &base, &theirs), Some(theirs.clone()));
            prop_assert_eq!(merge(&base, &ours, &base), Some(ours.clone()));
            if let Some(merged) = merge(&base, &ours, &theirs) {
                let merged = lines(&merged);
                for side in [&ours, &theirs] {
                    let all = lines(side);
                    let added: Vec<_> = added(Some(&base), side).into_iter().zip(&all).filter(|(a, _)| *a).map(|(_, l)| l).collect();
                    let mut rest = merged.iter();
                    for line in added {
                        prop_assert!(rest.any(|l| l == line), "{:?} is lost", String::from_utf8_lossy(line));
                    }
                }
            }
        }
    }
}
