//! The queue of the daemon: waiting and running requests, and the loaded model. One model is in memory at a time. The
//! engine schedules the running requests.

use super::sink::Sink;
use super::waiting::{Job, Waiting, Work};
use deepcoder_protocol::ModelLoader;
use deepcoder_protocol::wire::{Body, Failure};
use deepcoder_types::{Cancel, LanguageModel};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Maximum number of waiting interactive requests, and of waiting background requests.
const MAX_WAITING: usize = 1024;

/// How long a model stays loaded after an interactive request before a background request may replace it.
const GRACE: Duration = Duration::from_secs(15);

/// The next action of the dispatching thread.
pub(super) enum Action {
    /// Run a request on a thread of its own.
    Run(Box<Running>),
    /// Load a model. Nothing is in memory.
    Load(String, Cancel),
    /// Drop a model: outside of the lock, because freeing gigabytes takes a while.
    Drop(Loaded),
    /// Answer a request to unload, which is done.
    Unloaded(Job),
    /// The time limit without a request has passed.
    Idle,
    /// The server stops, and no request runs.
    Stop(Option<Loaded>),
}

/// A running request.
pub(super) struct Running {
    pub(super) job: Job,
    pub(super) model: Arc<dyn LanguageModel>,
    /// Ends this run: its client cancelled it, or an interactive request needs another model.
    pub(super) run: Cancel,
    /// The clock's time at its start.
    began: Duration,
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
    users: Waiting,
    background: Waiting,
    /// Maximum number of running requests: interactive, and background.
    most: [usize; 2],
    /// Running requests, and computed ones whose answers are not read yet, by number.
    running: HashMap<u64, Slot>,
    loaded: Option<Loaded>,
    /// The number of the newest request when the model was loaded.
    newest_at_load: u64,
    /// The model that is being loaded, and how to cancel that.
    loading: Option<(String, Cancel)>,
    /// The number of the newest request.
    last: u64,
    /// When an interactive request last ended.
    last_user: Option<Instant>,
    last_work: Instant,
    clock: Clock,
    used: HashMap<PathBuf, Duration>,
    stopping: bool,
}

struct Slot {
    sink: Arc<Sink>,
    client: String,
    background: bool,
    run: Cancel,
    /// Whether it still needs the model. Otherwise only its client has to read the answer.
    computes: bool,
}

/// Measures the model's time for background requests: it advances while no interactive request runs, divided by the
/// number of running background requests.
struct Clock {
    time: Duration,
    looked: Instant,
}

impl Queue {
    /// A queue that runs at most `most` interactive requests at once, and a quarter as many background requests.
    pub(super) fn new(most: usize) -> Self {
        let now = Instant::now();
        Self {
            inner: Mutex::new(Inner {
                users: Waiting::default(),
                background: Waiting::default(),
                most: [most.max(1), most.div_ceil(4).max(1)],
                running: HashMap::new(),
                loaded: None,
                newest_at_load: 0,
                loading: None,
                last: 0,
                last_user: None,
                last_work: now,
                clock: Clock { time: Duration::ZERO, looked: now },
                used: HashMap::new(),
                stopping: false,
            }),
            wake: Condvar::new(),
        }
    }

    /// Queue `job`, or say why not.
    pub(super) fn push(&self, mut job: Job) -> Result<(), Failure> {
        let mut inner = self.lock();
        if inner.stopping {
            return Err(Failure::Stopping);
        }
        if inner.waiting(job.background).len() >= MAX_WAITING {
            return Err(Failure::Busy(format!("{MAX_WAITING} requests wait already")));
        }
        inner.last += 1;
        job.number = inner.last;
        inner.waiting(job.background).push(job);
        inner.end_unwanted_load();
        self.wake.notify_all();
        Ok(())
    }

    /// Take the job of `sink` out, if it still waits.
    pub(super) fn remove(&self, sink: &Arc<Sink>) -> Option<Job> {
        let mut inner = self.lock();
        let job = inner.users.remove(sink).or_else(|| inner.background.remove(sink));
        inner.end_unwanted_load();
        job
    }

    /// Wait for the next action. A model is dropped after `idle` without work. Without a model, the wait ends after
    /// `exit`.
    pub(super) fn next(&self, loader: &dyn ModelLoader, idle: Duration, exit: Option<Duration>) -> Action {
        let asked = Instant::now();
        let mut inner = self.lock();
        loop {
            let until = match inner.decide(loader, asked, idle, exit) {
                Ok(next) => return next,
                Err(until) => until,
            };
            inner = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.wake.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// A run ended and no longer needs the model. Returns the job to answer; with `again` it is queued again instead.
    pub(super) fn computed(&self, running: Running, again: bool) -> Option<Job> {
        let Running { job, model, began, .. } = running;
        // Release the model before another one is loaded.
        drop(model);
        let mut inner = self.lock();
        let now = Instant::now();
        inner.tick(now);
        inner.last_work = now;
        if !job.background {
            inner.last_user = Some(now);
        }
        if let Some(repository) = &job.repository {
            let time = inner.clock.time.saturating_sub(began);
            *inner.used.entry(repository.clone()).or_default() += time;
        }
        let answer = if again && !inner.stopping {
            inner.running.remove(&job.number);
            inner.background.push(job);
            None
        } else {
            if let Some(slot) = inner.running.get_mut(&job.number) {
                slot.computes = false;
            }
            Some(job)
        };
        self.wake.notify_all();
        answer
    }

    /// Remove the request `number`, which is answered.
    pub(super) fn answered(&self, number: u64) {
        let mut inner = self.lock();
        inner.tick(Instant::now());
        inner.running.remove(&number);
        self.wake.notify_all();
    }

    /// The model in memory.
    pub(super) fn loaded(&self) -> Option<Loaded> {
        self.lock().loaded.clone()
    }

    pub(super) fn set_loaded(&self, loaded: Loaded) {
        let mut inner = self.lock();
        inner.loading = None;
        inner.newest_at_load = inner.last;
        inner.last_work = Instant::now();
        inner.loaded = Some(loaded);
    }

    /// Loading `model` failed: take out the requests that wait for it, unless this queue cancelled the load.
    pub(super) fn load_failed(&self, model: &str) -> Vec<Job> {
        let mut inner = self.lock();
        if inner.loading.take().is_some_and(|(_, cancel)| cancel.is_cancelled()) {
            return Vec::new();
        }
        let mut jobs = inner.users.extract(Some(model));
        jobs.extend(inner.background.extract(Some(model)));
        jobs
    }

    /// Drop `model`, which is dead or in an unknown state: the next request loads it again.
    pub(super) fn forget(&self, model: &Arc<dyn LanguageModel>) {
        let old = self.lock().loaded.take_if(|loaded| Arc::ptr_eq(&loaded.model, model));
        drop(old);
    }

    /// How much there is to do.
    pub(super) fn load(&self) -> Load {
        let inner = self.lock();
        Load {
            waiting: inner.users.len(),
            busy: inner.computing(false) > 0 || inner.loading.is_some() && inner.users.len() > 0,
            background_waiting: inner.background.len(),
            background_busy: inner.computing(true) > 0,
        }
    }

    /// How long the model has worked in the background for a repository.
    pub(super) fn used(&self, repository: &Path) -> Duration {
        self.lock().used.get(repository).copied().unwrap_or_default()
    }

    /// Take no more jobs, refuse those that wait, and end those that run.
    pub(super) fn stop(&self) {
        let mut inner = self.lock();
        inner.stopping = true;
        let mut ended: Vec<_> = inner.users.extract(None).into_iter().map(|job| job.sink).collect();
        ended.extend(inner.background.extract(None).into_iter().map(|job| job.sink));
        ended.extend(inner.running.values().map(|slot| Arc::clone(&slot.sink)));
        inner.end_unwanted_load();
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
    /// The next action, or until when to wait for a change.
    fn decide(
        &mut self,
        loader: &dyn ModelLoader,
        asked: Instant,
        idle: Duration,
        exit: Option<Duration>,
    ) -> Result<Action, Option<Instant>> {
        let (users, background) = (self.computing(false), self.computing(true));
        if self.stopping {
            return if users + background == 0 { Ok(Action::Stop(self.loaded.take())) } else { Err(None) };
        }
        if let Some(dead) = self.loaded.take_if(|_| !loader.is_alive()) {
            return Ok(Action::Drop(dead));
        }
        if self.users.len() > 0 {
            if let Some(next) = self.start_next(false) {
                return next;
            }
            if users == 0 {
                // Running background requests are for another model: interrupt them.
                self.running.values().filter(|slot| slot.computes).for_each(|slot| slot.run.cancel());
            }
            return if users + background == 0 { self.replace_model(false) } else { Err(None) };
        }
        if self.background.len() > 0 {
            if let Some(next) = self.start_next(true) {
                return next;
            }
            if users + background > 0 {
                return Err(None);
            }
            let kept = self.last_user.and_then(|at| at.checked_add(GRACE)).filter(|until| *until > Instant::now());
            return if self.loaded.is_some() && kept.is_some() { Err(kept) } else { self.replace_model(true) };
        }
        if !self.running.is_empty() {
            return Err(None);
        }
        let limit = if self.loaded.is_some() { Some(idle) } else { exit };
        // A limit beyond what the clock can count is none.
        let until = limit.and_then(|limit| self.last_work.max(asked).checked_add(limit));
        if until.is_none_or(|until| until > Instant::now()) {
            return Err(until);
        }
        Ok(self.loaded.take().map_or(Action::Idle, Action::Drop))
    }

    /// Start a request for the loaded model, or wait for capacity; `None` if another model's turn has come. One client
    /// gets at most three quarters of the capacity, so that another client need not wait for the end of a request.
    fn start_next(&mut self, background: bool) -> Option<Result<Action, Option<Instant>>> {
        let Loaded { name, model } = self.loaded.clone()?;
        let most = self.most[usize::from(background)];
        let slots = || self.running.values().filter(|slot| slot.background == background);
        let may = |client: &str| slots().filter(|slot| slot.client == client).count() < most - most / 4;
        let waiting = if background { &self.background } else { &self.users };
        let Some(at) = waiting.next_for(&name, self.newest_at_load, may).filter(|_| slots().count() < most) else {
            return waiting.next_for(&name, self.newest_at_load, |_| true).map(|_| Err(None));
        };
        let job = self.waiting(background).take(at);
        self.tick(Instant::now());
        let (sink, client, run) = (Arc::clone(&job.sink), job.client.clone(), job.sink.cancel().child());
        self.running.insert(job.number, Slot { sink, client, background, run: run.clone(), computes: true });
        Some(Ok(Action::Run(Box::new(Running { job, model, run, began: self.clock.time }))))
    }

    /// Unload the model, then load that of the oldest waiting request. No request runs.
    fn replace_model(&mut self, background: bool) -> Result<Action, Option<Instant>> {
        if let Some(old) = self.loaded.take() {
            return Ok(Action::Drop(old));
        }
        let waiting = self.waiting(background);
        let at = waiting.first().ok_or(None)?;
        if matches!(waiting.get(at).work, Work::Unload) {
            return Ok(Action::Unloaded(waiting.take(at)));
        }
        let (model, cancel) = (waiting.get(at).model.clone(), Cancel::new());
        self.loading = Some((model.clone(), cancel.clone()));
        Ok(Action::Load(model, cancel))
    }

    /// Cancel a load that no request waits for, or that delays interactive requests for the background.
    fn end_unwanted_load(&self) {
        let Some((model, cancel)) = &self.loading else { return };
        let background = self.users.len() == 0 && self.background.wants(model);
        if !background && !self.users.wants(model) {
            cancel.cancel();
        }
    }

    fn waiting(&mut self, background: bool) -> &mut Waiting {
        if background { &mut self.background } else { &mut self.users }
    }

    fn computing(&self, background: bool) -> usize {
        self.running.values().filter(|slot| slot.computes && slot.background == background).count()
    }

    /// Advance the clock. Call it before the set of running requests changes.
    fn tick(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.clock.looked);
        let background = u32::try_from(self.computing(true)).unwrap_or(u32::MAX);
        if self.computing(false) == 0 {
            self.clock.time += passed.checked_div(background).unwrap_or_default();
        }
        self.clock.looked = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects memory, and users from background work that fills the queue: each has its own bound, and a cancelled
    /// request makes room.
    #[test]
    fn what_waits_is_bounded() {
        let queue = Queue::new(1);
        let push = |background| {
            let sink = Sink::local(Cancel::new(), std::sync::mpsc::channel().0);
            let job = Job::new("m".into(), Work::Info, Arc::clone(&sink), "c".into());
            queue.push(Job { background, ..job }).map(|()| sink)
        };
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| push(true).expect("room")).collect();
        assert!(matches!(push(true), Err(Failure::Busy(_))));
        push(false).expect("room for users");
        let sink = waiting.pop().expect("one of them");
        assert!(queue.remove(&sink).is_some() && queue.remove(&sink).is_none());
        push(true).expect("room again");
        queue.stop();
        assert!(matches!(push(false), Err(Failure::Stopping)));
        assert!(waiting.iter().all(|sink| sink.is_finished()));
    }
}
