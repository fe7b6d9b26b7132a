use super::paged::{Lists, refused};
use super::{bits, distance, noise, on};
use crate::{GroupedAttention, GroupedStep, Level, PAGE_TOKENS, PagedError, Scratch};

/// A layer, and tokens of several sequences.
struct Layer {
    attention: GroupedAttention,
    cos: Vec<f32>,
    sin: Vec<f32>,
    qkv: Vec<Vec<f32>>,
}

const COLUMNS: usize = 5;
const MOST: usize = COLUMNS * PAGE_TOKENS;
const SEQUENCES: usize = 3;

const WHOLE: GroupedAttention = GroupedAttention {
    heads: 14,
    kv_heads: 2,
    head_dim: 64,
    rotary: 64,
    interleaved: false,
    scale: 0.125,
    layer: 1,
    layers: 3,
};
/// Widths that fill no vector, pairs that are neighbours, and a part that is not rotated.
const ODD: GroupedAttention =
    GroupedAttention { heads: 6, kv_heads: 1, head_dim: 20, rotary: 12, interleaved: true, scale: 0.3, ..WHOLE };

impl Layer {
    fn new(attention: GroupedAttention) -> Self {
        let pairs = attention.rotary / 2;
        let angle = |i: usize| (i / pairs) as f32 * 0.8f32.powi((i % pairs) as i32);
        let width = (attention.heads + 2 * attention.kv_heads) * attention.head_dim;
        Self {
            attention,
            cos: (0..MOST * pairs).map(|i| angle(i).cos()).collect(),
            sin: (0..MOST * pairs).map(|i| angle(i).sin()).collect(),
            qkv: (0..SEQUENCES as u32).map(|s| noise(MOST * width, 5 + s).iter().map(|v| v * 2.0).collect()).collect(),
        }
    }

    /// Runs steps, each of which has for some sequences how many tokens come: the results of every sequence, and the
    /// pages.
    fn run(
        &self,
        level: Level,
        steps: &[&[(usize, usize)]],
        shared: usize,
        threads: usize,
    ) -> (Vec<Vec<f32>>, Vec<u16>) {
        let GroupedAttention { heads, head_dim, kv_heads, .. } = self.attention;
        let (width, result) = ((heads + 2 * kv_heads) * head_dim, heads * head_dim);
        // Not a number, where nothing was written.
        let mut cache = vec![0x7e00u16; SEQUENCES * COLUMNS * self.attention.page_numbers().unwrap()];
        let (mut out, mut scratch) = (vec![Vec::new(); SEQUENCES], Scratch::default());
        let mut past = [0, shared * PAGE_TOKENS, shared * PAGE_TOKENS];
        for step in steps {
            let parts: Vec<_> = step.iter().map(|(s, new)| (*s, past[*s], *new)).collect();
            let lists = Lists::new(&parts, SEQUENCES, COLUMNS, shared);
            let qkv: Vec<f32> = parts
                .iter()
                .flat_map(|(s, past, new)| &self.qkv[*s][past * width..(past + new) * width])
                .copied()
                .collect();
            let mut results = vec![f32::NAN; lists.positions.len() * result];
            let step = GroupedStep { qkv: &qkv, cos: &self.cos, sin: &self.sin, rows: lists.ragged() };
            self.attention.run(level, &step, &mut cache, &mut results, &mut scratch, &on(threads)).unwrap();
            let mut results = results.chunks_exact(result);
            for (sequence, _, new) in parts {
                results.by_ref().take(new).for_each(|row| out[sequence].extend(row));
                past[sequence] += new;
            }
        }
        (out, cache)
    }

    /// In 64 bits, from the definition, with keys and values rounded to halves.
    fn exact(&self, sequence: usize, count: usize) -> Vec<f64> {
        let GroupedAttention { heads, kv_heads, head_dim, rotary, interleaved, scale, .. } = self.attention;
        let width = (heads + 2 * kv_heads) * head_dim;
        let row = |token: usize, head: usize| -> Vec<f64> {
            let from = &self.qkv[sequence][token * width + head * head_dim..][..head_dim];
            let mut out: Vec<f64> = from.iter().copied().map(f64::from).collect();
            if head < heads + kv_heads {
                for i in 0..rotary / 2 {
                    let (a, b) = if interleaved { (2 * i, 2 * i + 1) } else { (i, i + rotary / 2) };
                    let at = token * (rotary / 2) + i;
                    let (c, s) = (f64::from(self.cos[at]), f64::from(self.sin[at]));
                    (out[a], out[b]) = (out[a] * c - out[b] * s, out[a] * s + out[b] * c);
                }
            }
            out
        };
        let half = |row: Vec<f64>| row.into_iter().map(|v| half::f16::from_f64(v).to_f64()).collect::<Vec<_>>();
        let all = |first: usize| (0..kv_heads).map(|h| (0..count).map(|t| half(row(t, first + h))).collect()).collect();
        let (keys, values): (Vec<Vec<_>>, Vec<Vec<_>>) = (all(heads), all(heads + kv_heads));
        let mut out = Vec::new();
        for token in 0..count {
            for head in 0..heads {
                let (query, of) = (row(token, head), head / (heads / kv_heads));
                let scores: Vec<f64> =
                    keys[of][..=token].iter().map(|key| super::dot(&query, key) * f64::from(scale)).collect();
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
                let sum: f64 = powers.iter().sum();
                out.extend((0..head_dim).map(|d| {
                    powers.iter().zip(&values[of]).map(|(p, value): (_, &Vec<f64>)| p / sum * value[d]).sum::<f64>()
                }));
            }
        }
        out
    }
}

/// Protects the results of both schedules: rotation of either kind, mask, scale and grouping of heads follow the
/// definition.
#[test]
fn attention_is_that_of_its_definition() {
    for attention in [WHOLE, ODD] {
        let layer = Layer::new(attention);
        let exact = layer.exact(0, 200);
        for steps in [vec![&[(0, 200)][..]], vec![&[(0, 1)][..]; 200], vec![&[(0, 130)], &[(0, 1)], &[(0, 69)]]] {
            let far = distance(&layer.run(Level::best(), &steps, 0, 1).0[0], &exact);
            assert!(far < 2e-5, "{} steps: {far}", steps.len());
        }
    }
}

/// Protects cached prefixes, drafts and batches: the bits of a row and of its page depend only on its sequence up to
/// the row, not on how it is cut into steps, the other sequences, the threads, the processor or shared pages.
#[test]
fn a_row_has_the_same_bits_in_any_company() {
    for attention in [WHOLE, ODD] {
        let mut layer = Layer::new(attention);
        let alone: Vec<_> =
            (0..SEQUENCES).map(|s| bits(&layer.run(Level::best(), &vec![&[(s, 1)][..]; 300], 0, 1).0[s])).collect();
        let steps: [&[(usize, usize)]; 6] = [
            &[(1, 63), (0, 15)],
            &[(2, 130), (0, 1), (1, 2)],
            &[(0, 200), (1, 1), (2, 16)],
            &[(1, 200), (2, 1)],
            &[(2, 8), (1, 8), (0, 8)],
            &[(0, 76), (1, 26), (2, 145)],
        ];
        let mut pages = None;
        for level in Level::available() {
            for threads in [1, 3] {
                let (out, cache) = layer.run(level, &steps, 0, threads);
                for (sequence, out) in out.iter().enumerate() {
                    assert!(bits(out) == alone[sequence], "{level:?}, {threads} threads, sequence {sequence}");
                }
                assert!(*pages.get_or_insert_with(|| cache.clone()) == cache, "{level:?}, {threads} threads");
            }
        }
        // The same beginning, whose pages the others read.
        let width = (attention.heads + 2 * attention.kv_heads) * attention.head_dim;
        let result = attention.heads * attention.head_dim;
        let shared = 2 * PAGE_TOKENS;
        let (first, rest) = layer.qkv.split_first_mut().unwrap();
        rest.iter_mut().for_each(|other| other[..shared * width].copy_from_slice(&first[..shared * width]));
        let alone: Vec<_> =
            (0..SEQUENCES).map(|s| bits(&layer.run(Level::best(), &[&[(s, 300)][..]], 0, 1).0[s])).collect();
        let steps: [&[(usize, usize)]; 4] =
            [&[(0, 200)], &[(0, 1), (1, 1), (2, 1)], &[(0, 50), (1, 20), (2, 3)], &[(0, 49), (1, 151), (2, 168)]];
        for level in Level::available() {
            let (out, _) = layer.run(level, &steps, 2, 3);
            assert!(bits(&out[0]) == alone[0], "{level:?}");
            for sequence in [1, 2] {
                assert!(bits(&out[sequence]) == alone[sequence][shared * result..], "{level:?} {sequence}");
            }
        }
    }
}

/// Protects the other layers and pages: a step writes its own tokens' places and nothing else.
#[test]
fn only_the_new_tokens_are_written() {
    let layer = Layer::new(WHOLE);
    let (_, cache) = layer.run(Level::best(), &[&[(0, 70), (2, 3)]], 0, 1);
    let written = cache.iter().filter(|number| **number != 0x7e00).count();
    assert_eq!(written, 73 * 2 * WHOLE.kv_heads * WHOLE.head_dim);
}

/// Protects callers: inputs that do not match are refused before anything is read or written, and NaN stays NaN.
#[test]
fn nonsense_is_refused() {
    let layer = Layer::new(ODD);
    let width = (ODD.heads + 2 * ODD.kv_heads) * ODD.head_dim;
    let (page, result) = (ODD.page_numbers().unwrap(), ODD.heads * ODD.head_dim);
    let run = |attention: &GroupedAttention, lists: &Lists, qkv: usize, cache: usize, output: usize| {
        let (mut cache, mut output) = (vec![0u16; cache], vec![0f32; output]);
        let qkv = vec![0.5; qkv];
        let step = GroupedStep { qkv: &qkv, cos: &layer.cos, sin: &layer.sin, rows: lists.ragged() };
        attention.run(Level::best(), &step, &mut cache, &mut output, &mut Scratch::default(), &on(1))
    };
    refused(15, MOST, |lists| run(&ODD, lists, 2 * width, 15 * page, 2 * result));
    let lists = Lists::new(&[(0, 3, 2)], 1, 2, 0);
    assert_eq!(run(&ODD, &lists, 2 * width, 2 * page, 2 * result), Ok(()));
    for (qkv, cache, output) in [
        (2 * width + 1, 2 * page, 2 * result),
        (width, 2 * page, 2 * result),
        (2 * width, 2 * page - 1, 2 * result),
        (2 * width, 2 * page, result),
    ] {
        assert!(matches!(run(&ODD, &lists, qkv, cache, output), Err(PagedError::Length(_))));
    }
    assert!(matches!(run(&ODD, &lists, 2 * width, 0, 2 * result), Err(PagedError::Page { .. })));
    for wrong in [
        GroupedAttention { heads: 0, ..ODD },
        GroupedAttention { kv_heads: 0, ..ODD },
        GroupedAttention { kv_heads: 4, ..ODD },
        GroupedAttention { head_dim: 0, ..ODD },
        GroupedAttention { rotary: 11, ..ODD },
        GroupedAttention { rotary: 22, ..ODD },
        GroupedAttention { layer: 3, ..ODD },
        GroupedAttention { layers: 0, ..ODD },
        GroupedAttention { heads: usize::MAX, kv_heads: usize::MAX, ..ODD },
        GroupedAttention { head_dim: usize::MAX, ..ODD },
        GroupedAttention { layers: usize::MAX, ..ODD },
    ] {
        let result = run(&wrong, &lists, 2 * width, 2 * page, 2 * result);
        assert!(matches!(result, Err(PagedError::Sizes(_))), "{wrong:?} {result:?}");
    }
    for (count, bad) in [(1, f32::NAN), (40, f32::NAN), (1, f32::INFINITY), (40, f32::INFINITY)] {
        let mut layer = Layer::new(ODD);
        layer.qkv[0][5] = bad;
        let out = &layer.run(Level::best(), &[&[(0, count)]], 0, 1).0[0];
        assert!(out[..ODD.head_dim].iter().all(|v| !v.is_finite()), "{count} {bad}");
    }
}
