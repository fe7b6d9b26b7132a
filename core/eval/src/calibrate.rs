//! Calibration: from results of `eval edits` to the share of such results that are right. Logistic regression with a
//! small L2 penalty, by Newton's method (Hastie, Tibshirani & Friedman 2009, section 4.4).

use crate::EvalError;
use deepcoder_types::{Calibration, CurvePoint, Evidence, Features, Fit, features};

/// Fewer results than this say too little.
pub const LEAST_RESULTS: usize = 60;

/// The penalty on the squared weights of standardised features.
const PENALTY: f64 = 3.0;
const STEPS: usize = 50;
const FOLDS: usize = 10;

/// A result: what was seen of it, and whether its test passed.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What was seen.
    pub evidence: Evidence,
    /// Whether it was right.
    pub right: bool,
}

/// Fits a calibration of `model` on `samples` of the benchmarks `data`.
///
/// # Errors
/// There are fewer than [`LEAST_RESULTS`] results that several candidates were compared for, or all of them are right, or all
/// are wrong.
pub fn calibrate(model: &str, data: &str, samples: &[Sample]) -> Result<Calibration, EvalError> {
    let mut chosen: Vec<Row> = Vec::new();
    let mut alone: Vec<Row> = Vec::new();
    for sample in samples {
        if let Some(Features::Chosen(all)) = features(&sample.evidence) {
            let all = all.map(f64::from);
            alone.push(Row { features: all[2..].to_vec(), right: sample.right });
            chosen.push(Row { features: all.to_vec(), right: sample.right });
        }
    }
    let right = chosen.iter().filter(|row| row.right).count();
    if chosen.len() < LEAST_RESULTS || right == 0 || right == chosen.len() {
        return Err(EvalError::TooFew { results: chosen.len(), right, least: LEAST_RESULTS });
    }
    Ok(Calibration {
        model: model.to_owned(),
        data: data.to_owned(),
        results: u32::try_from(chosen.len()).unwrap_or(u32::MAX),
        right: share(right, chosen.len()),
        curve: curve(&chosen),
        chosen: fit(&chosen),
        alone: fit(&alone),
    })
}

struct Row {
    features: Vec<f64>,
    right: bool,
}

#[expect(clippy::cast_precision_loss, reason = "numbers of results, far below 2^24")]
fn share(part: usize, whole: usize) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of results, far below 2^52")]
fn fit(rows: &[Row]) -> Fit {
    let width = rows.first().map_or(0, |row| row.features.len());
    let count = rows.len().max(1) as f64;
    let mean: Vec<f64> = (0..width).map(|k| rows.iter().map(|row| row.features[k]).sum::<f64>() / count).collect();
    let variance = |k: usize| rows.iter().map(|row| (row.features[k] - mean[k]).powi(2)).sum::<f64>() / count;
    let deviation: Vec<f64> = (0..width).map(|k| variance(k).sqrt().max(1e-6)).collect();
    let standard: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            let scaled = (0..width).map(|k| ((row.features[k] - mean[k]) / deviation[k]).clamp(-3.0, 3.0));
            scaled.chain(std::iter::once(1.0)).collect()
        })
        .collect();
    let mut weights = vec![0.0; width + 1];
    for _ in 0..STEPS {
        let mut gradient = vec![0.0; width + 1];
        let mut hessian = vec![vec![0.0; width + 1]; width + 1];
        for (z, row) in standard.iter().zip(rows) {
            let p = sigmoid(z.iter().zip(&weights).map(|(z, w)| z * w).sum());
            let error = p - f64::from(u8::from(row.right));
            for (zi, (slope, row)) in z.iter().zip(gradient.iter_mut().zip(&mut hessian)) {
                *slope += error * zi;
                row.iter_mut().zip(z).for_each(|(cell, zj)| *cell += p * (1.0 - p) * zi * zj);
            }
        }
        for k in 0..width {
            gradient[k] += PENALTY * weights[k];
            hessian[k][k] += PENALTY;
        }
        hessian[width][width] += 1e-9;
        let step = solve(hessian, gradient);
        weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight -= step);
        if step.iter().all(|step| step.abs() < 1e-9) {
            break;
        }
    }
    let bias = weights.pop().unwrap_or_default();
    let narrow = |values: &[f64]| values.iter().map(|&value| round(value)).collect();
    Fit { mean: narrow(&mean), deviation: narrow(&deviation), weights: narrow(&weights), bias: round(bias) }
}

/// To four decimals: more say nothing.
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
fn round(value: f64) -> f32 {
    ((value * 1e4).round() / 1e4) as f32
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Gaussian elimination with pivoting; the matrix is positive definite by the penalty.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs())).unwrap_or(column);
        a.swap(column, pivot);
        b.swap(column, pivot);
        let (above, below) = a.split_at_mut(column + 1);
        let (Some(lead), known) = (above.last(), b[column]) else { continue };
        for (row, value) in below.iter_mut().zip(&mut b[column + 1..]) {
            let factor = row[column] / lead[column];
            row.iter_mut().zip(lead).for_each(|(cell, of_lead)| *cell -= factor * of_lead);
            *value -= factor * known;
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| a[row][k] * b[k]).sum();
        b[row] = (b[row] - known) / a[row][row];
    }
    b
}

/// The curve, each result judged by a fit on the others: every tenth result is left out in turn.
fn curve(rows: &[Row]) -> Vec<CurvePoint> {
    let mut judged: Vec<(f32, bool)> = Vec::new();
    for fold in 0..FOLDS {
        let (test, train): (Vec<_>, Vec<_>) = rows.iter().enumerate().partition(|(index, _)| index % FOLDS == fold);
        let train: Vec<Row> =
            train.into_iter().map(|(_, row)| Row { features: row.features.clone(), right: row.right }).collect();
        let fitted = fit(&train);
        for (_, row) in test {
            let features: Vec<f32> = row.features.iter().map(|&value| round(value)).collect();
            judged.push((fitted.probability(&features).unwrap_or_default(), row.right));
        }
    }
    points(&judged)
}

/// The curve of estimates and whether they were right.
#[must_use]
pub fn points(judged: &[(f32, bool)]) -> Vec<CurvePoint> {
    let all_right = judged.iter().filter(|(_, right)| *right).count();
    (1..10)
        .map(|tenth| {
            let threshold = f32::from(u8::try_from(tenth).unwrap_or(u8::MAX)) / 10.0;
            let applied: Vec<bool> = judged.iter().filter(|(p, _)| *p >= threshold).map(|(_, right)| *right).collect();
            let right = applied.iter().filter(|right| **right).count();
            CurvePoint {
                threshold,
                applied: share(applied.len(), judged.len()),
                right: share(right, applied.len()),
                found: share(right, all_right),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_types::Candidate;

    fn sample(agreement: f32, right: bool) -> Sample {
        let candidate = Candidate {
            agreeing: 1,
            tokens: 10,
            changed_tokens: 5,
            changed_logprob: Some(-0.5),
            least_logprob: Some(-2.0),
            ..Candidate::default()
        };
        let evidence = Evidence { candidates: vec![candidate; 4], agreement: Some(agreement), ..Evidence::default() };
        Sample { evidence, right }
    }

    /// Protects the estimates: where agreement tells right from wrong, they follow it, and they are shares, not scores.
    #[test]
    fn estimates_are_the_shares_in_the_data() {
        // Of results with little agreement a fifth is right, of those with much four fifths.
        let samples: Vec<Sample> = (0..200)
            .map(|i| {
                let much = i % 2 == 0;
                sample(if much { 0.9 } else { 0.2 }, (i / 2) % 5 != 0 && much || (i / 2) % 5 == 0 && !much)
            })
            .collect();
        let calibration = calibrate("m", "made", &samples).expect("a fit");
        let estimate = |agreement| calibration.estimate(&sample(agreement, true).evidence).expect("an estimate");
        assert!((estimate(0.9) - 0.8).abs() < 0.05, "{}", estimate(0.9));
        assert!((estimate(0.2) - 0.2).abs() < 0.05, "{}", estimate(0.2));
        let half = calibration.curve.iter().find(|point| (point.threshold - 0.5).abs() < 1e-6).expect("a point");
        assert!((half.applied - 0.5).abs() < 0.01 && (half.right - 0.8).abs() < 0.01, "{half:?}");
    }

    /// Protects from conclusions that rest on nothing.
    #[test]
    fn too_little_data_is_an_error() {
        let few = vec![sample(0.5, true); 20];
        assert!(matches!(calibrate("m", "d", &few), Err(EvalError::TooFew { results: 20, .. })));
        assert!(calibrate("m", "d", &vec![sample(0.5, true); 100]).is_err());
    }
}
