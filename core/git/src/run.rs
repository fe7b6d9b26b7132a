//! Running one command to its end.

use crate::process::{self, Pipes, Started};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// A hook's output can be long; the reason for a refusal stands at the end.
const MOST_LINES: usize = 30;

const POLL: Duration = Duration::from_millis(5);

/// How a command ended, and what it printed.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub out: Vec<u8>,
    /// Its standard error.
    pub err: Vec<u8>,
}

impl Output {
    /// The last lines of both streams as one text, without colours and control characters.
    #[must_use]
    pub fn text(&self) -> String {
        let both = [&self.err, &self.out].map(|bytes| plain(&String::from_utf8_lossy(bytes)).trim().to_owned());
        let lines: Vec<&str> = both.iter().flat_map(|text| text.lines()).collect();
        lines.get(lines.len().saturating_sub(MOST_LINES)..).unwrap_or_default().join("\n")
    }

    /// The first line of standard error that says something, without git's `fatal: `.
    #[must_use]
    pub fn reason(&self) -> String {
        let text = String::from_utf8_lossy(&self.err);
        let first = text.lines().find(|l| !l.trim().is_empty()).unwrap_or("git printed no reason");
        first.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned()
    }
}

/// Run `command` with `input` on its standard input. When `stop` says so the command is asked to end, so that git
/// removes its locks first.
pub fn run(mut command: Command, input: &[u8], stop: &dyn Fn() -> bool) -> std::io::Result<Output> {
    command.stdin(Stdio::null());
    let pipes = Pipes { stdin: !input.is_empty(), ..Pipes::ALL };
    let Started { mut child, stdin, stdout: out, stderr: err } = process::start(command, pipes)?;
    thread::scope(|scope| {
        // A command that ends before it has read everything says why itself.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        let out = scope.spawn(|| read(out));
        let err = scope.spawn(|| read(err));
        let status = wait(&mut child, stop)?;
        Ok(Output { status, out: out.join().unwrap_or_default(), err: err.join().unwrap_or_default() })
    })
}

fn read(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // After an error the bytes so far are all there is.
    let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
    bytes
}

fn wait(child: &mut Child, stop: &dyn Fn() -> bool) -> std::io::Result<ExitStatus> {
    let mut asked = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if !asked && stop() {
            asked = true;
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        thread::sleep(POLL);
    }
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
