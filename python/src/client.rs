//! `Client`: what the daemon offers, and its jobs.

use crate::error::{Kind, raise, warn};
use crate::job::{Job, call};
use crate::model::Model;
use crate::repo::{Repo, text_of};
use crate::surroundings::daemon_session;
use crate::wait::{PyCancel, cancel_of, leave_behind, off_interpreter};
use deepcoder_daemon::client::{Client as Connection, ConnectError};
use deepcoder_session::{Overrides, Session};
use deepcoder_types::{JobFilter, JobId, JobSpec, JobState, Landing, Schedule};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A repository that is watched.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
pub(crate) struct Watched {
    root: String,
    files: Option<u64>,
    how: String,
    notes: Vec<String>,
}

impl From<deepcoder_daemon::Watched> for Watched {
    fn from(watched: deepcoder_daemon::Watched) -> Self {
        let root = watched.root.display().to_string();
        Self { root, files: watched.files, how: watched.how, notes: watched.notes }
    }
}

#[pymethods]
impl Watched {
    fn __repr__(&self) -> String {
        format!("Watched({:?}, {:?})", self.root, self.how)
    }
}

/// The daemon.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Client {
    session: Arc<Session>,
    /// The model that the user named; `None` leaves the choice for jobs to the daemon.
    model: Option<String>,
}

/// A repository, or a path in one.
#[derive(FromPyObject)]
enum RepoOrPath<'py> {
    Repo(Bound<'py, Repo>),
    Path(PathBuf),
}

fn root_of(py: Python<'_>, session: &Session, repo: Option<RepoOrPath<'_>>) -> PyResult<PathBuf> {
    match repo {
        Some(RepoOrPath::Repo(repo)) => Ok(repo.get().root_path().to_owned()),
        Some(RepoOrPath::Path(path)) => opened(py, session, Some(path)),
        None => opened(py, session, None),
    }
}

fn opened(py: Python<'_>, session: &Session, path: Option<PathBuf>) -> PyResult<PathBuf> {
    Ok(Repo::open(py, session.clone(), path, None)?.root_path().to_owned())
}

impl Client {
    /// `method` of the repository `repo` (or the one of the working directory) with its model in the daemon.
    fn delegate<'py>(
        &self,
        py: Python<'py>,
        repo: Option<RepoOrPath<'py>>,
        method: &str,
        args: impl pyo3::call::PyCallArgs<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let root = root_of(py, &self.session, repo)?;
        Bound::new(py, self.repo(py, Some(root))?)?.call_method(method, args, options)
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (*, model=None, command=None))]
    fn new(py: Python<'_>, model: Option<String>, command: Option<PathBuf>) -> PyResult<Self> {
        let session = daemon_session(py, &Overrides { model: model.clone(), ..Overrides::default() }, command)?;
        Ok(Self { session: Arc::new(session), model })
    }

    #[getter]
    fn jobs(&self) -> Jobs {
        Jobs { session: Arc::clone(&self.session), model: self.model.clone() }
    }

    #[pyo3(signature = (name=None, *, cancel=None))]
    fn model(&self, py: Python<'_>, name: Option<String>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Model> {
        let name = name.unwrap_or_else(|| self.session.settings().model.clone());
        let model = off_interpreter(py, &cancel_of(cancel), |cancel| self.session.model(&name, cancel))?;
        let model = model.map_err(|e| raise(py, Kind::Model, &e))?;
        warn(py, model.info())?;
        Ok(Model::new(model))
    }

    #[pyo3(signature = (path=None))]
    fn repo(&self, py: Python<'_>, path: Option<PathBuf>) -> PyResult<Repo> {
        Repo::open(py, (*self.session).clone(), path, None)
    }

    #[pyo3(signature = (prompt, **options))]
    fn generate<'py>(
        &self,
        py: Python<'py>,
        prompt: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.model(py, None, None)?)?.call_method("generate", (prompt,), options)
    }

    #[pyo3(signature = (prompt, **options))]
    fn stream<'py>(
        &self,
        py: Python<'py>,
        prompt: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.model(py, None, None)?)?.call_method("stream", (prompt,), options)
    }

    #[pyo3(signature = (instruction, paths=None, *, repo=None, **options))]
    fn edit<'py>(
        &self,
        py: Python<'py>,
        instruction: &str,
        paths: Option<Vec<PathBuf>>,
        repo: Option<RepoOrPath<'py>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.delegate(py, repo, "edit", (instruction, paths), options)
    }

    #[pyo3(signature = (question, paths=None, *, repo=None, **options))]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        question: &str,
        paths: Option<Vec<PathBuf>>,
        repo: Option<RepoOrPath<'py>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.delegate(py, repo, "explain", (question, paths), options)
    }

    #[pyo3(signature = (path, line, column, *, repo=None, **options))]
    fn complete<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        line: usize,
        column: usize,
        repo: Option<RepoOrPath<'py>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.delegate(py, repo, "complete", (path, line, column), options)
    }

    #[pyo3(signature = (repo=None, *, cancel=None))]
    fn watch(
        &self,
        py: Python<'_>,
        repo: Option<RepoOrPath<'_>>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Watched> {
        let root = root_of(py, &self.session, repo)?;
        Ok(call(py, &self.session, &cancel_of(cancel), move |client| client.watch(&root))?.into())
    }

    #[pyo3(signature = (repo=None, *, cancel=None))]
    fn unwatch(
        &self,
        py: Python<'_>,
        repo: Option<RepoOrPath<'_>>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<bool> {
        let root = match repo {
            // One that is gone can still be forgotten.
            Some(RepoOrPath::Path(path)) if path.is_absolute() && !path.exists() => path,
            repo => root_of(py, &self.session, repo)?,
        };
        call(py, &self.session, &cancel_of(cancel), move |client| client.unwatch(&root))
    }

    #[pyo3(signature = (*, cancel=None))]
    fn watched(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Vec<Watched>> {
        let watched = call(py, &self.session, &cancel_of(cancel), Connection::watched)?;
        Ok(watched.into_iter().map(Watched::from).collect())
    }

    #[pyo3(signature = (*, cancel=None))]
    fn status<'py>(
        &self,
        py: Python<'py>,
        cancel: Option<&Bound<'py, PyCancel>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let socket = self.session.folders().socket.clone();
        let connected = leave_behind(py, &cancel_of(cancel), move || Connection::connect(&socket))?;
        let mut client = match connected {
            Err(ConnectError::NotRunning { .. }) => return Ok(None),
            connected => connected.map_err(|e| raise(py, Kind::Daemon, &e))?,
        };
        let status = leave_behind(py, &cancel_of(cancel), move || client.status())?;
        let status = status.map_err(|e| raise(py, Kind::Daemon, &e))?;
        py.import("json")?.call_method1("loads", (json!(status).to_string(),)).map(Some)
    }

    fn __repr__(&self) -> String {
        format!("Client({:?})", self.session.folders().socket)
    }
}

/// The background jobs of the daemon.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Jobs {
    session: Arc<Session>,
    model: Option<String>,
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

#[pymethods]
impl Jobs {
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (instruction, paths=None, *, repo=None, kind="edit", branch=None, worktree=None, apply=false,
        options=None, model=None, seed=0, priority=0, at=None, cron=None, on_change=false, after=None, max_attempts=2,
        timeout=None, key=None, cancel=None))]
    fn add(
        &self,
        py: Python<'_>,
        instruction: String,
        paths: Option<Vec<PathBuf>>,
        repo: Option<RepoOrPath<'_>>,
        kind: &str,
        branch: Option<String>,
        worktree: Option<PathBuf>,
        apply: bool,
        options: Option<&Bound<'_, PyDict>>,
        model: Option<String>,
        seed: u64,
        priority: i32,
        at: Option<&Bound<'_, PyAny>>,
        cron: Option<String>,
        on_change: bool,
        after: Option<Vec<JobOrId<'_>>>,
        max_attempts: u32,
        timeout: Option<f64>,
        key: Option<String>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Job> {
        let repository = root_of(py, &self.session, repo)?;
        let landing = match (branch, worktree, apply) {
            (None, None, false) => Landing::Review,
            (Some(branch), None, false) => Landing::Branch(branch),
            (None, Some(path), false) => Landing::Worktree(absolute(py, path)?),
            (None, None, true) => Landing::Apply,
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
            options: options.map_or_else(|| Ok(json!({})), json_of)?,
            model: model.or_else(|| self.model.clone()),
            seed,
            priority,
            schedule,
            after: after.into_iter().flatten().map(|job| JobId(job.id())).collect(),
            max_attempts,
            timeout_ms: timeout.map(span).transpose()?,
            key,
            landing,
            origin: "python".into(),
        };
        let added = call(py, &self.session, &cancel_of(cancel), move |client| client.add_job(&spec))?;
        Ok(Job::new(Arc::clone(&self.session), added.job, true))
    }

    #[pyo3(signature = (id, *, cancel=None))]
    fn get(&self, py: Python<'_>, id: String, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Job> {
        let job = call(py, &self.session, &cancel_of(cancel), move |client| client.job(&id))?;
        Ok(Job::new(Arc::clone(&self.session), job, true))
    }

    #[pyo3(signature = (*, repo=None, states=None, before=None, limit=100, cancel=None))]
    fn list(
        &self,
        py: Python<'_>,
        repo: Option<RepoOrPath<'_>>,
        states: Option<Vec<String>>,
        before: Option<JobOrId<'_>>,
        limit: u32,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Vec<Job>> {
        let repository = repo.map(|repo| root_of(py, &self.session, Some(repo))).transpose()?;
        let states = states.into_iter().flatten().map(|name| state(&name)).collect::<PyResult<_>>()?;
        let before = before.map(|job| JobId(job.id()));
        let filter = JobFilter { repository, states, before, limit };
        let jobs = call(py, &self.session, &cancel_of(cancel), move |client| client.jobs(&filter))?;
        Ok(jobs.into_iter().map(|job| Job::new(Arc::clone(&self.session), job, false)).collect())
    }

    #[pyo3(signature = (*, cancel=None))]
    fn counts<'py>(&self, py: Python<'py>, cancel: Option<&Bound<'py, PyCancel>>) -> PyResult<Bound<'py, PyDict>> {
        let counts = call(py, &self.session, &cancel_of(cancel), Connection::job_counts)?;
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

fn json_of(options: &Bound<'_, PyDict>) -> PyResult<serde_json::Value> {
    let text: String = options.py().import("json")?.call_method1("dumps", (options,))?.extract()?;
    serde_json::from_str(&text).map_err(|e| PyValueError::new_err(format!("options: {e}")))
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
