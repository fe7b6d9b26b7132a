//! A plugin's panic or overrun must not be ours.

use deepcoder_types::Cancel;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How contained work ended.
pub(crate) enum Contained<T> {
    /// It returned.
    Returned(T),
    /// It panicked with this message.
    Panicked(String),
    /// It returned, but only after its time was over.
    TimedOut,
}

/// Run `work` with a flag of its own that is set when the caller's is, or when `limit` has passed.
pub(crate) fn contain<T>(limit: Duration, outer: &Cancel, work: impl FnOnce(&Cancel) -> T) -> Contained<T> {
    let inner = outer.child();
    let deadline = Instant::now().checked_add(limit);
    let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    let (done, wake) = (Mutex::new(false), Condvar::new());
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let finished = done.lock().unwrap_or_else(PoisonError::into_inner);
            let ended = wake.wait_timeout_while(finished, limit, |finished| !*finished);
            if ended.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
                inner.cancel();
            }
        });
        // A panic leaves nothing of ours half-changed: the work reads a snapshot and returns a value.
        let result = catch_unwind(AssertUnwindSafe(|| work(&inner)));
        *done.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
        result
    });
    match result {
        Ok(_) if late() && !outer.is_cancelled() => Contained::TimedOut,
        Ok(value) => Contained::Returned(value),
        Err(panic) => Contained::Panicked(message_of(panic.as_ref())),
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the caller: the work's flag follows the caller's and the clock, and nothing waits longer than that.
    #[test]
    fn the_inner_flag_follows_the_caller_and_the_clock() {
        let spin = |cancel: &Cancel| {
            while !cancel.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let free = Cancel::new();
        assert!(matches!(contain(Duration::from_millis(30), &free, spin), Contained::TimedOut));
        let cancelled = Cancel::new();
        cancelled.cancel();
        assert!(matches!(contain(Duration::MAX, &cancelled, spin), Contained::Returned(())));
        assert!(matches!(contain(Duration::MAX, &free, |_| 7), Contained::Returned(7)));
        let meanwhile = |cancel: &Cancel| {
            free.cancel();
            cancel.wait_timeout(Duration::MAX)
        };
        assert!(matches!(contain(Duration::MAX, &free, meanwhile), Contained::Returned(true)));
    }
}
