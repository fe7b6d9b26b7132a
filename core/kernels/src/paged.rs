//! Rows of several sequences whose keys and values lie in pages.
//!
//! A page has 64 tokens of all layers; it is contiguous memory, so that it is copied, hashed and written to the disk as one
//! piece. A table says for each sequence which pages have its tokens, and several sequences may have the same page.

use crate::share::{Everywhere, share};
use std::ops::Range;

/// Tokens of a page.
pub const PAGE_TOKENS: usize = 64;

/// The place of each row.
#[derive(Debug, Clone, Copy)]
pub struct Ragged<'a> {
    /// Each row's place in its sequence.
    pub positions: &'a [i64],
    /// Each row's sequence, by its number in the tables. The rows of a sequence are adjacent, and their positions ascend.
    pub sequences: &'a [i64],
    /// For each sequence as many numbers of pages: those of its tokens 0 to 63, 64 to 127, and so on.
    pub tables: &'a [i64],
    /// Number of sequences in the tables.
    pub count: usize,
}

/// Rows, tables and pages that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PagedError {
    /// A size that is zero or odd, or heads that do not share their keys evenly.
    #[error("an attention of these sizes is not possible: {0}")]
    Sizes(&'static str),
    /// A matrix of another shape.
    #[error("the matrices of the {0} do not fit to the heads")]
    Weights(&'static str),
    /// Numbers that are too few or too many.
    #[error("the {0} have another length than the others ask for")]
    Length(&'static str),
    /// A row of a sequence that has no table.
    #[error("row {row} is of sequence {sequence}, which is none of {count}")]
    Sequence {
        /// The row.
        row: usize,
        /// What it names.
        sequence: i64,
        /// How many there are.
        count: usize,
    },
    /// Rows of a sequence that do not follow each other.
    #[error("row {0} does not follow the row before it")]
    Order(usize),
    /// A position without angles, or beyond its table.
    #[error("row {row} is at position {position}, and there is room for {room}")]
    Position {
        /// The row.
        row: usize,
        /// Where it is.
        position: i64,
        /// How many positions there are.
        room: usize,
    },
    /// An entry of a table that is not a page.
    #[error("the pages of sequence {sequence} name page {page}, which is none of {pages}")]
    Page {
        /// The sequence.
        sequence: usize,
        /// What its table names.
        page: i64,
        /// How many pages there are.
        pages: usize,
    },
    /// Two sequences have new tokens in one page.
    #[error("two sequences write to page {0}")]
    Shared(usize),
}

/// Rows of one sequence, which follow each other.
pub(crate) struct Span {
    /// In the input.
    pub(crate) rows: Range<usize>,
    /// The pages of all tokens that they see.
    pub(crate) pages: Vec<usize>,
}

/// Rows whose places were checked.
pub(crate) struct Places {
    pub(crate) positions: Vec<usize>,
    pub(crate) spans: Vec<Span>,
}

impl Places {
    /// Checks rows against `pages` pages and `angles` positions.
    pub(crate) fn new(rows: &Ragged<'_>, pages: usize, angles: usize) -> Result<Self, PagedError> {
        let Ragged { positions, sequences, tables, count } = *rows;
        if positions.len() != sequences.len() {
            return Err(PagedError::Length("sequences"));
        }
        let columns = tables.len().checked_div(count).unwrap_or(0);
        if columns.checked_mul(count) != Some(tables.len()) {
            return Err(PagedError::Length("tables"));
        }
        let room = angles.min(columns.saturating_mul(PAGE_TOKENS));
        let mut places = Self { positions: Vec::with_capacity(positions.len()), spans: Vec::new() };
        let (mut seen, mut written) = (vec![false; count], Vec::new());
        let mut first = 0;
        while first < positions.len() {
            let number = sequences[first];
            let sequence = usize::try_from(number).ok().filter(|s| *s < count);
            let sequence = sequence.ok_or(PagedError::Sequence { row: first, sequence: number, count })?;
            let length = sequences[first..].iter().take_while(|s| **s == number).count();
            if std::mem::replace(&mut seen[sequence], true) {
                return Err(PagedError::Order(first));
            }
            for (row, number) in positions.iter().enumerate().skip(first).take(length) {
                let position = usize::try_from(*number).ok().filter(|p| *p < room);
                let position = position.ok_or(PagedError::Position { row, position: *number, room })?;
                if row > first && places.positions.last().is_some_and(|before| *before >= position) {
                    return Err(PagedError::Order(row));
                }
                places.positions.push(position);
            }
            let (begin, end) = (places.positions[first], places.positions[first + length - 1]);
            let table = &tables[sequence * columns..][..=end / PAGE_TOKENS];
            let page = |entry: &i64| {
                let page = usize::try_from(*entry).ok().filter(|p| *p < pages);
                page.ok_or(PagedError::Page { sequence, page: *entry, pages })
            };
            let table = table.iter().map(page).collect::<Result<Vec<_>, _>>()?;
            // Pages between rows that leave some out are not written.
            written.extend(table[begin / PAGE_TOKENS..].iter().copied());
            places.spans.push(Span { rows: first..first + length, pages: table });
            first += length;
        }
        written.sort_unstable();
        match written.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(PagedError::Shared(pair[0])),
            None => Ok(places),
        }
    }

    /// Calls `each` for the rows of each page that get new tokens, with the page: no two calls have the same page, so that
    /// they may write to it at the same time. `parts` calls for each, with their number.
    pub(crate) fn each_written(
        &self,
        parts: usize,
        at_once: usize,
        everywhere: &Everywhere<'_>,
        each: impl Fn(Range<usize>, usize, usize) + Sync,
    ) {
        let mut all = Vec::new();
        for span in &self.spans {
            let mut first = span.rows.start;
            while first < span.rows.end {
                let index = self.positions[first] / PAGE_TOKENS;
                let inside = |row: &usize| self.positions[*row] / PAGE_TOKENS == index;
                let end = first + (first..span.rows.end).take_while(inside).count();
                all.push((first..end, span.pages[index]));
                first = end;
            }
        }
        let work = |range: Range<usize>, (): &mut ()| {
            for task in range {
                let (rows, page) = &all[task / parts];
                each(rows.clone(), *page, task % parts);
            }
        };
        share(all.len() * parts, at_once, everywhere, || (), work);
    }
}

/// One page with the rows that see it: read once for all of them.
pub(crate) struct Visit {
    pub(crate) page: usize,
    /// Which page of the sequence it is.
    pub(crate) index: usize,
    /// Rows that follow each other, and how many of the page's tokens they see: all, or a single row some.
    pub(crate) calls: Vec<(Range<usize>, usize)>,
    pub(crate) rows: usize,
}

/// Rows that are computed together at the most, so that their scores stay small.
const CALL_ROWS: usize = 16;

/// The visits of all pages that `spans` see, in the order of the pages; their rows have the numbers that follow from
/// putting the spans one after the other.
pub(crate) fn visits<'a>(positions: &[usize], spans: impl Iterator<Item = &'a Span>) -> Vec<Visit> {
    let mut seen = Vec::new();
    let mut number = 0;
    for span in spans {
        let shift = number;
        let at = &positions[span.rows.clone()];
        for (index, page) in span.pages.iter().enumerate() {
            let first = at.partition_point(|p| *p < index * PAGE_TOKENS);
            seen.push((index, *page, shift + first, at, shift));
        }
        number += at.len();
    }
    seen.sort_unstable_by_key(|(index, page, first, ..)| (*index, *page, *first));
    let mut visits: Vec<Visit> = Vec::new();
    for (index, page, first, at, shift) in seen {
        if visits.last().is_none_or(|v| (v.index, v.page) != (index, page)) {
            visits.push(Visit { page, index, calls: Vec::new(), rows: 0 });
        }
        let Some(visit) = visits.last_mut() else { continue };
        for row in first..shift + at.len() {
            let visible = (at[row - shift] + 1 - index * PAGE_TOKENS).min(PAGE_TOKENS);
            visit.rows += 1;
            match visit.calls.last_mut() {
                Some((rows, PAGE_TOKENS)) if visible == PAGE_TOKENS && rows.end == row && rows.len() < CALL_ROWS => {
                    rows.end += 1;
                }
                _ => visit.calls.push((row..row + 1, visible)),
            }
        }
    }
    visits
}

/// The visits in parts of at most `most` rows in all where possible; those of one place in their sequences stay together.
pub(crate) fn windows(visits: &[Visit], most: usize) -> impl Iterator<Item = &[Visit]> {
    let mut rest = visits;
    std::iter::from_fn(move || {
        let (mut rows, mut end) = (0, 0);
        while let Some(next) = rest.get(end) {
            let same = rest[end..].iter().take_while(|v| v.index == next.index);
            let (count, more) = same.fold((0, 0), |(count, rows), v| (count + 1, rows + v.rows));
            if end > 0 && rows + more > most {
                break;
            }
            (rows, end) = (rows + more, end + count);
        }
        let (window, after) = rest.split_at(end);
        rest = after;
        (end > 0).then_some(window)
    })
}

/// For each of `count` rows where the results of a window's visits are, in the order of the pages: the number of the visit's
/// first result, the visit, and the row's place in it.
pub(crate) fn results(window: &[Visit], count: usize) -> Vec<Vec<(usize, usize, usize)>> {
    let mut all = vec![Vec::new(); count];
    let mut base = 0;
    for (number, visit) in window.iter().enumerate() {
        for (place, row) in visit.calls.iter().flat_map(|(rows, _)| rows.clone()).enumerate() {
            all[row].push((base, number, place));
        }
        base += visit.rows;
    }
    all
}
