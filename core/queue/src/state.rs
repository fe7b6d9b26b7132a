//! Rows of jobs, and what every change of a job does besides: it is written down, and the jobs that wait for it are looked
//! at.

use super::base::{Trouble, Tx};
use super::error::QueueError;
use super::link::{Arg, Row};
use deepcoder_types::{FailureKind, Job, JobFailure, JobHappening, JobId, JobState};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The columns that [`job`] reads.
pub(super) const COLUMNS: &str = "id, state, spec, attempts, created_ms, started_ms, finished_ms, due_ms, worker, \
                                  progress, result, failure, template";

pub(super) fn job(row: &Row) -> Result<Job, QueueError> {
    let number = |column| Ok::<_, QueueError>(row.maybe_int(column)?.map(i64::cast_unsigned));
    Ok(Job {
        id: JobId(row.text("id")?),
        spec: parse(&row.text("spec")?)?,
        state: state(row)?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
        created_ms: row.int("created_ms")?.cast_unsigned(),
        started_ms: number("started_ms")?,
        finished_ms: number("finished_ms")?,
        due_ms: number("due_ms")?,
        worker: row.maybe_text("worker")?,
        progress: maybe(row, "progress")?,
        result: maybe(row, "result")?,
        failure: maybe(row, "failure")?,
        template: row.maybe_text("template")?.map(JobId),
    })
}

pub(super) fn state(row: &Row) -> Result<JobState, QueueError> {
    let text = row.text("state")?;
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|e| QueueError::Corrupt(format!("a state cannot be read: {e}")))
}

fn maybe<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Option<T>, QueueError> {
    row.maybe_text(column)?.map(|text| parse(&text)).transpose()
}

pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, QueueError> {
    serde_json::from_str(text).map_err(|e| QueueError::Corrupt(format!("a job cannot be read: {e}")))
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String, QueueError> {
    // PostgreSQL's text holds anything but NUL, which JSON escapes.
    serde_json::to_string(value).map_err(|e| QueueError::Invalid(e.to_string()))
}

/// The row of a job, locked until the transaction ends, so that the caller can change it.
pub(super) fn lock(tx: &mut Tx<'_>, id: &JobId) -> Result<(i64, JobState, Row), Trouble> {
    let lock = tx.on_server(" FOR UPDATE");
    let select = format!("SELECT * FROM job WHERE id = $1{lock}");
    let row = tx.row(&select, &[(&id.0).into()])?.ok_or_else(|| QueueError::NotFound(id.0.clone()))?;
    Ok((row.int("seq")?, state(&row)?, row))
}

/// Write down what happened to a job.
pub(super) fn happened(tx: &mut Tx<'_>, seq: i64, what: &[JobHappening], now_ms: u64) -> Result<(), Trouble> {
    let count = u64::try_from(what.len()).unwrap_or(u64::MAX);
    tx.run("UPDATE job SET events = events + $2 WHERE seq = $1", &[seq.into(), count.into()])?;
    for (after, what) in (0..count).rev().zip(what) {
        event(tx, seq, after, what, now_ms)?;
    }
    Ok(())
}

/// Write down an event that the caller has counted, and after it `after` others.
pub(super) fn event(tx: &mut Tx<'_>, seq: i64, after: u64, what: &JobHappening, now_ms: u64) -> Result<(), Trouble> {
    let what = json(what)?;
    let insert = "INSERT INTO event (job, n, at_ms, what) \
                  VALUES ($1, (SELECT events FROM job WHERE seq = $1) - $2, $3, $4)";
    Ok(tx.run(insert, &[seq.into(), after.into(), now_ms.into(), (&what).into()])?)
}

/// The other columns that change with the state of a job.
#[derive(Clone, Copy, Default)]
pub(super) struct With<'a> {
    pub(super) reason: Option<&'a str>,
    pub(super) failure: Option<&'a JobFailure>,
    /// When it is due, and how long it is held until then.
    pub(super) due_ms: Option<u64>,
    pub(super) hold_ms: Option<u64>,
}

/// Bring a job into another state. No worker has it from then on, and the jobs that depend on it are updated.
pub(super) fn become_(tx: &mut Tx<'_>, seq: i64, to: JobState, with: With<'_>, now_ms: u64) -> Result<(), Trouble> {
    shift(tx, seq, to, with, now_ms)?;
    if to.is_over() { dependents(tx, seq, now_ms) } else { Ok(()) }
}

fn shift(tx: &mut Tx<'_>, seq: i64, to: JobState, with: With<'_>, now_ms: u64) -> Result<(), Trouble> {
    let failure = with.failure.map(json).transpose()?;
    let update = "UPDATE job SET state = $2, failure = coalesce($3, failure), due_ms = $4, hold_ms = $5, \
                  finished_ms = $6, worker = NULL, holder = NULL, grip = NULL, lease_until = NULL, lease_ms = NULL, \
                  boot = NULL, ask = NULL, events = events + 1 WHERE seq = $1";
    let finished = to.is_over().then_some(now_ms);
    let args: [Arg<'_>; 6] = [
        seq.into(),
        to.name().into(),
        failure.as_deref().into(),
        with.due_ms.into(),
        with.hold_ms.into(),
        finished.into(),
    ];
    tx.run(update, &args)?;
    if matches!(to, JobState::Done | JobState::Rejected | JobState::Failed | JobState::Cancelled) {
        tx.run("DELETE FROM result WHERE job = $1", &[seq.into()])?;
    }
    event(tx, seq, 0, &JobHappening::State { to, reason: with.reason.map(str::to_owned) }, now_ms)
}

/// Look at the jobs that wait for one that is over, and at those that wait for them.
fn dependents(tx: &mut Tx<'_>, seq: i64, now_ms: u64) -> Result<(), Trouble> {
    let mut over = vec![seq];
    while let Some(seq) = over.pop() {
        let waiting = "SELECT job FROM dependency WHERE needs = $1 ORDER BY job";
        for row in tx.rows(waiting, &[seq.into()])? {
            let waiter = row.int("job")?;
            if settle(tx, waiter, now_ms)? == JobState::Failed {
                over.push(waiter);
            }
        }
    }
    Ok(())
}

/// Queue a waiting job whose time has come and whose needs are done, or fail it when one of them never will be. Its state.
pub(super) fn settle(tx: &mut Tx<'_>, seq: i64, now_ms: u64) -> Result<JobState, Trouble> {
    let lock = tx.on_server(" FOR UPDATE");
    let select = format!("SELECT state, due_ms, hold_ms FROM job WHERE seq = $1{lock}");
    let Some(row) = tx.row(&select, &[seq.into()])? else { return Ok(JobState::Cancelled) };
    let found = state(&row)?;
    if found != JobState::Waiting {
        // Only the caller that made it fail goes on from here.
        return Ok(if found == JobState::Failed { JobState::Cancelled } else { found });
    }
    let needs = "SELECT n.id, n.state FROM dependency d JOIN job n ON n.seq = d.needs \
                 WHERE d.job = $1 AND n.state <> 'done' ORDER BY n.seq";
    let mut open = false;
    for need in tx.rows(needs, &[seq.into()])? {
        let (id, how) = (need.text("id")?, state(&need)?);
        if how.is_over() {
            let message = format!("job {id}, which it waits for, is {}", how.name());
            let hint = Some(format!("`deepcoder jobs retry {id}`, then retry this one"));
            let failure = JobFailure { message: message.clone(), hint, transient: false, kind: FailureKind::Other };
            let with = With { reason: Some(&message), failure: Some(&failure), ..With::default() };
            shift(tx, seq, JobState::Failed, with, now_ms)?;
            return Ok(JobState::Failed);
        }
        open = true;
    }
    let hold = row.maybe_int("hold_ms")?;
    let due = row.maybe_int("due_ms")?.is_none_or(|due| {
        let left = due.saturating_sub_unsigned(now_ms);
        left <= 0 || hold.is_some_and(|hold| left > hold)
    });
    if open || !due {
        return Ok(JobState::Waiting);
    }
    shift(tx, seq, JobState::Queued, With::default(), now_ms)?;
    Ok(JobState::Queued)
}
