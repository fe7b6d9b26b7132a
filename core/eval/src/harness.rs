//! Runs a task's test in the sandbox.

use crate::{EvalError, Verdict};
use deepcoder_types::{Cancel, ContentHash};
use deepcoder_verify::sandbox::{self, Ended, Limits, Sandboxed, Scratch};
use serde::Serialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PROGRAM: &str = include_str!("harness.py");

/// A Python to run tests with, and where.
#[derive(Debug, Clone)]
pub struct Harness {
    python: PathBuf,
    readable: Vec<PathBuf>,
    scratch: PathBuf,
    limits: Limits,
}

/// The parts of a test.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Test<'a> {
    /// HumanEval: the answer's definitions over the question's, then `check(entry)`.
    Function { prompt: &'a str, code: &'a str, entry: &'a str, test: &'a str },
    /// A whole program, then its test, then an expression (none if empty).
    Program { program: &'a str, test: &'a str, call: &'a str },
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) detail: String,
    pub(crate) confined: bool,
}

impl Harness {
    /// Tests run with `python` in new folders below `scratch`. The program is asked where it really lives, since
    /// `python3` is often a script or a link.
    pub fn new(python: &Path, scratch: &Path) -> Result<Self, EvalError> {
        let wrong = |message: String| EvalError::Python { path: python.to_owned(), message };
        let script = "import os, sys; assert sys.version_info >= (3, 9), 'it is older than 3.9'; \
             print('\\n'.join([sys.executable, sys.prefix, sys.base_prefix, os.path.realpath(sys.executable)]))";
        let output = Command::new(python).args(["-I", "-c", script]).output().map_err(|e| wrong(e.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut lines = text.lines().map(PathBuf::from);
        let (true, Some(executable)) = (output.status.success(), lines.next().filter(|p| p.is_absolute())) else {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(wrong(said.lines().last().unwrap_or("it does not run").to_owned()));
        };
        let limits = Limits {
            // Far more than any right answer needs: the rest is for a machine that is busy generating.
            wall: Duration::from_secs(20),
            cpu_seconds: 6,
            memory_bytes: 2 << 30,
            file_bytes: 16 << 20,
            scratch_bytes: 64 << 20,
            output_bytes: 64 << 10,
            ..Limits::default()
        };
        // Runs that were killed left theirs. Should it fail, that is no reason not to run.
        _ = sandbox::sweep(scratch);
        Ok(Self { python: executable, readable: lines.collect(), scratch: scratch.to_owned(), limits })
    }

    /// The same with another limit of processor time for each test.
    #[must_use]
    pub fn with_cpu_seconds(mut self, seconds: u64) -> Self {
        self.limits.cpu_seconds = seconds;
        self
    }

    pub(crate) fn judge(&self, test: &Test<'_>, cancel: &Cancel) -> Result<Judgement, EvalError> {
        let folder = Scratch::new_in(&self.scratch)
            .map_err(|source| EvalError::Scratch { path: self.scratch.clone(), source })?;
        let mut orders = serde_json::to_value(test).unwrap_or_default();
        // An answer that exits early with status 0, or prints success, does not know what to say.
        let password = ContentHash::of(orders.to_string().as_bytes()).to_string();
        orders["password"] = password.clone().into();
        let python: OsString = self.python.clone().into();
        let mut program = Sandboxed::new([python, "-I".into(), "-c".into(), PROGRAM.into()], folder.path());
        program.ephemeral = true;
        program.readable.clone_from(&self.readable);
        program.stdin = orders.to_string().into_bytes();
        program.limits = self.limits;
        // Libraries that start a thread for every core would hit the memory limit on a large machine.
        program.env = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]
            .map(|name| (name.into(), "1".into()))
            .to_vec();
        let output = sandbox::run(&program, cancel)?;
        if output.ended == Ended::Cancelled {
            // A test that was killed says nothing about the answer.
            return Err(EvalError::Cancelled { done: 0, total: 0 });
        }
        let said = String::from_utf8_lossy(&output.stdout.bytes);
        let passed = output.success() && said.trim_end().lines().last() == Some(password.as_str());
        let last = || {
            let text = output.stderr.to_text();
            text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("ended early").chars().take(300).collect()
        };
        let (verdict, detail) = match output.ended {
            _ if passed => (Verdict::Passed, String::new()),
            Ended::TimedOut => (Verdict::TimedOut, "ran past the deadline".to_owned()),
            // SIGXCPU, or the SIGKILL that follows it.
            Ended::Signalled(24 | 9) => (Verdict::TimedOut, "used up its processor time".to_owned()),
            Ended::ScratchFull => (Verdict::Failed, "wrote more than its folder may hold".to_owned()),
            Ended::Signalled(signal) => (Verdict::Failed, format!("died of signal {signal}")),
            _ => (Verdict::Failed, last()),
        };
        Ok(Judgement { verdict, detail, confined: output.confined })
    }
}
