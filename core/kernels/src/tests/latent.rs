use super::{bits, blocks, distance, dot, noise, on, tiles, weights};
use crate::{Attention, AttentionError, Cache, Format, Level, Matrix, Scratch, Stack, Step, Weights};

/// A layer with random weights, and tokens.
struct Layer {
    sizes: Sizes,
    formats: Option<(Format, Format)>,
    keys: Vec<f32>,
    values: Vec<f32>,
    tiles: (Vec<u8>, Vec<u8>),
    norm: Vec<f32>,
    cos: Vec<f32>,
    sin: Vec<f32>,
    queries: Vec<f32>,
    latents: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Sizes {
    heads: usize,
    nope: usize,
    rope: usize,
    value: usize,
    rank: usize,
}

const SIZES: Sizes = Sizes { heads: 3, nope: 32, rope: 8, value: 48, rank: 64 };
const SCALE: f32 = 0.3;
const EPSILON: f32 = 1e-6;
const MOST: usize = 400;

impl Layer {
    fn new(sizes: Sizes, formats: Option<(Format, Format)>) -> Self {
        let Sizes { heads, nope, rope, value, rank } = sizes;
        let many = |format: Format, rows: usize, columns: usize, seed: u32| {
            let one = |head: usize| tiles(format, rows, columns, &blocks(format, rows, columns, seed + head as u32));
            (0..heads).map(one).collect::<Vec<_>>()
        };
        let floats = |format: Format, rows: usize, columns: usize, tiles: &[Vec<u8>]| -> Vec<f32> {
            let one = |tiles: &Vec<u8>| weights(&Matrix::new(format, rows, columns, tiles).unwrap());
            tiles.iter().flat_map(one).flatten().map(|v| v as f32).collect()
        };
        let (keys, values, tiles) = match formats {
            Some((k, v)) => {
                let tiles = (many(k, rank, nope, 3), many(v, value, rank, 7));
                let floats = (floats(k, rank, nope, &tiles.0), floats(v, value, rank, &tiles.1));
                (floats.0, floats.1, (tiles.0.concat(), tiles.1.concat()))
            }
            None => (noise(heads * rank * nope, 3), noise(heads * value * rank, 7), (vec![], vec![])),
        };
        let angle = |i: usize| (i / (rope / 2).max(1)) as f32 * 0.9f32.powi((i % (rope / 2).max(1)) as i32);
        let angles = MOST * (rope / 2);
        Self {
            sizes,
            formats,
            keys,
            values,
            tiles,
            norm: noise(rank, 1).iter().map(|v| 1.0 + 0.3 * v).collect(),
            cos: (0..angles).map(|i| angle(i).cos()).collect(),
            sin: (0..angles).map(|i| angle(i).sin()).collect(),
            queries: noise(MOST * heads * (nope + rope), 11),
            latents: noise(MOST * (rank + rope), 13),
        }
    }

    fn attention(&self) -> Attention<'_> {
        let Sizes { heads, nope, rope, value, rank } = self.sizes;
        let (keys, values) = match self.formats {
            Some((k, v)) => (
                Weights::Tiles(Stack::new(k, heads, rank, nope, &self.tiles.0).unwrap()),
                Weights::Tiles(Stack::new(v, heads, value, rank, &self.tiles.1).unwrap()),
            ),
            None => (Weights::Floats(&self.keys), Weights::Floats(&self.values)),
        };
        Attention { heads, nope, rope, value, rank, scale: SCALE, epsilon: EPSILON, norm: &self.norm, keys, values }
    }

    fn step(&self, past: usize, count: usize) -> Step<'_> {
        let Sizes { heads, nope, rope, rank, .. } = self.sizes;
        let (query, width) = (heads * (nope + rope), rank + rope);
        Step {
            queries: &self.queries[past * query..(past + count) * query],
            latents: &self.latents[past * width..(past + count) * width],
            cos: &self.cos,
            sin: &self.sin,
            past,
        }
    }

    /// Runs tokens in steps of the given sizes; the results of all.
    fn run(&self, level: Level, steps: &[usize], halves: bool, threads: usize) -> Vec<f32> {
        let width = self.sizes.rank + self.sizes.rope;
        let (mut short, mut long) = (vec![0x7e00u16; MOST * width], vec![f32::NAN; MOST * width]);
        let (mut past, mut out) = (0, Vec::new());
        let mut scratch = Scratch::default();
        for count in steps {
            let mut cache = if halves { Cache::F16(&mut short) } else { Cache::F32(&mut long) };
            let mut result = vec![f32::NAN; count * self.sizes.heads * self.sizes.value];
            let step = self.step(past, *count);
            self.attention().run(level, &step, &mut cache, &mut result, &mut scratch, &on(threads)).unwrap();
            out.extend(result);
            past += count;
        }
        out
    }

    /// In 64 bits, from the definition: keys and values of every head, and softmax.
    fn exact(&self, count: usize) -> Vec<f64> {
        let Sizes { heads, nope, rope, value, rank } = self.sizes;
        let wide = |v: &[f32]| v.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let rotate = |row: &[f32], position: usize| -> Vec<f64> {
            let mut out = wide(row);
            for (i, pair) in out.chunks_exact_mut(2).enumerate() {
                let at = position * (rope / 2) + i;
                let (c, s) = (f64::from(self.cos[at]), f64::from(self.sin[at]));
                (pair[0], pair[1]) = (pair[0] * c - pair[1] * s, pair[0] * s + pair[1] * c);
            }
            out
        };
        let cached: Vec<(Vec<f64>, Vec<f64>)> = self.latents[..count * (rank + rope)]
            .chunks_exact(rank + rope)
            .enumerate()
            .map(|(position, row)| {
                let latent = wide(&row[..rank]);
                let mean = latent.iter().map(|v| v * v).sum::<f64>() / rank as f64;
                let factor = 1.0 / (mean + f64::from(EPSILON)).sqrt();
                let latent = latent.iter().zip(&self.norm).map(|(v, w)| v * factor * f64::from(*w)).collect();
                (latent, rotate(&row[rank..], position))
            })
            .collect();
        let mut out = Vec::new();
        for token in 0..count {
            for head in 0..heads {
                let query = &self.queries[(token * heads + head) * (nope + rope)..][..nope + rope];
                let (plain, turned) = (wide(&query[..nope]), rotate(&query[nope..], token));
                let (keys, values) = (&self.keys[head * rank * nope..], &self.values[head * value * rank..]);
                let scores: Vec<f64> = cached[..=token]
                    .iter()
                    .map(|(latent, key)| {
                        let of = |j: usize| (0..rank).map(|r| latent[r] * f64::from(keys[r * nope + j])).sum::<f64>();
                        let expanded: Vec<f64> = (0..nope).map(of).collect();
                        (dot(&plain, &expanded) + dot(&turned, key)) * f64::from(SCALE)
                    })
                    .collect();
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
                let sum: f64 = powers.iter().sum();
                for v in 0..value {
                    let row = wide(&values[v * rank..(v + 1) * rank]);
                    out.push(powers.iter().zip(&cached).map(|(p, (latent, _))| p / sum * dot(&row, latent)).sum());
                }
            }
        }
        out
    }
}

/// Protects the numbers of both forms: norm, rotation, mask, scale and the order of heads are those of the definition.
#[test]
fn attention_is_that_of_its_definition() {
    let odd = Sizes { heads: 5, nope: 20, rope: 6, value: 12, rank: 40 };
    for sizes in [SIZES, odd] {
        let layer = Layer::new(sizes, None);
        let exact = layer.exact(200);
        for steps in [&[200][..], &[1; 200], &[129, 1, 3, 67], &[60, 140]] {
            let far = distance(&layer.run(Level::best(), steps, false, 1), &exact);
            assert!(far < 2e-6, "{steps:?}: {far}");
            let far = distance(&layer.run(Level::best(), steps, true, 1), &exact);
            assert!(far < 2e-3, "{steps:?} with a cache of halves: {far}");
        }
    }
    let layer = Layer::new(SIZES, Some((Format::Q8_0, Format::Q8_0)));
    let exact = layer.exact(140);
    for steps in [&[140][..], &[20; 7]] {
        let far = distance(&layer.run(Level::best(), steps, true, 1), &exact);
        assert!(far < 0.02, "{steps:?} with tiles: {far}");
    }
}

/// Protects cached prefixes and drafts: within a form, a token's bits depend on what is before it only, not on how many are
/// computed with it, on the threads or on the processor.
#[test]
fn a_query_has_the_same_bits_in_any_company() {
    for formats in [None, Some((Format::Q4_0, Format::Q8_0))] {
        let layer = Layer::new(SIZES, formats);
        for halves in [false, true] {
            let alone = bits(&layer.run(Level::best(), &[1; 144], halves, 1));
            for level in Level::available() {
                for steps in [&[128, 16][..], &[1, 2, 3, 42, 16, 48, 32]] {
                    assert!(bits(&layer.run(level, steps, halves, 3)) == alone, "{level:?} {steps:?} {halves}");
                }
            }
            let many = bits(&layer.run(Level::best(), &[130, 260], halves, 1));
            for level in Level::available() {
                let got = bits(&layer.run(level, &[390], halves, 3));
                assert!(got == many, "{level:?} {halves}, expanded");
            }
        }
    }
}

/// Protects callers: what does not fit is refused, and what is not a number does not come out as one.
#[test]
fn nonsense_is_refused() {
    let layer = Layer::new(SIZES, None);
    let width = SIZES.rank + SIZES.rope;
    let run = |attention: &Attention<'_>, step: &Step<'_>, cache: usize, output: usize| {
        let (mut cache, mut output) = (vec![0f32; cache], vec![0f32; output]);
        let mut cache = Cache::F32(&mut cache);
        attention.run(Level::best(), step, &mut cache, &mut output, &mut Scratch::default(), &on(1))
    };
    let (one, result) = (layer.step(4, 1), SIZES.heads * SIZES.value);
    let good = layer.attention();
    assert_eq!(run(&good, &one, 5 * width, result), Ok(()));
    assert!(matches!(run(&good, &one, 4 * width, result), Err(AttentionError::Room { what: "a cache", .. })));
    let far = Step { past: MOST, ..one };
    assert!(matches!(
        run(&good, &far, 400 * width, result),
        Err(AttentionError::Room { what: "a table of angles", .. })
    ));
    let far = Step { past: usize::MAX, ..one };
    assert!(matches!(run(&good, &far, 400 * width, result), Err(AttentionError::Room { .. })));
    assert!(matches!(run(&good, &one, 5 * width + 1, result), Err(AttentionError::Length(_))));
    assert!(matches!(run(&good, &one, 5 * width, result + 1), Err(AttentionError::Length(_))));
    let short = Step { latents: &one.latents[1..], ..one };
    assert!(matches!(run(&good, &short, 5 * width, result), Err(AttentionError::Length(_))));
    let other = Attention { rank: 0, ..good };
    assert!(matches!(run(&other, &one, 5 * width, result), Err(AttentionError::Sizes { .. })));
    let other = Attention { heads: usize::MAX, ..good };
    assert!(matches!(run(&other, &one, 5 * width, result), Err(AttentionError::Sizes { .. })));
    let other = Attention { values: Weights::Floats(&layer.values[1..]), ..good };
    assert_eq!(run(&other, &one, 5 * width, result), Err(AttentionError::Weights("values")));
    for (count, bad) in [(1, f32::NAN), (140, f32::NAN), (1, f32::INFINITY), (140, f32::INFINITY)] {
        let mut layer = Layer::new(SIZES, None);
        layer.latents[5] = bad;
        let out = layer.run(Level::best(), &[count], true, 1);
        assert!(out[..result].iter().all(|v| !v.is_finite()), "{count} {bad}");
    }
}
