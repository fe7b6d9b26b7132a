//! `deepcoder help`

use clap::Args;

/// `deepcoder help`
#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// Command, such as edit or jobs add
    pub(crate) verb: Vec<String>,
}
