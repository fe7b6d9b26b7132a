//! `deepcoder tasks`

use clap::{Args, Subcommand};

/// `deepcoder tasks`
#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<TasksVerb>,
    /// Tasks of every repository, not only of this one
    #[arg(long)]
    pub(crate) all: bool,
}

/// `deepcoder tasks VERB`
#[derive(Debug, Subcommand)]
pub(crate) enum TasksVerb {
    /// Show a task: the request, its state and its result
    Show(TaskArgs),
    /// Follow a task to its end, and show its result
    Follow(TaskArgs),
    /// Decide about a result that waits: accept all, some hunks, or nothing
    ///
    /// At a terminal each hunk is asked for, as `git add -p` does.
    Review(TaskReviewArgs),
    /// Cancel tasks; one that runs ends within one step of the model
    Cancel(TaskListArgs),
}

/// A task.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// The task, or the beginning of its id
    pub(crate) id: String,
}

/// Tasks.
#[derive(Debug, Args)]
pub(crate) struct TaskListArgs {
    /// The tasks, or the beginnings of their ids
    #[arg(required = true)]
    pub(crate) ids: Vec<String>,
}

/// `deepcoder tasks review`
#[derive(Debug, Args)]
pub(crate) struct TaskReviewArgs {
    /// The task, or the beginning of its id
    pub(crate) id: String,
    /// Accept: all, a file, or hunks of it as FILE:1,3-5 (may be repeated)
    #[arg(long, value_name = "WHAT", num_args = 1.., conflicts_with = "reject")]
    pub(crate) accept: Vec<String>,
    /// Reject: all, or a file or hunks as above; the rest is accepted
    #[arg(long, value_name = "WHAT", num_args = 1..)]
    pub(crate) reject: Vec<String>,
    /// Accept also a result with errors; the history records it
    #[arg(long)]
    pub(crate) no_verify: bool,
}
