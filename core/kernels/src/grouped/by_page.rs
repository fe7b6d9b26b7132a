//! The schedule for few rows of a sequence: a task for each page and key-value head computes the partial results of all
//! rows that attend to the page; a second pass merges them.

use super::{GroupedAttention, GroupedStep, PageHead};
use crate::float::{Rows, Shared, merge};
use crate::paged::{PAGE_TOKENS, Span, results, visits, windows};
use crate::share::{Everywhere, room, share, share_runs};
use crate::{Level, Scratch};

/// Numbers of partial results that are held at once.
const HELD: usize = 1 << 20;
/// Small tasks that a thread takes at a time.
const AT_ONCE: usize = 4;
/// Multiplications of a task from which on it is not small.
const LARGE: usize = 1 << 19;

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
    scratch: &mut Scratch,
    everywhere: &Everywhere<'_>,
) {
    let GroupedAttention { heads, kv_heads, head_dim, .. } = *this;
    let (group, result) = (this.group(), head_dim + 2);
    let numbers: Vec<usize> = spans.iter().flat_map(|span| span.rows.clone()).collect();
    let rows = numbers.len();
    let visits = visits(positions, spans.iter().copied());
    let Scratch { floats, more, own, .. } = scratch;

    // Queries and merged results are ordered by key-value head, row, and query head of the group.
    let (queries, merged) = room(floats, rows * heads * (head_dim + result)).split_at_mut(rows * heads * head_dim);
    for (i, query) in queries.chunks_exact_mut(head_dim).enumerate() {
        let (head, row) = (i / (rows * group) * group + i % group, numbers[i / group % rows]);
        let from = &step.qkv[(row * (heads + 2 * kv_heads) + head) * head_dim..][..head_dim];
        this.rotate(step, positions[row], from, this.factor(), query);
    }
    let queries = &*queries;
    for merged in merged.chunks_exact_mut(result) {
        merged.fill(0.0);
        merged[head_dim] = f32::NEG_INFINITY;
    }
    let merged = Shared::new(merged);
    for window in windows(&visits, HELD / (heads * result)) {
        let firsts: Vec<usize> =
            window.iter().scan(0, |sum, visit| Some(std::mem::replace(sum, *sum + visit.rows))).collect();
        let total: usize = window.iter().map(|visit| visit.rows).sum();
        let partial = room(more, total * heads * result);
        let parts = Shared::new(partial);
        let products = total * heads * head_dim * PAGE_TOKENS / (window.len() * kv_heads);
        let at_once = if products < LARGE { AT_ONCE } else { 1 };
        share_runs(
            window.len() * kv_heads,
            at_once,
            everywhere,
            || own.lend(),
            |tasks, mine| {
                for task in tasks {
                    let (number, head) = (task / kv_heads, task % kv_heads);
                    let visit = &window[number];
                    let most = visit.calls.iter().map(|(rows, _)| rows.len()).max().unwrap_or(0);
                    let (_, floats) = mine.get();
                    let size = 2 * head_dim * PAGE_TOKENS;
                    let (page, scores) = room(floats, size + most * group * PAGE_TOKENS).split_at_mut(size);
                    let next = (task + 1).min(window.len() * kv_heads - 1);
                    let next = (window[next / kv_heads].page, next % kv_heads);
                    let page = PageHead::load(this, level, cache, (visit.page, head), next, visit.rows * group, page);
                    let mut place = (firsts[number] * kv_heads + head * visit.rows) * group;
                    for (called, visible) in &visit.calls {
                        let count = called.len() * group;
                        let asked = &queries[(head * rows + called.start) * group * head_dim..];
                        // SAFETY: every task has results of its own.
                        let mut to = unsafe { parts.rows(place * result, count, result, result) };
                        page.attend(level, Rows::new(asked, count, head_dim, head_dim), *visible, scores, &mut to);
                        place += count;
                    }
                }
            },
        );
        let partial = &*partial;
        let results = results(window, rows);
        let work = |tasks: std::ops::Range<usize>, (): &mut ()| {
            for task in tasks {
                let (head, row) = (task / rows, task % rows);
                // SAFETY: every task has results of its own.
                let all = unsafe { merged.slice(task * group * result, group * result) };
                for (first, number, place) in &results[row] {
                    let at = (first * kv_heads + head * window[*number].rows + place) * group * result;
                    for (to, from) in all.chunks_exact_mut(result).zip(partial[at..].chunks_exact(result)) {
                        merge(level, to, from);
                    }
                }
            }
        };
        // As much work as a task of the first pass.
        let at_once = (LARGE / (result * group * window.len()).max(1)).max(1);
        share(rows * kv_heads, at_once, everywhere, || (), work);
    }
    for (i, number) in (0..rows * heads).map(|i| (i, numbers[i / group % rows])) {
        let head = i / (rows * group) * group + i % group;
        // SAFETY: the threads have ended.
        let (from, to) =
            unsafe { (merged.slice(i * result, result), output.slice((number * heads + head) * head_dim, head_dim)) };
        to.iter_mut().zip(&*from).for_each(|(to, v)| *to = v / from[head_dim + 1]);
    }
}
