//! A repository that edits are made in.

use crate::checks::CheckPlace;
use deepcoder_apply::{
    Applied, Applier, ApplierOptions, ApplyOptions, CommitError, LogEntry, LogError, Recovery, RestoreError, Restored,
    ScriptError, Side, StepScript, UndoError, Undone,
};
use deepcoder_edit::unified_diff;
use deepcoder_lsp_client::{Configured, Servers};
use deepcoder_pipeline::{
    ApplyRunError, Event, NameServers, Pipeline, Policy, ProjectChecks, Run, RunError, RunOptions,
};
use deepcoder_profile::{LanguageServers, Profile};
use deepcoder_types::{
    Cancel, EditSet, Effort, FileChange, FileImage, Hint, Instruction, LanguageModel, Level, RepoPath, env_var,
};
use deepcoder_workspace::{OpenError, ReadError, ResolveError, Workspace};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// How long an edit can be undone: 90 days, the time after which git itself forgets what its reflogs hold.
const KEEP_MS: u64 = 90 * 24 * 3600 * 1000;

/// The most bytes of old files that the history of one work tree keeps; the oldest edits go first.
const KEEP_BYTES: u64 = 256 << 20;

/// A work tree, and its history once something asks for it.
pub struct Repo {
    pub(crate) workspace: Workspace,
    /// Whether commits say that deepcoder had a part in them.
    pub(crate) attribution: bool,
    /// How much work an edit is worth where the request does not say.
    effort: Effort,
    state: PathBuf,
    checks: CheckPlace,
    profile: Profile,
    steps: Option<Arc<StepScript>>,
    applier: OnceLock<Applier>,
}

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// It is not one.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The typed path is not a file of it.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A file of it cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its history cannot be opened.
    #[error(transparent)]
    History(#[from] deepcoder_apply::OpenError),
    /// The result cannot be applied.
    #[error(transparent)]
    Apply(#[from] ApplyRunError),
    /// The edit cannot be taken back.
    #[error(transparent)]
    Undo(#[from] UndoError),
    /// The files cannot be brought back.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The history cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The edit could not be committed, and so was not applied.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The edit was applied, but not committed.
    #[error("the edit {id} is applied but not committed: {source}")]
    NotCommitted {
        /// The edit.
        id: String,
        /// The work tree that was made for it.
        work_tree: Option<PathBuf>,
        /// Why.
        source: CommitError,
    },
    /// The script for tests makes no sense.
    #[error("{}: {}", env_var::STEP, .0)]
    Script(#[from] ScriptError),
}

impl Hint for RepoError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(e) => e.hint(),
            Self::Resolve(e) => e.hint(),
            Self::Read(e) => e.hint(),
            Self::History(e) => e.hint(),
            Self::Apply(e) => e.hint(),
            Self::Undo(e) => e.hint(),
            Self::Restore(e) => e.hint(),
            Self::Log(e) => e.hint(),
            Self::Commit(e) => e.hint(),
            Self::NotCommitted { work_tree: Some(path), .. } => {
                Some(format!("it is in {}: see to it and commit there, or `deepcoder undo` there", path.display()))
            }
            Self::NotCommitted { source, .. } => source.hint(),
            Self::Script(e) => e.hint(),
        }
    }
}

/// How a run's result is applied.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApplyRun {
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// Also what failed verification; the record then says so.
    pub unverified: bool,
    /// Also files that steer tools, hooks or agents.
    pub protected: bool,
}

impl Repo {
    /// The work tree that `start` is in. Nothing is written; see [`Repo::recover`].
    pub fn open(profile: &Profile, start: &Path) -> Result<Self, RepoError> {
        let workspace = profile.workspace(start)?;
        // Only in debug builds, which tests use: a variable must not be able to stop a user's edit half-way.
        let script = if cfg!(debug_assertions) { profile.vars().text(env_var::STEP) } else { None };
        Ok(Self {
            workspace,
            attribution: profile.settings().attribution,
            effort: profile.settings().effort,
            state: profile.folders().state.clone(),
            checks: CheckPlace::new(profile),
            profile: profile.clone(),
            steps: script.map(|script| script.parse().map(Arc::new)).transpose()?,
            applier: OnceLock::new(),
        })
    }

    /// The work tree.
    #[must_use]
    pub const fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Bring to an end what an interrupted run left, and say what that was. Before an edit, so that no half-written
    /// tree is read; afterwards every call that writes has done it already.
    pub fn recover(&self) -> Result<Recovery, RepoError> {
        Ok(self.applier()?.recovered().clone())
    }

    /// The files that a user in the folder `base` means by `typed`: files, folders and globs. With `new`, a path that
    /// does not exist is a file to be made.
    pub fn targets(&self, base: &Path, typed: &[String], new: bool) -> Result<Vec<RepoPath>, RepoError> {
        if typed.is_empty() {
            return Ok(Vec::new());
        }
        let mut targets = Vec::new();
        let mut existing = Vec::new();
        for text in typed {
            match self.workspace.resolve(base, text) {
                Ok(path) if new && !self.workspace.exists(&path) && !text.contains(['*', '?', '[', '{']) => {
                    targets.push(path);
                }
                _ => existing.push(text.clone()),
            }
        }
        if !existing.is_empty() {
            targets.extend(self.workspace.expand(base, &existing)?);
        }
        targets.sort();
        targets.dedup();
        Ok(targets)
    }

    /// Whether the files that exist can be read as text: said before a model is loaded for them.
    pub fn check_readable(&self, targets: &[RepoPath]) -> Result<(), RepoError> {
        for target in targets.iter().filter(|target| self.workspace.exists(target)) {
            self.workspace.read_text(target)?;
        }
        Ok(())
    }

    /// The targets that can be read as text, or are to be made, and why the others cannot. An error where none is left.
    pub fn readable(&self, targets: Vec<RepoPath>) -> Result<(Vec<RepoPath>, Vec<ReadError>), RepoError> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for target in targets {
            match self.workspace.exists(&target).then(|| self.workspace.read_text(&target)) {
                Some(Err(error)) => bad.push(error),
                _ => good.push(target),
            }
        }
        match bad.pop() {
            Some(error) if good.is_empty() => Err(error.into()),
            Some(error) => {
                bad.push(error);
                Ok((good, bad))
            }
            None => Ok((good, bad)),
        }
    }

    /// The language servers of this user.
    fn servers(&self) -> Servers {
        let configured = match &self.profile.settings().language_servers {
            LanguageServers::Installed(installed) => Configured { off: !installed, commands: BTreeMap::new() },
            LanguageServers::Commands(commands) => Configured { off: false, commands: commands.clone() },
        };
        let scratch = &self.profile.folders().servers;
        Servers::new(self.workspace.root(), self.checks.machine().clone(), configured, scratch)
    }

    /// Do everything that `instruction` asks for but write, with `effort` or that of the settings.
    pub fn run(
        &self,
        model: Arc<dyn LanguageModel>,
        instruction: &Instruction,
        policy: Policy,
        effort: Option<Effort>,
        cancel: &Cancel,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Run, RunError> {
        deepcoder_pipeline::check_options(&instruction.verb, &instruction.options)?;
        let checks = self.checks.open(&self.workspace).unwrap_or_else(|error| {
            // A check that makes no sense must not keep the user from editing, and must not be missed.
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            events(Event::Log { level: Level::Warn, message: format!("no checks are run: {error}{hint}") });
            None
        });
        let checks = checks.as_ref().map(|checks| checks as &dyn ProjectChecks);
        let calibration = self.profile.calibration(&model.info().name);
        let calibration = calibration.as_ref();
        let effort = effort.unwrap_or(self.effort);
        let pipeline = Pipeline::new(&self.workspace, model).with_policy(policy);
        let mut chosen = Vec::new();
        let mut told = |event: Event| {
            if let Event::Targets(files) = &event {
                chosen.clone_from(files);
            }
            events(event);
        };
        let confidence = f32::from(self.profile.settings().confidence) / 100.0;
        let servers = self.servers();
        let names = Some(&servers as &dyn NameServers);
        let options = RunOptions { checks, names, calibration, effort, confidence, ..RunOptions::default() };
        let mut run = pipeline.run(instruction, &options, cancel, &mut told)?;
        run.record.chosen = chosen;
        Ok(run)
    }

    /// Write what a run came to; `None` when it changes nothing.
    pub fn apply(&self, run: &Run, how: ApplyRun, cancel: &Cancel) -> Result<Option<Applied>, RepoError> {
        let options = ApplyOptions { now_ms: how.now_ms, allow_protected: how.protected, ..ApplyOptions::default() };
        let applier = self.applier()?;
        let applied = deepcoder_pipeline::apply(applier, run, options, how.unverified, cancel)?;
        if applied.as_ref().is_some_and(|applied| !applied.already) {
            // The edit is in the tree; old history that cannot be cleared away now is cleared away by a later edit.
            _ = applier.prune(how.now_ms.saturating_sub(KEEP_MS), KEEP_BYTES);
        }
        Ok(applied)
    }

    /// Take back the edit `id` (a prefix will do), or the last one.
    pub fn undo(&self, id: Option<&str>, now_ms: u64, cancel: &Cancel) -> Result<Undone, RepoError> {
        Ok(self.applier()?.undo(id, now_ms, cancel)?)
    }

    /// Bring files to what they were on `side` of the edit `id` (a prefix will do), whatever they are now.
    pub fn restore(
        &self,
        id: &str,
        paths: &[RepoPath],
        side: Side,
        now_ms: u64,
        cancel: &Cancel,
    ) -> Result<Restored, RepoError> {
        Ok(self.applier()?.restore(id, paths, side, now_ms, cancel)?)
    }

    /// The bytes of a file on `side` of the edit `id`; `None` where it did not exist.
    pub fn image(&self, id: &str, path: &RepoPath, side: Side) -> Result<Option<FileImage>, RepoError> {
        Ok(self.applier()?.image(id, path, side)?)
    }

    /// The diff of an edit.
    pub fn diff(&self, entry: &LogEntry) -> Result<String, RepoError> {
        let files = entry.files.iter().map(|file| {
            let side = |there: bool, side| if there { self.image(&entry.id, &file.path, side) } else { Ok(None) };
            Ok(FileChange {
                path: file.path.clone(),
                old: side(file.old.is_some(), Side::Before)?,
                new: side(file.new.is_some(), Side::After)?,
            })
        });
        let files = files.collect::<Result<Vec<_>, RepoError>>()?;
        Ok(unified_diff(&EditSet { id: entry.id.clone(), title: entry.title.clone(), files }))
    }

    /// The edits, newest first.
    pub fn log(&self, limit: usize) -> Result<Vec<LogEntry>, RepoError> {
        Ok(self.applier()?.log(limit)?)
    }

    /// The edit that was applied under exactly this id, in effect or taken back since.
    pub fn applied(&self, id: &str) -> Result<Option<LogEntry>, RepoError> {
        Ok(self.applier()?.applied(id)?)
    }

    /// Forget the history of a work tree that is about to go away, with the old files that git keeps for it. Best effort: what
    /// stays is found by a later edit, and forgotten when it is old.
    pub fn forget_history(&self) {
        if let Some(applier) = self.applier.get() {
            _ = applier.prune(u64::MAX, 0);
        }
    }

    /// Opened when it is first needed: a dry run needs no history.
    pub(crate) fn applier(&self) -> Result<&Applier, RepoError> {
        if let Some(applier) = self.applier.get() {
            return Ok(applier);
        }
        let applier = self.open_applier(&self.workspace)?;
        Ok(self.applier.get_or_init(|| applier))
    }

    pub(crate) fn open_applier(&self, workspace: &Workspace) -> Result<Applier, RepoError> {
        let mut options = ApplierOptions::default();
        if let Some(steps) = &self.steps {
            options.steps = Box::new(Arc::clone(steps));
        }
        Ok(Applier::open_with(workspace, &self.state, options)?)
    }
}
