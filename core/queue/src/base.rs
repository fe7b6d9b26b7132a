//! Transactions, and coming back to a server that was away.

use super::error::{OpenQueueError, QueueError};
use super::link::{Arg, Batch, Link, Row, is_clash, is_lost};
use super::{host, postgres};
use deepcoder_sqlite::{FileFault, Schema, off_runtime};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long a server is left alone after it could not be reached: at first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

const SQLITE: Schema = Schema {
    migrations: &[(1, "jobs", include_str!("../../../migrations/sqlite/jobs/0001_jobs.sql"))],
    lost: "A new queue was begun. The jobs of this one are lost, with their logs and the results that were not accepted \
           yet; what jobs had written or committed is in the history of edits and in git as before.",
};

/// Whether a commit waits for the disk. A server's always does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    Now,
    Later,
    /// Nothing is written, and no writer waited for.
    Read,
}

/// The database.
pub(super) struct Base {
    inner: Mutex<Inner>,
    /// Readable without the lock, which another thread may hold for as long as a statement takes.
    damaged: AtomicBool,
}

struct Inner {
    runtime: Option<Runtime>,
    link: Option<Link>,
    server: Option<postgres::Server>,
    /// Why the server could not be reached, when it may be tried again, and how long it is left alone then.
    away: Option<(String, Instant, Duration)>,
    /// The value of `synchronous`, and whether it may be less than FULL.
    disk: Disk,
    may_wait: bool,
    data_version: i64,
    /// The damage of the file. The next opening moves it aside, so that nothing may be promised any more that would be
    /// written to pages that still look whole.
    damage: Option<String>,
}

impl Base {
    pub(super) fn sqlite(path: &Path) -> Result<(Self, Option<PathBuf>), OpenQueueError> {
        let (runtime, connection, replaced) = deepcoder_sqlite::open(path, &SQLITE)?;
        let mut link = Link::Sqlite(connection);
        // With a rollback journal, where less than FULL can damage the file, every commit waits.
        let journal = off_runtime(|| link.ask(&runtime, "PRAGMA journal_mode", &[]));
        let wal = journal.ok().and_then(|rows| rows.first()?.text("journal_mode").ok()).is_some_and(|j| j == "wal");
        Ok((Self::new(runtime, link, None, wal), replaced))
    }

    pub(super) fn postgres(server: postgres::Server) -> Result<Self, OpenQueueError> {
        let runtime = postgres::runtime().map_err(|e| OpenQueueError::Sql {
            server: server.to_string(),
            reason: format!("cannot start a runtime: {e}"),
        })?;
        let link = off_runtime(|| server.connect(&runtime))?;
        Ok(Self::new(runtime, Link::Postgres(link), Some(server), false))
    }

    fn new(runtime: Runtime, link: Link, server: Option<postgres::Server>, may_wait: bool) -> Self {
        let (runtime, link) = (Some(runtime), Some(link));
        let inner =
            Inner { runtime, link, server, away: None, disk: Disk::Now, may_wait, data_version: 0, damage: None };
        Self { inner: Mutex::new(inner), damaged: AtomicBool::new(false) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Do `work` in one transaction, and once more where the connection was lost or another transaction was in the way:
    /// `work` must be idempotent: it is retried when the connection drops after COMMIT.
    pub(super) fn transaction<T: Send>(
        &self,
        disk: Disk,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Trouble> + Send,
    ) -> Result<T, QueueError> {
        off_runtime(|| {
            let mut inner = self.lock();
            let mut clashes = 0;
            let mut lost = false;
            loop {
                if let Some(why) = &inner.damage {
                    return Err(QueueError::Corrupt(why.clone()));
                }
                inner.connect()?;
                match inner.attempt(disk, lost, &mut work) {
                    Ok(value) => return Ok(value),
                    Err(Trouble::Queue(error)) => {
                        if let QueueError::Corrupt(why) = &error {
                            self.damaged.fetch_or(inner.examine(why), Ordering::AcqRel);
                        }
                        return Err(error);
                    }
                    Err(Trouble::Sql(error)) if is_clash(&error) && clashes < 10 => clashes += 1,
                    Err(Trouble::Sql(error)) if inner.server.is_some() && is_lost(&error) => {
                        inner.link = None;
                        if lost {
                            return Err(inner.set_away(error.to_string()));
                        }
                        lost = true;
                    }
                    Err(Trouble::Sql(error)) => {
                        if FileFault::of(&error) == Some(FileFault::Damaged) {
                            self.damaged.fetch_or(inner.examine(&error.to_string()), Ordering::AcqRel);
                        }
                        return Err(error.into());
                    }
                }
            }
        })
    }

    /// Whether the file was found to be damaged since it was opened.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// Whether another connection has committed something since this was last asked. SQLite only.
    pub(super) fn others_changed(&self) -> bool {
        off_runtime(|| {
            let mut inner = self.lock();
            let Inner { runtime: Some(runtime), link: Some(link @ Link::Sqlite(_)), data_version, .. } = &mut *inner
            else {
                return false;
            };
            let rows = link.ask(runtime, "PRAGMA data_version", &[]);
            let Some(found) = rows.ok().and_then(|rows| rows.first()?.int("data_version").ok()) else { return false };
            // The first time there is nothing to compare with.
            let before = std::mem::replace(data_version, found);
            before != found && before != 0
        })
    }
}

impl Inner {
    fn close(&mut self) {
        if let (Some(runtime), Some(link)) = (&self.runtime, self.link.take()) {
            // Closing checkpoints the log; an error is no loss, since the log is durable.
            let _ = off_runtime(|| match link {
                Link::Sqlite(link) => runtime.block_on(sqlx::Connection::close(link)),
                Link::Postgres(link) => runtime.block_on(sqlx::Connection::close(link)),
            });
        }
    }

    /// Something in it made no sense. Where that is not one row of another build but the file, it is used no more: whether so.
    fn examine(&mut self, why: &str) -> bool {
        let (Some(runtime), Some(link @ Link::Sqlite(_))) = (&self.runtime, &mut self.link) else { return false };
        // Its pages in memory were read before.
        let found = link.ask(runtime, "PRAGMA shrink_memory; PRAGMA quick_check(1)", &[]);
        let whole =
            found.is_ok_and(|rows| rows.first().and_then(|row| row.text("quick_check").ok()).as_deref() == Some("ok"));
        if !whole {
            self.damage = Some(why.to_owned());
            self.close();
        }
        !whole
    }

    fn set_away(&mut self, reason: String) -> QueueError {
        let pause = self.away.as_ref().map_or(BACK_OFF.0, |(_, _, pause)| (*pause * 2).min(BACK_OFF.1));
        self.away = Some((reason.clone(), Instant::now() + pause, pause));
        self.unreachable(reason)
    }

    fn unreachable(&self, reason: String) -> QueueError {
        QueueError::Unreachable { server: self.server.as_ref().map(ToString::to_string).unwrap_or_default(), reason }
    }

    /// Come back to the server if it was away.
    fn connect(&mut self) -> Result<(), QueueError> {
        if self.link.is_some() {
            return Ok(());
        }
        if let Some((reason, until, _)) = &self.away
            && Instant::now() < *until
        {
            return Err(self.unreachable(reason.clone()));
        }
        let (Some(server), Some(runtime)) = (&self.server, &self.runtime) else {
            // Only while it is being dropped.
            return Err(sqlx::Error::WorkerCrashed.into());
        };
        match server.connect(runtime) {
            Ok(link) => {
                self.link = Some(Link::Postgres(link));
                self.away = None;
                Ok(())
            }
            Err(OpenQueueError::NoRights { reason, .. }) => Err(QueueError::ReadOnly(reason)),
            Err(error) => Err(self.set_away(error.reason())),
        }
    }

    fn attempt<T>(
        &mut self,
        disk: Disk,
        again: bool,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let begin = match (self.server.is_some(), disk) {
            (false, Disk::Now | Disk::Later) => "BEGIN IMMEDIATE",
            _ => "BEGIN",
        };
        let disk = match disk {
            Disk::Read => self.disk,
            Disk::Later if !self.may_wait => Disk::Now,
            disk => disk,
        };
        let (Some(runtime), Some(link)) = (&self.runtime, &mut self.link) else {
            return Err(sqlx::Error::WorkerCrashed.into());
        };
        if self.disk != disk && !link.is_server() {
            self.disk = synchronous(disk, runtime, link)?;
        }
        let mut tx = Tx { runtime, link, again, batch: Batch::default() };
        tx.say(begin)?;
        match work(&mut tx).and_then(|value| tx.commit().map(|()| value).map_err(Trouble::Sql)) {
            Ok(value) => Ok(value),
            Err(trouble) => {
                if link.say(runtime, "ROLLBACK").is_err() && link.is_server() {
                    self.link = None;
                }
                Err(trouble)
            }
        }
    }
}

/// Read back, because everything rests on it.
fn synchronous(disk: Disk, runtime: &Runtime, link: &mut Link) -> Result<Disk, Trouble> {
    let (set, level) = match disk {
        Disk::Now => ("PRAGMA synchronous = FULL", 2),
        Disk::Later | Disk::Read => ("PRAGMA synchronous = NORMAL", 1),
    };
    link.say(runtime, set)?;
    let found = link.ask(runtime, "PRAGMA synchronous", &[])?.first().map(|row| row.int("synchronous")).transpose()?;
    if found == Some(level) {
        return Ok(disk);
    }
    Err(QueueError::Sql(format!("synchronous is {found:?} instead of {level}")).into())
}

impl Drop for Base {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.close();
        if let Some(runtime) = inner.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Why a transaction did not go through.
pub(super) enum Trouble {
    Queue(QueueError),
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<QueueError> for Trouble {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}

/// A transaction.
pub(super) struct Tx<'a> {
    runtime: &'a Runtime,
    link: &'a mut Link,
    again: bool,
    /// The statements that SQLite has not run yet.
    batch: Batch,
}

impl Tx<'_> {
    /// Run a statement; its rows.
    pub(super) fn rows(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        if self.link.is_server() {
            return self.link.ask(self.runtime, sql, args);
        }
        self.batch.push(sql, args);
        self.batch.flush(self.runtime, self.link)
    }

    /// Run a statement; its first row.
    pub(super) fn row(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Option<Row>, sqlx::Error> {
        Ok(self.rows(sql, args)?.into_iter().next())
    }

    /// Run a statement, at the latest with the next one: an error may come from there. It must not return rows.
    pub(super) fn run(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<(), sqlx::Error> {
        if self.link.is_server() {
            return self.link.ask(self.runtime, sql, args).map(drop);
        }
        self.batch.push(sql, args);
        Ok(())
    }

    /// Run what waits for the next statement. As the first call it waits for other writers, so that times count from
    /// then on.
    pub(super) fn flush(&mut self) -> Result<(), sqlx::Error> {
        if self.link.is_server() { Ok(()) } else { self.batch.flush(self.runtime, self.link).map(drop) }
    }

    fn say(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        if self.link.is_server() { self.link.say(self.runtime, sql) } else { self.run(sql, &[]) }
    }

    fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.say("COMMIT")?;
        self.flush()
    }

    /// Whether others may be in the same tables at the same time.
    pub(super) const fn is_server(&self) -> bool {
        self.link.is_server()
    }

    /// `for_server` on a server, where others may be at the same rows at the same time, and nothing in SQLite, where there
    /// is one writer.
    pub(super) const fn on_server(&self, for_server: &'static str) -> &'static str {
        if self.link.is_server() { for_server } else { "" }
    }

    /// Whose paths are meant: on a server, which others may share, those of this machine.
    pub(super) fn machine(&self) -> String {
        if self.link.is_server() { super::host::machine() } else { String::new() }
    }

    /// The time that leases are judged by, as text of a statement in which `$n` is [`Tx::now`].
    pub(super) fn clock(&self, n: u8) -> String {
        if self.link.is_server() {
            format!("(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + ${n})")
        } else {
            format!("${n}")
        }
    }

    /// The argument of [`Tx::clock`].
    pub(super) fn now(&self) -> Arg<'static> {
        Arg::Int(Some(if self.link.is_server() { 0 } else { host::boot_ms() }))
    }

    /// The start of the machine whose clock that is.
    pub(super) fn boot(&self) -> Arg<'static> {
        Arg::Text(Some(if self.link.is_server() { "" } else { host::boot() }))
    }

    /// Whether this is tried again, and the first time may have been committed.
    pub(super) const fn is_again(&self) -> bool {
        self.again
    }
}
