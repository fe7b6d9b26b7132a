//! Turns at computing: one request at a time, and interactive ones preempt background ones.

use deepcoder_types::{Cancel, OnCancel, Priority};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The right to compute, which passes from one to the next.
#[derive(Default)]
pub(crate) struct Turns {
    place: Arc<Place>,
    /// Interactive requests that wait. Changed under the lock, and read without it between two operations of a step.
    wanted: AtomicUsize,
}

/// Who computes, and the bell that rings when that changes.
#[derive(Default)]
struct Place {
    taken: Mutex<Taken>,
    freed: Condvar,
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Taken {
    /// A request computes.
    busy: bool,
    /// A background request is under way, computing or paused: another one waits for its end, so that no more than
    /// one holds memory.
    background: bool,
}

/// A turn. It ends when this is dropped.
pub(crate) struct Turn<'t> {
    turns: &'t Turns,
    priority: Priority,
    computes: bool,
}

impl Turns {
    /// Wait for a turn. `None` if it was cancelled first.
    pub(crate) fn enter(&self, priority: Priority, cancel: &Cancel) -> Option<Turn<'_>> {
        let _waiting = self.wake_on(cancel);
        let mut taken = self.lock();
        match priority {
            Priority::Interactive => {
                self.wanted.fetch_add(1, Ordering::Relaxed);
                while taken.busy && !cancel.is_cancelled() {
                    taken = self.wait(taken);
                }
                self.wanted.fetch_sub(1, Ordering::Relaxed);
            }
            Priority::Background => {
                while (taken.background || self.is_due(&taken)) && !cancel.is_cancelled() {
                    taken = self.wait(taken);
                }
            }
        }
        if cancel.is_cancelled() {
            drop(taken);
            // Those behind it need not wait for the sake of a request that is none any more.
            self.place.freed.notify_all();
            return None;
        }
        taken.busy = true;
        taken.background |= priority == Priority::Background;
        Some(Turn { turns: self, priority, computes: true })
    }

    /// Whether an interactive request preempts background work.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// Whether a request computes, or an interactive one waits.
    fn is_due(&self, taken: &Taken) -> bool {
        taken.busy || self.is_wanted()
    }

    fn wait<'t>(&self, taken: MutexGuard<'t, Taken>) -> MutexGuard<'t, Taken> {
        self.place.freed.wait(taken).unwrap_or_else(PoisonError::into_inner)
    }

    /// Wake those who wait when `cancel` is set. To be called without the lock.
    fn wake_on(&self, cancel: &Cancel) -> OnCancel {
        let place = Arc::clone(&self.place);
        cancel.on_cancel(move || {
            // Under the lock, so that no thread is between its check and its wait.
            let taken = place.lock();
            place.freed.notify_all();
            drop(taken);
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.place.lock()
    }
}

impl Turn<'_> {
    /// Between two steps: where this is background work and an interactive request waits, wait until that is done.
    /// `false` if this one was cancelled meanwhile; then there is nothing to compute any more.
    pub(crate) fn give_way(&mut self, cancel: &Cancel) -> bool {
        if self.priority == Priority::Interactive || !self.turns.is_wanted() {
            return true;
        }
        let _waiting = self.turns.wake_on(cancel);
        let mut taken = self.turns.lock();
        taken.busy = false;
        self.computes = false;
        self.turns.place.freed.notify_all();
        while self.turns.is_due(&taken) {
            if cancel.is_cancelled() {
                return false;
            }
            taken = self.turns.wait(taken);
        }
        taken.busy = true;
        self.computes = true;
        true
    }

    /// Whether an interactive request preempts this step.
    pub(crate) fn is_wanted(&self) -> bool {
        self.priority == Priority::Background && self.turns.is_wanted()
    }

    pub(crate) const fn priority(&self) -> Priority {
        self.priority
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut taken = self.turns.lock();
        if self.computes {
            taken.busy = false;
        }
        if self.priority == Priority::Background {
            taken.background = false;
        }
        drop(taken);
        self.turns.place.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::{Duration, Instant};

    const fn is_sync<T: Sync>(_: &T) {}

    /// Protects the user who waits at the keyboard: background work lets a user's request in at its next step, goes on
    /// behind it, and never computes at the same time.
    #[test]
    fn background_work_gives_way_and_goes_on() {
        let turns = Turns::default();
        is_sync(&turns);
        let (computing, never) = (AtomicBool::new(false), Cancel::new());
        let step = || {
            assert!(!computing.swap(true, Ordering::SeqCst), "two compute at once");
            thread::sleep(Duration::from_millis(2));
            computing.store(false, Ordering::SeqCst);
        };
        let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
        let steps = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut turn = turns.enter(Priority::Background, &never).unwrap();
                begun.store(true, Ordering::SeqCst);
                while !done.load(Ordering::SeqCst) {
                    assert!(turn.give_way(&never));
                    step();
                    steps.fetch_add(1, Ordering::SeqCst);
                }
            });
            while !begun.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            for _ in 0..20 {
                let before = steps.load(Ordering::SeqCst);
                let turn = turns.enter(Priority::Interactive, &never).unwrap();
                let at = steps.load(Ordering::SeqCst);
                assert!(at <= before + 2, "{} steps before it came in", at - before);
                (0..5).for_each(|_| step());
                assert_eq!(steps.load(Ordering::SeqCst), at, "it went on meanwhile");
                drop(turn);
                let start = Instant::now();
                while steps.load(Ordering::SeqCst) < at + 3 {
                    assert!(start.elapsed() < Duration::from_secs(10), "it did not go on");
                    thread::yield_now();
                }
            }
            done.store(true, Ordering::SeqCst);
        });
    }

    /// Protects memory: while one background request is paused another one does not begin. And a waiting request can be
    /// cancelled, paused or not yet begun, and leaves no trace.
    #[test]
    fn one_in_the_background_and_cancels_end_the_waiting() {
        let turns = Turns::default();
        let mut paused = turns.enter(Priority::Background, &Cancel::new()).unwrap();
        let (first, second, third) = (Cancel::new(), Cancel::new(), Cancel::new());
        thread::scope(|scope| {
            let user = scope.spawn(|| turns.enter(Priority::Interactive, &Cancel::new()).unwrap());
            while !turns.is_wanted() {
                thread::yield_now();
            }
            assert!(paused.is_wanted());
            let pause = scope.spawn(|| (paused.give_way(&first), paused));
            let user = user.join().unwrap();
            let other = scope.spawn(|| turns.enter(Priority::Background, &second).is_none());
            let late = scope.spawn(|| turns.enter(Priority::Interactive, &third).is_none());
            thread::sleep(Duration::from_millis(30));
            assert!(!other.is_finished() && !late.is_finished() && !pause.is_finished());
            for cancel in [&first, &second, &third] {
                cancel.cancel();
            }
            let (went_on, paused) = pause.join().unwrap();
            assert!(!went_on && other.join().unwrap() && late.join().unwrap());
            drop(paused);
            // The user's turn is still the user's.
            assert!(turns.lock().busy);
            drop(user);
        });
        assert!(!turns.is_wanted());
        drop(turns.enter(Priority::Background, &Cancel::new()).unwrap());
    }
}
