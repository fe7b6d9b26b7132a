//! Cancellation: a flag that long operations ask, and that wakes those who wait.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A flag shared between the caller that may cancel and the work. Cloning shares the flag.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    set: AtomicBool,
    parent: Option<Cancel>,
    waiters: Mutex<Waiters>,
}

/// Callbacks that wait for one flag. A parent knows nothing of its children, only of their callbacks while these wait.
#[derive(Debug, Default)]
struct Waiters {
    next: u64,
    waiting: Vec<(u64, Callback)>,
}

type Work = Box<dyn FnOnce() + Send>;

/// Called at most once, however many flags it waits for.
#[derive(Clone)]
struct Callback(Arc<Mutex<Option<Work>>>);

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}

impl Callback {
    fn call(&self) {
        // Called without the lock, so that it may do anything, drop its own guard included.
        let callback = lock(&self.0).take();
        if let Some(callback) = callback {
            callback();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The work was cancelled; nothing was changed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A callback that waits for a [`Cancel`]. Dropping this forgets the callback.
#[must_use = "dropping it forgets the callback"]
#[derive(Debug)]
pub struct OnCancel(Vec<(Cancel, u64)>);

impl Drop for OnCancel {
    fn drop(&mut self) {
        for (cancel, number) in &self.0 {
            lock(&cancel.0.waiters).waiting.retain(|(waiting, _)| waiting != number);
        }
    }
}

impl Cancel {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag for a part of the work: set when this one is, or alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(Arc::new(Flag { parent: Some(self.clone()), ..Flag::default() }))
    }

    /// Ask the work to stop at its next poll, and wake those who wait. May be called from any thread, any number of times;
    /// not from a signal handler.
    pub fn cancel(&self) {
        self.0.set.store(true, Ordering::SeqCst);
        let waiting = std::mem::take(&mut lock(&self.0.waiters).waiting);
        waiting.iter().for_each(|(_, callback)| callback.call());
    }

    /// Whether [`Cancel::cancel`] has been called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.set.load(Ordering::SeqCst) || self.0.parent.as_ref().is_some_and(Self::is_cancelled)
    }

    /// [`Cancelled`] as an error once the flag is set, so that loops can use `?`.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Call `callback` once when the flag is set: on the thread that sets it, or here where it is set already. It must be
    /// quick, and must not wait for a lock that a caller of [`Cancel::cancel`] holds. Where the flag is set while the guard is
    /// dropped, the callback may still run after the drop.
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> OnCancel {
        let callback = Callback(Arc::new(Mutex::new(Some(Box::new(callback)))));
        let mut registered = Vec::new();
        let mut flag = Some(self);
        while let Some(cancel) = flag {
            {
                let mut waiters = lock(&cancel.0.waiters);
                waiters.next += 1;
                let number = waiters.next;
                waiters.waiting.push((number, callback.clone()));
                registered.push((cancel.clone(), number));
            }
            flag = cancel.0.parent.as_ref();
        }
        // After it is registered: a flag that is set before this look is seen here, a later one calls it.
        if self.is_cancelled() {
            callback.call();
        }
        OnCancel(registered)
    }

    /// Wait until the flag is set, at most for `timeout`; whether it is set.
    #[must_use]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let (ring, bell) = sync_channel(1);
        let _waiting = self.on_cancel(move || ring.try_send(()).unwrap_or_default());
        bell.recv_timeout(timeout).is_ok() || self.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    /// Protects work that is interrupted in parts: the whole ends its parts, a part ends nothing else.
    #[test]
    fn a_part_ends_alone_and_with_the_whole() {
        let whole = Cancel::new();
        let (one, other) = (whole.child(), whole.child());
        one.cancel();
        assert!(one.is_cancelled() && !other.is_cancelled() && !whole.is_cancelled());
        whole.cancel();
        assert!(other.clone().child().is_cancelled());
    }

    /// Protects those who wait instead of polling: setting a flag, or any flag above it, wakes them, and the time does too.
    #[test]
    fn whoever_waits_is_woken() {
        let whole = Cancel::new();
        let part = whole.child().child();
        assert!(!part.wait_timeout(Duration::from_millis(1)));
        thread::scope(|scope| {
            let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| part.wait_timeout(Duration::MAX))).collect();
            whole.cancel();
            assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
        });
        assert!(part.wait_timeout(Duration::MAX), "a flag that is set is not waited for");
    }

    /// Protects callbacks from running twice or not at all: once for however many flags are set, at once where one is set
    /// already, and never after the guard was dropped.
    #[test]
    fn a_callback_runs_once() {
        let ran = Arc::new(AtomicUsize::new(0));
        let count = |cancel: &Cancel| {
            let ran = Arc::clone(&ran);
            cancel.on_cancel(move || _ = ran.fetch_add(1, Ordering::SeqCst))
        };
        let whole = Cancel::new();
        let part = whole.child();
        let _first = count(&part);
        drop(count(&part));
        part.cancel();
        whole.cancel();
        assert_eq!(ran.load(Ordering::SeqCst), 1);
        let _late = count(&part.child());
        assert_eq!(ran.load(Ordering::SeqCst), 2);
    }

    /// Protects memory: a flag of a process's life keeps nothing of parts that are over.
    #[test]
    fn a_parent_keeps_no_dead_children() {
        let whole = Cancel::new();
        for _ in 0..100 {
            let part = whole.child();
            let kept = part.on_cancel(|| {});
            assert_eq!(lock(&whole.0.waiters).waiting.len(), 1);
            drop(kept);
            drop(part);
        }
        assert!(lock(&whole.0.waiters).waiting.is_empty());
        assert_eq!(Arc::strong_count(&whole.0), 1);
    }

    /// Protects against a wake-up that is lost: a flag that is set while a thread begins to wait.
    #[test]
    fn no_wake_up_is_lost() {
        for _ in 0..500 {
            let cancel = Cancel::new();
            thread::scope(|scope| {
                let part = cancel.child();
                scope.spawn(move || assert!(part.wait_timeout(Duration::MAX)));
                cancel.cancel();
            });
        }
    }
}
