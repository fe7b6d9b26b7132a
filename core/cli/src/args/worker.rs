//! `deepcoder worker`

use clap::Args;

/// `deepcoder worker`
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// The daemon's process, which this one does not outlive
    #[arg(long, value_name = "PID")]
    pub(crate) parent: u32,
}
