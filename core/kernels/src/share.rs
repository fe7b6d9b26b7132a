//! Work sharing: threads take tasks from a counter.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Calls a closure on all threads that help, at least once in all, and returns when all calls have ended. The number of
/// calls changes only the time.
pub(crate) type Everywhere<'a> = dyn Fn(&(dyn Fn() + Sync)) + 'a;

/// Calls `each` for the numbers below `count`, `at_once` of them at a time; alone if those are all. `own` is what a
/// thread needs for itself.
pub(crate) fn share<T>(
    count: usize,
    at_once: usize,
    everywhere: &Everywhere<'_>,
    own: impl Fn() -> T + Sync,
    each: impl Fn(Range<usize>, &mut T) + Sync,
) {
    let at_once = at_once.max(1);
    share_by(count, at_once, |_| at_once, everywhere, own, each);
}

/// [`share`] in parts that shrink as less is left, to at least `at_once` (guided self-scheduling; Polychronopoulos and
/// Kuck 1987): threads then read weights in long runs, and prefetch their own part instead of another thread's.
pub(crate) fn share_runs<T>(
    count: usize,
    at_once: usize,
    everywhere: &Everywhere<'_>,
    own: impl Fn() -> T + Sync,
    each: impl Fn(Range<usize>, &mut T) + Sync,
) {
    /// A part is one in this many of what is left: small enough for many threads.
    const PARTS: usize = 32;
    let at_once = at_once.max(1);
    share_by(count, at_once, |left| at_once.max(left / PARTS), everywhere, own, each);
}

/// Parts of `size(left)` tasks, where `left` are left.
fn share_by<T>(
    count: usize,
    alone: usize,
    size: impl Fn(usize) -> usize + Sync,
    everywhere: &Everywhere<'_>,
    own: impl Fn() -> T + Sync,
    each: impl Fn(Range<usize>, &mut T) + Sync,
) {
    let next = AtomicUsize::new(0);
    let end = |first: usize| (first + size(count - first)).min(count);
    let work = || {
        let mut mine = None;
        let take = |first: usize| (first < count).then(|| end(first));
        while let Ok(first) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            each(first..end(first), mine.get_or_insert_with(&own));
        }
    };
    if count <= alone { work() } else { everywhere(&work) }
}

/// [`share`] one by one.
pub(crate) fn share_each<T>(
    count: usize,
    everywhere: &Everywhere<'_>,
    own: impl Fn() -> T + Sync,
    each: impl Fn(usize, &mut T) + Sync,
) {
    share(count, 1, everywhere, own, |range, mine| range.for_each(|index| each(index, mine)));
}

/// Memory that threads borrow and give back.
#[derive(Debug, Default)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

/// Something of a pool, until it is dropped.
pub(crate) struct Lent<'a, T>(&'a Pool<T>, Option<T>);

impl<T: Default> Pool<T> {
    pub(crate) fn lend(&self) -> Lent<'_, T> {
        let one = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lent(self, Some(one.unwrap_or_default()))
    }
}

impl<T: Default> Lent<'_, T> {
    pub(crate) fn get(&mut self) -> &mut T {
        self.1.get_or_insert_default()
    }
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        if let Some(one) = self.1.take() {
            self.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(one);
        }
    }
}

/// The first `len` of `memory`, which grows if need be. Their values are not defined.
pub(crate) fn room<T: Clone + Default>(memory: &mut Vec<T>, len: usize) -> &mut [T] {
    if memory.len() < len {
        memory.resize(len, T::default());
    }
    &mut memory[..len]
}
