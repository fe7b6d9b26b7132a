//! Choosing a token from logits, as [`Sampling`] documents it.

use deepcoder_types::{GenerateError, Sampling};

/// SplitMix64 (Steele, Lea and Flood 2014): small, seedable with any number, and the same on every machine. One number
/// is drawn for every token that is sampled, so that drafting does not change which number a token gets.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`, with 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The state of the choices of one generation.
pub(crate) struct Sampler {
    sampling: Sampling,
    rng: Rng,
    // Tokens of the prompt and the answer, each once; kept only where there is a penalty.
    seen: Vec<u32>,
    is_seen: Vec<bool>,
    // Candidates with their weights, reused from step to step.
    candidates: Vec<(f32, u32)>,
}

impl Sampler {
    /// Checks the settings.
    pub(crate) fn new(sampling: Sampling, vocab: usize, prompt: &[u32]) -> Result<Self, GenerateError> {
        sampling.check()?;
        let mut sampler = Self {
            sampling,
            rng: Rng::new(sampling.seed),
            seen: Vec::new(),
            is_seen: Vec::new(),
            candidates: Vec::new(),
        };
        if sampler.penalises() {
            sampler.is_seen = vec![false; vocab];
            for id in prompt {
                sampler.observe(*id);
            }
        }
        Ok(sampler)
    }

    /// Choose from `logits`, which the penalty changes in place.
    pub(crate) fn choose(&mut self, logits: &mut [f32]) -> Result<u32, GenerateError> {
        self.penalise(logits);
        let (best, max) = argmax(logits);
        // NaN is less than anything for `argmax`, so that one among numbers would go unnoticed.
        if !max.is_finite() || has_nan(logits) {
            return Err(GenerateError::Engine("it computed numbers that are not finite".into()));
        }
        let id = if self.sampling.temperature == 0.0 { best } else { self.sample(logits, max) };
        self.observe(id);
        Ok(id)
    }

    fn penalises(&self) -> bool {
        (self.sampling.repetition_penalty - 1.0).abs() > f32::EPSILON
    }

    fn penalise(&self, logits: &mut [f32]) {
        let penalty = self.sampling.repetition_penalty;
        for id in &self.seen {
            if let Some(logit) = logits.get_mut(*id as usize) {
                *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
            }
        }
    }

    /// Note a token of the answer.
    pub(crate) fn observe(&mut self, id: u32) {
        if let Some(seen) = self.is_seen.get_mut(id as usize).filter(|seen| !**seen) {
            *seen = true;
            self.seen.push(id);
        }
    }

    fn sample(&mut self, logits: &[f32], max: f32) -> u32 {
        let draw = self.rng.unit();
        let Sampling { temperature, top_k, top_p, min_p, .. } = self.sampling;
        let candidates = &mut self.candidates;
        candidates.clear();
        // Weights are relative to the likeliest token, which has 1.
        candidates.extend((0u32..).zip(logits).map(|(id, logit)| (((logit - max) / temperature).exp(), id)));
        // Likeliest first, and the lower id where two are equal, so that the order is the same on every machine.
        let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let top_k = top_k as usize;
        if top_k > 0 && top_k < candidates.len() {
            candidates.select_nth_unstable_by(top_k - 1, order);
            candidates.truncate(top_k);
        }
        let total: f64 = candidates.iter().map(|c| f64::from(c.0)).sum();
        if top_p < 1.0 {
            keep_nucleus(candidates, f64::from(top_p) * total, order);
        }
        if min_p > 0.0 {
            candidates.retain(|c| c.0 >= min_p);
        }
        let total: f64 = candidates.iter().map(|c| f64::from(c.0)).sum();
        let mut left = draw * total;
        for (weight, id) in candidates.iter() {
            left -= f64::from(*weight);
            if left < 0.0 {
                return *id;
            }
        }
        candidates.last().map_or(0, |c| c.1)
    }
}

/// Keep the likeliest candidates whose weights reach `mass`, sorted.
fn keep_nucleus(
    candidates: &mut Vec<(f32, u32)>,
    mass: f64,
    order: impl Fn(&(f32, u32), &(f32, u32)) -> std::cmp::Ordering + Copy,
) {
    // A nucleus is mostly a few tokens of a hundred thousand: sort the likeliest, and more only if they do not reach.
    let mut sorted = 0;
    let mut sum = 0.0;
    while sorted < candidates.len() {
        let rest = &mut candidates[sorted..];
        let next = (sorted * 4).max(256).min(rest.len());
        if next < rest.len() {
            rest.select_nth_unstable_by(next - 1, order);
        }
        rest[..next].sort_unstable_by(order);
        for (i, (weight, _)) in rest[..next].iter().enumerate() {
            sum += f64::from(*weight);
            if sum >= mass {
                candidates.truncate(sorted + i + 1);
                return;
            }
        }
        sorted += next;
    }
}

/// The likeliest token (the lowest id of several) and its logit; NaN counts as less than anything.
pub(crate) fn argmax(logits: &[f32]) -> (u32, f32) {
    const LANES: usize = 16;
    // Lanes that the compiler turns into vector instructions: first the value, then its place.
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = logits.chunks_exact(LANES);
    let tail = chunks.remainder();
    for chunk in chunks {
        for (lane, logit) in lanes.iter_mut().zip(chunk) {
            *lane = if *logit > *lane { *logit } else { *lane };
        }
    }
    let max = lanes.iter().chain(tail).fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
    let at = logits.iter().position(|l| *l == max).unwrap_or(0);
    (u32::try_from(at).unwrap_or(0), max)
}

/// Whether a logit is no number. Infinities below all others are fine: some graphs mask with them.
fn has_nan(logits: &[f32]) -> bool {
    logits.iter().fold(false, |found, l| found | l.is_nan())
}

/// ln Σ exp: what turns a logit into a log-probability.
pub(crate) fn log_sum_exp(logits: &[f32]) -> f32 {
    let (_, max) = argmax(logits);
    let mut lanes = [0.0f32; 16];
    let chunks = logits.chunks_exact(16);
    let tail: f32 = chunks.remainder().iter().map(|l| (l - max).exp()).sum();
    for chunk in chunks {
        for (lane, logit) in lanes.iter_mut().zip(chunk) {
            *lane += (logit - max).exp();
        }
    }
    max + (lanes.iter().sum::<f32>() + tail).ln()
}

/// The `n` likeliest tokens and their logits, likeliest first.
pub(crate) fn top(logits: &[f32], n: usize) -> Vec<(u32, f32)> {
    let mut all: Vec<(u32, f32)> = (0u32..).zip(logits.iter().copied()).collect();
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    let n = n.min(all.len());
    if n > 0 && n < all.len() {
        all.select_nth_unstable_by(n - 1, order);
    }
    all.truncate(n);
    all.sort_unstable_by(order);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(sampling: Sampling, logits: &[f32], n: u32) -> Vec<f64> {
        let mut sampler = Sampler::new(sampling, logits.len(), &[]).unwrap();
        let mut counts = vec![0u32; logits.len()];
        for _ in 0..n {
            counts[sampler.choose(&mut logits.to_vec()).unwrap() as usize] += 1;
        }
        counts.iter().map(|c| f64::from(*c) / f64::from(n)).collect()
    }

    fn close(got: &[f64], want: &[f64]) {
        for (g, w) in got.iter().zip(want) {
            assert!((g - w).abs() < 0.015, "{got:?} is not {want:?}");
        }
    }

    /// Protects the meaning of every setting: frequencies of 20,000 draws follow the distribution that the
    /// documentation promises, with one filter at a time and in their order.
    #[test]
    fn filters_keep_what_they_promise() {
        // Probabilities 0.4, 0.3, 0.2, 0.1 in mixed order.
        let logits: Vec<f32> = [0.2f32, 0.4, 0.1, 0.3].iter().map(|p| p.ln()).collect();
        let base = Sampling { temperature: 1.0, seed: 7, ..Sampling::GREEDY };
        close(&frequencies(base, &logits, 20_000), &[0.2, 0.4, 0.1, 0.3]);
        close(&frequencies(Sampling { top_k: 2, ..base }, &logits, 20_000), &[0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0]);
        close(&frequencies(Sampling { top_p: 0.75, ..base }, &logits, 20_000), &[2.0 / 9.0, 4.0 / 9.0, 0.0, 3.0 / 9.0]);
        close(&frequencies(Sampling { min_p: 0.6, ..base }, &logits, 20_000), &[0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0]);
        // Temperature 0.5 squares the probabilities.
        close(
            &frequencies(Sampling { temperature: 0.5, ..base }, &logits, 20_000),
            &[4.0 / 30.0, 16.0 / 30.0, 1.0 / 30.0, 9.0 / 30.0],
        );
        // top-k first, then top-p of what is left: 4/7 alone reaches 0.5.
        close(&frequencies(Sampling { top_k: 2, top_p: 0.5, ..base }, &logits, 2_000), &[0.0, 1.0, 0.0, 0.0]);
    }

    /// Protects the nucleus where it is wide: with a flat vocabulary top-p keeps its share, not only the first few.
    #[test]
    fn a_wide_nucleus_is_kept_whole() {
        let mut candidates: Vec<(f32, u32)> = (0..10_000).map(|id| (1.0, id)).collect();
        keep_nucleus(&mut candidates, 9_000.0, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        assert_eq!(candidates.len(), 9_000);
        assert_eq!(candidates.last(), Some(&(1.0, 8_999)));
    }

    /// Protects reproducibility: the generator gives the published numbers of SplitMix64, and greedy takes the lowest
    /// id of equals.
    #[test]
    fn the_same_everywhere() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!([rng.next_u64(), rng.next_u64()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        let mut logits = vec![0.0; 100];
        logits[37] = 2.0;
        logits[53] = 2.0;
        assert_eq!(argmax(&logits), (37, 2.0));
    }

    /// Protects the penalty: a token of the prompt falls behind, negative logits move down, and one that was chosen
    /// counts as present.
    #[test]
    fn repetition_is_penalised() {
        let sampling = Sampling { repetition_penalty: 2.0, ..Sampling::GREEDY };
        let mut sampler = Sampler::new(sampling, 3, &[0]).unwrap();
        assert_eq!(sampler.choose(&mut [1.5, 1.0, -1.0]), Ok(1));
        assert_eq!(sampler.choose(&mut [1.5, 1.0, -1.0]), Ok(0));
        assert_eq!(sampler.choose(&mut [-1.5, -2.0, -3.5]), Ok(0));
        let bad = Sampling { top_p: 0.0, ..Sampling::GREEDY };
        assert!(Sampler::new(bad, 3, &[]).is_err());
    }

    /// Protects users of a damaged model from text that it made up: one logit that is no number ends the generation, an
    /// infinite one as well, and a masked one does not.
    #[test]
    fn numbers_that_are_none_end_the_generation() {
        for (bad, fine) in [(f32::NAN, false), (f32::INFINITY, false), (f32::NEG_INFINITY, true)] {
            for temperature in [0.0, 1.0] {
                let mut sampler = Sampler::new(Sampling { temperature, ..Sampling::GREEDY }, 40, &[]).unwrap();
                let mut logits = vec![0.5; 40];
                logits[17] = bad;
                assert_eq!(sampler.choose(&mut logits).is_ok(), fine, "{bad} at {temperature}");
            }
        }
    }

    /// Protects log-probabilities: they sum to one and come likeliest first.
    #[test]
    fn log_probabilities() {
        let logits: Vec<f32> = (0..100u8).map(|i| f32::from(i % 37) / 7.0).collect();
        let lse = log_sum_exp(&logits);
        let sum: f32 = logits.iter().map(|l| (l - lse).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-4);
        let best = top(&logits, 3);
        assert_eq!(best.iter().map(|t| t.0).collect::<Vec<_>>(), [36, 73, 35]);
    }
}
