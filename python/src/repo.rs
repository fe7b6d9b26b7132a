//! `Repo` and its history.

use crate::args::{ModelOrName, Paths, json_of, text_of};
use crate::edit::Edit;
use crate::error::{Kind, raise, refused};
use crate::fork::{Owned, Slot};
use crate::model::Model;
use crate::refactor::Refactor;
use crate::surroundings::{now_ms, repo_profile};
use crate::task::{Handle, Task, Teller, Trouble, checked};
use crate::wait::{PyCancel, cancel_of, off_interpreter};
use deepcoder_app::{App, OneModel, RepoError, Side, known_tasks, submit};
use deepcoder_profile::{Overrides, Profile, Role};
use deepcoder_protocol::{Failure, Models, Tasks};
use deepcoder_types::{
    Cancel, Delivery, Effort, Event, GenerateError, JobState, LanguageModel, Level, Position, RepoPath, Request,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// An edit in the history of a repository.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
pub(crate) struct HistoryEntry {
    /// Its id: 16 hexadecimal digits, or the id of the job that made it.
    id: String,
    /// One line.
    title: String,
    /// When it was made, in milliseconds since 1970 (UTC).
    created_ms: u64,
    /// ``applied``, ``undone``, ``pending`` (being written) or ``conflict`` (given up, because another program wrote to its files).
    state: &'static str,
    /// The files that it changed, relative to the root.
    files: Vec<String>,
    /// Whether undoing it would go well now: it is in effect and none of its files was changed since.
    undoable: bool,
    /// Files of an edit in effect that were changed since, relative to the root.
    changed_since: Vec<String>,
    /// The full id of the commit that it was put into on request.
    committed: Option<String>,
    /// Anything out of the ordinary, in words.
    note: Option<String>,
}

#[pymethods]
impl HistoryEntry {
    fn __repr__(&self) -> String {
        format!("HistoryEntry({:?}, {:?}, {:?})", self.id, self.title, self.state)
    }
}

/// The models of this process, loaded by name on first use and then kept. Threads wait for each other while one loads.
struct Loaded {
    profile: Profile,
    models: Mutex<HashMap<String, Arc<dyn LanguageModel>>>,
}

impl Models for Loaded {
    fn interactive(&self, name: Option<&str>, cancel: &Cancel) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        crate::exit::engine_loaded();
        let role = self.profile.model_for(Role::Edit);
        let name = name.unwrap_or(&role);
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = models.get(name) {
            return Ok(Arc::clone(model));
        }
        let model = self.profile.model(name, cancel)?;
        models.insert(name.to_owned(), Arc::clone(&model));
        Ok(model)
    }

    fn background(&self, name: Option<&str>, _: &Path) -> Result<Arc<dyn LanguageModel>, GenerateError> {
        self.interactive(name, &Cancel::new())
    }
}

/// A git repository.
///
/// ``path``: the repository is the one whose work tree it is in; ``None`` is the working directory.
/// ``model``: a loaded model, which works in this process; or the name of one, or ``None`` for the default, which the daemon
/// has, unless ``DEEPCODER_NO_DAEMON`` or ``daemon = false`` says that this process loads it.
///
/// Threads may share it. A forked child may use it as well: it opens the history and loads models of its own.
/// Raises :class:`RepositoryError` when ``path`` is in no repository.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Repo {
    slot: Arc<Slot>,
    root: PathBuf,
    profile: Profile,
    /// The model that the user gave.
    given: Option<Py<Model>>,
    /// The application in this process.
    app: Mutex<Owned<App>>,
}

impl Repo {
    /// The work tree that `path` is in; its model is where `profile` has it.
    pub(crate) fn new_at(
        py: Python<'_>,
        profile: Profile,
        path: Option<PathBuf>,
        given: Option<Py<Model>>,
    ) -> PyResult<Self> {
        let path = path.unwrap_or_else(|| PathBuf::from("."));
        let opened = opened(py, &profile, &path)?;
        let root = opened.workspace().root().to_owned();
        let slot = Slot::new(opened).map_err(|e| raise(py, Kind::Repository, &e))?;
        let app = Mutex::new(Owned::new(app(&profile)));
        Ok(Self { slot, root, profile, given, app })
    }

    /// The canonical root.
    pub(crate) fn root_path(&self) -> &Path {
        &self.root
    }

    /// The repository, opened again where it was closed for a fork.
    pub(crate) fn open(&self, py: Python<'_>) -> PyResult<Arc<deepcoder_app::Repo>> {
        match self.slot.get().map_err(|e| raise(py, Kind::Repository, &e))? {
            Some(open) => Ok(open),
            None => Ok(self.slot.put(opened(py, &self.profile, &self.root)?)),
        }
    }

    /// The application in this process.
    pub(crate) fn app(&self) -> App {
        let mut own = self.app.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(app) = own.get() {
            return app.clone();
        }
        let fresh = app(&self.profile);
        *own = Owned::new(fresh.clone());
        fresh
    }

    /// The tasks that are known without starting anything.
    pub(crate) fn known(&self) -> Arc<dyn Tasks> {
        known_tasks(&self.profile, || self.app())
    }

    /// Ask what is known, without starting anything.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        cancel: Option<&Bound<'_, PyCancel>>,
        what: impl FnOnce(&dyn Tasks, &Path) -> Result<T, Failure> + Send,
    ) -> PyResult<(Arc<dyn Tasks>, T)> {
        let answer = off_interpreter(py, &cancel_of(cancel), |_| {
            let tasks = self.known();
            let answer = what(&*tasks, &self.root)?;
            Ok((tasks, answer))
        })?;
        answer.map_err(|failure| refused(py, &failure))
    }

    fn path(&self, py: Python<'_>, path: PathBuf) -> PyResult<RepoPath> {
        let repo = self.open(py)?;
        let workspace = repo.workspace();
        let path = workspace.resolve(workspace.root(), &text_of(path)?);
        path.map_err(|e| raise(py, Kind::Repository, &e))
    }

    pub(crate) fn request(&self, verb: &str, prompt: String, paths: Option<Paths>, seed: u64) -> PyResult<Request> {
        Ok(Request {
            verb: verb.to_owned(),
            prompt,
            directory: self.root.clone(),
            paths: paths.unwrap_or_default().texts()?,
            seed,
            delivery: Delivery::Show,
            origin: "python".to_owned(),
            ..Request::default()
        })
    }

    /// Carry `request` out, in the daemon or here, until its task no longer runs.
    pub(crate) fn carry_out(
        slf: &Bound<'_, Self>,
        mut request: Request,
        model: Option<ModelOrName<'_>>,
        progress: Option<&Py<PyAny>>,
        cancel: &Cancel,
    ) -> PyResult<Handle> {
        let (repo, py) = (slf.get(), slf.py());
        let given = match (model, &repo.given) {
            (Some(ModelOrName::Model(model)), _) => Some(model.get().shared(py)?),
            (Some(ModelOrName::Name(name)), _) => {
                request.model = Some(name);
                None
            }
            (None, Some(given)) => Some(given.get().shared(py)?),
            (None, None) => None,
        };
        let name = given.as_ref().map(|model| model.info().name.clone());
        request.model = request.model.or(name).or_else(|| Some(repo.profile.model_for(Role::of_verb(&request.verb))));
        let (open, stop) = (repo.open(py)?, cancel.child());
        let mut teller = Teller { progress, stop: stop.clone(), failed: None };
        let mut warnings = Vec::new();
        let done = off_interpreter(py, cancel, |_| {
            let (tasks, here, task): (Arc<dyn Tasks>, bool, _) = match given {
                Some(model) => {
                    let app = App::here(repo.profile.clone(), Arc::new(OneModel(model)), Arc::new(now_ms));
                    let task = app.submit(request)?;
                    (Arc::new(app), true, task)
                }
                None => submit(&repo.profile, request, || repo.app())?,
            };
            // In use, so that a fork meanwhile knows of it.
            let open = here.then_some(open);
            let id = task.id;
            let mut seen = 0;
            let followed = tasks.follow(&id, 0, &stop, &mut |event| {
                seen = event.seq;
                if let Event::Log { level: Level::Warn, message } = &event.event {
                    warnings.push(message.clone());
                }
                teller.tell(&event.event);
            });
            let task = match followed {
                Err(Failure::Cancelled) => {
                    tasks.cancel(&id)?;
                    // It ends within a step: when this returns nothing of it goes on.
                    let task = tasks.follow(&id, seen, &Cancel::new(), &mut |_| {})?;
                    // It may have ended with a result all the same, which no caller will decide about.
                    _ = tasks.forget(&id);
                    deepcoder_types::Task { state: JobState::Cancelled, ..task }
                }
                task => task?,
            };
            drop(open);
            Ok::<_, Trouble>((tasks, here, task))
        })?;
        if let Some(error) = teller.failed {
            return Err(error);
        }
        let (tasks, here, task) = done.map_err(|error| error.raise(py))?;
        let handle = Handle::new(slf.clone().unbind(), tasks, here, task);
        checked(py, &handle.task())?;
        crate::error::warn_of(py, &warnings)?;
        Ok(handle)
    }
}

/// The application with the models of this process.
fn app(profile: &Profile) -> App {
    let models = Loaded { profile: profile.clone(), models: Mutex::default() };
    App::here(profile.clone(), Arc::new(models), Arc::new(now_ms))
}

fn side_of(state: &str) -> PyResult<Side> {
    match state {
        "before" => Ok(Side::Before),
        "after" => Ok(Side::After),
        "kept" => Ok(Side::Kept),
        _ => Err(PyValueError::new_err(format!("state is {state:?}, but must be 'before', 'after' or 'kept'"))),
    }
}

/// Open the work tree that `path` is in.
fn opened(py: Python<'_>, profile: &Profile, path: &Path) -> PyResult<Arc<deepcoder_app::Repo>> {
    let opened = off_interpreter(py, &Cancel::new(), |_| deepcoder_app::Repo::open(profile, path))?;
    opened.map(Arc::new).map_err(|e| raise(py, kind_of(&e), &e))
}

fn kind_of(error: &RepoError) -> Kind {
    match error {
        RepoError::Open(_) | RepoError::Resolve(_) => Kind::Repository,
        _ => Kind::Edit,
    }
}

#[pymethods]
impl Repo {
    #[new]
    #[pyo3(signature = (path=None, *, model=None))]
    fn new(py: Python<'_>, path: Option<PathBuf>, model: Option<ModelOrName<'_>>) -> PyResult<Self> {
        let (name, given) = match model {
            Some(ModelOrName::Model(model)) => (None, Some(model.unbind())),
            Some(ModelOrName::Name(name)) => (Some(name), None),
            None => (None, None),
        };
        let profile = repo_profile(py, &Overrides { model: name, ..Overrides::default() })?;
        Self::new_at(py, profile, path, given)
    }

    /// Absolute path of the work tree.
    #[getter]
    fn root(&self) -> &OsStr {
        self.root.as_os_str()
    }

    /// Propose an edit. Nothing is written before :meth:`Edit.apply`.
    ///
    /// ``paths``: one path or several, relative to :attr:`root` (or absolute, inside it): files, folders or globs; without
    /// them the files are found by the words of the instruction. With ``new``, a path that does not exist is a file that
    /// the edit may make. ``read``: files that the model may see and does not change.
    /// ``model``: a loaded model, or the name of one, for this edit; ``None`` is that of the repository.
    /// ``options``: free options of the plugin, as ``--option KEY=VALUE`` of the command line.
    /// ``effort``: how much work it is worth, ``"quick"``, ``"normal"`` or ``"thorough"``; ``None`` is the setting.
    /// ``progress`` is called with a line of text now and then; an exception of it ends the edit and is raised here.
    ///
    /// Raises :class:`RepositoryError` for a path that is outside, ignored or missing, :class:`ModelError` for a model that
    /// cannot be used, :class:`EditError` when no edit comes of it, and :class:`Cancelled`.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (instruction, paths=None, *, new=false, read=None, model=None, options=None, seed=0, effort=None,
        progress=None, cancel=None))]
    pub(crate) fn edit(
        slf: Bound<'_, Self>,
        instruction: String,
        paths: Option<Paths>,
        new: bool,
        read: Option<Paths>,
        model: Option<ModelOrName<'_>>,
        options: Option<&Bound<'_, PyDict>>,
        seed: u64,
        effort: Option<&str>,
        progress: Option<Py<PyAny>>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Edit> {
        let mut request = slf.get().request("edit", instruction, paths, seed)?;
        request.new_files = new;
        request.effort = effort_of(effort)?;
        request.reads = read.unwrap_or_default().texts()?;
        request.params = options.map(json_of).transpose()?.unwrap_or_default();
        request.delivery = Delivery::Review;
        Self::carry_out(&slf, request, model, progress.as_ref(), &cancel_of(cancel)).map(Edit)
    }

    /// Carry out any verb of a plugin, with its parameters as keywords: ``repo.run("explain", "why?", ["a.py"])``.
    ///
    /// ``words``, ``paths`` and ``model`` are as in :meth:`edit`. Returns an :class:`Edit` where the verb proposes a change,
    /// and otherwise its answer. Raises :class:`EditError` for a verb or a parameter that does not exist, and as
    /// :meth:`edit` does.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (verb, words="", paths=None, *, model=None, seed=0, cancel=None, **params))]
    fn run(
        slf: Bound<'_, Self>,
        py: Python<'_>,
        verb: &str,
        words: &str,
        paths: Option<Paths>,
        model: Option<ModelOrName<'_>>,
        seed: u64,
        cancel: Option<&Bound<'_, PyCancel>>,
        params: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let mut request = slf.get().request(verb, words.trim().to_owned(), paths, seed)?;
        request.params = params.map(json_of).transpose()?.unwrap_or_default();
        request.delivery = Delivery::Review;
        let handle = Self::carry_out(&slf, request, model, None, &cancel_of(cancel))?;
        handle.edit_or_answer(py)
    }

    /// Refactorings that are exact, without a model: ``repo.refactor.rename("bank.transfer", "move_money")``.
    #[getter]
    fn refactor(slf: Bound<'_, Self>) -> Refactor {
        Refactor { repo: slf.unbind() }
    }

    /// Answer a question about files, in words. ``paths`` and ``model`` are as in :meth:`edit`, and so are the errors.
    #[pyo3(signature = (question, paths=None, *, model=None, seed=0, cancel=None))]
    pub(crate) fn explain(
        slf: Bound<'_, Self>,
        question: String,
        paths: Option<Paths>,
        model: Option<ModelOrName<'_>>,
        seed: u64,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<String> {
        let request = slf.get().request("explain", question, paths, seed)?;
        let handle = Self::carry_out(&slf, request, model, None, &cancel_of(cancel))?;
        Ok(handle.of(|result| Some(result.answer.as_ref()?.text.clone())).unwrap_or_default())
    }

    /// The code that belongs at ``line`` and ``column``, both from 1, the column in characters.
    ///
    /// Raises :class:`RepositoryError` when there is no such place, and as :meth:`edit` does.
    #[pyo3(signature = (path, line, column, *, model=None, seed=0, cancel=None))]
    pub(crate) fn complete(
        slf: Bound<'_, Self>,
        path: PathBuf,
        line: usize,
        column: usize,
        model: Option<ModelOrName<'_>>,
        seed: u64,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<String> {
        let mut request = slf.get().request("complete", String::new(), None, seed)?;
        request.paths = vec![text_of(path)?];
        request.position = Some(Position { line, column });
        let handle = Self::carry_out(&slf, request, model, None, &cancel_of(cancel))?;
        Ok(handle.of(|result| Some(result.answer.as_ref()?.text.clone())).unwrap_or_default())
    }

    /// The tasks of this repository that are known, newest first: those that run, those whose result waits, and the latest
    /// that have ended. Nothing is started. Raises :class:`DaemonError`.
    #[pyo3(signature = (*, cancel=None))]
    fn tasks(slf: Bound<'_, Self>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Vec<Task>> {
        let (tasks, found) = slf.get().ask(slf.py(), cancel, |tasks, root| tasks.list(Some(root)))?;
        let task = |task| Task(Handle::new(slf.clone().unbind(), Arc::clone(&tasks), true, task));
        Ok(found.into_iter().map(task).collect())
    }

    /// One task, by its id or the beginning of it.
    ///
    /// Raises :class:`EditError` when there is none, or several, and :class:`DaemonError`.
    #[pyo3(signature = (id, *, cancel=None))]
    fn task(slf: Bound<'_, Self>, id: String, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Task> {
        let (tasks, task) = slf.get().ask(slf.py(), cancel, |tasks, _| tasks.get(&id))?;
        Ok(Task(Handle::new(slf.unbind(), tasks, true, task)))
    }

    /// Take an applied edit back, all files or none; returns its id.
    ///
    /// ``id``: the id or the beginning of it; ``None`` is the last edit that is in effect.
    /// Raises :class:`EditError` when there is no such edit, or a file of it was changed since.
    #[pyo3(signature = (id=None, *, cancel=None))]
    fn undo(&self, py: Python<'_>, id: Option<String>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<String> {
        let cancel = cancel_of(cancel);
        let repo = self.open(py)?;
        let undone = off_interpreter(py, &cancel, |cancel| repo.undo(id.as_deref(), now_ms(), cancel))?;
        undone.map(|undone| undone.id).map_err(|e| raise(py, Kind::Edit, &e))
    }

    /// Bring files back to what they were before (or after) an edit, whatever they are now.
    ///
    /// Returns the id that undoes this, or ``None`` where nothing had to be done. ``kept`` are bytes that another
    /// program wrote to the old file while the edit was applied.
    /// Raises :class:`EditError` when there is no such edit, or it has no such file.
    #[pyo3(signature = (id, paths, *, state="before", cancel=None))]
    fn restore(
        &self,
        py: Python<'_>,
        id: String,
        paths: Paths,
        state: &str,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Option<String>> {
        let side = side_of(state)?;
        let paths = paths.into_iter().map(|path| self.path(py, path)).collect::<PyResult<Vec<_>>>()?;
        let cancel = cancel_of(cancel);
        let repo = self.open(py)?;
        let restored = off_interpreter(py, &cancel, |cancel| repo.restore(&id, &paths, side, now_ms(), cancel))?;
        restored.map(|restored| restored.id).map_err(|e| raise(py, Kind::Edit, &e))
    }

    /// The bytes of a file before (or after) an edit; ``None`` where it did not exist.
    ///
    /// Raises :class:`EditError` when there is no such edit, or it has no such file.
    #[pyo3(signature = (id, path, *, state="before"))]
    fn file_of(&self, py: Python<'_>, id: String, path: PathBuf, state: &str) -> PyResult<Option<Vec<u8>>> {
        let side = side_of(state)?;
        let path = self.path(py, path)?;
        let repo = self.open(py)?;
        let image = off_interpreter(py, &Cancel::new(), |_| repo.image(&id, &path, side))?;
        image.map(|image| image.map(|image| image.bytes)).map_err(|e| raise(py, Kind::Edit, &e))
    }

    /// The edits of this repository, newest first, at most ``limit``.
    ///
    /// Raises :class:`EditError` when the history cannot be read.
    #[pyo3(signature = (limit=50))]
    fn log(&self, py: Python<'_>, limit: usize) -> PyResult<Vec<HistoryEntry>> {
        let repo = self.open(py)?;
        let log = off_interpreter(py, &Cancel::new(), |_| repo.log(limit))?;
        let log = log.map_err(|e| raise(py, Kind::Edit, &e))?;
        let entry = |entry: deepcoder_app::LogEntry| HistoryEntry {
            id: entry.id,
            title: entry.title,
            created_ms: entry.created_ms,
            state: entry.state.as_str(),
            files: entry.files.iter().map(|file| file.path.to_string()).collect(),
            undoable: entry.undoable,
            changed_since: entry.changed_since.iter().map(ToString::to_string).collect(),
            committed: entry.user_commit,
            note: entry.note,
        };
        Ok(log.into_iter().map(entry).collect())
    }

    fn __repr__(&self) -> String {
        format!("Repo({:?})", self.root)
    }
}

/// The effort of this name.
pub(crate) fn effort_of(name: Option<&str>) -> PyResult<Option<Effort>> {
    let Some(name) = name else { return Ok(None) };
    let known = || pyo3::exceptions::PyValueError::new_err("`effort` is \"quick\", \"normal\" or \"thorough\"");
    Effort::named(name).map(Some).ok_or_else(known)
}
