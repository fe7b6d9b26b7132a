//! What waits for the model: first come, first served.

use super::sink::Sink;
use crate::wire::{Body, Failure};
use deepcoder_types::GenerateRequest;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Jobs that may wait.
const MAX_WAITING: usize = 1024;

/// One request that needs the model.
pub(super) struct Job {
    /// The model's name.
    pub(super) model: String,
    pub(super) work: Work,
    /// Where the answer goes.
    pub(super) sink: Arc<Sink>,
}

pub(super) enum Work {
    Generate(Box<GenerateRequest>),
    Count(String),
    Info,
    Unload,
}

/// What the worker is to do.
pub(super) enum Next {
    Job(Job),
    /// Nothing came in time.
    Idle,
    /// The server ends.
    Stop,
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Job>,
    running: Option<Arc<Sink>>,
    stopping: bool,
}

impl Queue {
    /// Put `job` at the end, or say why not.
    pub(super) fn push(&self, job: Job) -> Result<(), Failure> {
        let mut inner = self.lock();
        if inner.stopping {
            return Err(Failure::Stopping);
        }
        if inner.waiting.len() >= MAX_WAITING {
            return Err(Failure::Busy(format!("{MAX_WAITING} requests wait already")));
        }
        inner.waiting.push_back(job);
        self.wake.notify_one();
        Ok(())
    }

    /// Take the job of `sink` out, if it still waits.
    pub(super) fn remove(&self, sink: &Arc<Sink>) -> Option<Job> {
        let mut inner = self.lock();
        let at = inner.waiting.iter().position(|job| Arc::ptr_eq(&job.sink, sink))?;
        inner.waiting.remove(at)
    }

    /// Wait for a job, until `limit` from now if there is one. The former job is over.
    pub(super) fn next(&self, limit: Option<Duration>) -> Next {
        // A limit beyond what the clock can count is none.
        let deadline = limit.and_then(|l| Instant::now().checked_add(l));
        let mut inner = self.lock();
        inner.running = None;
        loop {
            if inner.stopping {
                return Next::Stop;
            }
            if let Some(job) = inner.waiting.pop_front() {
                inner.running = Some(Arc::clone(&job.sink));
                return Next::Job(job);
            }
            inner = match deadline {
                None => self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Next::Idle;
                    }
                    self.wake.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// How many wait, and whether one runs.
    pub(super) fn load(&self) -> (usize, bool) {
        let inner = self.lock();
        (inner.waiting.len(), inner.running.is_some())
    }

    /// Take no more jobs, refuse those that wait, and end the one that runs.
    pub(super) fn stop(&self) {
        let mut inner = self.lock();
        inner.stopping = true;
        let waiting = std::mem::take(&mut inner.waiting);
        let running = inner.running.clone();
        drop(inner);
        self.wake.notify_all();
        for sink in waiting.into_iter().map(|job| job.sink).chain(running) {
            sink.cancel().cancel();
            sink.finish(Body::error(Failure::Stopping));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
