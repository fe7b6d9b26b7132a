//! Which instructions are used.

/// Which instructions are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Any processor.
    Scalar,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX2, FMA and F16C with VNNI for its width: client processors of Intel since 2021, which have no AVX-512.
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// AVX-512 with VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX-512 with VNNI, and the tiles of AMX for products with eight rows and more. It has run on a model of the
    /// tiles' instructions only; where a processor has them, their products are compared with those of AVX-512 first.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl Level {
    /// The levels that this processor has, fastest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let all = [
            #[cfg(target_arch = "x86_64")]
            Self::Amx,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2,
            Self::Scalar,
        ];
        all.into_iter().filter(|level| level.checked() == *level).collect()
    }

    /// The fastest that this processor has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().first().copied().unwrap_or(Self::Scalar)
    }

    /// Itself, where this processor has it: another level would be undefined behaviour.
    #[inline]
    pub(crate) fn checked(self) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = || {
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
            };
            let avx512 = || {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            };
            let has = match self {
                Self::Scalar => true,
                Self::Avx2 => avx2(),
                Self::AvxVnni => avx2() && is_x86_feature_detected!("avxvnni"),
                Self::Avx512 => avx2() && avx512(),
                // SAFETY: the processor has AVX-512.
                Self::Amx => avx2() && avx512() && unsafe { crate::amx::is_available() },
            };
            if !has {
                return Self::Scalar;
            }
        }
        self
    }
}
