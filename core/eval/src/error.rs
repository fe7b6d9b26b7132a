//! Why a benchmark could not be run.

use deepcoder_types::{GenerateError, Hint};
use deepcoder_verify::sandbox::SandboxError;
use std::io;
use std::path::PathBuf;

/// Why a benchmark ended without a score. A task that fails is no error: it is a [`crate::Record`].
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A data file cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of a data file is not a task.
    #[error("`{}` line {line} is not a task of this benchmark: {message}", path.display())]
    Task {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The error, in words.
        message: String,
    },
    /// A task of edits cannot be read.
    #[error("{place} of `{}` is not a task of edits: {message}", path.display())]
    Edit {
        /// The file or directory.
        path: PathBuf,
        /// Which part of it.
        place: String,
        /// The error, in words.
        message: String,
    },
    /// A program that a test runs is missing.
    #[error("the test of `{task}` needs `{name}`, which is not on the PATH")]
    Tool {
        /// The program.
        name: String,
        /// The first task that needs it.
        task: String,
    },
    /// Two tasks cannot be told apart.
    #[error("the data holds the task `{0}` twice")]
    Duplicate(String),
    /// Nothing is left to run.
    #[error("no task is selected")]
    NoTasks,
    /// The file of results belongs to another model, benchmark or setting.
    #[error("`{}` holds results of another run ({found}), this one is {wanted}", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// The run whose results it holds.
        found: String,
        /// This run.
        wanted: String,
    },
    /// The file of results cannot be read or written.
    #[error("the results in `{}` cannot be used: {source}", path.display())]
    Results {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The Python that runs the tests cannot be used.
    #[error("`{}` is not a usable Python: {message}", path.display())]
    Python {
        /// The program.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// There is too little to calibrate with.
    #[error("{results} results with several candidates, {right} of them right, are too few to calibrate with")]
    TooFew {
        /// The results that several candidates were compared for.
        results: usize,
        /// The right ones among them.
        right: usize,
        /// The least number of results.
        least: usize,
    },
    /// A test could not be run.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A folder for a test could not be made.
    #[error("no folder can be made in `{}`: {source}", path.display())]
    Scratch {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The model failed in a way that every task would.
    #[error("the model stopped at task {task}: {source}")]
    Model {
        /// The task.
        task: String,
        /// Why.
        source: GenerateError,
    },
    /// The user cancelled. The results so far are kept where a file for them was given.
    #[error("cancelled after {done} of {total} tasks")]
    Cancelled {
        /// Tasks that have a result.
        done: usize,
        /// Tasks selected.
        total: usize,
    },
}

impl Hint for EvalError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("give the benchmark's data file, plain or gzipped".into()),
            Self::TooFew { least, .. } => Some(format!(
                "`deepcoder eval edits --data FILE --out FILE` makes results; {least} are the least, some right and some wrong"
            )),
            Self::NoTasks => Some("the names of tasks are like those in the data file, such as HumanEval/3".into()),
            Self::OtherRun { .. } => Some("name another file for the results, or remove this one".into()),
            Self::Python { .. } => Some("name a Python 3.9 or later".into()),
            Self::Cancelled { .. } => {
                Some("the same command with the same file of results goes on where it ended".into())
            }
            Self::Sandbox(error) => error.hint(),
            Self::Model { source, .. } => source.hint(),
            Self::Edit { .. } => Some(
                "give JSON lines with the fields task_id, instruction, context, input, output and test, or a \
                 directory as docs/lab/edits.md describes"
                    .into(),
            ),
            Self::Tool { .. } => Some("install it, or choose tasks with --only".into()),
            Self::Duplicate(_) => Some("give every task a name of its own".into()),
            Self::Task { .. } | Self::Results { .. } | Self::Scratch { .. } => None,
        }
    }
}
