//! Grouped-query attention (Ainslie et al. 2023) over a paged KV cache.
//!
//! A layer's part of a page is, in 16-bit floats, its keys transposed `[kv_heads, head_dim, 64]`, then its values
//! `[kv_heads, 64, head_dim]`.
//!
//! The result of a row is defined page by page, with an online softmax (Milakov and Gimelshein 2018): the scores of the
//! visible tokens, their maximum, the sum of powers of two and the weighted sum of values. The partial results of the
//! pages are merged in the order of the page table. There are two schedules. Few rows of a sequence have a task for
//! each page, whose partial results are merged later (as in Flash-Decoding; Dao et al. 2023). Many rows have a task for
//! each tile of rows, which merges page after page (as in FlashAttention; Dao et al. 2022). Both compute the same
//! operations in the same order, so a row's bits depend only on the row and its visible tokens.

mod by_page;
mod by_tile;

use crate::float::{Cached, Halves, Rows, RowsMut, Shared, halves, max_direct_queries, softmax};
use crate::paged::{PAGE_TOKENS, PagedError, Places, Ragged, Span};
use crate::share::Everywhere;
use crate::{Level, Scratch};
use half::slice::{HalfBitsSliceExt as _, HalfFloatSliceExt as _};

/// Sequences with at least this many rows are computed in tiles.
const MIN_TILED_ROWS: usize = 16;
/// Fewer rows are written to the pages by the calling thread alone.
const SHARED_WRITING: usize = 16;

/// A layer's attention.
#[derive(Debug, Clone, Copy)]
pub struct GroupedAttention {
    /// Number of query heads; a multiple of `kv_heads`.
    pub heads: usize,
    /// Number of key-value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// How many of a head's first numbers are rotated; even.
    pub rotary: usize,
    /// Whether rotated pairs are neighbours; otherwise they are `rotary / 2` apart.
    pub interleaved: bool,
    /// Factor of the scores.
    pub scale: f32,
    /// Index of the layer.
    pub layer: usize,
    /// Number of layers that share the pages.
    pub layers: usize,
}

/// The inputs of a step.
#[derive(Debug, Clone, Copy)]
pub struct GroupedStep<'a> {
    /// `[rows, (heads + 2 kv_heads) * head_dim]`: queries, keys and values of all heads.
    pub qkv: &'a [f32],
    /// `[positions, rotary / 2]`: cosines of the angles.
    pub cos: &'a [f32],
    /// `[positions, rotary / 2]`: sines of the angles.
    pub sin: &'a [f32],
    /// Sequences, positions and page tables of the rows.
    pub rows: Ragged<'a>,
}

impl GroupedAttention {
    /// Numbers of a page: `layers * 2 * kv_heads * head_dim * 64`. `None` on overflow.
    #[must_use]
    pub fn page_numbers(&self) -> Option<usize> {
        self.kv_heads.checked_mul(self.head_dim)?.checked_mul(2 * PAGE_TOKENS)?.checked_mul(self.layers)
    }

    /// Number of query heads that share a key-value head.
    const fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Offsets of the keys and the values of a key-value head in the cache.
    const fn places(&self, page: usize, head: usize) -> (usize, usize) {
        let each = self.head_dim * PAGE_TOKENS;
        let part = 2 * self.kv_heads * each;
        let keys = (page * self.layers + self.layer) * part + head * each;
        (keys, keys + self.kv_heads * each)
    }

    fn check(&self, step: &GroupedStep<'_>, cache: usize, output: usize) -> Result<Places, PagedError> {
        let Self { heads, kv_heads, head_dim, rotary, layer, layers, .. } = *self;
        let wrong = |what| Err(PagedError::Sizes(what));
        if heads == 0 || kv_heads == 0 || head_dim == 0 || !heads.is_multiple_of(kv_heads) {
            return wrong("heads");
        }
        if rotary > head_dim || rotary % 2 == 1 {
            return wrong("the rotated width");
        }
        if layer >= layers {
            return wrong("layers");
        }
        let width = kv_heads.checked_mul(2).and_then(|n| n.checked_add(heads)).and_then(|n| n.checked_mul(head_dim));
        let (Some(width), Some(numbers)) = (width, self.page_numbers()) else { return wrong("heads") };
        let rows = step.rows.positions.len();
        let lengths = [
            ("queries, keys and values", rows.checked_mul(width) == Some(step.qkv.len())),
            ("results", rows.checked_mul(heads * head_dim) == Some(output)),
            ("cosines and sines", step.cos.len() == step.sin.len()),
            ("pages", cache.is_multiple_of(numbers)),
        ];
        if let Some((what, _)) = lengths.iter().find(|(_, fits)| !fits) {
            return Err(PagedError::Length(what));
        }
        let angles = step.cos.len().checked_div(rotary / 2).unwrap_or(usize::MAX);
        Places::new(&step.rows, cache / numbers, angles)
    }

    /// Writes the rows' keys and values to their pages, then their results `[rows, heads * head_dim]` to `output`.
    /// `cache` is `[pages, page_numbers]` in bits of 16-bit floats; `everywhere` is as in
    /// [`multiply`](crate::multiply).
    ///
    /// # Errors
    /// Sizes, lengths, positions or page tables that do not match. Nothing is written then.
    pub fn run(
        &self,
        level: Level,
        step: &GroupedStep<'_>,
        cache: &mut [u16],
        output: &mut [f32],
        scratch: &mut Scratch,
        everywhere: &Everywhere<'_>,
    ) -> Result<(), PagedError> {
        let places = self.check(step, cache.len(), output.len())?;
        let level = level.checked();
        self.write(step, &places, cache, scratch, everywhere);
        let is_many = |span: &&Span| span.rows.len() >= MIN_TILED_ROWS;
        let (many, few): (Vec<&Span>, Vec<&Span>) = places.spans.iter().partition(is_many);
        let all = Shared::new(output);
        if !many.is_empty() {
            by_tile::run(self, level, step, &places.positions, &many, cache, &all, &scratch.own, everywhere);
        }
        if !few.is_empty() {
            by_page::run(self, level, step, &places.positions, &few, cache, &all, scratch, everywhere);
        }
        Ok(())
    }

    /// Writes the new keys and values.
    #[expect(unsafe_code, reason = "shares the pages among threads")]
    fn write(
        &self,
        step: &GroupedStep<'_>,
        places: &Places,
        cache: &mut [u16],
        scratch: &Scratch,
        everywhere: &Everywhere<'_>,
    ) {
        let Self { heads, kv_heads, head_dim, .. } = *self;
        let width = (heads + 2 * kv_heads) * head_dim;
        let pages = Shared::new(cache);
        let rows = places.positions.len();
        let at_once = if rows < SHARED_WRITING { rows * kv_heads } else { 1 };
        places.each_written(kv_heads, at_once, everywhere, |rows, page, head| {
            let (keys, values) = self.places(page, head);
            // SAFETY: no other call has this head of this page.
            let (keys, values) =
                unsafe { (pages.slice(keys, head_dim * PAGE_TOKENS), pages.slice(values, head_dim * PAGE_TOKENS)) };
            let mut own = scratch.own.lend();
            let key = crate::share::room(&mut own.get().1, head_dim);
            for row in rows {
                let position = places.positions[row];
                let token = position % PAGE_TOKENS;
                let from = &step.qkv[row * width..(row + 1) * width];
                let at = (heads + head) * head_dim;
                self.rotate(step, position, &from[at..at + head_dim], 1.0, key);
                for (number, place) in key.iter().zip(keys[token..].iter_mut().step_by(PAGE_TOKENS)) {
                    *place = half::f16::from_f32(*number).to_bits();
                }
                let at = (heads + kv_heads + head) * head_dim;
                let value = &mut values[token * head_dim..(token + 1) * head_dim];
                value.reinterpret_cast_mut::<half::f16>().convert_from_f32_slice(&from[at..at + head_dim]);
            }
        });
    }

    /// Applies the rotary embedding of `position` (Su et al. 2021) to a head, and multiplies by `factor`.
    fn rotate(&self, step: &GroupedStep<'_>, position: usize, from: &[f32], factor: f32, out: &mut [f32]) {
        let pairs = self.rotary / 2;
        let (cos, sin) = (&step.cos[position * pairs..][..pairs], &step.sin[position * pairs..][..pairs]);
        let (turned, rest) = from.split_at(self.rotary);
        let (out, after) = out.split_at_mut(self.rotary);
        after.iter_mut().zip(rest).for_each(|(to, v)| *to = v * factor);
        if self.interleaved {
            crate::latent::rotate(turned, cos, sin, factor, out);
            return;
        }
        let ((a, b), (left, right)) = (turned.split_at(pairs), out.split_at_mut(pairs));
        for i in 0..pairs {
            left[i] = (a[i] * cos[i] - b[i] * sin[i]) * factor;
            right[i] = (a[i] * sin[i] + b[i] * cos[i]) * factor;
        }
    }

    /// The factor of the queries. It includes log2(e), because the softmax uses powers of two.
    fn factor(&self) -> f32 {
        self.scale * std::f32::consts::LOG2_E
    }
}

/// A page's keys and values of one key-value head.
struct PageHead<'a> {
    keys: Cached<'a>,
    values: Cached<'a>,
}

impl<'a> PageHead<'a> {
    /// Loads a page for `queries` queries in all, and prefetches the page and head in `next`.
    fn load(
        this: &GroupedAttention,
        level: Level,
        cache: &'a [u16],
        (page, head): (usize, usize),
        next: (usize, usize),
        queries: usize,
        room: &'a mut [f32],
    ) -> Self {
        let size = this.head_dim * PAGE_TOKENS;
        let at = |place: usize| cache.as_ptr().wrapping_add(place);
        let (keys, values) = this.places(page, head);
        // Prefetch the values while the keys are read, and the next keys while the values are.
        let nexts = [at(values), at(this.places(next.0, next.1).0)];
        let [keys, values] = [&cache[keys..keys + size], &cache[values..values + size]];
        if queries <= max_direct_queries(level) {
            return Self {
                keys: Cached::Halves(Halves::dense(keys, PAGE_TOKENS, nexts[0])),
                values: Cached::Halves(Halves::dense(values, this.head_dim, nexts[1])),
            };
        }
        let (left, right) = room[..2 * size].split_at_mut(size);
        halves(level, keys, left, nexts[0]);
        halves(level, values, right, nexts[1]);
        Self {
            keys: Cached::Floats(Rows::dense(left, PAGE_TOKENS)),
            values: Cached::Floats(Rows::dense(right, this.head_dim)),
        }
    }

    /// The partial result of each query over the first `visible` tokens: the weighted sum of values, the largest score,
    /// and the sum of the powers. `scores` is scratch, 64 numbers for each query.
    fn attend(&self, level: Level, queries: Rows<'_>, visible: usize, scores: &mut [f32], out: &mut RowsMut<'_>) {
        let count = queries.rows;
        let scores = &mut scores[..count * PAGE_TOKENS];
        // Computes the scores of invisible tokens too, because whole vectors are faster; the softmax ignores them.
        self.keys.mix(level, queries, &mut RowsMut::new(scores, count, PAGE_TOKENS, PAGE_TOKENS));
        for (query, scores) in scores.chunks_exact_mut(PAGE_TOKENS).enumerate() {
            let mut most = f32::NEG_INFINITY;
            let sum = softmax(level, scores, visible, &mut most);
            out.row(query)[queries.width..].copy_from_slice(&[most, sum]);
        }
        self.values.first(visible).mix(level, Rows::new(scores, count, visible, PAGE_TOKENS), out);
    }
}
