//! Whether something grows: a line through samples, and how well it is known.

/// Means of so many neighbours in time are what the line goes through: neighbours resemble each other, and single samples
/// would seem to say more than they do.
const BLOCKS: usize = 12;

/// How much of the beginning is left out.
const WARM_UP: f64 = 0.25;

/// The slope of a quantity over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trend {
    /// By the hour.
    pub(crate) slope: f64,
    /// Twice the standard error of the slope.
    pub(crate) error: f64,
    /// Hours that it was watched.
    pub(crate) hours: f64,
}

impl Trend {
    /// Of samples at times in seconds. `None` where they are too few.
    pub(crate) fn of(samples: &[(f64, f64)]) -> Option<Self> {
        let (first, last) = (samples.first()?.0, samples.last()?.0);
        let begin = first + (last - first) * WARM_UP;
        let warm: Vec<_> = samples.iter().filter(|(at, _)| *at >= begin).collect();
        let size = warm.len().div_ceil(BLOCKS).max(1);
        let points: Vec<(f64, f64)> = warm
            .chunks(size)
            .map(|block| {
                let sum = block.iter().fold((0.0, 0.0), |sum, (at, value)| (sum.0 + at / 3600.0, sum.1 + value));
                (sum.0 / number(block.len()), sum.1 / number(block.len()))
            })
            .collect();
        if points.len() < 3 {
            return None;
        }
        let n = number(points.len());
        let mean = points.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / n, sum.1 + y / n));
        let spread: f64 = points.iter().map(|(x, _)| (x - mean.0).powi(2)).sum();
        let slope = points.iter().map(|(x, y)| (x - mean.0) * (y - mean.1)).sum::<f64>() / spread;
        let rest: f64 = points.iter().map(|(x, y)| (y - mean.1 - slope * (x - mean.0)).powi(2)).sum();
        let error = 2.0 * (rest / (n - 2.0) / spread).sqrt();
        let hours = (warm.last()?.0 - warm.first()?.0) / 3600.0;
        slope.is_finite().then_some(Self { slope, error, hours })
    }

    /// Whether it grows by more than `gate` an hour for sure, and by more than `slack` in the time that it was watched.
    pub(crate) fn is_above(&self, gate: f64, slack: f64) -> bool {
        let sure = self.slope - self.error;
        sure > gate && sure * self.hours > slack
    }

    /// Whether it is known well enough to say that it grows by less than `gate` an hour.
    pub(crate) fn is_below(&self, gate: f64) -> bool {
        self.slope + self.error < gate
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
const fn number(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    const MB: f64 = 1e6;

    /// Ten minutes with a warm-up, noise of some hundred kB, and what grows by `per_hour`.
    fn memory(seed: u64, per_hour: f64) -> Vec<(f64, f64)> {
        let mut rng = Rng::with_seed(seed);
        let sample = |i: u32| {
            let at = f64::from(i) * 2.5;
            let warm_up = 3.0 * MB * (1.0 - (-at / 20.0).exp());
            (at, 8.0 * MB + warm_up + per_hour * at / 3600.0 + 0.1 * MB * (rng.f64() - 0.5))
        };
        (0..240).map(sample).collect()
    }

    /// Protects the suite from finding nothing: ten megabytes an hour are seen in ten minutes of noise, a warm-up is
    /// not taken for a leak, and what is not known is not said.
    #[test]
    fn leaks_are_found_and_noise_is_not() {
        for seed in 0..50 {
            let leak = Trend::of(&memory(seed, 10.0 * MB)).unwrap();
            assert!(leak.is_above(MB, 0.0) && !leak.is_below(MB), "{leak:?}");
            assert!((leak.slope - 10.0 * MB).abs() < MB, "{leak:?}");
            let flat = Trend::of(&memory(seed, 0.0)).unwrap();
            assert!(!flat.is_above(MB, 0.0) && flat.is_below(MB), "{flat:?}");
        }
        let short = Trend::of(&memory(1, 0.0)[..12]).unwrap();
        assert!(!short.is_below(MB), "half a minute says nothing: {short:?}");
        assert_eq!(Trend::of(&[(0.0, 1.0), (1.0, 1.0)]), None);
        let brief: Vec<_> = (0..8).map(|i| (f64::from(i), f64::from(i) * 0.1 * MB)).collect();
        let brief = Trend::of(&brief).unwrap();
        assert!(brief.is_above(MB, 0.0) && !brief.is_above(MB, 4.0 * MB), "{brief:?}");
    }
}
