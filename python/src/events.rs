//! The events of a job, for Python.

use crate::error::{Kind, with_hint};
use crate::follow::{Follow, Step};
use crate::fork::Owned;
use crate::job::{Job, error_of, lock};
use deepcoder_types::JobHappening;
use pyo3::prelude::*;
use std::sync::Mutex;

/// Something that happened to a job. ``str()`` of it is a line of text.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
pub(crate) struct JobEvent {
    /// The id of the job.
    job: String,
    /// Its number: the events of a job are numbered from 1, without gaps, and kept.
    number: u64,
    /// When it happened, in milliseconds since 1970 (UTC).
    at_ms: u64,
    /// ``state``, ``progress`` or ``log``.
    kind: &'static str,
    /// The new state, where the kind is ``state``; see :attr:`Job.state`.
    state: Option<&'static str>,
    /// The reason of a state, the stage of a progress, or the line of a log.
    message: Option<String>,
    /// Of a line of the log: ``debug``, ``info``, ``warn`` or ``error``.
    level: Option<String>,
    /// How far the job is, from 0 to 1, where that is known.
    fraction: Option<f32>,
    /// Tokens that the model wrote so far, where the kind is ``progress``.
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
    pub(crate) fn __str__(&self) -> String {
        let tokens = self.tokens.filter(|tokens| *tokens > 0).map(|tokens| format!("{tokens} tokens"));
        let parts = [self.state.map(str::to_owned), self.message.clone(), tokens];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    }

    fn __repr__(&self) -> String {
        format!("JobEvent({}, {:?}, {:?})", self.number, self.kind, self.__str__())
    }
}

/// The events of a job as they come, from :meth:`Job.events`: an iterator of :class:`JobEvent`.
///
/// Dropping it ends the following, not the job. It belongs to the process that began it: a forked child gets
/// :class:`DaemonError`.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct JobEvents {
    follow: Owned<Follow>,
    job: Py<Job>,
    ended: Mutex<bool>,
}

impl JobEvents {
    pub(crate) fn new(follow: Follow, job: Py<Job>) -> Self {
        Self { follow: Owned::new(follow), job, ended: Mutex::new(false) }
    }

    fn follow(&self, py: Python<'_>) -> PyResult<&Follow> {
        self.follow.get().ok_or_else(|| {
            let hint = "call job.events() in this process".to_owned();
            with_hint(py, Kind::Daemon, "the events belong to the process that this one was forked from", Some(hint))
        })
    }

    /// Turns a step into a Python event, the end, or an error.
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
        let follow = self.follow(py)?;
        let step = py.detach(|| follow.next(None))?;
        self.take(py, step)
    }

    /// The events that are there already. Never waits; raises as iterating does.
    fn ready(&self, py: Python<'_>) -> PyResult<Vec<JobEvent>> {
        let mut events = Vec::new();
        let follow = self.follow(py)?;
        while !*lock(&self.ended)
            && let Some(step) = follow.ready()
        {
            events.extend(self.take(py, Some(step))?);
        }
        Ok(events)
    }

    /// Whether no more will come.
    #[getter]
    fn ended(&self) -> bool {
        *lock(&self.ended)
    }

    /// End the following, not the job.
    fn cancel(&self) {
        if let Some(follow) = self.follow.get() {
            follow.cancel.cancel();
        }
    }
}
