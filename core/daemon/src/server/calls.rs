//! Calls that may block: few at a time, each with a deadline, and none that keeps the others from going on.
//!
//! A thread that waits for a file or a database cannot be ended. So its call is: its caller is told, the permit goes to
//! the next call, and the thread is counted until it comes back. Too many of those, and new calls are refused at once.

use super::sink::Sink;
use deepcoder_protocol::wire::{Failure, Refusal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{sleep, timeout};

/// Calls that run at a time; others wait.
const MOST: usize = 16;

/// Calls of one client that run at a time, so that one cannot take them all.
pub(super) const MOST_OF_A_CLIENT: usize = 4;

/// Threads that did not come back, above which new calls are refused.
const MOST_HUNG: usize = 64;

/// All calls of a server.
pub(super) struct Calls {
    permits: Arc<Semaphore>,
    hung: Arc<AtomicUsize>,
    limit: Duration,
}

impl Calls {
    /// Each may take `limit`, and a third of it to begin: together less than clients wait.
    pub(super) fn new(limit: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(MOST)), hung: Arc::default(), limit }
    }

    /// Threads whose calls were given up and that have not come back.
    pub(super) fn hung(&self) -> u64 {
        self.hung.load(Ordering::SeqCst) as u64
    }

    /// Run `work` on a thread of its own. A panic in it is an error of its caller. It is given up when it takes too long,
    /// and when the client of `sink` leaves; what it does then is done all the same, once it can be.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        client: &Arc<Semaphore>,
        sink: &Sink,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let permits = async {
            let own = Arc::clone(client).acquire_owned().await;
            (own, Arc::clone(&self.permits).acquire_owned().await)
        };
        let permits: [OwnedSemaphorePermit; 2] = tokio::select! {
            permits = timeout(self.limit / 3, permits) => match permits {
                Ok((Ok(own), Ok(all))) => [own, all],
                Ok(_) => return Err(Failure::Stopping),
                Err(_) => return Err(Failure::Busy("other calls wait for a disk or a database".into())),
            },
            () = sink.gone() => return Err(Failure::Cancelled),
        };
        if self.hung.load(Ordering::SeqCst) >= MOST_HUNG {
            let message = format!("{MOST_HUNG} calls hang at a disk or a database that does not answer");
            return Err(Failure::Busy(message));
        }
        let (answer, mut answered) = oneshot::channel();
        let thread = Thread { hung: Arc::clone(&self.hung), apart: Arc::default() };
        let apart = Arc::clone(&thread.apart);
        let guarded = move || {
            let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(broken()));
            drop(thread);
            // The send fails where the client has left, which is no error.
            _ = answer.send(result);
        };
        drop(tokio::task::spawn_blocking(guarded));
        let failure = tokio::select! {
            result = &mut answered => return result.unwrap_or(Err(Failure::Stopping)),
            () = sleep(self.limit) => Failure::Busy(format!(
                "a disk or a database did not answer for {} s; what was asked may still be done",
                self.limit.as_secs()
            )),
            () = sink.gone() => Failure::Cancelled,
        };
        if !apart.swap(true, Ordering::SeqCst) {
            self.hung.fetch_add(1, Ordering::SeqCst);
        }
        drop(permits);
        Err(failure)
    }
}

/// A thread at work. The thread ends or the caller gives up, whichever is first; the second one sees that.
struct Thread {
    hung: Arc<AtomicUsize>,
    apart: Arc<AtomicBool>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        if self.apart.swap(true, Ordering::SeqCst) {
            self.hung.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

pub(super) fn broken() -> Failure {
    let message = "the daemon failed at this request; its log says where".to_owned();
    Failure::Refused { reason: Refusal::Storage, message, hint: Some("run the command again".into()) }
}
