//! Computations in 32-bit floats: small products, softmax, norms. The same text is compiled for every width of vector,
//! and every result is defined so that the width does not show:
//!
//! - a *dot* product is sixteen sums, of every sixteenth product each, which are then added in one order;
//! - a *mix* of rows adds them one after the other, each with one fused multiply-add.

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

mod elements;
mod rows;

pub(crate) use elements::{add_scaled, gated, halves, merge, norm, scale, softmax};
pub(crate) use rows::{Cached, Halves, Rows, RowsMut, Shared};

use crate::Level;

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

/// As [`mix`] without `onto`, of 16-bit floats.
fn mix_halves(level: Level, a: Rows<'_>, b: Halves<'_>, out: &mut RowsMut<'_>) {
    assert!(a.width == b.rows && out.rows >= a.rows && out.width >= b.width, "products of other shapes");
    dispatch!(level, mix_halves(a, b, out));
}

/// As [`dots`], of 16-bit floats.
fn dots_halves(level: Level, a: Rows<'_>, b: Halves<'_>, out: &mut RowsMut<'_>) {
    assert!(a.width == b.width && out.rows >= a.rows && out.width >= b.rows, "products of other shapes");
    dispatch!(level, dots_halves(a, b, out));
}

/// Up to this many queries multiply a page's 16-bit floats directly; for more, converting the page first is faster. The
/// number depends on how many rows the registers hold at once.
pub(crate) const fn max_direct_queries(level: Level) -> usize {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Amx => 64,
        _ => 8,
    }
}

/// Rows of the next tile of a mix, of which `left` are left. A group of query heads often has 6 or 7.
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
            use super::{Halves, Rows, RowsMut, tile_rows};
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
            /// `a` and `b` must point to `R` and `C` rows of `width` numbers (of halves if `HALF`), `out` to as many
            /// results.
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
            /// As [`dots`], for `b_rows` rows of numbers, or halves. They are read once, and `a` again and again: it is
            /// the smaller one where time matters.
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
            /// `a` must point to `R` rows of `depth` numbers, `b` to `depth` rows (of halves if `HALF`) and `out` to
            /// `R` rows of `C` vectors, the last of which may have `last` numbers only.
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
