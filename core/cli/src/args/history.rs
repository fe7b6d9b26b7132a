//! The verbs that deal with edits already made.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Version of a file that an edit touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateChoice {
    /// Before the edit
    Before,
    /// As the edit wrote it, or was about to
    After,
    /// As another program wrote it while the edit was applied
    Kept,
}

impl StateChoice {
    /// The word between "it did not exist" and "the edit".
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Kept => "beside",
        }
    }
}

/// `deepcoder restore`
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// Id of the edit, or a unique prefix of it; `deepcoder log` shows the ids
    pub(crate) id: String,
    /// File to restore (repeatable); removed if it did not exist before the edit
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) path: Vec<String>,
    /// New file to write to instead, or `-` for standard output
    #[arg(long, value_name = "FILE|-")]
    pub(crate) to: Option<PathBuf>,
    /// Version to restore
    #[arg(long, value_name = "STATE", value_enum, default_value = "before")]
    pub(crate) state: StateChoice,
}

/// `deepcoder undo`
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// Id of the edit to revert, or a unique prefix of it [default: the last edit]
    pub(crate) id: Option<String>,
}

/// `deepcoder log`
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Files and directories whose edits to list [default: all]
    pub(crate) paths: Vec<String>,
    /// Maximum number of edits to list
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: u32,
    /// Show the diff of each edit
    #[arg(short, long)]
    pub(crate) patch: bool,
}

/// `deepcoder debug`
#[derive(Debug, Subcommand)]
pub(crate) enum DebugVerb {
    /// List the steps of applying an edit; DEEPCODER_STEP=STEP[:N]=kill, =stop or =ERRNO makes a debug build fail there
    Steps,
}
