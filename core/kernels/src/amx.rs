//! Products by the tiles of AMX, for groups of eight rows of input.
//!
//! A tile of weights is decoded once to signed bytes and then multiplied with all groups of a panel. Sixteen rows of
//! weights have their words of four bytes beside each other, which is just what the instructions want for their right
//! side; the blocks of eight rows of input are what they want for their left. The sums of integers are exact, and the
//! floats that follow are computed by the same operations in the same order as elsewhere: a row has the same bits as at
//! every level.
//!
//! The instructions are behind a trait, so that the same code runs on a model of them in tests. No processor with AMX
//! was at hand when this was written: the level has run on that model only. So [`is_available`] compares the products
//! of the instructions with those of AVX-512 before it says yes.

mod decode;
#[cfg(test)]
pub(crate) mod emulator;
mod hardware;
mod selftest;

pub(crate) use hardware::Hardware;
pub(crate) use selftest::is_available;

use crate::format::{Format, Matrix, TILE_ROWS};
use crate::input::{Block, GROUP, MOST_ROWS};
use crate::vector::avx512::{add, float, fma, fnma, load, mul, mul_f, splat_f, store, zero};
use decode::Chunk;

/// The shapes of the tile registers, as `ldtilecfg` reads them.
#[repr(C, align(64))]
pub(crate) struct Config([u8; 64]);

/// Registers of results, and the first ones of the left and the right side.
const RESULTS: usize = 4;
const LEFT: u8 = 4;
const RIGHT: u8 = 6;

impl Config {
    /// For products of eight rows of `depth` bytes.
    pub(crate) const fn new(depth: usize) -> Self {
        let mut config = [0u8; 64];
        // The only palette. Widths in bytes are at 16, rows at 48.
        config[0] = 1;
        let mut tile = 0;
        while tile < 8 {
            let (rows, width) = match tile {
                0..4 => (MOST_ROWS, 4 * TILE_ROWS),
                4..6 => (MOST_ROWS, depth),
                _ => (depth / 4, 4 * TILE_ROWS),
            };
            config[16 + 2 * tile] = width as u8;
            config[48 + tile] = rows as u8;
            tile += 1;
        }
        Self(config)
    }
}

/// The instructions.
pub(crate) trait TileUnit {
    /// Shapes the registers and clears them.
    ///
    /// # Safety
    /// The processor must have the instructions, and the process the permission to use them.
    unsafe fn configure(&mut self, config: &Config);
    /// Reads a register, row by row.
    ///
    /// # Safety
    /// As [`TileUnit::configure`]; the register's rows, `stride` bytes apart, must be valid for reads.
    unsafe fn load<const T: u8>(&mut self, from: *const u8, stride: usize);
    /// # Safety
    /// As [`TileUnit::configure`].
    unsafe fn zero<const T: u8>(&mut self);
    /// Adds the products of signed bytes.
    ///
    /// # Safety
    /// As [`TileUnit::configure`].
    unsafe fn dot<const TO: u8, const A: u8, const B: u8>(&mut self);
    /// Writes a register, row by row.
    ///
    /// # Safety
    /// As [`TileUnit::configure`]; the register's rows, `stride` bytes apart, must be valid for writes.
    unsafe fn store<const T: u8>(&mut self, to: *mut u8, stride: usize);
    /// Gives the registers back, so that a switch of threads need not save them.
    ///
    /// # Safety
    /// As [`TileUnit::configure`].
    unsafe fn release(&mut self);
}

/// The sums of a group of rows: those of four products.
#[repr(C, align(64))]
struct Sums([[[i32; TILE_ROWS]; MOST_ROWS]; RESULTS]);

/// The products of eight rows of bytes with decoded weights, one for each of `from`, into `sums`.
///
/// # Safety
/// As [`TileUnit`]: each of `from` must point to eight rows, `stride` bytes apart, and to a register of weights.
#[inline(always)]
unsafe fn multiply<E: TileUnit>(unit: &mut E, from: &[(*const u8, *const u8)], stride: usize, sums: &mut Sums) {
    macro_rules! one {
        ($i:literal, $left:expr, $right:expr) => {
            if let Some((left, right)) = from.get($i) {
                // SAFETY: as the caller promises; the sums have eight rows of 64 bytes.
                unsafe {
                    unit.load::<{ $left }>(*left, stride);
                    unit.load::<{ $right }>(*right, 4 * TILE_ROWS);
                    unit.zero::<$i>();
                    unit.dot::<$i, { $left }, { $right }>();
                    unit.store::<$i>(sums.0[$i].as_mut_ptr().cast(), 4 * TILE_ROWS);
                }
            }
        };
    }
    one!(0, LEFT, RIGHT);
    one!(1, LEFT + 1, RIGHT + 1);
    one!(2, LEFT, RIGHT);
    one!(3, LEFT + 1, RIGHT + 1);
}

/// Tile `index` of a matrix times the whole groups of the rows of a panel; how many rows these are.
///
/// # Safety
/// The processor must have AVX-512 with VNNI, and what `unit` needs.
pub(crate) unsafe fn products<E: TileUnit>(
    unit: &mut E,
    matrix: &Matrix<'_>,
    index: usize,
    blocks: &[Block],
    out: &mut [[f32; TILE_ROWS]],
) -> usize {
    let (bytes, columns) = (matrix.tile(index), matrix.columns);
    let rows = out.len() / MOST_ROWS * MOST_ROWS;
    assert!(matrix.format.tile_bytes(columns) == Some(bytes.len()), "a tile of another shape");
    assert!(blocks.len() >= rows * (columns / GROUP), "fewer blocks than columns");
    if rows > 0 {
        // SAFETY: the tile has the length of its format, there are blocks for all rows, and the rest is the caller's.
        unsafe { tile(unit, matrix.format, bytes.as_ptr(), columns, blocks.as_ptr(), &mut out[..rows]) };
    }
    rows
}

/// A tile times the rows of input in `out`, which are groups of eight.
///
/// # Safety
/// `tile` must be a tile of `format` with `columns` columns; `a` must hold the blocks of all groups, one group after
/// the other; the processor must have AVX-512 with VNNI, and what `unit` needs.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn tile<E: TileUnit>(
    unit: &mut E,
    format: Format,
    tile: *const u8,
    columns: usize,
    a: *const Block,
    out: &mut [[f32; TILE_ROWS]],
) {
    let mut chunk = Chunk::new();
    let per_row = columns / GROUP;
    // SAFETY: as the caller promises: all places are within the tile and the input.
    unsafe {
        unit.configure(&Config::new(if format == Format::Q6_K { 16 } else { 32 }));
        let mut first = 0;
        while first < per_row {
            let blocks = chunk.decode(format, tile, columns, first);
            for (group, out) in out.as_chunks_mut::<MOST_ROWS>().0.iter_mut().enumerate() {
                let a = a.add((group * per_row + first) * MOST_ROWS);
                match format {
                    Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => {
                        plain::<E, false>(unit, &chunk, blocks, a, out, first)
                    }
                    Format::Q4_K | Format::Q5_K => plain::<E, true>(unit, &chunk, blocks, a, out, first),
                    Format::Q6_K => six(unit, &chunk, blocks, a, out, first),
                }
            }
            first += blocks;
        }
        unit.release();
    }
}

/// The results so far, or zeros.
macro_rules! begin {
    ($out:ident, $first:ident) => {{
        let mut acc = [zero(); MOST_ROWS];
        if $first > 0 {
            for (acc, out) in acc.iter_mut().zip($out.iter()) {
                *acc = crate::wide::avx512::load(out.as_ptr());
            }
        }
        acc
    }};
}

/// Adds blocks whose weights share one scale, and with `MINIMUM` a minimum.
///
/// # Safety
/// As [`tile`], for one group of rows and the blocks of a chunk.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn plain<E: TileUnit, const MINIMUM: bool>(
    unit: &mut E,
    chunk: &Chunk,
    blocks: usize,
    a: *const Block,
    out: &mut [[f32; TILE_ROWS]; MOST_ROWS],
    first: usize,
) {
    let mut sums = Sums([[[0; TILE_ROWS]; MOST_ROWS]; RESULTS]);
    // SAFETY: as the caller promises.
    unsafe {
        let mut acc = begin!(out, first);
        for begin in (0..blocks).step_by(RESULTS) {
            let count = RESULTS.min(blocks - begin);
            let from: [_; RESULTS] = std::array::from_fn(|i| {
                let block = begin + i.min(count - 1);
                (a.add(block * MOST_ROWS).cast(), chunk.codes(block))
            });
            multiply(unit, &from[..count], size_of::<Block>(), &mut sums);
            for (i, sums) in sums.0[..count].iter().enumerate() {
                let (scale, minimum) = (chunk.scale(begin + i), chunk.minimum(begin + i));
                for m in 0..MOST_ROWS {
                    let a = &*a.add((begin + i) * MOST_ROWS + m);
                    let sum = float(load(sums[m].as_ptr().cast()));
                    acc[m] = fma(sum, mul_f(scale, splat_f(a.scale)), acc[m]);
                    if MINIMUM {
                        acc[m] = fnma(minimum, splat_f(a.sum), acc[m]);
                    }
                }
            }
        }
        acc.into_iter().zip(out).for_each(|(acc, out)| store(out.as_mut_ptr(), acc));
    }
}

/// Adds blocks of Q6_K: two halves with a scale each, which are integers.
///
/// # Safety
/// As [`plain`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn six<E: TileUnit>(
    unit: &mut E,
    chunk: &Chunk,
    blocks: usize,
    a: *const Block,
    out: &mut [[f32; TILE_ROWS]; MOST_ROWS],
    first: usize,
) {
    let mut sums = Sums([[[0; TILE_ROWS]; MOST_ROWS]; RESULTS]);
    // SAFETY: as the caller promises.
    unsafe {
        let mut acc = begin!(out, first);
        for begin in (0..blocks).step_by(RESULTS / 2) {
            let from: [_; RESULTS] = std::array::from_fn(|i| {
                let (block, half) = (begin + i / 2, i % 2);
                let left: *const u8 = a.add(block * MOST_ROWS).cast();
                (left.add(16 * half), chunk.codes(block).add(16 * TILE_ROWS * half))
            });
            multiply(unit, &from, size_of::<Block>(), &mut sums);
            for (i, halves) in sums.0.as_chunks::<2>().0.iter().enumerate() {
                let (scale, [s, t]) = (chunk.scale(begin + i), chunk.pair(begin + i));
                for m in 0..MOST_ROWS {
                    let a = &*a.add((begin + i) * MOST_ROWS + m);
                    let [first, second] = [&halves[0], &halves[1]].map(|half| load(half[m].as_ptr().cast()));
                    let sum = add(mul(first, s), mul(second, t));
                    acc[m] = fma(float(sum), mul_f(scale, splat_f(a.scale)), acc[m]);
                }
            }
        }
        acc.into_iter().zip(out).for_each(|(acc, out)| store(out.as_mut_ptr(), acc));
    }
}
