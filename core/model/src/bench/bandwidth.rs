//! How fast this machine reads memory: no step that reads all weights is faster than that.

use std::hint::black_box;
use std::time::Instant;

/// Sums that do not wait for each other.
const LANES: usize = 32;

/// Bytes per second that `threads` threads read from a buffer of `bytes` bytes, which should be much larger than the
/// caches; the best of `passes` passes.
#[must_use]
pub fn read_bandwidth(threads: usize, bytes: usize, passes: usize) -> f64 {
    let threads = threads.max(1);
    let words = (bytes / size_of::<u64>() / threads).next_multiple_of(LANES).max(LANES);
    // Written, so that every page is there and none is the page of zeros.
    let buffer: Vec<u64> = (0..words * threads).map(|i| i as u64 | 1).collect();
    let mut best = f64::INFINITY;
    for _ in 0..passes.max(1) {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for part in buffer.chunks_exact(words) {
                // Where a thread cannot be had, what is measured is slower, as the steps of a model would be.
                if std::thread::Builder::new().spawn_scoped(scope, || black_box(sum(part))).is_err() {
                    black_box(sum(part));
                }
            }
        });
        best = best.min(start.elapsed().as_secs_f64());
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let bytes = std::mem::size_of_val(buffer.as_slice()) as f64;
    bytes / best
}

fn sum(words: &[u64]) -> u64 {
    let mut sums = [0u64; LANES];
    for part in words.as_chunks::<LANES>().0 {
        for (sum, word) in sums.iter_mut().zip(part) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.into_iter().fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the floor that speeds are compared with: all of the buffer is read.
    #[test]
    fn every_word_is_summed() {
        let words: Vec<u64> = (1..=1024).collect();
        assert_eq!(sum(&words), 1024 * 1025 / 2);
        assert!(read_bandwidth(2, 1 << 16, 1).is_finite());
    }
}
