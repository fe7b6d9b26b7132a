//! `Task`: a request in flight, or one that has ended and is still known; and what `Edit` shares with it.

use crate::edit::{Edit, Finding, name_of};
use crate::error::{Kind, failed, in_python, raise, refused, with_hint};
use crate::fork::Owned;
use crate::repo::Repo;
use crate::surroundings::now_ms;
use crate::wait::{PyCancel, cancel_of, cancelled, deadline_of, off_interpreter, until};
use deepcoder_app::{ApplyRun, RepoError, Side, SubmitError, TaskError, from_bytes, land, may_land_now};
use deepcoder_protocol::{Failure, Tasks};
use deepcoder_types::{Cancel, Consent, Decision, Delivery, Event, JobState, Landed, RepoPath, TaskResult, Verdict};
use pyo3::exceptions::{PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How long an end may take to forget a result. A daemon that does not answer in that time forgets it later, or keeps it.
const FORGET: Duration = Duration::from_millis(50);

/// Why a call failed: before a task, or in one.
pub(crate) enum Trouble {
    Task(TaskError),
    Refused(Failure),
}

impl From<TaskError> for Trouble {
    fn from(error: TaskError) -> Self {
        Self::Task(error)
    }
}

impl From<SubmitError> for Trouble {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Task(error) => Self::Task(error),
            SubmitError::Refused(failure) => Self::Refused(failure),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

impl Trouble {
    pub(crate) fn raise(&self, py: Python<'_>) -> PyErr {
        match self {
            Self::Task(error) if error.is_cancelled() => cancelled(),
            Self::Task(error) => failed(py, &error.failure()),
            Self::Refused(failure) => refused(py, failure),
        }
    }
}

/// A task, as this process last heard of it.
pub(crate) struct Handle {
    repo: Py<Repo>,
    tasks: Owned<Arc<dyn Tasks>>,
    /// Whether this process carries it out.
    here: bool,
    task: Mutex<deepcoder_types::Task>,
}

/// How a result lands, from the arguments of `apply`.
pub(crate) fn delivery_of(
    py: Python<'_>,
    commit: bool,
    branch: Option<String>,
    worktree: Option<PathBuf>,
) -> PyResult<Delivery> {
    if !commit && (branch.is_some() || worktree.is_some()) {
        return Err(PyValueError::new_err("branch and worktree go with commit=True"));
    }
    let absolute = |path| py.import("os.path")?.call_method1("abspath", (path,))?.extract();
    Ok(match commit {
        true => Delivery::Commit { branch, worktree: worktree.map(absolute).transpose()? },
        false => Delivery::Apply,
    })
}

impl Handle {
    pub(crate) fn new(repo: Py<Repo>, tasks: Arc<dyn Tasks>, here: bool, task: deepcoder_types::Task) -> Self {
        Self { repo, tasks: Owned::new(tasks), here, task: Mutex::new(task) }
    }

    pub(crate) fn task(&self) -> MutexGuard<'_, deepcoder_types::Task> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of `of` for the result; its default where there is none.
    pub(crate) fn of<T: Default>(&self, of: impl FnOnce(&TaskResult) -> T) -> T {
        self.task().result.as_ref().map(of).unwrap_or_default()
    }

    /// The edit, or the answer in words where nothing was asked to change.
    pub(crate) fn edit_or_answer(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let words = |result: &TaskResult| {
            result.answer.as_ref().filter(|_| !result.changes()).map(|answer| answer.text.clone())
        };
        match self.of(words) {
            Some(answer) => Ok(answer.into_pyobject(py)?.into_any().unbind()),
            None => Ok(Py::new(py, Edit(self))?.into_any()),
        }
    }

    pub(crate) const fn repo(&self) -> &Py<Repo> {
        &self.repo
    }

    /// A forked child finds the results that wait on the disk, or asks the daemon itself.
    fn tasks(&self) -> Arc<dyn Tasks> {
        let own = self.tasks.get().map(Arc::clone);
        own.unwrap_or_else(|| if self.here { Arc::new(self.repo.get().app()) } else { self.repo.get().known() })
    }

    /// Ask something about this task.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        cancel: &Cancel,
        what: impl FnOnce(&dyn Tasks, &str, &Cancel) -> Result<T, Trouble> + Send,
    ) -> PyResult<Result<T, Trouble>> {
        let (tasks, id) = (self.tasks(), self.task().id.clone());
        // In use, so that a fork meanwhile knows of it.
        let open = self.here.then(|| self.repo.get().open(py)).transpose()?;
        let answer = off_interpreter(py, cancel, |cancel| what(&*tasks, &id, cancel));
        drop(open);
        answer
    }

    /// As [`Handle::ask`], for an answer that is the task.
    fn update(
        &self,
        py: Python<'_>,
        cancel: Option<&Bound<'_, PyCancel>>,
        what: impl FnOnce(&dyn Tasks, &str) -> Result<deepcoder_types::Task, Failure> + Send,
    ) -> PyResult<()> {
        let task = self.ask(py, &cancel_of(cancel), |tasks, id, _| Ok(what(tasks, id)?))?;
        *self.task() = task.map_err(|error| error.raise(py))?;
        Ok(())
    }

    /// The findings of the checks.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.of(|result| result.findings().map(Finding::from).collect())
    }

    /// The files that the result changes.
    pub(crate) fn files(&self) -> Vec<String> {
        self.of(|result| result.files.iter().map(|file| file.file.path.to_string()).collect())
    }

    /// Why a person must look at the result, or why it does not land at all.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.of(|result| match &result.verdict {
            Verdict::Held(reasons) | Verdict::Refused(reasons) => reasons.clone(),
            _ => Vec::new(),
        })
    }

    /// The diff, which lists leave out.
    pub(crate) fn diff(&self, py: Python<'_>) -> PyResult<String> {
        if self.of(|result| result.changes() && result.diff.is_empty()) {
            self.update(py, None, |tasks, id| tasks.get(id))?;
        }
        Ok(self.of(|result| result.diff.clone()))
    }

    /// The edit in the history of the repository, once it has landed there.
    pub(crate) fn edit(&self) -> Option<String> {
        // In a work tree of its own it is not for this repository's history to undo.
        self.of(|result| result.landed.as_ref().filter(|landed| landed.worktree.is_none())?.edit.clone())
    }

    /// The text that a file would have, or has since the result landed.
    pub(crate) fn text_of(&self, py: Python<'_>, path: &str) -> PyResult<Option<String>> {
        let there = |result: &TaskResult| {
            result.files.iter().any(|file| file.file.path.as_str() == path && file.new_sha256.is_some())
        };
        let (true, Ok(path)) = (self.of(there), RepoPath::new(path)) else { return Ok(None) };
        if let Some(id) = self.edit() {
            let open = self.repo.get().open(py)?;
            let image = off_interpreter(py, &Cancel::new(), |_| open.image(&id, &path, Side::After))?;
            let image = image.map_err(|error| raise(py, Kind::Edit, &error))?;
            return Ok(image.map(|image| String::from_utf8_lossy(&image.bytes).into_owned()));
        }
        let text = self.ask(py, &Cancel::new(), |tasks, id, _| Ok(tasks.text(id, &path)?))?;
        text.map_err(|error| error.raise(py))
    }

    /// Let the result land. A commit is made in this process, whose hooks and identity are the user's.
    pub(crate) fn apply(
        &self,
        py: Python<'_>,
        consent: Consent,
        delivery: &Delivery,
        cancel: &Cancel,
    ) -> PyResult<Option<String>> {
        if !self.of(TaskResult::changes) && self.task().state == JobState::Done {
            return Ok(None);
        }
        if let Some(id) = self.edit() {
            return Ok(Some(id));
        }
        let prompt = self.task().request.prompt.clone();
        let commits = matches!(delivery, Delivery::Commit { .. });
        let open = self.repo.get().open(py)?;
        let landed = self.ask(py, cancel, |tasks, id, cancel| {
            if !commits {
                let decision = Decision::Accept { hunks: None, consent, delivery: Some(delivery.clone()) };
                return Ok(tasks.decide(id, &decision)?);
            }
            let run = from_bytes(&tasks.content(id)?).map_err(TaskError::from)?.run;
            may_land_now(&run, delivery, consent)?;
            let how = ApplyRun { now_ms: now_ms(), unverified: consent.unverified, protected: consent.protected };
            let landed = land(&open, &run, &prompt, delivery, how, cancel)?;
            // Where it cannot be forgotten it waits on, and is refused: its files have changed.
            _ = tasks.forget(id);
            Ok(self.landed(landed))
        })?;
        if let Err(Trouble::Task(TaskError::Repo(RepoError::NotCommitted { id, work_tree, .. }))) = &landed {
            let landed = Landed { edit: Some(id.clone()), worktree: work_tree.clone(), ..Landed::default() };
            let task = self.landed(landed);
            *self.task() = task;
        }
        let task = landed.map_err(|error| error.raise(py))?;
        *self.task() = task;
        Ok(self.of(|result| result.landed.as_ref()?.edit.clone()))
    }

    /// The task, once its result has landed by this process.
    fn landed(&self, landed: Landed) -> deepcoder_types::Task {
        let mut task = self.task().clone();
        task.state = JobState::Done;
        if let Some(result) = &mut task.result {
            result.landed = Some(landed);
        }
        task
    }

    /// Say no to the result.
    pub(crate) fn reject(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.update(py, cancel, |tasks, id| tasks.decide(id, &Decision::Reject))
    }

    /// Forget a result that no caller can decide about any more. Quick: the interpreter may be ending.
    pub(crate) fn forget(&self) {
        let id = Some(&*self.task()).filter(|task| task.state == JobState::Review).map(|task| task.id.clone());
        let (Some(id), Some(tasks)) = (id, self.tasks.get().map(Arc::clone)) else { return };
        let (done, waiting) = mpsc::channel();
        let forget = move || {
            _ = tasks.forget(&id);
            _ = done.send(());
        };
        if std::thread::Builder::new().spawn(forget).is_ok() {
            _ = waiting.recv_timeout(FORGET);
        }
    }
}

/// Tells a callback of events; its exception ends the work.
pub(crate) struct Teller<'a> {
    pub(crate) progress: Option<&'a Py<PyAny>>,
    pub(crate) stop: Cancel,
    pub(crate) failed: Option<PyErr>,
}

impl Teller<'_> {
    pub(crate) fn tell(&mut self, event: &Event) {
        let Some(progress) = self.progress.filter(|_| self.failed.is_none()) else { return };
        for line in event.progress() {
            self.failed = Python::attach(|py| progress.call1(py, (line,))).err();
            if self.failed.is_some() {
                return self.stop.cancel();
            }
        }
    }
}

/// A request in flight, or one that has ended and is still known: :meth:`Repo.tasks`. It goes on whatever becomes of this
/// handle.
///
/// The properties say how it stood when it was last asked for: by :meth:`refresh`, at the end of :meth:`wait`, or by any
/// other call.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Task(pub(crate) Handle);

#[pymethods]
impl Task {
    /// Its id.
    #[getter]
    fn id(&self) -> String {
        self.0.task().id.clone()
    }

    /// The verb: ``edit``, ``explain``, …
    #[getter]
    fn verb(&self) -> String {
        self.0.task().request.verb.clone()
    }

    /// The instruction or question, as it was given.
    #[getter]
    fn prompt(&self) -> String {
        self.0.task().request.prompt.clone()
    }

    /// Absolute path of the work tree.
    #[getter]
    fn repository(&self) -> Option<OsString> {
        self.0.task().repository.clone().map(PathBuf::into_os_string)
    }

    /// ``running``, ``review`` (the result waits for :meth:`apply` or :meth:`reject`), ``done``, ``rejected``, ``failed`` or
    /// ``cancelled``.
    #[getter]
    fn state(&self) -> &'static str {
        self.0.task().state.name()
    }

    /// When it began, in milliseconds since 1970 (UTC).
    #[getter]
    fn created_ms(&self) -> u64 {
        self.0.task().created_ms
    }

    /// When it ended, in milliseconds since 1970 (UTC).
    #[getter]
    fn finished_ms(&self) -> Option<u64> {
        self.0.task().finished_ms
    }

    /// The unified diff of its result; empty where there is none. Asked for where :meth:`Repo.tasks` left it out.
    #[getter]
    fn diff(&self, py: Python<'_>) -> PyResult<String> {
        self.0.diff(py)
    }

    /// The files that the result changes, relative to the root.
    #[getter]
    fn files(&self) -> Vec<String> {
        self.0.files()
    }

    /// The findings of the checks; see :attr:`Edit.findings`.
    #[getter]
    fn findings(&self) -> Vec<Finding> {
        self.0.findings()
    }

    /// How far the result may be trusted; see :attr:`Edit.applicability`. ``None`` where there is no result.
    #[getter]
    fn applicability(&self) -> Option<&'static str> {
        self.0.of(|result| Some(name_of(result.applicability)))
    }

    /// Why a person must look at the result, one line each; see :attr:`Edit.reasons`.
    #[getter]
    fn reasons(&self) -> Vec<String> {
        self.0.reasons()
    }

    /// The answer in words, of a task that has one.
    #[getter]
    fn answer(&self) -> Option<String> {
        self.0.of(|result| Some(result.answer.as_ref()?.text.clone()))
    }

    /// The edit in the history of the repository, once it has landed; see :meth:`Repo.undo`.
    #[getter]
    fn edit(&self) -> Option<String> {
        self.0.edit()
    }

    /// The commit, once it has landed in one.
    #[getter]
    fn commit(&self) -> Option<String> {
        self.0.of(|result| result.landed.as_ref()?.commit.clone())
    }

    /// Why it failed.
    #[getter]
    fn error(&self) -> Option<String> {
        self.0.task().failure.as_ref().map(|failure| failure.message.clone())
    }

    /// The way out of that error, where one is known.
    #[getter]
    fn hint(&self) -> Option<String> {
        self.0.task().failure.as_ref()?.hint.as_deref().map(in_python)
    }

    /// Ask how it stands now. Raises :class:`EditError` when it is no longer known, and :class:`DaemonError`.
    #[pyo3(signature = (*, cancel=None))]
    fn refresh(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.0.update(py, cancel, |tasks, id| tasks.get(id))
    }

    /// Wait until it no longer runs; returns itself.
    ///
    /// ``timeout`` in seconds; ``progress`` is called with a line of text now and then. Ctrl-C and ``cancel`` end the
    /// waiting, not the task. Raises :class:`TimeoutError`, and with ``check`` the error that it failed with and
    /// :class:`Cancelled` when it was cancelled.
    #[pyo3(signature = (timeout=None, *, check=true, progress=None, cancel=None))]
    fn wait<'py>(
        slf: Bound<'py, Self>,
        py: Python<'py>,
        timeout: Option<f64>,
        check: bool,
        progress: Option<Py<PyAny>>,
        cancel: Option<&Bound<'py, PyCancel>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (handle, deadline) = (&slf.get().0, deadline_of(timeout)?);
        let (tasks, id, stop) = (handle.tasks(), handle.task().id.clone(), cancel_of(cancel).child());
        let mut teller = Teller { progress: progress.as_ref(), stop: stop.clone(), failed: None };
        let (task, failed) = until(py, &stop, deadline, |stop| {
            let task = tasks.follow(&id, 0, stop, &mut |event| teller.tell(&event.event));
            (task, teller.failed)
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let passed = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let task = match task {
            Err(Failure::Cancelled) if passed => return Err(PyTimeoutError::new_err("the task goes on")),
            task => task.map_err(|failure| refused(py, &failure))?,
        };
        *handle.task() = task;
        if check {
            checked(py, &handle.task())?;
        }
        Ok(slf)
    }

    /// Cancel it; one that runs ends within one step of the model and changes nothing.
    ///
    /// Raises :class:`EditError` when it is no longer known, and :class:`DaemonError`.
    #[pyo3(signature = (*, cancel=None))]
    fn cancel(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.0.update(py, cancel, |tasks, id| tasks.cancel(id))
    }

    /// Let the result land; arguments, result and errors are those of :meth:`Edit.apply`.
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

    /// Reject the result, which is forgotten. Raises :class:`EditError` when none waits for a decision.
    #[pyo3(signature = (*, cancel=None))]
    fn reject(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.0.reject(py, cancel)
    }

    /// The diff of its result in colours, for notebooks.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        Ok(crate::html::diff(&self.0.diff(py)?))
    }

    fn __repr__(&self) -> String {
        let task = self.0.task();
        format!("Task({:?}, {:?}, {:?})", task.id, task.state.name(), task.request.prompt)
    }
}

/// An error for a task that has no result.
pub(crate) fn checked(py: Python<'_>, task: &deepcoder_types::Task) -> PyResult<()> {
    match (task.state, &task.failure) {
        (JobState::Failed, Some(failure)) => Err(failed(py, failure)),
        (JobState::Failed, None) => Err(with_hint(py, Kind::Edit, "the task failed", None)),
        (JobState::Cancelled, _) => Err(cancelled()),
        _ => Ok(()),
    }
}
