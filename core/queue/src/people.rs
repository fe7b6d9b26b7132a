//! The users' calls. Their effect is on the disk when they return.

use super::base::{Disk, Trouble, Tx};
use super::error::QueueError;
use super::link::Row;
use super::state::{COLUMNS, With, become_, happened, job, lock, parse, settle};
use super::work::{Taking, take};
use super::{Claim, Queue};
use deepcoder_types::{Job, JobHappening, JobId, JobSpec, JobState, Schedule};
use std::time::Duration;

impl Queue {
    /// Cancel a job that is not over. Of one that runs the worker is told by its next heartbeat.
    pub fn cancel(&self, id: &JobId, now_ms: u64) -> Result<Job, QueueError> {
        self.change(id, now_ms, |tx, seq, state, row| match state {
            JobState::Running => ask(tx, seq, row, "cancel", now_ms),
            // Already done by an earlier call.
            JobState::Cancelled => Ok(()),
            state if state.is_over() => Err(wrong(id, state)),
            _ => become_(tx, seq, JobState::Cancelled, With::default(), now_ms),
        })
    }

    /// Try a job again that has failed, or was cancelled or rejected: as often as a new one, and from the beginning.
    pub fn retry(&self, id: &JobId, now_ms: u64) -> Result<Job, QueueError> {
        self.change(id, now_ms, |tx, seq, state, row| {
            if !matches!(state, JobState::Failed | JobState::Cancelled | JobState::Rejected) {
                return Err(wrong(id, state));
            }
            let anew = "UPDATE job SET attempts = 0, back = 'queued', progress = NULL, result = NULL, failure = NULL \
                        WHERE seq = $1";
            tx.run(anew, &[seq.into()])?;
            begin(tx, seq, row, "tried again", now_ms)
        })
    }

    /// Hold a job back. Of one that runs the worker is told by its next heartbeat.
    pub fn pause(&self, id: &JobId, now_ms: u64) -> Result<Job, QueueError> {
        self.change(id, now_ms, |tx, seq, state, row| match state {
            JobState::Running => ask(tx, seq, row, "pause", now_ms),
            JobState::Paused => Ok(()),
            JobState::Waiting | JobState::Queued | JobState::Scheduled => {
                let due_ms = row.maybe_int("due_ms")?.map(i64::cast_unsigned);
                let hold_ms = row.maybe_int("hold_ms")?.map(i64::cast_unsigned);
                become_(tx, seq, JobState::Paused, With { due_ms, hold_ms, ..With::default() }, now_ms)
            }
            state => Err(wrong(id, state)),
        })
    }

    /// Let a job go on that was held back.
    pub fn resume(&self, id: &JobId, now_ms: u64) -> Result<Job, QueueError> {
        self.change(id, now_ms, |tx, seq, state, row| match state {
            JobState::Paused => begin(tx, seq, row, "resumed", now_ms),
            JobState::Running if row.maybe_text("ask")?.as_deref() == Some("pause") => {
                Ok(tx.run("UPDATE job SET ask = NULL WHERE seq = $1", &[seq.into()])?)
            }
            state => Err(wrong(id, state)),
        })
    }

    /// Take a job whose result waits for a decision, to carry it out. `who` is named as its worker meanwhile.
    pub fn take_review(&self, id: &JobId, who: &str, lease: Duration, now_ms: u64) -> Result<Claim, QueueError> {
        let taking = Taking::new(who, lease, now_ms);
        let claim = self.base.transaction(Disk::Later, |tx| {
            let (seq, state, _) = lock(tx, id)?;
            if state == JobState::Review { take(tx, seq, taking, false) } else { Err(wrong(id, state)) }
        })?;
        self.changed();
        Ok(claim)
    }

    fn change(
        &self,
        id: &JobId,
        _now_ms: u64,
        mut how: impl FnMut(&mut Tx<'_>, i64, JobState, &Row) -> Result<(), Trouble> + Send,
    ) -> Result<Job, QueueError> {
        let changed = self.base.transaction(Disk::Now, |tx| {
            let (seq, state, row) = lock(tx, id)?;
            how(tx, seq, state, &row)?;
            let select = format!("SELECT {COLUMNS} FROM job WHERE seq = $1");
            let row = tx.row(&select, &[seq.into()])?.ok_or(sqlx::Error::RowNotFound)?;
            Ok(job(&row)?)
        })?;
        self.changed();
        Ok(changed)
    }
}

fn wrong(id: &JobId, state: JobState) -> Trouble {
    QueueError::WrongState { id: id.0.clone(), state }.into()
}

/// Ask the worker for something, and record the request in the job's log.
fn ask(tx: &mut Tx<'_>, seq: i64, row: &Row, what: &str, now_ms: u64) -> Result<(), Trouble> {
    let asked = row.maybe_text("ask")?;
    if asked.as_deref() == Some(what) || asked.as_deref() == Some("cancel") {
        return Ok(());
    }
    tx.run("UPDATE job SET ask = $2 WHERE seq = $1", &[seq.into(), what.into()])?;
    let message = if what == "cancel" { "cancel requested" } else { "pause requested" };
    let line = JobHappening::Log { level: "info".into(), message: message.into() };
    happened(tx, seq, &[line], now_ms)
}

/// Put a job where it would be if it were new.
fn begin(tx: &mut Tx<'_>, seq: i64, row: &Row, reason: &str, now_ms: u64) -> Result<(), Trouble> {
    let spec: JobSpec = parse(&row.text("spec")?)?;
    let (due, hold) = (row.maybe_int("due_ms")?, row.maybe_int("hold_ms")?);
    let due_ms = match spec.schedule {
        Schedule::At(due) if due > now_ms => Some(due),
        _ => due.map(i64::cast_unsigned),
    };
    let with = With { reason: Some(reason), due_ms, hold_ms: hold.map(i64::cast_unsigned), ..With::default() };
    if matches!(spec.schedule, Schedule::Cron(_) | Schedule::Change) {
        return become_(tx, seq, JobState::Scheduled, with, now_ms);
    }
    become_(tx, seq, JobState::Waiting, with, now_ms)?;
    settle(tx, seq, now_ms).map(drop)
}
