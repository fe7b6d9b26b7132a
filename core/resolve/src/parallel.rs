//! Work on every core.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Fewer items than this for a thread are not worth one.
const LEAST: usize = 16;

/// Does something with each item, in no order.
pub fn in_parallel<I: Sync>(items: &[I], work: impl Fn(&I) + Sync) {
    let next = AtomicUsize::new(0);
    let thread = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(item);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(items.len() / LEAST);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(thread);
        }
        thread();
    });
}
