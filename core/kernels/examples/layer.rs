//! How long one layer of DeepSeek-Coder-V2-Lite's shape takes, on weights that no cache holds.
//!
//!     cargo run --release -p deepcoder-kernels --example layer [THREADS [LEVEL [PART]]]
//!
//! LEVEL is `best`, `avx2` or `scalar`; PART one of `matmul`, `moe`, `attention`, `expanded`.

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss, reason = "a program")]

use deepcoder_kernels::{
    Attention, Cache, Expert, Format, Level, Matrix, Mixture, Routing, Scratch, Stack, Step, Weights, multiply,
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
        _ => Level::best(),
    };
    let part = argument(3);
    let wanted = |name: &str| part.as_deref().is_none_or(|p| p == name);
    let everywhere = pool(threads);
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
        attention(level, &everywhere, &[(129, 1024), (512, 512), (512, 4096)]);
    }
}

/// Threads that wait for work by spinning, as those of the runtime do.
fn pool(threads: usize) -> impl Fn(&(dyn Fn() + Sync)) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    type Work = &'static (dyn Fn() + Sync);
    struct Shared {
        work: std::sync::Mutex<Option<Work>>,
        turn: AtomicUsize,
        done: AtomicUsize,
    }
    let shared: &'static Shared = Box::leak(Box::new(Shared {
        work: std::sync::Mutex::new(None),
        turn: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
    }));
    for _ in 1..threads {
        std::thread::spawn(move || {
            let mut seen = 0;
            loop {
                while shared.turn.load(Ordering::Acquire) == seen {
                    std::hint::spin_loop();
                }
                seen += 1;
                let work = *shared.work.lock().unwrap();
                if let Some(work) = work {
                    work();
                }
                shared.done.fetch_add(1, Ordering::Release);
            }
        });
    }
    move |work| {
        // SAFETY: the threads are done with it before this function returns.
        #[expect(unsafe_code, reason = "threads that live longer than the work")]
        let work: Work = unsafe { std::mem::transmute(work) };
        shared.done.store(0, Ordering::Release);
        *shared.work.lock().unwrap() = Some(work);
        shared.turn.fetch_add(1, Ordering::Release);
        work();
        while shared.done.load(Ordering::Acquire) + 1 < threads {
            std::hint::spin_loop();
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
    let mut caches: Vec<Vec<u16>> = (0..layers).map(|l| vec![0x2c00 + l as u16; most * (rank + rope)]).collect();
    let (norm, cos, sin) = (vec![1f32; rank], numbers(most * rope / 2), numbers(most * rope / 2));
    let mut scratch = Scratch::default();
    for (count, total) in cases {
        let past = if *count > 1 && total > count { total - count } else { total - 1 };
        let past = if *count == *total { 0 } else { past };
        let (queries, latents) = (numbers(count * heads * (nope + rope)), numbers(count * (rank + rope)));
        let mut output = vec![0f32; count * heads * value];
        let seconds = best(300, |call| {
            let layer = call % layers;
            let stack = |rows, columns, tiles| Weights::Tiles(Stack::new(format, heads, rows, columns, tiles).unwrap());
            let attention = Attention {
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
            };
            let step = Step { queries: &queries, latents: &latents, cos: &cos, sin: &sin, past };
            let mut cache = Cache::F16(&mut caches[layer]);
            attention.run(level, &step, &mut cache, &mut output, &mut scratch, everywhere).unwrap();
        });
        println!("attention {count} new of {total}: {:.0} us, x 27 = {:.1} ms", seconds * 1e6, seconds * 27e3);
    }
}
