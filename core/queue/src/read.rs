//! Looking.

use super::base::{Disk, Trouble, Tx};
use super::error::QueueError;
use super::link::Arg;
use super::state::{COLUMNS, job, parse, state};
use super::{Counts, Queue};
use deepcoder_types::{Job, JobEvent, JobFilter, JobId, JobState};
use std::path::PathBuf;

/// How many jobs a list has by default, and at most.
const PAGE: (u32, u32) = (100, 1_000);

impl Queue {
    /// The job whose id begins with `prefix`.
    pub fn get(&self, prefix: &str) -> Result<Job, QueueError> {
        let prefix = prefix.trim().to_ascii_lowercase();
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(QueueError::NotFound(prefix));
        }
        self.base.transaction(Disk::Read, |tx| {
            let select = format!("SELECT {COLUMNS} FROM job WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2");
            // `~` comes after whatever an id is made of.
            let end = format!("{prefix}~");
            let rows = tx.rows(&select, &[(&prefix).into(), (&end).into()])?;
            match rows.as_slice() {
                [] => Err(QueueError::NotFound(prefix.clone()).into()),
                [row] => Ok(job(row)?),
                _ => Err(QueueError::Ambiguous(prefix.clone()).into()),
            }
        })
    }

    /// Those that match, newest first.
    pub fn list(&self, filter: &JobFilter) -> Result<Vec<Job>, QueueError> {
        let mut conditions = Vec::new();
        let mut args: Vec<Arg<'_>> = Vec::new();
        let machine = self.machine();
        if let Some(root) = &filter.repository {
            // A path that is not UTF-8 has no jobs.
            args.push(root.to_str().unwrap_or_default().into());
            args.push((&machine).into());
            conditions.push("repository = (SELECT id FROM repository WHERE root = $1 AND machine = $2)".to_owned());
        }
        if !filter.states.is_empty() {
            let states: Vec<String> = filter.states.iter().map(|state| format!("'{}'", state.name())).collect();
            conditions.push(format!("state IN ({})", states.join(", ")));
        }
        if let Some(before) = &filter.before {
            args.push((&before.0).into());
            conditions.push(format!("seq < (SELECT seq FROM job WHERE id = ${})", args.len()));
        }
        let conditions =
            if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
        let limit = if filter.limit == 0 { PAGE.0 } else { filter.limit.min(PAGE.1) };
        let select = format!("SELECT {COLUMNS} FROM job {conditions} ORDER BY seq DESC LIMIT {limit}");
        self.base.transaction(Disk::Read, |tx| {
            tx.rows(&select, &args)?.iter().map(|row| Ok(job(row)?)).collect::<Result<_, Trouble>>()
        })
    }

    /// How many jobs there are that are not over.
    pub fn counts(&self) -> Result<Counts, QueueError> {
        self.base.transaction(Disk::Read, |tx| {
            let select = "SELECT state, count(*) AS n FROM job \
                          WHERE state IN ('waiting', 'scheduled', 'paused', 'queued', 'running', 'review') GROUP BY state";
            let mut counts = Counts::default();
            for row in tx.rows(select, &[])? {
                let n = row.int("n")?.cast_unsigned();
                match state(&row)? {
                    JobState::Queued => counts.queued = n,
                    JobState::Running => counts.running = n,
                    JobState::Review => counts.review = n,
                    _ => counts.waiting += n,
                }
            }
            Ok(counts)
        })
    }

    /// The roots of the repositories of this machine that have something to take.
    pub fn queued_roots(&self) -> Result<Vec<PathBuf>, QueueError> {
        self.base.transaction(Disk::Read, |tx| {
            let select = "SELECT root FROM repository r WHERE machine = $1 \
                          AND EXISTS (SELECT 1 FROM job j WHERE j.repository = r.id AND j.state = 'queued')";
            let machine = tx.machine();
            tx.rows(select, &[(&machine).into()])?.iter().map(|row| Ok(PathBuf::from(row.text("root")?))).collect()
        })
    }

    /// The events of a job that come after number `after`, at most `limit`.
    pub fn events(&self, id: &JobId, after: u64, limit: u32) -> Result<Vec<JobEvent>, QueueError> {
        self.base.transaction(Disk::Read, |tx| {
            let seq = number(tx, id)?;
            let select = "SELECT n, at_ms, what FROM event WHERE job = $1 AND n > $2 ORDER BY n LIMIT $3";
            let rows = tx.rows(select, &[seq.into(), after.into(), limit.into()])?;
            let events = rows.iter().map(|row| {
                let (seq, at_ms) = (row.int("n")?.cast_unsigned(), row.int("at_ms")?.cast_unsigned());
                Ok(JobEvent { job: id.clone(), seq, at_ms, what: parse(&row.text("what")?)? })
            });
            events.collect::<Result<_, Trouble>>()
        })
    }
}

fn number(tx: &mut Tx<'_>, id: &JobId) -> Result<i64, Trouble> {
    let row = tx.row("SELECT seq FROM job WHERE id = $1", &[(&id.0).into()])?;
    Ok(row.ok_or_else(|| QueueError::NotFound(id.0.clone()))?.int("seq")?)
}
