//! The verbs that deal with edits already made.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Which bytes of a file that an edit touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateChoice {
    /// Those from before the edit.
    Before,
    /// Those that the edit wrote, or was about to write.
    After,
    /// Those that another program wrote to the old file while the edit was applied.
    Kept,
}

impl StateChoice {
    /// What stands between "it did not exist" and "the edit".
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
    /// The edit, as `deepcoder log` shows it; a beginning of its id will do
    pub(crate) id: String,
    /// A file to bring back (may be repeated); one that did not exist before the edit is removed
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) path: Vec<String>,
    /// Write the bytes to a new file instead, or with `-` to standard output
    #[arg(long, value_name = "FILE|-")]
    pub(crate) to: Option<PathBuf>,
    /// Which bytes: from before the edit, those that it wrote, or those that somebody else wrote meanwhile
    #[arg(long, value_name = "STATE", value_enum, default_value = "before")]
    pub(crate) state: StateChoice,
}

/// `deepcoder undo`
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// The edit to take back, as `deepcoder log` shows it [default: the last]
    pub(crate) id: Option<String>,
}

/// `deepcoder log`
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Only the edits of these files and folders
    pub(crate) paths: Vec<String>,
    /// The most entries to show
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: u32,
    /// Show what each edit did, as a diff
    #[arg(short, long)]
    pub(crate) patch: bool,
}

/// `deepcoder debug`
#[derive(Debug, Subcommand)]
pub(crate) enum DebugVerb {
    /// The steps of applying an edit, in their order. A debug build does what DEEPCODER_STEP says at one of them:
    /// STEP[:N]=kill, =stop or =ERRNO
    Steps,
}
