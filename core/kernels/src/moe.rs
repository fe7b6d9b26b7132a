//! A mixture of experts: a router chooses few of many networks for each token.
//!
//! A token's result is the sum of its experts' results in the order of their numbers, and then the shared one: neither
//! the other tokens nor the threads change a bit of it.

mod route;

pub use route::Routing;

use crate::float::{Rows, Shared, add_scaled, dots, gated};
use crate::format::{Matrix, Stack, TILE_ROWS};
use crate::input::{Block, GROUP, groups, panels};
use crate::multiply::{products, results, round_row};
use crate::share::{Everywhere, room, share, share_each, share_runs};
use crate::{Level, Scratch};
use std::sync::{Mutex, PoisonError};

/// Fewer rows are rounded by the calling thread alone.
const SHARED_ROUNDING: usize = 16;
/// Bytes of weights that a thread takes at a time, at the least.
const SHARE: usize = 64 << 10;

/// The three products of a network, for one expert or for many: `down · (SiLU(gate · x) * (up · x))`.
#[derive(Debug, Clone, Copy)]
pub struct Expert<'a> {
    /// Intermediate × hidden.
    pub gate: Stack<'a>,
    /// Intermediate × hidden.
    pub up: Stack<'a>,
    /// Hidden × intermediate.
    pub down: Stack<'a>,
}

/// A layer's experts.
#[derive(Debug, Clone, Copy)]
pub struct Mixture<'a> {
    /// A row of weights for each expert.
    pub router: &'a [f32],
    /// Those that are chosen from.
    pub experts: Expert<'a>,
    /// One that every token has.
    pub shared: Option<Expert<'a>>,
    /// How they are chosen.
    pub routing: Routing,
}

/// Inputs that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MixtureError {
    /// Matrices of other shapes than those beside them.
    #[error("the matrices of the experts do not fit to each other")]
    Shapes,
    /// Too many experts are wanted, or groups that do not divide them.
    #[error("{top_k} of {experts} experts cannot be chosen from {top_groups} of {groups} groups")]
    Routing {
        /// How many there are.
        experts: usize,
        /// How many a token has.
        top_k: usize,
        /// Groups of experts.
        groups: usize,
        /// Groups that are chosen from.
        top_groups: usize,
    },
    /// Input and output are not rows of the same width.
    #[error("an input of {input} and an output of {output} numbers are not tokens of {hidden}")]
    Input {
        /// Numbers of the input.
        input: usize,
        /// Numbers of the output.
        output: usize,
        /// The width of a token.
        hidden: usize,
    },
}

/// One expert with the tokens that have it.
struct Part<'a> {
    gate: Matrix<'a>,
    up: Matrix<'a>,
    down: Matrix<'a>,
    // Its tokens, with their weights.
    tokens: &'a [(usize, f32)],
    // Where its rounded rows of input begin, and its rows of activations, and those rounded.
    input: usize,
    hidden: usize,
    rounded: usize,
    // The number of its first tile among all parts' tiles.
    tiles: usize,
}

impl Expert<'_> {
    fn fits(&self, count: usize, hidden: usize) -> bool {
        let inner = self.gate.rows();
        let same = |s: &Stack<'_>, rows, columns| s.count == count && s.rows() == rows && s.columns() == columns;
        same(&self.gate, inner, hidden) && same(&self.up, inner, hidden) && same(&self.down, hidden, inner)
    }
}

impl Expert<'_> {
    /// Writes the result of a single network, without routing, for each row of `input` to `output`. `everywhere` is as
    /// in [`multiply`](crate::multiply).
    pub fn run(
        &self,
        level: Level,
        input: &[f32],
        output: &mut [f32],
        scratch: &mut Scratch,
        everywhere: &Everywhere<'_>,
    ) -> Result<(), MixtureError> {
        let hidden = self.gate.columns();
        if !self.fits(1, hidden) {
            return Err(MixtureError::Shapes);
        }
        if input.len() != output.len() || !input.len().is_multiple_of(hidden) {
            return Err(MixtureError::Input { input: input.len(), output: output.len(), hidden });
        }
        let every: Vec<(usize, f32)> = (0..input.len() / hidden).map(|row| (row, 1.0)).collect();
        let Scratch { blocks, gathered, floats, .. } = scratch;
        let all = std::iter::once((*self, 0, every.as_slice()));
        run_parts(level.checked(), input, output, hidden, all, (blocks, gathered, floats), everywhere);
        Ok(())
    }
}

impl Mixture<'_> {
    fn check(&self, input: usize, output: usize) -> Result<(), MixtureError> {
        let (count, hidden) = (self.experts.gate.count, self.experts.gate.columns());
        let router = count.checked_mul(hidden) == Some(self.router.len());
        if !router || !self.experts.fits(count, hidden) || self.shared.is_some_and(|s| !s.fits(1, hidden)) {
            return Err(MixtureError::Shapes);
        }
        if !self.routing.fits(count) {
            let Routing { top_k, groups, top_groups, .. } = self.routing;
            return Err(MixtureError::Routing { experts: count, top_k, groups, top_groups });
        }
        if input != output || !input.is_multiple_of(hidden) {
            return Err(MixtureError::Input { input, output, hidden });
        }
        Ok(())
    }

    /// Writes the mixture's result for each row of `input` to `output`. `everywhere` is as in
    /// [`multiply`](crate::multiply).
    pub fn run(
        &self,
        level: Level,
        input: &[f32],
        output: &mut [f32],
        scratch: &mut Scratch,
        everywhere: &Everywhere<'_>,
    ) -> Result<(), MixtureError> {
        self.check(input.len(), output.len())?;
        let (count, hidden) = (self.experts.gate.count, self.experts.gate.columns());
        let rows = input.len() / hidden;
        if rows == 0 {
            return Ok(());
        }
        let level = level.checked();
        let Scratch { blocks, gathered, floats, logits, .. } = scratch;
        let logits = room(logits, rows * count);
        self.route(level, input, logits, everywhere);
        let chosen = self.routing.choose(level, logits, count);
        let every: Vec<(usize, f32)> = (0..rows).map(|row| (row, 1.0)).collect();

        let routed = chosen.iter().enumerate().map(|(expert, tokens)| (self.experts, expert, tokens.as_slice()));
        let shared = self.shared.iter().map(|shared| (*shared, 0, every.as_slice()));
        run_parts(level, input, output, hidden, routed.chain(shared), (blocks, gathered, floats), everywhere);
        Ok(())
    }

    /// The router's results.
    #[expect(unsafe_code, reason = "shares the results among threads")]
    fn route(&self, level: Level, input: &[f32], logits: &mut [f32], everywhere: &Everywhere<'_>) {
        const TOKENS: usize = 32;
        const EXPERTS: usize = 16;
        let (count, hidden) = (self.experts.gate.count, self.experts.gate.columns());
        let rows = input.len() / hidden;
        let columns = count.div_ceil(EXPERTS);
        let out = Shared::new(logits);
        share_each(
            columns * rows.div_ceil(TOKENS),
            everywhere,
            || (),
            |index, ()| {
                let (row, expert) = (index / columns * TOKENS, index % columns * EXPERTS);
                let (tokens, experts) = (TOKENS.min(rows - row), EXPERTS.min(count - expert));
                let tokens = Rows::new(&input[row * hidden..], tokens, hidden, hidden);
                let router = Rows::new(&self.router[expert * hidden..], experts, hidden, hidden);
                // SAFETY: every index has results of its own.
                let mut to = unsafe { out.rows(row * count + expert, tokens.rows, experts, count) };
                dots(level, tokens, router, &mut to);
            },
        );
    }
}

/// The sum of what networks give for their tokens, each in turn, into `output`.
fn run_parts<'a>(
    level: Level,
    input: &[f32],
    output: &mut [f32],
    hidden: usize,
    networks: impl Iterator<Item = (Expert<'a>, usize, &'a [(usize, f32)])>,
    (blocks, gathered, floats): (&mut Vec<Block>, &mut Vec<Block>, &mut Vec<f32>),
    everywhere: &Everywhere<'_>,
) {
    // The sizes of all that follows.
    let mut parts = Vec::new();
    let (mut pairs, mut activations, mut rounded, mut tiles) = (0, 0, 0, 0);
    for (network, index, tokens) in networks.filter(|(.., tokens)| !tokens.is_empty()) {
        let (gate, up) = (network.gate.matrix(index), network.up.matrix(index));
        let down = network.down.matrix(index);
        let inner = gate.rows();
        parts.push(Part { gate, up, down, tokens, input: pairs, hidden: activations, rounded, tiles });
        pairs += tokens.len();
        activations += tokens.len() * inner;
        rounded += tokens.len() * (inner / GROUP);
        tiles += inner.div_ceil(TILE_ROWS);
    }
    let (rows, per_row) = (input.len() / hidden, hidden / GROUP);
    let blocks = room(blocks, rounded.max(rows * per_row));
    let gathered = room(gathered, pairs * per_row);
    let floats = room(floats, activations);

    gather(level, input, &parts, hidden, (&mut blocks[..rows * per_row], gathered), everywhere);
    gate_up(level, &parts, gathered, per_row, floats, tiles, everywhere);
    quantize_activations(level, &parts, floats, &mut blocks[..rounded], everywhere);
    down_accumulate(level, &parts, &blocks[..rounded], output, hidden, everywhere);
}

/// Rounds every token once, and puts those of each expert beside each other.
fn gather(
    level: Level,
    input: &[f32],
    parts: &[Part<'_>],
    hidden: usize,
    (blocks, gathered): (&mut [Block], &mut [Block]),
    everywhere: &Everywhere<'_>,
) {
    let per_row = hidden / GROUP;
    let rows = input.len() / hidden;
    each_of(input.chunks_exact(hidden).zip(blocks.chunks_exact_mut(per_row)), rows, everywhere, |(row, to)| {
        round_row(level, row, to, 1);
    });
    let blocks = &*blocks;
    let mut rest = gathered;
    let groups = parts.iter().flat_map(|part| groups(part.tokens.len()).map(move |g| (part, g)));
    let work = groups.map(|(part, (first, size))| {
        let (group, after) = std::mem::take(&mut rest).split_at_mut(size * per_row);
        rest = after;
        (&part.tokens[first..first + size], group)
    });
    each_of(work, rows, everywhere, |(tokens, group)| {
        for (m, (token, _)) in tokens.iter().enumerate() {
            let row = &blocks[token * per_row..(token + 1) * per_row];
            group[m..].iter_mut().step_by(tokens.len()).zip(row).for_each(|(to, from)| *to = *from);
        }
    });
}

/// Does `f` for all of `work`, on all threads if there are many rows.
fn each_of<T: Send>(
    work: impl Iterator<Item = T> + Send,
    rows: usize,
    everywhere: &Everywhere<'_>,
    f: impl Fn(T) + Sync,
) {
    if rows < SHARED_ROUNDING {
        return work.for_each(f);
    }
    let work = Mutex::new(work);
    everywhere(&|| {
        loop {
            let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(item) = next else { return };
            f(item);
        }
    });
}

/// The gate and up projections: `SiLU(gate · x) * (up · x)` for every expert's tokens.
#[expect(unsafe_code, reason = "shares the results among threads")]
fn gate_up(
    level: Level,
    parts: &[Part<'_>],
    gathered: &[Block],
    per_row: usize,
    floats: &mut [f32],
    tiles: usize,
    everywhere: &Everywhere<'_>,
) {
    let Some(bytes) = parts.first().map(|p| p.gate.tile_bytes() + p.up.tile_bytes()) else { return };
    let out = Shared::new(floats);
    let at_once = (SHARE / bytes.max(1)).clamp(1, (tiles / 16).max(1));
    share_parts(
        parts,
        tiles,
        at_once,
        everywhere,
        || [results(), results()],
        |mut range, [gate, up]| {
            while !range.is_empty() {
                let part = &parts[parts.partition_point(|p| p.tiles <= range.start) - 1];
                let inner = part.gate.rows();
                let end = range.end.min(part.tiles + inner.div_ceil(TILE_ROWS));
                for panel in panels(part.tokens.len()) {
                    for tile in range.start - part.tiles..end - part.tiles {
                        let width = TILE_ROWS.min(inner - tile * TILE_ROWS);
                        let blocks = &gathered[(part.input + panel.start) * per_row..];
                        let (gate, up) = (&mut gate[..panel.len()], &mut up[..panel.len()]);
                        products(level, &part.gate, tile, blocks, gate);
                        products(level, &part.up, tile, blocks, up);
                        for (row, (gate, up)) in panel.clone().zip(gate.iter().zip(up)) {
                            gated(level, gate, up);
                            let at = part.hidden + row * inner + tile * TILE_ROWS;
                            // SAFETY: every tile of a part has columns of its own.
                            unsafe { out.slice(at, width) }.copy_from_slice(&up[..width]);
                        }
                    }
                }
                range.start = end;
            }
        },
    );
}

/// Quantizes the activations of every expert's tokens, as the input of the down projection.
fn quantize_activations(
    level: Level,
    parts: &[Part<'_>],
    floats: &[f32],
    blocks: &mut [Block],
    everywhere: &Everywhere<'_>,
) {
    let rows = parts.iter().map(|p| p.tokens.len()).sum();
    let mut rest = blocks;
    let groups = parts.iter().flat_map(|part| groups(part.tokens.len()).map(move |g| (part, g)));
    let work = groups.map(|(part, (first, size))| {
        let inner = part.gate.rows();
        let (group, after) = std::mem::take(&mut rest).split_at_mut(size * (inner / GROUP));
        rest = after;
        (&floats[part.hidden + first * inner..part.hidden + (first + size) * inner], inner, group)
    });
    each_of(work, rows, everywhere, |(rows, inner, group)| {
        let size = rows.len() / inner;
        for (m, row) in rows.chunks_exact(inner).enumerate() {
            round_row(level, row, &mut group[m..], size);
        }
    });
}

/// The down projection, and the weighted sum over the experts.
#[expect(unsafe_code, reason = "shares the output among threads")]
fn down_accumulate(
    level: Level,
    parts: &[Part<'_>],
    blocks: &[Block],
    output: &mut [f32],
    hidden: usize,
    everywhere: &Everywhere<'_>,
) {
    let rows = output.len() / hidden;
    let out = Shared::new(output);
    let tiles = hidden.div_ceil(TILE_ROWS);
    let at_once = (tiles / 32).clamp(1, if rows < 16 { 2 } else { 4 });
    share_parts(parts, tiles, at_once, everywhere, results, |range, results| {
        // SAFETY: every tile has columns of its own.
        let column = |row: usize, tile: usize| unsafe {
            out.slice(row * hidden + tile * TILE_ROWS, TILE_ROWS.min(hidden - tile * TILE_ROWS))
        };
        for row in 0..rows {
            range.clone().for_each(|tile| column(row, tile).fill(0.0));
        }
        for part in parts {
            let per_row = part.gate.rows() / GROUP;
            for panel in panels(part.tokens.len()) {
                for tile in range.clone() {
                    let blocks = &blocks[part.rounded + panel.start * per_row..];
                    let results = &mut results[..panel.len()];
                    products(level, &part.down, tile, blocks, results);
                    for ((token, weight), result) in part.tokens[panel.clone()].iter().zip(results) {
                        add_scaled(column(*token, tile), result, *weight);
                    }
                }
            }
        }
    });
}

/// Shares tiles among threads, in long runs where each is read once.
fn share_parts<T>(
    parts: &[Part<'_>],
    tiles: usize,
    at_once: usize,
    everywhere: &Everywhere<'_>,
    own: impl Fn() -> T + Sync,
    each: impl Fn(std::ops::Range<usize>, &mut T) + Sync,
) {
    if parts.iter().all(|part| panels(part.tokens.len()).len() <= 1) {
        share_runs(tiles, at_once, everywhere, own, each);
    } else {
        share(tiles, at_once, everywhere, own, each);
    }
}
