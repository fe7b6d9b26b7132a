//! `deepcoder watch`

use clap::Args;

/// `deepcoder watch`
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Start watching in the daemon and return
    #[arg(long, conflicts_with_all = ["list", "stop", "once"])]
    pub(crate) detach: bool,
    /// List the watched repositories
    #[arg(long, conflicts_with_all = ["stop", "once"])]
    pub(crate) list: bool,
    /// Stop watching this repository
    #[arg(long, conflicts_with = "once")]
    pub(crate) stop: bool,
    /// Exit after the first job
    #[arg(long)]
    pub(crate) once: bool,
}
