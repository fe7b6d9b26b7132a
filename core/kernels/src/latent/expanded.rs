//! The expanded form: computes each head's keys and values of a chunk of latents, for all queries that see it. The
//! online softmax of each query (largest score, sum of powers, weighted sum) continues from chunk to chunk.

use super::prepare::{angles, each_product, latents, rotate};
use super::{GROUP_ROWS as CHUNK, LatentAttention, LatentStep};
use crate::float::{Rows, RowsMut, Shared, dots, mix, scale, softmax};
use crate::paged::{PAGE_TOKENS, Span};
use crate::share::{Everywhere, room, share_each};
use crate::{Level, Scratch};

/// Number of queries whose scores are held at once.
const QUERIES: usize = 32;

#[expect(unsafe_code, reason = "shares the output among threads")]
#[expect(clippy::too_many_arguments, reason = "called from one place, which has them")]
pub(super) fn run(
    this: &LatentAttention<'_>,
    level: Level,
    step: &LatentStep<'_>,
    positions: &[usize],
    span: &Span,
    cache: &[u16],
    out: &Shared<'_>,
    scratch: &mut Scratch,
    everywhere: &Everywhere<'_>,
) {
    let LatentAttention { heads, nope, rope, value, rank, .. } = *this;
    let (width, query) = (this.width(), nope + rope);
    let factor = this.scale * std::f32::consts::LOG2_E;
    let (row, rows) = (span.rows.start, span.rows.len());
    let past = positions[row];
    let end = past + rows;
    let own = &scratch.own;
    share_each(
        heads,
        everywhere,
        || own.lend(),
        |head, mine| {
            let (blocks, floats) = mine.get();
            let sizes = [
                rank * nope,
                CHUNK * width,
                CHUNK * query,
                CHUNK * value,
                QUERIES * CHUNK,
                rows * query,
                rows * value,
                rows,
                rows,
            ];
            let mut rest = room(floats, sizes.iter().sum());
            let [keys, cached, key, valued, scores, queries, results, most, sums] = sizes.map(|size| {
                let (first, after) = std::mem::take(&mut rest).split_at_mut(size);
                rest = after;
                first
            });
            let keys = this.keys.floats(head, rank, nope, keys);
            for (token, to) in queries.chunks_exact_mut(query).enumerate() {
                let from = &step.queries[((row + token) * heads + head) * query..][..query];
                to[..nope].iter_mut().zip(from).for_each(|(to, v)| *to = v * factor);
                let (cos, sin) = angles(step, rope, past + token);
                rotate(&from[nope..], cos, sin, factor, &mut to[nope..]);
            }
            results.fill(0.0);
            most.fill(f32::NEG_INFINITY);
            sums.fill(0.0);
            for at in (0..end).step_by(CHUNK) {
                let count = CHUNK.min(end - at);
                let latents = latents(this, level, cache, &span.pages[at / PAGE_TOKENS..], count, cached);
                mix(level, latents.left(rank), keys, false, &mut RowsMut::new(key, count, nope, query));
                for token in 0..count {
                    key[token * query + nope..(token + 1) * query].copy_from_slice(&latents.row(token)[rank..]);
                }
                each_product(
                    &this.values,
                    level,
                    head,
                    latents.left(rank),
                    blocks,
                    &mut RowsMut::new(valued, count, value, value),
                );
                let (key, valued) = (Rows::new(key, count, query, query), Rows::new(valued, count, value, value));
                // The first query that sees the chunk.
                let begin = at.saturating_sub(past);
                for first in (begin..rows).step_by(QUERIES) {
                    let tokens = QUERIES.min(rows - first);
                    let seen = |token: usize| (past + token + 1 - at).min(count);
                    let most_seen = seen(first + tokens - 1);
                    let asked = Rows::new(&queries[first * query..], tokens, query, query);
                    dots(level, asked, key.first(most_seen), &mut RowsMut::new(scores, tokens, most_seen, CHUNK));
                    for (i, scores) in scores.chunks_exact_mut(CHUNK).enumerate().take(tokens) {
                        let token = first + i;
                        let before = most[token];
                        let sum = softmax(level, scores, seen(token), &mut most[token]);
                        if before < most[token] {
                            let mut less = [before; 16];
                            softmax(level, &mut less, 16, &mut most[token].clone());
                            sums[token] *= less[0];
                            scale(&mut results[token * value..(token + 1) * value], less[0]);
                        }
                        sums[token] += sum;
                    }
                    let weights = Rows::new(scores, tokens, most_seen, CHUNK);
                    let mut to = RowsMut::new(&mut results[first * value..], tokens, value, value);
                    mix(level, weights, valued.first(most_seen), true, &mut to);
                }
            }
            for (token, result) in results.chunks_exact(value).enumerate() {
                // SAFETY: every head has columns of its own.
                let to = unsafe { out.slice(((row + token) * heads + head) * value, value) };
                to.iter_mut().zip(result).for_each(|(to, v)| *to = v / sums[token]);
            }
        },
    );
}
