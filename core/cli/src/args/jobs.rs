//! `deepcoder jobs`

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use deepcoder_types::{Effort, JobState};
use std::path::PathBuf;
use std::time::Duration;

/// `deepcoder jobs`
#[derive(Debug, Subcommand)]
pub(crate) enum JobsVerb {
    /// Add a background job
    ///
    /// The result waits for `deepcoder jobs review`, unless --apply, --branch or --worktree delivers it.
    #[command(override_usage = "deepcoder jobs add [OPTIONS] [VERB] <INSTRUCTION> [PATHS]...\n       \
                                deepcoder jobs add [OPTIONS] [VERB] -m <INSTRUCTION> [PATHS]...")]
    Add(Box<JobAddArgs>),
    /// List the jobs of this repository, newest first; outside of a repository, all jobs
    List(JobListArgs),
    /// Show the request, state and result of a job
    Show(JobArgs),
    /// Show the events of a job
    Logs(JobLogsArgs),
    /// Accept or reject the result of a job, whole or in part
    ///
    /// On a terminal, asks hunk by hunk, as `git add -p` does.
    Review(JobReviewArgs),
    /// Cancel jobs; a running job stops within one step of the model
    Cancel(JobsArgs),
    /// Retry jobs that failed, were cancelled or were rejected
    Retry(JobsArgs),
    /// Pause jobs; a running job stops, and starts over when it is resumed
    Pause(JobsArgs),
    /// Resume paused jobs
    Resume(JobsArgs),
}

/// `deepcoder jobs add`
#[derive(Debug, Args)]
pub(crate) struct JobAddArgs {
    /// Optional verb [default: edit], then the instruction (`-` reads it from standard input), then files, directories or
    /// globs. Without paths, deepcoder chooses the file that the instruction names
    #[arg(value_name = "INSTRUCTION_AND_PATHS")]
    pub(crate) words: Vec<String>,
    /// Instruction; makes every positional argument but the verb a path
    #[arg(short, long, value_name = "INSTRUCTION")]
    pub(crate) message: Option<String>,
    /// Files, directories and globs (repeatable)
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) paths: Vec<String>,
    /// Apply the result to the working tree; `deepcoder undo` reverts it
    #[arg(long, group = "landing")]
    pub(crate) apply: bool,
    /// Branch to commit the result on, created if missing; leaves the working tree unchanged
    #[arg(long, value_name = "NAME", group = "landing")]
    pub(crate) branch: Option<String>,
    /// New linked working tree to commit the result in, on a branch of the same name
    #[arg(long, value_name = "DIR", group = "landing")]
    pub(crate) worktree: Option<PathBuf>,
    /// Time to start, such as 18:30 or "2026-12-24 18:30"
    #[arg(long, value_name = "TIME", group = "schedule")]
    pub(crate) at: Option<String>,
    /// Delay before the start, such as 90s, 30m or 2h
    #[arg(long = "in", value_name = "TIME", value_parser = duration, group = "schedule")]
    pub(crate) delay: Option<Duration>,
    /// Cron schedule (minute, hour, day of month, month, day of week), such as "0 3 * * mon-fri"
    #[arg(long, value_name = "CRON", group = "schedule")]
    pub(crate) cron: Option<String>,
    /// Run whenever one of the files changes in a watched repository
    #[arg(long, group = "schedule")]
    pub(crate) on_change: bool,
    /// Job to wait for (repeatable); if it fails, this job fails too
    #[arg(long, value_name = "ID")]
    pub(crate) after: Vec<String>,
    /// Priority; higher runs first
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) priority: i32,
    /// Maximum number of attempts
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) attempts: u32,
    /// Time limit of an attempt, such as 90s, 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Idempotency key: if this repository already has a job with this key, return that job
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// How much work the result is worth [default: that of the daemon's settings]
    #[arg(long, value_name = "EFFORT", value_parser = PossibleValuesParser::new(Effort::NAMES))]
    pub(crate) effort: Option<String>,
    /// Option of the verb (repeatable)
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub(crate) option: Vec<String>,
    /// Follow the job to its end; the exit code is that of the job
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// State of a job, as on the command line.
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
    /// State of the jobs to list (repeatable)
    #[arg(long, value_name = "STATE", value_enum)]
    pub(crate) state: Vec<StateChoice>,
    /// List the jobs of all repositories
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Maximum number of jobs to list
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Job to list older ones of: the next page
    #[arg(long, value_name = "ID")]
    pub(crate) before: Option<String>,
}

/// A job.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// Id of the job, or a unique prefix
    pub(crate) id: String,
}

/// Some jobs.
#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    /// Ids of the jobs, or unique prefixes
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

/// `deepcoder jobs logs`
#[derive(Debug, Args)]
pub(crate) struct JobLogsArgs {
    /// Id of the job, or a unique prefix
    pub(crate) id: String,
    /// Follow until the job ends or waits for a review; the exit code is that of the job
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// The decision about a result, in words.
#[derive(Debug, Args)]
pub(crate) struct DecisionArgs {
    /// Part to accept: all, FILE, or hunks as FILE:1,3-5 (repeatable)
    #[arg(long, value_name = "WHAT", num_args = 1.., conflicts_with = "reject")]
    pub(crate) accept: Vec<String>,
    /// Part to reject: all, FILE, or hunks as FILE:1,3-5; the rest is accepted (repeatable)
    #[arg(long, value_name = "WHAT", num_args = 1..)]
    pub(crate) reject: Vec<String>,
    /// Accept the result even if verification failed; the history records that
    #[arg(long)]
    pub(crate) no_verify: bool,
}

/// `deepcoder jobs review`
#[derive(Debug, Args)]
pub(crate) struct JobReviewArgs {
    /// Id of the job, or a unique prefix
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
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
    seconds.map(Duration::from_secs).ok_or_else(|| "must be at most a year".into())
}
