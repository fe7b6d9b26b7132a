//! Ragged batches for the tests of both attentions.

use crate::{PAGE_TOKENS, PagedError, Ragged};

/// Places of rows, as tables and lists.
#[derive(Clone, Default)]
pub(super) struct Lists {
    pub(super) positions: Vec<i64>,
    pub(super) sequences: Vec<i64>,
    pub(super) tables: Vec<i64>,
    pub(super) count: usize,
}

impl Lists {
    /// Rows of sequences: which one, how many tokens it has already, and how many come. The sequences have tables of
    /// `columns` pages, which are mixed up; the first `shared` pages are those of sequence 0.
    pub(super) fn new(parts: &[(usize, usize, usize)], count: usize, columns: usize, shared: usize) -> Self {
        let mut lists = Self { count, ..Self::default() };
        for (sequence, past, new) in parts {
            lists.positions.extend((*past..past + new).map(|p| p as i64));
            lists.sequences.extend(std::iter::repeat_n(*sequence as i64, *new));
        }
        let all = count * columns;
        // A step without a divisor in common with the number of pages, which is never a multiple of 29 here.
        let page = |sequence: usize, index: usize| {
            let sequence = if index < shared { 0 } else { sequence };
            ((sequence * columns + index) * 29 % all) as i64
        };
        lists.tables = (0..all).map(|i| page(i / columns, i % columns)).collect();
        lists
    }

    pub(super) fn ragged(&self) -> Ragged<'_> {
        Ragged { positions: &self.positions, sequences: &self.sequences, tables: &self.tables, count: self.count }
    }
}

/// Calls `run` with places that do not fit: each must be refused. `pages` is the number of pages, `angles` of
/// positions; two rows are expected.
pub(super) fn refused(pages: usize, angles: usize, mut run: impl FnMut(&Lists) -> Result<(), PagedError>) {
    let columns = angles / PAGE_TOKENS;
    let good = Lists {
        positions: vec![70, 71],
        sequences: vec![1, 1],
        tables: (0..2 * columns).map(|i| if i < columns { -1 } else { (i % pages) as i64 }).collect(),
        count: 2,
    };
    assert_eq!(run(&good), Ok(()), "the table of another sequence may hold anything");
    let mut each = |change: &dyn Fn(&mut Lists), is: &dyn Fn(&PagedError) -> bool| {
        let mut bad = good.clone();
        change(&mut bad);
        let error = run(&bad).unwrap_err();
        assert!(is(&error), "{error:?}");
    };
    for position in [i64::MIN, -1, angles as i64, i64::MAX] {
        each(&|l| l.positions[1] = position, &|e| matches!(e, PagedError::Position { row: 1, .. }));
    }
    for sequence in [i64::MIN, -1, 2, i64::MAX] {
        each(&|l| l.sequences[1] = sequence, &|e| matches!(e, PagedError::Sequence { row: 1, .. }));
    }
    for page in [i64::MIN, -1, pages as i64, i64::MAX] {
        for index in [0, 1] {
            each(&|l| l.tables[columns + index] = page, &|e| matches!(e, PagedError::Page { sequence: 1, .. }));
        }
    }
    for position in [70, 3] {
        each(&|l| l.positions[1] = position, &|e| *e == PagedError::Order(1));
    }
    each(&|l| l.tables.truncate(2 * columns - 1), &|e| matches!(e, PagedError::Length("tables")));
    each(&|l| l.tables.clear(), &|e| matches!(e, PagedError::Position { .. }));
    each(&|l| l.count = 0, &|e| matches!(e, PagedError::Length("tables")));
    each(&|l| l.count = usize::MAX, &|e| matches!(e, PagedError::Length("tables")));
    each(&|l| l.sequences.truncate(1), &|e| matches!(e, PagedError::Length("sequences")));
    each(&|l| l.positions.truncate(1), &|e| matches!(e, PagedError::Length(_)));
    let both = |l: &mut Lists| {
        l.sequences[0] = 0;
        l.tables.copy_within(columns.., 0);
    };
    each(&both, &|e| matches!(e, PagedError::Shared(_)));
}
