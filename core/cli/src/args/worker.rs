//! `deepcoder worker`

use clap::Args;

/// `deepcoder worker`
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// Process id of the daemon, which this process does not outlive
    #[arg(long, value_name = "PID")]
    pub(crate) parent: u32,
}
