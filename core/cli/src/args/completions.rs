//! `deepcoder completions`

use clap::Args;
use clap_complete::Shell;

/// `deepcoder completions`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to print the script for
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
