//! Blocks of a tile of weights → signed bytes and the scales of each 32 weights.

use crate::format::{Format, TILE_ROWS};
use crate::input::GROUP;
use crate::vector::avx512::{F, I, and, float, load, load_half, mul_f, or, prefetch, sar, shl, shr, store, zero};
use std::arch::x86_64::{_mm512_set1_epi8, _mm512_storeu_si512, _mm512_sub_epi8, _mm512_xor_si512};

/// Blocks of 32 weights that are decoded at once: those of a block of 256.
const BLOCKS: usize = 8;
/// Bytes of a block's codes.
const BYTES: usize = GROUP * TILE_ROWS;
const NIBBLE: u32 = 0x0f0f_0f0f;
/// How far ahead weights are asked for.
const AHEAD: usize = 8192;

/// Decoded blocks.
#[repr(C, align(64))]
pub(super) struct Chunk {
    codes: [[u8; BYTES]; BLOCKS],
    scales: [[f32; TILE_ROWS]; BLOCKS],
    minima: [[f32; TILE_ROWS]; BLOCKS],
    // The scales of both halves of a block.
    pairs: [[[i32; TILE_ROWS]; 2]; BLOCKS],
}

impl Chunk {
    pub(super) const fn new() -> Self {
        Self {
            codes: [[0; BYTES]; BLOCKS],
            scales: [[0.0; TILE_ROWS]; BLOCKS],
            minima: [[0.0; TILE_ROWS]; BLOCKS],
            pairs: [[[0; TILE_ROWS]; 2]; BLOCKS],
        }
    }

    pub(super) const fn codes(&self, block: usize) -> *const u8 {
        self.codes[block].as_ptr()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    pub(super) fn scale(&self, block: usize) -> F {
        // SAFETY: sixteen numbers.
        unsafe { crate::wide::avx512::load(self.scales[block].as_ptr()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    pub(super) fn minimum(&self, block: usize) -> F {
        // SAFETY: sixteen numbers.
        unsafe { crate::wide::avx512::load(self.minima[block].as_ptr()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    pub(super) fn pair(&self, block: usize) -> [I; 2] {
        // SAFETY: sixteen numbers.
        [0, 1].map(|half| unsafe { load(self.pairs[block][half].as_ptr().cast()) })
    }

    /// Four words of a block's codes, from word `at` on, less `offset`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    fn put(&mut self, block: usize, at: usize, words: [I; 4], offset: i8) {
        let place = &mut self.codes[block][at * 4 * TILE_ROWS..][..4 * 4 * TILE_ROWS];
        for (word, place) in words.into_iter().zip(place.as_chunks_mut::<64>().0) {
            // SAFETY: 64 bytes.
            unsafe { _mm512_storeu_si512(place.as_mut_ptr().cast(), _mm512_sub_epi8(word, _mm512_set1_epi8(offset))) };
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    fn put_scale(&mut self, block: usize, scale: F, minimum: F) {
        // SAFETY: sixteen numbers each.
        unsafe {
            store(self.scales[block].as_mut_ptr(), scale);
            store(self.minima[block].as_mut_ptr(), minimum);
        }
    }

    /// Decodes the blocks of 32 weights from `first` on, up to [`BLOCKS`]; how many. `first` is the begin of a block.
    ///
    /// # Safety
    /// `tile` must be a tile of `format` with `columns` columns.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    pub(super) unsafe fn decode(&mut self, format: Format, tile: *const u8, columns: usize, first: usize) -> usize {
        let count = BLOCKS.min(columns / GROUP - first);
        // SAFETY: the offsets are those of the format's layout, within the tile.
        unsafe {
            let (head, body) = (tile, tile.add(format.head_bytes(columns)));
            let bytes = format.body_bytes() / (format.block() / GROUP);
            for line in (0..count * bytes).step_by(64) {
                prefetch(body.wrapping_add(first * bytes + line + AHEAD));
            }
            match format {
                Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => {
                    for i in 0..count {
                        let p = body.add((first + i) * bytes);
                        match format {
                            Format::Q4_0 => self.four(i, p),
                            Format::Q5_0 => self.five(i, p),
                            _ => self.eight(i, p),
                        }
                        self.put_scale(i, load_half(head.add(2 * TILE_ROWS * (first + i))), zero());
                    }
                }
                Format::Q4_K => self.k::<false>(body.add(first * bytes)),
                Format::Q5_K => self.k::<true>(body.add(first * bytes)),
                Format::Q6_K => {
                    let d = load_half(head.add(2 * TILE_ROWS * (first / BLOCKS)));
                    self.six(body.add(first * bytes), d);
                }
            }
        }
        count
    }

    /// A block of Q4_0.
    ///
    /// # Safety
    /// `p` must point to its codes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    unsafe fn four(&mut self, block: usize, p: *const u8) {
        // SAFETY: four words of codes.
        let both: [I; 4] = [0, 1, 2, 3].map(|i| unsafe { load(p.add(64 * i)) });
        self.put(block, 0, both.map(|b| and(b, NIBBLE)), 8);
        self.put(block, 4, both.map(|b| and(shr::<4>(b), NIBBLE)), 8);
    }

    /// A block of Q5_0.
    ///
    /// # Safety
    /// `p` must point to its bits and codes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    unsafe fn five(&mut self, block: usize, p: *const u8) {
        // SAFETY: a word of fifth bits and four of codes.
        let (h, both): (I, [I; 4]) = unsafe { (load(p), [1, 2, 3, 4].map(|i| load(p.add(64 * i)))) };
        let low = [shl::<4>(h), shl::<3>(h), shl::<2>(h), shl::<1>(h)].map(|bit| and(bit, 0x1010_1010));
        let high = [h, shr::<1>(h), shr::<2>(h), shr::<3>(h)].map(|bit| and(bit, 0x1010_1010));
        self.put(block, 0, std::array::from_fn(|i| or(and(both[i], NIBBLE), low[i])), 16);
        self.put(block, 4, std::array::from_fn(|i| or(and(shr::<4>(both[i]), NIBBLE), high[i])), 16);
    }

    /// A block of Q8_0, whose bytes are 128 too large.
    ///
    /// # Safety
    /// `p` must point to its codes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    unsafe fn eight(&mut self, block: usize, p: *const u8) {
        let sign = _mm512_set1_epi8(-128);
        for at in [0, 4] {
            // SAFETY: eight words of codes.
            let words: [I; 4] = [0, 1, 2, 3].map(|i| unsafe { load(p.add(64 * (at + i))) });
            self.put(block, at, words.map(|w| _mm512_xor_si512(w, sign)), 0);
        }
    }

    /// A block of 256 weights of Q4_K, or of Q5_K if `FIVE`.
    ///
    /// # Safety
    /// `p` must point to it.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    unsafe fn k<const FIVE: bool>(&mut self, p: *const u8) {
        // SAFETY: two planes of halves, three of packed scales, then those of the codes.
        unsafe {
            let (d, dmin) = (load_half(p), load_half(p.add(32)));
            let p = p.add(64);
            let (x, y, z) = (load(p), load(p.add(64)), load(p.add(128)));
            let scales = [and(x, 0x3f3f_3f3f), or(and(z, NIBBLE), and(shr::<2>(x), 0x3030_3030))];
            let minima = [and(y, 0x3f3f_3f3f), or(and(shr::<4>(z), NIBBLE), and(shr::<2>(y), 0x3030_3030))];
            let byte = |words: I, i: usize| match i % 4 {
                0 => and(words, 255),
                1 => and(shr::<8>(words), 255),
                2 => and(shr::<16>(words), 255),
                _ => shr::<24>(words),
            };
            for i in 0..BLOCKS {
                let (scale, minimum) = (float(byte(scales[i / 4], i)), float(byte(minima[i / 4], i)));
                self.put_scale(i, mul_f(d, scale), mul_f(dmin, minimum));
            }
            let high = p.add(192);
            let low = if FIVE { p.add(704) } else { high };
            for at in [0, 4] {
                let fifth: [I; 4] =
                    if FIVE { [0, 1, 2, 3].map(|i| load(high.add(64 * (at + i)))) } else { [zero_i(); 4] };
                for j in 0..4 {
                    let both: [I; 4] = [0, 1, 2, 3].map(|i| load(low.add(512 * j + 64 * (at + i))));
                    let mut even = both.map(|b| and(b, NIBBLE));
                    let mut odd = both.map(|b| and(shr::<4>(b), NIBBLE));
                    if FIVE {
                        for i in 0..4 {
                            let h = fifth[i];
                            let (e, o) = match j {
                                0 => (shl::<4>(h), shl::<3>(h)),
                                1 => (shl::<2>(h), shl::<1>(h)),
                                2 => (h, shr::<1>(h)),
                                _ => (shr::<2>(h), shr::<3>(h)),
                            };
                            even[i] = or(even[i], and(e, 0x1010_1010));
                            odd[i] = or(odd[i], and(o, 0x1010_1010));
                        }
                    }
                    self.put(2 * j, at, even, 0);
                    self.put(2 * j + 1, at, odd, 0);
                }
            }
        }
    }

    /// A block of 256 weights of Q6_K with the scale `d`.
    ///
    /// # Safety
    /// `p` must point to its body.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    unsafe fn six(&mut self, p: *const u8, d: F) {
        // SAFETY: four planes of scales, sixteen of high bits, 32 of low ones.
        unsafe {
            for n in 0..2 {
                let (low, high) = (p.add(1280 + 1024 * n), p.add(256 + 512 * n));
                let (s, t) = (load(p.add(128 * n)), load(p.add(128 * n + 64)));
                for q in 0..4 {
                    let block = 4 * n + q;
                    for at in [0, 4] {
                        let words = [0, 1, 2, 3].map(|i| {
                            let l = load(low.add(512 * (q % 2) + 64 * (at + i)));
                            let h = load(high.add(64 * (at + i)));
                            match q {
                                0 => or(and(l, NIBBLE), and(shl::<4>(h), 0x3030_3030)),
                                1 => or(and(l, NIBBLE), and(shl::<2>(h), 0x3030_3030)),
                                2 => or(and(shr::<4>(l), NIBBLE), and(h, 0x3030_3030)),
                                _ => or(and(shr::<4>(l), NIBBLE), and(shr::<2>(h), 0x3030_3030)),
                            }
                        });
                        self.put(block, at, words, 32);
                    }
                    let scales = if q < 2 { s } else { t };
                    let pair = if q % 2 == 0 {
                        [sar::<24>(shl::<24>(scales)), sar::<24>(shl::<16>(scales))]
                    } else {
                        [sar::<24>(shl::<8>(scales)), sar::<24>(scales)]
                    };
                    for (scale, place) in pair.into_iter().zip(&mut self.pairs[block]) {
                        _mm512_storeu_si512(place.as_mut_ptr().cast(), scale);
                    }
                    self.put_scale(block, d, zero());
                }
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
fn zero_i() -> I {
    crate::vector::avx512::splat(0)
}
