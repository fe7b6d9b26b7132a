//! One tile of sixteen rows times a few rows of input. The same text is compiled for every width of vector.
//!
//! A result is the sum over the row's blocks in their order, one fused multiply-add for each (and one for its minimum),
//! of exact integer products: the order depends on nothing, so the bits do not either.

use crate::format::{Format, TILE_ROWS};
use crate::input::Block;

/// How far ahead weights are asked for: what the memory delivers while one request is on its way.
const AHEAD: usize = 8192;
const NIBBLE: u32 = 0x0f0f_0f0f;

macro_rules! kernel {
    ($(#[$cfg:meta])? $name:ident, $most:literal $(, $features:literal)?) => {
        $(#[$cfg])?
        pub(crate) mod $name {
            use super::*;
            use crate::vector::$name::*;

            /// Input rows that are computed at once.
            pub(crate) const MOST: usize = $most;

            /// Asks for what will be read some blocks later: the processor's own guesses end at the next page. Every
            /// block asks for its share of a whole tile, with what lies before the blocks, and not for much at once, as
            /// few requests can be on their way.
            #[inline]
            $(#[target_feature(enable = $features)])?
            fn ahead<const BYTES: usize>(share: *const u8) {
                for i in (0..BYTES).step_by(64) {
                    prefetch(share.wrapping_add(AHEAD + i));
                }
            }

            /// A sum with the other sign, times a power of two, or nothing.
            #[inline]
            $(#[target_feature(enable = $features)])?
            fn less(less: i32, times: i32) -> I {
                match times {
                    8 => shl::<3>(splat(less)),
                    16 => shl::<4>(splat(less)),
                    32 => shl::<5>(splat(less)),
                    128 => shl::<7>(splat(less)),
                    _ => splat(0),
                }
            }

            /// `w · a` for each of the rows that follow each other in `a`, minus `offset` times the sum of their bytes.
            ///
            /// # Safety
            /// `a` must point to `M` blocks, and the processor must have the features.
            #[inline(always)]
            unsafe fn products<const M: usize>(w: [I; 8], a: *const Block, offset: i32) -> [I; M] {
                // SAFETY: as the caller promises.
                unsafe {
                    let a = &*a.cast::<[Block; M]>();
                    let mut sums = [splat(0); M];
                    for m in 0..M {
                        sums[m] = less(a[m].less[0], offset);
                    }
                    for i in 0..8 {
                        for m in 0..M {
                            sums[m] = dot(sums[m], w[i], a[m].bytes[i]);
                        }
                    }
                    sums
                }
            }

            /// Adds a block without a minimum.
            ///
            /// # Safety
            /// As [`products`].
            #[inline(always)]
            unsafe fn plain<const M: usize>(acc: &mut [F; M], w: [I; 8], scale: F, a: *const Block, offset: i32) {
                // SAFETY: as the caller promises.
                unsafe {
                    let sums = products::<M>(w, a, offset);
                    for m in 0..M {
                        let s = splat_f((*a.add(m)).scale);
                        acc[m] = fma(float(sums[m]), mul_f(scale, s), acc[m]);
                    }
                }
            }

            /// Adds a block of 64 weights of Q4_K or Q5_K: two groups of 32, whose codes share their bytes.
            ///
            /// # Safety
            /// As [`products`], for two groups `stride` apart; `low` and `high` must be planes of eight words.
            #[inline(always)]
            #[expect(clippy::too_many_arguments, reason = "what the blocks of one loop have in common")]
            unsafe fn pair<const M: usize, const FIVE: bool, const J: usize>(
                acc: &mut [F; M], low: *const u8, high: *const u8, scales: I, minima: I, d: F, dmin: F,
                a: *const Block, stride: usize,
            ) {
                // SAFETY: as the caller promises.
                unsafe {
                    let (mut w, mut v) = ([splat(0); 8], [splat(0); 8]);
                    for i in 0..8 {
                        let both = load(low.add(64 * i));
                        w[i] = and(both, NIBBLE);
                        v[i] = and(shr::<4>(both), NIBBLE);
                        if FIVE {
                            let h = load(high.add(64 * i));
                            let (even, odd) = match J {
                                0 => (shl::<4>(h), shl::<3>(h)),
                                1 => (shl::<2>(h), shl::<1>(h)),
                                2 => (h, shr::<1>(h)),
                                _ => (shr::<2>(h), shr::<3>(h)),
                            };
                            w[i] = or(w[i], and(even, 0x1010_1010));
                            v[i] = or(v[i], and(odd, 0x1010_1010));
                        }
                    }
                    let (s, t) = if J % 2 == 0 {
                        ((and(scales, 255), and(shr::<8>(scales), 255)), (and(minima, 255), and(shr::<8>(minima), 255)))
                    } else {
                        ((and(shr::<16>(scales), 255), shr::<24>(scales)), (and(shr::<16>(minima), 255), shr::<24>(minima)))
                    };
                    with_minimum::<M>(acc, w, mul_f(d, float(s.0)), mul_f(dmin, float(t.0)), a);
                    with_minimum::<M>(acc, v, mul_f(d, float(s.1)), mul_f(dmin, float(t.1)), a.add(stride));
                }
            }

            /// # Safety
            /// As [`products`].
            #[inline(always)]
            unsafe fn with_minimum<const M: usize>(acc: &mut [F; M], w: [I; 8], scale: F, minimum: F, a: *const Block) {
                // SAFETY: as the caller promises.
                unsafe {
                    let sums = products::<M>(w, a, 0);
                    for m in 0..M {
                        let a = &*a.add(m);
                        acc[m] = fma(float(sums[m]), mul_f(scale, splat_f(a.scale)), acc[m]);
                        acc[m] = fnma(minimum, splat_f(a.sum), acc[m]);
                    }
                }
            }

            /// Adds 32 weights of Q6_K.
            ///
            /// # Safety
            /// As [`products`]; `low` and `high` must be planes of eight words.
            #[inline(always)]
            unsafe fn six<const M: usize, const Q: usize>(
                acc: &mut [F; M], low: *const u8, high: *const u8, scales: I, d: F, a: *const Block,
            ) {
                // SAFETY: as the caller promises.
                unsafe {
                    let mut w = [splat(0); 8];
                    for i in 0..8 {
                        let (l, h) = (load(low.add(64 * i)), load(high.add(64 * i)));
                        w[i] = match Q {
                            0 => or(and(l, NIBBLE), and(shl::<4>(h), 0x3030_3030)),
                            1 => or(and(l, NIBBLE), and(shl::<2>(h), 0x3030_3030)),
                            2 => or(and(shr::<4>(l), NIBBLE), and(h, 0x3030_3030)),
                            _ => or(and(shr::<4>(l), NIBBLE), and(shr::<2>(h), 0x3030_3030)),
                        };
                    }
                    let (s, t) = if Q % 2 == 0 {
                        (sar::<24>(shl::<24>(scales)), sar::<24>(shl::<16>(scales)))
                    } else {
                        (sar::<24>(shl::<8>(scales)), sar::<24>(scales))
                    };
                    let rows = &*a.cast::<[Block; M]>();
                    for m in 0..M {
                        let [all, half] = rows[m].less;
                        let mut first = less(half, 32);
                        let mut second = less(all - half, 32);
                        for i in 0..4 {
                            first = dot(first, w[i], rows[m].bytes[i]);
                            second = dot(second, w[i + 4], rows[m].bytes[i + 4]);
                        }
                        let sum = add(mul(first, s), mul(second, t));
                        acc[m] = fma(float(sum), mul_f(d, splat_f(rows[m].scale)), acc[m]);
                    }
                }
            }

            /// `LANES` rows of a tile, from `lane` on, times `M` rows of input.
            ///
            /// # Safety
            /// `tile` must be a tile of `format` with `columns` columns; `a` must hold a row's blocks in steps of
            /// `stride`, `M` rows beside each other; the processor must have the features.
            $(#[target_feature(enable = $features)])?
            unsafe fn lanes<const M: usize>(
                format: Format, tile: *const u8, columns: usize, lane: usize, a: *const Block, stride: usize,
                out: &mut [[f32; TILE_ROWS]],
            ) {
                let mut acc = [zero(); M];
                // SAFETY: the offsets are those of the format's layout, within the tile and the input.
                unsafe {
                    let head = tile.add(2 * lane);
                    let body = tile.add(format.head_bytes(columns));
                    let words = body.add(4 * lane);
                    let blocks = columns / format.block();
                    match format {
                        Format::Q4_0 => {
                            for b in 0..blocks {
                                let p = words.add(b * 256);
                                ahead::<288>(tile.add(b * 288));
                                let mut w = [splat(0); 8];
                                for i in 0..4 {
                                    let both = load(p.add(64 * i));
                                    w[i] = and(both, NIBBLE);
                                    w[i + 4] = and(shr::<4>(both), NIBBLE);
                                }
                                plain::<M>(&mut acc, w, load_half(head.add(32 * b)), a.add(b * stride), 8);
                            }
                        }
                        Format::Q5_0 => {
                            for b in 0..blocks {
                                let p = words.add(b * 320);
                                ahead::<352>(tile.add(b * 352));
                                let h = load(p);
                                let fifth = [
                                    shl::<4>(h), shl::<3>(h), shl::<2>(h), shl::<1>(h),
                                    h, shr::<1>(h), shr::<2>(h), shr::<3>(h),
                                ];
                                let mut w = [splat(0); 8];
                                for i in 0..4 {
                                    let both = load(p.add(64 + 64 * i));
                                    w[i] = or(and(both, NIBBLE), and(fifth[i], 0x1010_1010));
                                    w[i + 4] = or(and(shr::<4>(both), NIBBLE), and(fifth[i + 4], 0x1010_1010));
                                }
                                plain::<M>(&mut acc, w, load_half(head.add(32 * b)), a.add(b * stride), 16);
                            }
                        }
                        Format::Q8_0 => {
                            for b in 0..blocks {
                                let (p, a) = (words.add(b * 512), a.add(b * stride));
                                ahead::<544>(tile.add(b * 544));
                                let rows = &*a.cast::<[Block; M]>();
                                let mut sums = [splat(0); M];
                                for m in 0..M {
                                    sums[m] = less(rows[m].less[0], BIAS8);
                                }
                                for i in 0..8 {
                                    let w = load(p.add(64 * i));
                                    for m in 0..M {
                                        sums[m] = dot8(sums[m], w, rows[m].bytes[i]);
                                    }
                                }
                                let d = load_half(head.add(32 * b));
                                for m in 0..M {
                                    acc[m] = fma(float(sums[m]), mul_f(d, splat_f(rows[m].scale)), acc[m]);
                                }
                            }
                        }
                        Format::Q4_K => k_blocks::<M, false>(&mut acc, body, lane, blocks, a, stride),
                        Format::Q5_K => k_blocks::<M, true>(&mut acc, body, lane, blocks, a, stride),
                        Format::Q6_K => {
                            for b in 0..blocks {
                                let (p, d) = (words.add(b * 3328), load_half(head.add(32 * b)));
                                for n in 0..2 {
                                    let low = p.add(1280 + 1024 * n);
                                    let high = p.add(256 + 512 * n);
                                    let (s, t) = (load(p.add(128 * n)), load(p.add(128 * n + 64)));
                                    let a = a.add((8 * b + 4 * n) * stride);
                                    let share = tile.add(b * 3360 + n * 1680);
                                    ahead::<420>(share);
                                    six::<M, 0>(&mut acc, low, high, s, d, a);
                                    ahead::<420>(share.add(420));
                                    six::<M, 1>(&mut acc, low.add(512), high, s, d, a.add(stride));
                                    ahead::<420>(share.add(840));
                                    six::<M, 2>(&mut acc, low, high, t, d, a.add(2 * stride));
                                    ahead::<420>(share.add(1260));
                                    six::<M, 3>(&mut acc, low.add(512), high, t, d, a.add(3 * stride));
                                }
                            }
                        }
                    }
                    for m in 0..M {
                        debug_assert!(lane + LANES <= TILE_ROWS);
                        store(out[m].as_mut_ptr().add(lane), acc[m]);
                    }
                }
            }

            /// Q4_K and Q5_K.
            ///
            /// # Safety
            /// As [`lanes`].
            #[inline(always)]
            unsafe fn k_blocks<const M: usize, const FIVE: bool>(
                acc: &mut [F; M], body: *const u8, lane: usize, blocks: usize, a: *const Block, stride: usize,
            ) {
                let bytes = if FIVE { 2816 } else { 2304 };
                for b in 0..blocks {
                    // SAFETY: as the caller promises.
                    unsafe {
                        let p = body.add(b * bytes);
                        macro_rules! share {
                            ($j:literal) => {
                                if FIVE { ahead::<704>(p.add(704 * $j)) } else { ahead::<576>(p.add(576 * $j)) }
                            };
                        }
                        share!(0);
                        let (d, dmin) = (load_half(p.add(2 * lane)), load_half(p.add(32 + 2 * lane)));
                        let p = p.add(64 + 4 * lane);
                        let (x, y, z) = (load(p), load(p.add(64)), load(p.add(128)));
                        let s = and(x, 0x3f3f_3f3f);
                        let t = or(and(z, NIBBLE), and(shr::<2>(x), 0x3030_3030));
                        let u = and(y, 0x3f3f_3f3f);
                        let v = or(and(shr::<4>(z), NIBBLE), and(shr::<2>(y), 0x3030_3030));
                        let high = p.add(192);
                        let low = if FIVE { p.add(704) } else { high };
                        let a = a.add(8 * b * stride);
                        pair::<M, FIVE, 0>(acc, low, high, s, u, d, dmin, a, stride);
                        share!(1);
                        pair::<M, FIVE, 1>(acc, low.add(512), high, s, u, d, dmin, a.add(2 * stride), stride);
                        share!(2);
                        pair::<M, FIVE, 2>(acc, low.add(1024), high, t, v, d, dmin, a.add(4 * stride), stride);
                        share!(3);
                        pair::<M, FIVE, 3>(acc, low.add(1536), high, t, v, d, dmin, a.add(6 * stride), stride);
                    }
                }
            }

            /// A tile times `out.len()` rows of input, which are a group or the end of one.
            ///
            /// # Safety
            /// As [`lanes`], for all of the tile's rows.
            pub(crate) unsafe fn tile(
                format: Format, tile: *const u8, columns: usize, a: *const Block, stride: usize,
                out: &mut [[f32; TILE_ROWS]],
            ) {
                for (i, out) in out.chunks_mut(MOST).enumerate() {
                    for lane in (0..TILE_ROWS).step_by(LANES) {
                        // SAFETY: as the caller promises.
                        unsafe {
                            let a = a.add(i * MOST);
                            match out.len() {
                                1 => lanes::<1>(format, tile, columns, lane, a, stride, out),
                                2 => lanes::<2>(format, tile, columns, lane, a, stride, out),
                                3 => lanes::<3>(format, tile, columns, lane, a, stride, out),
                                4 => lanes::<4>(format, tile, columns, lane, a, stride, out),
                                6 => lanes::<6>(format, tile, columns, lane, a, stride, out),
                                _ => lanes::<$most>(format, tile, columns, lane, a, stride, out),
                            }
                        }
                    }
                }
            }
        }
    };
}

kernel!(scalar, 4);
kernel!(
    #[cfg(target_arch = "x86_64")]
    avx2,
    4,
    "avx2,fma,f16c"
);
kernel!(
    #[cfg(target_arch = "x86_64")]
    avx_vnni,
    4,
    "avxvnni,avx2,fma,f16c"
);
kernel!(
    #[cfg(target_arch = "x86_64")]
    avx512,
    8,
    "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c"
);
