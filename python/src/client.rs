//! `Client`: what the daemon offers.

use crate::args::{ModelOrName, Paths};
use crate::edit::Edit;
use crate::error::{Kind, raise, warn};
use crate::job::call;
use crate::jobs::Jobs;
use crate::model::Model;
use crate::repo::Repo;
use crate::surroundings::daemon_profile;
use crate::wait::{PyCancel, cancel_of, leave_behind};
use deepcoder_profile::{Overrides, Profile, Role};
use deepcoder_protocol::client::{Client as Connection, ConnectError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::json;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// A repository that is watched.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
pub(crate) struct Watched {
    /// Absolute path of the work tree.
    root: OsString,
    /// Files in it that are not ignored, once they have been counted.
    files: Option<u64>,
    /// ``events`` of the system, or ``polling``.
    how: String,
    /// Notes for its user, such as a limit of the system that was reached.
    notes: Vec<String>,
}

impl From<deepcoder_protocol::Watched> for Watched {
    fn from(watched: deepcoder_protocol::Watched) -> Self {
        let root = watched.root.into_os_string();
        Self { root, files: watched.files, how: watched.how, notes: watched.notes }
    }
}

#[pymethods]
impl Watched {
    fn __repr__(&self) -> String {
        format!("Watched({:?}, {:?})", self.root, self.how)
    }
}

/// The daemon, which is started when it is needed: its model, its background jobs, its watched repositories.
///
/// ``model``: ``None`` takes ``DEEPCODER_MODEL``, the configuration file, or the default of the catalogue.
/// ``command``: the ``deepcoder`` program that is started as the daemon; ``None`` is the one beside this interpreter, or
/// the path's. A running daemon of another build is replaced, as the command line does it.
///
/// Nothing is connected before the first call. Threads and forked children may share it. Where a ``repo`` may be given, it
/// is a :class:`Repo` or a path; ``None`` is the repository of the working directory.
/// Raises :class:`DaemonError` when there is no such program.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Client {
    profile: Arc<Profile>,
    /// The model that the user named; `None` leaves the choice for jobs to the daemon.
    model: Option<String>,
}

/// A repository, or a path in one.
#[derive(FromPyObject)]
pub(crate) enum RepoOrPath<'py> {
    Repo(Bound<'py, Repo>),
    Path(PathBuf),
}

pub(crate) fn root_of(py: Python<'_>, profile: &Profile, repo: Option<RepoOrPath<'_>>) -> PyResult<PathBuf> {
    match repo {
        Some(RepoOrPath::Repo(repo)) => Ok(repo.get().root_path().to_owned()),
        Some(RepoOrPath::Path(path)) => opened(py, profile, Some(path)),
        None => opened(py, profile, None),
    }
}

fn opened(py: Python<'_>, profile: &Profile, path: Option<PathBuf>) -> PyResult<PathBuf> {
    Ok(Repo::new_at(py, profile.clone(), path, None)?.root_path().to_owned())
}

impl Client {
    /// The repository `repo`, or the one of the working directory, with its model in the daemon.
    fn at<'py>(&self, py: Python<'py>, repo: Option<RepoOrPath<'py>>) -> PyResult<Bound<'py, Repo>> {
        let root = root_of(py, &self.profile, repo)?;
        Bound::new(py, self.repo(py, Some(root))?)
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (*, model=None, command=None))]
    fn new(py: Python<'_>, model: Option<String>, command: Option<PathBuf>) -> PyResult<Self> {
        let profile = daemon_profile(py, &Overrides { model: model.clone(), ..Overrides::default() }, command)?;
        Ok(Self { profile: Arc::new(profile), model })
    }

    /// The background jobs.
    #[getter]
    fn jobs(&self) -> Jobs {
        Jobs::new(Arc::clone(&self.profile), self.model.clone())
    }

    /// A model in the daemon, shared with everyone else who uses it. ``name``: ``None`` is the model of the client.
    ///
    /// Raises :class:`ModelError` when it is not installed or cannot be loaded.
    #[pyo3(signature = (name=None, *, cancel=None))]
    fn model(&self, py: Python<'_>, name: Option<String>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Model> {
        let name = name.unwrap_or_else(|| self.profile.model_for(Role::Edit));
        let model = Model::in_daemon(py, &self.profile, name, &cancel_of(cancel))?;
        warn(py, model.info())?;
        Ok(model)
    }

    /// The repository that ``path`` is in, with its model in the daemon; ``None`` is the working directory.
    ///
    /// Raises :class:`RepositoryError` when it is in none.
    #[pyo3(signature = (path=None))]
    fn repo(&self, py: Python<'_>, path: Option<PathBuf>) -> PyResult<Repo> {
        Repo::new_at(py, (*self.profile).clone(), path, None)
    }

    /// Generate text; the options and errors are those of :meth:`Model.generate`.
    #[pyo3(signature = (prompt, **options))]
    fn generate<'py>(
        &self,
        py: Python<'py>,
        prompt: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.model(py, None, None)?)?.call_method("generate", (prompt,), options)
    }

    /// Generate text token by token; the options and errors are those of :meth:`Model.stream`.
    #[pyo3(signature = (prompt, **options))]
    fn stream<'py>(
        &self,
        py: Python<'py>,
        prompt: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.model(py, None, None)?)?.call_method("stream", (prompt,), options)
    }

    /// Propose an edit now; arguments and errors are those of :meth:`Repo.edit`.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (instruction, paths=None, *, repo=None, new=false, read=None, model=None, options=None, seed=0,
        effort=None, progress=None, cancel=None))]
    fn edit<'py>(
        &self,
        py: Python<'py>,
        instruction: String,
        paths: Option<Paths>,
        repo: Option<RepoOrPath<'py>>,
        new: bool,
        read: Option<Paths>,
        model: Option<ModelOrName<'py>>,
        options: Option<&Bound<'py, PyDict>>,
        seed: u64,
        effort: Option<&str>,
        progress: Option<Py<PyAny>>,
        cancel: Option<&Bound<'py, PyCancel>>,
    ) -> PyResult<Edit> {
        let repo = self.at(py, repo)?;
        Repo::edit(repo, instruction, paths, new, read, model, options, seed, effort, progress, cancel)
    }

    /// Answer a question about files; arguments and errors are those of :meth:`Repo.explain`.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (question, paths=None, *, repo=None, model=None, seed=0, cancel=None))]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        question: String,
        paths: Option<Paths>,
        repo: Option<RepoOrPath<'py>>,
        model: Option<ModelOrName<'py>>,
        seed: u64,
        cancel: Option<&Bound<'py, PyCancel>>,
    ) -> PyResult<String> {
        Repo::explain(self.at(py, repo)?, question, paths, model, seed, cancel)
    }

    /// The code that belongs at a position; arguments and errors are those of :meth:`Repo.complete`.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (path, line, column, *, repo=None, model=None, seed=0, cancel=None))]
    fn complete<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        line: usize,
        column: usize,
        repo: Option<RepoOrPath<'py>>,
        model: Option<ModelOrName<'py>>,
        seed: u64,
        cancel: Option<&Bound<'py, PyCancel>>,
    ) -> PyResult<String> {
        Repo::complete(self.at(py, repo)?, path, line, column, model, seed, cancel)
    }

    /// Watch a repository, also after a restart of the daemon.
    ///
    /// Raises :class:`RepositoryError` and :class:`DaemonError`.
    #[pyo3(signature = (repo=None, *, cancel=None))]
    fn watch(
        &self,
        py: Python<'_>,
        repo: Option<RepoOrPath<'_>>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Watched> {
        let root = root_of(py, &self.profile, repo)?;
        Ok(call(py, &self.profile, &cancel_of(cancel), move |client| client.watch(&root))?.into())
    }

    /// Watch it no more; ``False`` when it was not watched. Raises :class:`DaemonError`.
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
            repo => root_of(py, &self.profile, repo)?,
        };
        call(py, &self.profile, &cancel_of(cancel), move |client| client.unwatch(&root))
    }

    /// The repositories that are watched. Raises :class:`DaemonError`.
    #[pyo3(signature = (*, cancel=None))]
    fn watched(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Vec<Watched>> {
        let watched = call(py, &self.profile, &cancel_of(cancel), Connection::watched)?;
        Ok(watched.into_iter().map(Watched::from).collect())
    }

    /// The status of the daemon, as ``deepcoder status --json`` has it; ``None`` where none runs: it is not started.
    ///
    /// Raises :class:`DaemonError` when it does not answer.
    #[pyo3(signature = (*, cancel=None))]
    fn status<'py>(
        &self,
        py: Python<'py>,
        cancel: Option<&Bound<'py, PyCancel>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let socket = self.profile.folders().socket.clone();
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
        format!("Client({:?})", self.profile.folders().socket)
    }
}
