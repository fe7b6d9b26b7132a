//! Attention over pages of latents: one short row for each token, from which every head has its keys and values.
//!
//! There are two forms, which differ by rounding. In the absorbed form queries are turned into the latents' space, and all
//! heads read the same rows. In the expanded one keys and values are made of the latents again, which costs less for each
//! of many queries. Rows whose positions are all of 128 k to 128 k + 127 have the expanded form, all others the absorbed
//! one: a row's form depends on how its own sequence is cut into steps, and never on other sequences. In both a row's bits
//! depend on nothing but its own query and what is cached before it: not on the rows beside it, and not on the threads.

mod absorbed;
mod expanded;
mod prepare;

pub(crate) use prepare::rotate;

use crate::float::{Rows, Shared};
use crate::format::Stack;
use crate::paged::{PAGE_TOKENS, PagedError, Places, Ragged, Span};
use crate::share::Everywhere;
use crate::{Level, Scratch};

/// Rows that have the expanded form together: for fewer, making the keys and values again costs more than it saves,
/// whatever the length of the cache. So many tokens of the cache are looked at together, too.
pub const GROUP_ROWS: usize = 128;
/// Rows that are absorbed together at the most.
const ABSORBED_ROWS: usize = 128;
/// Fewer rows are written by the calling thread alone.
const SHARED_WRITING: usize = 16;

/// One matrix for each head.
#[derive(Debug, Clone, Copy)]
pub enum Weights<'a> {
    /// As blocks of GGUF.
    Tiles(Stack<'a>),
    /// As floats, row by row.
    Floats(&'a [f32]),
}

/// A layer's attention.
#[derive(Debug, Clone, Copy)]
pub struct LatentAttention<'a> {
    /// Number of heads.
    pub heads: usize,
    /// Width of a head's query that is not rotated.
    pub nope: usize,
    /// Width that is rotated, in pairs of neighbours.
    pub rope: usize,
    /// Width of a head's result.
    pub value: usize,
    /// Width of a latent.
    pub rank: usize,
    /// Times the scores.
    pub scale: f32,
    /// Of the norm.
    pub epsilon: f32,
    /// The latents' norm.
    pub norm: &'a [f32],
    /// From a query to the latents: `rank` rows of `nope` for each head.
    pub keys: Weights<'a>,
    /// From the latents to the result: `value` rows of `rank` for each head.
    pub values: Weights<'a>,
    /// The number of the layer.
    pub layer: usize,
    /// Layers that share the pages.
    pub layers: usize,
}

/// The new rows.
#[derive(Debug, Clone, Copy)]
pub struct LatentStep<'a> {
    /// Their queries: for each head what is not rotated and what is to be.
    pub queries: &'a [f32],
    /// Their latents before the norm, and keys that are to be rotated.
    pub latents: &'a [f32],
    /// Cosines of every position.
    pub cos: &'a [f32],
    /// Sines of every position.
    pub sin: &'a [f32],
    /// The places of the rows.
    pub rows: Ragged<'a>,
}

impl<'a> Weights<'a> {
    fn fits(&self, heads: usize, rows: usize, columns: usize) -> bool {
        match self {
            Self::Tiles(stack) => stack.count == heads && stack.rows() == rows && stack.columns() == columns,
            Self::Floats(all) => rows.checked_mul(columns).and_then(|n| n.checked_mul(heads)) == Some(all.len()),
        }
    }

    /// The matrix of `head` as floats.
    fn floats<'b>(&'b self, head: usize, rows: usize, columns: usize, room: &'b mut [f32]) -> Rows<'b> {
        match self {
            Self::Floats(all) => Rows::dense(&all[head * rows * columns..(head + 1) * rows * columns], columns),
            Self::Tiles(stack) => {
                let matrix = stack.matrix(head);
                let room = &mut room[..rows * columns];
                room.chunks_exact_mut(columns).enumerate().for_each(|(row, out)| matrix.row(row, out));
                Rows::dense(room, columns)
            }
        }
    }
}

impl LatentAttention<'_> {
    /// Width of a row of the cache.
    const fn width(&self) -> usize {
        self.rank + self.rope
    }

    /// Numbers of a page; `None` if they are too many.
    #[must_use]
    pub fn page_numbers(&self) -> Option<usize> {
        self.rank.checked_add(self.rope)?.checked_mul(PAGE_TOKENS)?.checked_mul(self.layers)
    }

    /// The layer's part of a page.
    const fn place(&self, page: usize) -> std::ops::Range<usize> {
        let each = self.width() * PAGE_TOKENS;
        let first = (page * self.layers + self.layer) * each;
        first..first + each
    }

    fn check(&self, step: &LatentStep<'_>, cache: usize, output: usize) -> Result<Places, PagedError> {
        let Self { heads, nope, rope, rank, value, .. } = *self;
        let query = nope.checked_add(rope).and_then(|n| n.checked_mul(heads));
        let sizes = (query, rank.checked_add(rope), heads.checked_mul(value), self.page_numbers());
        let (Some(query), Some(width), Some(result), Some(numbers)) = sizes else {
            return Err(PagedError::Sizes("heads"));
        };
        if query == 0 || nope == 0 || rank == 0 || value == 0 {
            return Err(PagedError::Sizes("heads"));
        }
        if rope % 2 == 1 {
            return Err(PagedError::Sizes("the rotated width"));
        }
        if self.layer >= self.layers {
            return Err(PagedError::Sizes("layers"));
        }
        if !self.keys.fits(heads, rank, nope) {
            return Err(PagedError::Weights("keys"));
        }
        if !self.values.fits(heads, value, rank) {
            return Err(PagedError::Weights("values"));
        }
        let rows = step.rows.positions.len();
        let lengths = [
            ("norm's weights", self.norm.len() == rank),
            ("queries", rows.checked_mul(query) == Some(step.queries.len())),
            ("latents", rows.checked_mul(width) == Some(step.latents.len())),
            ("results", rows.checked_mul(result) == Some(output)),
            ("cosines and sines", step.cos.len() == step.sin.len()),
            ("pages", cache.is_multiple_of(numbers)),
        ];
        if let Some((what, _)) = lengths.iter().find(|(_, fits)| !fits) {
            return Err(PagedError::Length(what));
        }
        let angles = step.cos.len().checked_div(rope / 2).unwrap_or(usize::MAX);
        Places::new(&step.rows, cache / numbers, angles)
    }

    /// Writes the new rows' latents to their pages, and their results to `output`. `cache` are all pages, one after the
    /// other; `everywhere` is as in [`multiply`](crate::multiply).
    pub fn run(
        &self,
        level: Level,
        step: &LatentStep<'_>,
        cache: &mut [u16],
        output: &mut [f32],
        scratch: &mut Scratch,
        everywhere: &Everywhere<'_>,
    ) -> Result<(), PagedError> {
        let places = self.check(step, cache.len(), output.len())?;
        let level = level.checked();
        prepare::write(self, level, step, &places, cache, everywhere);
        let forms = Forms::of(&places);
        let output = Shared::new(output);
        let positions = &places.positions;
        for span in &forms.expanded {
            expanded::run(self, level, step, positions, span, cache, &output, scratch, everywhere);
        }
        for spans in &forms.absorbed {
            absorbed::run(self, level, step, positions, spans, cache, &output, scratch, everywhere);
        }
        Ok(())
    }
}

/// The rows of each form.
#[derive(Default)]
struct Forms {
    /// Rows of whole groups.
    expanded: Vec<Span>,
    /// The others, in parts that are computed together.
    absorbed: Vec<Vec<Span>>,
}

impl Forms {
    fn of(places: &Places) -> Self {
        let (mut forms, mut part, mut count) = (Self::default(), Vec::new(), 0);
        let positions = &places.positions;
        for span in &places.spans {
            let cut = |rows: std::ops::Range<usize>| {
                let pages = positions[rows.end - 1] / PAGE_TOKENS + 1;
                Span { rows, pages: span.pages[..pages].to_vec() }
            };
            let mut first = span.rows.start;
            while first < span.rows.end {
                // Positions ascend, so that the last one says whether none is missing.
                let is_group = |row: usize| {
                    row + GROUP_ROWS <= span.rows.end
                        && positions[row].is_multiple_of(GROUP_ROWS)
                        && positions[row + GROUP_ROWS - 1] == positions[row] + GROUP_ROWS - 1
                };
                let mut end = first;
                // Groups of one run have no gap between them: their keys are made once.
                while is_group(end) && (end == first || positions[end] == positions[end - 1] + 1) {
                    end += GROUP_ROWS;
                }
                if end > first {
                    forms.expanded.push(cut(first..end));
                } else {
                    let most = span.rows.end.min(first + ABSORBED_ROWS - count);
                    end = (first + 1..most).find(|row| is_group(*row)).unwrap_or(most);
                    part.push(cut(first..end));
                    count += end - first;
                    if count == ABSORBED_ROWS {
                        forms.absorbed.push(std::mem::take(&mut part));
                        count = 0;
                    }
                }
                first = end;
            }
        }
        forms.absorbed.extend((!part.is_empty()).then_some(part));
        forms
    }
}
