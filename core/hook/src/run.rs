//! A hook from beginning to end.

use crate::HookError;
use crate::ask::{Asker, ModelSource};
use crate::config::{Config, HookType};
use crate::entries::{Entry, Skipped};
use crate::index::{Exchange, at};
use crate::look::{Item, Work, unfixed};
use crate::place::{Form, Place, trust};
use crate::tree::{self, Change, InTree};
use deepcoder_apply::{Applier, ApplierOptions, Steps, protected};
use deepcoder_types::{Cancel, RepoPath};
use deepcoder_workspace::{MAX_FILE, Workspace};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The input of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// The staged files.
    Staged,
    /// The commits and tags of a push.
    Pushed {
        /// The remote's name, or its address where it has none.
        remote: String,
        /// The lines that git writes to the hook's standard input.
        lines: Vec<u8>,
    },
    /// The message in this file.
    Message(PathBuf),
    /// These files of the work tree, for a framework that runs hooks itself: the index is left alone.
    Files(Vec<OsString>),
}

impl Job {
    const fn hook(&self) -> HookType {
        match self {
            Self::Staged | Self::Files(_) => HookType::PreCommit,
            Self::Pushed { .. } => HookType::PrePush,
            Self::Message(_) => HookType::CommitMsg,
        }
    }
}

/// Where a hook runs, and how.
pub struct Surroundings {
    /// The working directory.
    pub cwd: PathBuf,
    /// Whether git's variables say which repository is meant.
    pub in_hook: bool,
    /// `GIT_INDEX_FILE`.
    pub index_file: Option<OsString>,
    /// Where the history and what the user trusts are kept.
    pub state_dir: PathBuf,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
    /// Set when the user interrupts.
    pub cancel: Cancel,
    /// Gets a model ready when one is needed.
    pub model: ModelSource,
    /// Instead of the configured deadline.
    pub deadline: Option<Duration>,
    /// Work that cannot be done in time refuses the commit, whatever the configuration says.
    pub strict: bool,
    /// Where tests make it fail.
    pub steps: Arc<dyn Steps>,
}

/// Something that refuses the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// Lower case, no full stop.
    pub message: String,
    /// The action that found it.
    pub action: &'static str,
}

/// A file that was put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The file.
    pub path: RepoPath,
    /// The actions that did it.
    pub by: Vec<&'static str>,
    /// The state of the file in the work tree.
    pub tree: InTree,
}

/// The report of a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many files were looked at.
    pub looked_at: usize,
    /// The findings that refuse the commit.
    pub findings: Vec<Finding>,
    /// The fixes.
    pub fixed: Vec<Fixed>,
    /// The files that were skipped.
    pub skipped: Vec<Skipped>,
    /// Failures and unusual events.
    pub warnings: Vec<String>,
    /// Whether the commit may be made.
    pub passed: bool,
    /// The ref that holds the index as it was before the fixes.
    pub kept: Option<String>,
}

/// Run a hook.
pub fn run(job: &Job, around: &Surroundings) -> Result<Report, HookError> {
    let started = Instant::now();
    let place = Place::find(&around.cwd, around.in_hook, around.index_file.as_deref())?;
    let (config, text) = Config::read(&place.root)?;
    let deadline = started + around.deadline.unwrap_or(config.deadline);
    let strict = around.strict || config.strict;
    let mut work = Work {
        hook: job.hook(),
        whole: matches!(job, Job::Files(_)),
        trusted: text.is_none_or(|text| trust(&around.state_dir, &place.root).covers(&text)),
        asker: Asker::new(Arc::clone(&around.model), deadline, around.cancel.clone()),
        tree: OnceCell::new(),
        report: Report::default(),
        deadline,
        late: false,
        config,
        place,
    };
    // Where one was killed, the applier may have something to bring to an end.
    if work.place.sweep()
        && let Err(why) = work.open(around)
    {
        work.report.warnings.push(format!("an earlier hook was killed, and what it left cannot be looked at: {why}"));
    }
    match job {
        Job::Staged => work.staged(around)?,
        Job::Pushed { remote, lines } => work.pushed(remote, lines)?,
        Job::Message(file) => work.message(&around.cwd.join(file))?,
        Job::Files(files) => work.files(files, around)?,
    }
    let mut report = work.report;
    report.passed &= report.findings.is_empty() && !(strict && work.late);
    Ok(report)
}

impl Work {
    fn staged(&mut self, around: &Surroundings) -> Result<(), HookError> {
        self.report.passed = true;
        let listed = self.place.staged()?;
        let items = self.read(listed)?;
        if items.is_empty() {
            return Ok(());
        }
        let form = self.place.form();
        let why_not = match form {
            Form::CheckOnly(why) => Some(why.to_owned()),
            _ => None,
        };
        let mut changes = self.look(items, why_not.as_deref())?;
        if changes.is_empty() || !self.report.findings.is_empty() {
            return Ok(());
        }
        let hands = match self.open(around) {
            Ok(hands) => hands,
            Err(why) => {
                changes.iter().for_each(|(change, _)| self.refuse_fix(change, &why));
                return Ok(());
            }
        };
        self.drop_unfixable(&mut changes)?;
        around.cancel.check().map_err(|_| HookError::Cancelled)?;
        if changes.is_empty() || !self.report.findings.is_empty() {
            return Ok(());
        }
        let _mark = self.place.mark()?;
        at(&*around.steps, "fixes-made")?;
        for (change, _) in &mut changes {
            change.ids.1 = self.place.git.write_blob(&change.new)?;
        }
        at(&*around.steps, "blobs-written")?;
        self.report.kept = Some(self.place.keep_index(around.now_ms)?);
        at(&*around.steps, "index-kept")?;
        let wanted: Vec<Exchange> = changes
            .iter()
            .map(|(change, mode)| Exchange {
                path: change.path.clone(),
                mode: mode.clone(),
                old: change.ids.0.clone(),
                new: change.ids.1.clone(),
            })
            .collect();
        let done = self.place.exchange(form, &wanted, &*around.steps)?;
        let (ready, lost): (Vec<_>, Vec<_>) = changes.iter().map(|(c, _)| c).partition(|c| done.contains(&c.path));
        for change in lost {
            self.report
                .warnings
                .push(format!("{}: something else was staged meanwhile; it was not fixed", change.path));
        }
        let (workspace, applier) = hands;
        // The commit is made of what is staged. From here on nothing may refuse it.
        let outcomes = tree::update(&self.place.git, &workspace, &applier, &ready, around.now_ms, &Cancel::new());
        self.report.fixed.extend(ready.into_iter().zip(outcomes).map(|(change, tree)| Fixed {
            path: change.path.clone(),
            by: change.names(),
            tree,
        }));
        at(&*around.steps, "tree-written")?;
        // Git has asked before the hook ran whether there is something to commit.
        let emptied = ["diff-index", "--cached", "--quiet", "HEAD", "--"];
        if !self.report.fixed.is_empty() && self.place.git.run(&emptied).is_ok() {
            self.report.warnings.push("the fixes leave nothing to commit".into());
            self.report.passed = false;
        }
        Ok(())
    }

    fn files(&mut self, files: &[OsString], around: &Surroundings) -> Result<(), HookError> {
        self.report.passed = true;
        let (workspace, applier) = self.open(around).map_err(HookError::CannotWrite)?;
        let mut blobs = None;
        let mut items = Vec::new();
        for file in files {
            let path = match self.place_of(&around.cwd, file) {
                Ok(path) => path,
                Err(reason) => {
                    self.report.skipped.push(Skipped { path: file.to_string_lossy().into_owned(), reason });
                    continue;
                }
            };
            if !self.config.actions.iter().any(|action| action.applies(self.hook, &path)) {
                continue;
            }
            let image = match workspace.read(&path) {
                Ok(image) => image,
                Err(error) => {
                    self.report.skipped.push(Skipped { path: path.to_string(), reason: error.to_string() });
                    continue;
                }
            };
            let blobs = match &mut blobs {
                Some(blobs) => blobs,
                none => none.insert(self.place.git.blobs()?),
            };
            let old = blobs.read(&format!("HEAD:{path}"), MAX_FILE)?;
            let entry =
                Entry { path, mode: String::new(), old: None, others: Vec::new(), renamed: false, new: String::new() };
            items.push(Item { entry, old, others: Vec::new(), new: image.bytes });
        }
        self.report.looked_at = items.len();
        let mut changes = self.look(items, None)?;
        changes.retain(|(change, _)| match protected(&change.path) {
            Some(why) => {
                self.report.findings.extend(unfixed(change, why));
                false
            }
            None => true,
        });
        around.cancel.check().map_err(|_| HookError::Cancelled)?;
        let changes: Vec<&Change> = changes.iter().map(|(change, _)| change).collect();
        if changes.is_empty() {
            return Ok(());
        }
        let outcomes = tree::update(&self.place.git, &workspace, &applier, &changes, around.now_ms, &around.cancel);
        let fixed = changes.into_iter().zip(outcomes);
        self.report.fixed = fixed.map(|(c, tree)| Fixed { path: c.path.clone(), by: c.names(), tree }).collect();
        // The user must stage the changes first.
        self.report.passed = false;
        Ok(())
    }

    /// A file that was named on the command line.
    fn place_of(&self, cwd: &Path, file: &OsString) -> Result<RepoPath, String> {
        let outside = || "it is not in this repository".to_owned();
        let full = cwd.join(file);
        let (folder, name) = full.parent().zip(full.file_name()).ok_or_else(outside)?;
        let folder = folder.canonicalize().map_err(|e| crate::plain(&e))?;
        let path = folder.join(name);
        let path = path.strip_prefix(&self.place.root).map_err(|_| outside())?;
        let text = path.to_str().ok_or("the path is not valid UTF-8")?;
        RepoPath::new(text).map_err(|e| e.to_string())
    }

    /// The applier and its workspace; an error says why nothing can be written.
    fn open(&self, around: &Surroundings) -> Result<(Workspace, Applier), String> {
        open(&self.place, &around.state_dir, &around.steps)
    }

    /// Take out of `changes` what must not be exchanged in the index, which then refuses the commit.
    fn drop_unfixable(&mut self, changes: &mut Vec<(Change, String)>) -> Result<(), HookError> {
        let paths: Vec<RepoPath> = changes.iter().map(|(change, _)| change.path.clone()).collect();
        let paths: Vec<&RepoPath> = paths.iter().collect();
        let filtered: HashMap<RepoPath, String> = self.place.filtered(&paths)?;
        let entries = self.place.index_entries(&self.place.index, &paths)?;
        let why = |change: &Change| {
            let plain = entries.iter().find(|s| s.path == change.path).is_some_and(|s| s.plain);
            match (protected(&change.path), filtered.get(&change.path)) {
                (Some(reason), _) => Some(reason.to_owned()),
                (_, Some(attribute)) => Some(format!("it has the attribute `{attribute}`")),
                _ if !plain => Some("git was told not to look at it in the work tree".to_owned()),
                _ => None,
            }
        };
        let (keep, drop): (Vec<_>, Vec<_>) = std::mem::take(changes).into_iter().partition(|(c, _)| why(c).is_none());
        for (change, _) in &drop {
            self.refuse_fix(change, &why(change).unwrap_or_default());
        }
        *changes = keep;
        Ok(())
    }
}

/// The applier and its workspace, after the recovery of interrupted edits; an error says why nothing can be written.
pub(crate) fn open(place: &Place, state_dir: &Path, steps: &Arc<dyn Steps>) -> Result<(Workspace, Applier), String> {
    let workspace = Workspace::open(&place.root).map_err(|e| e.to_string())?;
    let same = |a: &Path, b: &Path| a.canonicalize().ok() == b.canonicalize().ok();
    if !same(workspace.root(), &place.root) || !same(workspace.git_dir(), &place.git_dir) {
        return Err("git was told to use another folder for its files".into());
    }
    let options = ApplierOptions { steps: Box::new(Shared(Arc::clone(steps))), ..ApplierOptions::default() };
    let applier = Applier::open_with(&workspace, state_dir, options).map_err(|e| e.to_string())?;
    Ok((workspace, applier))
}

/// The steps of a hook, told to the applier as well.
struct Shared(Arc<dyn Steps>);

impl Steps for Shared {
    fn at(&self, step: &'static str) -> std::io::Result<()> {
        self.0.at(step)
    }

    fn plain_renames(&self) -> bool {
        self.0.plain_renames()
    }
}
