//! The checks of one repository: what is configured, whether it is trusted, and what comes of running it.

use crate::canary::{Canary, MARK, canaries};
use crate::compare::{Compared, compare};
use crate::config::{self, Check};
use crate::copy::{CopyError, Files, Progress, ScratchCopy, Wanted, state, sweep};
use crate::exec::{End, How, Ran, Runner};
use crate::file::{CONFIG_FILE, ConfigError, read_text};
use crate::listing::{Listing, list};
use crate::machine::Machine;
use crate::results::{Results, UNSTABLE};
use crate::trust::{Purpose, Trust, TrustError};
use deepcoder_pipeline::ProjectChecks;
use deepcoder_types::{Cancel, CheckKind, CheckOutcome, CheckReport, ContentHash, EditSet, FileImage, Hint, RepoPath};
use deepcoder_workspace::{ListError, Workspace};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another process may use the scratch copy before a caller gives up.
const PATIENCE: Duration = Duration::from_secs(600);

/// Why checks give no result at all.
#[derive(Debug, thiserror::Error)]
pub enum ChecksError {
    /// The copy cannot be made.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The files cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
}

impl Hint for ChecksError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Copy(error) => error.hint(),
            Self::List(error) => error.hint(),
        }
    }
}

/// The checks that a repository configures.
pub struct Checks {
    workspace: Workspace,
    machine: Machine,
    /// Of deepcoder's own, for this repository.
    dir: PathBuf,
    trust: Trust,
    /// The text that was read, which is what is trusted and what runs.
    text: String,
    checks: Vec<Check>,
    scratch_bytes: u64,
}

impl Checks {
    /// The checks of `workspace`; `None` where it configures none. `state_dir` has the user's decisions, `cache_dir` the
    /// scratch copies.
    pub fn open(
        workspace: &Workspace,
        state_dir: &Path,
        cache_dir: &Path,
        machine: Machine,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(text) = read_text(workspace.root())? else { return Ok(None) };
        let checks = config::parse(&text)?;
        if checks.is_empty() {
            return Ok(None);
        }
        // Of the repository: a linked work tree, in which a job works, has the same trust and the same caches.
        let repository = workspace.common_dir();
        let name = ContentHash::of(repository.as_os_str().as_bytes()).to_string();
        Ok(Some(Self {
            workspace: workspace.clone(),
            machine,
            dir: cache_dir.join(name.get(..32).unwrap_or(&name)),
            trust: Trust::new(state_dir, repository, Purpose::Checks),
            text,
            checks,
            scratch_bytes: How::default().scratch_bytes,
        }))
    }

    /// With another limit for the bytes that a check may have in the scratch directory, in which the copy counts.
    #[must_use]
    pub fn with_scratch_bytes(mut self, bytes: u64) -> Self {
        self.scratch_bytes = bytes;
        self
    }

    /// The checks, in the order of the file.
    #[must_use]
    pub fn all(&self) -> &[Check] {
        &self.checks
    }

    /// Whether the user trusts exactly the text that was read.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trust.covers(self.text.as_bytes())
    }

    /// Trust the text that was read, until the file changes.
    pub fn trust(&self) -> Result<(), TrustError> {
        self.trust.record(self.text.as_bytes())
    }

    /// The results of the checks with these `names` (of all where there are none) on the work tree as it is. The diagnostics
    /// of each are all that it found.
    pub fn run_now(
        &self,
        names: &[String],
        cancel: &Cancel,
        copied: Progress<'_>,
        begins: &mut dyn FnMut(&str),
    ) -> Result<Vec<CheckReport>, ChecksError> {
        let chosen = self.checks.iter().filter(|check| names.is_empty() || names.contains(&check.name));
        if !self.is_trusted() {
            return Ok(chosen.map(|check| not_run(check, &untrusted())).collect());
        }
        let listing = list(&self.workspace, &self.machine)?;
        let mut session = Session::open(self, listing, cancel)?;
        session.copied = Some(copied);
        let mut reports = Vec::new();
        for check in chosen {
            cancel.check().map_err(|_| CopyError::Cancelled)?;
            begins(&check.name);
            let files = session.listing.files.clone();
            let ran = session.run(check, &files, None, How::default())?;
            cancel.check().map_err(|_| CopyError::Cancelled)?;
            let outcome = match ran.end {
                End::Passed => CheckOutcome::Passed,
                End::Failed(_) => CheckOutcome::Failed,
                End::Died(reason) | End::Nothing(reason) => CheckOutcome::NotRun(reason),
            };
            let mut report = not_run(check, "");
            (report.outcome, report.added, report.ms) = (outcome, ran.diagnostics, ran.ms);
            reports.push(report);
        }
        Ok(reports)
    }

    fn run_on(&self, set: &EditSet, cancel: &Cancel) -> Result<Vec<CheckReport>, ChecksError> {
        let about = |check: &&Check| set.files.iter().any(|file| check.is_about(&file.path));
        let mut session = match self.checks.iter().find(about) {
            Some(_) => Session::open(self, list(&self.workspace, &self.machine)?, cancel)?,
            None => return Ok(self.checks.iter().map(|check| not_run(check, NO_FILE)).collect()),
        };
        let report = |check| if about(&check) { session.report(check, set) } else { Ok(not_run(check, NO_FILE)) };
        self.checks.iter().map(report).collect()
    }
}

const NO_FILE: &str = "none of its files changes";

fn untrusted() -> String {
    format!("{CONFIG_FILE} is not trusted; `deepcoder checks trust` shows what would run")
}

fn not_run(check: &Check, reason: &str) -> CheckReport {
    CheckReport {
        name: check.name.clone(),
        kind: check.kind,
        outcome: CheckOutcome::NotRun(reason.to_owned()),
        added: Vec::new(),
        removed: 0,
        reaches: false,
        ms: 0,
    }
}

impl ProjectChecks for Checks {
    fn run(&self, set: &EditSet, cancel: &Cancel) -> Vec<CheckReport> {
        if !self.is_trusted() {
            return self.checks.iter().map(|check| not_run(check, &untrusted())).collect();
        }
        match self.run_on(set, cancel) {
            Ok(reports) => reports,
            Err(error) => self.checks.iter().map(|check| not_run(check, &error.to_string())).collect(),
        }
    }
}

/// The scratch copy of a repository, in use.
struct Session<'a> {
    checks: &'a Checks,
    listing: Listing,
    copy: ScratchCopy,
    results: Results,
    cancel: &'a Cancel,
    copied: Option<Progress<'a>>,
    /// Stands for the installed programs and packages.
    installed: String,
}

impl<'a> Session<'a> {
    fn open(checks: &'a Checks, listing: Listing, cancel: &'a Cancel) -> Result<Self, ChecksError> {
        if let Some(parent) = checks.dir.parent() {
            sweep(parent);
        }
        let copy = ScratchCopy::open(&checks.dir, checks.workspace.common_dir(), PATIENCE, cancel)?;
        let results = Results::new(copy.results());
        let time =
            |path: &PathBuf| path.metadata().map(|m| format!("{}.{}", m.ctime(), m.ctime_nsec())).unwrap_or_default();
        let inside = listing.readable.iter().flat_map(|path| [path.clone(), path.join("bin"), path.join("lib")]);
        let installed: Vec<String> = inside.map(|path| format!("{}={}", path.display(), time(&path))).collect();
        Ok(Self { checks, results, copy, cancel, copied: None, installed: installed.join("\0"), listing })
    }

    /// One run on `files`, or its result if it is known. `text` has the files that are not as in the work tree.
    fn run(&mut self, check: &Check, files: &Files, set: Option<&EditSet>, how: How<'_>) -> Result<Ran, ChecksError> {
        let key = self.key(check, files, how);
        if let Some(known) = self.results.get(&key) {
            return Ok(known);
        }
        let mut ran = self.run_anew(check, files, set, how)?;
        if check.kind == CheckKind::Test && matches!(ran.end, End::Failed(_)) && !how.stop_early && set.is_none() {
            // Whoever compares with a test that fails now and then learns nothing.
            let again = self.run_anew(check, files, set, how)?;
            if fingerprints(&again) != fingerprints(&ran) {
                ran = Ran { end: End::Nothing(UNSTABLE.to_owned()), ..again };
            }
        }
        self.results.keep(&key, &ran);
        Ok(ran)
    }

    fn run_anew(
        &mut self,
        check: &Check,
        files: &Files,
        set: Option<&EditSet>,
        how: How<'_>,
    ) -> Result<Ran, ChecksError> {
        let silent = |_: usize, _: usize| {};
        self.copy.sync(&self.checks.workspace, files, self.cancel, self.copied.unwrap_or(&silent))?;
        let workspace = &self.checks.workspace;
        let text = |path: &RepoPath| match set.and_then(|set| set.files.iter().find(|file| file.path == *path)) {
            Some(file) => String::from_utf8(file.new.as_ref()?.bytes.clone()).ok(),
            None => workspace.read_text(path).ok().map(|file| file.text),
        };
        let runner = Runner {
            machine: &self.checks.machine,
            listing: &self.listing,
            root: workspace.root(),
            text: &text,
            cancel: self.cancel,
        };
        let how = How { scratch_bytes: self.checks.scratch_bytes, ..how };
        Ok(runner.run(check, &mut self.copy, how)?)
    }

    fn key(&self, check: &Check, files: &Files, how: How<'_>) -> ContentHash {
        let program = check.command.first().and_then(|program| {
            let root = self.checks.workspace.root();
            let file = self.checks.machine.find(program, &self.listing.programs, root)?.canonicalize().ok()?;
            let meta = file.metadata().ok()?;
            Some(format!("{} {} {}.{}", file.display(), meta.ino(), meta.ctime(), meta.ctime_nsec()))
        });
        let parts = [
            env!("CARGO_PKG_VERSION").to_owned(),
            check.hash().to_string(),
            program.unwrap_or_default(),
            self.installed.clone(),
            state(files).to_string(),
            format!("{}{}", how.stop_early, how.mark),
        ];
        ContentHash::of(parts.join("\0").as_bytes())
    }

    /// Before and after `set`.
    fn report(&mut self, check: &Check, set: &EditSet) -> Result<CheckReport, ChecksError> {
        let mut report = not_run(check, "interrupted");
        if self.cancel.is_cancelled() {
            return Ok(report);
        }
        let tree = self.listing.files.clone();
        let before = self.run(check, &tree, None, How::default())?;
        if let End::Nothing(reason) | End::Died(reason) = &before.end {
            report.outcome = CheckOutcome::NotRun(format!("before the edit: {reason}"));
            return Ok(report);
        }
        let changed = with(&tree, set);
        let after = self.run(check, &changed, Some(set), How::default())?;
        report.ms = after.ms;
        let mut compared = compare(check.kind, &before, &after);
        if compared.outcome == CheckOutcome::Failed && check.kind == CheckKind::Test {
            let again = self.run_anew(check, &changed, Some(set), How::default())?;
            compared = confirmed(compared, compare(check.kind, &before, &again));
        }
        report.reaches = self.reaches(check, set, &before, &after, &changed)?;
        if self.cancel.is_cancelled() {
            report.outcome = CheckOutcome::NotRun("interrupted".to_owned());
            return Ok(report);
        }
        (report.outcome, report.added, report.removed) = (compared.outcome, compared.added, compared.removed);
        Ok(report)
    }

    /// Whether the check is known to run or read what changes.
    fn reaches(
        &mut self,
        check: &Check,
        set: &EditSet,
        before: &Ran,
        after: &Ran,
        changed: &Files,
    ) -> Result<bool, ChecksError> {
        if matches!(check.kind, CheckKind::Lint | CheckKind::Types) {
            let looks = |path: &RepoPath| {
                let language = path.extension().and_then(|extension| check.tool.looks_at(extension));
                check.is_about(path) && language.unwrap_or(!check.files.is_empty())
            };
            return Ok(!matches!(after.end, End::Nothing(_)) && set.files.iter().all(|file| looks(&file.path)));
        }
        // A check that fails anyway shows nothing by failing.
        if before.end != End::Passed || after.end != End::Passed {
            return Ok(false);
        }
        let Some(canaries) = canaries(check.kind, &set.files) else { return Ok(false) };
        if canaries.is_empty() {
            return Ok(false);
        }
        for Canary { path, text, before, needs_mark } in canaries {
            if self.cancel.is_cancelled() {
                return Ok(false);
            }
            let mut files = if before { self.listing.files.clone() } else { changed.clone() };
            let image = FileImage { bytes: text.into_bytes(), mode: mode_of(set, &path) };
            files.insert(path.into(), Wanted::Image(image));
            let ran = self.run(check, &files, Some(set), How { stop_early: true, mark: MARK, ..How::default() })?;
            let fails = matches!(ran.end, End::Failed(_) | End::Died(_));
            if !fails || (needs_mark && !ran.marked) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn mode_of(set: &EditSet, path: &RepoPath) -> Option<u32> {
    let change = set.files.iter().find(|file| file.path == *path)?;
    change.old.as_ref().or(change.new.as_ref())?.mode
}

fn fingerprints(ran: &Ran) -> Vec<&str> {
    let mut all: Vec<&str> = ran.diagnostics.iter().map(|d| d.fingerprint.as_str()).collect();
    all.sort_unstable();
    all
}

/// A failure that showed twice. What showed once is told as unstable.
fn confirmed(first: Compared, second: Compared) -> Compared {
    if second.outcome != CheckOutcome::Failed {
        let outcome = CheckOutcome::NotRun(UNSTABLE.to_owned());
        return Compared { outcome, added: Vec::new(), removed: 0 };
    }
    let twice = |d: &&deepcoder_types::Diagnostic| second.added.iter().any(|other| other.fingerprint == d.fingerprint);
    let added: Vec<_> = first.added.iter().filter(twice).cloned().collect();
    Compared { added: if added.is_empty() { second.added } else { added }, ..first }
}

/// `files` with `set` in place.
fn with(files: &Files, set: &EditSet) -> Files {
    let mut files = files.clone();
    for change in &set.files {
        match &change.new {
            Some(image) => {
                let mode = image.mode.or_else(|| change.old.as_ref()?.mode);
                let image = FileImage { bytes: image.bytes.clone(), mode };
                files.insert(change.path.as_str().to_owned(), Wanted::Image(image));
            }
            None => _ = files.remove(change.path.as_str()),
        }
    }
    files
}
