//! Input · weightsᵀ, shared among threads.

use crate::float::Shared;
use crate::format::{Format, Matrix, TILE_ROWS};
use crate::input::{Block, GROUP, PANEL_ROWS, groups, panels};
use crate::share::{Everywhere, Pool, room, share, share_runs};
use crate::{Level, input, kernel};
use std::sync::{Mutex, PoisonError};

/// Fewer rows are rounded by the calling thread alone.
const SHARED_ROUNDING: usize = 16;
/// Bytes of weights that a thread takes at a time, at the least.
const SHARE: usize = 64 << 10;

/// Memory that is reused from call to call.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) blocks: Vec<Block>,
    pub(crate) gathered: Vec<Block>,
    pub(crate) floats: Vec<f32>,
    pub(crate) more: Vec<f32>,
    pub(crate) logits: Vec<f32>,
    pub(crate) own: Pool<(Vec<Block>, Vec<f32>)>,
}

/// Input and output do not fit to the matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an input of {input} and an output of {output} numbers do not fit to a {rows} × {columns} matrix")]
pub struct ShapeError {
    input: usize,
    output: usize,
    rows: usize,
    columns: usize,
}

/// Writes `input · matrixᵀ + bias` to `output`, row by row.
///
/// `everywhere` calls what it is given on every thread that shall help, at least once in all, and returns when all
/// calls have ended. How many it calls changes nothing but the time.
#[expect(unsafe_code, reason = "calls what needs the processor's features, and shares the output")]
pub fn multiply(
    level: Level,
    matrix: &Matrix<'_>,
    input: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
    scratch: &mut Scratch,
    everywhere: &Everywhere<'_>,
) -> Result<(), ShapeError> {
    let (n, k) = (matrix.rows, matrix.columns);
    let rows = input.len() / k;
    if input.len() != rows * k || output.len() != rows * n || bias.is_some_and(|b| b.len() != n) {
        return Err(ShapeError { input: input.len(), output: output.len(), rows: n, columns: k });
    }
    let level = level.checked();
    let per_row = k / GROUP;
    let blocks = room(&mut scratch.blocks, rows * per_row);
    round(level, input, k, blocks, everywhere);

    let blocks = &*blocks;
    let out = Shared::new(output);
    let (tiles, tile_bytes) = (n.div_ceil(TILE_ROWS), matrix.tile_bytes());
    let at_once = (SHARE / tile_bytes.max(1)).clamp(1, (tiles / 16).max(1));
    let work = |range: std::ops::Range<usize>, part: &mut Results| {
        for panel in panels(rows) {
            for tile in range.clone() {
                let width = TILE_ROWS.min(n - tile * TILE_ROWS);
                let bias = bias.map(|b| &b[tile * TILE_ROWS..tile * TILE_ROWS + width]);
                let part = &mut part[..panel.len()];
                products(level, matrix, tile, &blocks[panel.start * per_row..], part);
                for (row, part) in panel.clone().zip(part) {
                    for (value, bias) in part.iter_mut().zip(bias.unwrap_or_default()) {
                        *value += bias;
                    }
                    // SAFETY: every tile has columns of its own.
                    unsafe { out.slice(row * n + tile * TILE_ROWS, width) }.copy_from_slice(&part[..width]);
                }
            }
        }
    };
    // The tiles of several panels are read again, from the second cache.
    if panels(rows).len() > 1 {
        share(tiles, at_once, everywhere, results, work);
    } else {
        share_runs(tiles, at_once, everywhere, results, work);
    }
    Ok(())
}

/// What a tile gives for the rows of a panel.
pub(crate) type Results = [[f32; TILE_ROWS]; PANEL_ROWS];

/// Room for results.
pub(crate) const fn results() -> Results {
    [[0.0; TILE_ROWS]; PANEL_ROWS]
}

/// Tile `tile` of a matrix times `out.len()` rows of input, which are a panel, group by group.
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "calls what needs the processor's features"))]
pub(crate) fn products(level: Level, matrix: &Matrix<'_>, tile: usize, blocks: &[Block], out: &mut [[f32; TILE_ROWS]]) {
    #[cfg(target_arch = "x86_64")]
    let done = match level.checked() {
        // SAFETY: the processor has the features of a level that was checked.
        Level::Amx => unsafe { crate::amx::products(&mut crate::amx::Hardware, matrix, tile, blocks, out) },
        _ => 0,
    };
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    let (tile, per_row) = (matrix.tile(tile), matrix.columns / GROUP);
    for (first, size) in groups(out.len()).skip_while(|(first, _)| *first < done) {
        let (blocks, out) = (&blocks[first * per_row..], &mut out[first..first + size]);
        product(level, matrix.format, tile, matrix.columns, blocks, out);
    }
}

/// A tile times `out.len()` rows of input, which are a group.
#[expect(unsafe_code, reason = "calls what needs the processor's features")]
fn product(level: Level, format: Format, tile: &[u8], columns: usize, blocks: &[Block], out: &mut [[f32; TILE_ROWS]]) {
    let size = out.len();
    assert!(format.tile_bytes(columns) == Some(tile.len()), "a tile of another shape");
    assert!(blocks.len() >= size * (columns / GROUP), "fewer blocks than columns");
    assert!(matches!(size, 1..=4 | 6 | 8), "a group of another size");
    // SAFETY: the tile has the length of its format, the group has `size` rows of blocks, and the processor has the
    // features of a level that was checked.
    unsafe {
        match level.checked() {
            Level::Scalar => kernel::scalar::tile(format, tile.as_ptr(), columns, blocks.as_ptr(), size, out),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => kernel::avx2::tile(format, tile.as_ptr(), columns, blocks.as_ptr(), size, out),
            #[cfg(target_arch = "x86_64")]
            Level::AvxVnni => kernel::avx_vnni::tile(format, tile.as_ptr(), columns, blocks.as_ptr(), size, out),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 | Level::Amx => {
                kernel::avx512::tile(format, tile.as_ptr(), columns, blocks.as_ptr(), size, out)
            }
        }
    }
}

/// Rounds one row; its blocks are `stride` apart.
#[expect(unsafe_code, reason = "calls what needs the processor's features")]
pub(crate) fn round_row(level: Level, row: &[f32], blocks: &mut [Block], stride: usize) {
    // SAFETY: the processor has the features of a level that was checked.
    unsafe {
        match level.checked() {
            Level::Scalar => input::round(row, blocks, stride),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 | Level::AvxVnni => input::round_avx2(row, blocks, stride),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 | Level::Amx => input::avx512::round(row, blocks, stride),
        }
    }
}

/// Rounds the input, group by group.
fn round(level: Level, input: &[f32], k: usize, blocks: &mut [Block], everywhere: &Everywhere<'_>) {
    let rows = input.len() / k;
    let per_row = k / GROUP;
    let mut rest = blocks;
    let parts = groups(rows).map(move |(row, size)| {
        let (group, after) = std::mem::take(&mut rest).split_at_mut(size * per_row);
        rest = after;
        (&input[row * k..(row + size) * k], group, size)
    });
    let parts = Mutex::new(parts);
    let work = || {
        loop {
            let next = parts.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((input, group, size)) = next else { return };
            for (m, row) in input.chunks_exact(k).enumerate() {
                round_row(level, row, &mut group[m..], size);
            }
        }
    };
    if rows < SHARED_ROUNDING { work() } else { everywhere(&work) }
}
