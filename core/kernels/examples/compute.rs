//! How fast products are where the memory is no limit: a matrix that the second cache holds, on one thread, in GB/s of
//! weights. A format whose number is well above a core's share of the memory's speed is read as fast as the memory is.
//!
//!     cargo run --release -p deepcoder-kernels --example compute [FORMAT [LEVEL]]

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss, reason = "a program")]

use deepcoder_kernels::{Format, Level, Matrix, Scratch, multiply};
use std::time::{Duration, Instant};

const COLUMNS: usize = 1536;
const BYTES: usize = 400 << 10;

fn main() {
    let argument = |n: usize| std::env::args().nth(n);
    for level in Level::available() {
        if argument(2).is_some_and(|name| format!("{level:?}") != name) {
            continue;
        }
        println!("{level:?}: GB/s of weights at rows 1, 2, 3, 4, 6, 8, 16, 64; then the time of 8 ÷ that of 1");
        for format in Format::ALL.into_iter().filter(|f| argument(1).is_none_or(|o| o == "all" || o == f.name())) {
            let n = BYTES / format.matrix_bytes(16, COLUMNS).unwrap() * 16;
            let bytes = format.matrix_bytes(n, COLUMNS).unwrap();
            let mut tiles = vec![0u8; bytes + 64];
            let at = tiles.as_ptr().align_offset(64);
            let tiles = &mut tiles[at..at + bytes];
            for (i, word) in tiles.chunks_exact_mut(4).enumerate() {
                word.copy_from_slice(
                    &((i as u32).wrapping_mul(2_654_435_761) & 0x3fff_3fff | 0x2000_2000).to_le_bytes(),
                );
            }
            let matrix = Matrix::new(format, n, COLUMNS, tiles).unwrap();
            let mut scratch = Scratch::default();
            print!("{:5}", format.name());
            let mut best = Vec::new();
            for m in [1, 2, 3, 4, 6, 8, 16, 64] {
                let input: Vec<f32> = (0..m * COLUMNS).map(|i| (i % 101) as f32 * 0.01 - 0.5).collect();
                let mut out = vec![0f32; m * n];
                let (mut least, begin) = (Duration::MAX, Instant::now());
                while begin.elapsed() < Duration::from_millis(150) {
                    let start = Instant::now();
                    multiply(level, &matrix, &input, None, &mut out, &mut scratch, &|work| work()).unwrap();
                    least = least.min(start.elapsed());
                }
                print!(" {:6.1}", bytes as f64 / least.as_secs_f64() / 1e9);
                best.push(least);
            }
            println!("   {:.2}", best[5].as_secs_f64() / best[0].as_secs_f64());
        }
    }
}
