//! Angles of the rotary embedding, and the ways in which models stretch them.

use crate::error::ImportError;

/// YaRN (Peng et al. 2023) as DeepSeek-V2 uses it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Yarn {
    /// How many times longer the context became.
    pub(crate) factor: f64,
    /// Tokens of context before that.
    pub(crate) original: f64,
    /// Pairs that turn more often than this within the original context are not stretched.
    pub(crate) fast: f64,
    /// Those that turn less often than this are stretched whole.
    pub(crate) slow: f64,
    /// Share of the logarithm in the factor on cos and sin.
    pub(crate) mscale: f64,
    /// Share of the logarithm in what both sides of the scores are multiplied by.
    pub(crate) mscale_all: f64,
}

impl Yarn {
    /// The factor on the scores' scale: what stretched contexts need for their softmax.
    pub(crate) fn on_scores(&self) -> f64 {
        self.temperature(self.mscale_all).powi(2)
    }

    /// The factor on cos and sin; 1 where both shares are the same.
    pub(crate) fn on_angles(&self) -> f64 {
        self.temperature(self.mscale) / self.temperature(self.mscale_all)
    }

    fn temperature(&self, share: f64) -> f64 {
        if self.factor <= 1.0 { 1.0 } else { 0.1 * share * self.factor.ln() + 1.0 }
    }

    /// The angles of [`frequencies`] for `base`, stretched.
    pub(crate) fn stretch(&self, plain: Vec<f64>, base: f64) -> Result<Vec<f64>, ImportError> {
        let numbers = [self.factor, self.original, self.fast, self.slow, self.mscale, self.mscale_all];
        let valid = numbers.iter().all(|n| n.is_finite() && *n >= 0.0);
        if !valid || self.factor < 1.0 || self.original < 1.0 || self.fast <= 0.0 || self.slow <= 0.0 || base <= 1.0 {
            return Err(ImportError::setting("rotary scaling `yarn`", "is out of range"));
        }
        let dims = pairs_of(&plain) * 2.0;
        // The pair that turns `turns` times within the original context.
        let pair = |turns: f64| dims * (self.original / (turns * std::f64::consts::TAU)).ln() / (2.0 * base.ln());
        let low = pair(self.fast).floor().max(0.0);
        let high = pair(self.slow).ceil().min(dims - 1.0);
        let width = if high - low == 0.0 { 0.001 } else { high - low };
        let ramp = |i: u32| ((f64::from(i) - low) / width).clamp(0.0, 1.0);
        Ok((0u32..).zip(plain).map(|(i, f)| f / self.factor * ramp(i) + f * (1.0 - ramp(i))).collect())
    }
}

fn pairs_of(plain: &[f64]) -> f64 {
    f64::from(u32::try_from(plain.len()).unwrap_or(u32::MAX))
}

/// Angles per position of the pairs of `dims` elements; `factors` are the divisors of `rope_freqs.weight`.
pub(crate) fn frequencies(dims: u64, base: f64, scale: f64, factors: Option<&[f32]>) -> Result<Vec<f64>, ImportError> {
    // Below 1 the waves would become shorter and shorter, and their angles infinite.
    if !(base.is_finite() && base >= 1.0 && scale.is_finite() && scale > 0.0) {
        return Err(ImportError::setting("rotary base or scale", format!("is out of range: {base}, {scale}")));
    }
    let pairs = u32::try_from(dims.min(4096) / 2).unwrap_or(0);
    if factors.is_some_and(|f| f.len() != pairs as usize) {
        return Err(ImportError::setting("rope_freqs.weight", "has not half a head's elements"));
    }
    Ok((0..pairs)
        .map(|i| {
            let factor = factors.and_then(|f| f.get(i as usize)).map_or(1.0, |f| f64::from(*f));
            base.powf(-f64::from(i) / f64::from(pairs)) / scale / factor
        })
        .collect())
}

/// Llama 3.1's scaling: long waves are stretched by `factor`, short ones not, those between in part.
pub(crate) fn llama3(plain: Vec<f64>, factor: f64, low: f64, high: f64, original: f64) -> Vec<f64> {
    let stretch = |frequency: f64| {
        let wave = std::f64::consts::TAU / frequency;
        if wave < original / high {
            frequency
        } else if wave > original / low {
            frequency / factor
        } else {
            let smooth = (original / wave - low) / (high - low);
            (1.0 - smooth) * frequency / factor + smooth * frequency
        }
    };
    plain.into_iter().map(stretch).collect()
}
