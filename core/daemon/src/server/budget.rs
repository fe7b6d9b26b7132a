//! The memory that large requests of all clients take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that large requests may take at a time, over all connections: those being read and those that wait.
pub(super) const MOST: usize = 128 << 20;

/// Bytes of one request that are not counted. Every connection has them, so that small requests go through whatever
/// others do.
pub(super) const FREE: usize = 64 << 10;

/// The rest of a budget of bytes.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<AtomicUsize>);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// The part of `bytes` that counts, until the result is dropped; `None` where as much is not left.
    pub(super) fn take(&self, bytes: usize) -> Option<Held> {
        let mut held = self.nothing();
        held.resize(bytes).then_some(held)
    }

    /// No bytes yet.
    pub(super) fn nothing(&self) -> Held {
        Held { budget: self.clone(), bytes: 0 }
    }
}

/// Bytes that are taken, and given back when this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Budget,
    bytes: usize,
}

impl Held {
    /// Hold what counts of `bytes` instead; `false`, and no change, where as much is not left.
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        let wanted = bytes.saturating_sub(FREE);
        let left = &self.budget.0;
        if wanted > self.bytes {
            let more = wanted - self.bytes;
            if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(more)).is_err() {
                return false;
            }
        } else {
            left.fetch_add(self.bytes - wanted, Ordering::SeqCst);
        }
        self.bytes = wanted;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.resize(0);
    }
}
