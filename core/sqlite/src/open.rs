//! Opening: permissions, settings that durability rests on, the check for damage, the schema.

use crate::blocking::{off_runtime, runtime};
use crate::{FileFault, OpenError};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, SqlSafeStr as _, SqliteConnection};
use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Older ones can lose a transaction, or damage the file, when the log is reset while another connection reads it.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// Migrations, oldest first: number, name, text.
pub type Migrations = &'static [(i64, &'static str, &'static str)];

/// The contents of a database.
pub struct Schema {
    /// How it came to be.
    pub migrations: Migrations,
    /// The note beside a damaged database: what is lost with it, and what is not.
    pub lost: &'static str,
}

/// Why one attempt failed.
enum Fault {
    Damaged(String),
    Other(OpenError),
}

/// The result of opening: the runtime that drives the connection, and where a damaged file went.
pub type Opened = (Runtime, SqliteConnection, Option<PathBuf>);

/// Open the database file at `path`, making it and bringing its schema up to date where needed. A damaged file is moved
/// aside, with a note next to it, and a new one begun.
pub fn open(path: &Path, schema: &Schema) -> Result<Opened, OpenError> {
    let io = |action, at: &Path, source: std::io::Error| match source.kind() {
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
            OpenError::ReadOnly { path: at.to_owned(), reason: source.to_string() }
        }
        std::io::ErrorKind::StorageFull => OpenError::NoSpace { path: at.to_owned() },
        _ => OpenError::Io { action, path: at.to_owned(), source },
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|e| io("create the folder", parent, e))?;
    }
    // Two processes that find the same damage must not move each other's new file aside.
    let lock_path = with_suffix(path, ".lock");
    let lock = private().open(&lock_path).map_err(|e| io("open", &lock_path, e))?;
    lock.lock().map_err(|e| io("lock", &lock_path, e))?;

    let runtime = runtime().map_err(|e| io("start a runtime for", path, e))?;
    match attempt(&runtime, path, schema) {
        Ok(connection) => Ok((runtime, connection, None)),
        Err(Fault::Other(error)) => Err(error),
        Err(Fault::Damaged(why)) => {
            let aside = move_aside(path, &why, schema.lost).map_err(|e| io("move the damaged file aside:", path, e))?;
            match attempt(&runtime, path, schema) {
                Ok(connection) => Ok((runtime, connection, Some(aside))),
                Err(Fault::Other(error)) => Err(error),
                Err(Fault::Damaged(message)) => Err(OpenError::Sql { path: path.to_owned(), message }),
            }
        }
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The database, its log and its shared memory get another name together, so that nothing of them is lost.
#[expect(clippy::disallowed_methods, reason = "moves our own damaged database inside the state folder")]
fn move_aside(path: &Path, why: &str, lost: &str) -> std::io::Result<PathBuf> {
    let free = (1..u32::MAX).map(|n| with_suffix(path, &format!(".damaged-{n}"))).find(|p| !p.exists());
    let aside = free.ok_or(std::io::ErrorKind::AlreadyExists)?;
    for suffix in ["-wal", "-shm"] {
        // The last connection that closes takes them away.
        match std::fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(path, &aside)?;
    let note = format!("{} was damaged ({why}) and was moved here.\n{lost}\n", path.display());
    std::fs::write(with_suffix(&aside, ".txt"), note)?;
    Ok(aside)
}

fn attempt(runtime: &Runtime, path: &Path, schema: &Schema) -> Result<SqliteConnection, Fault> {
    // Made here, so that others cannot read it even for a moment; SQLite gives its log the same mode.
    private().open(path).map_err(|e| {
        Fault::Other(match e.kind() {
            std::io::ErrorKind::StorageFull => OpenError::NoSpace { path: path.to_owned() },
            _ => OpenError::ReadOnly { path: path.to_owned(), reason: e.to_string() },
        })
    })?;
    // The future is made on the thread that runs it, since the migrator's is not `Send`.
    off_runtime(|| runtime.block_on(connect(path, schema)))
}

async fn connect(path: &Path, schema: &Schema) -> Result<SqliteConnection, Fault> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // A memory map turns an I/O error into a signal.
        .pragma("mmap_size", "0");
    let fault = |e: sqlx::Error| fault(path, &e);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(fault)?;

    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await.map_err(fault)?;
    if !new_enough(&version) {
        return Err(Fault::Other(OpenError::OldSqlite { found: version }));
    }
    let refused = |pragma, found: String| Err(Fault::Other(OpenError::Pragma { path: path.to_owned(), pragma, found }));
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut connection).await.map_err(fault)?;
    if synchronous != 2 {
        return refused("synchronous=FULL", synchronous.to_string());
    }
    // Network file systems have no shared memory for WAL; a rollback journal with FULL is as durable.
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.map_err(fault)?;
    if !matches!(journal.as_str(), "wal" | "delete") {
        return refused("journal_mode=WAL", journal);
    }
    let damage: Vec<String> =
        sqlx::query_scalar("PRAGMA quick_check(1)").fetch_all(&mut connection).await.map_err(fault)?;
    if damage != ["ok"] {
        let _ = connection.close().await;
        return Err(Fault::Damaged(damage.join("; ")));
    }
    migrate(path, schema, &mut connection).await?;
    Ok(connection)
}

/// Written out instead of `migrate!`, which would bring in sqlx's procedural macros for one file name.
#[must_use]
pub fn migrator(migrations: Migrations) -> Migrator {
    let migrations = migrations.iter().map(|&(version, name, sql)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

async fn migrate(path: &Path, schema: &Schema, connection: &mut SqliteConnection) -> Result<(), Fault> {
    match migrator(schema.migrations).run(connection).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) => {
            Err(Fault::Other(OpenError::Newer { path: path.to_owned(), found }))
        }
        Err(MigrateError::VersionMismatch(version)) => {
            Err(Fault::Other(OpenError::Foreign { path: path.to_owned(), version }))
        }
        Err(MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _)) => Err(fault(path, &e)),
        Err(e) => Err(Fault::Other(OpenError::Sql { path: path.to_owned(), message: e.to_string() })),
    }
}

fn fault(path: &Path, error: &sqlx::Error) -> Fault {
    let path = path.to_owned();
    Fault::Other(match FileFault::of(error) {
        Some(FileFault::Damaged) => return Fault::Damaged(error.to_string()),
        Some(FileFault::NoSpace) => OpenError::NoSpace { path },
        Some(FileFault::Busy) => OpenError::Busy { path },
        Some(FileFault::ReadOnly) => OpenError::ReadOnly { path, reason: error.to_string() },
        None => OpenError::Sql { path, message: error.to_string() },
    })
}

fn new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= OLDEST_SQLITE
}

#[cfg(test)]
mod tests {
    /// Protects the journal from SQLite releases that can lose a transaction.
    #[test]
    fn old_sqlite_is_told_from_new() {
        assert!(!super::new_enough("3.51.2"));
        assert!(!super::new_enough("3.9.12"));
        assert!(super::new_enough("3.51.3"));
        assert!(super::new_enough("4.0"));
    }
}
