//! Steps that both forms share: rotation, norm, and writing latents to pages.

use super::{LatentAttention, LatentStep, SHARED_WRITING, Weights};
use crate::Level;
use crate::float::{Rows, RowsMut, Shared, dots, halves, norm};
use crate::format::TILE_ROWS;
use crate::input::{Block, GROUP, groups, panels};
use crate::multiply::{products, results, round_row};
use crate::paged::{PAGE_TOKENS, Places};
use crate::share::{Everywhere, room};
use half::slice::{HalfBitsSliceExt as _, HalfFloatSliceExt as _};

/// Rotates pairs of neighbours by the angles of a position.
pub(crate) fn rotate(row: &[f32], cos: &[f32], sin: &[f32], factor: f32, out: &mut [f32]) {
    let pairs = row.as_chunks::<2>().0.iter().zip(out.as_chunks_mut::<2>().0);
    for (([a, b], out), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
        *out = [(a * cos - b * sin) * factor, (a * sin + b * cos) * factor];
    }
}

/// The angles of `position`.
pub(super) fn angles<'a>(step: &LatentStep<'a>, rope: usize, position: usize) -> (&'a [f32], &'a [f32]) {
    let range = position * (rope / 2)..(position + 1) * (rope / 2);
    (&step.cos[range.clone()], &step.sin[range])
}

/// Writes the normalised latents and rotated keys of the rows to their pages.
#[expect(unsafe_code, reason = "shares the pages among threads")]
pub(super) fn write(
    this: &LatentAttention<'_>,
    level: Level,
    step: &LatentStep<'_>,
    places: &Places,
    cache: &mut [u16],
    everywhere: &Everywhere<'_>,
) {
    let width = this.width();
    let pages = Shared::new(cache);
    let rows = places.positions.len();
    let at_once = if rows < SHARED_WRITING { rows } else { 1 };
    places.each_written(1, at_once, everywhere, |rows, page, _| {
        let part = this.place(page);
        // SAFETY: no other call has this page.
        let part = unsafe { pages.slice(part.start, part.len()) };
        let mut row = vec![0f32; width];
        for number in rows {
            let position = places.positions[number];
            let (latent, key) = step.latents[number * width..(number + 1) * width].split_at(this.rank);
            let (left, right) = row.split_at_mut(this.rank);
            norm(level, latent, this.norm, this.epsilon, left);
            let (cos, sin) = angles(step, this.rope, position);
            rotate(key, cos, sin, 1.0, right);
            let to = &mut part[position % PAGE_TOKENS * width..][..width];
            to.reinterpret_cast_mut::<half::f16>().convert_from_f32_slice(&row);
        }
    });
}

/// The first `count` tokens of pages that follow each other, as floats.
pub(super) fn latents<'a>(
    this: &LatentAttention<'_>,
    level: Level,
    cache: &[u16],
    pages: &[usize],
    count: usize,
    room: &'a mut [f32],
) -> Rows<'a> {
    let width = this.width();
    let room = &mut room[..count * width];
    for (i, (page, room)) in pages.iter().zip(room.chunks_mut(PAGE_TOKENS * width)).enumerate() {
        let next = pages.get(i + 1).unwrap_or(page);
        let next = cache.as_ptr().wrapping_add(this.place(*next).start);
        halves(level, &cache[this.place(*page)][..room.len()], room, next);
    }
    Rows::dense(room, width)
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
            let mut results = results();
            for panel in panels(input.rows) {
                for tile in 0..matrix.rows.div_ceil(TILE_ROWS) {
                    let width = TILE_ROWS.min(matrix.rows - tile * TILE_ROWS);
                    let results = &mut results[..panel.len()];
                    products(level, &matrix, tile, &blocks[panel.start * per_row..], results);
                    for (row, result) in panel.clone().zip(results) {
                        out.row(row)[tile * TILE_ROWS..][..width].copy_from_slice(&result[..width]);
                    }
                }
            }
        }
    }
}
