//! Rounding with AVX-512: the same operations on each number, and sums of the same bytes.

use super::{Block, GROUP};
use core::arch::x86_64::*;

/// As [`super::round`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
pub(crate) fn round(row: &[f32], blocks: &mut [Block], stride: usize) {
    let (chunks, _) = row.as_chunks::<GROUP>();
    let sign = _mm512_set1_epi32(0x7fff_ffff);
    let (magic, zero) = (_mm512_set1_ps(12_582_912.0), _mm512_set1_epi32(0x4b40_0000));
    for (chunk, block) in chunks.iter().zip(blocks.iter_mut().step_by(stride)) {
        // SAFETY: a chunk has 32 numbers, and a block's words have 32 bytes.
        unsafe {
            let (low, high) = (_mm512_loadu_ps(chunk.as_ptr()), _mm512_loadu_ps(chunk.as_ptr().add(16)));
            let [a, b] = [low, high].map(|v| _mm512_and_si512(_mm512_castps_si512(v), sign));
            let most = _mm512_max_epu32(a, b);
            let most = _mm256_max_epu32(_mm512_castsi512_si256(most), _mm512_extracti64x4_epi64::<1>(most));
            let most = _mm_max_epu32(_mm256_castsi256_si128(most), _mm256_extracti128_si256::<1>(most));
            let most = _mm_max_epu32(most, _mm_shuffle_epi32::<0b0100_1110>(most));
            let most = _mm_max_epu32(most, _mm_shuffle_epi32::<0b1011_0001>(most));
            let most = f32::from_bits(_mm_cvtsi128_si32(most).cast_unsigned());
            block.scale = most / 127.0;
            let inverse = _mm512_set1_ps(if most > f32::MIN_POSITIVE * 256.0 { 127.0 / most } else { 0.0 });
            let [first, second] = [low, high].map(|v| {
                let moved = _mm512_add_ps(_mm512_mul_ps(v, inverse), magic);
                _mm512_cvtepi32_epi8(_mm512_sub_epi32(_mm512_castps_si512(moved), zero))
            });
            let bytes = _mm256_set_m128i(second, first);
            _mm256_storeu_si256(block.bytes.as_mut_ptr().cast(), bytes);
            // Four bytes each, then those of each half.
            let sums = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), bytes);
            let sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32::<0b0100_1110>(sums));
            let sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32::<0b1011_0001>(sums));
            let first = _mm256_cvtsi256_si32(sums);
            let all = first + _mm_cvtsi128_si32(_mm256_extracti128_si256::<1>(sums));
            block.less = [-all, -first];
            #[expect(clippy::cast_precision_loss, reason = "small integers")]
            let sum = all as f32;
            block.sum = block.scale * sum;
        }
    }
}
