//! Runs untrusted programs: code that a model wrote, or the tests of a repository.
//!
//! Several walls, each of which holds by itself:
//! Landlock (reads what `reads.rs` lists of the system and what the caller lists, writes one scratch folder), seccomp (the
//! system calls that `calls.txt` allows: no sockets, no tracing, no namespaces, no leaving the process group), no
//! privileges and no inherited descriptors, resource limits, a quota for the scratch folder, a wall-clock deadline that
//! kills the whole group, a cap on the output, and an environment that starts empty. A command is a list of words and
//! never a shell's line.
//!
//! A process group holds it all. Its leader is a guard that ends the group when this process dies, too.
//!
//! Where the kernel has no Landlock (or one without the right to truncate, before 6.2) or no seccomp, the program still
//! runs under the rest, and [`Output::confined`] says so; [`Sandboxed::require_confinement`] refuses instead.

mod capture;
mod confine;
mod group;
mod privileges;
mod reads;
mod scratch;
mod seccomp;

pub use capture::Captured;
pub use scratch::{Scratch, remove as remove_scratch, sweep};

use deepcoder_types::{Cancel, Hint};
use deepcoder_workspace::process::Started;
use group::GroupId;
use scratch::Quota;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How much a program is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// One program that cannot fork, signal others or change permissions. For snippets. (`posix_spawn` works, under the
    /// same walls and counted.)
    Program,
    /// Test runners, linters, compilers: child processes up to [`Limits::processes`]. They may read all of `/proc`, and may
    /// change modes and times of files that they may not write, since Landlock does not guard these.
    Toolchain,
}

/// The limits of a run.
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
    /// Size of all files in the scratch folder together, in bytes. A file counts 4 KiB at least. Files that are there
    /// at the start count as well.
    pub scratch_bytes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// Processes and threads at one time.
    pub processes: u32,
    /// Bytes kept of each of the two output streams. A larger output loses its middle.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(60),
            cpu_seconds: 60,
            memory_bytes: 2 << 30,
            file_bytes: 64 << 20,
            scratch_bytes: 1 << 30,
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
    /// Its limits.
    pub limits: Limits,
    /// Whether the content of the scratch folder is of no use before and after the run. Then, where this process may
    /// mount, the folder is a file system in memory of its own, of the size of the quota.
    pub ephemeral: bool,
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
            ephemeral: false,
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
    /// Killed because it wrote more than [`Limits::scratch_bytes`].
    ScratchFull,
    /// Killed because the caller cancelled.
    Cancelled,
}

/// The result of a run.
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

/// How often the watcher polls the number of processes and the size of the scratch folder: the system has no event for
/// their growth. It notices a cancellation at the same pace.
const TICK: Duration = Duration::from_millis(5);

/// The starter of a program: it waits for a line of input and then becomes the program. In between the resource limits
/// are set from outside, which is the only way to limit a child and not this process. The text is constant and the
/// words of the command are its arguments, so that nothing of them is ever read as a script.
const GATE: &str = r#"read -r _ && exec "$@""#;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// Run `program` to its end. Blocks; `cancel` and the deadline end it within a few milliseconds.
///
/// A program that the walls do not let read its own file ends with status 126.
pub fn run(program: &Sandboxed, cancel: &Cancel) -> Result<Output, SandboxError> {
    let input = |pipe: Option<PipeWriter>, _: Option<PipeReader>| {
        if let Some(mut pipe) = pipe {
            _ = pipe.write_all(&program.stdin);
        }
    };
    start(program, cancel, true, input)
}

/// Run `program` and talk with it: `talk` gets its standard input and output. The program ends with the conversation, which
/// sees the end of the output where the deadline, a limit or `cancel` ends it before. [`Output::stdout`] is empty.
pub fn talk(
    program: &Sandboxed,
    cancel: &Cancel,
    talk: impl FnOnce(PipeWriter, PipeReader) + Send,
) -> Result<Output, SandboxError> {
    let both = |input: Option<PipeWriter>, output: Option<PipeReader>| {
        if let (Some(input), Some(output)) = (input, output) {
            talk(input, output);
        }
    };
    start(program, cancel, false, both)
}

/// Starts the program with `input` at its standard input, and waits for its end. With `drain` its standard output is kept,
/// else `input` reads it, and the program ends with it.
fn start(
    program: &Sandboxed,
    cancel: &Cancel,
    drain: bool,
    input: impl FnOnce(Option<PipeWriter>, Option<PipeReader>) + Send,
) -> Result<Output, SandboxError> {
    let name = program.argv.first().ok_or(SandboxError::NoProgram)?;
    let scratch = program
        .scratch
        .canonicalize()
        .map_err(|source| SandboxError::Scratch { path: program.scratch.clone(), source })?;
    let start_error = |source| SandboxError::Start { program: name.to_string_lossy().into_owned(), source };
    let path = program.env.iter().rev().find(|(key, _)| key == "PATH").map_or(OsStr::new(PATH), |(_, value)| value);
    let file = find(name, path, &program.cwd).map_err(start_error)?;
    let started = Instant::now();
    // From here on the group is killed whatever happens, panics and the death of this process included.
    let group = group::Group::start().map_err(start_error)?;
    let walls = confine::Walls::build(program, &scratch, group.id())?;
    let confined = walls.confined();

    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", GATE, "sh"])
        .arg(file)
        .args(&program.argv[1..])
        .current_dir(&program.cwd)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", &scratch)
        .env("TMPDIR", &scratch)
        .env("LANG", "C.UTF-8")
        .envs(program.env.iter().map(|(k, v)| (k, v)))
        .process_group(group.id().raw());
    let quota = Quota::new(&scratch, program.limits.scratch_bytes, program.limits.file_bytes)
        .map_err(|source| SandboxError::Scratch { path: scratch.clone(), source })?;
    let inside = walls.start(command).map_err(start_error)?;
    let (ended, stdout, stderr) =
        watch(inside, group.id(), program, quota, started, cancel, (drain, input)).map_err(SandboxError::Watch)?;
    Ok(Output { ended, stdout, stderr, elapsed: started.elapsed(), confined })
}

/// The file that `name` means, as the shell would find it.
fn find(name: &OsStr, path: &OsStr, cwd: &Path) -> io::Result<PathBuf> {
    let runs = |file: &Path| file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if name.as_encoded_bytes().contains(&b'/') {
        let file = cwd.join(name);
        return match file.metadata() {
            Err(error) => Err(error),
            Ok(_) if runs(&file) => Ok(file),
            Ok(_) => Err(io::ErrorKind::PermissionDenied.into()),
        };
    }
    let found = std::env::split_paths(path).map(|folder| cwd.join(folder).join(name)).find(|file| runs(file));
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Feed the input, drain the output, and wait for the end or bring it about.
fn watch(
    inside: Started,
    group: GroupId,
    program: &Sandboxed,
    mut quota: Quota,
    started: Instant,
    cancel: &Cancel,
    (drained, input): (bool, impl FnOnce(Option<PipeWriter>, Option<PipeReader>) + Send),
) -> io::Result<(Ended, Captured, Captured)> {
    let Started { mut child, mut stdin, stdout, stderr } = inside;
    let cap = program.limits.output_bytes;
    let (full, over_talked) = (AtomicBool::new(false), AtomicBool::new(false));
    let (stdout, talked) = if drained { (stdout, None) } else { (None, stdout) };
    std::thread::scope(|scope| {
        let done = &over_talked;
        scope.spawn(move || {
            // A program that does not read its input closes the pipe, which is no error of the run.
            let begun = stdin.as_mut().is_some_and(|pipe| pipe.write_all(b"go\n").is_ok());
            if begun {
                input(stdin, talked);
            }
            done.store(!drained, Ordering::Relaxed);
        });
        let (closed, ends) = mpsc::channel::<()>();
        let out = {
            let closed = closed.clone();
            scope.spawn(move || capture::drain(stdout, cap, &closed))
        };
        let err = scope.spawn(move || capture::drain(stderr, cap, &closed));
        let (over, ended) = mpsc::channel::<()>();
        if quota.needs_watching() {
            // On a thread of its own: counting a large tree must not keep the watcher from a bomb.
            let full = &full;
            scope.spawn(move || {
                while ended.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                    if quota.exceeded(group) {
                        full.store(true, Ordering::Relaxed);
                        break;
                    }
                }
            });
        }
        let full = &full;
        let watcher = scope.spawn(move || {
            let _over = over;
            // Root may have more processes than its limit says, so there the watcher is the wall, and it must not wait
            // for its turn behind a bomb. Other users may not raise a priority, and need not. It holds for this thread
            // only.
            _ = rustix::process::nice(-20);
            let ended = wait(&mut child, group, program, (full, done), started, cancel, &ends);
            // Processes that were left would hold the pipes open, and keep the readers waiting.
            group.kill();
            match ended? {
                Some(forced) => child.wait().map(|_| forced),
                None => child.wait().map(|status| match status.code() {
                    Some(code) => Ended::Exited(code),
                    None => Ended::Signalled(status.signal().unwrap_or(0)),
                }),
            }
        });
        let died = |_| io::Error::other("a thread of the sandbox died");
        let ended = watcher.join().unwrap_or_else(|panic| {
            group.kill();
            Err(died(panic))
        });
        let (stdout, stderr) = (out.join().map_err(died)?, err.join().map_err(died)?);
        Ok((ended?, stdout, stderr))
    })
}

/// Wait until the program has ended (`None`), or must be ended (how).
fn wait(
    child: &mut Child,
    group: GroupId,
    program: &Sandboxed,
    (full, over): (&AtomicBool, &AtomicBool),
    started: Instant,
    cancel: &Cancel,
    ends: &mpsc::Receiver<()>,
) -> io::Result<Option<Ended>> {
    let mut open = 2;
    let limit = program.limits.processes as usize;
    // Others on the machine end processes as well, so the alarm is set at half of what the group may have.
    let alarm = group::tasks_of_the_system().saturating_add(limit / 2);
    loop {
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        if cancel.is_cancelled() {
            return Ok(Some(Ended::Cancelled));
        }
        if over.load(Ordering::Relaxed) {
            return Ok(Some(Ended::Exited(0)));
        }
        let Some(left) = program.limits.wall.checked_sub(started.elapsed()) else {
            return Ok(Some(Ended::TimedOut));
        };
        if full.load(Ordering::Relaxed) {
            return Ok(Some(Ended::ScratchFull));
        }
        if group::tasks_of_the_system() >= alarm && group.exceeds(limit) {
            return Ok(Some(Ended::TooManyProcesses));
        }
        // A program that ends closes both pipes, which wakes the watcher at once; the tick is for all other cases.
        // Once both are closed only the exit itself is awaited, and that takes microseconds.
        let pause = if open == 0 { Duration::from_millis(1) } else { TICK };
        match ends.recv_timeout(pause.min(left)) {
            Ok(()) => open -= 1,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => std::thread::sleep(pause.min(left)),
        }
    }
}

#[cfg(test)]
mod tests;
