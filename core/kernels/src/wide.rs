//! Sixteen 32-bit floats at a time, at every width of vector. Each operation gives the same bits at every width: what
//! is added across the lanes is added in one order.

/// Adds the lanes: the upper half to the lower one, until one is left.
macro_rules! scalar_sum {
    ($v:expr) => {{
        let mut v = $v;
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                v[i] += v[i + half];
            }
        }
        v[0]
    }};
}

/// Any processor.
pub(crate) mod scalar {
    pub(crate) type V = [f32; 16];

    /// # Safety
    /// `p` must be valid for reads of 16 numbers.
    #[inline(always)]
    pub(crate) unsafe fn load(p: *const f32) -> V {
        // SAFETY: as the caller promises.
        unsafe { p.cast::<V>().read_unaligned() }
    }
    /// # Safety
    /// `p` must be valid for reads of 16 halves.
    #[inline(always)]
    pub(crate) unsafe fn load_half(p: *const u16) -> V {
        // SAFETY: as the caller promises.
        unsafe { p.cast::<[u16; 16]>().read_unaligned() }.map(|h| half::f16::from_bits(h).to_f32())
    }
    /// # Safety
    /// `p` must be valid for writes of 16 numbers.
    #[inline(always)]
    pub(crate) unsafe fn store(p: *mut f32, v: V) {
        // SAFETY: as the caller promises.
        unsafe { p.cast::<V>().write_unaligned(v) }
    }
    #[inline(always)]
    pub(crate) fn splat(v: f32) -> V {
        [v; 16]
    }
    #[inline(always)]
    fn zip(a: V, b: V, f: impl Fn(f32, f32) -> f32) -> V {
        std::array::from_fn(|i| f(a[i], b[i]))
    }
    #[inline(always)]
    pub(crate) fn add(a: V, b: V) -> V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    pub(crate) fn sub(a: V, b: V) -> V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    pub(crate) fn mul(a: V, b: V) -> V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    pub(crate) fn div(a: V, b: V) -> V {
        zip(a, b, |a, b| a / b)
    }
    /// The larger one; `b` if one is not a number.
    #[inline(always)]
    pub(crate) fn max(a: V, b: V) -> V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    /// The smaller one; `b` if one is not a number.
    #[inline(always)]
    pub(crate) fn min(a: V, b: V) -> V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    pub(crate) fn fma(a: V, b: V, c: V) -> V {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }
    /// `v` with the lowest bits of `t` added to its exponent.
    #[inline(always)]
    pub(crate) fn scale(v: V, t: V) -> V {
        zip(v, t, |v, t| f32::from_bits(v.to_bits().wrapping_add(t.to_bits() << 23)))
    }
    #[inline(always)]
    pub(crate) fn sum(v: V) -> f32 {
        scalar_sum!(v)
    }
    /// The largest lane, found in the same order.
    #[inline(always)]
    pub(crate) fn largest(v: V) -> f32 {
        let mut v = v;
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                v[i] = if v[i] > v[i + half] { v[i] } else { v[i + half] };
            }
        }
        v[0]
    }
    /// Nothing: not every processor has an instruction for it.
    #[inline(always)]
    pub(crate) fn prefetch(_: *const u16) {}
    /// [`sum`] of each.
    #[inline(always)]
    pub(crate) fn sums(v: [V; 16]) -> [f32; 16] {
        v.map(sum)
    }
}

macro_rules! x86 {
    ($(#[$doc:meta])* $name:ident, $features:literal, $v:ty, { $($unary:tt)* }, { $($op:ident $body:expr;)* }) => {
        $(#[$doc])*
        #[cfg(target_arch = "x86_64")]
        pub(crate) mod $name {
            use core::arch::x86_64::*;
            pub(crate) type V = $v;
            $(
                #[inline]
                #[target_feature(enable = $features)]
                pub(crate) fn $op(a: V, b: V) -> V {
                    $body(a, b)
                }
            )*
            /// The largest of four lanes.
            #[inline]
            #[target_feature(enable = $features)]
            fn largest_of_four(four: __m128) -> f32 {
                let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
            }
            /// Any address will do.
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn prefetch(p: *const u16) {
                _mm_prefetch::<_MM_HINT_T0>(p.cast());
            }
            $($unary)*
        }
    };
}

x86!(
    /// Two vectors of eight.
    avx2, "avx2,fma,f16c", [__m256; 2],
    {
        /// # Safety
        /// `p` must be valid for reads of 16 numbers.
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(crate) unsafe fn load(p: *const f32) -> V {
            // SAFETY: as the caller promises.
            unsafe { [_mm256_loadu_ps(p), _mm256_loadu_ps(p.add(8))] }
        }
        /// # Safety
        /// `p` must be valid for reads of 16 halves.
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(crate) unsafe fn load_half(p: *const u16) -> V {
            // SAFETY: as the caller promises.
            let (low, high) = unsafe { (_mm_loadu_si128(p.cast()), _mm_loadu_si128(p.add(8).cast())) };
            [_mm256_cvtph_ps(low), _mm256_cvtph_ps(high)]
        }
        /// # Safety
        /// `p` must be valid for writes of 16 numbers.
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(crate) unsafe fn store(p: *mut f32, v: V) {
            // SAFETY: as the caller promises.
            unsafe {
                _mm256_storeu_ps(p, v[0]);
                _mm256_storeu_ps(p.add(8), v[1]);
            }
        }
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(crate) fn splat(v: f32) -> V {
            [_mm256_set1_ps(v); 2]
        }
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(crate) fn fma(a: V, b: V, c: V) -> V {
            [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])]
        }
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(crate) fn largest(v: V) -> f32 {
            let eight = _mm256_max_ps(v[0], v[1]);
            largest_of_four(_mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight)))
        }
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(crate) fn sum(v: V) -> f32 {
            let eight = _mm256_add_ps(v[0], v[1]);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        pub(crate) fn sums(v: [V; 16]) -> [f32; 16] {
            let mut out = [0.0; 16];
            for i in 0..16 {
                out[i] = sum(v[i]);
            }
            out
        }
    },
    {
        add |a: V, b: V| [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])];
        sub |a: V, b: V| [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])];
        mul |a: V, b: V| [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])];
        div |a: V, b: V| [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])];
        max |a: V, b: V| [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])];
        min |a: V, b: V| [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])];
        scale |a: V, b: V| {
            let one = |a, b| {
                let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(b));
                _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), exponent))
            };
            [one(a[0], b[0]), one(a[1], b[1])]
        };
    }
);

x86!(
    /// One vector of sixteen.
    avx512, "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c", __m512,
    {
        /// # Safety
        /// `p` must be valid for reads of 16 numbers.
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
        pub(crate) unsafe fn load(p: *const f32) -> V {
            // SAFETY: as the caller promises.
            unsafe { _mm512_loadu_ps(p) }
        }
        /// # Safety
        /// `p` must be valid for reads of 16 halves.
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
        pub(crate) unsafe fn load_half(p: *const u16) -> V {
            // SAFETY: as the caller promises.
            _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(p.cast()) })
        }
        /// # Safety
        /// `p` must be valid for writes of 16 numbers.
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
        pub(crate) unsafe fn store(p: *mut f32, v: V) {
            // SAFETY: as the caller promises.
            unsafe { _mm512_storeu_ps(p, v) }
        }
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
        pub(crate) fn splat(v: f32) -> V {
            _mm512_set1_ps(v)
        }
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
        pub(crate) fn fma(a: V, b: V, c: V) -> V {
            _mm512_fmadd_ps(a, b, c)
        }
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
        pub(crate) fn largest(v: V) -> f32 {
            let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)));
            let eight = _mm256_max_ps(_mm512_castps512_ps256(v), upper);
            largest_of_four(_mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight)))
        }
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
        pub(crate) fn sum(v: V) -> f32 {
            let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)));
            let eight = _mm256_add_ps(_mm512_castps512_ps256(v), upper);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
        /// Halves of two vectors side by side, and so on, until each lane has the sum of one vector.
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
        pub(crate) fn sums(v: [V; 16]) -> [f32; 16] {
            let (mut eight, mut four, mut two) = ([splat(0.0); 8], [splat(0.0); 4], [splat(0.0); 2]);
            for i in 0..8 {
                let (a, b) = (v[2 * i], v[2 * i + 1]);
                eight[i] = add(_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0xee>(a, b));
            }
            for i in 0..4 {
                let (a, b) = (eight[2 * i], eight[2 * i + 1]);
                four[i] = add(_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b));
            }
            for i in 0..2 {
                let (a, b) = (four[2 * i], four[2 * i + 1]);
                two[i] = add(_mm512_shuffle_ps::<0x44>(a, b), _mm512_shuffle_ps::<0xee>(a, b));
            }
            let (a, b) = (two[0], two[1]);
            let one = add(_mm512_shuffle_ps::<0x88>(a, b), _mm512_shuffle_ps::<0xdd>(a, b));
            // Lane 4 i + j has vector 4 j + i.
            let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            let mut out = [0.0; 16];
            // SAFETY: 16 numbers.
            unsafe { store(out.as_mut_ptr(), _mm512_permutexvar_ps(order, one)) };
            out
        }
    },
    {
        add |a: V, b: V| _mm512_add_ps(a, b);
        sub |a: V, b: V| _mm512_sub_ps(a, b);
        mul |a: V, b: V| _mm512_mul_ps(a, b);
        div |a: V, b: V| _mm512_div_ps(a, b);
        max |a: V, b: V| _mm512_max_ps(a, b);
        min |a: V, b: V| _mm512_min_ps(a, b);
        scale |a: V, b: V| {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(b));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), exponent))
        };
    }
);
