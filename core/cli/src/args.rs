//! The command line as clap sees it. Help texts are the reference documentation of every flag.

mod checks;
mod codemod;
mod completions;
mod form;
mod help;
mod history;
mod hook;
mod jobs;
mod plugin;
mod service;
mod tasks;
mod watch;
mod worker;

pub(crate) use checks::{ChecksRunArgs, ChecksVerb};
pub(crate) use codemod::{CodemodVerb, LearnArgs};
pub(crate) use completions::CompletionsArgs;
pub(crate) use form::FormArgs;
pub(crate) use help::HelpArgs;
pub(crate) use history::{DebugVerb, LogArgs, RestoreArgs, StateChoice, UndoArgs};
pub(crate) use hook::{HookInstallArgs, HookRunArgs, HookUninstallArgs, HookVerb};
pub(crate) use jobs::{DecisionArgs, JobAddArgs, JobArgs, JobListArgs, JobLogsArgs, JobReviewArgs, JobsArgs, JobsVerb};
pub(crate) use plugin::{AnswerArgs, ChangeArgs, PlaceArgs, PluginArgs, PluginVerb, command, parse};
pub(crate) use service::{ServiceInstallArgs, ServiceVerb};
pub(crate) use tasks::{TaskReviewArgs, TasksArgs, TasksVerb};
pub(crate) use watch::WatchArgs;
pub(crate) use worker::WorkerArgs;

use clap::{Args, Parser, Subcommand, ValueEnum};
use deepcoder_types::Effort;
use std::path::PathBuf;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Edit code in git repositories with a language model that runs on this machine
#[derive(Debug, Parser)]
#[command(
    name = "deepcoder",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 done · 1 findings, nothing changed, or a dry run that would change something · \
                  2 usage or other error · 130 interrupted\n\
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
    /// Working directory; paths on the command line are relative to it
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Print JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Model to use; `deepcoder models list` shows the names
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) model: Option<String>,
    /// Seed for sampling: the same seed, model and input give the same text
    #[arg(long, value_name = "N", global = true)]
    pub(crate) seed: Option<u64>,
    /// Threads for inference; runs the model in this process [default: the physical cores]
    #[arg(long, value_name = "N", global = true)]
    pub(crate) threads: Option<usize>,
    /// Run the model in this process, without the daemon
    #[arg(long, global = true)]
    pub(crate) no_daemon: bool,
    /// Setting of config.toml to override for this call, such as device=cpu (repeatable)
    #[arg(short = 'c', long = "config", value_name = "KEY=VALUE", global = true)]
    pub(crate) config: Vec<String>,
    /// Colours: auto, always or never
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", global = true, hide_possible_values = true)]
    pub(crate) color: ColorChoice,
    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more about each step; twice for everything
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// A verb of a plugin; see [`plugin`].
    #[command(skip)]
    Plugin(PluginVerb),
    /// Revert an edit exactly; refuses to overwrite files that have changed since
    Undo(UndoArgs),
    /// Restore single files to their content before an edit
    ///
    /// The current content is kept: `deepcoder undo` brings it back.
    Restore(RestoreArgs),
    /// List the edits of this repository, newest first
    Log(LogArgs),
    /// Learn a pattern from an edit and run it over the repository
    #[command(subcommand)]
    Codemod(CodemodVerb),
    /// Generate text from a prompt
    Generate(GenerateArgs),
    /// Download and import a model
    Pull(PullArgs),
    /// Import a model from a GGUF file or a directory of safetensors
    Import(ImportArgs),
    /// List, show, verify and delete models
    #[command(subcommand)]
    Models(ModelsVerb),
    /// Run the daemon that keeps the model in memory (other commands start it on demand)
    Serve(ServeArgs),
    /// List, follow and review tasks: requests in flight, and results that wait for a review
    Tasks(TasksArgs),
    /// Add, follow and review background jobs
    #[command(subcommand)]
    Jobs(JobsVerb),
    /// Watch a repository for AI! and AI? comments and for jobs on changes
    ///
    /// A comment that ends with AI! is an instruction, one that ends with AI? a question. The daemon keeps watching when
    /// this command ends, and after a restart.
    Watch(WatchArgs),
    /// Run a model for the daemon, which starts this process
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// Show the state of the daemon
    Status,
    /// Stop the daemon
    Stop,
    /// Start the daemon at login, with systemd or launchd
    #[command(subcommand)]
    Service(ServiceVerb),
    /// Check and fix staged changes in git hooks
    #[command(subcommand)]
    Hook(HookVerb),
    /// List, run, suggest and trust the checks of deepcoder.toml: linters, types, builds, tests
    #[command(subcommand)]
    Checks(ChecksVerb),
    /// Measure the quality of a model on a public benchmark
    #[command(subcommand)]
    Eval(EvalVerb),
    /// Measure the speed of a model on this machine
    Bench(BenchArgs),
    /// Check that this machine has everything that deepcoder needs
    Doctor,
    /// Make a sample repository, edit it, and show the diff
    Demo(DemoArgs),
    /// Print a completion script for a shell
    ///
    /// bash: deepcoder completions bash > ~/.local/share/bash-completion/completions/deepcoder
    Completions(CompletionsArgs),
    /// Show the help of a command
    Help(HelpArgs),
    /// Print the version
    Version,
    /// Internals, for tests of deepcoder
    #[command(subcommand, hide = true)]
    Debug(DebugVerb),
}

/// How tokens are chosen.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sampling")]
pub(crate) struct SamplingArgs {
    /// Sampling temperature; 0 always takes the likeliest token
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
    /// Prompt; piped input is appended to it, or replaces it if it is `-` or missing
    pub(crate) prompt: Option<String>,
    /// System prompt [default: that of the model's chat template]
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Continue the prompt as plain text instead of answering it
    #[arg(long, conflicts_with = "system")]
    pub(crate) raw: bool,
    /// Maximum number of tokens to generate
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) max_tokens: u32,
    /// Stop before this text (repeatable)
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    /// With --json: list each token with its log-probability and N alternatives
    #[arg(long, value_name = "N", requires = "json")]
    pub(crate) logprobs: Option<u32>,
    #[command(flatten)]
    pub(crate) form: FormArgs,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
}

/// `deepcoder pull`
#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// Model; without one, suggests what suits the memory of this machine
    pub(crate) name: Option<String>,
    /// Download and import again if it is installed
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
#[command(next_help_heading = "Quantization")]
pub(crate) struct RecipeArgs {
    /// Bits to quantize to, 4 or 8 [default: unchanged for GGUF blocks, 4 for DeepSeek-V2, 8 for other weights]
    #[arg(long, value_name = "4|8", value_parser = bits)]
    pub(crate) bits: Option<u32>,
    /// With --bits: number of weights that share a scale
    #[arg(long, value_name = "N", requires = "bits")]
    pub(crate) block: Option<u32>,
    /// Keep the values of the source bit for bit, in a graph for any ONNX Runtime; may be slower
    #[arg(long, conflicts_with = "bits")]
    pub(crate) exact: bool,
    /// Make a graph for any ONNX Runtime; rounds GGUF blocks to 8 bits
    #[arg(long)]
    pub(crate) portable: bool,
}

fn bits(text: &str) -> Result<u32, String> {
    match text {
        "4" => Ok(4),
        "8" => Ok(8),
        _ => Err("must be 4 or 8".into()),
    }
}

/// `deepcoder import`
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// GGUF file, or directory of safetensors
    #[arg(value_name = "FILE|DIR")]
    pub(crate) source: PathBuf,
    /// Name of the model [default: from the name of the file]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Licence of the weights, for `deepcoder models show`
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
    /// List the installed models and those that `deepcoder pull` knows
    List,
    /// Show the manifest of a model
    Show {
        /// Name of the model
        name: String,
    },
    /// Delete a model
    Rm {
        /// Name of the model
        name: String,
    },
    /// Delete the computed prefixes of prompts from the disk
    ///
    /// They let a restarted daemon answer sooner. They derive from the text of your files and never leave this machine. A
    /// running daemon still has them in memory: `deepcoder stop` ends it.
    Forget,
    /// Check the files of a model against their checksums
    Verify {
        /// Name of the model
        name: String,
    },
}

/// `deepcoder serve`
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Socket to listen on [default: in the runtime directory]
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Seconds without a request after which the daemon unloads the model
    #[arg(long, value_name = "N")]
    pub(crate) idle_seconds: Option<u64>,
    /// Start a session of its own
    #[arg(long, hide = true)]
    pub(crate) detached: bool,
}

/// `deepcoder eval`
#[derive(Debug, Subcommand)]
pub(crate) enum EvalVerb {
    /// Run HumanEval: functions from their descriptions, checked by tests
    Humaneval(EvalArgs),
    /// Make instructed edits as `edit --yes` does, and test what is applied, what waits and what is refused
    Edits(EditsArgs),
    /// Learn from results of `eval edits` how often a model's edits are right, by what is seen of them
    Calibrate(CalibrateArgs),
    /// Measure which files are chosen where an instruction names none
    Files(FilesArgs),
    /// Run refactorings on cases of other tools, and count exact results, refusals and false claims to be exact
    Refactor(RefactorEvalArgs),
    /// Mend findings of other tools' tests without a model, and count what is the same as their own fix and false claims
    Fix(FixEvalArgs),
    /// Run SantaCoder's FIM benchmark: one line to fill in, compared with the original
    FimLines(EvalArgs),
    /// Run HumanEval-Infilling: a span to fill in, checked by tests
    Infilling(EvalArgs),
    /// Measure the perplexity of a text
    Perplexity {
        /// Text file
        #[arg(long, value_name = "FILE")]
        data: PathBuf,
        /// Number of tokens scored together
        #[arg(long, value_name = "N", default_value_t = 1024)]
        window: usize,
    },
}

/// Options of every benchmark.
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// Tasks as JSON lines, optionally gzipped; edits: or a directory of repositories
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    /// Number of tasks to run, from the first
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Id of a task to run (repeatable)
    #[arg(long, value_name = "ID")]
    pub(crate) only: Vec<String>,
    /// File for one line of JSON per task; an interrupted run resumes from it
    #[arg(long, visible_alias = "results", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Number of tasks that are answered together; the answers are the same [default: 8; edits: 16, 6 or 4, by effort]
    #[arg(long, value_name = "N")]
    pub(crate) at_once: Option<usize>,
}

/// `deepcoder eval edits`
#[derive(Debug, Args)]
pub(crate) struct EditsArgs {
    /// What every benchmark has.
    #[command(flatten)]
    pub(crate) eval: EvalArgs,
    /// Amount of work per edit: quick, normal or thorough
    #[arg(long, value_name = "EFFORT", default_value = "normal", value_parser = effort)]
    pub(crate) effort: Effort,
    /// Option of the edit plugin, such as format=whole (repeatable)
    #[arg(short, long = "option", value_name = "KEY=VALUE")]
    pub(crate) option: Vec<String>,
}

/// `deepcoder eval calibrate`
#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// Files that `eval edits --out` made with the model; at least 60 results
    #[arg(value_name = "RESULTS", required = true)]
    pub(crate) results: Vec<PathBuf>,
    /// Name of the data [default: the names of the files]
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Keep it with the model, whose edits are judged by it from then on
    #[arg(long)]
    pub(crate) write: bool,
}

/// `deepcoder eval refactor`
#[derive(Debug, Args)]
pub(crate) struct RefactorEvalArgs {
    /// Cases as JSON lines, optionally gzipped (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Operation to run, such as rename [default: all] (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) operation: Vec<String>,
    /// File for one line of JSON per case; replaced if it exists
    #[arg(long, visible_alias = "results", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `deepcoder eval fix`
#[derive(Debug, Args)]
pub(crate) struct FixEvalArgs {
    /// Cases as JSON lines, optionally gzipped (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// File for one line of JSON per case; replaced if it exists
    #[arg(long, visible_alias = "results", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `deepcoder eval files`
#[derive(Debug, Args)]
pub(crate) struct FilesArgs {
    /// Directory of repositories with questions
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

fn effort(text: &str) -> Result<Effort, String> {
    Effort::named(text).ok_or_else(|| format!("it is one of {}", Effort::NAMES.join(", ")))
}

fn shapes() -> clap::builder::PossibleValuesParser {
    deepcoder_export::Shape::all().iter().map(|shape| shape.name).collect::<Vec<_>>().into()
}

/// `deepcoder bench`
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Measure the essentials only
    #[arg(long)]
    pub(crate) quick: bool,
    /// Also measure whole requests: several at once, candidates of one prompt, an answer with a JSON schema, and the first
    /// token after a restart (minutes)
    #[arg(long, conflicts_with = "shape")]
    pub(crate) requests: bool,
    /// Shape of a model to make with random weights and measure; kept for the next time
    #[arg(long, value_name = "NAME", value_parser = shapes())]
    pub(crate) shape: Option<String>,
    /// llama-bench of llama.cpp to measure in turns
    #[arg(long, value_name = "PATH", requires = "shape")]
    pub(crate) llama_bench: Option<PathBuf>,
    /// With --llama-bench: also measure it once at 16,384 tokens (slow)
    #[arg(long, requires = "llama_bench")]
    pub(crate) long: bool,
    /// Number of rounds, of which the median counts [default: 3]
    #[arg(long, value_name = "N", requires = "shape")]
    pub(crate) rounds: Option<usize>,
    /// GGUF file of the shape to keep, or to use if it exists
    #[arg(long, value_name = "FILE", requires = "shape")]
    pub(crate) keep: Option<PathBuf>,
    /// Make the model again
    #[arg(long, requires = "shape")]
    pub(crate) fresh: bool,
    /// Directory of the model to measure
    #[arg(long, hide = true, conflicts_with = "shape")]
    pub(crate) folder: Option<PathBuf>,
    /// Plan to measure, as JSON
    #[arg(long, hide = true, conflicts_with = "shape")]
    pub(crate) plan: Option<String>,
}

/// `deepcoder demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Directory of the sample repository; must be empty or not exist
    #[arg(long, value_name = "DIR", default_value = "deepcoder-demo")]
    pub(crate) dir: PathBuf,
}
