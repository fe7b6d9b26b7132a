//! Input · weightsᵀ, shared among threads.

use crate::format::{Matrix, TILE_ROWS};
use crate::input::{Block, GROUP, MOST_ROWS, groups};
use crate::kernel;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Fewer rows are rounded by the calling thread alone.
const SHARED_ROUNDING: usize = 16;
/// Bytes of weights that a thread takes at a time, at the least.
const SHARE: usize = 64 << 10;

/// Which instructions are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Any processor.
    Scalar,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// What this processor can, fastest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c") {
            levels.insert(0, Self::Avx2);
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni")
            {
                levels.insert(0, Self::Avx512);
            }
        }
        levels
    }

    /// The fastest that this processor has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().first().copied().unwrap_or(Self::Scalar)
    }
}

/// Memory that is reused from call to call.
#[derive(Debug, Default)]
pub struct Scratch(Vec<Block>);

/// Input and output do not fit to the matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an input of {input} and an output of {output} numbers do not fit to a {rows} × {columns} matrix")]
pub struct ShapeError {
    input: usize,
    output: usize,
    rows: usize,
    columns: usize,
}

/// Where threads write: each to columns of its own.
struct Output(*mut f32);

// SAFETY: the threads write to different elements, since each takes its tiles from a counter.
#[expect(unsafe_code, reason = "columns of one row-major matrix cannot be split into slices")]
unsafe impl Sync for Output {}

impl Output {
    /// The address of element `i`.
    #[expect(unsafe_code, reason = "as `Output`")]
    fn at(&self, i: usize) -> *mut f32 {
        // SAFETY: `multiply` checks the length and stays below.
        unsafe { self.0.add(i) }
    }
}

/// Writes `input · matrixᵀ + bias` to `output`, row by row.
///
/// `everywhere` calls what it is given on every thread that shall help, at least once in all, and returns when all calls
/// have ended. How many it calls changes nothing but the time.
#[expect(unsafe_code, reason = "calls what needs the processor's features, and shares the output")]
pub fn multiply(
    level: Level,
    matrix: &Matrix<'_>,
    input: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
    scratch: &mut Scratch,
    everywhere: &dyn Fn(&(dyn Fn() + Sync)),
) -> Result<(), ShapeError> {
    let (n, k) = (matrix.rows, matrix.columns);
    let rows = input.len() / k;
    if input.len() != rows * k || output.len() != rows * n || bias.is_some_and(|b| b.len() != n) {
        return Err(ShapeError { input: input.len(), output: output.len(), rows: n, columns: k });
    }
    // A level that this processor lacks would be undefined behaviour.
    let level = if Level::available().contains(&level) { level } else { Level::Scalar };
    let per_row = k / GROUP;
    if scratch.0.len() < rows * per_row {
        scratch.0.resize(rows * per_row, Block::default());
    }
    let blocks = &mut scratch.0[..rows * per_row];
    round(level, input, k, blocks, everywhere);

    let blocks = &*blocks;
    let out = Output(output.as_mut_ptr());
    let (tiles, tile_bytes) = (n.div_ceil(TILE_ROWS), matrix.tile_bytes());
    let share = (SHARE / tile_bytes.max(1)).clamp(1, (tiles / 16).max(1));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut part = [[0f32; TILE_ROWS]; MOST_ROWS];
        loop {
            let first = next.fetch_add(share, Ordering::Relaxed);
            if first >= tiles {
                return;
            }
            for tile in first..(first + share).min(tiles) {
                let bytes = matrix.tiles[tile * tile_bytes..(tile + 1) * tile_bytes].as_ptr();
                let width = TILE_ROWS.min(n - tile * TILE_ROWS);
                let bias = bias.map(|b| &b[tile * TILE_ROWS..tile * TILE_ROWS + width]);
                for (row, size) in groups(rows) {
                    let (a, part) = (blocks[row * per_row..].as_ptr(), &mut part[..size]);
                    // SAFETY: the tile has the length of its format (checked by `Matrix::new`), the group has `size`
                    // rows of `per_row` blocks, and the processor has the features of the level.
                    unsafe {
                        match level {
                            Level::Scalar => kernel::scalar::tile(matrix.format, bytes, k, a, size, part),
                            #[cfg(target_arch = "x86_64")]
                            Level::Avx2 => kernel::avx2::tile(matrix.format, bytes, k, a, size, part),
                            #[cfg(target_arch = "x86_64")]
                            Level::Avx512 => kernel::avx512::tile(matrix.format, bytes, k, a, size, part),
                        }
                    }
                    for (m, part) in part.iter_mut().enumerate() {
                        for (value, bias) in part.iter_mut().zip(bias.unwrap_or_default()) {
                            *value += bias;
                        }
                        // SAFETY: `width` elements within row `row + m` of the output, which no other thread writes.
                        unsafe {
                            let to = out.at((row + m) * n + tile * TILE_ROWS);
                            std::ptr::copy_nonoverlapping(part.as_ptr(), to, width);
                        }
                    }
                }
            }
        }
    };
    everywhere(&work);
    Ok(())
}

/// Rounds the input, group by group.
#[expect(unsafe_code, reason = "calls what needs the processor's features")]
fn round(level: Level, input: &[f32], k: usize, blocks: &mut [Block], everywhere: &dyn Fn(&(dyn Fn() + Sync))) {
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
                let blocks = &mut group[m..];
                // SAFETY: the processor has the features of the level.
                unsafe {
                    match level {
                        Level::Scalar => kernel::scalar::round(row, blocks, size),
                        #[cfg(target_arch = "x86_64")]
                        Level::Avx2 => kernel::avx2::round(row, blocks, size),
                        #[cfg(target_arch = "x86_64")]
                        Level::Avx512 => kernel::avx512::round(row, blocks, size),
                    }
                }
            }
        }
    };
    if rows < SHARED_ROUNDING { work() } else { everywhere(&work) }
}
