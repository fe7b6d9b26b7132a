//! `Job`, and what can be decided about it.

use crate::edit::name_of;
use crate::error::{Kind, raise, with_hint};
use crate::events::{JobEvent, JobEvents};
use crate::follow::{CallFailed, Follow, Step, is_settled};
use crate::wait::{PyCancel, cancel_of, cancelled, deadline_of, leave_behind};
use deepcoder_profile::Profile;
use deepcoder_protocol::client::{CallError, Client};
use deepcoder_protocol::{Failure, Refusal};
use deepcoder_types::{Applicability, Cancel, Consent, Decision, HunkRef, JobState, RepoPath};
use pyo3::exceptions::{PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A background job. It goes on when this handle is dropped, this process ends or the daemon restarts.
///
/// The properties say how it stood when it was last asked for: by :meth:`refresh`, at the end of :meth:`wait` or of its
/// events, or by any other call.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Job {
    profile: Arc<Profile>,
    known: Mutex<Known>,
}

/// How it stood when it was last asked for.
struct Known {
    job: deepcoder_types::Job,
    /// Whether the diff is there, which lists leave out.
    whole: bool,
}

impl Job {
    pub(crate) const fn new(profile: Arc<Profile>, job: deepcoder_types::Job, whole: bool) -> Self {
        Self { profile, known: Mutex::new(Known { job, whole }) }
    }

    pub(crate) fn name(&self) -> String {
        self.known().job.id.0.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    pub(crate) fn set(&self, job: deepcoder_types::Job, whole: bool) {
        *self.known() = Known { job, whole };
    }

    /// Ask the daemon something about this job that is answered by the job.
    fn ask(
        &self,
        py: Python<'_>,
        cancel: Option<&Bound<'_, PyCancel>>,
        what: impl FnOnce(&mut Client, &str) -> Result<deepcoder_types::Job, CallError> + Send + 'static,
    ) -> PyResult<()> {
        let id = self.name();
        let job = call(py, &self.profile, &cancel_of(cancel), move |client| what(client, &id))?;
        self.set(job, true);
        Ok(())
    }

    /// The result with its diff.
    fn result<T>(&self, py: Python<'_>, of: impl FnOnce(&deepcoder_types::JobResult) -> T) -> PyResult<Option<T>> {
        let missing = {
            let known = self.known();
            !known.whole && known.job.result.is_some()
        };
        if missing {
            self.ask(py, None, Client::job)?;
        }
        Ok(self.known().job.result.as_ref().map(of))
    }

    /// How far the result may be trusted; [`None`] where there is no result, or one of a daemon that did not say.
    fn applies(&self) -> Option<Applicability> {
        self.known().job.result.as_ref().and_then(|result| result.applicability)
    }

    /// An error for a job that has no result.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        let known = self.known();
        match (known.job.state, &known.job.failure) {
            (JobState::Failed, Some(failure)) => Err(with_hint(py, Kind::Edit, &failure.message, failure.hint.clone())),
            (JobState::Failed, None) => Err(with_hint(py, Kind::Edit, "the job failed", None)),
            (JobState::Cancelled, _) => Err(cancelled()),
            _ => Ok(()),
        }
    }
}

/// Ask the daemon, started when there is none, on a connection of its own.
pub(crate) fn call<T: Send + 'static>(
    py: Python<'_>,
    profile: &Arc<Profile>,
    cancel: &Cancel,
    what: impl FnOnce(&mut Client) -> Result<T, CallError> + Send + 'static,
) -> PyResult<T> {
    let profile = Arc::clone(profile);
    let work = move || -> Result<T, CallFailed> { Ok(what(&mut profile.client()?)?) };
    leave_behind(py, cancel, work)?.map_err(|error| error_of(py, &error))
}

pub(crate) fn error_of(py: Python<'_>, error: &CallFailed) -> PyErr {
    match error {
        CallFailed::Call(CallError::Cancelled) => cancelled(),
        CallFailed::Call(CallError::Refused(Failure::Refused {
            reason: Refusal::NeedsReview | Refusal::Checks,
            ..
        })) => raise(py, Kind::Edit, error),
        error => raise(py, Kind::Daemon, error),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Job {
    /// Its id: 26 characters, that sort by the time at which jobs were added.
    #[getter]
    fn id(&self) -> String {
        self.name()
    }

    /// The verb: ``edit``, ``explain``, …
    #[getter]
    fn kind(&self) -> String {
        self.known().job.spec.kind.clone()
    }

    /// The instruction, as it was given.
    #[getter]
    fn instruction(&self) -> String {
        self.known().job.spec.prompt.clone()
    }

    /// Absolute path of the work tree.
    #[getter]
    fn repository(&self) -> OsString {
        self.known().job.spec.repository.clone().into_os_string()
    }

    /// The paths and globs that it is about, relative to :attr:`repository`; empty where it finds the files itself.
    #[getter]
    fn paths(&self) -> Vec<String> {
        self.known().job.spec.paths.clone()
    }

    /// The key that keeps it from being added twice.
    #[getter]
    fn key(&self) -> Option<String> {
        self.known().job.spec.key.clone()
    }

    /// ``waiting``, ``scheduled``, ``queued``, ``running``, ``paused``, ``review``, ``done``, ``rejected``,
    /// ``failed`` or ``cancelled``.
    #[getter]
    fn state(&self) -> &'static str {
        self.known().job.state.name()
    }

    /// Whether it is done, rejected, failed or cancelled.
    #[getter]
    fn over(&self) -> bool {
        self.known().job.state.is_over()
    }

    /// Whether nothing more happens by itself: it is over, waits for a decision, or is the template of a schedule.
    #[getter]
    fn settled(&self) -> bool {
        is_settled(self.known().job.state)
    }

    /// The number of attempts that were begun.
    #[getter]
    fn attempts(&self) -> u32 {
        self.known().job.attempts
    }

    /// When it was added, in milliseconds since 1970 (UTC).
    #[getter]
    fn created_ms(&self) -> u64 {
        self.known().job.created_ms
    }

    /// When its last attempt was begun, in milliseconds since 1970 (UTC).
    #[getter]
    fn started_ms(&self) -> Option<u64> {
        self.known().job.started_ms
    }

    /// When it was over, in milliseconds since 1970 (UTC).
    #[getter]
    fn finished_ms(&self) -> Option<u64> {
        self.known().job.finished_ms
    }

    /// When it is due, in milliseconds since 1970 (UTC), where it waits for a time.
    #[getter]
    fn due_ms(&self) -> Option<u64> {
        self.known().job.due_ms
    }

    /// The id of the scheduled job that it was made from.
    #[getter]
    fn template(&self) -> Option<String> {
        self.known().job.template.as_ref().map(|id| id.0.clone())
    }

    /// Why it failed, or did the last time.
    #[getter]
    fn error(&self) -> Option<String> {
        self.known().job.failure.as_ref().map(|failure| failure.message.clone())
    }

    /// The way out of that error, where one is known.
    #[getter]
    fn hint(&self) -> Option<String> {
        self.known().job.failure.as_ref().and_then(|failure| failure.hint.clone())
    }

    /// The result in one line.
    #[getter]
    fn summary(&self) -> Option<String> {
        self.known().job.result.as_ref().map(|result| result.summary.clone())
    }

    /// The answer in words, of a job that has one.
    #[getter]
    fn answer(&self) -> Option<String> {
        self.known().job.result.as_ref().and_then(|result| result.answer.clone())
    }

    /// The unified diff of its result; empty where there is none. Asked for where :meth:`Jobs.list` left it out.
    #[getter]
    fn diff(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.result(py, |result| result.diff.clone())?.unwrap_or_default())
    }

    /// The files that the result changes.
    #[getter]
    fn files(&self) -> Vec<String> {
        let known = self.known();
        known.job.result.iter().flat_map(|result| &result.files).map(|file| file.path.to_string()).collect()
    }

    /// The hunks of the diff, as :meth:`accept` takes them: the file and the number within it, from 1.
    #[getter]
    fn hunks(&self) -> Vec<(String, u32)> {
        let known = self.known();
        let files = known.job.result.iter().flat_map(|result| &result.files);
        files.flat_map(|file| (1..=file.hunks).map(|hunk| (file.path.to_string(), hunk))).collect()
    }

    /// Whether there is a result, and no check found an error in it.
    #[getter]
    fn verified(&self) -> bool {
        self.known().job.result.as_ref().is_some_and(|result| result.verified)
    }

    /// How far the result may be trusted; see :attr:`Edit.applicability`. ``None`` where it changes nothing.
    #[getter]
    fn applicability(&self) -> Option<&'static str> {
        self.applies().map(name_of)
    }

    /// The findings of the checks and the doubts of the plugin, one line each.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.known().job.result.iter().flat_map(|result| result.notes.clone()).collect()
    }

    /// The edit in the history of the repository, once it has landed; see :meth:`Repo.undo`.
    #[getter]
    fn edit(&self) -> Option<String> {
        self.known().job.result.as_ref().and_then(|result| result.edit.clone())
    }

    /// The commit, once it has landed in one.
    #[getter]
    fn commit(&self) -> Option<String> {
        self.known().job.result.as_ref().and_then(|result| result.commit.clone())
    }

    /// Ask the daemon how it stands now. Raises :class:`DaemonError`.
    #[pyo3(signature = (*, cancel=None))]
    fn refresh(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::job)
    }

    /// Its events behind number ``after``, from the first by default, until it is :attr:`settled`.
    ///
    /// They go on over restarts of the daemon, none lost and none twice. ``notify`` is called, on another thread,
    /// whenever :meth:`JobEvents.ready` has something to tell.
    #[pyo3(signature = (after=0, *, notify=None))]
    fn events(slf: Bound<'_, Self>, after: u64, notify: Option<Py<PyAny>>) -> JobEvents {
        let job = slf.get();
        let follow = Follow::start(Arc::clone(&job.profile), job.name(), after, Cancel::new(), notify);
        JobEvents::new(follow, slf.unbind())
    }

    fn __iter__(slf: Bound<'_, Self>) -> JobEvents {
        Self::events(slf, 0, None)
    }

    /// Wait until it is :attr:`settled`; returns itself.
    ///
    /// ``timeout`` in seconds; ``progress`` is called with a line of text for each event. Ctrl-C and ``cancel`` end the
    /// waiting, not the job. Raises :class:`TimeoutError`, and with ``check`` :class:`EditError` when the job failed
    /// and :class:`Cancelled` when it was cancelled.
    #[pyo3(signature = (timeout=None, *, check=true, progress=None, cancel=None))]
    fn wait<'py>(
        slf: Bound<'py, Self>,
        py: Python<'py>,
        timeout: Option<f64>,
        check: bool,
        progress: Option<Py<PyAny>>,
        cancel: Option<&Bound<'py, PyCancel>>,
    ) -> PyResult<Bound<'py, Self>> {
        let job = slf.get();
        let deadline = deadline_of(timeout)?;
        let follow = Follow::start(Arc::clone(&job.profile), job.name(), 0, cancel_of(cancel).child(), None);
        loop {
            match py.detach(|| follow.next(deadline))? {
                Some(Step::Event(event)) => {
                    if let Some(progress) = &progress {
                        progress.call1(py, (JobEvent::from(event).__str__(),))?;
                    }
                }
                Some(Step::End(end)) => {
                    job.set(end.map_err(|error| error_of(py, &error))?, true);
                    if check {
                        job.check(py)?;
                    }
                    return Ok(slf);
                }
                None => return Err(PyTimeoutError::new_err("the job goes on")),
            }
        }
    }

    /// Let the result land: all of it, or these ``hunks`` and nothing else.
    ///
    /// ``reviewed``: a person has looked at it; without that, a result whose :attr:`applicability` is ``needs-review`` is
    /// refused. ``unverified``: also where a check found an error.
    ///
    /// Raises :class:`EditError` when it needs a review or the checks refuse it, :class:`DaemonError` when it does not wait
    /// for a decision or its files were changed since, and :class:`ValueError` when ``hunks`` is empty.
    #[pyo3(signature = (hunks=None, *, reviewed=false, unverified=false, cancel=None))]
    fn accept(
        &self,
        py: Python<'_>,
        hunks: Option<Vec<(String, u32)>>,
        reviewed: bool,
        unverified: bool,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<()> {
        let consent = Consent { reviewed, unverified, protected: false };
        let decision = match hunks {
            None => Decision::accept(consent),
            Some(hunks) if hunks.is_empty() => {
                return Err(PyValueError::new_err("no hunk is named: reject() says no to all of them"));
            }
            Some(hunks) => Decision::accept_hunks(hunks.into_iter().map(hunk).collect::<PyResult<_>>()?, consent),
        };
        self.ask(py, cancel, move |client, id| client.review_job(id, &decision))
    }

    /// Reject the result. Raises :class:`DaemonError` when it does not wait for a decision.
    #[pyo3(signature = (*, cancel=None))]
    fn reject(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, |client, id| client.review_job(id, &Decision::Reject))
    }

    /// Cancel it; one that runs ends within one step of the model and changes nothing. Raises :class:`DaemonError`.
    #[pyo3(signature = (*, cancel=None))]
    fn cancel(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::cancel_job)
    }

    /// Try it again once it is over. Raises :class:`DaemonError` when it is not.
    #[pyo3(signature = (*, cancel=None))]
    fn retry(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::retry_job)
    }

    /// Hold it back; one that runs goes back into the queue. Raises :class:`DaemonError` when it is over.
    #[pyo3(signature = (*, cancel=None))]
    fn pause(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::pause_job)
    }

    /// Let it go on after :meth:`pause`. Raises :class:`DaemonError` when it is not paused.
    #[pyo3(signature = (*, cancel=None))]
    fn resume(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::resume_job)
    }

    /// Its state, its progress and its diff in colours, for notebooks.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        self.result(py, |_| ())?;
        Ok(crate::html::job(&self.known().job))
    }

    fn __repr__(&self) -> String {
        let known = self.known();
        format!("Job({:?}, {:?}, {:?})", known.job.id.0, known.job.state.name(), known.job.spec.prompt)
    }
}

fn hunk((path, hunk): (String, u32)) -> PyResult<HunkRef> {
    let path = RepoPath::new(path).map_err(|e| PyValueError::new_err(e.to_string()))?;
    Ok(HunkRef { path, hunk })
}
