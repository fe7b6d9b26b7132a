//! Running one command to its end.

use crate::process::{self, Pipes, Started};
use deepcoder_types::Cancel;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::io::{Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A hook's output can be long; the reason for a refusal stands at the end.
const MOST_LINES: usize = 30;

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

/// Run `command` with `input` on its standard input. `cancel` asks the command to end, so that git removes its locks first.
pub fn run(mut command: Command, input: &[u8], cancel: &Cancel) -> std::io::Result<Output> {
    command.stdin(Stdio::null());
    let pipes = Pipes { stdin: !input.is_empty(), ..Pipes::ALL };
    let Started { mut child, stdin, stdout: out, stderr: err } = process::start(command, pipes)?;
    thread::scope(|scope| {
        // A command that ends before it has read everything says why itself.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        let out = scope.spawn(|| read(out));
        let err = scope.spawn(|| read(err));
        let status = wait(&mut child, cancel)?;
        Ok(Output { status, out: out.join().unwrap_or_default(), err: err.join().unwrap_or_default() })
    })
}

fn read(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // After an error the bytes so far are all there is.
    let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
    bytes
}

fn wait(child: &mut Child, cancel: &Cancel) -> std::io::Result<ExitStatus> {
    let pid = Pid::from_child(child);
    let runs = Arc::new(Mutex::new(true));
    let theirs = Arc::clone(&runs);
    let waiting = cancel.on_cancel(move || {
        if *lock(&theirs) {
            let _ = kill_process(pid, Signal::TERM);
        }
    });
    // It is not reaped yet: until no signal can go to it any more, its number must not become another process's.
    while let Err(error) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
        if error != rustix::io::Errno::INTR {
            return Err(error.into());
        }
    }
    *lock(&runs) = false;
    drop(waiting);
    child.wait()
}

fn lock(runs: &Mutex<bool>) -> MutexGuard<'_, bool> {
    runs.lock().unwrap_or_else(PoisonError::into_inner)
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
