//! The command line as clap sees it. Help texts are the reference documentation of every flag.

mod help;
mod history;
mod hook;
mod jobs;
mod service;
mod tasks;
mod watch;
mod worker;

pub(crate) use help::HelpArgs;
pub(crate) use history::{DebugVerb, LogArgs, RestoreArgs, StateChoice, UndoArgs};
pub(crate) use hook::{HookInstallArgs, HookRunArgs, HookUninstallArgs, HookVerb};
pub(crate) use jobs::{JobAddArgs, JobArgs, JobListArgs, JobLogsArgs, JobReviewArgs, JobsArgs, JobsVerb};
pub(crate) use service::{ServiceInstallArgs, ServiceVerb};
pub(crate) use tasks::{TaskReviewArgs, TasksArgs, TasksVerb};
pub(crate) use watch::WatchArgs;
pub(crate) use worker::WorkerArgs;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How far a completion goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExtentChoice {
    /// The line when something stands after the place, otherwise the block.
    Auto,
    /// To the end of the line.
    Line,
    /// As far as the block goes.
    Block,
}

impl ExtentChoice {
    /// The name that the plugin knows.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Line => "line",
            Self::Block => "block",
        }
    }
}

/// Edits code in git repositories with a language model that runs on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "deepcoder",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 done · 1 findings, or a dry run that would change something · 2 wrong use or an \
                  error · 130 interrupted\n\
                  Start with: deepcoder pull, then deepcoder edit \"add type hints\" src/util.py"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags that every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Work as if started in DIR; paths on the command line are relative to it
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Print JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The model to use (see `deepcoder models list`)
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) model: Option<String>,
    /// Seed for sampling: the same seed, model and input give the same text
    #[arg(long, value_name = "N", global = true)]
    pub(crate) seed: Option<u64>,
    /// Threads for inference; the model then runs in this process [default: the physical cores]
    #[arg(long, value_name = "N", global = true)]
    pub(crate) threads: Option<usize>,
    /// Run the model in this process and leave the daemon alone
    #[arg(long, global = true)]
    pub(crate) no_daemon: bool,
    /// Override a key of config.toml for this call, such as device=cpu
    #[arg(short = 'c', long = "config", value_name = "KEY=VALUE", global = true)]
    pub(crate) config: Vec<String>,
    /// When to use colours: auto, always or never
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", global = true, hide_possible_values = true)]
    pub(crate) color: ColorChoice,
    /// Say only what was asked for, and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more about what is going on; twice for everything
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Change files as instructed
    ///
    /// The diff is printed on standard output. On a terminal you are asked before anything is written; elsewhere
    /// nothing is written without --yes. What was applied is taken back by `deepcoder undo`.
    #[command(override_usage = "deepcoder edit [OPTIONS] <INSTRUCTION> [PATHS]...\n       \
                                deepcoder edit [OPTIONS] -m <INSTRUCTION> [PATHS]...")]
    Edit(EditArgs),
    /// Take back an edit, exactly; files that were changed since are never overwritten
    Undo(UndoArgs),
    /// Bring single files back to what they were before an edit
    ///
    /// What the files hold now is kept: `deepcoder undo` brings it back.
    Restore(RestoreArgs),
    /// List the edits made in this repository, newest first
    Log(LogArgs),
    /// Let the model answer a prompt
    Generate(GenerateArgs),
    /// Suggest what to insert at a place in a file
    Complete(CompleteArgs),
    /// Explain code, in words
    #[command(override_usage = "deepcoder explain [OPTIONS] [QUESTION] [PATHS]...")]
    Explain(ExplainArgs),
    /// Download a model and make it ready
    Pull(PullArgs),
    /// Make a model ready from a GGUF file or a folder with safetensors
    Import(ImportArgs),
    /// The models on this machine
    #[command(subcommand)]
    Models(ModelsVerb),
    /// Run the daemon that keeps the model in memory (the other verbs start it when they need it)
    Serve(ServeArgs),
    /// Tasks: requests in flight, and results that wait for a decision
    Tasks(TasksArgs),
    /// Background jobs: add them, follow them, decide about what they came to
    #[command(subcommand)]
    Jobs(JobsVerb),
    /// Watch a repository: comments that end with AI! are done, and those with AI? are answered
    ///
    /// Jobs that wait for changes run as well. The daemon goes on watching when this ends, and after a restart.
    Watch(WatchArgs),
    /// Compute for the daemon, which starts this itself
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// Say what the daemon is doing
    Status,
    /// Stop the daemon
    Stop,
    /// Have the system start the daemon when you log in, and again when it dies
    #[command(subcommand)]
    Service(ServiceVerb),
    /// Look at what is staged before every commit, and put it right
    #[command(subcommand)]
    Hook(HookVerb),
    /// Measure a model on a public benchmark
    #[command(subcommand)]
    Eval(EvalVerb),
    /// Measure a model's speed on this machine
    Bench(BenchArgs),
    /// Check that everything that deepcoder needs is there
    Doctor,
    /// Make a small sample repository, edit it, and show the diff
    Demo(DemoArgs),
    /// Explain a verb, as its --help does
    Help(HelpArgs),
    /// Print the version
    Version,
    /// For tests of deepcoder itself
    #[command(subcommand, hide = true)]
    Debug(DebugVerb),
}

/// `deepcoder edit`
#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    /// What to do, in words (`-` reads it from standard input), and then the files, folders or globs to change;
    /// FILE:10-40 means these lines of it. Without paths the file is chosen by what the instruction says
    #[arg(value_name = "INSTRUCTION_AND_PATHS")]
    pub(crate) words: Vec<String>,
    /// The instruction; every other argument is then a path
    #[arg(short, long, value_name = "INSTRUCTION")]
    pub(crate) message: Option<String>,
    /// Print the diff and write nothing; exit code 1 when there is one
    #[arg(short = 'n', long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Apply without asking, unless the result looks as if it lost something
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// With --yes, apply also what a person should look at first
    #[arg(long, requires = "yes")]
    pub(crate) force: bool,
    /// Apply even when the result fails verification; the history records it
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Take paths that do not exist yet: the edit may create those files
    #[arg(long)]
    pub(crate) new: bool,
    /// A file that the model may see and that stays as it is (may be repeated)
    #[arg(long, value_name = "FILE")]
    pub(crate) read: Vec<String>,
    /// Allow changes to protected files: CI, hooks and the configuration of coding agents
    #[arg(long)]
    pub(crate) allow_protected: bool,
    /// Commit the changed files, and nothing else, with the instruction as the message; hooks run
    #[arg(long)]
    pub(crate) commit: bool,
    /// With --commit: on a new branch, which is then the current one
    #[arg(long, value_name = "NAME", requires = "commit")]
    pub(crate) branch: Option<String>,
    /// With --commit: in a new work tree and on a new branch; the files here stay as they are
    #[arg(long, value_name = "PATH", requires = "commit")]
    pub(crate) worktree: Option<PathBuf>,
    /// An option of the edit plugin, such as format=whole
    #[arg(short, long = "option", value_name = "KEY=VALUE")]
    pub(crate) option: Vec<String>,
}

/// How tokens are chosen.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sampling")]
pub(crate) struct SamplingArgs {
    /// 0 always takes the likeliest token
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    pub(crate) temperature: f32,
    /// Keep the K likeliest tokens (0: all)
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub(crate) top_k: u32,
    /// Keep the likeliest tokens whose probabilities reach P
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    pub(crate) top_p: f32,
    /// Keep tokens at least P times as likely as the likeliest
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    pub(crate) min_p: f32,
    /// Make tokens that are already present less likely (1: off)
    #[arg(long, value_name = "R", default_value_t = 1.0)]
    pub(crate) repetition_penalty: f32,
}

/// `deepcoder generate`
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// The prompt. What is piped in is put behind it, and is the prompt where this is `-` or missing
    pub(crate) prompt: Option<String>,
    /// Standing orders for the model [default: what its chat template says]
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Continue the prompt as plain text instead of answering it
    #[arg(long, conflicts_with = "system")]
    pub(crate) raw: bool,
    /// The most tokens to produce
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) max_tokens: u32,
    /// End before this text appears (may be repeated)
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    /// With --json, list each token with its log-probability and N alternatives
    #[arg(long, value_name = "N", requires = "json")]
    pub(crate) logprobs: Option<u32>,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
}

/// `deepcoder complete`
#[derive(Debug, Args)]
pub(crate) struct CompleteArgs {
    /// The place, such as src/util.py:12:9. Line and column count from 1, the column in characters: the text is
    /// inserted before the character at that column
    #[arg(value_name = "FILE:LINE:COL")]
    pub(crate) place: String,
    /// The most tokens to produce [default: enough for the line or the block]
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u32>,
    /// Read the file's text from standard input: an editor's unsaved buffer
    #[arg(long)]
    pub(crate) stdin: bool,
    /// How far to go: to the end of the line, as far as the block goes, or as the place suggests
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) extent: ExtentChoice,
}

/// `deepcoder explain`
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A question (optional), and the files that it is about; FILE:START-END names lines of a file
    #[arg(value_name = "QUESTION_AND_PATHS")]
    pub(crate) words: Vec<String>,
    /// The question; every other argument is then a path
    #[arg(short, long, value_name = "QUESTION")]
    pub(crate) message: Option<String>,
}

/// `deepcoder pull`
#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// The model [default: the default model]
    pub(crate) name: Option<String>,
    /// Download and import again although it is installed
    #[arg(long)]
    pub(crate) force: bool,
    /// Keep the downloaded file after the import
    #[arg(long)]
    pub(crate) keep_source: bool,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
}

/// How weights are stored.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Quantisation")]
pub(crate) struct RecipeArgs {
    /// Requantise to 4 or 8 bits [default: a GGUF file's blocks as they are, other weights 8 bits, DeepSeek-V2's 4]
    #[arg(long, value_name = "4|8", value_parser = bits)]
    pub(crate) bits: Option<u32>,
    /// Weights that share a scale, with --bits
    #[arg(long, value_name = "N", requires = "bits")]
    pub(crate) block: Option<u32>,
    /// Keep the source's values bit for bit in a graph that any ONNX Runtime can run, even where that is slower
    #[arg(long, conflicts_with = "bits")]
    pub(crate) exact: bool,
    /// Make a graph that any ONNX Runtime can run; rounds a GGUF file's blocks to 8 bits
    #[arg(long)]
    pub(crate) portable: bool,
}

fn bits(text: &str) -> Result<u32, String> {
    match text {
        "4" => Ok(4),
        "8" => Ok(8),
        _ => Err("it is 4 or 8".into()),
    }
}

/// `deepcoder import`
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A GGUF file, or a folder with safetensors
    #[arg(value_name = "FILE|DIR")]
    pub(crate) source: PathBuf,
    /// The name to give it [default: from the file's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The weights' licence, to be shown by `deepcoder models show`
    #[arg(long, value_name = "SPDX")]
    pub(crate) license: Option<String>,
    /// Replace a model of the same name
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,
}

/// `deepcoder models`
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsVerb {
    /// What is installed, and what `deepcoder pull` knows
    List,
    /// Everything that is known about a model
    Show {
        /// Its name
        name: String,
    },
    /// Delete a model
    Rm {
        /// Its name
        name: String,
    },
    /// Check every file of a model against its checksum
    Verify {
        /// Its name
        name: String,
    },
}

/// `deepcoder serve`
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The socket to listen on [default: in the run-time folder]
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Unload the model after this many seconds without a request
    #[arg(long, value_name = "N")]
    pub(crate) idle_seconds: Option<u64>,
    /// Leave the session of whoever started this
    #[arg(long, hide = true)]
    pub(crate) detached: bool,
}

/// `deepcoder eval`
#[derive(Debug, Subcommand)]
pub(crate) enum EvalVerb {
    /// HumanEval: functions from their descriptions, run against tests
    Humaneval(EvalArgs),
    /// EditEval: instructed edits, run against tests
    Editeval(EvalArgs),
    /// SantaCoder's FIM benchmark: one line to fill in, compared with the original
    FimLines(EvalArgs),
    /// HumanEval-Infilling: a span to fill in, run against tests
    Infilling(EvalArgs),
    /// Perplexity of a text
    Perplexity {
        /// A text file
        #[arg(long, value_name = "FILE")]
        data: PathBuf,
        /// Tokens that are scored together
        #[arg(long, value_name = "N", default_value_t = 1024)]
        window: usize,
    },
}

/// Options of every benchmark.
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// The tasks (JSON lines, may be gzipped)
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    /// Only the first N tasks
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Only the tasks with these ids (may be repeated)
    #[arg(long, value_name = "ID")]
    pub(crate) only: Vec<String>,
    /// Write one line of JSON for each task; a run that was interrupted goes on from there
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// editeval: an option of the edit plugin, such as format=whole
    #[arg(short, long = "option", value_name = "KEY=VALUE")]
    pub(crate) option: Vec<String>,
}

fn shapes() -> clap::builder::PossibleValuesParser {
    deepcoder_export::Shape::all().iter().map(|shape| shape.name).collect::<Vec<_>>().into()
}

/// `deepcoder bench`
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Measure only the essentials
    #[arg(long)]
    pub(crate) quick: bool,
    /// Make a model with the shape of NAME and random weights, and measure that; it is kept for the next time
    #[arg(long, value_name = "NAME", value_parser = shapes())]
    pub(crate) shape: Option<String>,
    /// Measure llama.cpp beside it, in turns, with its llama-bench
    #[arg(long, value_name = "PATH", requires = "shape")]
    pub(crate) llama_bench: Option<PathBuf>,
    /// With --llama-bench, have it compute 16,384 tokens too, once, which takes long
    #[arg(long, requires = "llama_bench")]
    pub(crate) long: bool,
    /// How often each is measured; the medians count [default: 3]
    #[arg(long, value_name = "N", requires = "shape")]
    pub(crate) rounds: Option<usize>,
    /// Keep the shape's GGUF file as FILE, or use it if it is there
    #[arg(long, value_name = "FILE", requires = "shape")]
    pub(crate) keep: Option<PathBuf>,
    /// Make the model anew
    #[arg(long, requires = "shape")]
    pub(crate) fresh: bool,
    /// Measure the model in this folder
    #[arg(long, hide = true, conflicts_with = "shape")]
    pub(crate) folder: Option<PathBuf>,
    /// Measure what this JSON says
    #[arg(long, hide = true, conflicts_with = "shape")]
    pub(crate) plan: Option<String>,
}

/// `deepcoder demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where to make the sample repository; must not exist or be empty
    #[arg(long, value_name = "DIR", default_value = "deepcoder-demo")]
    pub(crate) dir: PathBuf,
}
