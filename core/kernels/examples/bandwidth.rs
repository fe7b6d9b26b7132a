//! How fast the weights are read: GB/s for each format and number of rows, on two threads.
//!
//!     cargo run -p deepcoder-kernels --example bandwidth [THREADS [FORMAT [ROWS]]]

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program")]

use deepcoder_kernels::{Format, Level, Matrix, Scratch, TILE_ROWS, multiply};
use std::time::{Duration, Instant};

fn main() {
    let threads: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(2);
    let everywhere = |work: &(dyn Fn() + Sync)| {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
    };
    let n = std::env::args().nth(3).and_then(|a| a.parse().ok()).unwrap_or(160_000usize);
    let k = 1536;
    let counts = [1usize, 2, 4, 8, 16, 512];
    print!("{:?}, {threads} threads, GB/s at rows:", Level::best());
    counts.iter().for_each(|m| print!(" {m:>6}"));
    println!("  GMAC/s at 512");
    let only = std::env::args().nth(2);
    for format in Format::ALL.into_iter().filter(|f| only.as_ref().is_none_or(|o| o == f.name())) {
        let mut state = 1u32;
        // On a cache line, as in a model's file.
        let bytes = format.matrix_bytes(n, k).unwrap();
        let mut tiles = vec![0u8; bytes + 64];
        let at = tiles.as_ptr().align_offset(64);
        let tiles = &mut tiles[at..at + bytes];
        for word in tiles.chunks_exact_mut(4) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            word.copy_from_slice(&(state & 0x3fff_3fff | 0x2000_2000).to_le_bytes());
        }
        let mut least = Duration::MAX;
        for _ in 0..5 {
            let next = std::sync::atomic::AtomicUsize::new(0);
            let begin = Instant::now();
            everywhere(&|| loop {
                let at = next.fetch_add(1 << 18, std::sync::atomic::Ordering::Relaxed);
                let Some(part) = tiles.get(at..tiles.len().min(at + (1 << 18))) else { return };
                let sum = part.as_chunks::<8>().0.iter().fold(0u64, |s, b| s.wrapping_add(u64::from_le_bytes(*b)));
                std::hint::black_box(sum);
            });
            least = least.min(begin.elapsed());
        }
        print!("read {:>5.1} ", tiles.len() as f64 / least.as_secs_f64() / 1e9);
        let matrix = Matrix::new(format, n, k, tiles).unwrap();
        let mut scratch = Scratch::default();
        print!("{:>5} {:>5.0} MB               ", format.name(), tiles.len() as f64 / 1e6);
        let mut speed = 0.0;
        for m in counts {
            let used = if m > 64 { n / 40 / TILE_ROWS * TILE_ROWS } else { n };
            let matrix = if used < n {
                Matrix::new(format, used, k, &tiles[..format.matrix_bytes(used, k).unwrap()]).unwrap()
            } else {
                matrix
            };
            let input: Vec<f32> = (0..m * k).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
            let mut output = vec![0f32; m * used];
            let mut best = Duration::MAX;
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(250) {
                let begin = Instant::now();
                multiply(Level::best(), &matrix, &input, None, &mut output, &mut scratch, &everywhere).unwrap();
                best = best.min(begin.elapsed());
            }
            let bytes = format.matrix_bytes(used, k).unwrap() as f64;
            print!(" {:>6.1}", bytes / best.as_secs_f64() / 1e9);
            speed = (m * used * k) as f64 / best.as_secs_f64() / 1e9;
        }
        println!("  {speed:>6.0}");
    }
}
