//! The schedule for many rows of a sequence: a task for each tile of rows and key-value head merges page after page.

use super::{GroupedAttention, GroupedStep, PageHead};
use crate::Level;
use crate::float::{Rows, RowsMut, Shared, merge};
use crate::input::Block;
use crate::paged::{PAGE_TOKENS, Span};
use crate::share::{Everywhere, Pool, room, share_each};

/// Approximate number of queries of a tile.
const QUERIES: usize = 128;

#[expect(unsafe_code, reason = "shares its memory among threads")]
#[expect(clippy::too_many_arguments, reason = "called from one place, which has them")]
pub(super) fn run(
    this: &GroupedAttention,
    level: Level,
    step: &GroupedStep<'_>,
    positions: &[usize],
    spans: &[&Span],
    cache: &[u16],
    output: &Shared<'_>,
    own: &Pool<(Vec<Block>, Vec<f32>)>,
    everywhere: &Everywhere<'_>,
) {
    let GroupedAttention { heads, kv_heads, head_dim, .. } = *this;
    let (group, result) = (this.group(), head_dim + 2);
    let most = (QUERIES / group).max(8);
    let mut tiles = Vec::new();
    for span in spans {
        for first in span.rows.clone().step_by(most) {
            tiles.push((first..span.rows.end.min(first + most), span));
        }
    }
    // The longest tasks first, so that threads end together.
    tiles.sort_by_key(|(rows, _)| std::cmp::Reverse(positions[rows.start]));
    share_each(
        tiles.len() * kv_heads,
        everywhere,
        || own.lend(),
        |task, mine| {
            let ((rows, span), head) = (&tiles[task / kv_heads], task % kv_heads);
            let count = rows.len() * group;
            let (_, floats) = mine.get();
            let sizes =
                [2 * PAGE_TOKENS * head_dim, count * head_dim, count * PAGE_TOKENS, count * result, count * result];
            let mut rest = room(floats, sizes.iter().sum());
            let [page, queries, scores, part, merged] = sizes.map(|size| {
                let (first, after) = std::mem::take(&mut rest).split_at_mut(size);
                rest = after;
                first
            });
            for (i, query) in queries.chunks_exact_mut(head_dim).enumerate() {
                let (row, head) = (rows.start + i / group, head * group + i % group);
                let from = &step.qkv[(row * (heads + 2 * kv_heads) + head) * head_dim..][..head_dim];
                this.rotate(step, positions[row], from, this.factor(), query);
            }
            for merged in merged.chunks_exact_mut(result) {
                merged.fill(0.0);
                merged[head_dim] = f32::NEG_INFINITY;
            }
            let at = &positions[rows.clone()];
            let last = at.last().map_or(0, |p| p / PAGE_TOKENS);
            for (index, number) in span.pages.iter().enumerate().take(last + 1) {
                let next = span.pages.get(index + 1).unwrap_or(number);
                let page = PageHead::load(this, level, cache, (*number, head), (*next, head), count, page);
                let begin = index * PAGE_TOKENS;
                let first = at.partition_point(|p| *p < begin);
                let full = at.partition_point(|p| *p < begin + PAGE_TOKENS - 1);
                // Rows that see a part of the page one by one, then all rows that see the whole page.
                let calls = (first..full).map(|row| (row..row + 1, at[row] + 1 - begin));
                for (rows, visible) in calls.chain((full < at.len()).then_some((full..at.len(), PAGE_TOKENS))) {
                    let (at, count) = (rows.start * group, rows.len() * group);
                    let asked = Rows::new(&queries[at * head_dim..], count, head_dim, head_dim);
                    let part = &mut part[..count * result];
                    page.attend(level, asked, visible, scores, &mut RowsMut::new(part, count, result, result));
                    let merged = merged[at * result..].chunks_exact_mut(result);
                    merged.zip(part.chunks_exact(result)).for_each(|(to, from)| merge(level, to, from));
                }
            }
            for (i, from) in merged.chunks_exact(result).enumerate() {
                let place = ((rows.start + i / group) * heads + head * group + i % group) * head_dim;
                // SAFETY: every task has results of its own.
                let to = unsafe { output.slice(place, head_dim) };
                to.iter_mut().zip(from).for_each(|(to, v)| *to = v / from[head_dim + 1]);
            }
        },
    );
}
