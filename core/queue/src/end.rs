//! How a worker's turn ends, by its own word or without one.

use super::base::{Disk, Trouble, Tx};
use super::error::QueueError;
use super::link::Row;
use super::state::{With, become_, json, lock};
use super::{End, Held, Lease, Queue, host};
use deepcoder_types::{FailureKind, JobFailure, JobResult, JobState};

/// How long a job waits before its second attempt, and at most before later ones.
const FIRST_HOLD_MS: u64 = 1_000;
const LONGEST_HOLD_MS: u64 = 300_000;

/// The message about a job whose worker has gone.
const DIED: &str = "its worker died";

impl Queue {
    /// End a worker's turn. Idempotent: a second call with the same lease changes nothing and returns the same.
    pub fn finish(&self, lease: &Lease, end: End, now_ms: u64) -> Result<Held, QueueError> {
        // A result that the user is asked to review must survive a power cut. After one, a worker finds every other
        // effect done, or repeats it.
        let disk = if matches!(end, End::Review(_)) { Disk::Now } else { Disk::Later };
        let held = self.base.transaction(disk, |tx| {
            let (seq, state, row) = match lock(tx, &lease.job) {
                Err(Trouble::Queue(QueueError::NotFound(_))) => return Ok(Held::Lost),
                found => found?,
            };
            if row.int("token")? != lease.token {
                return Ok(Held::Lost);
            }
            if state != JobState::Running {
                // Either the first call was committed and its answer was lost, or the lease expired and no other worker
                // has the job yet.
                return Ok(if tx.is_again() { Held::Yes } else { Held::Lost });
            }
            finish(tx, seq, &row, &end, now_ms)?;
            Ok(Held::Yes)
        })?;
        self.changed();
        Ok(held)
    }

    /// Take the jobs back whose lease has run out, or whose process on this machine is gone: they are queued again, or
    /// have failed if that was their last attempt. How many there were.
    pub fn expire(&self, now_ms: u64) -> Result<u32, QueueError> {
        let expired = self.base.transaction(Disk::Later, |tx| {
            let skip = tx.on_server(" FOR UPDATE SKIP LOCKED");
            let clock = tx.clock(1);
            let select = format!(
                "SELECT *, CAST(CASE WHEN lease_until <= {clock} THEN 1 ELSE 0 END AS BIGINT) AS late, \
                 CAST(CASE WHEN boot <> $2 OR lease_until - {clock} > lease_ms THEN 1 ELSE 0 END AS BIGINT) \
                 AS astray \
                 FROM job WHERE state = 'running' ORDER BY seq{skip}"
            );
            let mut expired = 0;
            for row in tx.rows(&select, &[tx.now(), tx.boot()])? {
                let gone = row.maybe_text("holder")?.is_some_and(|holder| host::is_gone(&holder));
                let (late, astray) = (row.int("late")? == 1, row.int("astray")? == 1);
                if gone || late || astray {
                    died(tx, &row, gone || late, now_ms)?;
                    expired += 1;
                }
            }
            Ok(expired)
        })?;
        if expired > 0 {
            self.changed();
        }
        Ok(expired)
    }
}

/// The worker of this job has gone. That counts as an attempt, unless a clock was put back, which makes it uncertain.
fn died(tx: &mut Tx<'_>, row: &Row, count: bool, now_ms: u64) -> Result<(), Trouble> {
    let seq = row.int("seq")?;
    let failure = JobFailure {
        message: DIED.into(),
        hint: Some("`deepcoder jobs logs` shows how far it came".into()),
        transient: true,
        kind: FailureKind::Other,
    };
    let spent = row.int("attempts")? >= row.int("max_attempts")?;
    if count && spent && row.text("back")? == "queued" && row.maybe_text("ask")?.is_none() {
        let with = With { reason: Some(DIED), failure: Some(&failure), ..With::default() };
        return become_(tx, seq, JobState::Failed, with, now_ms);
    }
    finish(tx, seq, row, &End::GiveBack { reason: DIED.into(), count }, now_ms)
}

fn finish(tx: &mut Tx<'_>, seq: i64, row: &Row, end: &End, now_ms: u64) -> Result<(), Trouble> {
    let ask = row.maybe_text("ask")?;
    let (cancel, pause) = (ask.as_deref() == Some("cancel"), ask.as_deref() == Some("pause"));
    let decision = row.text("back")? == "review";
    let nothing = With::default();
    match end {
        // A result that has landed is kept, even where the user has asked to cancel or pause meanwhile.
        End::Done(result) => {
            keep(tx, seq, result)?;
            become_(tx, seq, JobState::Done, nothing, now_ms)
        }
        End::Rejected => become_(tx, seq, JobState::Rejected, nothing, now_ms),
        _ if cancel => become_(tx, seq, JobState::Cancelled, nothing, now_ms),
        End::Review(result) => {
            keep(tx, seq, result)?;
            become_(tx, seq, JobState::Review, nothing, now_ms)
        }
        End::Failed(failure) => {
            let with = With { reason: Some(&failure.message), failure: Some(failure), ..nothing };
            let attempts = row.int("attempts")?;
            let to = match failure.transient {
                true if decision => JobState::Review,
                true if attempts < row.int("max_attempts")? && pause => JobState::Paused,
                true if attempts < row.int("max_attempts")? => {
                    let hold = hold(attempts);
                    let (due_ms, hold_ms) = (Some(now_ms.saturating_add(hold)), Some(hold));
                    return become_(tx, seq, JobState::Waiting, With { due_ms, hold_ms, ..with }, now_ms);
                }
                _ => JobState::Failed,
            };
            become_(tx, seq, to, with, now_ms)
        }
        End::GiveBack { reason, count } => {
            if !count && !decision {
                let update = "UPDATE job SET attempts = attempts - 1 WHERE seq = $1 AND attempts > 0";
                tx.run(update, &[seq.into()])?;
            }
            let to = match () {
                () if decision => JobState::Review,
                () if pause => JobState::Paused,
                () if *count && row.int("attempts")? >= row.int("max_attempts")? => {
                    let failure =
                        JobFailure { message: reason.clone(), hint: None, transient: true, kind: FailureKind::Other };
                    let with = With { reason: Some(reason), failure: Some(&failure), ..nothing };
                    return become_(tx, seq, JobState::Failed, with, now_ms);
                }
                () => JobState::Queued,
            };
            become_(tx, seq, to, With { reason: Some(reason), ..nothing }, now_ms)
        }
    }
}

fn keep(tx: &mut Tx<'_>, seq: i64, result: &JobResult) -> Result<(), Trouble> {
    let result = json(result)?;
    Ok(tx.run("UPDATE job SET result = $2, failure = NULL WHERE seq = $1", &[seq.into(), (&result).into()])?)
}

/// How long a job waits after its `attempts`-th attempt: a second, four, sixteen, …
fn hold(attempts: i64) -> u64 {
    let power = u32::try_from(attempts - 1).unwrap_or(0).min(10);
    FIRST_HOLD_MS.saturating_mul(4_u64.saturating_pow(power)).min(LONGEST_HOLD_MS)
}
