//! Attention over a cache of latents: one short row for each token, from which every head has its keys and values.
//!
//! Few tokens use the absorbed form: queries are turned into the latents' space, and all heads read the same rows. Many
//! tokens use the expanded one: keys and values are made of the latents again, which costs less for each query. In both a
//! row's bits depend on nothing but its own query and what is cached before it: not on the tokens beside it, and not on
//! the threads. The two forms differ by rounding.

mod absorbed;
mod expanded;
mod prepare;

use crate::float::Rows;
use crate::format::Stack;
use crate::share::Everywhere;
use crate::{Level, Scratch};

/// Tokens of the cache that are looked at together.
const CHUNK: usize = 128;
/// Up to so many tokens at once use the absorbed form: below, making the keys and values again costs more than it saves,
/// whatever the length of the cache.
const FEW: usize = 128;

/// One matrix for each head.
#[derive(Debug, Clone, Copy)]
pub enum Weights<'a> {
    /// As blocks of GGUF.
    Tiles(Stack<'a>),
    /// As floats, row by row.
    Floats(&'a [f32]),
}

/// The latents of all tokens so far, and room for more.
#[derive(Debug)]
pub enum Cache<'a> {
    /// 16-bit floats, by their bits.
    F16(&'a mut [u16]),
    /// 32-bit floats.
    F32(&'a mut [f32]),
}

/// A layer's attention.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
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
}

/// The new tokens.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Their queries: for each head what is not rotated and what is to be.
    pub queries: &'a [f32],
    /// Their latents before the norm, and keys that are to be rotated.
    pub latents: &'a [f32],
    /// Cosines of every position.
    pub cos: &'a [f32],
    /// Sines of every position.
    pub sin: &'a [f32],
    /// Tokens before them.
    pub past: usize,
}

/// Inputs that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttentionError {
    /// A size that is zero or odd.
    #[error("an attention of {heads} heads of {nope} + {rope} and latents of {rank} is not possible")]
    Sizes {
        /// Number of heads.
        heads: usize,
        /// Width that is not rotated.
        nope: usize,
        /// Width that is rotated.
        rope: usize,
        /// Width of a latent.
        rank: usize,
    },
    /// A matrix of another shape.
    #[error("the matrices of the {0} do not fit to the heads")]
    Weights(&'static str),
    /// Numbers that are too few or too many.
    #[error("the {0} have another length than the others ask for")]
    Length(&'static str),
    /// More tokens than there are angles or places in the cache for.
    #[error("{tokens} tokens do not fit into {what} for {room}")]
    Room {
        /// Tokens with those before them.
        tokens: usize,
        /// Where they do not fit.
        what: &'static str,
        /// How many fit.
        room: usize,
    },
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

impl Cache<'_> {
    const fn len(&self) -> usize {
        match self {
            Self::F16(c) => c.len(),
            Self::F32(c) => c.len(),
        }
    }
}

impl Attention<'_> {
    /// Width of a row of the cache.
    const fn width(&self) -> usize {
        self.rank + self.rope
    }

    fn check(&self, step: &Step<'_>, cache: &Cache<'_>, output: usize) -> Result<usize, AttentionError> {
        let Self { heads, nope, rope, rank, value, .. } = *self;
        let query = nope.checked_add(rope).and_then(|n| n.checked_mul(heads));
        let (Some(query), Some(width), Some(result)) = (query, rank.checked_add(rope), heads.checked_mul(value)) else {
            return Err(AttentionError::Sizes { heads, nope, rope, rank });
        };
        if query == 0 || nope == 0 || rank == 0 || value == 0 || rope % 2 == 1 {
            return Err(AttentionError::Sizes { heads, nope, rope, rank });
        }
        if !self.keys.fits(heads, rank, nope) {
            return Err(AttentionError::Weights("keys"));
        }
        if !self.values.fits(heads, value, rank) {
            return Err(AttentionError::Weights("values"));
        }
        let rows = step.queries.len() / query;
        let lengths = [
            ("norm's weights", self.norm.len() == rank),
            ("queries", step.queries.len() == rows * query),
            ("latents", rows.checked_mul(width) == Some(step.latents.len())),
            ("results", rows.checked_mul(result) == Some(output)),
            ("cosines and sines", step.cos.len() == step.sin.len()),
            ("rows of the cache", cache.len().is_multiple_of(width)),
        ];
        if let Some((what, _)) = lengths.iter().find(|(_, fits)| !fits) {
            return Err(AttentionError::Length(what));
        }
        let tokens = step.past.saturating_add(rows);
        let angles = step.cos.len().checked_div(rope / 2).unwrap_or(usize::MAX);
        for (what, room) in [("a table of angles", angles), ("a cache", cache.len() / width)] {
            if tokens > room {
                return Err(AttentionError::Room { tokens, what, room });
            }
        }
        Ok(rows)
    }

    /// Adds the new tokens to the cache, and writes their results to `output`. `everywhere` is as in
    /// [`multiply`](crate::multiply).
    pub fn run(
        &self,
        level: Level,
        step: &Step<'_>,
        cache: &mut Cache<'_>,
        output: &mut [f32],
        scratch: &mut Scratch,
        everywhere: &Everywhere<'_>,
    ) -> Result<(), AttentionError> {
        let rows = self.check(step, cache, output.len())?;
        if rows == 0 {
            return Ok(());
        }
        let level = level.checked();
        prepare::remember(self, level, step, rows, cache);
        if rows <= FEW {
            absorbed::run(self, level, step, rows, cache, output, scratch, everywhere);
        } else {
            expanded::run(self, level, step, rows, cache, output, scratch, everywhere);
        }
        Ok(())
    }
}
