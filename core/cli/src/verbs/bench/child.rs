//! Other processes whose work is measured: each has the machine's memory to itself, and its own peak of it.

use crate::failure::{Failure, Result};
use deepcoder_types::Cancel;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How often a running process is looked at. That takes microseconds.
const WATCH: Duration = Duration::from_millis(100);

/// The output of a process.
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The last thing on standard error, which is mostly why.
    pub(crate) fn complaint(&self) -> String {
        let line = self.err.lines().rev().find(|line| !line.trim().is_empty());
        line.map_or_else(|| format!("it ended with {}", self.status), |line| line.trim().to_owned())
    }
}

/// Run a program to its end, or until the user interrupts: then it is ended.
pub(crate) fn run(command: &mut Command, cancel: &Cancel) -> Result<Said> {
    let name = command.get_program().display().to_string();
    let failed = |error: &std::io::Error| Failure::io(format_args!("cannot run {name}"), error);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = Ended(child.map_err(|e| failed(&e))?);
    let (out, err) = (child.0.stdout.take(), child.0.stderr.take());
    std::thread::scope(|scope| {
        let out = scope.spawn(|| text(out));
        let err = scope.spawn(|| text(err));
        let status = loop {
            if let Some(status) = child.0.try_wait().map_err(|e| failed(&e))? {
                break status;
            }
            // Polls, because the end of a child cannot wake a thread that also waits for a cancel.
            if cancel.wait_timeout(WATCH) {
                child.end();
            }
        };
        cancel.check().map_err(|e| Failure::new(e.to_string()))?;
        let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        Ok(Said { status, out, err })
    })
}

fn text(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // Output that cannot be read counts as empty.
    _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A process that does not outlive its owner.
struct Ended(Child);

impl Ended {
    fn end(&mut self) {
        // Fails only if it has ended already.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}
