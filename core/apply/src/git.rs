//! The program `git`, for what only it does as users expect: commits with their hooks, signatures and filters.

use crate::CommitError;
use deepcoder_types::Cancel;
use deepcoder_workspace::process::{self, Pipes, Started};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::Duration;

/// What a hook says can be long; why it refused stands at the end.
const MOST_LINES: usize = 30;

const POLL: Duration = Duration::from_millis(5);

/// What a surrounding git tells its children about *its* repository. Names and dates of the author are the user's, and
/// stay.
const INHERITED: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
];

/// What a run said.
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
}

impl Said {
    /// The last lines of both streams as one text, without colours and control characters.
    pub(crate) fn text(&self) -> String {
        let both = [&self.err, &self.out].map(|bytes| plain(&String::from_utf8_lossy(bytes)).trim().to_owned());
        let lines: Vec<&str> = both.iter().flat_map(|text| text.lines()).collect();
        lines.get(lines.len().saturating_sub(MOST_LINES)..).unwrap_or_default().join("\n")
    }
}

/// Run git quietly: without hooks, without programs that the repository's configuration names, and without locks that it
/// can do without. An exit code other than 0 is an error.
pub(crate) fn quiet(root: &Path, args: &[&str], input: &[u8], cancel: &Cancel) -> Result<Vec<u8>, CommitError> {
    let said = quiet_status(root, args, input, cancel)?;
    if said.status.success() {
        return Ok(said.out);
    }
    Err(CommitError::Git { command: args.first().copied().unwrap_or_default().to_owned(), said: said.text() })
}

fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
        } else if c == '\n' || !c.is_control() {
            plain.push(c);
        }
    }
    plain
}

/// The same, where the exit code is an answer.
pub(crate) fn quiet_status(root: &Path, args: &[&str], input: &[u8], cancel: &Cancel) -> Result<Said, CommitError> {
    let mut command = command(root);
    command.env("LC_ALL", "C");
    command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"]);
    // It alone does not know the option.
    if args.first() != Some(&"check-ignore") {
        command.arg("--literal-pathspecs");
    }
    command.args(args);
    run(command, input, cancel)
}

/// Run git as the user would: with hooks.
pub(crate) fn as_user(root: &Path, args: &[&str], input: &[u8], cancel: &Cancel) -> Result<Said, CommitError> {
    // Nothing that hooks would inherit: no options of git's own, no other language.
    let mut command = command(root);
    command.args(args);
    run(command, input, cancel)
}

fn command(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(root).env("GIT_TERMINAL_PROMPT", "0").env("GIT_EDITOR", "true");
    for name in INHERITED {
        command.env_remove(name);
    }
    command
}

fn run(command: Command, input: &[u8], cancel: &Cancel) -> Result<Said, CommitError> {
    let started = process::start(command, Pipes::ALL).map_err(CommitError::NoGit)?;
    let Started { mut child, stdin, stdout: out, stderr: err } = started;
    thread::scope(|scope| {
        scope.spawn(move || {
            // A child that does not read its input closes it.
            stdin.map(|mut stdin| stdin.write_all(input))
        });
        let out = scope.spawn(|| read(out));
        let err = scope.spawn(|| read(err));
        let status = wait(&mut child, cancel).map_err(CommitError::NoGit)?;
        Ok(Said { status, out: out.join().unwrap_or_default(), err: err.join().unwrap_or_default() })
    })
}

fn read(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What could be read is all there is to say.
    let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
    bytes
}

/// Asked to end, git removes its locks first.
fn wait(child: &mut Child, cancel: &Cancel) -> std::io::Result<ExitStatus> {
    let mut asked = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if cancel.is_cancelled() && !asked {
            asked = true;
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        thread::sleep(POLL);
    }
}
