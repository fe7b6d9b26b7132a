//! Few tokens: queries in the latents' space. The cache is cut into chunks at fixed places; each gives its largest score,
//! its sum of powers and its mix of latents, and those are merged in their order.

use super::prepare::{angles, each_product, latents, rotate};
use super::{Attention, CHUNK, Cache, Step};
use crate::float::{Rows, RowsMut, Shared, add_scaled, dots, mix, softmax};
use crate::input::Block;
use crate::share::{Everywhere, room, share_each};
use crate::{Level, Scratch};

/// Queries whose chunks are held at once, at the most, as far as that many make one token.
const BATCH: usize = 128;

#[expect(unsafe_code, reason = "shares its memory among threads")]
#[expect(clippy::too_many_arguments, reason = "called from one place, which has them")]
pub(super) fn run(
    this: &Attention<'_>,
    level: Level,
    step: &Step<'_>,
    rows: usize,
    cache: &Cache<'_>,
    output: &mut [f32],
    scratch: &mut Scratch,
    everywhere: &Everywhere<'_>,
) {
    let Attention { heads, rank, .. } = *this;
    let width = this.width();
    let chunks = (step.past + rows).div_ceil(CHUNK);
    let batch = (BATCH / heads).clamp(1, rows);
    // For each chunk and query: the mix, the largest score and the sum.
    let result = rank + 2;
    let Scratch { floats, more, own, .. } = scratch;
    let queries = room(floats, rows * heads * width);
    absorb(this, level, step, rows, queries, own, everywhere);
    let queries = &*queries;
    let partial = room(more, chunks * batch * heads * result);
    let out = Shared::new(output);
    for first in (0..rows).step_by(batch) {
        let tokens = batch.min(rows - first);
        let (begin, end) = (step.past + first, step.past + first + tokens);
        let chunks = end.div_ceil(CHUNK);
        let parts = Shared::new(partial);
        share_each(
            chunks,
            everywhere,
            || own.lend(),
            |chunk, mine| {
                let at = chunk * CHUNK;
                let count = CHUNK.min(end - at);
                let (_, floats) = mine.get();
                let (cached, scores) = room(floats, CHUNK * width + CHUNK * heads).split_at_mut(CHUNK * width);
                let cached = latents(level, cache, width, at, count, cached);
                for token in 0..tokens {
                    let visible = (begin + token + 1).saturating_sub(at).min(count);
                    if visible == 0 {
                        continue;
                    }
                    let query = Rows::new(&queries[(first + token) * heads * width..], heads, width, width);
                    dots(level, query, cached.first(visible), &mut RowsMut::new(scores, heads, visible, CHUNK));
                    // SAFETY: every chunk has partial results of its own.
                    let all = unsafe { parts.slice((chunk * batch + token) * heads * result, heads * result) };
                    for (scores, part) in scores.chunks_exact_mut(CHUNK).zip(all.chunks_exact_mut(result)) {
                        let mut most = f32::NEG_INFINITY;
                        part[rank + 1] = softmax(level, scores, visible, &mut most);
                        part[rank] = most;
                    }
                    let weights = Rows::new(scores, heads, visible, CHUNK);
                    mix(
                        level,
                        weights,
                        cached.first(visible).left(rank),
                        false,
                        &mut RowsMut::new(all, heads, rank, result),
                    );
                }
            },
        );
        let partial = &*partial;
        share_each(
            heads,
            everywhere,
            || own.lend(),
            |head, mine| {
                let (blocks, floats) = mine.get();
                let (mixes, results) = room(floats, tokens * (rank + this.value)).split_at_mut(tokens * rank);
                for (token, mixed) in mixes.chunks_exact_mut(rank).enumerate() {
                    let chunks = (begin + token + 1).div_ceil(CHUNK);
                    let part = |chunk: usize| {
                        let at = ((chunk * batch + token) * heads + head) * result;
                        &partial[at..at + result]
                    };
                    merge(level, (0..chunks).map(part), rank, mixed);
                }
                let mut to = RowsMut::new(results, tokens, this.value, this.value);
                each_product(&this.values, level, head, Rows::dense(mixes, rank), blocks, &mut to);
                for (token, result) in results.chunks_exact(this.value).enumerate() {
                    let at = ((first + token) * heads + head) * this.value;
                    // SAFETY: every head has columns of its own.
                    unsafe { out.slice(at, this.value) }.copy_from_slice(result);
                }
            },
        );
    }
}

/// The weighted mean of the chunks' mixes.
fn merge<'a>(level: Level, parts: impl Iterator<Item = &'a [f32]> + Clone, rank: usize, out: &mut [f32]) {
    let mut most = f32::NEG_INFINITY;
    for part in parts.clone() {
        most = if most > part[rank] { most } else { part[rank] };
    }
    let mut sum = 0.0;
    out.fill(0.0);
    for part in parts {
        let mut factor = [part[rank]; 16];
        softmax(level, &mut factor, 16, &mut most.clone());
        sum += factor[0] * part[rank + 1];
        add_scaled(out, &part[..rank], factor[0]);
    }
    out.iter_mut().for_each(|v| *v /= sum);
}

/// Every token's queries in the latents' space, scaled for powers of two.
#[expect(unsafe_code, reason = "shares its memory among threads")]
fn absorb(
    this: &Attention<'_>,
    level: Level,
    step: &Step<'_>,
    rows: usize,
    queries: &mut [f32],
    own: &crate::share::Pool<(Vec<Block>, Vec<f32>)>,
    everywhere: &Everywhere<'_>,
) {
    let Attention { heads, nope, rope, rank, .. } = *this;
    let (width, query) = (this.width(), heads * (nope + rope));
    let factor = this.scale * std::f32::consts::LOG2_E;
    let out = Shared::new(queries);
    share_each(
        heads,
        everywhere,
        || own.lend(),
        |head, mine| {
            let (blocks, floats) = mine.get();
            let flat = room(floats, rows * nope);
            for (token, flat) in flat.chunks_exact_mut(nope).enumerate() {
                let at = token * query + head * (nope + rope);
                flat.iter_mut().zip(&step.queries[at..at + nope]).for_each(|(to, v)| *to = v * factor);
                let (cos, sin) = angles(step, rope, step.past + token);
                // SAFETY: every head has rows of its own.
                let to = unsafe { out.slice((token * heads + head) * width + rank, rope) };
                rotate(&step.queries[at + nope..at + nope + rope], cos, sin, factor, to);
            }
            // SAFETY: as above, and these columns are others.
            let mut to = unsafe { out.rows(head * width, rows, rank, heads * width) };
            each_product(&this.keys, level, head, Rows::dense(flat, nope), blocks, &mut to);
        },
    );
}
