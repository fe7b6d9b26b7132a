//! Elementwise computations: softmax, gates, sums, norms, conversions.

use super::{Rows, RowsMut, dots};
use crate::Level;

/// Coefficients of a polynomial for 2^x with x in -0.5..=0.5, highest power first. Its error is below 2e-8.
const COEFFICIENTS: [f32; 7] =
    [0.000_154_614_45, 0.001_340_042_8, 0.009_618_057, 0.055_503_27, 0.240_226_5, std::f32::consts::LN_2, 1.0];

/// One step of an online softmax: `most`, the largest score so far, becomes the maximum with the first `visible`
/// scores; these become 2^(score - most), the others zero. Returns the sum.
pub(crate) fn softmax(level: Level, scores: &mut [f32], visible: usize, most: &mut f32) -> f32 {
    assert!(scores.len().is_multiple_of(16) && visible <= scores.len(), "scores come by sixteen");
    dispatch!(level, softmax(scores, visible, most))
}

/// Merges the partial result of one page into that of the pages before it. Both have the weighted sum of values, then
/// the largest score, then the sum of powers.
pub(crate) fn merge(level: Level, to: &mut [f32], from: &[f32]) {
    assert!(to.len() == from.len() && to.len() >= 2, "mixes of other widths");
    dispatch!(level, merge(to, from));
}

/// `values` times `factor`.
pub(crate) fn scale(values: &mut [f32], factor: f32) {
    values.iter_mut().for_each(|v| *v *= factor);
}

/// `out` += `values` times `factor`, rounded twice.
pub(crate) fn add_scaled(out: &mut [f32], values: &[f32], factor: f32) {
    out.iter_mut().zip(values).for_each(|(o, v)| *o += v * factor);
}

/// SiLU(`gate`) · `up`, into `up`.
pub(crate) fn gated(level: Level, gate: &[f32; 16], up: &mut [f32; 16]) {
    dispatch!(level, gated(gate, up));
}

/// The numbers divided by their root mean square, times `weight`.
pub(crate) fn norm(level: Level, row: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    assert!(row.len() == weight.len() && row.len() == out.len(), "a norm of another width");
    let mut squares = [0f32];
    dots(level, Rows::dense(row, row.len()), Rows::dense(row, row.len()), &mut RowsMut::new(&mut squares, 1, 1, 1));
    #[expect(clippy::cast_precision_loss, reason = "widths are small")]
    let factor = 1.0 / (squares[0] / row.len() as f32 + epsilon).sqrt();
    for ((out, v), w) in out.iter_mut().zip(row).zip(weight) {
        *out = v * factor * w;
    }
}

/// Converts 16-bit floats to 32 bits. Prefetches as many at `next`, which may be any address.
pub(crate) fn halves(level: Level, halves: &[u16], out: &mut [f32], next: *const u16) {
    assert!(halves.len() == out.len(), "as many as there are");
    dispatch!(level, halves(halves, out, next));
}

macro_rules! kernel {
    ($(#[$cfg:meta])? $name:ident $(, $features:literal)?) => {
        $(#[$cfg])?
        mod $name {
            use super::COEFFICIENTS;
            use crate::wide::$name::*;

            /// # Safety
            /// The processor must have the features, and the caller checked the lengths.
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn merge(to: &mut [f32], from: &[f32]) {
                let width = to.len() - 2;
                let (to, states) = to.split_at_mut(width);
                let (from, [most, sum]) = (&from[..width], [from[width], from[width + 1]]);
                let largest = if states[0] > most { states[0] } else { most };
                let (mut before, mut after) = ([0f32; 16], [0f32; 16]);
                // SAFETY: all have sixteen numbers.
                unsafe {
                    store(before.as_mut_ptr(), power(sub(splat(states[0]), splat(largest))));
                    store(after.as_mut_ptr(), power(sub(splat(most), splat(largest))));
                    states[0] = largest;
                    states[1] = sum.mul_add(after[0], states[1] * before[0]);
                    let (earlier, later) = (load(before.as_ptr()), load(after.as_ptr()));
                    let (all, some) = to.as_chunks_mut::<16>();
                    let (parts, rest) = from.as_chunks::<16>();
                    for (to, from) in all.iter_mut().zip(parts) {
                        let kept = mul(load(to.as_ptr()), earlier);
                        store(to.as_mut_ptr(), fma(load(from.as_ptr()), later, kept));
                    }
                    for (to, from) in some.iter_mut().zip(rest) {
                        *to = from.mul_add(after[0], *to * before[0]);
                    }
                }
            }

            /// 2 to the power of each, which must not be above 126; what is below -125 counts as -125, and what is not
            /// a number stays none.
            #[inline]
            $(#[target_feature(enable = $features)])?
            fn power(x: V) -> V {
                let x = min(splat(126.0), max(splat(-125.0), x));
                // The nearest integer, in the lowest bits.
                let t = add(x, splat(12_582_912.0));
                let r = sub(x, sub(t, splat(12_582_912.0)));
                let mut p = splat(COEFFICIENTS[0]);
                for c in &COEFFICIENTS[1..] {
                    p = fma(p, r, splat(*c));
                }
                add(scale(p, t), sub(x, x))
            }

            /// # Safety
            /// The processor must have the features, and the caller checked the lengths.
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn softmax(scores: &mut [f32], visible: usize, most: &mut f32) -> f32 {
                scores[visible..].fill(f32::NEG_INFINITY);
                let mut all = splat(*most);
                for part in scores.as_chunks::<16>().0 {
                    // SAFETY: 16 numbers.
                    all = max(all, unsafe { load(part.as_ptr()) });
                }
                *most = largest(all);
                let mut total = splat(0.0);
                for (i, part) in scores.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                    // SAFETY: 16 numbers.
                    unsafe {
                        store(part.as_mut_ptr(), power(sub(load(part.as_ptr()), splat(*most))));
                        part[visible.saturating_sub(16 * i).min(16)..].fill(0.0);
                        total = add(total, load(part.as_ptr()));
                    }
                }
                sum(total)
            }

            /// # Safety
            /// The processor must have the features.
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn gated(gate: &[f32; 16], up: &mut [f32; 16]) {
                // SAFETY: both have 16 numbers.
                unsafe {
                    let (g, u) = (load(gate.as_ptr()), load(up.as_ptr()));
                    let e = power(mul(g, splat(-std::f32::consts::LOG2_E)));
                    store(up.as_mut_ptr(), mul(div(g, add(splat(1.0), e)), u));
                }
            }

            /// # Safety
            /// The processor must have the features, and the lengths must be the same.
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn halves(halves: &[u16], out: &mut [f32], next: *const u16) {
                let (from, rest) = halves.as_chunks::<32>();
                let (to, last) = out.as_chunks_mut::<32>();
                for (i, (from, to)) in from.iter().zip(to).enumerate() {
                    prefetch(next.wrapping_add(32 * i));
                    // SAFETY: both have 32 numbers.
                    unsafe {
                        store(to.as_mut_ptr(), load_half(from.as_ptr()));
                        store(to.as_mut_ptr().add(16), load_half(from.as_ptr().add(16)));
                    }
                }
                for (from, to) in rest.iter().zip(last) {
                    *to = half::f16::from_bits(*from).to_f32();
                }
            }
        }
    };
}

kernel!(scalar);
kernel!(
    #[cfg(target_arch = "x86_64")]
    avx2,
    "avx2,fma,f16c"
);
kernel!(
    #[cfg(target_arch = "x86_64")]
    avx512,
    "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c"
);
