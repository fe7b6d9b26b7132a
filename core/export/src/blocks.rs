//! Weights → GGUF's blocks, with scales that are searched for: what [`crate::quant`] does for the runtime's operators,
//! for the engine's own.

use crate::matrix::share;
use deepcoder_kernels::Format;
use half::f16;
use std::sync::atomic::{AtomicBool, Ordering};

/// Encodes rows of `columns` weights in a format; shared among the processor's cores. `None` if a weight is not finite
/// or out of the format's range, if blocks do not divide the rows, or for formats that are only read.
pub(crate) fn encode(format: Format, columns: usize, values: &[f32], out: &mut Vec<u8>) -> Option<()> {
    let encode: fn(&[f32], f32, &mut [u8]) -> bool = match format {
        Format::Q4_0 => q4_0,
        Format::Q8_0 => |weights, _, out| q8_0(weights, out),
        Format::Q6_K => |weights, _, out| q6_k(weights, out),
        _ => return None,
    };
    let size = format.block();
    if columns == 0 || !columns.is_multiple_of(size) || !values.len().is_multiple_of(columns) {
        return None;
    }
    out.resize(values.len() / size * format.block_bytes(), 0);
    let row_bytes = columns / size * format.block_bytes();
    let all_fine = AtomicBool::new(true);
    share(
        values.chunks_exact(columns).zip(out.chunks_exact_mut(row_bytes)),
        || (),
        |(), (row, out)| {
            #[expect(clippy::cast_precision_loss, reason = "a row's length")]
            let mean_square = row.iter().map(|w| w * w).sum::<f32>() / columns as f32;
            let blocks = row.chunks_exact(size).zip(out.chunks_exact_mut(format.block_bytes()));
            for (weights, out) in blocks {
                if !mean_square.is_finite() || !encode(weights, mean_square, out) {
                    all_fine.store(false, Ordering::Relaxed);
                }
            }
        },
    );
    all_fine.into_inner().then_some(())
}

/// The weight of an error. Large weights matter more to the output than their number suggests: inputs are not
/// independent of them. With the row's mean square small ones do not become nothing.
fn importance(weight: f32, mean_square: f32) -> f32 {
    (mean_square + weight * weight).sqrt()
}

fn q4_0(weights: &[f32], mean_square: f32, out: &mut [u8]) -> bool {
    let mut importances = [0f32; 32];
    for (importance_of, &weight) in importances.iter_mut().zip(weights) {
        *importance_of = importance(weight, mean_square);
    }
    let Some(scale) = searched(weights, &importances, 8.0) else { return false };
    // The scale is what it is in the file, not what was found.
    let scale = f16::from_f32(scale);
    if !scale.is_finite() {
        return false;
    }
    let inverse = inverse_of(scale.to_f32());
    let (head, codes) = out.split_at_mut(2);
    head.copy_from_slice(&scale.to_le_bytes());
    for (i, byte) in codes.iter_mut().enumerate() {
        let code = |weight: f32| (level(weight * inverse, 8.0) + 8).cast_unsigned();
        *byte = code(weights[i]) | code(weights[i + 16]) << 4;
    }
    true
}

fn q8_0(weights: &[f32], out: &mut [u8]) -> bool {
    let most = weights.iter().fold(0f32, |most, w| most.max(w.abs()));
    let scale = f16::from_f32(most / 127.0);
    if !scale.is_finite() || weights.iter().any(|w| !w.is_finite()) {
        return false;
    }
    let inverse = inverse_of(scale.to_f32());
    out[..2].copy_from_slice(&scale.to_le_bytes());
    for (byte, weight) in out[2..].iter_mut().zip(weights) {
        *byte = level(weight * inverse, 128.0).cast_unsigned();
    }
    true
}

fn q6_k(weights: &[f32], out: &mut [u8]) -> bool {
    let mut scales = [0f32; 16];
    for (scale, group) in scales.iter_mut().zip(weights.chunks_exact(16)) {
        let mut importances = [0f32; 16];
        for (importance, weight) in importances.iter_mut().zip(group) {
            *importance = weight * weight;
        }
        let Some(found) = searched(group, &importances, 32.0) else { return false };
        *scale = found;
    }
    let most = scales.iter().fold(0f32, |most, s| if s.abs() > most.abs() { *s } else { most });
    let unit = f16::from_f32(most / -128.0);
    if !unit.is_finite() {
        return false;
    }
    let inverse = inverse_of(unit.to_f32());
    let (low, rest) = out.split_at_mut(128);
    let (high, rest) = rest.split_at_mut(64);
    let (packed, tail) = rest.split_at_mut(16);
    tail.copy_from_slice(&unit.to_le_bytes());
    let mut codes = [0u8; 256];
    for (g, group) in weights.chunks_exact(16).enumerate() {
        let scale = level(scales[g] * inverse, 128.0);
        packed[g] = scale.cast_unsigned();
        let inverse = inverse_of(unit.to_f32() * f32::from(scale));
        for (code, weight) in codes[16 * g..].iter_mut().zip(group) {
            *code = (level(weight * inverse, 32.0) + 32).cast_unsigned();
        }
    }
    for half in 0..2 {
        for i in 0..32 {
            let [a, b, c, d] = [0, 32, 64, 96].map(|at| codes[128 * half + at + i]);
            low[64 * half + i] = (a & 15) | (c & 15) << 4;
            low[64 * half + 32 + i] = (b & 15) | (d & 15) << 4;
            high[32 * half + i] = (a >> 4) | (b >> 4) << 2 | (c >> 4) << 4 | (d >> 4) << 6;
        }
    }
    true
}

/// The scale for levels from `-levels` to `levels - 1` with the least weighted squared error among many; `None` if a
/// weight is not finite. Either end of the range may be the longer one: the scale may be negative.
fn searched(weights: &[f32], importances: &[f32], levels: f32) -> Option<f32> {
    let most = weights.iter().fold(0f32, |most, w| if w.abs() > most.abs() { *w } else { most });
    if weights.iter().any(|w| !w.is_finite()) {
        return None;
    }
    if most == 0.0 {
        return Some(0.0);
    }
    let (mut best, mut most_gain) = (-most / levels, f32::MIN);
    for step in -7i8..=7 {
        for end in [-levels, levels - 1.0] {
            let (scale, gain) = fit(weights, importances, levels, end * (1.0 + 0.015 * f32::from(step)) / most);
            if gain > most_gain {
                (best, most_gain) = (scale, gain);
            }
        }
    }
    // Rounding with the fitted scale may fit still better.
    for _ in 0..3 {
        let (scale, gain) = fit(weights, importances, levels, inverse_of(best));
        if gain <= most_gain {
            break;
        }
        (best, most_gain) = (scale, gain);
    }
    Some(best)
}

/// The best scale for the levels that the weights get from an inverse scale, and how much of the weights it explains.
fn fit(weights: &[f32], importances: &[f32], levels: f32, inverse: f32) -> (f32, f32) {
    // Adding and taking it away rounds to whole numbers, without a call for each. Eight sums, so that they are
    // computed side by side.
    const ROUND: f32 = 12_582_912.0;
    let (mut product, mut square) = ([0f32; 8], [0f32; 8]);
    for (weights, importances) in weights.as_chunks::<8>().0.iter().zip(importances.as_chunks::<8>().0) {
        for lane in 0..8 {
            let level = (weights[lane] * inverse).clamp(-levels, levels - 1.0) + ROUND - ROUND;
            let weighted = importances[lane] * level;
            product[lane] += weighted * weights[lane];
            square[lane] += weighted * level;
        }
    }
    let (product, square): (f32, f32) = (product.iter().sum(), square.iter().sum());
    if square > 0.0 { (product / square, product * product / square) } else { (0.0, 0.0) }
}

fn inverse_of(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to less than its range")]
fn level(value: f32, levels: f32) -> i8 {
    value.round().clamp(-levels, levels - 1.0) as i8
}
