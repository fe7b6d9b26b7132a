//! Rows of a source tensor → the codes and scales of the kernels.

use crate::grid::{self, Grid};
use crate::tensor::TensorType;

/// The format that the kernels read: codes of `bits`, `block` of which share a scale; the code `2^(bits-1)` stands for
/// zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) bits: u32,
    pub(crate) block: usize,
    /// The source's own grid, unchanged.
    pub(crate) exact: bool,
    /// An offset for every block, added by the graph: what makes grids with minima exact.
    pub(crate) offsets: bool,
}

/// How much of the source's precision is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// 8 bits on a grid finer than that of any quantised source, in the blocks that are fastest; 4-bit grids without
    /// minima as they are.
    Near,
    /// The source's own grid.
    Exact,
    /// The source's own blocks, for the engine's own operators; [`Precision::Near`] for what those do not read.
    Native,
    /// A new grid, for the runtime's operators.
    Requantised { bits: u32, block: usize },
    /// New blocks, for the engine's own operators.
    Blocks { bits: u32 },
}

/// The largest block that divides `columns` and is not larger than `most`.
pub(crate) fn block_for(columns: usize, most: usize) -> Option<usize> {
    [256, 128, 64, 32, 16].into_iter().find(|&b| b <= most && columns.is_multiple_of(b))
}

impl Layout {
    /// How a matrix of `kind` with `columns` is stored; `None` if the kernels have no block that fits.
    pub(crate) fn choose(kind: TensorType, columns: usize, precision: Precision) -> Option<Self> {
        let plain = |bits, most| {
            let block = block_for(columns, most)?;
            Some(Self { bits, block, exact: false, offsets: false })
        };
        let exact = |grid: Grid| {
            let bits = if grid.bits <= 4 { 4 } else { 8 };
            Some(Self { bits, block: grid.group, exact: true, offsets: grid.affine })
        };
        match (precision, grid::grid(kind)) {
            (Precision::Requantised { bits, block }, _) => plain(bits, block),
            (Precision::Exact, Some(grid)) => exact(grid),
            (Precision::Near | Precision::Native, Some(grid)) if kind == TensorType::Q4_0 => exact(grid),
            (Precision::Near | Precision::Native, _) => plain(8, NEAR_BLOCK),
            (Precision::Exact, None) | (Precision::Blocks { .. }, _) => plain(8, 32),
        }
    }

    /// The same without offsets, for operators that have no place for them.
    pub(crate) fn without_offsets(self, columns: usize) -> Option<Self> {
        if !self.offsets {
            return Some(self);
        }
        block_for(columns, 32).map(|block| Self { bits: 8, block, exact: false, offsets: false })
    }

    /// Bytes of one packed row.
    pub(crate) fn row_bytes(self, columns: usize) -> usize {
        columns * self.bits as usize / 8
    }

    /// For the manifest.
    pub(crate) fn describe(self) -> String {
        let how = match (self.exact, self.offsets) {
            (true, true) => ", exact, real zero points",
            (true, false) => ", exact",
            (false, _) => ", rounded",
        };
        format!("{} bits, block {}{how}", self.bits, self.block)
    }
}

/// Weights that share a scale where the source's own grid is not kept. The kernels round the activations in the same
/// blocks, so that larger ones cost precision twice: with 64 the logits are as near to the source's as llama.cpp's
/// are, with 128 half as near. And up to 64 (32 with 4 bits) a row's result does not depend on how many rows are
/// computed with it, which is what makes drafted, chunked and cached runs give the same tokens (`docs/lab/models.md`).
pub(crate) const NEAR_BLOCK: usize = 64;

/// Room for one row, reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    codes: Vec<u8>,
    weights: Vec<f32>,
}

/// Packs one row. `codes` has [`Layout::row_bytes`]; `scales` and `offsets` one element for each block.
pub(crate) fn pack_row(
    kind: TensorType,
    row: &[u8],
    layout: Layout,
    scratch: &mut Scratch,
    codes: &mut [u8],
    scales: &mut [f32],
    offsets: &mut [f32],
) {
    let columns = scales.len() * layout.block;
    scratch.codes.resize(columns, 0);
    match (layout.exact, grid::grid(kind)) {
        (true, Some(grid)) => exact_row(kind, grid, row, layout, &mut scratch.codes, scales, offsets),
        _ => {
            scratch.weights.resize(columns, 0.0);
            grid::dequantize(kind, row, &mut scratch.weights);
            let blocks = scratch.weights.chunks_exact(layout.block).zip(scratch.codes.chunks_exact_mut(layout.block));
            for ((weights, codes), scale) in blocks.zip(scales) {
                *scale = if layout.bits == 8 { round_8(weights, codes) } else { round_4(weights, codes) };
            }
        }
    }
    if layout.bits == 8 {
        codes.copy_from_slice(&scratch.codes);
    } else {
        for (byte, pair) in codes.iter_mut().zip(scratch.codes.chunks_exact(2)) {
            *byte = pair[0] | pair[1] << 4;
        }
    }
}

fn exact_row(
    kind: TensorType,
    grid: Grid,
    row: &[u8],
    layout: Layout,
    codes: &mut [u8],
    scales: &mut [f32],
    offsets: &mut [f32],
) {
    let middle = 1u8 << (layout.bits - 1);
    // A grid with minima has no code for zero; half its range keeps the codes small, and the offset makes up for it.
    let zero = if grid.affine { 1u8 << (grid.bits - 1) } else { grid.zero };
    let (size, groups) = (kind.block(), kind.block() / grid.group);
    let mut minima = [0f32; 16];
    for (i, block) in row.chunks_exact(kind.block_bytes()).enumerate() {
        let range = i * groups..(i + 1) * groups;
        let codes = &mut codes[i * size..(i + 1) * size];
        grid::unpack(kind, block, codes, &mut scales[range.clone()], &mut minima[..groups]);
        for code in codes {
            *code = code.wrapping_add(middle.wrapping_sub(zero));
        }
        if grid.affine {
            for ((offset, scale), minimum) in offsets[range.clone()].iter_mut().zip(&scales[range]).zip(minima) {
                *offset = scale * f32::from(zero) - minimum;
            }
        }
    }
}

/// The weight that is farthest from zero; not a number if any is not finite, which spoils the scale and is noticed.
fn largest(weights: &[f32]) -> f32 {
    let mut most = 0f32;
    for &weight in weights {
        if !weight.is_finite() {
            return f32::NAN;
        }
        if weight.abs() > most.abs() {
            most = weight;
        }
    }
    most
}

fn round_8(weights: &[f32], codes: &mut [u8]) -> f32 {
    let scale = largest(weights).abs() / 127.0;
    let inverse = if scale > 0.0 && scale.is_finite() { 1.0 / scale } else { 0.0 };
    for (code, weight) in codes.iter_mut().zip(weights) {
        *code = to_code(weight * inverse, 128.0, 255.0);
    }
    scale
}

/// Tries several scales and keeps the one with the least squared error: worth a good part of a bit.
fn round_4(weights: &[f32], codes: &mut [u8]) -> f32 {
    let most = largest(weights);
    if most == 0.0 || most.is_nan() {
        codes.fill(8);
        return most;
    }
    let (mut best, mut best_gain) = (most / -8.0, f32::MIN);
    for step in -6i8..=10 {
        let inverse = -(8.0 + 0.1 * f32::from(step)) / most;
        let (mut product, mut square) = (0f32, 0f32);
        for weight in weights {
            let q = (weight * inverse).round().clamp(-8.0, 7.0);
            // Errors of large weights matter more to the output than their number suggests.
            let importance = weight * weight;
            product += importance * weight * q;
            square += importance * q * q;
        }
        if square > 0.0 && product * product / square > best_gain {
            best_gain = product * product / square;
            best = product / square;
        }
    }
    let inverse = if best == 0.0 { 0.0 } else { 1.0 / best };
    for (code, weight) in codes.iter_mut().zip(weights) {
        *code = to_code(weight * inverse, 8.0, 15.0);
    }
    best
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of the codes")]
fn to_code(value: f32, zero: f32, most: f32) -> u8 {
    (value.round() + zero).clamp(0.0, most) as u8
}
