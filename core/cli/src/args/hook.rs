//! `deepcoder hook`

use clap::{Args, Subcommand, ValueEnum};
use deepcoder_hook::HookType;
use std::ffi::OsString;

/// `deepcoder hook`
#[derive(Debug, Subcommand)]
pub(crate) enum HookVerb {
    /// Install a git hook in this repository; an existing hook is kept and runs first
    Install(HookInstallArgs),
    /// Uninstall the hook and put the previous one back, byte for byte
    Uninstall(HookUninstallArgs),
    /// Run a hook, as git does
    ///
    /// Checks the staged content, not the working tree. Fixes that deepcoder.toml asks for go into the index and, where
    /// they merge cleanly with unstaged changes, into the working tree.
    Run(HookRunArgs),
    /// Show the installed hooks and whether deepcoder.toml is trusted
    Status,
    /// Trust the instructions in deepcoder.toml until the file changes
    Trust,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HookChoice {
    /// Before a commit is made
    PreCommit,
    /// Before commits are pushed
    PrePush,
    /// Once the message of a commit is written
    CommitMsg,
}

impl From<HookChoice> for HookType {
    fn from(choice: HookChoice) -> Self {
        match choice {
            HookChoice::PreCommit => Self::PreCommit,
            HookChoice::PrePush => Self::PrePush,
            HookChoice::CommitMsg => Self::CommitMsg,
        }
    }
}

/// `deepcoder hook install`
#[derive(Debug, Args)]
pub(crate) struct HookInstallArgs {
    /// Type of the hook (repeatable)
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value = "pre-commit")]
    pub(crate) types: Vec<HookChoice>,
    /// Allow a directory that core.hooksPath sets for all repositories
    #[arg(long)]
    pub(crate) global: bool,
}

/// `deepcoder hook uninstall`
#[derive(Debug, Args)]
pub(crate) struct HookUninstallArgs {
    /// Type of the hook (repeatable) [default: all installed hooks]
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub(crate) types: Vec<HookChoice>,
    /// Allow a directory that core.hooksPath sets for all repositories
    #[arg(long)]
    pub(crate) global: bool,
}

/// `deepcoder hook run`
#[derive(Debug, Args)]
pub(crate) struct HookRunArgs {
    /// Type of the hook
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value = "pre-commit")]
    pub(crate) hook: HookChoice,
    /// Check the named files instead of the index, and leave the index unchanged: for pre-commit and prek
    #[arg(long)]
    pub(crate) files: bool,
    /// Refuse the commit if the deadline passes
    #[arg(long)]
    pub(crate) strict: bool,
    /// Deadline in seconds [default: that of deepcoder.toml, or 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) deadline: Option<f64>,
    /// Arguments that git gives to the hook, or the files
    #[arg(value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|s| (0.1..=3600.0).contains(s)).ok_or_else(|| "must be from 0.1 to 3600 seconds".into())
}
