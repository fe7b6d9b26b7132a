//! `deepcoder checks`

use clap::{Args, Subcommand};

/// `deepcoder checks`
#[derive(Debug, Subcommand)]
pub(crate) enum ChecksVerb {
    /// List the checks of deepcoder.toml and whether it is trusted
    List,
    /// Run the checks on a copy of the working tree
    ///
    /// A check runs in a sandbox: it has no network, and it writes to the copy only. Exit code 1: a check fails, or gives no
    /// result.
    Run(ChecksRunArgs),
    /// Suggest checks that fit this repository, as text for deepcoder.toml
    Suggest,
    /// Show what the checks would run, and trust deepcoder.toml until the file changes
    Trust,
}

/// `deepcoder checks run`
#[derive(Debug, Args)]
pub(crate) struct ChecksRunArgs {
    /// Names of checks [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}
