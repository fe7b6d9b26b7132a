//! How fast weights are read that no cache holds: in GB/s, first without computing anything, then by products with 1,
//! 2, 4 and 8 rows. All are measured in turns on small parts of a large matrix, and the fastest tenth is shown, so that
//! other programs on the machine disturb it little.
//!
//!     cargo run --release -p deepcoder-kernels --example bandwidth [THREADS [FORMAT [ROUNDS [LEVEL]]]]

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss, reason = "a program")]

mod pool;

use deepcoder_kernels::{Format, Level, Matrix, Scratch, multiply};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const COLUMNS: usize = 1536;
/// Bytes of all weights: more than any cache has. And of a part.
const BYTES: usize = 192 << 20;
const PART: usize = 12 << 20;
const ROWS: [usize; 4] = [1, 2, 4, 8];

fn main() {
    let argument = |n: usize| std::env::args().nth(n);
    let threads: usize = argument(1).and_then(|a| a.parse().ok()).unwrap_or(2);
    let rounds: usize = argument(3).and_then(|a| a.parse().ok()).unwrap_or(10);
    let level = Level::available().into_iter().find(|l| argument(4).is_some_and(|name| format!("{l:?}") == name));
    let level = level.unwrap_or_else(Level::best);
    let everywhere = pool::pool(threads);
    println!(
        "{level:?}, {threads} threads: GB/s of reading, and of products with {ROWS:?} rows; the time of 8 ÷ that of 1"
    );
    for format in Format::ALL.into_iter().filter(|f| argument(2).is_none_or(|o| o == "all" || o == f.name())) {
        let n = PART / format.matrix_bytes(16, COLUMNS).unwrap() * 16;
        let bytes = format.matrix_bytes(n, COLUMNS).unwrap();
        let parts = BYTES / bytes;
        // On a cache line, as in a model's file.
        let mut tiles = vec![0u8; parts * bytes + 64];
        let at = tiles.as_ptr().align_offset(64);
        let tiles = &mut tiles[at..at + parts * bytes];
        for (i, word) in tiles.chunks_exact_mut(4).enumerate() {
            word.copy_from_slice(&((i as u32).wrapping_mul(2_654_435_761) & 0x3fff_3fff | 0x2000_2000).to_le_bytes());
        }
        let mut scratch = Scratch::default();
        let input: Vec<f32> = (0..8 * COLUMNS).map(|i| (i % 101) as f32 * 0.01 - 0.5).collect();
        let mut out = vec![0f32; 8 * n];
        let mut times = vec![Vec::new(); 1 + ROWS.len()];
        for _ in 0..rounds {
            for (part, tiles) in tiles.chunks_exact(bytes).enumerate() {
                let kind = part % times.len();
                let start = Instant::now();
                match kind.checked_sub(1).map(|kind| ROWS[kind]) {
                    None => read(tiles, &everywhere),
                    Some(m) => {
                        let matrix = Matrix::new(format, n, COLUMNS, tiles).unwrap();
                        let (input, out) = (&input[..m * COLUMNS], &mut out[..m * n]);
                        multiply(level, &matrix, input, None, out, &mut scratch, &everywhere).unwrap();
                    }
                }
                times[kind].push(start.elapsed().as_secs_f64());
            }
        }
        let speeds: Vec<f64> = times
            .iter_mut()
            .map(|times| {
                times.sort_by(f64::total_cmp);
                bytes as f64 / times[times.len() / 10] / 1e9
            })
            .collect();
        print!("{:5} {:5.1}  ", format.name(), speeds[0]);
        speeds[1..].iter().for_each(|speed| print!(" {speed:5.1}"));
        println!("   {:.2}", speeds[1] / speeds[ROWS.len()]);
    }
}

/// Reads all bytes.
fn read(bytes: &[u8], everywhere: &dyn Fn(&(dyn Fn() + Sync))) {
    let next = AtomicUsize::new(0);
    everywhere(&|| {
        loop {
            let at = next.fetch_add(1 << 18, Ordering::Relaxed);
            let Some(part) = bytes.get(at..bytes.len().min(at + (1 << 18))) else { return };
            let sum = part.as_chunks::<64>().0.iter().fold([0u64; 8], |s, b| {
                std::array::from_fn(|i| s[i].wrapping_add(u64::from_le_bytes(b.as_chunks::<8>().0[i])))
            });
            std::hint::black_box(sum);
        }
    });
}
