//! `deepcoder tasks`

use super::jobs::DecisionArgs;
use clap::{Args, Subcommand};

/// `deepcoder tasks`
#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<TasksVerb>,
    /// List the tasks of all repositories
    #[arg(long)]
    pub(crate) all: bool,
}

/// `deepcoder tasks VERB`
#[derive(Debug, Subcommand)]
pub(crate) enum TasksVerb {
    /// Show the request, state and result of a task
    Show(TaskArgs),
    /// Follow a task to its end and show its result
    Follow(TaskArgs),
    /// Accept or reject the result of a task, whole or in part
    ///
    /// On a terminal, asks hunk by hunk, as `git add -p` does.
    Review(TaskReviewArgs),
    /// Cancel tasks; a running task stops within one step of the model
    Cancel(TaskListArgs),
}

/// A task.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// Id of the task, or a unique prefix
    pub(crate) id: String,
}

/// Tasks.
#[derive(Debug, Args)]
pub(crate) struct TaskListArgs {
    /// Ids of the tasks, or unique prefixes
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

/// `deepcoder tasks review`
#[derive(Debug, Args)]
pub(crate) struct TaskReviewArgs {
    /// Id of the task, or a unique prefix
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
}
