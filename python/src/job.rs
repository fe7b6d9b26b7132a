//! `Job`, its events, and what can be decided about it.

use crate::error::{Kind, raise, with_hint};
use crate::follow::{CallFailed, Follow, Step, is_settled};
use crate::wait::{PyCancel, cancel_of, cancelled, leave_behind};
use deepcoder_daemon::client::{CallError, Client};
use deepcoder_session::Session;
use deepcoder_types::{Cancel, HunkRef, JobHappening, JobState, RepoPath, Review};
use pyo3::exceptions::{PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Something that happened to a job.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
pub(crate) struct JobEvent {
    job: String,
    number: u64,
    at_ms: u64,
    kind: &'static str,
    state: Option<&'static str>,
    message: Option<String>,
    level: Option<String>,
    fraction: Option<f32>,
    tokens: Option<u64>,
}

impl From<deepcoder_types::JobEvent> for JobEvent {
    fn from(event: deepcoder_types::JobEvent) -> Self {
        let mut out = Self {
            job: event.job.0,
            number: event.seq,
            at_ms: event.at_ms,
            kind: "state",
            state: None,
            message: None,
            level: None,
            fraction: None,
            tokens: None,
        };
        match event.what {
            JobHappening::State { to, reason } => (out.state, out.message) = (Some(to.name()), reason),
            JobHappening::Progress(progress) => {
                out.kind = "progress";
                out.message = Some(progress.stage);
                (out.fraction, out.tokens) = (progress.fraction, Some(progress.tokens));
            }
            JobHappening::Log { level, message } => {
                out.kind = "log";
                (out.level, out.message) = (Some(level), Some(message));
            }
        }
        out
    }
}

#[pymethods]
impl JobEvent {
    fn __str__(&self) -> String {
        let tokens = self.tokens.filter(|tokens| *tokens > 0).map(|tokens| format!("{tokens} tokens"));
        let parts = [self.state.map(str::to_owned), self.message.clone(), tokens];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    }

    fn __repr__(&self) -> String {
        format!("JobEvent({}, {:?}, {:?})", self.number, self.kind, self.__str__())
    }
}

/// The events of a job, as they come.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct JobEvents {
    follow: Follow,
    job: Py<Job>,
    ended: Mutex<bool>,
}

impl JobEvents {
    /// What a step means to Python: an event, the end, or an error.
    fn take(&self, py: Python<'_>, step: Option<Step>) -> PyResult<Option<JobEvent>> {
        match step {
            Some(Step::Event(event)) => return Ok(Some(event.into())),
            Some(Step::End(end)) => {
                *lock(&self.ended) = true;
                let job = end.map_err(|error| error_of(py, &error))?;
                self.job.get().set(job, true);
            }
            None => *lock(&self.ended) = true,
        }
        Ok(None)
    }
}

#[pymethods]
impl JobEvents {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<JobEvent>> {
        if *lock(&self.ended) {
            return Ok(None);
        }
        let step = py.detach(|| self.follow.next(None))?;
        self.take(py, step)
    }

    fn ready(&self, py: Python<'_>) -> PyResult<Vec<JobEvent>> {
        let mut events = Vec::new();
        while !*lock(&self.ended)
            && let Some(step) = self.follow.ready()
        {
            events.extend(self.take(py, Some(step))?);
        }
        Ok(events)
    }

    #[getter]
    fn ended(&self) -> bool {
        *lock(&self.ended)
    }

    fn cancel(&self) {
        self.follow.cancel.cancel();
    }
}

/// A background job.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Job {
    session: Arc<Session>,
    known: Mutex<Known>,
}

/// How it stood when it was last asked for.
struct Known {
    job: deepcoder_types::Job,
    /// Whether the diff is there, which lists leave out.
    whole: bool,
}

impl Job {
    pub(crate) const fn new(session: Arc<Session>, job: deepcoder_types::Job, whole: bool) -> Self {
        Self { session, known: Mutex::new(Known { job, whole }) }
    }

    pub(crate) fn name(&self) -> String {
        self.known().job.id.0.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    fn set(&self, job: deepcoder_types::Job, whole: bool) {
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
        let job = call(py, &self.session, &cancel_of(cancel), move |client| what(client, &id))?;
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

    /// An error for a job that came to nothing.
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
    session: &Arc<Session>,
    cancel: &Cancel,
    what: impl FnOnce(&mut Client) -> Result<T, CallError> + Send + 'static,
) -> PyResult<T> {
    let session = Arc::clone(session);
    let work = move || -> Result<T, CallFailed> { Ok(what(&mut session.client()?)?) };
    leave_behind(py, cancel, work)?.map_err(|error| error_of(py, &error))
}

fn error_of(py: Python<'_>, error: &CallFailed) -> PyErr {
    match error {
        CallFailed::Call(CallError::Cancelled) => cancelled(),
        error => raise(py, Kind::Daemon, error),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Job {
    #[getter]
    fn id(&self) -> String {
        self.name()
    }

    #[getter]
    fn kind(&self) -> String {
        self.known().job.spec.kind.clone()
    }

    #[getter]
    fn instruction(&self) -> String {
        self.known().job.spec.prompt.clone()
    }

    #[getter]
    fn repository(&self) -> String {
        self.known().job.spec.repository.display().to_string()
    }

    #[getter]
    fn paths(&self) -> Vec<String> {
        self.known().job.spec.paths.clone()
    }

    #[getter]
    fn key(&self) -> Option<String> {
        self.known().job.spec.key.clone()
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.known().job.state.name()
    }

    #[getter]
    fn over(&self) -> bool {
        self.known().job.state.is_over()
    }

    #[getter]
    fn settled(&self) -> bool {
        is_settled(self.known().job.state)
    }

    #[getter]
    fn attempts(&self) -> u32 {
        self.known().job.attempts
    }

    #[getter]
    fn created_ms(&self) -> u64 {
        self.known().job.created_ms
    }

    #[getter]
    fn started_ms(&self) -> Option<u64> {
        self.known().job.started_ms
    }

    #[getter]
    fn finished_ms(&self) -> Option<u64> {
        self.known().job.finished_ms
    }

    #[getter]
    fn due_ms(&self) -> Option<u64> {
        self.known().job.due_ms
    }

    #[getter]
    fn template(&self) -> Option<String> {
        self.known().job.template.as_ref().map(|id| id.0.clone())
    }

    #[getter]
    fn error(&self) -> Option<String> {
        self.known().job.failure.as_ref().map(|failure| failure.message.clone())
    }

    #[getter]
    fn hint(&self) -> Option<String> {
        self.known().job.failure.as_ref().and_then(|failure| failure.hint.clone())
    }

    #[getter]
    fn summary(&self) -> Option<String> {
        self.known().job.result.as_ref().map(|result| result.summary.clone())
    }

    #[getter]
    fn answer(&self) -> Option<String> {
        self.known().job.result.as_ref().and_then(|result| result.answer.clone())
    }

    #[getter]
    fn diff(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.result(py, |result| result.diff.clone())?.unwrap_or_default())
    }

    #[getter]
    fn files(&self) -> Vec<String> {
        let known = self.known();
        known.job.result.iter().flat_map(|result| &result.files).map(|file| file.path.to_string()).collect()
    }

    #[getter]
    fn hunks(&self) -> Vec<(String, u32)> {
        let known = self.known();
        let files = known.job.result.iter().flat_map(|result| &result.files);
        files.flat_map(|file| (1..=file.hunks).map(|hunk| (file.path.to_string(), hunk))).collect()
    }

    #[getter]
    fn verified(&self) -> bool {
        self.known().job.result.as_ref().is_some_and(|result| result.verified)
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.known().job.result.iter().flat_map(|result| result.notes.clone()).collect()
    }

    #[getter]
    fn edit(&self) -> Option<String> {
        self.known().job.result.as_ref().and_then(|result| result.edit.clone())
    }

    #[getter]
    fn commit(&self) -> Option<String> {
        self.known().job.result.as_ref().and_then(|result| result.commit.clone())
    }

    #[pyo3(signature = (*, cancel=None))]
    fn refresh(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::job)
    }

    #[pyo3(signature = (after=0, *, notify=None))]
    fn events(slf: Bound<'_, Self>, after: u64, notify: Option<Py<PyAny>>) -> JobEvents {
        let job = slf.get();
        let follow = Follow::start(Arc::clone(&job.session), job.name(), after, Cancel::new(), notify);
        JobEvents { follow, job: slf.unbind(), ended: Mutex::new(false) }
    }

    fn __iter__(slf: Bound<'_, Self>) -> JobEvents {
        Self::events(slf, 0, None)
    }

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
        let seconds = timeout.map(|s| Duration::try_from_secs_f64(s.max(0.0))).transpose();
        let seconds = seconds.map_err(|_| PyValueError::new_err("the timeout is not a number of seconds"))?;
        // One that is too far away to be a time is none.
        let deadline = seconds.and_then(|seconds| Instant::now().checked_add(seconds));
        let follow = Follow::start(Arc::clone(&job.session), job.name(), 0, cancel_of(cancel).child(), None);
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

    #[pyo3(signature = (hunks=None, *, cancel=None))]
    fn accept(
        &self,
        py: Python<'_>,
        hunks: Option<Vec<(String, u32)>>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<()> {
        let decision = match hunks {
            None => Review::AcceptAll,
            Some(hunks) if hunks.is_empty() => {
                return Err(PyValueError::new_err("no hunk is named: reject() says no to all of them"));
            }
            Some(hunks) => Review::Accept(hunks.into_iter().map(hunk).collect::<PyResult<_>>()?),
        };
        self.ask(py, cancel, move |client, id| client.review_job(id, &decision))
    }

    #[pyo3(signature = (*, cancel=None))]
    fn reject(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, |client, id| client.review_job(id, &Review::RejectAll))
    }

    #[pyo3(signature = (*, cancel=None))]
    fn cancel(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::cancel_job)
    }

    #[pyo3(signature = (*, cancel=None))]
    fn retry(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::retry_job)
    }

    #[pyo3(signature = (*, cancel=None))]
    fn pause(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::pause_job)
    }

    #[pyo3(signature = (*, cancel=None))]
    fn resume(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        self.ask(py, cancel, Client::resume_job)
    }

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
