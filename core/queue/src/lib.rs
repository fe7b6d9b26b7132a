//! The durable queue of background jobs, in SQLite or in PostgreSQL, with the same behaviour in both.
//!
//! A worker takes a job by [`Queue::claim`] and has it under a [`Lease`] for as long as it sends heartbeats. When the
//! lease runs out, or its process is gone, the job is taken by another one, with a greater token; from then on whatever the
//! first one does is answered by [`Held::Lost`] and changes nothing.
//!
//! **Invariant:** what a person was told is on the disk: that a job is there, is cancelled, is up for review. In SQLite
//! these calls do not wait for the disk: [`Queue::claim`], [`Queue::heartbeat`], [`Queue::still_held`],
//! [`Queue::note`], and [`Queue::finish`] for all but a review. A power cut that takes the newest of them leaves a job
//! that is queued or running under the lease of a boot that is over, and it is tried again. Nothing is lost by that,
//! and nothing is done twice: all its workers are gone too, and the next worker looks first whether the job's effect is
//! there. The log is one file, so what waits makes durable whatever came before it. A server's workers outlive its
//! power cut, and a token that was given out must not be given out again: in PostgreSQL every call waits.
//!
//! **Invariant:** a lease does not depend on the calendar. SQLite's are judged by the time since the machine was started,
//! PostgreSQL's by its server's clock; one that would end later than its own length from now is over, so that a clock that
//! was put back keeps no job.

mod add;
mod base;
mod change;
mod end;
mod error;
mod host;
mod link;
mod people;
mod postgres;
mod read;
mod roots;
mod state;
mod time;
mod work;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write to temporary folders")]
mod tests;

pub use error::{OpenQueueError, QueueError};

use base::Base;
use change::Changes;
use deepcoder_types::{Job, JobFailure, JobId, JobResult};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The most bytes that [`Queue::save`] takes.
pub const MAX_RESULT: usize = 64 << 20;

/// Where a queue is.
#[derive(Clone, PartialEq, Eq)]
pub enum QueuePlace {
    /// In this file.
    Sqlite(PathBuf),
    /// On the server that this URL names.
    Postgres(String),
}

impl QueuePlace {
    /// The PostgreSQL database at `url`, if that is an address of one. It opens no connection yet.
    pub fn server(url: &str) -> Result<Self, OpenQueueError> {
        postgres::Server::parse(url)?;
        Ok(Self::Postgres(url.to_owned()))
    }
}

impl fmt::Display for QueuePlace {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => f.write_str(&postgres::without_password(url)),
        }
    }
}

impl fmt::Debug for QueuePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueuePlace({self})")
    }
}

/// An open queue. Calls block; they may be made from any thread.
pub struct Queue {
    base: Base,
    changes: Arc<Changes>,
    listener: Option<postgres::Listener>,
    place: QueuePlace,
    replaced: Option<PathBuf>,
    /// How SQLite's log was when it was last looked at.
    log: Mutex<Option<(u64, SystemTime)>>,
}

/// A job that was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The job.
    pub job: Job,
    /// The claim to it.
    pub lease: Lease,
}

/// A worker's claim to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// A fencing token, greater than that of the worker before.
    pub token: i64,
}

/// The worker's next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Go on.
    GoOn,
    /// End: the job was cancelled. [`Queue::finish`] is still due, with the result if there is one.
    Cancel,
    /// End, and give the job back by [`Queue::finish`].
    Pause,
    /// End: the lease is lost to another worker, or has expired.
    Lost,
}

/// Whether a job was still the worker's; if not, nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It was.
    Yes,
    /// It was not.
    Lost,
}

/// How a worker's turn ends.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It is done.
    Done(JobResult),
    /// Its result waits for a decision; the edit set was given to [`Queue::save`].
    Review(JobResult),
    /// Its result was rejected.
    Rejected,
    /// It failed. Where that is transient and attempts are left, it waits for a while and is queued again; a job that was
    /// taken for a decision goes back to waiting for one.
    Failed(JobFailure),
    /// It is not done, and not to blame for it: back to where it was taken from.
    GiveBack {
        /// Why, in words.
        reason: String,
        /// Whether this was one of its attempts.
        count: bool,
    },
}

/// Whose jobs a worker takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repositories {
    /// Everybody's.
    Any,
    /// Those of these roots, on this machine.
    Only(Vec<PathBuf>),
}

/// How many jobs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// That wait for their time or for others, are held back, or are templates.
    pub waiting: u64,
    /// That can be taken.
    pub queued: u64,
    /// That run.
    pub running: u64,
    /// That wait for a decision.
    pub review: u64,
}

impl Queue {
    /// Open the queue, making it and bringing its schema up to date where needed.
    ///
    /// A damaged file is moved aside, with a note next to it, and a new one begun: see [`Queue::replaced`].
    pub fn open(place: &QueuePlace) -> Result<Self, OpenQueueError> {
        let changes = Arc::new(Changes::default());
        let (base, listener, replaced) = match place {
            QueuePlace::Sqlite(path) => {
                let (base, replaced) = Base::sqlite(path)?;
                (base, None, replaced)
            }
            QueuePlace::Postgres(url) => {
                let server = postgres::Server::parse(url)?;
                let base = Base::postgres(server.clone())?;
                let listener = postgres::Listener::start(server, changes.clone());
                (base, Some(listener), None)
            }
        };
        Ok(Self { base, changes, listener, place: place.clone(), replaced, log: Mutex::default() })
    }

    /// Where it is. Shown without the password.
    #[must_use]
    pub const fn place(&self) -> &QueuePlace {
        &self.place
    }

    /// Where the damaged file went, when [`Queue::open`] found one. The jobs in it are lost to the queue.
    #[must_use]
    pub fn replaced(&self) -> Option<&Path> {
        self.replaced.as_deref()
    }

    /// Whether its file was found to be damaged since it was opened. It answers nothing from then on; [`Queue::open`] moves
    /// the file aside and begins a new one.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.base.is_damaged()
    }

    /// Wait until something has changed since `seen`, or for `timeout`; what to give as `seen` the next time. Changes of
    /// this process are noticed at once, those of others within 200 ms, and where nothing has changed for a while within a
    /// second. It may return without a change.
    #[must_use]
    pub fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        match &self.listener {
            Some(_) => self.changes.wait(seen, timeout, None),
            None => self.changes.wait(seen, timeout, Some(&|| self.others_changed())),
        }
    }

    /// Wake the threads in [`Queue::wait`], as a change does.
    pub fn wake(&self) {
        self.changes.bump();
    }

    /// Whether another process has changed the file. Every commit writes to the log, and a look at that file costs a
    /// hundredth of a query: this is asked several times a second for as long as the daemon runs.
    fn others_changed(&self) -> bool {
        let QueuePlace::Sqlite(path) = &self.place else { return false };
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        let now = std::fs::metadata(log).and_then(|log| Ok((log.len(), log.modified()?))).ok();
        let before = std::mem::replace(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner), now);
        (now.is_none() || now != before) && self.base.others_changed()
    }

    /// Whose paths are meant: on a server, which others may share, those of this machine.
    fn machine(&self) -> String {
        if self.listener.is_some() { host::machine() } else { String::new() }
    }

    /// A change was committed.
    fn changed(&self) {
        self.changes.bump();
        if let Some(listener) = &self.listener {
            listener.tell();
        }
    }
}
