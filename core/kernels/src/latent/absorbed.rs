//! The absorbed form, with queries in the space of the latents. Each page yields a partial result for all rows that see
//! it (the weighted sum of latents, the largest score and the sum of powers), and these are merged in the order of the
//! page table.

use super::prepare::{angles, each_product, rotate};
use super::{LatentAttention, LatentStep};
use crate::float::{Cached, Halves, Rows, RowsMut, Shared, halves, max_direct_queries, merge, softmax};
use crate::input::Block;
use crate::paged::{PAGE_TOKENS, Span, results, visits, windows};
use crate::share::{Everywhere, Pool, room, share, share_each};
use crate::{Level, Scratch};

/// Numbers of partial results that are held at once.
const HELD: usize = 1 << 20;
/// Minimum number of results that a thread merges at a time.
const MERGED: usize = 1 << 16;

#[expect(unsafe_code, reason = "shares its memory among threads")]
#[expect(clippy::too_many_arguments, reason = "called from one place, which has them")]
pub(super) fn run(
    this: &LatentAttention<'_>,
    level: Level,
    step: &LatentStep<'_>,
    positions: &[usize],
    spans: &[Span],
    cache: &[u16],
    output: &Shared<'_>,
    scratch: &mut Scratch,
    everywhere: &Everywhere<'_>,
) {
    let LatentAttention { heads, rank, value, .. } = *this;
    // For each row and head: the weighted sum, the largest score and the sum of powers.
    let (width, result) = (this.width(), rank + 2);
    let numbers: Vec<usize> = spans.iter().flat_map(|span| span.rows.clone()).collect();
    let rows = numbers.len();
    let visits = visits(positions, spans.iter());
    let Scratch { floats, more, own, .. } = scratch;
    let (queries, merged) = room(floats, rows * heads * (width + result)).split_at_mut(rows * heads * width);
    absorb(this, level, step, positions, &numbers, queries, own, everywhere);
    let queries = &*queries;
    for merged in merged.chunks_exact_mut(result) {
        merged.fill(0.0);
        merged[rank] = f32::NEG_INFINITY;
    }
    for window in windows(&visits, HELD / (heads * result)) {
        let firsts: Vec<usize> =
            window.iter().scan(0, |sum, visit| Some(std::mem::replace(sum, *sum + visit.rows))).collect();
        let total: usize = window.iter().map(|visit| visit.rows).sum();
        let partial = room(more, total * heads * result);
        let parts = Shared::new(partial);
        share_each(
            window.len(),
            everywhere,
            || own.lend(),
            |number, mine| {
                let visit = &window[number];
                let most = visit.calls.iter().map(|(rows, _)| rows.len()).max().unwrap_or(0);
                let (_, floats) = mine.get();
                let (cached, scores) =
                    room(floats, PAGE_TOKENS * (width + most * heads)).split_at_mut(PAGE_TOKENS * width);
                let seen = visit.calls.iter().map(|(_, visible)| *visible).max().unwrap_or(0);
                // Prefetch the next page while this one is read.
                let page = &cache[this.place(visit.page)][..seen * width];
                let next = window.get(number + 1).map_or(visit.page, |next| next.page);
                let next = cache.as_ptr().wrapping_add(this.place(next).start);
                let page = if visit.rows * heads <= max_direct_queries(level) {
                    Cached::Halves(Halves::dense(page, width, next))
                } else {
                    let cached = &mut cached[..page.len()];
                    halves(level, page, cached, next);
                    Cached::Floats(Rows::dense(cached, width))
                };
                let mut place = firsts[number] * heads;
                for (called, visible) in &visit.calls {
                    let count = called.len() * heads;
                    let asked = Rows::new(&queries[called.start * heads * width..], count, width, width);
                    let seen = page.first(*visible);
                    let scores = &mut scores[..count * PAGE_TOKENS];
                    seen.dots(level, asked, &mut RowsMut::new(scores, count, *visible, PAGE_TOKENS));
                    // SAFETY: every visit has results of its own.
                    let mut to = unsafe { parts.rows(place * result, count, result, result) };
                    for (query, scores) in scores.chunks_exact_mut(PAGE_TOKENS).enumerate() {
                        let mut most = f32::NEG_INFINITY;
                        let sum = softmax(level, scores, *visible, &mut most);
                        to.row(query)[rank..].copy_from_slice(&[most, sum]);
                    }
                    seen.left(rank).mix(level, Rows::new(scores, count, *visible, PAGE_TOKENS), &mut to);
                    place += count;
                }
            },
        );
        let partial = &*partial;
        let results = results(window, rows);
        let all = Shared::new(merged);
        let work = |range: std::ops::Range<usize>, (): &mut ()| {
            for row in range {
                // SAFETY: every row has results of its own.
                let all = unsafe { all.slice(row * heads * result, heads * result) };
                for (first, _, place) in &results[row] {
                    let part = &partial[(first + place) * heads * result..][..heads * result];
                    for (to, from) in all.chunks_exact_mut(result).zip(part.chunks_exact(result)) {
                        merge(level, to, from);
                    }
                }
            }
        };
        share(rows, (MERGED / (heads * result * window.len())).max(1), everywhere, || (), work);
    }
    for merged in merged.chunks_exact_mut(result) {
        let sum = merged[rank + 1];
        merged[..rank].iter_mut().for_each(|v| *v /= sum);
    }
    let merged = &*merged;
    share_each(
        heads,
        everywhere,
        || own.lend(),
        |head, mine| {
            let (blocks, floats) = mine.get();
            let results = room(floats, rows * value);
            let mixes = Rows::new(&merged[head * result..], rows, rank, heads * result);
            each_product(&this.values, level, head, mixes, blocks, &mut RowsMut::new(results, rows, value, value));
            for (row, result) in numbers.iter().zip(results.chunks_exact(value)) {
                // SAFETY: every head has columns of its own.
                unsafe { output.slice((row * heads + head) * value, value) }.copy_from_slice(result);
            }
        },
    );
}

/// Maps every row's queries to the space of the latents, and scales them for powers of two.
#[expect(unsafe_code, reason = "shares its memory among threads")]
#[expect(clippy::too_many_arguments, reason = "called from one place, which has them")]
fn absorb(
    this: &LatentAttention<'_>,
    level: Level,
    step: &LatentStep<'_>,
    positions: &[usize],
    numbers: &[usize],
    queries: &mut [f32],
    own: &Pool<(Vec<Block>, Vec<f32>)>,
    everywhere: &Everywhere<'_>,
) {
    let LatentAttention { heads, nope, rope, rank, .. } = *this;
    let (width, query) = (this.width(), heads * (nope + rope));
    let factor = this.scale * std::f32::consts::LOG2_E;
    let out = Shared::new(queries);
    share_each(
        heads,
        everywhere,
        || own.lend(),
        |head, mine| {
            let (blocks, floats) = mine.get();
            let flat = room(floats, numbers.len() * nope);
            for ((i, row), flat) in numbers.iter().enumerate().zip(flat.chunks_exact_mut(nope)) {
                let at = row * query + head * (nope + rope);
                flat.iter_mut().zip(&step.queries[at..at + nope]).for_each(|(to, v)| *to = v * factor);
                let (cos, sin) = angles(step, rope, positions[*row]);
                // SAFETY: every head has rows of its own.
                let to = unsafe { out.slice((i * heads + head) * width + rank, rope) };
                rotate(&step.queries[at + nope..at + nope + rope], cos, sin, factor, to);
            }
            // SAFETY: as above, and these columns are others.
            let mut to = unsafe { out.rows(head * width, numbers.len(), rank, heads * width) };
            each_product(&this.keys, level, head, Rows::dense(flat, nope), blocks, &mut to);
        },
    );
}
