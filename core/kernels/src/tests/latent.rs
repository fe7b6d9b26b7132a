use super::paged::{Lists, refused};
use super::{bits, blocks, distance, dot, noise, on, tiles, weights};
use crate::{Format, LatentAttention, LatentStep, Level, Matrix, PAGE_TOKENS, PagedError, Scratch, Stack, Weights};

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
    // Of each sequence.
    queries: Vec<Vec<f32>>,
    latents: Vec<Vec<f32>>,
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
const COLUMNS: usize = 7;
const MOST: usize = COLUMNS * PAGE_TOKENS;
const SEQUENCES: usize = 3;

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
            queries: (0..SEQUENCES as u32).map(|s| noise(MOST * heads * (nope + rope), 11 + s)).collect(),
            latents: (0..SEQUENCES as u32).map(|s| noise(MOST * (rank + rope), 23 + s)).collect(),
        }
    }

    fn attention(&self) -> LatentAttention<'_> {
        let Sizes { heads, nope, rope, value, rank } = self.sizes;
        let (keys, values) = match self.formats {
            Some((k, v)) => (
                Weights::Tiles(Stack::new(k, heads, rank, nope, &self.tiles.0).unwrap()),
                Weights::Tiles(Stack::new(v, heads, value, rank, &self.tiles.1).unwrap()),
            ),
            None => (Weights::Floats(&self.keys), Weights::Floats(&self.values)),
        };
        let norm = &self.norm;
        let (layer, layers) = (1, 2);
        LatentAttention {
            heads,
            nope,
            rope,
            value,
            rank,
            scale: SCALE,
            epsilon: EPSILON,
            norm,
            keys,
            values,
            layer,
            layers,
        }
    }

    /// Runs steps, each of which has for some sequences how many tokens come: the results of every sequence. The first
    /// `shared` pages are those of sequence 0.
    fn run(&self, level: Level, steps: &[&[(usize, usize)]], shared: usize, threads: usize) -> Vec<Vec<f32>> {
        let Sizes { heads, nope, rope, value, rank } = self.sizes;
        let (query, width, result) = (heads * (nope + rope), rank + rope, heads * value);
        // Not a number, where nothing was written.
        let mut cache = vec![0x7e00u16; SEQUENCES * COLUMNS * self.attention().page_numbers().unwrap()];
        let (mut out, mut scratch) = (vec![Vec::new(); SEQUENCES], Scratch::default());
        let mut past = [0, shared * PAGE_TOKENS, shared * PAGE_TOKENS];
        for step in steps {
            let parts: Vec<_> = step.iter().map(|(s, new)| (*s, past[*s], *new)).collect();
            let lists = Lists::new(&parts, SEQUENCES, COLUMNS, shared);
            let of = |all: &[Vec<f32>], width: usize| -> Vec<f32> {
                let rows = parts.iter().flat_map(|(s, past, new)| &all[*s][past * width..(past + new) * width]);
                rows.copied().collect()
            };
            let (queries, latents) = (of(&self.queries, query), of(&self.latents, width));
            let mut results = vec![f32::NAN; lists.positions.len() * result];
            let step = LatentStep {
                queries: &queries,
                latents: &latents,
                cos: &self.cos,
                sin: &self.sin,
                rows: lists.ragged(),
            };
            self.attention().run(level, &step, &mut cache, &mut results, &mut scratch, &on(threads)).unwrap();
            let mut results = results.chunks_exact(result);
            for (sequence, _, new) in parts {
                results.by_ref().take(new).for_each(|row| out[sequence].extend(row));
                past[sequence] += new;
            }
        }
        out
    }

    /// In 64 bits, from the definition: keys and values of every head, and softmax; the latents are rounded to
    /// halves.
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
        let cached: Vec<(Vec<f64>, Vec<f64>)> = self.latents[0][..count * (rank + rope)]
            .chunks_exact(rank + rope)
            .enumerate()
            .map(|(position, row)| {
                let latent = wide(&row[..rank]);
                let mean = latent.iter().map(|v| v * v).sum::<f64>() / rank as f64;
                let factor = 1.0 / (mean + f64::from(EPSILON)).sqrt();
                let latent = latent.iter().zip(&self.norm).map(|(v, w)| v * factor * f64::from(*w)).collect();
                let half = |row: Vec<f64>| row.into_iter().map(|v| half::f16::from_f64(v).to_f64()).collect();
                (half(latent), half(rotate(&row[rank..], position)))
            })
            .collect();
        let mut out = Vec::new();
        for token in 0..count {
            for head in 0..heads {
                let query = &self.queries[0][(token * heads + head) * (nope + rope)..][..nope + rope];
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

/// Protects the results of both forms: norm, rotation, mask, scale and the order of heads follow the definition.
#[test]
fn attention_is_that_of_its_definition() {
    let odd = Sizes { heads: 5, nope: 20, rope: 6, value: 12, rank: 40 };
    for sizes in [SIZES, odd] {
        let layer = Layer::new(sizes, None);
        let exact = layer.exact(200);
        for steps in [vec![&[(0, 200)][..]], vec![&[(0, 1)][..]; 200], vec![&[(0, 129)], &[(0, 1)], &[(0, 70)]]] {
            let far = distance(&layer.run(Level::best(), &steps, 0, 1)[0], &exact);
            assert!(far < 3e-5, "{} steps: {far}", steps.len());
        }
    }
    let layer = Layer::new(SIZES, Some((Format::Q8_0, Format::Q8_0)));
    let exact = layer.exact(140);
    for steps in [vec![&[(0, 140)][..]], vec![&[(0, 20)][..]; 7]] {
        let far = distance(&layer.run(Level::best(), &steps, 0, 1)[0], &exact);
        assert!(far < 0.02, "{} steps with tiles: {far}", steps.len());
    }
}

/// Protects cached prefixes, drafts and batches: within a form, a row's bits depend on its sequence up to itself, not
/// on how it is cut into steps, on the sequences beside it, on the threads, on the processor or on whose pages it
/// reads.
#[test]
fn a_query_has_the_same_bits_in_any_company() {
    for formats in [None, Some((Format::Q4_0, Format::Q8_0))] {
        let mut layer = Layer::new(SIZES, formats);
        let alone: Vec<_> =
            (0..SEQUENCES).map(|s| bits(&layer.run(Level::best(), &vec![&[(s, 1)][..]; 200], 0, 1)[s])).collect();
        // No step has a whole group of 128, nor what begins at another place than one.
        let steps: [&[(usize, usize)]; 5] = [
            &[(1, 127), (0, 63)],
            &[(1, 1), (2, 3), (0, 64)],
            &[(1, 3), (2, 124), (0, 8)],
            &[(0, 65), (1, 69), (2, 1)],
            &[(2, 72)],
        ];
        for level in Level::available() {
            let out = layer.run(level, &steps, 0, 3);
            for (sequence, out) in out.iter().enumerate() {
                assert!(bits(out) == alone[sequence], "{level:?}, sequence {sequence}");
            }
        }
        // Whole groups, together, one by one and beside others: 128 rows at the same place each time.
        let many: Vec<_> = (0..SEQUENCES)
            .map(|s| {
                let steps: [&[(usize, usize)]; 5] = [&[(s, 128)], &[(s, 128)], &[(s, 40)], &[(s, 88)], &[(s, 20)]];
                bits(&layer.run(Level::best(), &steps, 0, 1)[s])
            })
            .collect();
        let steps: [&[(usize, usize)]; 5] = [
            &[(0, 296), (1, 128)],
            &[(2, 128), (1, 128), (0, 8)],
            &[(2, 129), (1, 50), (0, 80)],
            &[(2, 62), (1, 78)],
            &[(2, 85), (1, 20), (0, 20)],
        ];
        for level in Level::available() {
            let out = layer.run(level, &steps, 0, 3);
            for (sequence, out) in out.iter().enumerate() {
                assert!(bits(out) == many[sequence], "{level:?}, sequence {sequence}, expanded");
            }
        }
        let Sizes { heads, nope, rope, value, rank } = SIZES;
        let shared = 2 * PAGE_TOKENS;
        for (all, width) in [(&mut layer.queries, heads * (nope + rope)), (&mut layer.latents, rank + rope)] {
            let (first, rest) = all.split_first_mut().unwrap();
            rest.iter_mut().for_each(|other| other[..shared * width].copy_from_slice(&first[..shared * width]));
        }
        let alone: Vec<_> =
            (0..SEQUENCES).map(|s| bits(&layer.run(Level::best(), &[&[(s, 128)], &[(s, 100)]], 0, 1)[s])).collect();
        let steps: [&[(usize, usize)]; 3] = [&[(0, 128)], &[(0, 1), (1, 1), (2, 1)], &[(0, 99), (2, 99), (1, 99)]];
        let out = layer.run(Level::best(), &steps, 2, 3);
        for sequence in [1, 2] {
            assert!(bits(&out[sequence]) == alone[sequence][shared * heads * value..], "shared, {sequence}");
        }
    }
}

/// Protects callers: inputs that do not match are refused before anything is read or written, and NaN stays NaN.
#[test]
fn nonsense_is_refused() {
    let layer = Layer::new(SIZES, None);
    let good = layer.attention();
    let (page, result) = (good.page_numbers().unwrap(), SIZES.heads * SIZES.value);
    let (query, width) = (SIZES.heads * (SIZES.nope + SIZES.rope), SIZES.rank + SIZES.rope);
    let run = |attention: &LatentAttention<'_>, lists: &Lists, latents: usize, cache: usize, output: usize| {
        let (mut cache, mut output) = (vec![0u16; cache], vec![0f32; output]);
        let step = LatentStep {
            queries: &layer.queries[0][..2 * query],
            latents: &layer.latents[0][..latents],
            cos: &layer.cos,
            sin: &layer.sin,
            rows: lists.ragged(),
        };
        attention.run(Level::best(), &step, &mut cache, &mut output, &mut Scratch::default(), &on(1))
    };
    refused(21, MOST, |lists| run(&good, lists, 2 * width, 21 * page, 2 * result));
    let lists = Lists::new(&[(0, 3, 2)], 1, 2, 0);
    assert_eq!(run(&good, &lists, 2 * width, 2 * page, 2 * result), Ok(()));
    for (latents, cache, output) in
        [(width, 2 * page, 2 * result), (2 * width, 2 * page + 1, 2 * result), (2 * width, 2 * page, result)]
    {
        assert!(matches!(run(&good, &lists, latents, cache, output), Err(PagedError::Length(_))));
    }
    assert!(matches!(run(&good, &lists, 2 * width, page, 2 * result), Ok(())));
    assert!(matches!(run(&good, &lists, 2 * width, 0, 2 * result), Err(PagedError::Page { .. })));
    for wrong in [
        LatentAttention { rank: 0, ..good },
        LatentAttention { heads: usize::MAX, ..good },
        LatentAttention { rope: 7, ..good },
        LatentAttention { layer: 2, ..good },
        LatentAttention { layers: usize::MAX, ..good },
    ] {
        assert!(matches!(run(&wrong, &lists, 2 * width, 2 * page, 2 * result), Err(PagedError::Sizes(_))));
    }
    let wrong = LatentAttention { values: Weights::Floats(&layer.values[1..]), ..good };
    assert_eq!(run(&wrong, &lists, 2 * width, 2 * page, 2 * result), Err(PagedError::Weights("values")));
    for (count, bad) in [(1, f32::NAN), (140, f32::NAN), (1, f32::INFINITY), (140, f32::INFINITY)] {
        let mut layer = Layer::new(SIZES, None);
        layer.latents[0][5] = bad;
        let out = &layer.run(Level::best(), &[&[(0, count)]], 0, 1)[0];
        assert!(out[..result].iter().all(|v| !v.is_finite()), "{count} {bad}");
    }
}
