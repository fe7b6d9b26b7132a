//! How often a model's results are right, given what can be seen of them without a test.

use crate::Evidence;
use serde::{Deserialize, Serialize};

/// The file of a model's folder that holds its calibration.
pub const CALIBRATION_FILE: &str = "calibration.json";

/// Standard deviations from the mean of the data beyond which a feature says no more.
const FAR: f32 = 3.0;

/// A logistic regression from [`Features`] to the share of right results.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Fit {
    /// The mean of each feature in the data.
    pub mean: Vec<f32>,
    /// The standard deviation of each feature in the data.
    pub deviation: Vec<f32>,
    /// The weight of each standardised feature.
    pub weights: Vec<f32>,
    /// The intercept.
    pub bias: f32,
}

impl Fit {
    /// The probability for `features`; `None` where their number is another one.
    #[must_use]
    pub fn probability(&self, features: &[f32]) -> Option<f32> {
        let lengths = [self.mean.len(), self.deviation.len(), self.weights.len()];
        if lengths != [features.len(); 3] {
            return None;
        }
        let parts = features.iter().zip(&self.mean).zip(self.deviation.iter().zip(&self.weights));
        let sum: f32 = parts
            .map(|((value, mean), (deviation, weight))| {
                weight * ((value - mean) / deviation.max(1e-6)).clamp(-FAR, FAR)
            })
            .sum();
        let probability = 1.0 / (1.0 + (-(sum + self.bias)).exp());
        probability.is_finite().then_some(probability)
    }
}

/// A point of the curve: results with at least this estimate are applied.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The least estimate.
    pub threshold: f32,
    /// The share of all results that are applied.
    pub applied: f32,
    /// The share of the applied ones that are right.
    pub right: f32,
    /// The share of the right ones that are applied.
    pub found: f32,
}

/// The calibration of a model: fitted on benchmarks whose tests tell right from wrong.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Calibration {
    /// The model.
    pub model: String,
    /// The benchmarks.
    pub data: String,
    /// The number of results.
    pub results: u32,
    /// The share of right ones among them.
    pub right: f32,
    /// For results that were chosen among several candidates.
    pub chosen: Fit,
    /// For results of one answer.
    pub alone: Fit,
    /// The curve on the data, cross-validated.
    pub curve: Vec<CurvePoint>,
}

impl Calibration {
    /// The share of results with such evidence that were right; `None` where the evidence has no probabilities.
    #[must_use]
    pub fn estimate(&self, evidence: &Evidence) -> Option<f32> {
        match features(evidence)? {
            Features::Chosen(features) => self.chosen.probability(&features),
            Features::Alone(features) => self.alone.probability(&features),
        }
    }

    /// The calibration that comes with deepcoder for a model of this name. A model that is not known gets that of the
    /// smallest known one, which expects the least.
    #[must_use]
    pub fn builtin(model: &str) -> Option<Self> {
        let all: Vec<Self> = serde_json::from_str(include_str!("calibration.json")).ok()?;
        let known = all.iter().find(|one| model.starts_with(&one.model));
        known.or(all.first()).cloned()
    }
}

/// What is seen of a result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Features {
    /// Of one that was chosen among several: agreement, share of candidates with the same program, mean log-probability of
    /// the changed tokens, least log-probability, logarithm of the number of changed tokens.
    Chosen([f32; 5]),
    /// Of a single answer: the last three of these.
    Alone([f32; 3]),
}

/// The features of a result; `None` where no token of it has a probability.
#[must_use]
pub fn features(evidence: &Evidence) -> Option<Features> {
    let chosen = evidence.candidates.first()?;
    let (changed, least) = (chosen.changed_logprob.or(chosen.mean_logprob)?, chosen.least_logprob?);
    #[expect(clippy::cast_precision_loss, reason = "numbers of tokens, far below 2^24")]
    let (size, of) = ((1.0 + chosen.changed_tokens as f32).ln(), evidence.candidates.len() as f32);
    #[expect(clippy::cast_precision_loss, reason = "a handful of candidates")]
    let share = chosen.agreeing as f32 / of;
    Some(match evidence.agreement {
        Some(agreement) => Features::Chosen([agreement, share, changed, least, size]),
        None => Features::Alone([changed, least, size]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Candidate;

    fn evidence(agreement: Option<f32>, agreeing: u32) -> Evidence {
        let candidate = Candidate {
            agreeing,
            tokens: 60,
            mean_logprob: Some(-0.1),
            changed_tokens: 20,
            changed_logprob: Some(-0.2),
            least_logprob: Some(-1.5),
            ..Candidate::default()
        };
        let candidates = vec![candidate; if agreement.is_some() { 5 } else { 1 }];
        Evidence { candidates, agreement, ..Evidence::default() }
    }

    /// Protects the decision: the tables that come with deepcoder can be read, and more agreement is never less evidence.
    #[test]
    fn agreement_raises_the_estimate() {
        for model in ["qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct", "something-else"] {
            let calibration = Calibration::builtin(model).expect("a calibration");
            let estimates: Vec<f32> = [(0.1, 1), (0.5, 2), (1.0, 5)]
                .map(|(soft, same)| calibration.estimate(&evidence(Some(soft), same)).expect("an estimate"))
                .into();
            assert!(estimates.is_sorted() && estimates[0] + 0.1 < estimates[2], "{model}: {estimates:?}");
            assert!(calibration.estimate(&evidence(None, 1)).is_some_and(|p| p > 0.0 && p < 1.0));
        }
    }

    /// Protects models that are not known: nothing better is assumed of them than of the smallest one.
    #[test]
    fn an_unknown_model_is_the_smallest() {
        assert_eq!(Calibration::builtin("x"), Calibration::builtin("qwen2.5-coder-0.5b-instruct"));
        assert_ne!(Calibration::builtin("x"), Calibration::builtin("qwen2.5-coder-1.5b-instruct"));
    }

    /// Protects from damaged files: a fit of another number of features says nothing, and no estimate is out of range.
    #[test]
    fn a_fit_that_does_not_match_says_nothing() {
        let fit = Fit { mean: vec![0.0], deviation: vec![0.0], weights: vec![1e9], bias: 0.0 };
        assert_eq!(fit.probability(&[1.0, 2.0]), None);
        assert!(fit.probability(&[1.0]).is_some_and(|p| p <= 1.0));
        assert_eq!(fit.probability(&[f32::NAN]), None);
        assert_eq!(Calibration::default().estimate(&evidence(None, 1)), None);
    }
}
