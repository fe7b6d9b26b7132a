//! Runs a program that nobody vouches for: code that a model wrote, or the tests of a repository.
//!
//! Several walls, each of which holds by itself:
//! Landlock (reads the system and what is listed, writes one scratch folder), seccomp (no sockets, no tracing, no
//! namespaces, no leaving the process group), resource limits, a wall-clock deadline that kills the whole group, a cap
//! on the output, and an environment that starts empty. There is no shell: a command is a list of words.
//!
//! Where the kernel has no Landlock (or one without the right to truncate, before 6.2) or no seccomp, the program still
//! runs under the rest, and [`Output::confined`] says so; [`Sandboxed::require_confinement`] refuses instead.

mod capture;
mod confine;
mod group;
mod seccomp;

pub use capture::Captured;

use deepcoder_types::{Cancel, Hint};
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How much a program is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// One program without child processes, which cannot change permissions either. For snippets.
    Program,
    /// Test runners, linters, compilers: child processes up to [`Limits::processes`].
    Toolchain,
}

/// What a run may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From start to end.
    pub wall: Duration,
    /// Processor time of each process, in seconds.
    pub cpu_seconds: u64,
    /// Address space of each process, in bytes.
    pub memory_bytes: u64,
    /// Size of each file that is written, in bytes.
    pub file_bytes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// Processes at one time ([`Profile::Toolchain`] only).
    pub processes: u32,
    /// Bytes kept of each of the two output streams. What exceeds it is dropped from the middle.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(60),
            cpu_seconds: 60,
            memory_bytes: 2 << 30,
            file_bytes: 64 << 20,
            open_files: 256,
            processes: 64,
            output_bytes: 1 << 20,
        }
    }
}

/// A program and its walls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandboxed {
    /// The program, an absolute path or a name looked up in the given `PATH`, and its arguments. Never a shell's line.
    pub argv: Vec<OsString>,
    /// The one folder that may be written: it must exist. `HOME` and `TMPDIR` are here.
    pub scratch: PathBuf,
    /// Where it starts; inside `scratch` or one of `readable`.
    pub cwd: PathBuf,
    /// Files and folders that may be read and executed besides the system's own.
    pub readable: Vec<PathBuf>,
    /// The environment besides `PATH`, `HOME`, `TMPDIR` and `LANG`, which it may override.
    pub env: Vec<(OsString, OsString)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// How much it is trusted with.
    pub profile: Profile,
    /// What it may cost.
    pub limits: Limits,
    /// Refuse to run without Landlock and seccomp.
    pub require_confinement: bool,
}

impl Sandboxed {
    /// `argv` with `scratch` as its only writable folder and its working folder, under [`Profile::Program`] and the
    /// default limits.
    #[must_use]
    pub fn new(argv: impl IntoIterator<Item = impl Into<OsString>>, scratch: &Path) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            scratch: scratch.to_owned(),
            cwd: scratch.to_owned(),
            readable: Vec::new(),
            env: Vec::new(),
            stdin: Vec::new(),
            profile: Profile::Program,
            limits: Limits::default(),
            require_confinement: false,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal: its own, or a resource limit's.
    Signalled(i32),
    /// Killed at the deadline.
    TimedOut,
    /// Killed because it had more processes than allowed.
    TooManyProcesses,
    /// Killed because the caller cancelled.
    Cancelled,
}

/// What a run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub ended: Ended,
    /// Standard output.
    pub stdout: Captured,
    /// Standard error.
    pub stderr: Captured,
    /// From start to end.
    pub elapsed: Duration,
    /// Whether Landlock and seccomp were both in force.
    pub confined: bool,
}

impl Output {
    /// Whether it ended by itself with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.ended == Ended::Exited(0)
    }
}

/// Why a program could not be run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// `argv` is empty.
    #[error("there is no program to run")]
    NoProgram,
    /// The scratch folder cannot be used.
    #[error("the scratch folder `{}` cannot be used: {source}", path.display())]
    Scratch {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel lacks Landlock or seccomp and the caller insists on them.
    #[error("this kernel cannot confine programs: {0}")]
    Unconfined(String),
    /// The program could not be started.
    #[error("`{program}` cannot be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The program was started and could not be watched; it has been killed.
    #[error("the program cannot be watched: {0}")]
    Watch(#[source] io::Error),
}

impl Hint for SandboxError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unconfined(_) => Some("Linux 6.2 or later with Landlock and seccomp is needed for this".into()),
            Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("install the program, or give its full path".into())
            }
            _ => None,
        }
    }
}

/// How often the watcher looks for cancellation and counts processes.
const TICK: Duration = Duration::from_millis(20);

/// Run `program` to its end. Blocks; `cancel` and the deadline end it within a few milliseconds.
pub fn run(program: &Sandboxed, cancel: &Cancel) -> Result<Output, SandboxError> {
    let name = program.argv.first().ok_or(SandboxError::NoProgram)?;
    let scratch = program
        .scratch
        .canonicalize()
        .map_err(|source| SandboxError::Scratch { path: program.scratch.clone(), source })?;
    let walls = confine::Walls::build(program, &scratch)?;
    let confined = walls.confined();

    let mut command = Command::new(name);
    command
        .args(&program.argv[1..])
        .current_dir(&program.cwd)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")
        .env("HOME", &scratch)
        .env("TMPDIR", &scratch)
        .env("LANG", "C.UTF-8")
        .envs(program.env.iter().map(|(k, v)| (k, v)))
        .stdin(if program.stdin.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    walls.enforce_in(&mut command);

    let started = Instant::now();
    let child = command
        .spawn()
        .map_err(|source| SandboxError::Start { program: name.to_string_lossy().into_owned(), source })?;
    // From here on the group is killed whatever happens, panics included.
    let mut group = group::Group::new(child);
    let watched = watch(&mut group, program, started, cancel);
    let elapsed = started.elapsed();
    let (ended, stdout, stderr) = watched.map_err(SandboxError::Watch)?;
    Ok(Output { ended, stdout, stderr, elapsed, confined })
}

/// Feed the input, drain the output, and wait for the end or bring it about.
fn watch(
    group: &mut group::Group,
    program: &Sandboxed,
    started: Instant,
    cancel: &Cancel,
) -> io::Result<(Ended, Captured, Captured)> {
    let (stdin, stdout, stderr) = group.pipes();
    let cap = program.limits.output_bytes;
    std::thread::scope(|scope| {
        if let Some(mut pipe) = stdin {
            // A program that does not read its input closes the pipe, which is no error of the run.
            scope.spawn(move || _ = pipe.write_all(&program.stdin));
        }
        let (closed, ends) = mpsc::channel::<()>();
        let out = {
            let closed = closed.clone();
            scope.spawn(move || capture::drain(stdout, cap, &closed))
        };
        let err = scope.spawn(move || capture::drain(stderr, cap, &closed));
        let id = group.id();
        let watcher = scope.spawn(move || {
            // Root may have more processes than its limit says, so there the watcher is the wall, and it must not wait for
            // its turn behind a bomb. Nobody else may raise a priority, nor needs to. It holds for this thread only.
            _ = rustix::process::nice(-20);
            let ended = wait(id, program, started, cancel, &ends);
            id.kill();
            ended
        });
        let ended = watcher.join().unwrap_or_else(|_| Err(io::Error::other("the watcher died")));
        // Whoever were left in the group would hold the pipes open, and keep the readers waiting.
        let reaped = group.kill_and_reap();
        let gone = |_| io::Error::other("a reader of the output died");
        let (stdout, stderr) = (out.join().map_err(gone)?, err.join().map_err(gone)?);
        Ok((ended?.map_or(reaped?, |forced| forced), stdout, stderr))
    })
}

/// Wait until the program has ended (`None`), or must be ended (how).
fn wait(
    group: group::GroupId,
    program: &Sandboxed,
    started: Instant,
    cancel: &Cancel,
    ends: &mpsc::Receiver<()>,
) -> io::Result<Option<Ended>> {
    let mut open = 2;
    let limit = program.limits.processes as usize;
    // Others on the machine end processes as well, so the alarm is set at half of what the group may have.
    let alarm = group::tasks_of_the_system().saturating_add(limit / 2);
    let tick = if program.profile == Profile::Toolchain { TICK / 4 } else { TICK };
    loop {
        if group.leader_ended()? {
            return Ok(None);
        }
        if cancel.is_cancelled() {
            return Ok(Some(Ended::Cancelled));
        }
        let Some(left) = program.limits.wall.checked_sub(started.elapsed()) else {
            return Ok(Some(Ended::TimedOut));
        };
        if program.profile == Profile::Toolchain && group::tasks_of_the_system() >= alarm && group.exceeds(limit) {
            return Ok(Some(Ended::TooManyProcesses));
        }
        // A program that ends closes both pipes, which wakes the watcher at once; the tick is for all other cases.
        // Once both are closed only the exit itself is awaited, and that takes microseconds.
        let pause = if open == 0 { Duration::from_millis(1) } else { tick };
        match ends.recv_timeout(pause.min(left)) {
            Ok(()) => open -= 1,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => std::thread::sleep(pause.min(left)),
        }
    }
}

#[cfg(test)]
mod tests;
