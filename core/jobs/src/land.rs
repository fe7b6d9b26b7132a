//! Where results go, each once.
//!
//! The order: look whether the result is there already; keep the result; say once more whose the job is; land it under the
//! id of the job; tell the queue. Dying between any two of them leaves a job whose next worker finds out: by the id in the
//! history of the work tree (`Applier::applied`), or by the mark beside the branch (`deepcoder_apply::landed`). A worker
//! that was asleep while another one took the job lands nothing: files or branch are no longer what its result was made
//! for, and the id is taken.

use crate::check::branch_of;
use crate::error::WorkError;
use deepcoder_app::{ApplyRun, Kept, Repo, TaskError};
use deepcoder_apply::{Published, ScratchWorktree, clear_scratch_worktree, forget_mark, keep_work_tree, landed};
use deepcoder_pipeline::Run;
use deepcoder_profile::Profile;
use deepcoder_queue::{Held, Lease, Queue};
use deepcoder_types::{Cancel, Consent, Delivery, Job, JobResult, RepoPath};
use deepcoder_workspace::Workspace;
use std::path::{Path, PathBuf};

/// Where a job's result is to go.
pub(crate) enum Place {
    /// Into the work tree.
    Tree,
    /// On a branch, in a work tree at this path where one is named.
    Branch { branch: String, at: Option<PathBuf> },
}

impl Place {
    pub(crate) fn of(delivery: &Delivery) -> Self {
        match delivery {
            Delivery::Show | Delivery::Review | Delivery::Apply | Delivery::Commit { .. } => Self::Tree,
            Delivery::Branch(branch) => Self::Branch { branch: branch.clone(), at: None },
            Delivery::Worktree(path) => {
                Self::Branch { branch: branch_of(path).unwrap_or_default(), at: Some(path.clone()) }
            }
        }
    }
}

/// Where a result has gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Landed {
    pub(crate) edit: Option<String>,
    pub(crate) commit: Option<String>,
    /// A part of the delivery that failed although the result is safe.
    pub(crate) note: Option<String>,
}

impl Landed {
    pub(crate) fn into_result(self, mut result: JobResult) -> JobResult {
        result.notes.extend(self.note);
        JobResult { edit: self.edit, commit: self.commit, ..result }
    }

    /// On `branch`, which is checked out at `at` where that was asked for.
    fn on_branch(home: &Workspace, branch: &str, at: Option<&Path>, commit: String, cancel: &Cancel) -> Self {
        let kept = at.map(|path| keep_work_tree(home, path, branch, cancel));
        let note = match kept {
            Some(Err(error)) => Some(format!("{error}; the branch {branch} has the change")),
            _ => None,
        };
        Self { edit: None, commit: Some(commit), note }
    }
}

/// Where a job works: in the user's work tree, or beside it.
pub(crate) struct Site {
    pub(crate) repo: Repo,
    worktree: Option<ScratchWorktree>,
    home: Workspace,
    place: Place,
}

impl Site {
    /// Open the site of `job`; `scratch` is a folder of ours for work trees.
    pub(crate) fn open(profile: &Profile, job: &Job, scratch: &Path, cancel: &Cancel) -> Result<Self, WorkError> {
        let repo = Repo::open(profile, &job.spec.repository)?;
        let home = repo.workspace().clone();
        let place = Place::of(&job.spec.delivery);
        let (repo, worktree) = match &place {
            Place::Tree => {
                // No half-written tree is read.
                repo.recover()?;
                (repo, None)
            }
            Place::Branch { branch, .. } => {
                let worktree = ScratchWorktree::open(&home, &scratch.join(&job.id.0), branch, cancel)?;
                (Repo::open(profile, worktree.root())?, Some(worktree))
            }
        };
        Ok(Self { repo, worktree, home, place })
    }

    /// The commit that the job sees, where it does not see the user's work tree.
    pub(crate) fn base(&self) -> Option<String> {
        self.worktree.as_ref().map(ScratchWorktree::tip)
    }

    /// Whether `kept` can land as it is.
    pub(crate) fn fits(&self, kept: &Kept) -> bool {
        kept.base == self.base() && self.changed_since(&kept.run).is_none()
    }

    /// Files that are no longer what `run` was made for.
    pub(crate) fn changed_since(&self, run: &Run) -> Option<String> {
        let set = run.edit_set.as_ref()?;
        let changed = |path: &RepoPath| {
            let now = self.repo.workspace().read(path).ok();
            let old = set.files.iter().find(|file| file.path == *path).and_then(|file| file.old.as_ref());
            now.map(|image| image.hash()) != old.map(|image| image.hash())
        };
        let names: Vec<String> =
            set.files.iter().map(|file| &file.path).filter(|path| changed(path)).map(|p| format!("`{p}`")).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Keep `run` as the result of the job, durably.
    pub(crate) fn keep(
        &self,
        queue: &Queue,
        lease: &Lease,
        run: &Run,
        result: &JobResult,
        now_ms: u64,
    ) -> Result<(), WorkError> {
        let Some(bytes) = deepcoder_app::to_bytes(run, self.base().as_deref()) else { return Ok(()) };
        match queue.save(lease, result, &bytes, now_ms)? {
            Held::Yes => Ok(()),
            Held::Lost => Err(WorkError::Lost),
        }
    }

    /// Land `run`, which has an edit set and may land with `consent`.
    pub(crate) fn land(
        &self,
        job: &Job,
        run: &Run,
        consent: Consent,
        held: &dyn Fn() -> Result<(), WorkError>,
        now_ms: u64,
        cancel: &Cancel,
    ) -> Result<Landed, WorkError> {
        let how = ApplyRun { now_ms, unverified: consent.unverified, protected: consent.protected };
        held()?;
        match (&self.place, &self.worktree) {
            (Place::Branch { branch, at }, Some(worktree)) => {
                let there = Delivery::Commit { branch: None, worktree: None };
                let made = deepcoder_app::land(&self.repo, run, &job.spec.prompt, &there, how, cancel)?;
                let Some(commit) = made.commit else { return Ok(Landed::default()) };
                // Hooks of the user's may have run for long.
                held()?;
                match worktree.publish(&job.id.0, &commit)? {
                    Published::Yes => Ok(Landed::on_branch(&self.home, branch, at.as_deref(), commit, cancel)),
                    Published::Moved => Err(TaskError::BranchMoved(branch.clone()).into()),
                }
            }
            _ => {
                let made = deepcoder_app::land(&self.repo, run, &job.spec.prompt, &Delivery::Apply, how, cancel)?;
                Ok(Landed { edit: made.edit, ..Landed::default() })
            }
        }
    }

    /// Clear away what was made beside the user's work tree.
    pub(crate) fn close(self) {
        if let Some(worktree) = self.worktree {
            self.repo.forget_history();
            worktree.remove();
        }
    }
}

/// The part of `job` that has landed already. Clears away the leftovers of the worker that landed it.
pub(crate) fn already(
    profile: &Profile,
    job: &Job,
    scratch: &Path,
    cancel: &Cancel,
) -> Result<Option<Landed>, WorkError> {
    let home = Repo::open(profile, &job.spec.repository)?;
    match Place::of(&job.spec.delivery) {
        Place::Tree => {
            let found = home.applied(&job.id.0)?;
            Ok(found.map(|entry| Landed { edit: Some(entry.id), ..Landed::default() }))
        }
        Place::Branch { branch, at } => {
            let Some(commit) = landed(home.workspace(), &job.id.0, &branch)? else { return Ok(None) };
            clear_scratch_worktree(&scratch.join(&job.id.0), Some(home.workspace().root()));
            Ok(Some(Landed::on_branch(home.workspace(), &branch, at.as_deref(), commit, cancel)))
        }
    }
}

/// Forget what only [`already`] needed, once the queue knows.
pub(crate) fn forget(profile: &Profile, job: &Job) {
    if let (Place::Branch { .. }, Ok(home)) = (Place::of(&job.spec.delivery), Repo::open(profile, &job.spec.repository))
    {
        forget_mark(home.workspace(), &job.id.0);
    }
}
