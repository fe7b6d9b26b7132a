//! Ragged batches over a paged KV cache (PagedAttention; Kwon et al. 2023, vLLM).
//!
//! A page holds 64 tokens of all layers in contiguous memory, so that it is copied, hashed and written to the disk as
//! one piece. Each sequence has a page table; several sequences may share a page.

use crate::share::{Everywhere, share};
use std::ops::Range;

/// Number of tokens of a page.
pub const PAGE_TOKENS: usize = 64;

/// A ragged batch: the sequence and position of each row, and the page tables.
#[derive(Debug, Clone, Copy)]
pub struct Ragged<'a> {
    /// `[rows]`: each row's position in its sequence, from 0.
    pub positions: &'a [i64],
    /// `[rows]`: each row's sequence, as a row of `tables`. The rows of a sequence are adjacent, and their positions
    /// ascend.
    pub sequences: &'a [i64],
    /// `[count, pages]`: for each sequence the pages of its tokens 0 to 63, 64 to 127, and so on. Entries beyond its
    /// last token are ignored.
    pub tables: &'a [i64],
    /// Number of page tables.
    pub count: usize,
}

/// Rows, page tables and pages that do not match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PagedError {
    /// A size is zero or odd, or the number of heads is no multiple of the key-value heads.
    #[error("an attention of these sizes is not possible: {0}")]
    Sizes(&'static str),
    /// A matrix has another shape.
    #[error("the matrices of the {0} do not fit to the heads")]
    Weights(&'static str),
    /// A slice is too short or too long.
    #[error("the {0} have another length than the others ask for")]
    Length(&'static str),
    /// A row's sequence has no page table.
    #[error("row {row} is of sequence {sequence}, which is none of {count}")]
    Sequence {
        /// The row.
        row: usize,
        /// Its sequence.
        sequence: i64,
        /// The number of page tables.
        count: usize,
    },
    /// The rows of a sequence are not adjacent, or their positions do not ascend.
    #[error("row {0} does not follow the row before it")]
    Order(usize),
    /// A position has no angles, or is beyond its page table.
    #[error("row {row} is at position {position}, and there is room for {room}")]
    Position {
        /// The row.
        row: usize,
        /// Its position.
        position: i64,
        /// The number of positions.
        room: usize,
    },
    /// A page table names a page that does not exist.
    #[error("the pages of sequence {sequence} name page {page}, which is none of {pages}")]
    Page {
        /// The sequence.
        sequence: usize,
        /// The page that it names.
        page: i64,
        /// The number of pages.
        pages: usize,
    },
    /// Two sequences write new tokens to one page.
    #[error("two sequences write to page {0}")]
    Shared(usize),
}

/// The adjacent rows of one sequence.
pub(crate) struct Span {
    /// Their rows in the batch.
    pub(crate) rows: Range<usize>,
    /// The sequence's pages up to their last position.
    pub(crate) pages: Vec<usize>,
}

/// A checked batch.
pub(crate) struct Places {
    pub(crate) positions: Vec<usize>,
    pub(crate) spans: Vec<Span>,
}

impl Places {
    /// Checks a batch against the number of pages, and the number of positions that have angles.
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
            // Where positions have gaps, this counts pages that are not written: a stricter check than necessary.
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

    /// Calls `each(rows, page, part)` for each page that gets new tokens and each `part` below `parts`. No two calls
    /// have the same page and part, so threads may write at the same time.
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

/// One page with all rows that attend to it, so that it is read from memory once.
pub(crate) struct Visit {
    pub(crate) page: usize,
    /// Its index in the page table.
    pub(crate) index: usize,
    /// Ranges of rows, and how many of the page's tokens they attend to: several rows to all, or one row to some.
    pub(crate) calls: Vec<(Range<usize>, usize)>,
    pub(crate) rows: usize,
}

/// Maximum number of rows of a call, so that their scores stay in the cache.
const CALL_ROWS: usize = 16;

/// The visits of all pages of `spans`, in the order of the page tables. Rows are numbered over the concatenated spans.
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

/// Splits visits into windows of at most `most` rows where possible. Visits with the same index stay together, so that
/// each row merges its pages in order.
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

/// For each of `count` rows, where to find its partial results in a window, in the order of the pages: the index of the
/// visit's first result, the visit, and the row's index in it.
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
