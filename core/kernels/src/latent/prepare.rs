//! What both forms do first.

use super::{Attention, Cache, Step};
use crate::Level;
use crate::float::{Rows, halves, norm};

/// Rotates pairs of neighbours by the angles of a position.
pub(super) fn rotate(row: &[f32], cos: &[f32], sin: &[f32], factor: f32, out: &mut [f32]) {
    let pairs = row.as_chunks::<2>().0.iter().zip(out.as_chunks_mut::<2>().0);
    for (([a, b], out), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
        *out = [(a * cos - b * sin) * factor, (a * sin + b * cos) * factor];
    }
}

/// The angles of `position`.
pub(super) fn angles<'a>(step: &Step<'a>, rope: usize, position: usize) -> (&'a [f32], &'a [f32]) {
    let range = position * (rope / 2)..(position + 1) * (rope / 2);
    (&step.cos[range.clone()], &step.sin[range])
}

/// Writes the new tokens into the cache.
pub(super) fn remember(this: &Attention<'_>, level: Level, step: &Step<'_>, rows: usize, cache: &mut Cache<'_>) {
    let width = this.width();
    let mut row = vec![0f32; width];
    for token in 0..rows {
        let (latent, key) = step.latents[token * width..(token + 1) * width].split_at(this.rank);
        let (left, right) = row.split_at_mut(this.rank);
        norm(level, latent, this.norm, this.epsilon, left);
        let (cos, sin) = angles(step, this.rope, step.past + token);
        rotate(key, cos, sin, 1.0, right);
        let at = (step.past + token) * width..(step.past + token + 1) * width;
        match cache {
            Cache::F32(cache) => cache[at].copy_from_slice(&row),
            Cache::F16(cache) => {
                for (to, from) in cache[at].iter_mut().zip(&row) {
                    *to = half::f16::from_f32(*from).to_bits();
                }
            }
        }
    }
}

/// Tokens `first` to `first + count` of the cache as floats.
pub(super) fn latents<'a>(
    level: Level,
    cache: &'a Cache<'_>,
    width: usize,
    first: usize,
    count: usize,
    room: &'a mut [f32],
) -> Rows<'a> {
    let range = first * width..(first + count) * width;
    match cache {
        Cache::F32(cache) => Rows::dense(&cache[range], width),
        Cache::F16(cache) => {
            let room = &mut room[..count * width];
            halves(level, &cache[range], room);
            Rows::dense(room, width)
        }
    }
}
