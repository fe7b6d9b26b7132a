//! The few vector operations that the kernels are made of, at several widths. Every operation gives the same bits in
//! each lane at every width, and so does what is built from them.

/// One lane: any processor.
pub(crate) mod scalar {
    pub(crate) const LANES: usize = 1;
    /// The bias of the bytes of [`dot8`], as far as it does not subtract it itself.
    pub(crate) const BIAS8: i32 = 0;
    pub(crate) type I = u32;
    pub(crate) type F = f32;

    /// # Safety
    /// `p` must be valid for reads of 4 bytes.
    #[inline(always)]
    pub(crate) unsafe fn load(p: *const u8) -> I {
        // SAFETY: as the caller promises.
        u32::from_le(unsafe { p.cast::<u32>().read_unaligned() })
    }
    /// # Safety
    /// `p` must be valid for reads of 2 bytes.
    #[inline(always)]
    pub(crate) unsafe fn load_half(p: *const u8) -> F {
        // SAFETY: as the caller promises.
        half::f16::from_bits(u16::from_le(unsafe { p.cast::<u16>().read_unaligned() })).to_f32()
    }
    /// Nothing: not every processor has an instruction for it.
    #[inline(always)]
    pub(crate) fn prefetch(_: *const u8) {}
    #[inline(always)]
    pub(crate) fn and(a: I, mask: u32) -> I {
        a & mask
    }
    #[inline(always)]
    pub(crate) fn or(a: I, b: I) -> I {
        a | b
    }
    #[inline(always)]
    pub(crate) fn shr<const N: u32>(a: I) -> I {
        a >> N
    }
    #[inline(always)]
    pub(crate) fn shl<const N: u32>(a: I) -> I {
        a << N
    }
    #[inline(always)]
    pub(crate) fn sar<const N: u32>(a: I) -> I {
        (a.cast_signed() >> N).cast_unsigned()
    }
    #[inline(always)]
    pub(crate) fn splat(v: i32) -> I {
        v.cast_unsigned()
    }
    #[inline(always)]
    pub(crate) fn add(a: I, b: I) -> I {
        a.wrapping_add(b)
    }
    #[inline(always)]
    pub(crate) fn mul(a: I, b: I) -> I {
        a.wrapping_mul(b)
    }
    #[expect(clippy::cast_precision_loss, reason = "rounds to nearest as the vector conversions do")]
    #[inline(always)]
    pub(crate) fn float(a: I) -> F {
        a.cast_signed() as f32
    }
    #[inline(always)]
    pub(crate) fn zero() -> F {
        0.0
    }
    #[inline(always)]
    pub(crate) fn splat_f(v: f32) -> F {
        v
    }
    #[inline(always)]
    pub(crate) fn mul_f(a: F, b: F) -> F {
        a * b
    }
    #[inline(always)]
    pub(crate) fn fma(a: F, b: F, c: F) -> F {
        a.mul_add(b, c)
    }
    /// `c - a * b`, rounded once.
    #[inline(always)]
    pub(crate) fn fnma(a: F, b: F, c: F) -> F {
        (-a).mul_add(b, c)
    }
    /// `acc` plus the products of four bytes: those of `w` without sign, those of `a` with.
    #[inline(always)]
    pub(crate) fn dot(acc: I, w: I, a: i32) -> I {
        let (w, a) = (w.to_le_bytes(), a.to_le_bytes());
        (0..4).fold(acc, |acc, i| acc.wrapping_add((i32::from(w[i]) * i32::from(a[i].cast_signed())).cast_unsigned()))
    }
    /// As [`dot`], for bytes that are 128 too large.
    #[inline(always)]
    pub(crate) fn dot8(acc: I, w: I, a: i32) -> I {
        let (w, a) = ((w ^ 0x8080_8080).to_le_bytes(), a.to_le_bytes());
        (0..4).fold(acc, |acc, i| {
            acc.wrapping_add((i32::from(w[i].cast_signed()) * i32::from(a[i].cast_signed())).cast_unsigned())
        })
    }
    /// # Safety
    /// `p` must be valid for writes of 4 bytes.
    #[inline(always)]
    pub(crate) unsafe fn store(p: *mut f32, v: F) {
        // SAFETY: as the caller promises.
        unsafe { p.write_unaligned(v) }
    }
}

macro_rules! x86 {
    ($(#[$doc:meta])* $name:ident, $features:literal, $lanes:literal, $i:ident, $f:ident, $h:ident, {
        load $load:ident; load_half $load_half:ident; cvtph $cvtph:ident; and $and:ident; or $or:ident;
        shr $shr:ident; shl $shl:ident; sar $sar:ident, $count:ty; splat $splat:ident; add $add:ident; mul $mul:ident;
        float $float:ident; zero $zero:ident; splat_f $splat_f:ident; mul_f $mul_f:ident; fma $fma:ident; fnma $fnma:ident;
        store $store:ident
    }, $($more:item)*) => {
        $(#[$doc])*
        #[cfg(target_arch = "x86_64")]
        pub(crate) mod $name {
            use core::arch::x86_64::*;
            pub(crate) const LANES: usize = $lanes;
            pub(crate) type I = $i;
            pub(crate) type F = $f;

            /// # Safety
            /// `p` must be valid for reads of a vector.
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) unsafe fn load(p: *const u8) -> I {
                // SAFETY: as the caller promises.
                unsafe { $load(p.cast()) }
            }
            /// # Safety
            /// `p` must be valid for reads of half a vector.
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) unsafe fn load_half(p: *const u8) -> F {
                // SAFETY: as the caller promises.
                $cvtph(unsafe { $load_half(p.cast()) })
            }
            /// Any address will do.
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn prefetch(p: *const u8) {
                _mm_prefetch::<_MM_HINT_T0>(p.cast());
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn and(a: I, mask: u32) -> I {
                $and(a, $splat(mask.cast_signed()))
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn or(a: I, b: I) -> I {
                $or(a, b)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn shr<const N: $count>(a: I) -> I {
                $shr::<N>(a)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn shl<const N: $count>(a: I) -> I {
                $shl::<N>(a)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn sar<const N: $count>(a: I) -> I {
                $sar::<N>(a)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn splat(v: i32) -> I {
                $splat(v)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn add(a: I, b: I) -> I {
                $add(a, b)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn mul(a: I, b: I) -> I {
                $mul(a, b)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn float(a: I) -> F {
                $float(a)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn zero() -> F {
                $zero()
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn splat_f(v: f32) -> F {
                $splat_f(v)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn mul_f(a: F, b: F) -> F {
                $mul_f(a, b)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn fma(a: F, b: F, c: F) -> F {
                $fma(a, b, c)
            }
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) fn fnma(a: F, b: F, c: F) -> F {
                $fnma(a, b, c)
            }
            /// # Safety
            /// `p` must be valid for writes of a vector.
            #[inline]
            #[target_feature(enable = $features)]
            pub(crate) unsafe fn store(p: *mut f32, v: F) {
                // SAFETY: as the caller promises.
                unsafe { $store(p, v) }
            }
            $($more)*
        }
    };
}

x86!(
    /// Eight lanes: every x86-64 processor since 2013.
    avx2, "avx2,fma,f16c", 8, __m256i, __m256, __m128i, {
        load _mm256_loadu_si256; load_half _mm_loadu_si128; cvtph _mm256_cvtph_ps;
        and _mm256_and_si256; or _mm256_or_si256;
        shr _mm256_srli_epi32; shl _mm256_slli_epi32; sar _mm256_srai_epi32, i32;
        splat _mm256_set1_epi32; add _mm256_add_epi32; mul _mm256_mullo_epi32;
        float _mm256_cvtepi32_ps; zero _mm256_setzero_ps; splat_f _mm256_set1_ps;
        mul_f _mm256_mul_ps; fma _mm256_fmadd_ps; fnma _mm256_fnmadd_ps; store _mm256_storeu_ps
    },
    /// Signs are moved to the input instead, as products of bytes above 128 would saturate.
    pub(crate) const BIAS8: i32 = 0;

    /// `w` must be below 64, so that the sums of two products fit into 16 bits.
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    pub(crate) fn dot(acc: I, w: I, a: i32) -> I {
        let pairs = _mm256_maddubs_epi16(w, _mm256_set1_epi32(a));
        _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    pub(crate) fn dot8(acc: I, w: I, a: i32) -> I {
        let w = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
        let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(_mm256_set1_epi32(a), w));
        _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    }
);

x86!(
    /// Eight lanes, with products of bytes in one instruction.
    avx_vnni, "avxvnni,avx2,fma,f16c", 8, __m256i, __m256, __m128i, {
        load _mm256_loadu_si256; load_half _mm_loadu_si128; cvtph _mm256_cvtph_ps;
        and _mm256_and_si256; or _mm256_or_si256;
        shr _mm256_srli_epi32; shl _mm256_slli_epi32; sar _mm256_srai_epi32, i32;
        splat _mm256_set1_epi32; add _mm256_add_epi32; mul _mm256_mullo_epi32;
        float _mm256_cvtepi32_ps; zero _mm256_setzero_ps; splat_f _mm256_set1_ps;
        mul_f _mm256_mul_ps; fma _mm256_fmadd_ps; fnma _mm256_fnmadd_ps; store _mm256_storeu_ps
    },
    pub(crate) const BIAS8: i32 = 128;

    #[inline]
    #[target_feature(enable = "avxvnni,avx2,fma,f16c")]
    pub(crate) fn dot(acc: I, w: I, a: i32) -> I {
        _mm256_dpbusd_avx_epi32(acc, w, _mm256_set1_epi32(a))
    }

    #[inline]
    #[target_feature(enable = "avxvnni,avx2,fma,f16c")]
    pub(crate) fn dot8(acc: I, w: I, a: i32) -> I {
        _mm256_dpbusd_avx_epi32(acc, w, _mm256_set1_epi32(a))
    }
);

x86!(
    /// Sixteen lanes, with products of bytes in one instruction.
    avx512, "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c", 16, __m512i, __m512, __m256i, {
        load _mm512_loadu_si512; load_half _mm256_loadu_si256; cvtph _mm512_cvtph_ps;
        and _mm512_and_si512; or _mm512_or_si512;
        shr _mm512_srli_epi32; shl _mm512_slli_epi32; sar _mm512_srai_epi32, u32;
        splat _mm512_set1_epi32; add _mm512_add_epi32; mul _mm512_mullo_epi32;
        float _mm512_cvtepi32_ps; zero _mm512_setzero_ps; splat_f _mm512_set1_ps;
        mul_f _mm512_mul_ps; fma _mm512_fmadd_ps; fnma _mm512_fnmadd_ps; store _mm512_storeu_ps
    },
    pub(crate) const BIAS8: i32 = 128;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    pub(crate) fn dot(acc: I, w: I, a: i32) -> I {
        _mm512_dpbusd_epi32(acc, w, _mm512_set1_epi32(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    pub(crate) fn dot8(acc: I, w: I, a: i32) -> I {
        _mm512_dpbusd_epi32(acc, w, _mm512_set1_epi32(a))
    }
);
