//! A connection to either database, with one way of asking: the statements are the same text for both.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, SqliteConnection};
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long a server may take for one statement before its connection counts as gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
pub(super) enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A value for `$1`, `$2`, … of a statement.
#[derive(Clone, Copy)]
pub(super) enum Arg<'a> {
    Int(Option<i64>),
    Text(Option<&'a str>),
    Bytes(&'a [u8]),
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u64> for Arg<'_> {
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<u32> for Arg<'_> {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<Option<u64>> for Arg<'_> {
    fn from(value: Option<u64>) -> Self {
        Self::Int(value.map(|v| i64::try_from(v).unwrap_or(i64::MAX)))
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

/// Statements of SQLite that can wait for the next one, and go to it with that. Each goes to a thread of its own and back,
/// and waking two threads takes longer than most statements.
#[derive(Default)]
pub(super) struct Batch {
    sql: String,
    args: Vec<Kept>,
}

/// A value that outlives its caller.
enum Kept {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

impl Batch {
    /// Add one statement. Its rows are discarded.
    pub(super) fn push(&mut self, sql: &str, args: &[Arg<'_>]) {
        let shift = self.args.len();
        if !self.sql.is_empty() {
            self.sql.push_str("; ");
        }
        // `$n` is counted over the whole batch.
        for (n, piece) in sql.split('$').enumerate() {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            match piece[..digits].parse::<usize>() {
                Ok(number) if n > 0 => {
                    self.sql.push_str(&format!("${}", number + shift));
                    self.sql.push_str(&piece[digits..]);
                }
                _ => self.sql.push_str(piece),
            }
        }
        self.args.extend(args.iter().map(|arg| match *arg {
            Arg::Int(value) => Kept::Int(value),
            Arg::Text(value) => Kept::Text(value.map(str::to_owned)),
            Arg::Bytes(value) => Kept::Bytes(value.to_owned()),
        }));
    }

    /// Run all of it; the rows of the statement that was added last.
    pub(super) fn flush(&mut self, runtime: &Runtime, link: &mut Link) -> Result<Vec<Row>, sqlx::Error> {
        let Self { sql, args } = std::mem::take(self);
        let args: Vec<Arg<'_>> = args
            .iter()
            .map(|arg| match arg {
                Kept::Int(value) => Arg::Int(*value),
                Kept::Text(value) => Arg::Text(value.as_deref()),
                Kept::Bytes(value) => Arg::Bytes(value),
            })
            .collect();
        link.ask(runtime, &sql, &args)
    }
}

/// A row of an answer.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(super) fn maybe_int(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    pub(super) fn int(&self, column: &str) -> Result<i64, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    pub(super) fn maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    pub(super) fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    pub(super) fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

/// `$query` with `$args` bound to it, in order.
macro_rules! bound {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match *arg {
                Arg::Int(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Link {
    /// Run one statement; its rows.
    pub(super) fn ask(&mut self, runtime: &Runtime, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(link) => {
                let rows = runtime.block_on(bound!(sqlx::query(sql), args).fetch_all(link))?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(link) => {
                let rows = patiently(runtime, bound!(sqlx::query(sql), args).fetch_all(link))?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Run one statement without arguments; nothing is prepared for the next time.
    pub(super) fn say(&mut self, runtime: &Runtime, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(link) => runtime.block_on(sqlx::query(sql).execute(link)).map(drop),
            Self::Postgres(link) => {
                use sqlx::Executor as _;
                patiently(runtime, link.execute(sqlx::raw_sql(sql))).map(drop)
            }
        }
    }

    /// Whether the server is on the other side of a connection.
    pub(super) const fn is_server(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

/// A server that is gone without a word must not hold the caller for good.
pub(super) fn patiently<T>(
    runtime: &Runtime,
    task: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, task)
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
    })
}

/// Whether the connection is gone, so that another one may help.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            // Connection exceptions, shutdowns, and a database that is there again without its tables.
            .is_some_and(|e| e.code().starts_with("08") || matches!(e.code(), "57P01" | "57P02" | "57P03" | "42P01")),
        _ => false,
    }
}

/// Whether the same transaction may go through when it is tried again.
pub(super) fn is_clash(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .is_some_and(|e| matches!(e.code(), "40001" | "40P01"))
    })
}
