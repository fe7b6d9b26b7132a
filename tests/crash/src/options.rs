//! The command line.

use crate::report::Report;
use crate::writer::Writer;
use crate::{child, daemon, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, s1};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tries to make deepcoder lose a byte.
#[derive(Parser)]
#[command(name = "torture")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// SIGKILL at every step and at random moments.
    R1(Options),
    /// Power cuts on ext4.
    R2(Options),
    /// Random histories, after which every earlier byte string is there.
    R3(Options),
    /// Another writer at the same moment.
    R4(Options),
    /// I/O errors at every system call, full disks, damaged histories, wrong clocks.
    R6(Options),
    /// Hostile repositories, and somebody who swaps folders for links.
    S1(Options),
    /// Commits of every form with a hook that is killed at every step.
    R5(Options),
    /// A watched tree in storms, with lost events and without watches.
    R7(Options),
    /// Workers of one queue that are killed and put to sleep, and a database that goes away.
    R8(Options),
    /// Ten minutes of clients that leave, cancel, read slowly and send too much: nothing leaks.
    R9(Options),
    /// The model's process dies of everything, and nobody notices more than they must.
    R10(Options),
    /// All of them, with the full numbers.
    All(Options),
    /// What the suites start and kill.
    #[command(hide = true)]
    Act(child::Act),
    /// The hook of r5, as its script calls it.
    #[command(hide = true)]
    Hook(r5::HookAct),
    /// The watcher of r7.
    #[command(hide = true)]
    Watch(r7::WatchAct),
    /// A worker of r8.
    #[command(hide = true)]
    Drain(r8::DrainAct),
    /// Somebody else who holds the file of r8.
    #[command(hide = true)]
    Hold(r8::HoldAct),
    /// The daemon of r9 and r10.
    #[command(hide = true)]
    Serve(daemon::ServeAct),
    /// The process of its model.
    #[command(hide = true)]
    Work(daemon::WorkAct),
}

/// What all suites take.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// How often; each suite has its full number by default.
    #[arg(long)]
    pub(crate) rounds: Option<u64>,
    /// Another one is another run.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The number of the first round. What is lost names its seed: that of the run, times a million, plus the round.
    #[arg(long, default_value_t = 0)]
    pub(crate) first: u64,
    /// Where to work; in memory by default.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// Who writes. All but `ours` must lose something.
    #[arg(long, default_value = "ours")]
    pub(crate) writer: Writer,
}

impl Options {
    pub(crate) fn rounds_or(&self, full: u64) -> u64 {
        self.rounds.unwrap_or(full)
    }

    /// The seeds of the rounds.
    pub(crate) fn seeds(&self, full: u64) -> impl Iterator<Item = u64> + use<> {
        let base = self.seed.wrapping_mul(1_000_000).wrapping_add(self.first);
        (0..self.rounds_or(full)).map(move |round| base.wrapping_add(round))
    }

    /// A folder of this run's own.
    pub(crate) fn scratch(&self) -> tempfile::TempDir {
        let parent = self.scratch.clone().unwrap_or_else(|| {
            let memory = PathBuf::from("/dev/shm");
            if memory.is_dir() { memory } else { std::env::temp_dir() }
        });
        tempfile::Builder::new().prefix("torture-").tempdir_in(parent).expect("a scratch folder")
    }
}

type Suite = fn(&Options) -> Report;

const ALL: &[Suite] =
    &[r1::run, r2::run, r3::run, r4::run, r5::run, r6::run, s1::run, r7::run, r8::run, r9::run, r10::run];

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    let (options, suites): (Options, &[Suite]) = match Cli::parse().command {
        Command::Act(act) => return child::act(&act),
        Command::Hook(_) => return r5::act(),
        Command::Watch(act) => return r7::act(&act),
        Command::Drain(act) => return r8::act(&act),
        Command::Hold(act) => return r8::hold_act(&act),
        Command::Serve(act) => return act.act(),
        Command::Work(act) => return act.act(),
        Command::R5(options) => (options, &[r5::run]),
        Command::R1(options) => (options, &[r1::run]),
        Command::R2(options) => (options, &[r2::run]),
        Command::R3(options) => (options, &[r3::run]),
        Command::R4(options) => (options, &[r4::run]),
        Command::R6(options) => (options, &[r6::run]),
        Command::S1(options) => (options, &[s1::run]),
        Command::R7(options) => (options, &[r7::run]),
        Command::R8(options) => (options, &[r8::run]),
        Command::R9(options) => (options, &[r9::run]),
        Command::R10(options) => (options, &[r10::run]),
        Command::All(options) => (options, ALL),
    };
    let reports: Vec<Report> = suites
        .iter()
        .map(|suite| {
            let report = suite(&options);
            println!("{}", report.line());
            report
        })
        .collect();
    if reports.iter().all(Report::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
