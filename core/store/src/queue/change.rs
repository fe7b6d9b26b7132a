//! Waiting for changes.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often other processes' changes are looked for, where nobody tells of them.
const LOOK: Duration = Duration::from_millis(150);

/// Counts the changes that this process knows of.
#[derive(Default)]
pub(super) struct Changes {
    count: Mutex<u64>,
    more: Condvar,
}

impl Changes {
    pub(super) fn bump(&self) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.wrapping_add(1);
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
            if *count != seen || left.is_zero() {
                return *count;
            }
            let pause = if look.is_some() { left.min(LOOK) } else { left };
            drop(self.more.wait_timeout(count, pause).unwrap_or_else(PoisonError::into_inner));
        }
    }
}
