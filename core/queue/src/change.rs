//! Waiting for changes.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the queue polls for other processes' changes, where the database sends no notice: while something happens,
/// and at rest, which is most of a daemon's life.
const LOOK: Duration = Duration::from_millis(150);
const LOOK_AT_REST: Duration = Duration::from_secs(1);

/// Nothing has changed for so long: it is at rest.
const REST: Duration = Duration::from_secs(10);

/// Counts the changes that this process knows of.
pub(super) struct Changes {
    count: Mutex<Count>,
    more: Condvar,
}

struct Count {
    changes: u64,
    last: Instant,
}

impl Default for Changes {
    fn default() -> Self {
        Self { count: Mutex::new(Count { changes: 0, last: Instant::now() }), more: Condvar::new() }
    }
}

impl Changes {
    pub(super) fn bump(&self) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = Count { changes: count.changes.wrapping_add(1), last: Instant::now() };
        self.more.notify_all();
    }

    /// `look` says whether others have changed something since it was last asked.
    pub(super) fn wait(&self, seen: u64, timeout: Duration, look: Option<&dyn Fn() -> bool>) -> u64 {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if look.is_some_and(|look| look()) {
                self.bump();
            }
            let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
            let left = deadline.map_or(LOOK, |deadline| deadline.saturating_duration_since(Instant::now()));
            if count.changes != seen || left.is_zero() {
                return count.changes;
            }
            let often = if count.last.elapsed() < REST { LOOK } else { LOOK_AT_REST };
            let pause = if look.is_some() { left.min(often) } else { left };
            drop(self.more.wait_timeout(count, pause).unwrap_or_else(PoisonError::into_inner));
        }
    }
}
