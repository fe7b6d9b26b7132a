//! Blocks as GGUF has them → weights.

use crate::Format;
use half::f16;

/// The weights of whole blocks; as many as `out` has place for.
pub(crate) fn blocks(format: Format, bytes: &[u8], out: &mut [f32]) {
    let blocks = bytes.chunks_exact(format.block_bytes()).zip(out.chunks_exact_mut(format.block()));
    for (block, out) in blocks {
        match format {
            Format::Q4_0 => nibbles(half(block, 0), &block[2..18], |_| -8, out),
            Format::Q5_0 => {
                let bits = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
                nibbles(half(block, 0), &block[6..22], |i| if bits >> i & 1 == 1 { 0 } else { -16 }, out);
            }
            Format::Q8_0 => {
                let scale = half(block, 0);
                for (value, &q) in out.iter_mut().zip(&block[2..34]) {
                    *value = scale * f32::from(q.cast_signed());
                }
            }
            Format::Q4_K => k(block, None, &block[16..144], out),
            Format::Q5_K => k(block, Some(&block[16..48]), &block[48..176], out),
            Format::Q6_K => q6_k(block, out),
        }
    }
}

fn half(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

fn nibbles(scale: f32, packed: &[u8], offset: impl Fn(usize) -> i16, out: &mut [f32]) {
    for (i, &byte) in packed.iter().enumerate() {
        out[i] = scale * f32::from(i16::from(byte & 15) + offset(i));
        out[i + 16] = scale * f32::from(i16::from(byte >> 4) + offset(i + 16));
    }
}

/// Q4_K, and Q5_K with the fifth bits `high`.
fn k(block: &[u8], high: Option<&[u8]>, low: &[u8], out: &mut [f32]) {
    let (scale, least, packed) = (half(block, 0), half(block, 2), &block[4..16]);
    for (j, out) in out.chunks_exact_mut(32).enumerate() {
        let (s, m) = if j < 4 {
            (packed[j] & 63, packed[j + 4] & 63)
        } else {
            ((packed[j + 4] & 15) | packed[j - 4] >> 6 << 4, packed[j + 4] >> 4 | packed[j] >> 6 << 4)
        };
        let (s, m) = (scale * f32::from(s), least * f32::from(m));
        for (i, value) in out.iter_mut().enumerate() {
            let code = low[j / 2 * 32 + i] >> (j % 2 * 4) & 15;
            let fifth = high.map_or(0, |high| (high[i] >> j & 1) << 4);
            *value = s * f32::from(code | fifth) - m;
        }
    }
}

fn q6_k(block: &[u8], out: &mut [f32]) {
    let (low, high, scales, scale) = (&block[..128], &block[128..192], &block[192..208], half(block, 208));
    for (i, value) in out.iter_mut().enumerate() {
        let (part, quarter, j) = (i / 128, i / 32 % 4, i % 32);
        let l = low[64 * part + quarter % 2 * 32 + j] >> (quarter / 2 * 4) & 15;
        let h = high[32 * part + j] >> (2 * quarter) & 3;
        let s = scale * f32::from(scales[i / 16].cast_signed());
        *value = s * f32::from(i16::from(l | h << 4) - 32);
    }
}
