//! The jobs of the daemon, as clients see them.

use crate::check::check;
use crate::error::{open, queue as told};
use crate::review;
use crate::worker::{Running, Wake, Why, keep, lock, work};
use deepcoder_profile::Profile;
use deepcoder_protocol::{Added, Failure, JobCounts, Jobs, Models, OnChange};
use deepcoder_queue::{Queue, QueueError, QueuePlace, Repositories};
use deepcoder_types::{Cancel, Decision, Job, JobEvent, JobFilter, JobId, JobSpec};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The clock: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How jobs are done.
#[derive(Clone)]
pub struct Options {
    /// Whose folders and settings they have.
    pub profile: Profile,
    /// The clock.
    pub now_ms: Clock,
    /// How many run at once: one reads and checks while another one asks the model.
    pub workers: usize,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new(profile: Profile, now_ms: Clock) -> Self {
        Self { profile, now_ms, workers: 2 }
    }
}

/// Background jobs on the queue of the settings.
pub struct JobService {
    inner: Arc<Inner>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

pub(crate) struct Inner {
    pub(crate) options: Options,
    place: QueuePlace,
    queue: Mutex<Option<Arc<Queue>>>,
    /// Where the last damaged file went.
    aside: Mutex<Option<PathBuf>>,
    pub(crate) stop: Cancel,
    pub(crate) running: Mutex<HashMap<JobId, Running>>,
    pub(crate) wake: Wake,
}

impl JobService {
    /// Nothing is opened yet, and nothing runs before [`Jobs::start`].
    #[must_use]
    pub fn new(options: Options) -> Self {
        let file = || QueuePlace::Sqlite(options.profile.folders().state.join("jobs.db"));
        let place = options.profile.settings().store.clone().unwrap_or_else(file);
        let inner = Inner {
            options,
            place,
            queue: Mutex::default(),
            aside: Mutex::default(),
            stop: Cancel::new(),
            running: Mutex::default(),
            wake: Wake::default(),
        };
        Self { inner: Arc::new(inner), threads: Mutex::default() }
    }

    /// Opens the queue for services that keep their own tables beside it. It opens at the first call; where that fails,
    /// every later call tries again.
    #[must_use]
    pub fn queue(&self) -> Box<dyn Fn() -> Result<Arc<Queue>, Failure> + Send + Sync> {
        let inner = Arc::clone(&self.inner);
        Box::new(move || inner.queue())
    }

    fn id(&self, prefix: &str) -> Result<(Arc<Queue>, Job), Failure> {
        let queue = self.inner.queue()?;
        let job = queue.get(prefix).map_err(|error| told(&error))?;
        Ok((queue, job))
    }

    /// Do `how` to a job, and end its run if it runs here.
    fn change(
        &self,
        id: &str,
        why: Option<Why>,
        how: impl FnOnce(&Queue, &JobId, u64) -> Result<Job, QueueError>,
    ) -> Result<Job, Failure> {
        let (queue, job) = self.id(id)?;
        let changed = how(&queue, &job.id, self.inner.now_ms()).map_err(|error| told(&error))?;
        if let Some(why) = why {
            self.inner.interrupt(&changed, why);
        }
        Ok(changed)
    }
}

impl Inner {
    pub(crate) fn now_ms(&self) -> u64 {
        (self.options.now_ms)()
    }

    /// The queue; a new one, where the file was found to be damaged.
    pub(crate) fn queue(&self) -> Result<Arc<Queue>, Failure> {
        let mut there = lock(&self.queue);
        if let Some(queue) = there.as_ref().filter(|queue| !queue.is_damaged()) {
            return Ok(Arc::clone(queue));
        }
        *there = None;
        let queue = Arc::new(Queue::open(&self.place).map_err(|error| open(&error))?);
        if let Some(aside) = queue.replaced() {
            *lock(&self.aside) = Some(aside.to_owned());
        }
        *there = Some(Arc::clone(&queue));
        Ok(queue)
    }

    /// A folder of ours for work trees.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.options.profile.folders().state.join("jobs")
    }

    /// Whether nothing can be taken without a change of the queue. Those of a server also wait for folders.
    pub(crate) const fn hears_of_all(&self) -> bool {
        matches!(self.place, QueuePlace::Sqlite(_))
    }

    /// Whose jobs are taken here. A file is this machine's alone; a server may be shared.
    pub(crate) fn repositories(&self, queue: &Queue) -> Result<Repositories, QueueError> {
        match &self.place {
            QueuePlace::Sqlite(_) => Ok(Repositories::Any),
            QueuePlace::Postgres(_) => {
                let mut roots = queue.queued_roots()?;
                roots.retain(|root| root.join(".git").exists());
                Ok(Repositories::Only(roots))
            }
        }
    }
}

impl Jobs for JobService {
    fn start(&self, models: Arc<dyn Models>, on_change: OnChange) -> Result<(), Failure> {
        let mut threads = lock(&self.threads);
        let inner = Arc::clone(&self.inner);
        let keeper = std::thread::Builder::new().name("jobs".into()).spawn(move || keep(&inner, &on_change));
        threads.extend(keeper);
        for number in 0..self.inner.options.workers {
            let (inner, models) = (Arc::clone(&self.inner), Arc::clone(&models));
            let name = format!("{}-{number}", std::process::id());
            let worker = std::thread::Builder::new().name(format!("job-{number}"));
            threads.extend(worker.spawn(move || work(&inner, &name, &*models)));
        }
        // The workers retry a queue that cannot be opened now, so that the other services need not wait for it.
        self.inner.queue().map(drop)
    }

    fn stop(&self) {
        self.inner.stop.cancel();
        lock(&self.inner.running).values().for_each(|running| running.end(Why::Stop));
        self.inner.wake.all();
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            _ = thread.join();
        }
    }

    fn add(&self, spec: JobSpec) -> Result<Added, Failure> {
        let now_ms = self.inner.now_ms();
        let spec = check(spec, now_ms)?;
        let (job, existed) = self.inner.queue()?.add(&spec, now_ms).map_err(|error| told(&error))?;
        Ok(Added { job, existed })
    }

    fn get(&self, id: &str) -> Result<Job, Failure> {
        Ok(self.id(id)?.1)
    }

    fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, Failure> {
        self.inner.queue()?.list(filter).map_err(|error| told(&error))
    }

    fn events(&self, id: &str, after: u64, limit: u32) -> Result<Vec<JobEvent>, Failure> {
        let (queue, job) = self.id(id)?;
        queue.events(&job.id, after, limit).map_err(|error| told(&error))
    }

    fn cancel(&self, id: &str) -> Result<Job, Failure> {
        self.change(id, Some(Why::Cancel), Queue::cancel)
    }

    fn retry(&self, id: &str) -> Result<Job, Failure> {
        self.change(id, None, Queue::retry)
    }

    fn pause(&self, id: &str) -> Result<Job, Failure> {
        self.change(id, Some(Why::Pause), Queue::pause)
    }

    fn resume(&self, id: &str) -> Result<Job, Failure> {
        self.change(id, None, Queue::resume)
    }

    fn review(&self, id: &str, decision: &Decision) -> Result<Job, Failure> {
        let (queue, job) = self.id(id)?;
        review::review(&self.inner, &queue, &job, decision)?;
        self.get(&job.id.0)
    }

    fn place(&self) -> Option<String> {
        Some(self.inner.place.to_string())
    }

    fn counts(&self) -> Result<JobCounts, Failure> {
        let counts = self.inner.queue()?.counts().map_err(|error| told(&error))?;
        let (waiting, queued) = (counts.waiting, counts.queued);
        let damaged = lock(&self.inner.aside).clone();
        Ok(JobCounts { waiting, queued, running: counts.running, review: counts.review, damaged })
    }
}
