//! Background jobs and watched repositories, asked for over the socket.

use super::{CallError, Client};
use crate::service::{Added, JobCounts, Watched};
use crate::wire::{Body, JobOp, Op, WatchOp};
use deepcoder_types::{Cancel, Decision, Job, JobEvent, JobFilter, JobSpec};
use std::path::Path;
use std::time::Duration;

/// How long the daemon's database may take: longer than it waits for another process by itself.
pub(super) const DATABASE: Duration = Duration::from_secs(60);

/// An `id` is any prefix that names one job only.
impl Client {
    /// Add a job. When this returns it is on the disk.
    pub fn add_job(&mut self, spec: &JobSpec) -> Result<Added, CallError> {
        match self.ask(JobOp::Add { spec: Box::new(spec.clone()) })? {
            Body::Added(added) => Ok(*added),
            _ => Err(self.confused()),
        }
    }

    /// One job.
    pub fn job(&mut self, id: &str) -> Result<Job, CallError> {
        self.one(JobOp::Get { id: id.into() })
    }

    /// Those that match, newest first, without their diffs.
    pub fn jobs(&mut self, filter: &JobFilter) -> Result<Vec<Job>, CallError> {
        match self.ask(JobOp::List { filter: filter.clone() })? {
            Body::Jobs(jobs) => Ok(jobs),
            _ => Err(self.confused()),
        }
    }

    /// The events of a job behind number `after`, at most `limit`.
    pub fn events(&mut self, id: &str, after: u64, limit: u32) -> Result<Vec<JobEvent>, CallError> {
        match self.ask(JobOp::Events { id: id.into(), after, limit })? {
            Body::JobEvents(events) => Ok(events),
            _ => Err(self.confused()),
        }
    }

    /// Every event of a job behind number `after`, as it comes, until the job is over; then the job.
    /// [`CallError::Cancelled`] once `cancel` is set, which has no effect on the job.
    pub fn follow(
        &mut self,
        id: &str,
        after: u64,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(JobEvent),
    ) -> Result<Job, CallError> {
        let op = Op::Jobs(JobOp::Follow { id: id.into(), after });
        let result = self.call(op, cancel, None, &mut |part| {
            if let Body::JobEvent(event) = part {
                on_event(event);
            }
        });
        match result? {
            Body::Job(job) => Ok(*job),
            _ => Err(self.confused()),
        }
    }

    /// Cancel a job.
    pub fn cancel_job(&mut self, id: &str) -> Result<Job, CallError> {
        self.one(JobOp::Cancel { id: id.into() })
    }

    /// Try a job again that is over.
    pub fn retry_job(&mut self, id: &str) -> Result<Job, CallError> {
        self.one(JobOp::Retry { id: id.into() })
    }

    /// Hold a job back.
    pub fn pause_job(&mut self, id: &str) -> Result<Job, CallError> {
        self.one(JobOp::Pause { id: id.into() })
    }

    /// Let it go on.
    pub fn resume_job(&mut self, id: &str) -> Result<Job, CallError> {
        self.one(JobOp::Resume { id: id.into() })
    }

    /// Decide about a job's result.
    pub fn review_job(&mut self, id: &str, decision: &Decision) -> Result<Job, CallError> {
        self.one(JobOp::Review { id: id.into(), decision: decision.clone() })
    }

    /// How many jobs there are.
    pub fn job_counts(&mut self) -> Result<JobCounts, CallError> {
        match self.ask(JobOp::Counts)? {
            Body::JobCounts(counts) => Ok(counts),
            _ => Err(self.confused()),
        }
    }

    /// Watch the work tree at `root`, also after a restart of the daemon.
    pub fn watch(&mut self, root: &Path) -> Result<Watched, CallError> {
        let watched = self.watching(WatchOp::Add { root: root.to_owned() })?;
        match watched {
            Body::Watched(mut one) if one.len() == 1 => one.pop().ok_or_else(|| self.confused()),
            _ => Err(self.confused()),
        }
    }

    /// Watch it no more; `false` when it was not watched.
    pub fn unwatch(&mut self, root: &Path) -> Result<bool, CallError> {
        match self.watching(WatchOp::Remove { root: root.to_owned() })? {
            Body::Unwatched(was) => Ok(was),
            _ => Err(self.confused()),
        }
    }

    /// The watched repositories.
    pub fn watched(&mut self) -> Result<Vec<Watched>, CallError> {
        match self.watching(WatchOp::List)? {
            Body::Watched(list) => Ok(list),
            _ => Err(self.confused()),
        }
    }

    fn one(&mut self, op: JobOp) -> Result<Job, CallError> {
        match self.ask(op)? {
            Body::Job(job) => Ok(*job),
            _ => Err(self.confused()),
        }
    }

    fn ask(&mut self, op: JobOp) -> Result<Body, CallError> {
        self.call(Op::Jobs(op), &Cancel::new(), Some(DATABASE), &mut |_| {})
    }

    fn watching(&mut self, op: WatchOp) -> Result<Body, CallError> {
        self.call(Op::Watching(op), &Cancel::new(), Some(DATABASE), &mut |_| {})
    }
}
