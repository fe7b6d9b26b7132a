//! `Edit`: a proposed edit, and what was found about it.

use crate::error::{Kind, raise, with_hint};
use crate::repo::{Repo, kind_of, kind_of_task};
use crate::surroundings::now_ms;
use crate::wait::{PyCancel, cancel_of, off_interpreter};
use deepcoder_app::{ApplyRun, RepoError, TaskError, land, may_land};
use deepcoder_pipeline::Run;
use deepcoder_types::{Applicability, Consent, Delivery, Severity, Verdict};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A finding of a check.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
#[derive(Clone)]
pub(crate) struct Finding {
    /// The file, relative to the root of the repository.
    path: String,
    /// ``error``: it must not be applied. ``review``: a person should look first. ``warning``: worth a look.
    severity: &'static str,
    /// The finding in a line of words.
    message: String,
}

#[pymethods]
impl Finding {
    fn __repr__(&self) -> String {
        format!("Finding({:?}, {:?}, {:?})", self.path, self.severity, self.message)
    }
}

/// A proposed edit. Nothing is written before :meth:`apply`.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Edit {
    repo: Py<Repo>,
    run: Run,
    instruction: String,
    applied: Mutex<Option<String>>,
}

impl Edit {
    pub(crate) const fn new(repo: Py<Repo>, run: Run, instruction: String) -> Self {
        Self { repo, run, instruction, applied: Mutex::new(None) }
    }

    /// An error where this may not land: the rule of every surface.
    fn check(&self, py: Python<'_>, delivery: &Delivery, consent: Consent) -> PyResult<()> {
        let (error, hint) = match may_land(&self.run, delivery, consent) {
            Verdict::Held(reasons) => (TaskError::NeedsReview(reasons), HINT_REVIEW),
            Verdict::LandsInPart(_) => (TaskError::NeedsReview(self.run.reasons()), HINT_REVIEW),
            Verdict::Refused(reasons) if self.run.applicability == Applicability::DisplayOnly => {
                (TaskError::Refused(reasons), "take what you want from `edit.diff`")
            }
            Verdict::Refused(reasons) => (TaskError::Refused(reasons), HINT_CHECKS),
            Verdict::Nothing | Verdict::Lands | Verdict::Shown => return Ok(()),
        };
        Err(with_hint(py, Kind::Edit, &error.to_string(), Some(hint.to_owned())))
    }
}

const HINT_REVIEW: &str = "look at `edit.diff` and `edit.reasons`; edit.apply(reviewed=True) applies it";
const HINT_CHECKS: &str =
    "word it differently or pass another `seed`; edit.apply(unverified=True) applies it all the same";

/// The name of an applicability, as in JSON.
pub(crate) const fn name_of(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Safe => "safe",
        Applicability::NeedsReview => "needs-review",
        Applicability::DisplayOnly => "display-only",
    }
}

#[pymethods]
impl Edit {
    /// One line; empty when nothing would change.
    #[getter]
    fn title(&self) -> &str {
        self.run.edit_set.as_ref().map_or("", |set| &set.title)
    }

    /// The unified diff, as ``git apply`` takes it; empty when nothing would change.
    #[getter]
    fn diff(&self) -> &str {
        &self.run.diff
    }

    /// The files that it changes, makes or deletes, relative to the root.
    #[getter]
    fn files(&self) -> Vec<String> {
        self.run.edit_set.iter().flat_map(|set| &set.files).map(|file| file.path.to_string()).collect()
    }

    /// The text that the file ``path`` would have; ``None`` where the edit leaves it alone or deletes it.
    fn text_of(&self, path: &str) -> Option<String> {
        let file = self.run.edit_set.iter().flat_map(|set| &set.files).find(|file| file.path.as_str() == path)?;
        Some(String::from_utf8_lossy(&file.new.as_ref()?.bytes).into_owned())
    }

    /// Whether it would change anything.
    #[getter]
    fn changed(&self) -> bool {
        self.run.changes()
    }

    /// Whether no check found an error.
    #[getter]
    fn verified(&self) -> bool {
        self.run.verified()
    }

    /// The findings of the checks, errors, reviews and warnings, in the order of the files.
    #[getter]
    fn findings(&self) -> Vec<Finding> {
        let found = self.run.verification.iter().flat_map(|verification| &verification.findings);
        found
            .map(|finding| Finding {
                path: finding.path.to_string(),
                severity: match finding.severity {
                    Severity::Error => "error",
                    Severity::Review => "review",
                    Severity::Warning => "warning",
                },
                message: finding.message.clone(),
            })
            .collect()
    }

    /// How far the edit may be trusted.
    ///
    /// ``safe``: it may be applied without a look, once :attr:`verified`. ``needs-review``: a person should see the diff
    /// first; see :attr:`findings` and :attr:`rationale`. ``display-only``: it is a suggestion that is never applied.
    #[getter]
    fn applicability(&self) -> &'static str {
        name_of(self.run.applicability)
    }

    /// Why a person should look before it is applied: findings and doubts, a line each. Empty where it is ``safe``.
    #[getter]
    fn reasons(&self) -> Vec<String> {
        match self.run.applicability {
            Applicability::Safe => Vec::new(),
            _ => self.run.reasons(),
        }
    }

    /// The reasons and doubts of the plugin that made it, in lines; may be empty.
    #[getter]
    fn rationale(&self) -> &str {
        &self.run.rationale
    }

    /// Its id in the history, once applied.
    #[getter]
    fn id(&self) -> Option<String> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Write it, all files or none; returns the id in the history, or ``None`` when it changes nothing.
    ///
    /// With ``commit`` its files, and nothing else, are committed with the instruction as the message, and hooks run:
    /// on the current branch, on a new ``branch``, or in a new ``worktree``, which leaves the files here as they are.
    ///
    /// ``reviewed``: a person has looked at it; without that, an edit whose :attr:`applicability` is ``needs-review`` is
    /// refused. ``unverified``: also where a check found an error. ``protected``: also files that steer tools, hooks or
    /// agents.
    ///
    /// Raises :class:`EditError` when it needs a review, when a check failed, when a file changed since the edit was made,
    /// or when it was applied but could not be committed (:attr:`id` is set then). :class:`ValueError` when ``branch`` or
    /// ``worktree`` comes without ``commit``.
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "they are keyword arguments in Python"
    )]
    #[pyo3(signature = (*, reviewed=false, unverified=false, protected=false, commit=false, branch=None, worktree=None,
        cancel=None))]
    fn apply(
        &self,
        py: Python<'_>,
        reviewed: bool,
        unverified: bool,
        protected: bool,
        commit: bool,
        branch: Option<String>,
        worktree: Option<PathBuf>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Option<String>> {
        if !commit && (branch.is_some() || worktree.is_some()) {
            return Err(PyValueError::new_err("branch and worktree go with commit=True"));
        }
        let delivery = match commit {
            true => Delivery::Commit { branch, worktree: worktree.clone() },
            false => Delivery::Apply,
        };
        self.check(py, &delivery, Consent { reviewed, unverified, protected })?;
        if !self.run.changes() {
            return Ok(None);
        }
        let repo = self.repo.get().open(py)?;
        let how = ApplyRun { now_ms: now_ms(), unverified, protected };
        let elsewhere = worktree.is_some();
        let applied = off_interpreter(py, &cancel_of(cancel), |cancel| {
            land(&repo, &self.run, &self.instruction, &delivery, how, cancel).map(|landed| landed.edit)
        })?;
        let here = |id: &String| {
            // In a work tree of its own it is not for this repository's history to undo.
            if !elsewhere {
                *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.clone());
            }
        };
        match applied {
            Ok(id) => {
                id.iter().for_each(here);
                Ok(id)
            }
            Err(error) => {
                if let TaskError::Repo(RepoError::NotCommitted { id, .. }) = &error {
                    here(id);
                }
                Err(raise(py, kind_of_task(&error), &error))
            }
        }
    }

    /// Take it back, all files or none.
    ///
    /// Raises :class:`EditError` when it is not applied, or a file was changed since.
    #[pyo3(signature = (*, cancel=None))]
    fn undo(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        let Some(id) = self.id() else {
            return Err(with_hint(py, Kind::Edit, "the edit is not applied", None));
        };
        let repo = self.repo.get().open(py)?;
        let undone = off_interpreter(py, &cancel_of(cancel), |cancel| repo.undo(Some(&id), now_ms(), cancel))?;
        undone.map_err(|e| raise(py, kind_of(&e), &e))?;
        *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// The diff in colours, for notebooks.
    fn _repr_html_(&self) -> String {
        crate::html::diff(&self.run.diff)
    }

    fn __str__(&self) -> &str {
        &self.run.diff
    }

    fn __repr__(&self) -> String {
        format!("Edit({:?}, files={:?})", self.title(), self.files())
    }
}
