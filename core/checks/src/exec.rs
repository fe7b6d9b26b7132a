//! One run of a check on the scratch copy, in the sandbox.

use crate::config::{Check, REPORT};
use crate::copy::{CopyError, ScratchCopy};
use crate::diagnostic::{self, Files, diagnostics, fingerprint, plain};
use crate::listing::Listing;
use crate::machine::Machine;
use crate::parse::{Printed, parse};
use deepcoder_types::{Cancel, Diagnostic, RepoPath, Severity};
use deepcoder_verify::sandbox::{self, Ended, Limits, Output, Profile, SandboxError, Sandboxed};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Directories of the scratch directory that a run finds empty.
const FRESH: [&str; 3] = ["tmp", "home", "report"];

/// Directories of the scratch directory that stay, so that the second run is fast.
const KEPT: [&str; 2] = ["cache", "target"];

/// The most bytes that a check may add to the scratch directory.
const MAX_SCRATCH: u64 = 8 << 30;

/// The most bytes of each stream and of the report that are read.
const MAX_OUTPUT: usize = 8 << 20;

/// The lines of an output that nothing understands.
const TAIL: usize = 12;

/// The rule of the diagnostic that stands for an exit code.
pub(crate) const EXIT: &str = "exit";

/// The result of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) ms: u64,
    /// The output as it was printed has this mark: see `canary`.
    #[serde(default)]
    pub(crate) marked: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    /// With success.
    Passed,
    /// With the exit code of a failure.
    Failed(i32),
    /// It did not end by itself, because of what ran in it: a signal or the deadline. The reason.
    Died(String),
    /// Without a result. The reason.
    Nothing(String),
}

/// How a run may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How<'a> {
    /// Whether the first failure is enough.
    pub(crate) stop_early: bool,
    /// A text to look for in the output.
    pub(crate) mark: &'a str,
    /// The most bytes that the check may add to the scratch directory.
    pub(crate) scratch_bytes: u64,
}

impl Default for How<'_> {
    fn default() -> Self {
        Self { stop_early: false, mark: "", scratch_bytes: MAX_SCRATCH }
    }
}

/// What every run of a repository needs.
pub(crate) struct Runner<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) listing: &'a Listing,
    pub(crate) root: &'a Path,
    pub(crate) text: &'a dyn Fn(&RepoPath) -> Option<String>,
    pub(crate) cancel: &'a Cancel,
}

impl Runner<'_> {
    /// Run `check` on the copy as it is.
    pub(crate) fn run(&self, check: &Check, copy: &mut ScratchCopy, how: How<'_>) -> Result<Ran, CopyError> {
        let report = copy.scratch().join("report").join(&check.name);
        let report = report.to_string_lossy();
        let command: Vec<String> = check.command.iter().map(|word| word.replace(REPORT, &report)).collect();
        let mut flags = check.tool.flags(&check.command, &report);
        if !matches!(check.parser, crate::config::Parser::Auto | crate::config::Parser::Json) {
            flags.clear();
        }
        let early = if how.stop_early { check.tool.stop_early() } else { Vec::new() };
        let asked = check.tool.with(&command, &[flags.as_slice(), &early].concat());
        let ran = self.once(check, &asked, copy, how)?;
        let added = asked != command;
        match &ran {
            // An older version of the tool, or another program of its name.
            (ran, true) if added && ran.end != End::Passed => Ok(self.once(check, &command, copy, how)?.0),
            _ => Ok(ran.0),
        }
    }

    /// The result, and whether the tool complains about its command line.
    fn once(
        &self,
        check: &Check,
        command: &[String],
        copy: &mut ScratchCopy,
        how: How<'_>,
    ) -> Result<(Ran, bool), CopyError> {
        copy.fresh(&FRESH)?;
        copy.keep(&KEPT)?;
        let nothing = |reason: String| Ran { end: End::Nothing(reason), diagnostics: Vec::new(), ms: 0, marked: false };
        let Some(program) = command.first() else { return Ok((nothing("it has no command".to_owned()), false)) };
        let tree = copy.tree();
        let Some(file) = self.machine.find(program, &self.listing.programs, &tree) else {
            let hint = if program.contains('/') { "is no program of the repository" } else { "is not installed" };
            return Ok((nothing(format!("`{}` {hint}", plain(program))), false));
        };
        let mut readable = self.machine.readable(&file, &self.listing.programs);
        readable.extend(self.listing.readable.iter().cloned());
        let argv = std::iter::once(file.into_os_string()).chain(command.iter().skip(1).map(OsString::from));
        let mut program = Sandboxed::new(argv, copy.scratch());
        program.cwd.clone_from(&tree);
        program.readable = readable;
        program.env = self.environment(copy);
        program.profile = Profile::Toolchain;
        program.limits = limits(check.timeout, how.scratch_bytes);
        program.require_confinement = true;
        let output = match sandbox::run(&program, self.cancel) {
            Ok(output) => output,
            Err(error @ SandboxError::Unconfined(_)) => return Ok((nothing(error.to_string()), false)),
            Err(SandboxError::Start { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok((nothing("the program is not installed".to_owned()), false));
            }
            Err(error) => return Ok((nothing(error.to_string()), false)),
        };
        if output.ended == Ended::ScratchFull {
            // Its caches may be what is full.
            copy.wipe().map_err(|source| CopyError::Io { path: copy.scratch().to_owned(), source })?;
        }
        Ok(self.read(check, copy, &output, how.mark))
    }

    fn read(&self, check: &Check, copy: &ScratchCopy, output: &Output, mark: &str) -> (Ran, bool) {
        let (stdout, stderr) = (output.stdout.to_text(), output.stderr.to_text());
        let report = copy.read("report", &check.name, MAX_OUTPUT as u64).ok();
        let report = report.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let seconds = check.timeout.as_secs_f64();
        let end = match output.ended {
            Ended::Exited(0) => End::Passed,
            Ended::Exited(code) => match check.tool.no_result(code) {
                Some(reason) => End::Nothing(with_tail(reason, &stdout, &stderr)),
                None => End::Failed(code),
            },
            Ended::Signalled(signal) => End::Died(format!("signal {signal} ended it")),
            Ended::TimedOut => End::Died(format!("it did not finish in {seconds} s")),
            Ended::TooManyProcesses => End::Nothing("it started too many processes".to_owned()),
            Ended::ScratchFull => End::Nothing("it wrote too much".to_owned()),
            Ended::Cancelled => End::Nothing("interrupted".to_owned()),
        };
        let usage = matches!(output.ended, Ended::Exited(code) if code != 0) && complains(&stdout, &stderr);
        let printed = Printed { stdout: &stdout, stderr: &stderr, report: report.as_deref() };
        let raw = parse(check.parser, check.tool.tool, &printed).unwrap_or_default();
        let roots = [copy.tree().as_path(), self.root].map(|root| format!("{}/", root.to_string_lossy()));
        let roots = with_real(roots, &copy.tree());
        let files = Files { roots: &roots, text: self.text };
        let mut found = diagnostics(&check.tool.name, raw, &files);
        // A time of day or an address looks like a place in a file.
        let known = |path: &RepoPath| self.listing.files.contains_key(path.as_str()) || (self.text)(path).is_some();
        found.iter_mut().filter(|d| d.path.as_ref().is_some_and(|path| !known(path))).for_each(|d| d.path = None);
        let explained = found.iter().any(|d| d.severity == Severity::Error);
        if let (End::Failed(code), false) = (&end, explained) {
            found.push(exit(check, *code, &stdout, &stderr));
        }
        let marked = !mark.is_empty() && [&stdout, &stderr].into_iter().chain(&report).any(|text| text.contains(mark));
        let ms = u64::try_from(output.elapsed.as_millis()).unwrap_or(u64::MAX);
        (Ran { end, diagnostics: found, ms, marked }, usage)
    }

    /// The environment: the user's programs, and caches in the scratch directory.
    fn environment(&self, copy: &ScratchCopy) -> Vec<(OsString, OsString)> {
        let scratch = copy.scratch();
        let places: [(&str, &str); 12] = [
            ("HOME", "home"),
            ("TMPDIR", "tmp"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "home"),
            ("XDG_DATA_HOME", "home"),
            ("CARGO_TARGET_DIR", "target"),
            ("PYTHONPYCACHEPREFIX", "cache/python"),
            ("RUFF_CACHE_DIR", "cache/ruff"),
            ("MYPY_CACHE_DIR", "cache/mypy"),
            ("GOCACHE", "cache/go"),
            ("GOTMPDIR", "tmp"),
            ("npm_config_cache", "cache/npm"),
        ];
        let words = [
            ("CI", "1"),
            ("NO_COLOR", "1"),
            ("TERM", "dumb"),
            ("CARGO_TERM_COLOR", "never"),
            ("CARGO_NET_OFFLINE", "true"),
            ("GOPROXY", "off"),
            ("GOTOOLCHAIN", "local"),
            ("RUSTUP_AUTO_INSTALL", "0"),
            ("PYTHONHASHSEED", "0"),
            ("PIP_NO_INDEX", "1"),
        ];
        let mut env: Vec<(OsString, OsString)> = self.machine.variables();
        env.extend(places.iter().map(|(name, path)| ((*name).into(), scratch.join(path).into())));
        env.extend(words.iter().map(|(name, word)| ((*name).into(), (*word).into())));
        let own = self.listing.programs.iter().chain(&self.machine.path);
        let system = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
        if let Ok(path) = std::env::join_paths(own.chain(&system)) {
            env.push(("PATH".into(), path));
        }
        if let Some(environment) =
            self.listing.programs.iter().find_map(|bin| bin.parent().filter(|p| p.join("pyvenv.cfg").exists()))
        {
            env.push(("VIRTUAL_ENV".into(), environment.into()));
        }
        let imports = self.listing.imports.iter().map(|path| copy.tree().join(path));
        if let Ok(path) = std::env::join_paths(imports)
            && !path.is_empty()
        {
            env.push(("PYTHONPATH".into(), path));
        }
        env
    }
}

/// The roots, and the one of the copy as programs see it that resolve links.
fn with_real(roots: [String; 2], tree: &Path) -> Vec<String> {
    let real = tree.canonicalize().ok().map(|tree| format!("{}/", tree.to_string_lossy()));
    roots.into_iter().chain(real).collect()
}

fn limits(wall: Duration, scratch_bytes: u64) -> Limits {
    let cores = std::thread::available_parallelism().map_or(4, std::num::NonZero::get);
    Limits {
        wall,
        // Of each process; the deadline is for all of them.
        cpu_seconds: wall.as_secs().saturating_mul(cores as u64).saturating_add(10),
        // Virtual machines reserve more than they use.
        memory_bytes: 64 << 30,
        file_bytes: 2 << 30,
        scratch_bytes,
        open_files: 4096,
        processes: 512,
        output_bytes: MAX_OUTPUT,
    }
}

/// The diagnostic of a failure that nothing explains.
fn exit(check: &Check, code: i32, stdout: &str, stderr: &str) -> Diagnostic {
    Diagnostic {
        tool: check.tool.name.clone(),
        rule: EXIT.to_owned(),
        severity: Severity::Error,
        path: None,
        line: 0,
        range: None,
        message: with_tail(&format!("exit code {code}"), stdout, stderr),
        fingerprint: fingerprint(&[&check.tool.name, EXIT]),
        fixes: Vec::new(),
    }
}

/// `what`, and the last lines that were printed.
fn with_tail(what: &str, stdout: &str, stderr: &str) -> String {
    let text = if stderr.trim().is_empty() { stdout } else { stderr };
    let lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(TAIL).collect();
    let mut last: Vec<String> = Vec::new();
    let mut length = 0;
    // The last ones say most.
    for line in lines {
        let line = diagnostic::plain(line);
        length += line.len();
        if length > 500 && !last.is_empty() {
            break;
        }
        last.push(line);
    }
    last.reverse();
    if last.is_empty() { what.to_owned() } else { format!("{what}: {}", last.join(" · ")) }
}

/// Whether a tool says that it does not know an argument.
fn complains(stdout: &str, stderr: &str) -> bool {
    let words = [
        "unrecognized argument",
        "unrecognized option",
        "unknown option",
        "unknown argument",
        "unexpected argument",
        "no such option",
        "bad option",
        "invalid option",
        "invalid choice",
        "flag provided but not defined",
        "error: Invalid value for '--output-format'",
    ];
    let start = |text: &str| text.get(..4096.min(text.len())).unwrap_or_default().to_lowercase();
    let (stdout, stderr) = (start(stdout), start(stderr));
    words.iter().any(|word| stderr.contains(&word.to_lowercase()) || stdout.contains(&word.to_lowercase()))
}
