//! `Edit`: a proposed edit, and what was found about it.

use crate::error::{Kind, raise, with_hint};
use crate::surroundings::now_ms;
use crate::task::{Handle, delivery_of};
use crate::wait::{PyCancel, cancel_of, off_interpreter};
use deepcoder_types::{Applicability, Consent, Severity, TaskResult};
use pyo3::prelude::*;
use std::path::PathBuf;

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

impl From<&deepcoder_types::Finding> for Finding {
    fn from(finding: &deepcoder_types::Finding) -> Self {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Review => "review",
            Severity::Warning => "warning",
        };
        Self { path: finding.path.to_string(), severity, message: finding.message.clone() }
    }
}

#[pymethods]
impl Finding {
    fn __repr__(&self) -> String {
        format!("Finding({:?}, {:?}, {:?})", self.path, self.severity, self.message)
    }
}

/// A proposed edit. Nothing is written before :meth:`apply`.
///
/// Until then the result waits, as ``deepcoder tasks`` shows; it is forgotten with the last reference to this object.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Edit(pub(crate) Handle);

impl Drop for Edit {
    fn drop(&mut self) {
        self.0.forget();
    }
}

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
    fn title(&self) -> String {
        self.0.of(|result| result.title.clone())
    }

    /// The unified diff, as ``git apply`` takes it; empty when nothing would change.
    #[getter]
    fn diff(&self) -> String {
        self.0.of(|result| result.diff.clone())
    }

    /// The files that it changes, makes or deletes, relative to the root.
    #[getter]
    fn files(&self) -> Vec<String> {
        self.0.files()
    }

    /// The text that the file ``path`` would have; ``None`` where the edit leaves it alone or deletes it.
    ///
    /// Raises :class:`EditError` when the result was rejected, or landed in another work tree.
    fn text_of(&self, py: Python<'_>, path: &str) -> PyResult<Option<String>> {
        self.0.text_of(py, path)
    }

    /// Whether it would change anything.
    #[getter]
    fn changed(&self) -> bool {
        self.0.of(TaskResult::changes)
    }

    /// Whether no check found an error.
    #[getter]
    fn verified(&self) -> bool {
        self.0.of(|result| result.verification.as_ref().is_none_or(|found| found.passed))
    }

    /// The findings of the checks, errors, reviews and warnings, in the order of the files.
    #[getter]
    fn findings(&self) -> Vec<Finding> {
        self.0.findings()
    }

    /// How far the edit may be trusted.
    ///
    /// ``safe``: it may be applied without a look, once :attr:`verified`. ``needs-review``: a person should see the diff
    /// first; see :attr:`reasons`. ``display-only``: it is a suggestion that is never applied.
    #[getter]
    fn applicability(&self) -> &'static str {
        self.0.of(|result| Some(name_of(result.applicability))).unwrap_or("safe")
    }

    /// Why a person must look at it before it is applied, or why it is not applied at all: one line each, empty where
    /// :meth:`apply` needs no consent.
    #[getter]
    fn reasons(&self) -> Vec<String> {
        self.0.reasons()
    }

    /// What the result rests on, as in ``--json``: ``candidates`` (a list of dicts, the chosen one first: ``temperature``,
    /// ``agreeing``, ``tokens``, ``mean_logprob``, ``findings``, …), ``agreement`` and ``likely_right`` (both in 0 to 1 or
    /// ``None``: the similarity among the candidates, and the share of such results that were right on public benchmarks with
    /// this model), ``checks`` (the project's), and ``reason``, one line.
    #[getter]
    fn evidence<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let evidence = self.0.of(|result| serde_json::json!(result.evidence));
        py.import("json")?.call_method1("loads", (evidence.to_string(),))
    }

    /// The reasons and doubts of the plugin that made it, in lines; may be empty.
    #[getter]
    fn rationale(&self) -> String {
        self.0.of(|result| result.rationale.clone())
    }

    /// Its id in the history, once applied.
    #[getter]
    fn id(&self) -> Option<String> {
        self.0.edit()
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
        let delivery = delivery_of(py, commit, branch, worktree)?;
        self.0.apply(py, Consent { reviewed, unverified, protected }, &delivery, &cancel_of(cancel))
    }

    /// Reject it: the result is forgotten now. Raises :class:`EditError` when it was applied or rejected already.
    #[pyo3(signature = (*, cancel=None))]
    fn reject(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.0.reject(py, cancel)
    }

    /// Take it back, all files or none.
    ///
    /// Raises :class:`EditError` when it is not applied, or a file was changed since.
    #[pyo3(signature = (*, cancel=None))]
    fn undo(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        let Some(id) = self.id() else {
            return Err(with_hint(py, Kind::Edit, "the edit is not applied", None));
        };
        let repo = self.0.repo().get().open(py)?;
        let undone = off_interpreter(py, &cancel_of(cancel), |cancel| repo.undo(Some(&id), now_ms(), cancel))?;
        undone.map_err(|error| raise(py, Kind::Edit, &error))?;
        if let Some(result) = &mut self.0.task().result {
            result.landed = None;
        }
        Ok(())
    }

    /// The diff in colours, for notebooks.
    fn _repr_html_(&self) -> String {
        crate::html::diff(&self.diff())
    }

    fn __str__(&self) -> String {
        self.diff()
    }

    fn __repr__(&self) -> String {
        format!("Edit({:?}, files={:?})", self.title(), self.files())
    }
}
