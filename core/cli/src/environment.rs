//! Everything that the command takes from its surroundings, so that a test can hand it other ones.

use deepcoder_profile::Vars;
use deepcoder_types::Cancel;
use rustix::fs::FileType;
use std::ffi::OsString;
use std::io::{IsTerminal as _, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Arguments, variables, streams, clock and working directory of one invocation.
pub struct Environment {
    /// The arguments, the program's name first.
    pub args: Vec<OsString>,
    /// The environment variables.
    pub vars: Vars,
    /// The working directory; empty where it does not exist any more.
    pub cwd: PathBuf,
    /// This program's own file: started again as the daemon, and what the Python prefix is derived from.
    pub executable: PathBuf,
    /// Standard input.
    pub stdin: Box<dyn Read + Send>,
    /// Whether a person types on it.
    pub stdin_is_terminal: bool,
    /// Whether a pipe or a file is behind it, so that it has an end.
    pub stdin_is_piped: bool,
    /// Standard output.
    pub stdout: Box<dyn Write + Send>,
    /// Whether a person reads it.
    pub stdout_is_terminal: bool,
    /// Standard error.
    pub stderr: Box<dyn Write + Send>,
    /// Whether a person reads it.
    pub stderr_is_terminal: bool,
    /// Milliseconds since 1970.
    pub now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
    /// The user's cancellation of the command.
    pub interrupt: Interrupt,
}

/// How a user ends a command.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    /// Set when the command is to end.
    pub cancel: Cancel,
    /// Set, before [`Interrupt::cancel`], when the terminal was closed.
    pub hung_up: Arc<AtomicBool>,
}

impl Environment {
    /// The surroundings of this process. `interrupt` is what its signal handler sets.
    ///
    /// # Errors
    /// When the system does not say which program this is.
    pub fn of_process(interrupt: Interrupt) -> std::io::Result<Self> {
        let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        Ok(Self {
            args: std::env::args_os().collect(),
            // Without HOME, as the system knows this user.
            vars: Vars::new(std::env::vars_os()).or_home(std::env::home_dir()),
            // Not everything needs one.
            cwd: std::env::current_dir().unwrap_or_default(),
            executable: std::env::current_exe()?,
            stdin_is_terminal: stdin.is_terminal(),
            stdin_is_piped: is_piped(&stdin),
            stdin: Box::new(stdin),
            stdout_is_terminal: stdout.is_terminal(),
            stdout: Box::new(stdout),
            stderr_is_terminal: stderr.is_terminal(),
            stderr: Box::new(stderr),
            now_ms: Box::new(now_ms),
            interrupt,
        })
    }
}

/// A socket or a device may stay open for as long as the program that started us lives.
fn is_piped(stdin: &std::io::Stdin) -> bool {
    let kind = rustix::fs::fstat(stdin).map(|stat| FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Ok(FileType::Fifo | FileType::RegularFile))
}

#[expect(clippy::disallowed_methods, reason = "the clock enters the program here")]
fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
