//! A blocking front to the asynchronous connection.

use deepcoder_sqlite::wait;
use sqlx::SqliteConnection;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::runtime::Runtime;

/// One connection and the runtime that drives it. There is one writer: other threads wait for the mutex.
pub(crate) struct Blocking {
    inner: Mutex<Inner>,
}

struct Inner {
    runtime: Option<Runtime>,
    connection: Option<SqliteConnection>,
}

impl Blocking {
    pub(crate) fn new(runtime: Runtime, connection: SqliteConnection) -> Self {
        Self { inner: Mutex::new(Inner { runtime: Some(runtime), connection: Some(connection) }) }
    }

    /// The connection, for one call.
    pub(crate) fn lock(&self) -> Guard<'_> {
        Guard(self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The connection, locked.
pub(crate) struct Guard<'a>(MutexGuard<'a, Inner>);

impl Guard<'_> {
    /// The runtime to [`wait`] with, and the connection to do it on.
    pub(crate) fn parts(&mut self) -> Result<(&Runtime, &mut SqliteConnection), sqlx::Error> {
        match &mut *self.0 {
            Inner { runtime: Some(runtime), connection: Some(connection) } => Ok((runtime, connection)),
            // Only while it is being dropped.
            _ => Err(sqlx::Error::WorkerCrashed),
        }
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let (Some(runtime), Some(connection)) = (&inner.runtime, inner.connection.take()) {
            // Closing checkpoints the log; an error is no loss, since the log is durable.
            let _ = wait(runtime, sqlx::Connection::close(connection));
        }
        if let Some(runtime) = inner.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
