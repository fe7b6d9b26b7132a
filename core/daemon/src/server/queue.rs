//! The requests that wait for the model, those that run, and the model in memory. The user's own requests run first, in
//! the order of their arrival. They preempt background requests, which resume behind them.

use super::budget::Held;
use super::fair::Lines;
use super::sink::Sink;
use deepcoder_protocol::wire::{Body, Failure};
use deepcoder_types::{Cancel, GenerateRequest, LanguageModel};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Jobs that may wait.
const MAX_WAITING: usize = 1024;

/// How long a model that a user has asked stays before one for the background takes its place.
const GRACE: Duration = Duration::from_secs(15);

/// One request that needs the model.
pub(super) struct Job {
    /// The model's name.
    pub(super) model: String,
    pub(super) work: Work,
    /// Where the answer goes.
    pub(super) sink: Arc<Sink>,
    /// For which repository, where it is background work.
    pub(super) repository: Option<PathBuf>,
    /// Tokens that were emitted before it was preempted.
    pub(super) emitted: Vec<u32>,
    /// The memory that it takes, where a client sent it.
    pub(super) _held: Option<Held>,
}

pub(super) enum Work {
    Generate(Box<GenerateRequest>),
    Count(String),
    Info,
    Unload,
}

/// The next work of the thread for the users' own requests.
pub(super) enum Next {
    Job(Job),
    /// Nothing came in time.
    Idle,
    /// The server ends.
    Stop,
}

/// A job of the background, begun.
pub(super) struct Begun {
    pub(super) job: Job,
    pub(super) repository: PathBuf,
    /// Ends this attempt: its client has cancelled it, or a user's own request preempts it.
    pub(super) attempt: Cancel,
    started: Instant,
    preempted_for: Duration,
}

/// A model in memory.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) model: Arc<dyn LanguageModel>,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) waiting: usize,
    pub(super) busy: bool,
    pub(super) background_waiting: usize,
    pub(super) background_busy: bool,
}

/// The queue.
pub(super) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
}

struct Inner {
    waiting: VecDeque<Job>,
    lines: Lines,
    front: Option<Arc<Sink>>,
    back: Option<Back>,
    loaded: Option<Loaded>,
    /// When a user's own request was last done.
    last_front: Option<Instant>,
    last_work: Instant,
    /// How long users' own requests had the model in all, and since when the one that runs has it: a background job is not
    /// charged for the time of its preemption.
    preempted_for: Duration,
    preempted_since: Option<Instant>,
    stopping: bool,
}

struct Back {
    sink: Arc<Sink>,
    model: String,
    attempt: Cancel,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                waiting: VecDeque::new(),
                lines: Lines::default(),
                front: None,
                back: None,
                loaded: None,
                last_front: None,
                last_work: Instant::now(),
                preempted_for: Duration::ZERO,
                preempted_since: None,
                stopping: false,
            }),
            wake: Condvar::new(),
        }
    }

    /// Put `job` at the end, or say why not.
    pub(super) fn push(&self, job: Job) -> Result<(), Failure> {
        let mut inner = self.lock();
        if inner.stopping {
            return Err(Failure::Stopping);
        }
        if inner.waiting.len() + inner.lines.len() >= MAX_WAITING {
            return Err(Failure::Busy(format!("{MAX_WAITING} requests wait already")));
        }
        match job.repository.clone() {
            Some(repository) => inner.lines.push(&repository, job),
            None => inner.waiting.push_back(job),
        }
        self.wake.notify_all();
        Ok(())
    }

    /// Take the job of `sink` out, if it still waits.
    pub(super) fn remove(&self, sink: &Arc<Sink>) -> Option<Job> {
        let mut inner = self.lock();
        match inner.waiting.iter().position(|job| Arc::ptr_eq(&job.sink, sink)) {
            Some(at) => inner.waiting.remove(at),
            None => inner.lines.extract(|job| Arc::ptr_eq(&job.sink, sink)).pop(),
        }
    }

    /// Wait for a user's own request, until there was nothing to do for `limit` if there is one. The former one is over.
    pub(super) fn next(&self, limit: Option<Duration>) -> Next {
        let asked = Instant::now();
        let mut inner = self.lock();
        inner.end_front(asked);
        self.wake.notify_all();
        loop {
            if inner.stopping {
                return Next::Stop;
            }
            if let Some(job) = inner.waiting.pop_front() {
                inner.front = Some(Arc::clone(&job.sink));
                inner.preempted_since = Some(Instant::now());
                return Next::Job(job);
            }
            // A limit beyond what the clock can count is none, and so is one while the background works.
            let idle = inner.back.is_none() && inner.lines.len() == 0;
            let deadline = limit.filter(|_| idle).and_then(|l| inner.last_work.max(asked).checked_add(l));
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

    /// Wait for something to do in the background while no user waits; `None` when the server ends.
    pub(super) fn next_background(&self) -> Option<Begun> {
        let mut inner = self.lock();
        loop {
            if inner.stopping {
                return None;
            }
            let mut patience = None;
            if inner.front.is_none() && inner.waiting.is_empty() && inner.lines.len() > 0 {
                let here = inner.loaded.as_ref().map(|loaded| loaded.name.clone());
                let kept = inner.last_front.map(|at| GRACE.saturating_sub(at.elapsed())).filter(|left| !left.is_zero());
                let fits = |model: &str| kept.is_none() || here.as_deref().is_none_or(|here| here == model);
                if let Some((repository, job)) = inner.lines.take(fits) {
                    let attempt = job.sink.cancel().child();
                    let (sink, model) = (Arc::clone(&job.sink), job.model.clone());
                    inner.back = Some(Back { sink, model, attempt: attempt.clone() });
                    let preempted_for = inner.preempted_for();
                    return Some(Begun { job, repository, attempt, started: Instant::now(), preempted_for });
                }
                patience = kept;
            }
            inner = match patience {
                None => self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.wake.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Note the time of an attempt that is over.
    pub(super) fn charge(&self, begun: &Begun) {
        let mut inner = self.lock();
        let preempted_for = inner.preempted_for() - begun.preempted_for;
        inner.lines.charge(&begun.repository, begun.started.elapsed().saturating_sub(preempted_for));
    }

    /// An attempt is over; `again` puts the job in front of its line, to go on when no user waits.
    pub(super) fn end_background(&self, begun: Begun, again: bool) {
        let mut inner = self.lock();
        inner.back = None;
        inner.last_work = Instant::now();
        let refused = if again && !inner.stopping {
            inner.lines.put_back(&begun.repository, begun.job);
            None
        } else {
            again.then_some(begun.job)
        };
        drop(inner);
        self.wake.notify_all();
        if let Some(job) = refused {
            job.sink.finish(Body::error(Failure::Stopping));
        }
    }

    /// The model in memory.
    pub(super) fn loaded(&self) -> Option<Loaded> {
        self.lock().loaded.clone()
    }

    pub(super) fn set_loaded(&self, loaded: Option<Loaded>) {
        let old = std::mem::replace(&mut self.lock().loaded, loaded);
        // Freeing gigabytes takes a while: not under the lock.
        drop(old);
    }

    /// Make the background let go of every model but `wanted`. Returns once it has, which takes a step at most.
    pub(super) fn clear_the_way(&self, wanted: Option<&str>) {
        let mut inner = self.lock();
        while let Some(back) = inner.back.as_ref().filter(|back| Some(back.model.as_str()) != wanted) {
            back.attempt.cancel();
            inner = self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Take the model out of memory for the background, unless a user has come meanwhile.
    pub(super) fn unload_for_background(&self) -> bool {
        let mut inner = self.lock();
        if inner.front.is_some() || !inner.waiting.is_empty() {
            return false;
        }
        let old = inner.loaded.take();
        drop(inner);
        drop(old);
        true
    }

    /// How much there is to do.
    pub(super) fn load(&self) -> Load {
        let inner = self.lock();
        Load {
            waiting: inner.waiting.len(),
            busy: inner.front.is_some(),
            background_waiting: inner.lines.len(),
            background_busy: inner.back.is_some(),
        }
    }

    /// How long the model has worked in the background for a repository.
    pub(super) fn used(&self, repository: &Path) -> Duration {
        self.lock().lines.used(repository)
    }

    /// Take no more jobs, refuse those that wait, and end those that run.
    pub(super) fn stop(&self) {
        let mut inner = self.lock();
        inner.stopping = true;
        let mut ended: Vec<_> = std::mem::take(&mut inner.waiting).into_iter().map(|job| job.sink).collect();
        ended.extend(inner.lines.extract(|_| true).into_iter().map(|job| job.sink));
        ended.extend(inner.front.clone());
        ended.extend(inner.back.as_ref().map(|back| Arc::clone(&back.sink)));
        drop(inner);
        self.wake.notify_all();
        for sink in ended {
            sink.cancel().cancel();
            sink.finish(Body::error(Failure::Stopping));
        }
    }

    /// Whether nothing is taken any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn end_front(&mut self, now: Instant) {
        if self.front.take().is_some() {
            self.last_front = Some(now);
            self.last_work = now;
        }
        self.preempted_for += self.preempted_since.take().map_or(Duration::ZERO, |since| now - since);
    }

    fn preempted_for(&self) -> Duration {
        self.preempted_for + self.preempted_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}
