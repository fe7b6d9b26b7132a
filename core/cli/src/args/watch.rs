//! `deepcoder watch`

use clap::Args;

/// `deepcoder watch`
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Have the daemon watch it and return at once
    #[arg(long, conflicts_with_all = ["list", "stop", "once"])]
    pub(crate) detach: bool,
    /// List what is watched
    #[arg(long, conflicts_with_all = ["stop", "once"])]
    pub(crate) list: bool,
    /// Watch this repository no more
    #[arg(long, conflicts_with = "once")]
    pub(crate) stop: bool,
    /// End after the first job that is made of a change or a comment
    #[arg(long)]
    pub(crate) once: bool,
}
