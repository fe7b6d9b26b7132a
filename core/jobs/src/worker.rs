//! The threads: workers that take jobs and do them, and a keeper that says that they are alive, hears what people ask for,
//! and watches the time.

use crate::error::WorkError;
use crate::land::{self, Site};
use crate::run::{self, Reporter};
use crate::service::Inner;
use crate::{schedule, sweep};
use deepcoder_app::{TaskError, from_bytes, may_land};
use deepcoder_protocol::{Models, OnChange};
use deepcoder_queue::{Beat, Claim, End, Lease, Queue, QueueError};
use deepcoder_types::{Cancel, Consent, Job, JobResult, Verdict};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a job is its worker's without a word from it. Longer than any pause of a machine that is merely busy; a
/// process that dies on this machine is noticed at once.
pub(crate) const LEASE: Duration = Duration::from_secs(20);

/// How often workers are said to be alive, and how often it is looked for those that are not.
const BEAT: Duration = Duration::from_secs(2);
const EXPIRE: Duration = Duration::from_secs(5);

/// How long a worker that found nothing waits for a word, where every change is heard of.
const NOTHING: Duration = Duration::from_secs(30);

/// How often jobs are forgotten that were over long ago, and by how much the clock may go wrong in between: one that has
/// jumped, or was wrong when the machine started, must not make all of them old.
const PRUNE: Duration = Duration::from_secs(15 * 60);
const JUMP_MS: u64 = 60 * 60 * 1000;

/// The longest that the keeper looks at nothing, and the shortest.
const REST: Duration = Duration::from_secs(2);
const WATCH: Duration = Duration::from_millis(100);

/// How soon after a change running jobs are asked after, at most so often.
const AFTER_CHANGE: Duration = Duration::from_millis(200);

/// How long the end of a job is told to a queue that does not answer, and how often.
const TELL: Duration = Duration::from_secs(60);
const TELL_AGAIN: Duration = Duration::from_millis(500);

/// How often a job is tried again whose model died or was away, however many attempts it has.
const DEATHS: u32 = 1;

/// Why a job's run was ended from outside. The first one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The user cancels it.
    Cancel,
    /// The user pauses it.
    Pause,
    /// Another worker has it.
    Lost,
    /// Its time is over.
    Deadline,
    /// The daemon ends.
    Stop,
}

/// A job that runs in this process.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) lease: Lease,
    pub(crate) cancel: Cancel,
    why: Arc<Mutex<Option<Why>>>,
    deadline: Option<Instant>,
}

impl Running {
    pub(crate) fn new(claim: &Claim) -> Self {
        let deadline = claim.job.spec.timeout_ms.map(|limit| Instant::now() + Duration::from_millis(limit));
        Self { lease: claim.lease.clone(), cancel: Cancel::new(), why: Arc::default(), deadline }
    }

    pub(crate) fn end(&self, why: Why) {
        lock(&self.why).get_or_insert(why);
        self.cancel.cancel();
    }

    fn why(&self) -> Option<Why> {
        *lock(&self.why)
    }
}

/// Wakes workers.
#[derive(Default)]
pub(crate) struct Wake {
    count: Mutex<u64>,
    bell: Condvar,
}

impl Wake {
    pub(crate) fn all(&self) {
        *lock(&self.count) += 1;
        self.bell.notify_all();
    }

    fn count(&self) -> u64 {
        *lock(&self.count)
    }

    fn wait(&self, seen: u64, timeout: Duration) {
        let count = lock(&self.count);
        drop(self.bell.wait_timeout_while(count, timeout, |count| *count == seen));
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Take jobs and do them until the service is stopped.
pub(crate) fn work(inner: &Inner, name: &str, models: &dyn Models) {
    while !inner.stop.is_cancelled() {
        let seen = inner.wake.count();
        let Ok(queue) = inner.queue() else {
            inner.wake.wait(seen, BEAT);
            continue;
        };
        match inner.repositories(&queue).and_then(|only| queue.claim(name, &only, LEASE, inner.now_ms())) {
            Ok(Some(claim)) => {
                one(inner, &queue, &claim, models);
                // Frees memory: the job may have read a large repository's index twice.
                models.rest();
            }
            // The keeper hears of every change, and wakes everybody up.
            Ok(None) if inner.hears_of_all() => inner.wake.wait(seen, NOTHING),
            // The queue does not answer, or a folder that jobs wait for may be back.
            Ok(None) | Err(_) => inner.wake.wait(seen, BEAT),
        }
    }
}

/// Run one job and record how it ended.
fn one(inner: &Inner, queue: &Queue, claim: &Claim, models: &dyn Models) {
    let listed = inner.begin(claim);
    let running = &listed.running;
    let outcome = contained(|| attempt(inner, queue, claim, models, running));
    let end = match outcome {
        Ok(end) => Some(end),
        Err(error) => failed(error, running, claim),
    };
    if let Some(end) = end {
        let done = matches!(end, End::Done(_));
        tell(inner, queue, &claim.lease, &end);
        if done {
            land::forget(&inner.options.profile, &claim.job);
        }
    }
}

/// A defect costs its job, and nothing else.
pub(crate) fn contained<T>(work: impl FnOnce() -> Result<T, WorkError>) -> Result<T, WorkError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(TaskError::Panic(words(&*panic)).into()))
}

/// How a turn ends that has no result; `None` where another worker has the job.
fn failed(error: WorkError, running: &Running, claim: &Claim) -> Option<End> {
    let give_back = |reason: &str| Some(End::GiveBack { reason: reason.into(), count: false });
    match running.why().filter(|_| running.cancel.is_cancelled()) {
        Some(Why::Cancel) => give_back("cancelled"),
        Some(Why::Pause) => give_back("paused"),
        Some(Why::Stop) => give_back("the daemon ended"),
        Some(Why::Deadline) => {
            let seconds = claim.job.spec.timeout_ms.unwrap_or_default() / 1000;
            Some(End::Failed(WorkError::Deadline { seconds }.failure()))
        }
        Some(Why::Lost) => None,
        // The queue knows whether it is lost or cancelled; a token that is old changes nothing.
        None if matches!(error, WorkError::Lost) => give_back("it was taken away"),
        None => {
            let mut failure = error.failure();
            // A prompt that kills a model's process usually kills the next one as well.
            failure.transient &= !(error.is_of_the_model() && claim.job.attempts > DEATHS);
            Some(End::Failed(failure))
        }
    }
}

/// Tell the queue how a turn ended, also when it cannot be reached for a while.
pub(crate) fn tell(inner: &Inner, queue: &Queue, lease: &Lease, end: &End) {
    let begin = Instant::now();
    while let Err(QueueError::Busy | QueueError::Unreachable { .. } | QueueError::NoSpace) =
        queue.finish(lease, end.clone(), inner.now_ms())
    {
        // Untold, it is found by the next worker, when the lease has run out.
        if begin.elapsed() > TELL || inner.stop.wait_timeout(TELL_AGAIN) {
            return;
        }
    }
}

fn attempt(
    inner: &Inner,
    queue: &Queue,
    claim: &Claim,
    models: &dyn Models,
    running: &Running,
) -> Result<End, WorkError> {
    let (job, cancel) = (&claim.job, &running.cancel);
    let profile = &inner.options.profile;
    if let Some(landed) = land::already(profile, job, &inner.scratch(), cancel)? {
        let result = job.result.clone().unwrap_or_else(landed_before);
        return Ok(End::Done(landed.into_result(result)));
    }
    let now_ms = || inner.now_ms();
    let mut reporter = Reporter::new(queue, &claim.lease, &now_ms);
    reporter.stage("opening");
    let site = Site::open(profile, job, &inner.scratch(), cancel)?;
    let ended = on_site(inner, queue, claim, models, &site, cancel, &mut reporter);
    site.close();
    ended
}

fn on_site(
    inner: &Inner,
    queue: &Queue,
    claim: &Claim,
    models: &dyn Models,
    site: &Site,
    cancel: &Cancel,
    reporter: &mut Reporter<'_>,
) -> Result<End, WorkError> {
    let (job, lease) = (&claim.job, &claim.lease);
    let made_before = match &job.result {
        // The result of an earlier attempt that ended before it could land.
        Some(_) => queue.saved(&job.id)?.and_then(|bytes| from_bytes(&bytes).ok()).filter(|kept| site.fits(kept)),
        None => None,
    };
    let (run, result) = match made_before {
        Some(kept) => {
            reporter.log("info", "resumes with the result of an earlier attempt");
            let result = run::result(&kept.run);
            (kept.run, result)
        }
        None => {
            let run = run::run(&site.repo, job, models, &job.spec.repository, cancel, reporter)?;
            let result = run::result(&run);
            site.keep(queue, lease, &run, &result, inner.now_ms())?;
            (run, result)
        }
    };
    cancel.check()?;
    let consent = Consent::default();
    let run = match may_land(&run, &job.spec.delivery, consent) {
        Verdict::Nothing => return Ok(End::Done(result)),
        Verdict::Lands => run,
        // A job is one result: a person decides about all of it.
        _ => return Ok(End::Review(result)),
    };
    reporter.stage("landing");
    let held = || still_held(queue, lease);
    let landed = site.land(job, &run, consent, &held, inner.now_ms(), cancel)?;
    Ok(End::Done(landed.into_result(result)))
}

pub(crate) fn still_held(queue: &Queue, lease: &Lease) -> Result<(), WorkError> {
    if queue.still_held(lease)? { Ok(()) } else { Err(WorkError::Lost) }
}

/// The summary of a result that landed before its description was stored.
pub(crate) fn landed_before() -> JobResult {
    JobResult { summary: "landed in an earlier attempt".into(), verified: true, ..JobResult::default() }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".into())
}

/// Say that the workers are alive, hear what people ask for, watch the time, until the service is stopped.
pub(crate) fn keep(inner: &Inner, on_change: &OnChange) {
    let steady = (Instant::now(), inner.now_ms());
    let mut rounds = Rounds { seen: 0, beat: Instant::now(), expire: None, steady, due: 0 };
    while !inner.stop.is_cancelled() {
        // Without it everybody's leases would run out: a defect costs a round.
        if catch_unwind(AssertUnwindSafe(|| rounds.next(inner, on_change))).is_err() {
            _ = inner.stop.wait_timeout(REST);
        }
    }
}

/// The keeper's state between rounds.
struct Rounds {
    seen: u64,
    beat: Instant,
    expire: Option<Instant>,
    /// Since when the clock is watched, and what it said then.
    steady: (Instant, u64),
    due: u64,
}

/// Whether the clock, which now says `now_ms`, has gone on since `then` as time has. A machine that slept has not.
fn has_gone_on(then: (Instant, u64), now: Instant, now_ms: u64) -> bool {
    let passed = u64::try_from(now.saturating_duration_since(then.0).as_millis()).unwrap_or(u64::MAX);
    now_ms.abs_diff(then.1.saturating_add(passed)) < JUMP_MS
}

impl Rounds {
    fn next(&mut self, inner: &Inner, on_change: &OnChange) {
        let Ok(queue) = inner.queue() else {
            _ = inner.stop.wait_timeout(REST);
            return;
        };
        let Self { seen, beat, expire, steady, due } = self;
        let before = *seen;
        // No longer than until something is due, or the time of a job is over. A job that begins meanwhile notes that in the
        // queue, which is a change.
        let due_in = Duration::from_millis(due.saturating_sub(inner.now_ms()));
        let due_in = due_in.min(inner.time_left().unwrap_or(REST)).clamp(WATCH, REST);
        let waker = Arc::clone(&queue);
        let waiting = inner.stop.on_cancel(move || waker.wake());
        *seen = queue.wait(*seen, due_in);
        drop(waiting);
        let changed = *seen != before;
        if changed {
            on_change();
            inner.wake.all();
        }
        inner.watch_time();
        if beat.elapsed() >= if changed { AFTER_CHANGE } else { BEAT } {
            *beat = Instant::now();
            inner.beat(&queue);
        }
        if expire.is_none_or(|last| last.elapsed() >= EXPIRE) {
            *expire = Some(Instant::now());
            // Errors are dropped: the next round retries.
            _ = queue.expire(inner.now_ms());
            sweep::sweep(inner, &queue);
        }
        let now = inner.now_ms();
        if steady.0.elapsed() >= PRUNE {
            let gone_on = has_gone_on(*steady, Instant::now(), now);
            *steady = (Instant::now(), now);
            if let Some(keep) = inner.options.profile.settings().jobs_keep.filter(|_| gone_on) {
                _ = queue.prune(now.saturating_sub(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX)));
            }
        }
        if changed || now >= *due {
            let next = schedule::fire(&queue, now).ok().flatten();
            *due = next.unwrap_or(u64::MAX).min(now + schedule::LOOK_MS);
        }
    }
}

impl Inner {
    /// List a job as one that runs here: with heartbeats, and a flag that people can set, until this is dropped.
    pub(crate) fn begin(&self, claim: &Claim) -> Listed<'_> {
        let running = Running::new(claim);
        lock(&self.running).insert(claim.job.id.clone(), running.clone());
        // After it is listed: stopping the service cancels the listed jobs only.
        if self.stop.is_cancelled() {
            running.end(Why::Stop);
        }
        Listed { inner: self, running }
    }

    /// End the run of a job, if it runs here.
    pub(crate) fn interrupt(&self, job: &Job, why: Why) {
        if let Some(running) = lock(&self.running).get(&job.id) {
            running.end(why);
        }
    }

    /// How long until the time of a job that runs is over.
    fn time_left(&self) -> Option<Duration> {
        let first = lock(&self.running).values().filter_map(|running| running.deadline).min();
        first.map(|first| first.saturating_duration_since(Instant::now()))
    }

    fn watch_time(&self) {
        for running in lock(&self.running).values() {
            if running.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                running.end(Why::Deadline);
            }
        }
    }

    /// Say that what runs here is alive, and hear what is asked.
    fn beat(&self, queue: &Queue) {
        let all: Vec<Running> = lock(&self.running).values().cloned().collect();
        for running in all {
            match queue.heartbeat(&running.lease, LEASE) {
                Ok(Beat::Cancel) => running.end(Why::Cancel),
                Ok(Beat::Pause) => running.end(Why::Pause),
                Ok(Beat::Lost) => running.end(Why::Lost),
                // Without an answer the work goes on: before it lands anything it asks again.
                Ok(Beat::GoOn) | Err(_) => {}
            }
        }
    }
}

/// A job that is listed as running.
pub(crate) struct Listed<'a> {
    inner: &'a Inner,
    pub(crate) running: Running,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        lock(&self.inner.running).remove(&self.running.lease.job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what is over from a clock that is wrong for a while: nothing is forgotten by it.
    #[test]
    fn a_clock_that_jumps_is_noticed() {
        let then = (Instant::now(), 1_700_000_000_000);
        let (later, year) = (then.0 + PRUNE, 365 * 24 * JUMP_MS);
        let passed = u64::try_from(PRUNE.as_millis()).unwrap_or(u64::MAX);
        assert!(has_gone_on(then, later, then.1 + passed + 2_000));
        assert!(!has_gone_on(then, later, then.1 + passed + year));
        assert!(!has_gone_on(then, later, then.1 - year));
    }
}
