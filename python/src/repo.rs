//! `Repo` and its history.

use crate::args::{ModelOrName, Paths, json_of, text_of};
use crate::edit::Edit;
use crate::error::{Kind, raise, with_hint};
use crate::fork::{Owned, Slot};
use crate::model::Model;
use crate::surroundings::{now_ms, request_id, session};
use crate::wait::{PyCancel, cancel_of, cancelled, off_interpreter};
use deepcoder_pipeline::{Event, Policy, Run};
use deepcoder_session::{Overrides, Place, RepoError, Session, Side};
use deepcoder_types::{Cancel, Hint as _, Instruction, LanguageModel, RepoPath};
use deepcoder_workspace::ResolveError;
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

/// Models that were loaded by name, which threads wait for while one loads.
type Loaded = Arc<Mutex<HashMap<String, Arc<dyn LanguageModel>>>>;

/// A git repository.
///
/// ``path``: the repository is the one whose work tree it is in; ``None`` is the working directory.
/// ``model``: a loaded model, the name of one, or ``None`` for the default; loaded on first use, then kept.
///
/// Threads may share it. A forked child may use it as well: it opens the history and loads models of its own.
/// Raises :class:`RepositoryError` when ``path`` is in no repository.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Repo {
    slot: Arc<Slot>,
    root: PathBuf,
    session: Session,
    /// The model that the user gave.
    given: Option<Py<Model>>,
    /// Those that were asked for by name, loaded on first use and then kept.
    loaded: Mutex<Owned<Loaded>>,
}

/// The arguments of a verb.
#[derive(Default)]
struct Request<'a, 'py> {
    paths: Option<Paths>,
    new: bool,
    read: Option<Paths>,
    model: Option<ModelOrName<'py>>,
    progress: Option<&'a Py<PyAny>>,
}

impl Repo {
    /// The work tree that `path` is in; its model is where `session` has it.
    pub(crate) fn new_at(
        py: Python<'_>,
        session: Session,
        path: Option<PathBuf>,
        given: Option<Py<Model>>,
    ) -> PyResult<Self> {
        let path = path.unwrap_or_else(|| PathBuf::from("."));
        let opened = opened(py, &session, &path)?;
        let root = opened.workspace().root().to_owned();
        let slot = Slot::new(opened).map_err(|e| raise(py, Kind::Repository, &e))?;
        Ok(Self { slot, root, session, given, loaded: Mutex::new(Owned::new(Loaded::default())) })
    }

    /// The canonical root.
    pub(crate) fn root_path(&self) -> &Path {
        &self.root
    }

    /// The repository, opened again where it was closed for a fork.
    pub(crate) fn open(&self, py: Python<'_>) -> PyResult<Arc<deepcoder_session::Repo>> {
        match self.slot.get().map_err(|e| raise(py, Kind::Repository, &e))? {
            Some(open) => Ok(open),
            None => Ok(self.slot.put(opened(py, &self.session, &self.root)?)),
        }
    }

    /// The models of this process.
    fn loaded(&self) -> Loaded {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = loaded.get() {
            return Arc::clone(own);
        }
        let fresh = Loaded::default();
        *loaded = Owned::new(Arc::clone(&fresh));
        fresh
    }

    fn model(
        &self,
        py: Python<'_>,
        asked: Option<ModelOrName<'_>>,
        cancel: &Cancel,
    ) -> PyResult<Arc<dyn LanguageModel>> {
        let name = match (asked, &self.given) {
            (Some(ModelOrName::Model(model)), _) => return model.get().shared(py),
            (Some(ModelOrName::Name(name)), _) => name,
            (None, Some(given)) => return given.get().shared(py),
            (None, None) => self.session.settings().model.clone(),
        };
        let loaded = self.loaded();
        crate::exit::engine_loaded();
        let model = off_interpreter(py, cancel, |cancel| {
            let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(model) = loaded.get(&name) {
                return Ok(Arc::clone(model));
            }
            let model = self.session.model(&name, cancel)?;
            loaded.insert(name, Arc::clone(&model));
            Ok(model)
        })?;
        let model = model.map_err(|e: deepcoder_session::ModelError| raise(py, Kind::Model, &e))?;
        crate::error::warn(py, model.info())?;
        Ok(model)
    }

    fn path(&self, py: Python<'_>, path: PathBuf) -> PyResult<RepoPath> {
        let repo = self.open(py)?;
        let workspace = repo.workspace();
        let path = workspace.resolve(workspace.root(), &text_of(path)?);
        path.map_err(|e| raise(py, Kind::Repository, &e))
    }

    fn instruction(verb: &str, prompt: String, seed: u64) -> Instruction {
        Instruction {
            id: request_id(),
            verb: verb.into(),
            prompt,
            targets: Vec::new(),
            reads: Vec::new(),
            selection: None,
            options: serde_json::json!({}),
            seed,
        }
    }

    /// The files that `paths` mean, which exist unless `new` files are wanted.
    fn targets(
        &self,
        py: Python<'_>,
        repo: &deepcoder_session::Repo,
        paths: Option<Paths>,
        new: bool,
    ) -> PyResult<Vec<RepoPath>> {
        let found = repo.targets(&self.root, &paths.unwrap_or_default().texts()?, new);
        found.map_err(|error| match &error {
            RepoError::Resolve(ResolveError::NothingMatched { .. }) if !new => {
                let hint = "new=True lets an edit make a file that does not exist";
                let hint = error.hint().map_or_else(|| hint.to_owned(), |other| format!("{other}? {hint}"));
                with_hint(py, Kind::Repository, &error.to_string(), Some(hint))
            }
            error => raise(py, kind_of(error), error),
        })
    }

    /// Resolve the paths, load the model and run the plugin of the verb.
    fn run(
        &self,
        py: Python<'_>,
        mut instruction: Instruction,
        request: Request<'_, '_>,
        cancel: &Cancel,
    ) -> PyResult<Run> {
        let Request { paths, new, read, model, progress } = request;
        let repo = self.open(py)?;
        // An edit that was interrupted is brought to an end before the tree is read. Where that cannot be done, nothing can
        // be applied either, which is said then.
        if instruction.verb == "edit" {
            _ = off_interpreter(py, cancel, |_| repo.recover())?;
        }
        let targets = self.targets(py, &repo, paths, new)?;
        let reads = self.targets(py, &repo, read, false)?;
        for files in [&targets, &reads] {
            repo.check_readable(files).map_err(|e| raise(py, kind_of(&e), &e))?;
        }
        let mut policy = Policy::default();
        if !targets.is_empty() {
            policy = policy.writing_only(&targets);
            instruction.targets = targets;
        }
        instruction.reads = reads.into_iter().filter(|path| !instruction.targets.contains(path)).collect();
        let model = self.model(py, model, cancel)?;
        if instruction.verb == "complete" {
            crate::error::warn_of_fill(py, model.info())?;
        }
        let run = off_interpreter(py, cancel, |cancel| {
            let mut failed = None;
            let run = repo.run(model, &instruction, policy, cancel, &mut |event| {
                if let Some(progress) = progress
                    && failed.is_none()
                    && let Some(line) = line_of(&event)
                {
                    // An exception of the callback ends the work and is raised from the call.
                    failed = Python::attach(|py| progress.call1(py, (line,))).err();
                    if failed.is_some() {
                        cancel.cancel();
                    }
                }
            });
            (run, failed)
        })?;
        match run {
            (_, Some(error)) => Err(error),
            (Ok(_), None) if cancel.is_cancelled() => Err(cancelled()),
            (Ok(run), None) => Ok(run),
            (Err(_), None) if cancel.is_cancelled() => Err(cancelled()),
            (Err(error), None) => Err(raise(py, Kind::Edit, &error)),
        }
    }
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
fn opened(py: Python<'_>, session: &Session, path: &Path) -> PyResult<Arc<deepcoder_session::Repo>> {
    let opened = off_interpreter(py, &Cancel::new(), |_| deepcoder_session::Repo::open(session, path))?;
    opened.map(Arc::new).map_err(|e| raise(py, kind_of(&e), &e))
}

/// What a progress callback is told.
fn line_of(event: &Event) -> Option<String> {
    match event {
        Event::Targets(files) => {
            let names: Vec<_> = files.iter().map(ToString::to_string).collect();
            Some(format!("chose {}", names.join(", ")))
        }
        Event::Gathered { notes, .. } if !notes.is_empty() => Some(notes.join("; ")),
        Event::Generating { call, .. } => Some(format!("asking the model (call {call})")),
        Event::Progress { message, .. } => Some(message.clone()),
        Event::Generated { usage, timing } => {
            Some(format!("{} tokens, {:.0} tokens/s", usage.completion_tokens, timing.decode_tps))
        }
        _ => None,
    }
}

pub(crate) fn kind_of(error: &RepoError) -> Kind {
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
        let session = session(py, &Overrides { model: name, ..Overrides::default() })?;
        Self::new_at(py, session, path, given)
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
    /// ``progress`` is called with a line of text now and then; an exception of it ends the edit and is raised here.
    ///
    /// Raises :class:`RepositoryError` for a path that is outside, ignored or missing, :class:`ModelError` for a model that
    /// cannot be used, :class:`EditError` when no edit comes of it, and :class:`Cancelled`.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (instruction, paths=None, *, new=false, read=None, model=None, options=None, seed=0, progress=None,
        cancel=None))]
    pub(crate) fn edit(
        slf: Bound<'_, Self>,
        py: Python<'_>,
        instruction: String,
        paths: Option<Paths>,
        new: bool,
        read: Option<Paths>,
        model: Option<ModelOrName<'_>>,
        options: Option<&Bound<'_, PyDict>>,
        seed: u64,
        progress: Option<Py<PyAny>>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Edit> {
        let mut asked = Self::instruction("edit", instruction.clone(), seed);
        if let Some(options) = options {
            asked.options = json_of(options)?;
        }
        let request = Request { paths, new, read, model, progress: progress.as_ref() };
        let run = slf.get().run(py, asked, request, &cancel_of(cancel))?;
        Ok(Edit::new(slf.unbind(), run, instruction))
    }

    /// Answer a question about files, in words. ``paths`` and ``model`` are as in :meth:`edit`, and so are the errors.
    #[pyo3(signature = (question, paths=None, *, model=None, seed=0, cancel=None))]
    pub(crate) fn explain(
        &self,
        py: Python<'_>,
        question: String,
        paths: Option<Paths>,
        model: Option<ModelOrName<'_>>,
        seed: u64,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<String> {
        let request = Request { paths, model, ..Request::default() };
        let run = self.run(py, Self::instruction("explain", question, seed), request, &cancel_of(cancel))?;
        Ok(run.answer.map(|answer| answer.text).unwrap_or_default())
    }

    /// The code that belongs at ``line`` and ``column``, both from 1, the column in characters.
    ///
    /// Raises :class:`RepositoryError` when there is no such place, and as :meth:`edit` does.
    #[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    #[pyo3(signature = (path, line, column, *, model=None, seed=0, cancel=None))]
    pub(crate) fn complete(
        &self,
        py: Python<'_>,
        path: PathBuf,
        line: usize,
        column: usize,
        model: Option<ModelOrName<'_>>,
        seed: u64,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<String> {
        let mut instruction = Self::instruction("complete", String::new(), seed);
        let (repo, place) = (self.open(py)?, Place { line, column });
        let found = repo.find_place(&self.root, &text_of(path)?, place);
        let (path, offset) = found.map_err(|e| raise(py, Kind::Repository, &e))?;
        instruction.targets = vec![path];
        instruction.selection = Some(deepcoder_types::TextRange::new(offset, offset));
        let run = self.run(py, instruction, Request { model, ..Request::default() }, &cancel_of(cancel))?;
        Ok(run.answer.map(|answer| answer.text).unwrap_or_default())
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
        let entry = |entry: deepcoder_apply::LogEntry| HistoryEntry {
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
