//! `Jobs`: the queue of the daemon.

use crate::args::{Paths, Texts, json_of, text_of};
use crate::client::{RepoOrPath, root_of};
use crate::job::{Job, call};
use crate::wait::{PyCancel, cancel_of};
use deepcoder_profile::Profile;
use deepcoder_protocol::client::Client as Connection;
use deepcoder_types::{Delivery, JobFilter, JobId, JobSpec, JobState, Schedule};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The background jobs of the daemon: :attr:`Client.jobs`.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Jobs {
    profile: Arc<Profile>,
    model: Option<String>,
}

impl Jobs {
    pub(crate) const fn new(profile: Arc<Profile>, model: Option<String>) -> Self {
        Self { profile, model }
    }
}

/// A job, or its id.
#[derive(FromPyObject)]
enum JobOrId<'py> {
    Job(Bound<'py, Job>),
    Id(String),
}

impl JobOrId<'_> {
    fn id(self) -> String {
        match self {
            Self::Job(job) => job.get().name(),
            Self::Id(id) => id,
        }
    }
}

/// A job, or several.
#[derive(FromPyObject)]
enum OneOrMore<'py> {
    One(JobOrId<'py>),
    More(Vec<JobOrId<'py>>),
}

impl OneOrMore<'_> {
    fn ids(self) -> Vec<JobId> {
        let jobs = match self {
            Self::One(job) => vec![job],
            Self::More(jobs) => jobs,
        };
        jobs.into_iter().map(|job| JobId(job.id())).collect()
    }
}

#[pymethods]
impl Jobs {
    /// Add a job. When this returns, it is on the disk and will be done, whatever happens to this process.
    ///
    /// ``paths``: one file or glob or several, below the root of ``repo``, by default the repository of the working
    /// directory.
    /// The result waits for :meth:`Job.accept`, unless it goes to a ``branch``, to a new ``worktree``, or with
    /// ``apply`` into the work tree at once. It starts as soon as there is room, ``at`` a time (a ``datetime``, or
    /// seconds since 1970), at the times of ``cron`` (five fields, local time), or ``on_change`` of its files; and
    /// ``after`` other jobs are done. Higher ``priority`` goes first. ``timeout`` is the most seconds of one attempt.
    /// A second job with the same ``key`` in the same repository is not added: the first is returned.
    /// ``model``: ``None`` is the client's, where it has one, or that of the daemon's settings. ``effort``: how much work it is
    /// worth, ``"quick"``, ``"normal"`` or ``"thorough"``; ``None`` is the daemon's setting.
    /// Raises :class:`RepositoryError`, :class:`DaemonError`, and :class:`ValueError` for arguments that exclude each other.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (instruction, paths=None, *, repo=None, kind="edit", branch=None, worktree=None, apply=false,
        options=None, model=None, seed=0, effort=None, priority=0, at=None, cron=None, on_change=false, after=None,
        max_attempts=2, timeout=None, key=None, cancel=None))]
    fn add(
        &self,
        py: Python<'_>,
        instruction: String,
        paths: Option<Paths>,
        repo: Option<RepoOrPath<'_>>,
        kind: &str,
        branch: Option<String>,
        worktree: Option<PathBuf>,
        apply: bool,
        options: Option<&Bound<'_, PyDict>>,
        model: Option<String>,
        seed: u64,
        effort: Option<&str>,
        priority: i32,
        at: Option<&Bound<'_, PyAny>>,
        cron: Option<String>,
        on_change: bool,
        after: Option<OneOrMore<'_>>,
        max_attempts: u32,
        timeout: Option<f64>,
        key: Option<String>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Job> {
        let repository = root_of(py, &self.profile, repo)?;
        let delivery = match (branch, worktree, apply) {
            (None, None, false) => Delivery::Review,
            (Some(branch), None, false) => Delivery::Branch(branch),
            (None, Some(path), false) => Delivery::Worktree(absolute(py, path)?),
            (None, None, true) => Delivery::Apply,
            _ => return Err(PyValueError::new_err("`branch`, `worktree` and `apply` exclude each other")),
        };
        let schedule = match (at, cron, on_change) {
            (None, None, false) => Schedule::Now,
            (Some(at), None, false) => Schedule::At(milliseconds(at)?),
            (None, Some(cron), false) => Schedule::Cron(cron),
            (None, None, true) => Schedule::Change,
            _ => return Err(PyValueError::new_err("`at`, `cron` and `on_change` exclude each other")),
        };
        let spec = JobSpec {
            kind: kind.to_owned(),
            prompt: instruction,
            paths: paths.into_iter().flatten().map(|path| below(&repository, path)).collect::<PyResult<_>>()?,
            repository,
            options: options.map(json_of).transpose()?.unwrap_or_default().into(),
            model: model.or_else(|| self.model.clone()),
            seed,
            effort: crate::repo::effort_of(effort)?,
            priority,
            schedule,
            after: after.map(OneOrMore::ids).unwrap_or_default(),
            max_attempts,
            timeout_ms: timeout.map(span).transpose()?,
            key,
            delivery,
            origin: "python".into(),
        };
        let added = call(py, &self.profile, &cancel_of(cancel), move |client| client.add_job(&spec))?;
        Ok(Job::new(Arc::clone(&self.profile), added.job, true))
    }

    /// One job, by its id or the beginning of it. Raises :class:`DaemonError` when there is none, or several.
    #[pyo3(signature = (id, *, cancel=None))]
    fn get(&self, py: Python<'_>, id: String, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Job> {
        let job = call(py, &self.profile, &cancel_of(cancel), move |client| client.job(&id))?;
        Ok(Job::new(Arc::clone(&self.profile), job, true))
    }

    /// The jobs, newest first, at most ``limit``; ``before`` one of them is the next page.
    ///
    /// ``repo`` and ``states`` (see :attr:`Job.state`) leave out the others. Raises :class:`DaemonError`, and
    /// :class:`ValueError` for a state that there is not.
    #[pyo3(signature = (*, repo=None, states=None, before=None, limit=100, cancel=None))]
    fn list(
        &self,
        py: Python<'_>,
        repo: Option<RepoOrPath<'_>>,
        states: Option<Texts>,
        before: Option<JobOrId<'_>>,
        limit: u32,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Vec<Job>> {
        let repository = repo.map(|repo| root_of(py, &self.profile, Some(repo))).transpose()?;
        let states = states.unwrap_or_default().0.iter().map(|name| state(name)).collect::<PyResult<_>>()?;
        let before = before.map(|job| JobId(job.id()));
        let filter = JobFilter { repository, states, before, limit };
        let jobs = call(py, &self.profile, &cancel_of(cancel), move |client| client.jobs(&filter))?;
        Ok(jobs.into_iter().map(|job| Job::new(Arc::clone(&self.profile), job, false)).collect())
    }

    /// The numbers of jobs: ``waiting``, ``queued``, ``running`` and ``review``. Raises :class:`DaemonError`.
    #[pyo3(signature = (*, cancel=None))]
    fn counts<'py>(&self, py: Python<'py>, cancel: Option<&Bound<'py, PyCancel>>) -> PyResult<Bound<'py, PyDict>> {
        let counts = call(py, &self.profile, &cancel_of(cancel), Connection::job_counts)?;
        let dict = PyDict::new(py);
        dict.set_item("waiting", counts.waiting)?;
        dict.set_item("queued", counts.queued)?;
        dict.set_item("running", counts.running)?;
        dict.set_item("review", counts.review)?;
        Ok(dict)
    }

    fn __repr__(&self) -> &'static str {
        "Jobs()"
    }
}

/// `path` as the job has it: below the root.
fn below(root: &Path, path: PathBuf) -> PyResult<String> {
    text_of(path.strip_prefix(root).map(Path::to_owned).unwrap_or(path))
}

fn absolute(py: Python<'_>, path: PathBuf) -> PyResult<PathBuf> {
    py.import("os.path")?.call_method1("abspath", (path,))?.extract()
}

fn state(name: &str) -> PyResult<JobState> {
    serde_json::from_value(json!(name)).map_err(|_| PyValueError::new_err(format!("`{name}` is not a state of jobs")))
}

/// A `datetime`, or seconds since 1970.
fn milliseconds(at: &Bound<'_, PyAny>) -> PyResult<u64> {
    if at.is_instance_of::<PyString>() {
        return Err(PyValueError::new_err("`at` is a datetime, or seconds since 1970"));
    }
    let seconds = if at.hasattr("timestamp")? { at.call_method0("timestamp")? } else { at.clone() };
    span(seconds.extract()?)
}

/// Seconds in milliseconds.
fn span(seconds: f64) -> PyResult<u64> {
    let span = std::time::Duration::try_from_secs_f64(seconds).ok();
    let millis = span.and_then(|span| u64::try_from(span.as_millis()).ok());
    millis.ok_or_else(|| PyValueError::new_err(format!("{seconds} is not a number of seconds")))
}
