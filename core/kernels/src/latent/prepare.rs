//! The first steps of both forms.

use super::{Attention, Cache, Step, Weights};
use crate::Level;
use crate::float::{Rows, RowsMut, dots, halves, norm};
use crate::format::TILE_ROWS;
use crate::input::{Block, GROUP, MOST_ROWS, groups};
use crate::multiply::{product, round_row};
use crate::share::room;

/// Rotates pairs of neighbours by the angles of a position.
pub(super) fn rotate(row: &[f32], cos: &[f32], sin: &[f32], factor: f32, out: &mut [f32]) {
    let pairs = row.as_chunks::<2>().0.iter().zip(out.as_chunks_mut::<2>().0);
    for (([a, b], out), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
        *out = [(a * cos - b * sin) * factor, (a * sin + b * cos) * factor];
    }
}

/// The angles of `position`.
pub(super) fn angles<'a>(step: &Step<'a>, rope: usize, position: usize) -> (&'a [f32], &'a [f32]) {
    let range = position * (rope / 2)..(position + 1) * (rope / 2);
    (&step.cos[range.clone()], &step.sin[range])
}

/// Writes the new tokens into the cache.
pub(super) fn remember(this: &Attention<'_>, level: Level, step: &Step<'_>, rows: usize, cache: &mut Cache<'_>) {
    let width = this.width();
    let mut row = vec![0f32; width];
    for token in 0..rows {
        let (latent, key) = step.latents[token * width..(token + 1) * width].split_at(this.rank);
        let (left, right) = row.split_at_mut(this.rank);
        norm(level, latent, this.norm, this.epsilon, left);
        let (cos, sin) = angles(step, this.rope, step.past + token);
        rotate(key, cos, sin, 1.0, right);
        let at = (step.past + token) * width..(step.past + token + 1) * width;
        match cache {
            Cache::F32(cache) => cache[at].copy_from_slice(&row),
            Cache::F16(cache) => {
                for (to, from) in cache[at].iter_mut().zip(&row) {
                    *to = half::f16::from_f32(*from).to_bits();
                }
            }
        }
    }
}

/// Tokens `first` to `first + count` of the cache as floats.
pub(super) fn latents<'a>(
    level: Level,
    cache: &'a Cache<'_>,
    width: usize,
    first: usize,
    count: usize,
    room: &'a mut [f32],
) -> Rows<'a> {
    let range = first * width..(first + count) * width;
    match cache {
        Cache::F32(cache) => Rows::dense(&cache[range], width),
        Cache::F16(cache) => {
            let room = &mut room[..count * width];
            halves(level, &cache[range], room);
            Rows::dense(room, width)
        }
    }
}

/// The rows of `input` times the matrix of `head`.
pub(super) fn each_product(
    weights: &Weights<'_>,
    level: Level,
    head: usize,
    input: Rows<'_>,
    blocks: &mut Vec<Block>,
    out: &mut RowsMut<'_>,
) {
    match weights {
        Weights::Floats(all) => {
            let size = out.width() * input.width;
            dots(level, input, Rows::dense(&all[head * size..(head + 1) * size], input.width), out);
        }
        Weights::Tiles(stack) => {
            let matrix = stack.matrix(head);
            let per_row = matrix.columns / GROUP;
            let blocks = room(blocks, input.rows * per_row);
            for (first, size) in groups(input.rows) {
                for m in 0..size {
                    round_row(level, input.row(first + m), &mut blocks[first * per_row + m..], size);
                }
            }
            let mut results = [[0f32; TILE_ROWS]; MOST_ROWS];
            for tile in 0..matrix.rows.div_ceil(TILE_ROWS) {
                let width = TILE_ROWS.min(matrix.rows - tile * TILE_ROWS);
                for (first, size) in groups(input.rows) {
                    let blocks = &blocks[first * per_row..];
                    product(level, matrix.format, matrix.tile(tile), matrix.columns, blocks, &mut results[..size]);
                    for (m, result) in results[..size].iter().enumerate() {
                        out.row(first + m)[tile * TILE_ROWS..][..width].copy_from_slice(&result[..width]);
                    }
                }
            }
        }
    }
}
