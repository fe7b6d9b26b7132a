//! Codemods that are learned.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `deepcoder codemod`
#[derive(Debug, Subcommand)]
pub(crate) enum CodemodVerb {
    /// Generalise an edit to a pattern, show its matches in the repository, and change them
    ///
    /// A learned pattern waits for a review: with --yes alone nothing is written. `deepcoder refactor codemod` runs a pattern
    /// that you write.
    Learn(LearnArgs),
}

/// `deepcoder codemod learn`
#[derive(Debug, Args)]
pub(crate) struct LearnArgs {
    /// Id of the edit or task to learn from, or a unique prefix of it; `deepcoder log` shows the ids [default: the last edit]
    #[arg(conflicts_with = "before")]
    pub(crate) edit: Option<String>,
    /// File with the code before a change, to learn from two files
    #[arg(long, value_name = "FILE", requires = "after")]
    pub(crate) before: Option<PathBuf>,
    /// File with the code after the change
    #[arg(long, value_name = "FILE", requires = "before")]
    pub(crate) after: Option<PathBuf>,
    /// Language of the two files [default: by the name of the first]
    #[arg(long, value_name = "NAME", requires = "before")]
    pub(crate) language: Option<String>,
    /// File, directory or glob to change (repeatable) [default: the whole repository]
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Vec<String>,
    /// Print the diff and write nothing; exit code 1 if there is one
    #[arg(short = 'n', long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Apply without asking, unless the change needs your review, which a learned pattern does
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// With --yes: also apply a change that needs your review
    #[arg(long, visible_alias = "force", requires = "yes")]
    pub(crate) unreviewed: bool,
}
