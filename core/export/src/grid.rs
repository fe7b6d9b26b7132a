//! The grids of quantised source types: every block is unpacked to codes, scales and minima such that
//! `weight = scale * (code - zero) - minimum`, bit for bit what the reference implementation computes.

use crate::tensor::TensorType;
use half::{bf16, f16};

/// The properties of all blocks of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Bits of a code.
    pub(crate) bits: u32,
    /// Weights that share a scale.
    pub(crate) group: usize,
    /// The code that stands for zero.
    pub(crate) zero: u8,
    /// Whether there are minima.
    pub(crate) affine: bool,
}

/// The grid of `kind`; `None` for floating-point types.
pub(crate) fn grid(kind: TensorType) -> Option<Grid> {
    let grid = |bits, group, zero, affine| Some(Grid { bits, group, zero, affine });
    match kind {
        TensorType::F32 | TensorType::F16 | TensorType::BF16 => None,
        TensorType::Q4_0 => grid(4, 32, 8, false),
        TensorType::Q4_1 => grid(4, 32, 0, true),
        TensorType::Q5_0 => grid(5, 32, 16, false),
        TensorType::Q5_1 => grid(5, 32, 0, true),
        TensorType::Q8_0 => grid(8, 32, 128, false),
        TensorType::Q2_K => grid(2, 16, 0, true),
        TensorType::Q3_K => grid(3, 16, 4, false),
        TensorType::Q4_K => grid(4, 32, 0, true),
        TensorType::Q5_K => grid(5, 32, 0, true),
        TensorType::Q6_K => grid(6, 16, 32, false),
    }
}

/// Unpacks one block of a quantised type. `codes` has the block's elements, `scales` and `minima` its groups.
pub(crate) fn unpack(kind: TensorType, block: &[u8], codes: &mut [u8], scales: &mut [f32], minima: &mut [f32]) {
    minima.fill(0.0);
    match kind {
        TensorType::F32 | TensorType::F16 | TensorType::BF16 => {}
        TensorType::Q4_0 => {
            scales[0] = half_at(block, 0);
            nibbles(&block[2..18], codes);
        }
        TensorType::Q4_1 => {
            scales[0] = half_at(block, 0);
            minima[0] = -half_at(block, 2);
            nibbles(&block[4..20], codes);
        }
        TensorType::Q5_0 => {
            scales[0] = half_at(block, 0);
            nibbles(&block[6..22], codes);
            fifth_bits(&block[2..6], codes);
        }
        TensorType::Q5_1 => {
            scales[0] = half_at(block, 0);
            minima[0] = -half_at(block, 2);
            nibbles(&block[8..24], codes);
            fifth_bits(&block[4..8], codes);
        }
        TensorType::Q8_0 => {
            scales[0] = half_at(block, 0);
            for (code, &byte) in codes.iter_mut().zip(&block[2..34]) {
                *code = byte ^ 0x80;
            }
        }
        TensorType::Q2_K => q2_k(block, codes, scales, minima),
        TensorType::Q3_K => q3_k(block, codes, scales),
        TensorType::Q4_K => {
            scales_and_minima(block, scales, minima);
            for (pair, qs) in block[16..144].chunks_exact(32).enumerate() {
                for (i, &q) in qs.iter().enumerate() {
                    codes[pair * 64 + i] = q & 15;
                    codes[pair * 64 + 32 + i] = q >> 4;
                }
            }
        }
        TensorType::Q5_K => {
            scales_and_minima(block, scales, minima);
            let high = &block[16..48];
            for (pair, qs) in block[48..176].chunks_exact(32).enumerate() {
                for (i, &q) in qs.iter().enumerate() {
                    codes[pair * 64 + i] = (q & 15) | ((high[i] >> (2 * pair)) & 1) << 4;
                    codes[pair * 64 + 32 + i] = (q >> 4) | ((high[i] >> (2 * pair + 1)) & 1) << 4;
                }
            }
        }
        TensorType::Q6_K => q6_k(block, codes, scales),
    }
}

/// The weights of whole blocks of any type, as 32-bit floats. `out` has as many elements as `bytes` holds.
pub(crate) fn dequantize(kind: TensorType, bytes: &[u8], out: &mut [f32]) {
    let Some(grid) = grid(kind) else {
        let read: fn(&[u8]) -> f32 = match kind {
            TensorType::F16 => |b| half_at(b, 0),
            TensorType::BF16 => |b| bf16::from_le_bytes([b[0], b[1]]).to_f32(),
            _ => |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        };
        for (value, element) in out.iter_mut().zip(bytes.chunks_exact(kind.block_bytes())) {
            *value = read(element);
        }
        return;
    };
    let (mut codes, mut scales, mut minima) = ([0u8; 256], [0f32; 16], [0f32; 16]);
    let size = kind.block();
    let groups = size / grid.group;
    for (block, out) in bytes.chunks_exact(kind.block_bytes()).zip(out.chunks_exact_mut(size)) {
        unpack(kind, block, &mut codes[..size], &mut scales[..groups], &mut minima[..groups]);
        for (g, (out, codes)) in out.chunks_exact_mut(grid.group).zip(codes.chunks_exact(grid.group)).enumerate() {
            for (value, &code) in out.iter_mut().zip(codes) {
                *value = scales[g] * (f32::from(code) - f32::from(grid.zero)) - minima[g];
            }
        }
    }
}

fn half_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

fn nibbles(packed: &[u8], codes: &mut [u8]) {
    for (i, &byte) in packed.iter().enumerate() {
        codes[i] = byte & 15;
        codes[i + 16] = byte >> 4;
    }
}

fn fifth_bits(bits: &[u8], codes: &mut [u8]) {
    for (i, code) in codes.iter_mut().enumerate() {
        *code |= ((bits[i / 8] >> (i % 8)) & 1) << 4;
    }
}

/// The eight 6-bit scales and minima of Q4_K and Q5_K.
fn scales_and_minima(block: &[u8], scales: &mut [f32], minima: &mut [f32]) {
    let (d, dmin, packed) = (half_at(block, 0), half_at(block, 2), &block[4..16]);
    for j in 0..8 {
        let (scale, minimum) = if j < 4 {
            (packed[j] & 63, packed[j + 4] & 63)
        } else {
            ((packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4), (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4))
        };
        scales[j] = d * f32::from(scale);
        minima[j] = dmin * f32::from(minimum);
    }
}

fn q2_k(block: &[u8], codes: &mut [u8], scales: &mut [f32], minima: &mut [f32]) {
    let (packed, qs) = (&block[..16], &block[16..80]);
    let (d, dmin) = (half_at(block, 80), half_at(block, 82));
    for j in 0..16 {
        scales[j] = d * f32::from(packed[j] & 15);
        minima[j] = dmin * f32::from(packed[j] >> 4);
    }
    for (i, code) in codes.iter_mut().enumerate() {
        *code = (qs[(i / 128) * 32 + i % 32] >> (2 * ((i / 32) % 4))) & 3;
    }
}

fn q3_k(block: &[u8], codes: &mut [u8], scales: &mut [f32]) {
    let (mask, qs, packed, d) = (&block[..32], &block[32..96], &block[96..108], half_at(block, 108));
    for j in 0..16 {
        let low = if j < 8 { packed[j] & 15 } else { packed[j - 8] >> 4 };
        let high = (packed[8 + j % 4] >> (2 * (j / 4))) & 3;
        scales[j] = d * (f32::from(low | high << 4) - 32.0);
    }
    for (i, code) in codes.iter_mut().enumerate() {
        let low = (qs[(i / 128) * 32 + i % 32] >> (2 * ((i / 32) % 4))) & 3;
        *code = low | ((mask[i % 32] >> (i / 32)) & 1) << 2;
    }
}

fn q6_k(block: &[u8], codes: &mut [u8], scales: &mut [f32]) {
    let (low, high, packed, d) = (&block[..128], &block[128..192], &block[192..208], half_at(block, 208));
    for (scale, &byte) in scales.iter_mut().zip(packed) {
        *scale = d * f32::from(byte.cast_signed());
    }
    for half in 0..2 {
        for i in 0..32 {
            let (a, b, h) = (low[64 * half + i], low[64 * half + 32 + i], high[32 * half + i]);
            let out = &mut codes[128 * half..];
            out[i] = (a & 15) | (h & 3) << 4;
            out[i + 32] = (b & 15) | ((h >> 2) & 3) << 4;
            out[i + 64] = (a >> 4) | ((h >> 4) & 3) << 4;
            out[i + 96] = (b >> 4) | (h >> 6) << 4;
        }
    }
}
