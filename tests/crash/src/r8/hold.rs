//! Somebody else who holds the file, in a process of its own: SQLite's locks belong to a process, and one that closes the
//! file gives up all of its own.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// Holds a file for a while.
#[derive(clap::Args)]
pub(crate) struct HoldAct {
    #[arg(long)]
    file: PathBuf,
    #[arg(long)]
    ms: u64,
}

/// As a program that copies the file, or writes to it, does: nobody else can write meanwhile.
pub(crate) fn act(act: &HoldAct) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let held: Result<(), sqlx::Error> = runtime.block_on(async {
        // Whoever has it now may have been put to sleep, and is not woken up before this gives up.
        let options = SqliteConnectOptions::new().filename(&act.file).busy_timeout(Duration::from_secs(1));
        let mut connection: SqliteConnection = options.connect().await?;
        connection.execute("BEGIN IMMEDIATE").await?;
        tokio::time::sleep(Duration::from_millis(act.ms)).await;
        connection.execute("ROLLBACK").await?;
        connection.close().await
    });
    if held.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Hold `file` for `time`; whether it was held.
pub(super) fn hold(file: &Path, time: Duration) -> bool {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["hold", "--ms", &time.as_millis().to_string(), "--file"]).arg(file).stdin(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
