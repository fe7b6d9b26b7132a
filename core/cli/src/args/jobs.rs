//! `deepcoder jobs`

use clap::{Args, Subcommand, ValueEnum};
use deepcoder_types::JobState;
use std::path::PathBuf;
use std::time::Duration;

/// `deepcoder jobs`
#[derive(Debug, Subcommand)]
pub(crate) enum JobsVerb {
    /// Have something done in the background
    ///
    /// What comes of it waits for `deepcoder jobs review`, unless --apply, --branch or --worktree says where it goes.
    #[command(override_usage = "deepcoder jobs add [OPTIONS] [VERB] <INSTRUCTION> [PATHS]...\n       \
                                deepcoder jobs add [OPTIONS] [VERB] -m <INSTRUCTION> [PATHS]...")]
    Add(Box<JobAddArgs>),
    /// List jobs, newest first: those of this repository, or of all outside of one
    List(JobListArgs),
    /// Show a job: what was asked, how it stands, what it came to
    Show(JobArgs),
    /// Show what happened to a job
    Logs(JobLogsArgs),
    /// Decide about the result of a job: accept all, some hunks, or nothing
    ///
    /// On a terminal you are asked hunk by hunk, as `git add -p` does.
    Review(JobReviewArgs),
    /// Cancel jobs; one that runs ends within one step of the model
    Cancel(JobsArgs),
    /// Try jobs again that failed, were cancelled or were rejected
    Retry(JobsArgs),
    /// Hold jobs back; one that runs gives way, and begins anew when it is resumed
    Pause(JobsArgs),
    /// Let jobs go on
    Resume(JobsArgs),
}

/// `deepcoder jobs add`
#[derive(Debug, Args)]
pub(crate) struct JobAddArgs {
    /// What to do, in words (`-` reads it from standard input), and then the files, folders or globs; a verb before
    /// them, such as explain, asks for something else than an edit. Without paths the files are chosen by what the
    /// instruction says
    #[arg(value_name = "INSTRUCTION_AND_PATHS")]
    pub(crate) words: Vec<String>,
    /// The instruction; every other argument but a verb is then a path
    #[arg(short, long, value_name = "INSTRUCTION")]
    pub(crate) message: Option<String>,
    /// Files, folders and globs, as behind the instruction (may be repeated)
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) paths: Vec<String>,
    /// Write the result into the work tree; `deepcoder undo` takes it back
    #[arg(long, group = "landing")]
    pub(crate) apply: bool,
    /// Commit the result on this branch, made where it does not exist; the work tree is not touched
    #[arg(long, value_name = "NAME", group = "landing")]
    pub(crate) branch: Option<String>,
    /// Commit the result in a new work tree in this folder, on a branch of its name
    #[arg(long, value_name = "DIR", group = "landing")]
    pub(crate) worktree: Option<PathBuf>,
    /// Not before this time, such as 18:30 or "2026-12-24 18:30"
    #[arg(long, value_name = "TIME", group = "schedule")]
    pub(crate) at: Option<String>,
    /// Not before this much time has passed, such as 90s, 30m or 2h
    #[arg(long = "in", value_name = "TIME", value_parser = duration, group = "schedule")]
    pub(crate) delay: Option<Duration>,
    /// Again and again: minute, hour, day of the month, month, day of the week, such as "0 3 * * mon-fri"
    #[arg(long, value_name = "CRON", group = "schedule")]
    pub(crate) cron: Option<String>,
    /// Each time that one of the files changes while the repository is watched
    #[arg(long, group = "schedule")]
    pub(crate) on_change: bool,
    /// Once this job is done (may be repeated); if it fails, so does this one
    #[arg(long, value_name = "ID")]
    pub(crate) after: Vec<String>,
    /// Higher goes first
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) priority: i32,
    /// How often it may be tried
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) attempts: u32,
    /// The longest that an attempt may take, such as 90s, 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// A name: where this repository has a job of that name, that one is meant, and none is added
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// An option of the verb (may be repeated)
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub(crate) option: Vec<String>,
    /// Follow it to its end; the exit code says how that was
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// How a job stands, as on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateChoice {
    Waiting,
    Scheduled,
    Queued,
    Running,
    Paused,
    Review,
    Done,
    Rejected,
    Failed,
    Cancelled,
}

impl From<StateChoice> for JobState {
    fn from(choice: StateChoice) -> Self {
        match choice {
            StateChoice::Waiting => Self::Waiting,
            StateChoice::Scheduled => Self::Scheduled,
            StateChoice::Queued => Self::Queued,
            StateChoice::Running => Self::Running,
            StateChoice::Paused => Self::Paused,
            StateChoice::Review => Self::Review,
            StateChoice::Done => Self::Done,
            StateChoice::Rejected => Self::Rejected,
            StateChoice::Failed => Self::Failed,
            StateChoice::Cancelled => Self::Cancelled,
        }
    }
}

/// `deepcoder jobs list`
#[derive(Debug, Args)]
pub(crate) struct JobListArgs {
    /// Only those that stand so (may be repeated)
    #[arg(long, value_name = "STATE", value_enum)]
    pub(crate) state: Vec<StateChoice>,
    /// Of all repositories
    #[arg(short, long)]
    pub(crate) all: bool,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Only those older than this one: the next page
    #[arg(long, value_name = "ID")]
    pub(crate) before: Option<String>,
}

/// A job.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job, or the beginning of its id
    pub(crate) id: String,
}

/// Some jobs.
#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    /// The jobs, or the beginnings of their ids
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

/// `deepcoder jobs logs`
#[derive(Debug, Args)]
pub(crate) struct JobLogsArgs {
    /// The job, or the beginning of its id
    pub(crate) id: String,
    /// Go on until it is over or waits for a decision; the exit code says how it ended
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// `deepcoder jobs review`
#[derive(Debug, Args)]
pub(crate) struct JobReviewArgs {
    /// The job, or the beginning of its id
    pub(crate) id: String,
    /// Accept: all, a file, or hunks of it as FILE:1,3-5 (may be repeated)
    #[arg(long, value_name = "WHAT", num_args = 1.., conflicts_with = "reject")]
    pub(crate) accept: Vec<String>,
    /// Reject: all, or a file or hunks as above; what is left is accepted
    #[arg(long, value_name = "WHAT", num_args = 1..)]
    pub(crate) reject: Vec<String>,
    /// Accept also a result with errors; the history records it
    #[arg(long)]
    pub(crate) no_verify: bool,
}

/// `90`, `90s`, `30m`, `2h`, `1d`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].trim() {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("write it like 90s, 30m, 2h or 1d".into()),
    };
    let number: u64 = digits.trim().parse().map_err(|_| "write it like 90s, 30m, 2h or 1d")?;
    let seconds = number.checked_mul(unit).filter(|seconds| *seconds <= 366 * 86_400);
    seconds.map(Duration::from_secs).ok_or_else(|| "that is more than a year".into())
}
