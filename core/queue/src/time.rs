//! Waiting jobs whose time has come.

use super::Queue;
use super::base::Disk;
use super::error::QueueError;
use super::state::settle;

/// How many jobs one transaction looks at.
const BATCH: usize = 500;

impl Queue {
    /// Queue the waiting jobs whose time has come and whose needs are done. When the next one is due, templates included:
    /// the time to call this again at the latest.
    pub fn tick(&self, now_ms: u64) -> Result<Option<u64>, QueueError> {
        let mut from = 0;
        let mut changed = false;
        loop {
            let (last, moved) = self.base.transaction(Disk::Later, |tx| {
                let skip = tx.on_server(" FOR UPDATE SKIP LOCKED");
                let select = format!(
                    "SELECT seq FROM job WHERE state = 'waiting' AND seq > $1 AND (due_ms IS NULL OR due_ms <= $2 \
                     OR (hold_ms IS NOT NULL AND due_ms - $2 > hold_ms)) ORDER BY seq LIMIT {BATCH}{skip}"
                );
                let rows = tx.rows(&select, &[from.into(), now_ms.into()])?;
                let mut moved = false;
                for row in &rows {
                    moved |= settle(tx, row.int("seq")?, now_ms)? != deepcoder_types::JobState::Waiting;
                }
                let last = if rows.len() < BATCH { None } else { rows.last() };
                Ok((last.map(|row| row.int("seq")).transpose()?, moved))
            })?;
            changed |= moved;
            match last {
                Some(seq) => from = seq,
                None => break,
            }
        }
        if changed {
            self.changed();
        }
        self.base.transaction(Disk::Read, |tx| {
            let next = "SELECT min(due_ms) AS due FROM job \
                        WHERE state = 'scheduled' OR (state = 'waiting' AND due_ms > $1)";
            let row = tx.row(next, &[now_ms.into()])?;
            Ok(row.map(|row| row.maybe_int("due")).transpose()?.flatten().map(i64::cast_unsigned))
        })
    }

    /// Forget the jobs of this machine's repositories that were over before `before_ms`, with their logs; how many there
    /// were. One that an unfinished job needs stays.
    pub fn prune(&self, before_ms: u64) -> Result<u64, QueueError> {
        let machine = self.machine();
        let mut pruned = 0;
        loop {
            let count = self.base.transaction(Disk::Later, |tx| {
                let skip = tx.on_server(" FOR UPDATE OF job SKIP LOCKED");
                let select = format!(
                    "SELECT job.seq FROM job JOIN repository ON repository.id = job.repository \
                     WHERE job.state IN ('done', 'rejected', 'failed', 'cancelled') AND job.finished_ms < $1 \
                     AND repository.machine = $2 AND NOT EXISTS (SELECT 1 FROM dependency \
                     JOIN job AS other ON other.seq = dependency.job WHERE dependency.needs = job.seq \
                     AND other.state NOT IN ('done', 'rejected', 'failed', 'cancelled')) \
                     ORDER BY job.seq LIMIT {BATCH}{skip}"
                );
                let rows = tx.rows(&select, &[before_ms.into(), (&machine).into()])?;
                for row in &rows {
                    let seq = row.int("seq")?;
                    for delete in [
                        "DELETE FROM event WHERE job = $1",
                        "DELETE FROM result WHERE job = $1",
                        "DELETE FROM dependency WHERE job = $1 OR needs = $1",
                        "DELETE FROM job WHERE seq = $1",
                    ] {
                        tx.run(delete, &[seq.into()])?;
                    }
                }
                Ok(rows.len())
            })?;
            pruned += count as u64;
            if count < BATCH {
                break;
            }
        }
        if pruned > 0 {
            self.changed();
        }
        Ok(pruned)
    }
}
