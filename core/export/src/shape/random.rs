//! Random weights in the blocks of GGUF: every byte from a generator, so that no two pages are alike and nothing that
//! compresses, merges or caches pages makes the model cheaper than a real one.

use crate::tensor::TensorType;
use half::f16;

/// SplitMix64: one multiplication chain for eight bytes is faster than a disk, and seeds may be small numbers.
pub(super) struct Random(u64);

impl Random {
    /// The `index`th stream of `seed`.
    pub(super) const fn new(seed: u64, index: u64) -> Self {
        Self(seed.wrapping_mul(0xA076_1D64_78BD_642F) ^ index.wrapping_mul(0xE703_7ED1_A0B4_28DB))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        let mut words = bytes.chunks_exact_mut(8);
        for word in &mut words {
            word.copy_from_slice(&self.next().to_le_bytes());
        }
        let rest = words.into_remainder();
        if !rest.is_empty() {
            let last = self.next().to_le_bytes();
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }
}

/// How a tensor's weights are spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) mean: f32,
    pub(super) deviation: f32,
}

/// Root mean square of the codes of a format, if their bits are random, and of the scales that are bytes.
fn code_size(kind: TensorType) -> f32 {
    match kind {
        TensorType::Q4_0 => 4.637,
        TensorType::Q8_0 => 73.9,
        TensorType::Q6_K => 18.48 * 31.84,
        _ => 1.0,
    }
}

/// Scales of either sign and of half to one and a half of the mean: with one sign, codes whose mean is not zero would
/// give all rows a direction in common, and the router would send every token to the same experts.
fn scales(size: f32) -> [[u8; 2]; 128] {
    std::array::from_fn(|i| {
        #[expect(clippy::cast_precision_loss, reason = "below 64")]
        let part = 0.5 + (i % 64) as f32 / 63.0;
        let sign = if i < 64 { 1.0 } else { -1.0 };
        // The root mean square of `part` is 1.04.
        f16::from_f32(sign * size * part / 1.04).to_le_bytes()
    })
}

/// Fills `out`, which holds whole blocks of `kind`, which is F32, Q4_0, Q6_K or Q8_0.
pub(super) fn fill(kind: TensorType, spread: Spread, random: &mut Random, out: &mut [u8]) {
    random.fill(out);
    if kind == TensorType::F32 {
        // Uniform within ±√3 deviations.
        let width = spread.deviation * 12f32.sqrt() / 65536.0;
        for value in out.as_chunks_mut::<4>().0 {
            let random = f32::from(u16::from_le_bytes([value[0], value[1]])) - 32767.5;
            *value = (spread.mean + width * random).to_le_bytes();
        }
        return;
    }
    let scales = scales(spread.deviation / code_size(kind));
    let at = if kind == TensorType::Q6_K { kind.block_bytes() - 2 } else { 0 };
    for block in out.chunks_exact_mut(kind.block_bytes()) {
        let scale = scales[usize::from(block[at] & 127)];
        block[at..at + 2].copy_from_slice(&scale);
        if kind == TensorType::Q6_K {
            for scale in &mut block[192..208] {
                let size = 24 + (*scale & 15);
                *scale = if *scale < 128 { size } else { size.wrapping_neg() };
            }
        }
    }
}
