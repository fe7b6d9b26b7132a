//! The program that is killed: it opens a tree, says `ready`, does one thing and says `done`.

use crate::scene::{NOW, Scene, random_set};
use crate::writer::{Failure, Tool, Writer};
use deepcoder_apply::Steps;
use fastrand::Rng;
use rustix::process::{Signal, getpid, kill_process};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The exit codes of a child that has failed, of one that has stopped half-way and said so, and of one that has nothing to
/// advise. The output may be what cannot be written.
pub(crate) const FAILED: u8 = 3;
pub(crate) const INTERRUPTED: u8 = 4;
pub(crate) const NO_HINT: u8 = 5;

/// What to do, on the command line.
#[derive(clap::Args, Clone)]
pub(crate) struct Act {
    #[arg(long)]
    pub(crate) doing: Doing,
    #[arg(long)]
    pub(crate) repo: PathBuf,
    #[arg(long)]
    pub(crate) state: PathBuf,
    /// Of the scene.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The fewest and the most files of the scene.
    #[arg(long, default_value_t = 2)]
    pub(crate) least: usize,
    #[arg(long, default_value_t = 50)]
    pub(crate) most: usize,
    #[arg(long, default_value = "ours")]
    pub(crate) writer: Writer,
    /// Die when the steps have come to this one; they are counted from 1.
    #[arg(long, default_value_t = 0)]
    pub(crate) die_at: usize,
    /// Fail there instead, as on a full disk.
    #[arg(long, default_value_t = 0)]
    pub(crate) fail_at: usize,
    /// Do without `renameat2`.
    #[arg(long)]
    pub(crate) plain_renames: bool,
    #[arg(long, default_value_t = NOW)]
    pub(crate) now: u64,
    /// Stop before doing anything, until somebody sends SIGCONT.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Doing {
    /// Recover only.
    Open,
    Apply,
    Undo,
    /// Apply one set after the other, and say so each time, until somebody pulls the plug.
    Many,
}

impl Doing {
    const fn as_arg(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Apply => "apply",
            Self::Undo => "undo",
            Self::Many => "many",
        }
    }
}

/// Sees every step, and dies or fails at one.
#[derive(Clone, Default)]
pub(crate) struct Trap {
    pub(crate) die_at: usize,
    pub(crate) fail_at: usize,
    pub(crate) plain_renames: bool,
    count: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<&'static str>>>,
}

impl Trap {
    pub(crate) fn take_seen(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.seen.lock().expect("nobody panics in between"))
    }
}

impl Steps for Trap {
    fn at(&self, step: &'static str) -> std::io::Result<()> {
        let n = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen.lock().expect("nobody panics in between").push(step);
        if n == self.die_at {
            kill_process(getpid(), Signal::KILL)?;
        }
        if n == self.fail_at { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn plain_renames(&self) -> bool {
        self.plain_renames
    }
}

impl Act {
    pub(crate) fn new(doing: Doing, repo: &Path, state: &Path, writer: Writer) -> Self {
        let (repo, state) = (repo.to_owned(), state.to_owned());
        let (seed, least, most, die_at, fail_at) = (0, 2, 50, 0, 0);
        Self {
            doing,
            repo,
            state,
            seed,
            least,
            most,
            writer,
            die_at,
            fail_at,
            plain_renames: false,
            now: NOW,
            wait: false,
        }
    }

    pub(crate) fn trap(&self) -> Trap {
        let (die_at, fail_at, plain_renames) = (self.die_at, self.fail_at, self.plain_renames);
        Trap { die_at, fail_at, plain_renames, ..Trap::default() }
    }

    /// This program, told to do it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["act", "--doing", self.doing.as_arg(), "--writer", self.writer.as_arg()]);
        command.arg("--repo").arg(&self.repo).arg("--state").arg(&self.state);
        let numbers = [
            ("--seed", self.seed),
            ("--least", self.least as u64),
            ("--most", self.most as u64),
            ("--die-at", self.die_at as u64),
            ("--fail-at", self.fail_at as u64),
            ("--now", self.now),
        ];
        for (name, number) in numbers {
            command.arg(name).arg(number.to_string());
        }
        for (name, set) in [("--plain-renames", self.plain_renames), ("--wait", self.wait)] {
            if set {
                command.arg(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn scene(&self) -> Scene {
        Scene::random(self.seed, self.least..=self.most)
    }

    /// What [`Doing::Many`] does next, after `n` sets.
    pub(crate) fn next(
        &self,
        n: u64,
        tree: &crate::scene::Snapshot,
    ) -> (deepcoder_types::EditSet, crate::scene::Snapshot) {
        let mut rng = Rng::with_seed(self.seed.wrapping_mul(1000).wrapping_add(n));
        let files = rng.usize(self.least..=self.most);
        random_set(&mut rng, &format!("m{n}"), tree, files)
    }

    pub(crate) fn open(&self, trap: Trap) -> Result<Tool, Failure> {
        self.writer.open(&self.repo, &self.state, Box::new(trap))
    }

    pub(crate) fn act(&self, tool: &Tool) -> Result<(), Failure> {
        match self.doing {
            Doing::Open => Ok(()),
            Doing::Apply => tool.apply(&self.scene().set, self.now),
            Doing::Undo => tool.undo(self.now),
            Doing::Many => {
                let mut tree = self.scene().before;
                for n in 0.. {
                    let (set, after) = self.next(n, &tree);
                    tool.apply(&set, self.now + n)?;
                    say(&format!("ack {}", n + 1));
                    tree = after;
                }
                Ok(())
            }
        }
    }
}

/// Do what the command line says.
pub(crate) fn act(act: &Act) -> ExitCode {
    if act.writer == Writer::NoSync {
        sync_nothing();
    }
    if act.wait {
        kill_process(getpid(), Signal::STOP).expect("a signal to itself");
    }
    let done = act.open(act.trap()).and_then(|tool| {
        say("ready");
        act.act(&tool)
    });
    match done {
        Ok(()) => {
            say("done");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            say(&format!("error: {}", failure.message));
            ExitCode::from(match failure.hint {
                None => NO_HINT,
                Some(_) if failure.interrupted => INTERRUPTED,
                Some(_) => FAILED,
            })
        }
    }
}

fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    // The other end may be gone.
    let _ = writeln!(out, "{word}").and_then(|()| out.flush());
}

/// From here on syncing says that it went well and does nothing, as on a disk that lies.
fn sync_nothing() {
    let syncs = [libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_sync_file_range, libc::SYS_msync, libc::SYS_syncfs];
    let rules = syncs.into_iter().map(|number| (number, vec![])).collect();
    let arch = std::env::consts::ARCH.try_into().expect("a processor that seccomp knows");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(0), arch).expect("a filter");
    let program: BpfProgram = filter.try_into().expect("a program");
    seccompiler::apply_filter_all_threads(&program).expect("seccomp");
}
