//! `deepcoder hook`

use clap::{Args, Subcommand, ValueEnum};
use deepcoder_hook::HookType;
use std::ffi::OsString;

/// `deepcoder hook`
#[derive(Debug, Subcommand)]
pub(crate) enum HookVerb {
    /// Install a git hook in this repository; one that is there is kept and runs first
    Install(HookInstallArgs),
    /// Remove it; the hook that was there before is back, byte for byte
    Uninstall(HookUninstallArgs),
    /// Run a hook, as git does
    ///
    /// Looks at what is staged, not at the work tree. What deepcoder.toml says is to be fixed is fixed in the index and,
    /// where that can be done without touching other changes, in the work tree.
    Run(HookRunArgs),
    /// Say which hooks are installed, and what is trusted
    Status,
    /// Trust deepcoder.toml as it is now: its instructions to the model count until the file changes
    Trust,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HookChoice {
    /// Before a commit is made of what is staged
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
    /// When it runs (may be repeated)
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value = "pre-commit")]
    pub(crate) types: Vec<HookChoice>,
    /// Also into a folder that core.hooksPath sets for all repositories
    #[arg(long)]
    pub(crate) global: bool,
}

/// `deepcoder hook uninstall`
#[derive(Debug, Args)]
pub(crate) struct HookUninstallArgs {
    /// Only this one (may be repeated) [default: all that are installed]
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub(crate) types: Vec<HookChoice>,
    /// Also from a folder that core.hooksPath sets for all repositories
    #[arg(long)]
    pub(crate) global: bool,
}

/// `deepcoder hook run`
#[derive(Debug, Args)]
pub(crate) struct HookRunArgs {
    /// Which hook
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value = "pre-commit")]
    pub(crate) hook: HookChoice,
    /// Look at the files named here instead of the index, and leave the index alone: for pre-commit and prek
    #[arg(long)]
    pub(crate) files: bool,
    /// Refuse the commit when something could not be done in time
    #[arg(long)]
    pub(crate) strict: bool,
    /// How long it may take [default: what deepcoder.toml says, or 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) deadline: Option<f64>,
    /// What git tells the hook, or the files
    #[arg(value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|s| (0.1..=3600.0).contains(s)).ok_or_else(|| "it is from 0.1 to 3600 seconds".into())
}
