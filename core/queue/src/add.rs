//! Adding jobs.

use super::Queue;
use super::base::{Disk, Trouble, Tx};
use super::error::QueueError;
use super::link::Arg;
use super::state::{COLUMNS, event, job, json, settle};
use deepcoder_types::{Job, JobHappening, JobId, JobSpec, JobState, Schedule};
use std::collections::HashMap;
use std::path::Path;

/// The most bytes of what is asked.
const MAX_SPEC: usize = 16 << 20;

/// The longest key.
const MAX_KEY: usize = 512;

/// A job on its way in.
struct New<'a> {
    id: JobId,
    spec: &'a JobSpec,
    json: String,
    /// The template that it is made from, with the key of this instance.
    of: Option<(&'a JobId, &'a str)>,
}

impl Queue {
    /// Add a job, durably. Where its repository has one of the same key, that one is given, and `true`.
    pub fn add(&self, spec: &JobSpec, now_ms: u64) -> Result<(Job, bool), QueueError> {
        let added = self.add_many(std::slice::from_ref(spec), now_ms)?;
        added.into_iter().next().ok_or_else(|| QueueError::Sql("nothing was added".into()))
    }

    /// Add all of these jobs, durably, or none.
    pub fn add_many(&self, specs: &[JobSpec], now_ms: u64) -> Result<Vec<(Job, bool)>, QueueError> {
        let new: Vec<New<'_>> = specs.iter().map(|spec| New::of(spec, now_ms)).collect::<Result<_, _>>()?;
        let added = self.base.transaction(Disk::Now, |tx| {
            let mut known = HashMap::new();
            new.iter().map(|new| insert(tx, new, &mut known, now_ms)).collect()
        })?;
        self.changed();
        Ok(added)
    }

    /// Make a job from a template, once for each key: a time, a change. `None` when there was one already, or the template
    /// is not [`JobState::Scheduled`] any more. The template is due at `next_due` then, where that is given.
    pub fn instantiate(
        &self,
        template: &JobId,
        key: &str,
        now_ms: u64,
        next_due: Option<u64>,
    ) -> Result<Option<Job>, QueueError> {
        let id = new_id(now_ms);
        let made = self.base.transaction(Disk::Now, |tx| {
            let (seq, state, row) = super::state::lock(tx, template)?;
            if state != JobState::Scheduled {
                return Ok(None);
            }
            if let Some(due) = next_due {
                tx.run("UPDATE job SET due_ms = $2 WHERE seq = $1", &[seq.into(), due.into()])?;
            }
            let there = "SELECT id FROM job WHERE template = $1 AND template_key = $2";
            if let Some(there) = tx.row(there, &[(&template.0).into(), key.into()])?
                // The first time may have been committed without a word of it.
                && there.text("id")? != id.0
            {
                return Ok(None);
            }
            let mut spec: JobSpec = super::state::parse(&row.text("spec")?)?;
            spec.origin = match spec.schedule {
                Schedule::Cron(_) => "cron".into(),
                Schedule::Change => "watch".into(),
                Schedule::Now | Schedule::At(_) => spec.origin,
            };
            (spec.schedule, spec.key, spec.after) = (Schedule::Now, None, Vec::new());
            let json = json(&spec)?;
            let new = New { id: id.clone(), spec: &spec, json, of: Some((template, key)) };
            insert(tx, &new, &mut HashMap::new(), now_ms).map(|(job, _)| Some(job))
        })?;
        self.changed();
        Ok(made)
    }

    /// Say when a template is due next, for lists and for [`Queue::tick`].
    pub fn set_due(&self, template: &JobId, due_ms: Option<u64>) -> Result<(), QueueError> {
        self.base.transaction(Disk::Later, |tx| {
            let update = "UPDATE job SET due_ms = $2 WHERE id = $1 AND state = 'scheduled'";
            Ok(tx.run(update, &[(&template.0).into(), due_ms.into()])?)
        })?;
        self.changed();
        Ok(())
    }
}

fn new_id(now_ms: u64) -> JobId {
    JobId(ulid::Ulid::from_parts(now_ms, fastrand::u128(..)).to_string().to_ascii_lowercase())
}

impl<'a> New<'a> {
    fn of(spec: &'a JobSpec, now_ms: u64) -> Result<Self, QueueError> {
        let invalid = |why: &str| Err(QueueError::Invalid(why.into()));
        let Some(root) = spec.repository.to_str() else {
            return invalid("the path of its repository is not UTF-8");
        };
        if !spec.repository.is_absolute() || root.contains('\0') {
            return invalid("the path of its repository is not absolute");
        }
        if spec.max_attempts == 0 {
            return invalid("it may not be tried at all");
        }
        if spec.key.as_ref().is_some_and(|key| key.len() > MAX_KEY || key.contains('\0')) {
            return invalid("its key is longer than 512 bytes, or holds a NUL");
        }
        let json = json(spec)?;
        if json.len() > MAX_SPEC {
            return invalid("it is larger than 16 MiB");
        }
        Ok(Self { id: new_id(now_ms), spec, json, of: None })
    }
}

/// `known` are the numbers of repositories that this transaction has looked up.
fn insert<'a>(
    tx: &mut Tx<'_>,
    new: &New<'a>,
    known: &mut HashMap<&'a Path, i64>,
    now_ms: u64,
) -> Result<(Job, bool), Trouble> {
    let spec = new.spec;
    let repository = match known.get(&*spec.repository) {
        Some(&number) => number,
        None => repository(tx, spec.repository.to_str().unwrap_or_default())?,
    };
    known.insert(&spec.repository, repository);
    let (state, due) = match spec.schedule {
        Schedule::Cron(_) | Schedule::Change => (JobState::Scheduled, None),
        Schedule::At(due) if due > now_ms => (JobState::Waiting, Some(due)),
        Schedule::Now | Schedule::At(_) if spec.after.is_empty() => (JobState::Queued, None),
        Schedule::Now | Schedule::At(_) => (JobState::Waiting, None),
    };
    let insert = format!(
        "INSERT INTO job (id, repository, state, priority, key, spec, max_attempts, created_ms, due_ms, \
                  template, template_key, events) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1) \
                  ON CONFLICT DO NOTHING RETURNING seq, {COLUMNS}"
    );
    let args: [Arg<'_>; 11] = [
        (&new.id.0).into(),
        repository.into(),
        state.name().into(),
        i64::from(spec.priority).into(),
        spec.key.as_deref().into(),
        (&new.json).into(),
        spec.max_attempts.into(),
        now_ms.into(),
        due.into(),
        new.of.map(|(template, _)| template.0.as_str()).into(),
        new.of.map(|(_, key)| key).into(),
    ];
    let Some(row) = tx.row(&insert, &args)? else {
        return there(tx, new, repository);
    };
    let seq = row.int("seq")?;
    event(tx, seq, 0, &JobHappening::State { to: state, reason: None }, now_ms)?;
    if spec.after.is_empty() {
        return Ok((job(&row)?, false));
    }
    needs(tx, seq, &spec.after)?;
    if state == JobState::Waiting {
        settle(tx, seq, now_ms)?;
    }
    let select = format!("SELECT {COLUMNS} FROM job WHERE seq = $1");
    let row = tx.row(&select, &[seq.into()])?.ok_or(sqlx::Error::RowNotFound)?;
    Ok((job(&row)?, false))
}

/// The job that is there in place of the new one: itself, where its first addition was committed without a word of it, or
/// that of the same key.
fn there(tx: &mut Tx<'_>, new: &New<'_>, repository: i64) -> Result<(Job, bool), Trouble> {
    let select = format!("SELECT {COLUMNS} FROM job WHERE id = $1 OR (repository = $2 AND key = $3)");
    let row = tx.row(&select, &[(&new.id.0).into(), repository.into(), new.spec.key.as_deref().into()])?;
    // On a server the other one may have been rolled back in between; the caller tries again.
    let found = job(&row.ok_or(QueueError::Busy)?)?;
    let existed = found.id != new.id;
    Ok((found, existed))
}

/// The number of a repository of this machine.
pub(super) fn repository(tx: &mut Tx<'_>, root: &str) -> Result<i64, Trouble> {
    let find = "SELECT id FROM repository WHERE root = $1 AND machine = $2";
    let machine = tx.machine();
    let args = [root.into(), (&machine).into()];
    if let Some(row) = tx.row(find, &args)? {
        return Ok(row.int("id")?);
    }
    tx.run("INSERT INTO repository (root, machine) VALUES ($1, $2) ON CONFLICT DO NOTHING", &args)?;
    Ok(tx.row(find, &args)?.ok_or(sqlx::Error::RowNotFound)?.int("id")?)
}

/// Write down what a job waits for.
fn needs(tx: &mut Tx<'_>, seq: i64, after: &[JobId]) -> Result<(), Trouble> {
    for id in after {
        // Locked, so that a transaction that finishes the job runs before this one, or after it and then sees the
        // dependent.
        let lock = tx.on_server(" FOR SHARE");
        let select = format!("SELECT seq FROM job WHERE id = $1{lock}");
        let needed = tx.row(&select, &[(&id.0).into()])?.ok_or_else(|| QueueError::NotFound(id.0.clone()))?;
        let insert = "INSERT INTO dependency (job, needs) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        tx.run(insert, &[seq.into(), needed.int("seq")?.into()])?;
    }
    Ok(())
}
