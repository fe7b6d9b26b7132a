//! Computations in 32-bit floats: small products, softmax, norms. The same text is compiled for every width of vector,
//! and every result is defined so that the width does not show:
//!
//! - a *dot* product is sixteen sums, of every sixteenth product each, which are then added in one order;
//! - a *mix* of rows adds them one after the other, each with one fused multiply-add.

mod rows;

pub(crate) use rows::{Cached, Halves, Rows, RowsMut, Shared};

use crate::Level;

/// Of the polynomial that is 2 to the power of what lies between -0.5 and 0.5 within 2e-8, highest power first.
const COEFFICIENTS: [f32; 7] =
    [0.000_154_614_45, 0.001_340_042_8, 0.009_618_057, 0.055_503_27, 0.240_226_5, std::f32::consts::LN_2, 1.0];

/// Calls the kernel for `level`.
macro_rules! dispatch {
    ($level:expr, $name:ident($($argument:expr),*)) => {
        // SAFETY: the processor has the features of a level that was checked, and the caller checked the rest.
        unsafe {
            match $level.checked() {
                Level::Scalar => scalar::$name($($argument),*),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 | Level::AvxVnni => avx2::$name($($argument),*),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 | Level::Amx => avx512::$name($($argument),*),
            }
        }
    };
}

/// `out[i][j]` = `a[i]` · `b[j]`.
pub(crate) fn dots(level: Level, a: Rows<'_>, b: Rows<'_>, out: &mut RowsMut<'_>) {
    assert!(a.width == b.width && out.rows >= a.rows && out.width >= b.rows, "products of other shapes");
    dispatch!(level, dots(a, b, out));
}

/// `out[i]` = Σ `a[i][k]` · `b[k]`, added to what is there if `onto`.
pub(crate) fn mix(level: Level, a: Rows<'_>, b: Rows<'_>, onto: bool, out: &mut RowsMut<'_>) {
    assert!(a.width == b.rows && out.rows >= a.rows && out.width >= b.width, "products of other shapes");
    dispatch!(level, mix(a, b, onto, out));
}

/// As [`mix`] of the same numbers as floats, with nothing there.
fn mix_halves(level: Level, a: Rows<'_>, b: Halves<'_>, out: &mut RowsMut<'_>) {
    assert!(a.width == b.rows && out.rows >= a.rows && out.width >= b.width, "products of other shapes");
    dispatch!(level, mix_halves(a, b, out));
}

/// As [`dots`] of the same numbers as floats.
fn dots_halves(level: Level, a: Rows<'_>, b: Halves<'_>, out: &mut RowsMut<'_>) {
    assert!(a.width == b.width && out.rows >= a.rows && out.width >= b.rows, "products of other shapes");
    dispatch!(level, dots_halves(a, b, out));
}

/// Powers of two for the first `visible` of the scores; zeros for the rest. `most` is the largest score so far and
/// becomes the largest of all, which is subtracted; the powers' sum comes back.
pub(crate) fn softmax(level: Level, scores: &mut [f32], visible: usize, most: &mut f32) -> f32 {
    assert!(scores.len().is_multiple_of(16) && visible <= scores.len(), "scores come by sixteen");
    dispatch!(level, softmax(scores, visible, most))
}

/// Merges what one part of the keys gives into what those before it gave. Both are a mix of values, then the largest score,
/// then the sum of the powers.
pub(crate) fn merge(level: Level, to: &mut [f32], from: &[f32]) {
    assert!(to.len() == from.len() && to.len() >= 2, "mixes of other widths");
    dispatch!(level, merge(to, from));
}

/// Up to so many queries multiply a page's halves as they are; for more it is converted first. What pays depends on how
/// many rows the registers hold at once.
pub(crate) const fn few_queries(level: Level) -> usize {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Amx => 64,
        _ => 8,
    }
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

/// Halves as floats. As many at `next`, which are converted next, are asked for meanwhile; any address will do.
pub(crate) fn halves(level: Level, halves: &[u16], out: &mut [f32], next: *const u16) {
    assert!(halves.len() == out.len(), "as many as there are");
    dispatch!(level, halves(halves, out, next));
}

/// Rows of the next tile of a mix where `left` are left: those of the heads that share their keys are often 6 or 7.
const fn tile_rows(left: usize, most: usize) -> usize {
    match left {
        0 | 1 => 1,
        2 => 2,
        _ if most == 2 => 2,
        3 | 5 => 3,
        4 | 7 | 8 | 11 => 4,
        _ => 6,
    }
}

/// Expands `$tile` for a number of rows.
macro_rules! few_tiles {
    ($tile:ident, $rows:ident) => {
        if $rows == 1 { $tile!(1) } else { $tile!(2) }
    };
}
#[cfg(target_arch = "x86_64")]
macro_rules! many_tiles {
    ($tile:ident, $rows:ident) => {
        match $rows {
            1 => $tile!(1),
            2 => $tile!(2),
            3 => $tile!(3),
            4 => $tile!(4),
            _ => $tile!(6),
        }
    };
}

macro_rules! kernel {
    ($(#[$cfg:meta])? $name:ident, $rows:literal, $vectors:literal, $most:literal, $tiles:ident $(, $features:literal)?) => {
        $(#[$cfg])?
        mod $name {
            use super::{COEFFICIENTS, Halves, Rows, RowsMut, tile_rows};
            use crate::wide::$name::*;

            /// Sixteen numbers, or `n` and zeros.
            ///
            /// # Safety
            /// `p` must be valid for reads of `n` numbers.
            #[inline]
            $(#[target_feature(enable = $features)])?
            unsafe fn load_some(p: *const f32, n: usize) -> V {
                // SAFETY: as the caller promises; the buffer has 16 numbers.
                unsafe {
                    if n >= 16 {
                        return load(p);
                    }
                    let mut some = [0f32; 16];
                    std::ptr::copy_nonoverlapping(p, some.as_mut_ptr(), n);
                    load(some.as_ptr())
                }
            }

            /// Sixteen halves, or `n` and zeros.
            ///
            /// # Safety
            /// `p` must be valid for reads of `n` halves.
            #[inline]
            $(#[target_feature(enable = $features)])?
            unsafe fn load_some_halves(p: *const u16, n: usize) -> V {
                // SAFETY: as the caller promises; the buffer has 16 halves.
                unsafe {
                    if n >= 16 {
                        return load_half(p);
                    }
                    let mut some = [0u16; 16];
                    std::ptr::copy_nonoverlapping(p, some.as_mut_ptr(), n);
                    load_half(some.as_ptr())
                }
            }

            /// # Safety
            /// `p` must be valid for writes of `n` numbers.
            #[inline]
            $(#[target_feature(enable = $features)])?
            unsafe fn store_some(p: *mut f32, v: V, n: usize) {
                // SAFETY: as the caller promises; the buffer has 16 numbers.
                unsafe {
                    if n >= 16 {
                        return store(p, v);
                    }
                    let mut some = [0f32; 16];
                    store(some.as_mut_ptr(), v);
                    std::ptr::copy_nonoverlapping(some.as_ptr(), p, n);
                }
            }

            /// # Safety
            /// `a` and `b` must point to `R` and `C` rows of `width` numbers (of halves if `HALF`), `out` to as many results.
            #[inline]
            #[expect(clippy::too_many_arguments, reason = "three matrices")]
            $(#[target_feature(enable = $features)])?
            unsafe fn dots_of<const R: usize, const C: usize, const HALF: bool>(
                a: *const f32, a_stride: usize, b: *const u8, b_stride: usize, width: usize, out: *mut f32,
                out_stride: usize, next: *const u16,
            ) {
                // SAFETY: as the caller promises.
                unsafe {
                    let some = |at: usize, n: usize| {
                        if HALF { load_some_halves(b.cast::<u16>().add(at), n) } else { load_some(b.cast::<f32>().add(at), n) }
                    };
                    let mut acc = [[splat(0.0); C]; R];
                    let mut k = 0;
                    while k + 16 <= width {
                        let mut right = [splat(0.0); C];
                        for j in 0..C {
                            right[j] = some(j * b_stride + k, 16);
                            if HALF {
                                prefetch(next.wrapping_add(j * b_stride + k));
                            }
                        }
                        for i in 0..R {
                            let left = load(a.add(i * a_stride + k));
                            for j in 0..C {
                                acc[i][j] = fma(left, right[j], acc[i][j]);
                            }
                        }
                        k += 16;
                    }
                    if k < width {
                        for i in 0..R {
                            for j in 0..C {
                                let left = load_some(a.add(i * a_stride + k), width - k);
                                acc[i][j] = fma(left, some(j * b_stride + k, width - k), acc[i][j]);
                            }
                        }
                    }
                    if R * C == 16 {
                        let mut all = [splat(0.0); 16];
                        for i in 0..R {
                            for j in 0..C {
                                all[(i * C + j) % 16] = acc[i][j];
                            }
                        }
                        let all = sums(all);
                        for i in 0..R {
                            for j in 0..C {
                                *out.add(i * out_stride + j) = all[(i * C + j) % 16];
                            }
                        }
                        return;
                    }
                    for i in 0..R {
                        for j in 0..C {
                            *out.add(i * out_stride + j) = sum(acc[i][j]);
                        }
                    }
                }
            }

            /// # Safety
            /// The processor must have the features, and the caller checked the shapes.
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn dots(a: Rows<'_>, b: Rows<'_>, out: &mut RowsMut<'_>) {
                // SAFETY: as the caller promises.
                unsafe { dots_any::<false>(a, b.data.as_ptr().cast(), b.rows, b.stride, out, std::ptr::null()) }
            }

            /// # Safety
            /// The processor must have the features, and the caller checked the shapes.
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn dots_halves(a: Rows<'_>, b: Halves<'_>, out: &mut RowsMut<'_>) {
                // SAFETY: as the caller promises.
                unsafe { dots_any::<true>(a, b.as_ptr().cast(), b.rows, b.stride, out, b.next) }
            }

            /// # Safety
            /// As [`dots`], for `b_rows` rows of numbers, or halves. They are read once, and `a` again and again: it is the
            /// smaller one where time matters.
            #[inline]
            $(#[target_feature(enable = $features)])?
            unsafe fn dots_any<const HALF: bool>(
                a: Rows<'_>, b: *const u8, b_rows: usize, b_stride: usize, out: &mut RowsMut<'_>, next: *const u16,
            ) {
                let left = a.data.as_ptr();
                let mut j = 0;
                while j < b_rows {
                    let columns = if b_rows - j >= $rows { $rows } else { 1 };
                    let mut i = 0;
                    while i < a.rows {
                        let rows = if a.rows - i >= $rows { $rows } else { 1 };
                        // SAFETY: rows `i` and `j` and those after them are within the matrices.
                        unsafe {
                            let (left, right) = (left.add(i * a.stride), b.add(if HALF { 2 } else { 4 } * j * b_stride));
                            let (to, next) = (out.data.add(i * out.stride + j), next.wrapping_add(j * b_stride));
                            let (s, t, n, o) = (a.stride, b_stride, a.width, out.stride);
                            match (rows, columns) {
                                (1, 1) => dots_of::<1, 1, HALF>(left, s, right, t, n, to, o, next),
                                (1, _) => dots_of::<1, $rows, HALF>(left, s, right, t, n, to, o, next),
                                (_, 1) => dots_of::<$rows, 1, HALF>(left, s, right, t, n, to, o, next),
                                _ => dots_of::<$rows, $rows, HALF>(left, s, right, t, n, to, o, next),
                            }
                        }
                        i += rows;
                    }
                    j += columns;
                }
            }

            /// # Safety
            /// `a` must point to `R` rows of `depth` numbers, `b` to `depth` rows (of halves if `HALF`) and `out` to `R` rows
            /// of `C` vectors, the last of which may have `last` numbers only.
            #[inline]
            #[expect(clippy::too_many_arguments, reason = "three matrices")]
            $(#[target_feature(enable = $features)])?
            unsafe fn mix_of<const R: usize, const C: usize, const FULL: bool, const HALF: bool>(
                a: *const f32, a_stride: usize, b: *const u8, b_stride: usize, depth: usize, out: *mut f32, out_stride: usize,
                onto: bool, last: usize, next: *const u16,
            ) {
                // SAFETY: as the caller promises.
                unsafe {
                    let width = |j: usize| if FULL || j + 1 < C { 16 } else { last };
                    let mut acc = [[splat(0.0); C]; R];
                    if onto {
                        for i in 0..R {
                            for j in 0..C {
                                acc[i][j] = load_some(out.add(i * out_stride + 16 * j), width(j));
                            }
                        }
                    }
                    for k in 0..depth {
                        let mut right = [splat(0.0); C];
                        for j in 0..C {
                            let at = k * b_stride + 16 * j;
                            if HALF {
                                right[j] = load_some_halves(b.cast::<u16>().add(at), width(j));
                                if j % 2 == 0 {
                                    prefetch(next.wrapping_add(at));
                                }
                            } else {
                                right[j] = load_some(b.cast::<f32>().add(at), width(j));
                            }
                        }
                        for i in 0..R {
                            let left = splat(*a.add(i * a_stride + k));
                            for j in 0..C {
                                acc[i][j] = fma(left, right[j], acc[i][j]);
                            }
                        }
                    }
                    for i in 0..R {
                        for j in 0..C {
                            store_some(out.add(i * out_stride + 16 * j), acc[i][j], width(j));
                        }
                    }
                }
            }

            /// # Safety
            /// As [`dots`].
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn mix(a: Rows<'_>, b: Rows<'_>, onto: bool, out: &mut RowsMut<'_>) {
                // SAFETY: as the caller promises.
                unsafe { mix_any::<false>(a, b.data.as_ptr().cast(), b.width, b.stride, onto, out, std::ptr::null()) }
            }

            /// # Safety
            /// As [`dots`].
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn mix_halves(a: Rows<'_>, b: Halves<'_>, out: &mut RowsMut<'_>) {
                // SAFETY: as the caller promises.
                unsafe { mix_any::<true>(a, b.as_ptr().cast(), b.width, b.stride, false, out, b.next) }
            }

            /// # Safety
            /// As [`dots`], for a right matrix of `a.width` rows of `width` numbers, or halves.
            #[inline]
            $(#[target_feature(enable = $features)])?
            unsafe fn mix_any<const HALF: bool>(
                a: Rows<'_>, b: *const u8, b_width: usize, b_stride: usize, onto: bool, out: &mut RowsMut<'_>,
                next: *const u16,
            ) {
                let mut j = 0;
                while j < b_width {
                    let left = b_width - j;
                    let next = next.wrapping_add(j);
                    let (vectors, last) = if left >= 16 * $vectors { ($vectors, 16) } else { (1, left.min(16)) };
                    let mut i = 0;
                    while i < a.rows {
                        let rows = tile_rows(a.rows - i, $most);
                        macro_rules! tile {
                            ($r:literal) => {
                                // SAFETY: these rows and columns are within the matrices.
                                unsafe {
                                    let from = a.data.as_ptr().add(i * a.stride);
                                    let with = b.add(if HALF { 2 * j } else { 4 * j });
                                    let to = out.data.add(i * out.stride + j);
                                    let (depth, stride) = (a.width, out.stride);
                                    if vectors == 1 {
                                        mix_of::<$r, 1, false, HALF>(
                                            from, a.stride, with, b_stride, depth, to, stride, onto, last, next,
                                        );
                                    } else {
                                        mix_of::<$r, $vectors, true, HALF>(
                                            from, a.stride, with, b_stride, depth, to, stride, onto, 16, next,
                                        );
                                    }
                                }
                            };
                        }
                        $tiles!(tile, rows);
                        i += rows;
                    }
                    j += 16 * vectors;
                }
            }

            /// # Safety
            /// The processor must have the features, and the caller checked the lengths.
            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn merge(to: &mut [f32], from: &[f32]) {
                let width = to.len() - 2;
                let (to, states) = to.split_at_mut(width);
                let (from, [most, sum]) = (&from[..width], [from[width], from[width + 1]]);
                let largest = if states[0] > most { states[0] } else { most };
                let (mut before, mut after) = ([0f32; 16], [0f32; 16]);
                // SAFETY: the buffers have 16 numbers, and both slices `width`.
                unsafe {
                    store(before.as_mut_ptr(), power(sub(splat(states[0]), splat(largest))));
                    store(after.as_mut_ptr(), power(sub(splat(most), splat(largest))));
                    states[0] = largest;
                    states[1] = sum.mul_add(after[0], states[1] * before[0]);
                    let (before, after) = (load(before.as_ptr()), load(after.as_ptr()));
                    for at in (0..width).step_by(16) {
                        let (a, b) = (to.as_mut_ptr().add(at), from.as_ptr().add(at));
                        let n = width - at;
                        store_some(a, fma(load_some(b, n), after, mul(load_some(a, n), before)), n);
                    }
                }
            }

            /// 2 to the power of each, which must not be above 126; what is below -125 counts as -125, and what is not a
            /// number stays none.
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

kernel!(scalar, 2, 2, 2, few_tiles);
kernel!(
    #[cfg(target_arch = "x86_64")]
    avx2,
    2,
    2,
    2,
    few_tiles,
    "avx2,fma,f16c"
);
kernel!(
    #[cfg(target_arch = "x86_64")]
    avx512,
    4,
    4,
    6,
    many_tiles,
    "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c"
);
