//! Multi-head latent attention (MLA; DeepSeek-V2, 2024) over a paged cache of latents: one short row for each token,
//! from which every head derives its keys and values.
//!
//! There are two forms, which differ by rounding. The absorbed form maps the queries into the space of the latents, and
//! all heads read the same rows. The expanded form computes keys and values from the latents again, which costs less
//! for many queries. A complete aligned group of positions, 128 k to 128 k + 127, within one step gets the expanded
//! form, all other rows the absorbed one: a row's form depends on how its own sequence is cut into steps, and never on
//! other sequences. In both forms a row's bits depend only on its query and the cached tokens that it sees, not on
//! other rows or on threads.

mod absorbed;
mod expanded;
mod prepare;

pub(crate) use prepare::rotate;

use crate::float::{Rows, Shared};
use crate::format::Stack;
use crate::paged::{PAGE_TOKENS, PagedError, Places, Ragged, Span};
use crate::share::Everywhere;
use crate::{Level, Scratch};

/// Rows of a group that gets the expanded form: for fewer, computing keys and values again costs more than it saves, at
/// any length of the cache. The expanded form also reads the cache in chunks of this many tokens.
pub const GROUP_ROWS: usize = 128;
/// Maximum number of rows of a batch in the absorbed form.
const ABSORBED_ROWS: usize = 128;
/// Fewer rows are written to the pages by the calling thread alone.
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
    /// Width of the part of a head's query that is not rotated.
    pub nope: usize,
    /// Width of the rotated part, in pairs of neighbours; even.
    pub rope: usize,
    /// Width of a head's result.
    pub value: usize,
    /// Width of a latent.
    pub rank: usize,
    /// Factor of the scores.
    pub scale: f32,
    /// Epsilon of the RMS norm.
    pub epsilon: f32,
    /// `[rank]`: weights of the latents' RMS norm.
    pub norm: &'a [f32],
    /// `[heads, rank, nope]`: maps a query to the space of the latents.
    pub keys: Weights<'a>,
    /// `[heads, value, rank]`: maps latents to the result.
    pub values: Weights<'a>,
    /// Index of the layer.
    pub layer: usize,
    /// Number of layers that share the pages.
    pub layers: usize,
}

/// The inputs of a step.
#[derive(Debug, Clone, Copy)]
pub struct LatentStep<'a> {
    /// `[rows, heads * (nope + rope)]`: queries, each with its rotated part last, before rotation.
    pub queries: &'a [f32],
    /// `[rows, rank + rope]`: latents before the norm, and the shared rotary keys before rotation.
    pub latents: &'a [f32],
    /// `[positions, rope / 2]`: cosines of the angles.
    pub cos: &'a [f32],
    /// `[positions, rope / 2]`: sines of the angles.
    pub sin: &'a [f32],
    /// Sequences, positions and page tables of the rows.
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

    /// Numbers of a page: `layers * 64 * (rank + rope)`. `None` on overflow.
    #[must_use]
    pub fn page_numbers(&self) -> Option<usize> {
        self.rank.checked_add(self.rope)?.checked_mul(PAGE_TOKENS)?.checked_mul(self.layers)
    }

    /// The layer's part of a page, `[64, rank + rope]`.
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

    /// Writes the rows' latents to their pages, then their results `[rows, heads * value]` to `output`. `cache` is
    /// `[pages, page_numbers]` in bits of 16-bit floats; `everywhere` is as in [`multiply`](crate::multiply).
    ///
    /// # Errors
    /// Sizes, lengths, positions or page tables that do not match. Nothing is written then.
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
    /// Rows of complete groups.
    expanded: Vec<Span>,
    /// The other rows, in batches.
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
                // Positions ascend: if the last one fits, none is missing.
                let is_group = |row: usize| {
                    row + GROUP_ROWS <= span.rows.end
                        && positions[row].is_multiple_of(GROUP_ROWS)
                        && positions[row + GROUP_ROWS - 1] == positions[row] + GROUP_ROWS - 1
                };
                let mut end = first;
                // Join groups without a gap: their keys are computed once.
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
