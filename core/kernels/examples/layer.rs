//! How long one layer of DeepSeek-Coder-V2-Lite's shape takes, on weights that no cache holds.
//!
//!     cargo run --release -p deepcoder-kernels --example layer [THREADS [LEVEL [PART [CASE]]]]
//!
//! LEVEL is `best`, `avx-vnni`, `avx2` or `scalar`; PART one of `matmul`, `moe`, `attention`, `expanded`, `grouped`;
//! CASE the number of one of the cases of `grouped`.

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss, reason = "a program")]

mod pool;

use deepcoder_kernels::{
    Expert, Format, GroupedAttention, GroupedStep, LatentAttention, LatentStep, Level, Matrix, Mixture, PAGE_TOKENS,
    Ragged, Routing, Scratch, Stack, Weights, multiply,
};
use std::time::{Duration, Instant};

const HIDDEN: usize = 2048;
const INNER: usize = 1408;
const EXPERTS: usize = 64;

/// Tiles without meaning: small scales, random codes.
struct Tiles {
    bytes: Vec<u8>,
    at: usize,
    len: usize,
}

impl Tiles {
    fn new(len: usize) -> Self {
        let mut bytes = vec![0u8; len + 64];
        let at = bytes.as_ptr().align_offset(64);
        let mut state = 1u32;
        for word in bytes.chunks_exact_mut(4) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // As halves these are small positive numbers.
            word.copy_from_slice(&(state & 0x0fff_0fff | 0x1000_1000).to_le_bytes());
        }
        Self { bytes, at, len }
    }

    fn get(&self) -> &[u8] {
        &self.bytes[self.at..self.at + self.len]
    }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 % 10_007) as f32 - 5000.0) / 5000.0).collect()
}

/// The shortest time of `f`, which is told how often it was called.
fn best(least: u64, mut f: impl FnMut(usize)) -> f64 {
    let (start, mut best) = (Instant::now(), Duration::MAX);
    let mut calls = 0;
    while calls < 3 || start.elapsed() < Duration::from_millis(least) {
        let begin = Instant::now();
        f(calls);
        best = best.min(begin.elapsed());
        calls += 1;
    }
    best.as_secs_f64()
}

/// The speed of reading, in GB/s.
fn read(bytes: &[u8], everywhere: &dyn Fn(&(dyn Fn() + Sync))) -> f64 {
    let seconds = best(300, |_| {
        let next = std::sync::atomic::AtomicUsize::new(0);
        everywhere(&|| {
            loop {
                let at = next.fetch_add(1 << 18, std::sync::atomic::Ordering::Relaxed);
                let Some(part) = bytes.get(at..bytes.len().min(at + (1 << 18))) else { return };
                let sum = part.as_chunks::<64>().0.iter().fold([0u64; 8], |s, b| {
                    std::array::from_fn(|i| s[i].wrapping_add(u64::from_le_bytes(b.as_chunks::<8>().0[i])))
                });
                std::hint::black_box(sum);
            }
        });
    });
    bytes.len() as f64 / seconds / 1e9
}

fn main() {
    let argument = |n: usize| std::env::args().nth(n);
    let threads: usize = argument(1).and_then(|a| a.parse().ok()).unwrap_or(2);
    let level = match argument(2).as_deref() {
        Some("scalar") => Level::Scalar,
        #[cfg(target_arch = "x86_64")]
        Some("avx2") => Level::Avx2,
        #[cfg(target_arch = "x86_64")]
        Some("avx-vnni") => Level::AvxVnni,
        _ => Level::best(),
    };
    let part = argument(3);
    let wanted = |name: &str| part.as_deref().is_none_or(|p| p == name);
    let everywhere = pool::pool(threads);
    println!("{level:?}, {threads} threads");
    if wanted("matmul") {
        matmul(level, &everywhere);
    }
    if wanted("moe") {
        moe(level, &everywhere);
    }
    if wanted("attention") {
        attention(level, &everywhere, &[(1, 64), (1, 1024), (1, 4096), (1, 16384), (8, 1024), (16, 1024), (128, 1024)]);
    }
    if wanted("expanded") {
        attention(level, &everywhere, &[(128, 1024), (512, 512), (512, 4096)]);
    }
    if wanted("grouped") {
        for (layers, heads, head_dim) in [(24, 14, 64), (28, 12, 128)] {
            grouped(level, &everywhere, layers, heads, head_dim);
        }
    }
}

fn matmul(level: Level, everywhere: &dyn Fn(&(dyn Fn() + Sync))) {
    let rows = 64 << 10;
    let mut scratch = Scratch::default();
    for format in [Format::Q4_0, Format::Q8_0, Format::Q4_K, Format::Q6_K] {
        let tiles = Tiles::new(format.matrix_bytes(rows, HIDDEN).unwrap());
        print!("{:5} read {:5.1} GB/s;", format.name(), read(tiles.get(), everywhere));
        for m in [1, 2, 3, 4, 6, 8, 64, 512] {
            let used = if m > 8 { 2048 } else { rows };
            let bytes = format.matrix_bytes(used, HIDDEN).unwrap();
            let matrix = Matrix::new(format, used, HIDDEN, &tiles.get()[..bytes]).unwrap();
            let (input, mut output) = (numbers(m * HIDDEN), vec![0f32; m * used]);
            let seconds = best(200, |_| {
                multiply(level, &matrix, &input, None, &mut output, &mut scratch, everywhere).unwrap();
            });
            if m > 8 {
                print!(" {m}: {:.0} GMAC/s", (m * used * HIDDEN) as f64 / seconds / 1e9);
            } else {
                print!(" {m}: {:.1} GB/s", bytes as f64 / seconds / 1e9);
            }
        }
        println!();
    }
}

fn moe(level: Level, everywhere: &dyn Fn(&(dyn Fn() + Sync))) {
    for format in [Format::Q4_0, Format::Q8_0] {
        let stack = |n, rows: usize, columns: usize| Tiles::new(n * format.matrix_bytes(rows, columns).unwrap());
        let tiles = [
            stack(EXPERTS, INNER, HIDDEN),
            stack(EXPERTS, INNER, HIDDEN),
            stack(EXPERTS, HIDDEN, INNER),
            stack(1, 2 * INNER, HIDDEN),
            stack(1, 2 * INNER, HIDDEN),
            stack(1, HIDDEN, 2 * INNER),
        ];
        let expert = |n, inner, at: usize| Expert {
            gate: Stack::new(format, n, inner, HIDDEN, tiles[at].get()).unwrap(),
            up: Stack::new(format, n, inner, HIDDEN, tiles[at + 1].get()).unwrap(),
            down: Stack::new(format, n, HIDDEN, inner, tiles[at + 2].get()).unwrap(),
        };
        let router: Vec<f32> = numbers(EXPERTS * HIDDEN).iter().map(|v| v * 0.02).collect();
        let routing = Routing { top_k: 6, groups: 1, top_groups: 1, limited: false, scale: 1.0, normalise: false };
        let mixture = Mixture {
            router: &router,
            experts: expert(EXPERTS, INNER, 0),
            shared: Some(expert(1, 2 * INNER, 3)),
            routing,
        };
        let mut scratch = Scratch::default();
        let each = 3 * format.matrix_bytes(INNER, HIDDEN).unwrap();
        let speed = read(tiles[0].get(), everywhere);
        print!("moe {:5} read {speed:.1} GB/s;", format.name());
        for m in [1, 8, 64, 512] {
            let random = numbers(40 * m * HIDDEN + 12_345);
            let mut output = vec![0f32; m * HIDDEN];
            let seconds = best(400, |call| {
                // Other tokens each time, so that other experts are read.
                let at = (call * 7) % 39 * m * HIDDEN + call % 12_345;
                mixture.run(level, &random[at..at + m * HIDDEN], &mut output, &mut scratch, everywhere).unwrap();
            });
            if m == 1 {
                print!(" 1: {:.0} us, {:.1} GB/s", seconds * 1e6, (8 * each) as f64 / seconds / 1e9);
            } else {
                let speed = (m * 8 * 3 * INNER * HIDDEN) as f64 / seconds / 1e9;
                print!(" {m}: {:.2} ms, {speed:.0} GMAC/s", seconds * 1e3);
            }
        }
        println!();
    }
}

fn attention(level: Level, everywhere: &dyn Fn(&(dyn Fn() + Sync)), cases: &[(usize, usize)]) {
    let (heads, nope, rope, value, rank) = (16, 128, 64, 128, 512);
    let format = Format::Q8_0;
    // Of several layers, as in a model.
    let layers = 8;
    let most = cases.iter().map(|(s, t)| s + t).max().unwrap_or(0);
    let keys: Vec<Tiles> = (0..layers).map(|_| Tiles::new(heads * format.matrix_bytes(rank, nope).unwrap())).collect();
    let values: Vec<Tiles> =
        (0..layers).map(|_| Tiles::new(heads * format.matrix_bytes(value, rank).unwrap())).collect();
    let pages = most.div_ceil(PAGE_TOKENS);
    let mut cache: Vec<u16> = vec![0x2c01; pages * layers * PAGE_TOKENS * (rank + rope)];
    let (norm, cos, sin) = (vec![1f32; rank], numbers(most * rope / 2), numbers(most * rope / 2));
    let mut scratch = Scratch::default();
    for (count, total) in cases {
        let past = if *count > 1 && total > count { total - count } else { total - 1 };
        let past = if *count == *total { 0 } else { past };
        let lists = Lists::new(&[(past, *count)], pages);
        let (queries, latents) = (numbers(count * heads * (nope + rope)), numbers(count * (rank + rope)));
        let mut output = vec![0f32; count * heads * value];
        let seconds = best(300, |call| {
            let layer = call % layers;
            let stack = |rows, columns, tiles| Weights::Tiles(Stack::new(format, heads, rows, columns, tiles).unwrap());
            let attention = LatentAttention {
                heads,
                nope,
                rope,
                value,
                rank,
                scale: 0.1,
                epsilon: 1e-6,
                norm: &norm,
                keys: stack(rank, nope, keys[layer].get()),
                values: stack(value, rank, values[layer].get()),
                layer,
                layers,
            };
            let rows = lists.ragged();
            let step = LatentStep { queries: &queries, latents: &latents, cos: &cos, sin: &sin, rows };
            attention.run(level, &step, &mut cache, &mut output, &mut scratch, everywhere).unwrap();
        });
        println!("attention {count} new of {total}: {:.0} us, x 27 = {:.1} ms", seconds * 1e6, seconds * 27e3);
    }
}

/// Places of rows.
struct Lists {
    positions: Vec<i64>,
    sequences: Vec<i64>,
    tables: Vec<i64>,
    count: usize,
}

impl Lists {
    /// Sequences of so many tokens, each with new ones; each has so many pages of its own.
    fn new(parts: &[(usize, usize)], pages: usize) -> Self {
        let rows = |f: &dyn Fn(usize, usize) -> usize| {
            let all = parts.iter().enumerate().flat_map(|(s, (_, new))| (0..*new).map(move |i| (s, i)));
            all.map(|(s, i)| i64::try_from(f(s, i)).unwrap()).collect()
        };
        Self {
            positions: rows(&|s, i| parts[s].0 + i),
            sequences: rows(&|s, _| s),
            tables: (0..i64::try_from(parts.len() * pages).unwrap()).collect(),
            count: parts.len(),
        }
    }

    fn ragged(&self) -> Ragged<'_> {
        Ragged { positions: &self.positions, sequences: &self.sequences, tables: &self.tables, count: self.count }
    }
}

/// Sequences × new tokens of each, behind so many.
const CASES: [(usize, usize, usize); 10] = [
    (1, 1, 64),
    (1, 1, 1024),
    (1, 1, 4096),
    (1, 1, 16384),
    (1, 8, 1024),
    (8, 1, 1024),
    (8, 8, 1024),
    (1, 512, 0),
    (1, 512, 4096),
    (1, 15, 4096),
];

fn grouped(level: Level, everywhere: &dyn Fn(&(dyn Fn() + Sync)), layers: usize, heads: usize, head_dim: usize) {
    let kv_heads = 2;
    let attention = GroupedAttention {
        heads,
        kv_heads,
        head_dim,
        rotary: head_dim,
        interleaved: false,
        scale: 0.1,
        layer: 0,
        layers,
    };
    let page = attention.page_numbers().unwrap();
    let pages = |sequences: usize, new: usize, past: usize| sequences * (past + new).div_ceil(PAGE_TOKENS);
    let most = CASES.iter().map(|(s, n, p)| pages(*s, *n, *p)).max().unwrap_or(0);
    let mut cache: Vec<u16> = (0..most * page).map(|i| 0x2c01 + (i % 311) as u16).collect();
    let angles = numbers(most * PAGE_TOKENS * head_dim / 2);
    let mut scratch = Scratch::default();
    let only: Option<usize> = std::env::args().nth(4).and_then(|a| a.parse().ok());
    for (_, (sequences, new, past)) in CASES.into_iter().enumerate().filter(|(i, _)| only.is_none_or(|only| only == *i))
    {
        let lists = Lists::new(&vec![(past, new); sequences], pages(1, new, past));
        let qkv = numbers(sequences * new * (heads + 2 * kv_heads) * head_dim);
        let mut output = vec![0f32; sequences * new * heads * head_dim];
        let used = pages(sequences, new, past) * page;
        let seconds = best(300, |call| {
            let attention = GroupedAttention { layer: call % layers, ..attention };
            let step = GroupedStep { qkv: &qkv, cos: &angles, sin: &angles, rows: lists.ragged() };
            attention.run(level, &step, &mut cache[..used], &mut output, &mut scratch, everywhere).unwrap();
        });
        let read = (used / layers * 2) as f64 / seconds / 1e9;
        let all = seconds * 1e3 * layers as f64;
        println!(
            "{heads} heads of {head_dim}, {sequences} × {new} behind {past}: x {layers} = {all:.2} ms, {read:.1} GB/s"
        );
    }
}
