//! The server: its address, connecting, and being told of other processes' changes.

use super::change::Changes;
use super::error::OpenQueueError;
use super::link::is_lost;
use deepcoder_sqlite::{Migrations, migrator};
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

const MIGRATIONS: Migrations = &[(1, "jobs", include_str!("../../../migrations/postgres/jobs/0001_jobs.sql"))];

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The channel on which processes tell each other that something has changed.
const CHANNEL: &str = "deepcoder_jobs";

/// How often others are told at most: telling takes a lock of the whole server.
const TELL: Duration = Duration::from_millis(50);

/// How long the listener waits before it tries to come back.
const RETURN: Duration = Duration::from_secs(1);

pub(super) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A database on a server. Shown without the password.
#[derive(Clone)]
pub(super) struct Server {
    options: PgConnectOptions,
    shown: String,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// `url` with what may be a password taken out, whether or not it can be parsed.
pub(super) fn without_password(url: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(a, q)| (a, Some(q)));
    if query.is_some_and(|query| query.contains('@')) || address.contains('#') {
        // A password with characters that should have been escaped, or one among the parameters.
        return "postgres://…".into();
    }
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(s, r)| (s, r));
    // An `@` in the password should have been escaped, and may not be.
    let mut shown = match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{user}@{host}")
        }
        None => rest.to_owned(),
    };
    if !scheme.is_empty() {
        shown = format!("{scheme}://{shown}");
    }
    let kept = query.unwrap_or_default().split('&').filter(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        matches!(key, "host" | "hostaddr" | "port" | "dbname" | "user" | "sslmode" | "ssl-mode")
    });
    let kept = kept.collect::<Vec<_>>().join("&");
    if kept.is_empty() { shown } else { format!("{shown}?{kept}") }
}

impl Server {
    pub(super) fn parse(url: &str) -> Result<Self, OpenQueueError> {
        let shown = without_password(url);
        let wrong = |reason: String| OpenQueueError::Address { url: shown.clone(), reason };
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(wrong("it does not begin with postgres://".into()));
        }
        let options = PgConnectOptions::from_str(url).map_err(|error| {
            wrong(match error {
                // The parser's message may quote the text, and with it a password.
                sqlx::Error::Configuration(_) => "a part of it cannot be read".into(),
                _ => "it cannot be read".into(),
            })
        })?;
        let limits =
            [("lock_timeout", "10s"), ("statement_timeout", "50s"), ("idle_in_transaction_session_timeout", "60s")];
        let options = options.application_name("deepcoder").options(limits).disable_statement_logging();
        Ok(Self { options, shown })
    }

    fn refused(&self, error: &sqlx::Error) -> OpenQueueError {
        let server = self.shown.clone();
        let Some(said) = error.as_database_error().and_then(|e| e.try_downcast_ref::<PgDatabaseError>()) else {
            let reason = match error {
                sqlx::Error::Io(error) => error.to_string(),
                error => error.to_string(),
            };
            return OpenQueueError::Unreachable { server, reason };
        };
        let reason = said.message().to_owned();
        match said.code() {
            "28P01" | "28000" => OpenQueueError::Refused { server, reason },
            "3D000" => OpenQueueError::NoDatabase { server, reason },
            "42501" | "25006" | "3F000" => OpenQueueError::NoRights { server, reason },
            "53300" => OpenQueueError::Unreachable { server, reason },
            _ if is_lost(error) => OpenQueueError::Unreachable { server, reason },
            _ => OpenQueueError::Sql { server, reason },
        }
    }

    /// Connect, and bring the schema up to date.
    pub(super) fn connect(&self, runtime: &Runtime) -> Result<PgConnection, OpenQueueError> {
        let timed_out = || sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
        let connect = PgConnection::connect_with(&self.options);
        let connect = async { tokio::time::timeout(CONNECT, connect).await.unwrap_or_else(|_| Err(timed_out())) };
        let mut connection = runtime.block_on(connect).map_err(|e| self.refused(&e))?;
        let server = || self.shown.clone();
        let migrated = runtime.block_on(async {
            let mut migrator = migrator(MIGRATIONS);
            migrator.set_ignore_missing(false);
            tokio::time::timeout(CONNECT * 3, migrator.run(&mut connection))
                .await
                .unwrap_or_else(|_| Err(MigrateError::Execute(timed_out())))
        });
        match migrated {
            Ok(()) => Ok(connection),
            Err(MigrateError::VersionMissing(found)) => Err(OpenQueueError::Newer { server: server(), found }),
            Err(MigrateError::VersionMismatch(version)) => Err(OpenQueueError::Foreign { server: server(), version }),
            Err(MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _)) => Err(self.refused(&e)),
            Err(e) => Err(OpenQueueError::Sql { server: server(), reason: e.to_string() }),
        }
    }
}

impl OpenQueueError {
    /// The message of the system or the server.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Unreachable { reason, .. }
            | Self::Refused { reason, .. }
            | Self::NoDatabase { reason, .. }
            | Self::NoRights { reason, .. }
            | Self::Sql { reason, .. } => reason,
            error => error.to_string(),
        }
    }
}

/// A thread with a connection of its own, which hears of other processes' changes and tells them of ours.
pub(super) struct Listener {
    dirty: Arc<Notify>,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub(super) fn start(server: Server, changes: Arc<Changes>) -> Self {
        let (dirty, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (dirty_there, stop_there) = (dirty.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("queue-listener".into()).spawn(move || {
            let Ok(runtime) = runtime() else { return };
            runtime.block_on(async {
                tokio::select! {
                    () = stop_there.notified() => {}
                    () = listen(&server, &changes, &dirty_there) => {}
                }
            });
            runtime.shutdown_background();
        });
        // Without the thread changes of others are seen when something is asked, and that is all.
        Self { dirty, stop, thread: thread.ok() }
    }

    /// Something was committed.
    pub(super) fn tell(&self) {
        self.dirty.notify_one();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Listen for good, and come back whenever the connection is lost. Changes in between are unknown, so that counts as a
/// change.
async fn listen(server: &Server, changes: &Changes, dirty: &Notify) {
    loop {
        let heard = hear(server, changes, dirty).await;
        changes.bump();
        if heard.is_err() {
            tokio::time::sleep(RETURN).await;
        }
    }
}

async fn hear(server: &Server, changes: &Changes, dirty: &Notify) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT);
    let mut listener = PgListener::connect_with(&pool.connect_lazy_with(server.options.clone())).await?;
    listener.listen(CHANNEL).await?;
    changes.bump();
    loop {
        tokio::select! {
            heard = listener.try_recv() => match heard? {
                Some(_) => changes.bump(),
                None => return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()),
            },
            () = dirty.notified() => {
                sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(&mut listener).await?;
                tokio::time::sleep(TELL).await;
            }
        }
    }
}
