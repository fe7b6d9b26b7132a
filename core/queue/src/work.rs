//! The workers' calls before a job ends: claim, heartbeat, progress.

use super::base::{Disk, Trouble, Tx};
use super::error::QueueError;
use super::link::{Arg, Row};
use super::state::{COLUMNS, event, happened, job, json};
use super::{Beat, Claim, Held, Lease, MAX_RESULT, Queue, Repositories, host};
use deepcoder_types::{JobHappening, JobId, JobProgress, JobResult, JobState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Numbers the claims of this process.
static GRIPS: AtomicI64 = AtomicI64::new(1);

/// A claim on its way.
#[derive(Clone, Copy)]
pub(super) struct Taking<'a> {
    worker: &'a str,
    lease: Duration,
    grip: i64,
    now_ms: u64,
}

impl<'a> Taking<'a> {
    pub(super) fn new(worker: &'a str, lease: Duration, now_ms: u64) -> Self {
        Self { worker, lease, grip: GRIPS.fetch_add(1, Ordering::Relaxed), now_ms }
    }
}

impl Queue {
    /// Take a job: of the highest priority, then of the repository that was served longest ago, then the oldest.
    pub fn claim(
        &self,
        worker: &str,
        repositories: &Repositories,
        lease: Duration,
        now_ms: u64,
    ) -> Result<Option<Claim>, QueueError> {
        let taking = Taking::new(worker, lease, now_ms);
        let claim = self.base.transaction(Disk::Later, |tx| {
            if tx.is_again()
                && let Some(claim) = taken(tx, taking)?
            {
                return Ok(Some(claim));
            }
            for (repository, oldest) in turn(tx, repositories)? {
                // On a server another may have it already, and this worker the next one.
                let seq = match oldest {
                    Some(seq) => Some(seq),
                    None => tx.row(SKIPPING, &[repository.into()])?.map(|row| row.int("seq")).transpose()?,
                };
                if let Some(seq) = seq {
                    return take(tx, seq, taking, true).map(Some);
                }
            }
            Ok(None)
        })?;
        if claim.is_some() {
            self.changed();
        }
        Ok(claim)
    }

    /// Say that the worker is alive: the lease ends `extend` from now. An expired lease stays valid until another
    /// worker's call finds that it has expired.
    pub fn heartbeat(&self, lease: &Lease, extend: Duration) -> Result<Beat, QueueError> {
        self.base.transaction(Disk::Later, |tx| {
            tx.flush()?;
            let update = format!(
                "UPDATE job SET lease_until = {} + $4, lease_ms = $4, boot = $5 \
                 WHERE id = $1 AND token = $2 AND state = 'running' RETURNING ask",
                tx.clock(3)
            );
            let args = [(&lease.job.0).into(), lease.token.into(), tx.now(), millis(extend).into(), tx.boot()];
            let Some(row) = tx.row(&update, &args)? else { return Ok(Beat::Lost) };
            Ok(match row.maybe_text("ask")?.as_deref() {
                Some("cancel") => Beat::Cancel,
                Some(_) => Beat::Pause,
                None => Beat::GoOn,
            })
        })
    }

    /// Whether the worker may write its effect: the job is its own and was not cancelled. To be asked right before the
    /// write; if so, the lease begins anew, so that there is a whole one for it.
    pub fn still_held(&self, lease: &Lease) -> Result<bool, QueueError> {
        self.base.transaction(Disk::Later, |tx| {
            tx.flush()?;
            let update = format!(
                "UPDATE job SET lease_until = {} + lease_ms, boot = $4 WHERE id = $1 AND token = $2 \
                 AND state = 'running' AND (ask IS NULL OR ask <> 'cancel') RETURNING seq",
                tx.clock(3)
            );
            let args = [(&lease.job.0).into(), lease.token.into(), tx.now(), tx.boot()];
            Ok(tx.row(&update, &args)?.is_some())
        })
    }

    /// Write down progress and lines of the log.
    pub fn note(&self, lease: &Lease, happenings: &[JobHappening], now_ms: u64) -> Result<Held, QueueError> {
        let newest = happenings.iter().rev().find_map(|what| match what {
            JobHappening::Progress(progress) => Some(progress),
            _ => None,
        });
        let newest = newest.map(json::<JobProgress>).transpose()?;
        let held = self.base.transaction(Disk::Later, |tx| {
            let Some(seq) = own(tx, lease)? else { return Ok(Held::Lost) };
            if let Some(progress) = &newest {
                tx.run("UPDATE job SET progress = $2 WHERE seq = $1", &[seq.into(), progress.into()])?;
            }
            happened(tx, seq, happenings, now_ms)?;
            Ok(Held::Yes)
        })?;
        self.changed();
        Ok(held)
    }

    /// Keep what the job came to: its edit set, for a review, and for another attempt that lands the same and asks no
    /// model again. Durable when it returns.
    pub fn save(&self, lease: &Lease, result: &JobResult, bytes: &[u8], now_ms: u64) -> Result<Held, QueueError> {
        if bytes.len() > MAX_RESULT {
            return Err(QueueError::TooLarge(bytes.len()));
        }
        let result = json(result)?;
        let line =
            JobHappening::Log { level: "debug".into(), message: format!("kept a result of {} bytes", bytes.len()) };
        let held = self.base.transaction(Disk::Now, |tx| {
            let Some(seq) = own(tx, lease)? else { return Ok(Held::Lost) };
            tx.run("UPDATE job SET result = $2 WHERE seq = $1", &[seq.into(), (&result).into()])?;
            let keep = "INSERT INTO result (job, bytes) VALUES ($1, $2) \
                        ON CONFLICT (job) DO UPDATE SET bytes = excluded.bytes";
            tx.run(keep, &[seq.into(), Arg::Bytes(bytes)])?;
            happened(tx, seq, std::slice::from_ref(&line), now_ms)?;
            Ok(Held::Yes)
        })?;
        self.changed();
        Ok(held)
    }

    /// The stored result of a job that has not landed yet.
    pub fn saved(&self, id: &JobId) -> Result<Option<Vec<u8>>, QueueError> {
        self.base.transaction(Disk::Read, |tx| {
            let select = "SELECT bytes FROM result WHERE job = (SELECT seq FROM job WHERE id = $1)";
            Ok(tx.row(select, &[(&id.0).into()])?.map(|row| row.bytes("bytes")).transpose()?)
        })
    }
}

/// The oldest job of the highest priority of a repository, without those that other workers are claiming at this
/// moment.
const SKIPPING: &str = "SELECT seq FROM job WHERE state = 'queued' AND repository = $1 ORDER BY priority DESC, seq LIMIT 1 \
                        FOR UPDATE SKIP LOCKED";

/// The repositories that have something to take, in the order in which they are served; in SQLite, where there is one
/// writer, only the first of them, and with it what to take.
fn turn(tx: &mut Tx<'_>, repositories: &Repositories) -> Result<Vec<(i64, Option<i64>)>, Trouble> {
    let mut only = String::new();
    if let Repositories::Only(roots) = repositories {
        let mut ids = Vec::new();
        for root in roots.iter().filter_map(|root| root.to_str()) {
            let machine = tx.machine();
            let find = "SELECT id FROM repository WHERE root = $1 AND machine = $2";
            let row = tx.row(find, &[root.into(), (&machine).into()])?;
            ids.extend(row.map(|row| row.int("id")).transpose()?.map(|id| id.to_string()));
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        only = format!("WHERE r.id IN ({})", ids.join(", "));
    }
    let (oldest, first) = if tx.is_server() {
        ("CAST(NULL AS BIGINT)", "")
    } else {
        let seq =
            "(SELECT seq FROM job WHERE state = 'queued' AND repository = turn.id ORDER BY priority DESC, seq LIMIT 1)";
        (seq, " LIMIT 1")
    };
    let select = format!(
        "SELECT id, {oldest} AS oldest FROM (SELECT r.id, \
         (SELECT max(j.priority) FROM job j WHERE j.repository = r.id AND j.state = 'queued') AS top, \
         coalesce((SELECT max(j.claimed) FROM job j WHERE j.repository = r.id), 0) AS served \
         FROM repository r {only}) AS turn WHERE top IS NOT NULL ORDER BY top DESC, served, id{first}"
    );
    tx.rows(&select, &[])?.iter().map(|row| Ok((row.int("id")?, row.maybe_int("oldest")?))).collect()
}

/// The job that this process claimed when the answer was lost.
fn taken(tx: &mut Tx<'_>, taking: Taking<'_>) -> Result<Option<Claim>, Trouble> {
    if host::holder().is_empty() {
        return Ok(None);
    }
    let select = format!("SELECT {COLUMNS}, token FROM job WHERE state = 'running' AND holder = $1 AND grip = $2");
    tx.row(&select, &[host::holder().into(), taking.grip.into()])?.map(|row| claim(&row)).transpose()
}

fn claim(row: &Row) -> Result<Claim, Trouble> {
    let job = job(row)?;
    let lease = Lease { job: job.id.clone(), token: row.int("token")? };
    Ok(Claim { job, lease })
}

/// Make the job, which this transaction has locked, the worker's. An attempt counts where it is to be `tried`.
pub(super) fn take(tx: &mut Tx<'_>, seq: i64, taking: Taking<'_>, tried: bool) -> Result<Claim, Trouble> {
    let update = format!(
        "UPDATE job SET state = 'running', attempts = attempts + $2, token = token + 1, worker = $3, holder = $4, \
         grip = $5, lease_until = {} + $7, lease_ms = $7, boot = $8, started_ms = $9, back = $10, due_ms = NULL, \
         hold_ms = NULL, ask = NULL, progress = NULL, events = events + 1, \
         claimed = (SELECT coalesce(max(claimed), 0) + 1 FROM job) \
         WHERE seq = $1 RETURNING {COLUMNS}, token",
        tx.clock(6)
    );
    let args = [
        seq.into(),
        i64::from(tried).into(),
        taking.worker.into(),
        host::holder().into(),
        taking.grip.into(),
        tx.now(),
        millis(taking.lease).into(),
        tx.boot(),
        taking.now_ms.into(),
        if tried { "queued" } else { "review" }.into(),
    ];
    let row = tx.row(&update, &args)?.ok_or(sqlx::Error::RowNotFound)?;
    let reason = Some(taking.worker.to_owned());
    event(tx, seq, 0, &JobHappening::State { to: JobState::Running, reason }, taking.now_ms)?;
    claim(&row)
}

/// The row of the job, locked, if it is still the worker's.
pub(super) fn own(tx: &mut Tx<'_>, lease: &Lease) -> Result<Option<i64>, Trouble> {
    let lock = tx.on_server(" FOR UPDATE");
    let select = format!("SELECT seq FROM job WHERE id = $1 AND token = $2 AND state = 'running'{lock}");
    let row = tx.row(&select, &[(&lease.job.0).into(), lease.token.into()])?;
    Ok(row.map(|row| row.int("seq")).transpose()?)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(1 << 40)
}
