//! Runs a task's test in the sandbox.

use crate::tools::{Tool, Tools};
use crate::{EvalError, Verdict};
use deepcoder_types::{Cancel, ContentHash, RepoPath};
use deepcoder_verify::sandbox::{self, Ended, Limits, Output, Profile, Sandboxed, Scratch};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const PROGRAM: &str = include_str!("harness.py");
const SHAPES: &str = include_str!("shapes.py");

/// The files of a tree.
pub type Files = BTreeMap<RepoPath, Vec<u8>>;

/// A Python to run tests with, other tools, and where.
#[derive(Debug, Clone)]
pub struct Harness {
    python: PathBuf,
    readable: Vec<PathBuf>,
    scratch: PathBuf,
    limits: Limits,
    tools: Arc<Tools>,
}

/// The parts of a test.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Test<'a> {
    /// HumanEval: the answer's definitions over the question's, then `check(entry)`.
    Function { prompt: &'a str, code: &'a str, entry: &'a str, test: &'a str },
    /// A whole program, then its test, then an expression (none if empty).
    Program { program: &'a str, test: &'a str, call: &'a str },
    /// What an edit must have left alone and must have brought, which `shapes.py` reads off the text.
    Shapes { before: BTreeMap<&'a str, String>, after: BTreeMap<&'a str, String>, shapes: &'a [serde_json::Value] },
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
        let tools = Arc::new(Tools::new(OsStr::new("")));
        Ok(Self { python: executable, readable: lines.collect(), scratch: scratch.to_owned(), limits, tools })
    }

    /// With the compilers and interpreters on `path`, a list of directories as in the environment variable.
    #[must_use]
    pub fn with_tools(mut self, path: &OsStr) -> Self {
        self.tools = Arc::new(Tools::new(path));
        self
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
        let script = if matches!(test, Test::Shapes { .. }) { SHAPES } else { PROGRAM };
        let mut program = Sandboxed::new([python, "-I".into(), "-c".into(), script.into()], folder.path());
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
        Ok(judgement(&output, passed))
    }

    /// The tool `name`, which `task` needs.
    pub(crate) fn tool(&self, name: &str, task: &str) -> Result<Tool, EvalError> {
        if name == "python" {
            return Ok(Tool { program: self.python.clone(), readable: self.readable.clone() });
        }
        self.tools.get(name, task)
    }

    /// Run `steps` one after another in a directory with `files`, until one does not exit with 0. A program is a tool or,
    /// with `./`, a file that a step made.
    pub(crate) fn steps(
        &self,
        task: &str,
        files: &Files,
        steps: &[Vec<String>],
        cancel: &Cancel,
    ) -> Result<Judgement, EvalError> {
        let failed = |source| EvalError::Scratch { path: self.scratch.clone(), source };
        let folder = Scratch::new_in(&self.scratch).map_err(failed)?;
        fill(folder.path(), files).map_err(failed)?;
        let mut judged = Judgement { verdict: Verdict::Passed, detail: String::new(), confined: true };
        for step in steps {
            let Some((name, arguments)) = step.split_first() else { continue };
            let tool = match name.strip_prefix("./") {
                Some(made) => Tool { program: folder.path().join(made), readable: Vec::new() },
                None => self.tool(name, task)?,
            };
            let words = std::iter::once(tool.program.into_os_string()).chain(arguments.iter().map(OsString::from));
            let mut program = Sandboxed::new(words, folder.path());
            program.readable = tool.readable;
            program.profile = Profile::Toolchain;
            program.limits = Limits {
                wall: Duration::from_secs(60),
                cpu_seconds: 20,
                // node and java reserve addresses that they never use.
                memory_bytes: 1 << 40,
                file_bytes: 64 << 20,
                scratch_bytes: 256 << 20,
                open_files: 1024,
                processes: 128,
                ..self.limits
            };
            program.env = [("PYTHONDONTWRITEBYTECODE", "1"), ("JAVA_TOOL_OPTIONS", "-Xmx512m -XX:TieredStopAtLevel=1")]
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec();
            let output = sandbox::run(&program, cancel)?;
            if output.ended == Ended::Cancelled {
                return Err(EvalError::Cancelled { done: 0, total: 0 });
            }
            let confined = judged.confined;
            judged = judgement(&output, output.success());
            judged.confined &= confined;
            if judged.verdict != Verdict::Passed {
                break;
            }
        }
        Ok(judged)
    }
}

#[expect(clippy::disallowed_methods, reason = "writes into a scratch directory of this process")]
fn fill(folder: &Path, files: &Files) -> std::io::Result<()> {
    for (path, bytes) in files {
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, bytes)?;
    }
    Ok(())
}

fn judgement(output: &Output, passed: bool) -> Judgement {
    let last = || {
        let (errors, text) = (output.stderr.to_text(), output.stdout.to_text());
        let line = |text: &str| text.lines().rev().find(|l| !l.trim().is_empty()).map(str::to_owned);
        line(&errors).or_else(|| line(&text)).unwrap_or_else(|| "ended early".to_owned()).chars().take(300).collect()
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
    Judgement { verdict, detail, confined: output.confined }
}
