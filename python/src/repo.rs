//! `Repo`, `Edit`, and the history.

use crate::error::{Kind, raise};
use crate::model::Model;
use crate::surroundings::{now_ms, session};
use crate::wait::{PyCancel, cancel_of, cancelled, off_interpreter};
use deepcoder_pipeline::{Event, Policy, Run};
use deepcoder_session::{ApplyRun, CommitPlace, Overrides, Place, RepoError, Session, Side};
use deepcoder_types::{Cancel, Instruction, LanguageModel, RepoPath};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a check found.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
#[derive(Clone)]
pub(crate) struct Finding {
    path: String,
    severity: &'static str,
    message: String,
}

#[pymethods]
impl Finding {
    fn __repr__(&self) -> String {
        format!("Finding({:?}, {:?}, {:?})", self.path, self.severity, self.message)
    }
}

/// An edit in the history of a repository.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
pub(crate) struct HistoryEntry {
    id: String,
    title: String,
    created_ms: u64,
    state: &'static str,
    files: Vec<String>,
    undoable: bool,
    changed_since: Vec<String>,
    committed: Option<String>,
    note: Option<String>,
}

#[pymethods]
impl HistoryEntry {
    fn __repr__(&self) -> String {
        format!("HistoryEntry({:?}, {:?}, {:?})", self.id, self.title, self.state)
    }
}

/// A git repository.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Repo {
    inner: Arc<deepcoder_session::Repo>,
    session: Session,
    /// Loaded on first use, then kept.
    model: Mutex<Option<Arc<dyn LanguageModel>>>,
}

/// The `model` argument of [`Repo`].
#[derive(FromPyObject)]
enum ModelOrName<'py> {
    Model(Bound<'py, Model>),
    Name(String),
}

impl Repo {
    /// The work tree that `path` is in; its model is where `session` has it.
    pub(crate) fn open(
        py: Python<'_>,
        session: Session,
        path: Option<PathBuf>,
        model: Option<Arc<dyn LanguageModel>>,
    ) -> PyResult<Self> {
        let path = path.unwrap_or_else(|| PathBuf::from("."));
        let inner = off_interpreter(py, &Cancel::new(), |_| deepcoder_session::Repo::open(&session, &path))?;
        let inner = inner.map_err(|e| raise(py, kind_of(&e), &e))?;
        Ok(Self { inner: Arc::new(inner), session, model: Mutex::new(model) })
    }

    /// The canonical root.
    pub(crate) fn root_path(&self) -> &Path {
        self.inner.workspace().root()
    }

    fn model(&self, py: Python<'_>, cancel: &Cancel) -> PyResult<Arc<dyn LanguageModel>> {
        let loaded = off_interpreter(py, cancel, |cancel| {
            let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(model) = &*model {
                return Ok(Arc::clone(model));
            }
            let loaded = self.session.model(&self.session.settings().model, cancel)?;
            Ok(Arc::clone(model.insert(loaded)))
        })?;
        let model = loaded.map_err(|e: deepcoder_session::ModelError| raise(py, Kind::Model, &e))?;
        crate::error::warn(py, model.info())?;
        Ok(model)
    }

    fn path(&self, py: Python<'_>, path: PathBuf) -> PyResult<RepoPath> {
        let workspace = self.inner.workspace();
        let path = workspace.resolve(workspace.root(), &text_of(path)?);
        path.map_err(|e| raise(py, Kind::Repository, &e))
    }

    fn instruction(verb: &str, prompt: String, seed: u64) -> Instruction {
        Instruction {
            id: format!("{:x}", now_ms()),
            verb: verb.into(),
            prompt,
            targets: Vec::new(),
            reads: Vec::new(),
            selection: None,
            options: serde_json::json!({}),
            seed,
        }
    }

    /// Resolve the paths, load the model and run the plugin of the verb.
    fn run(
        &self,
        py: Python<'_>,
        mut instruction: Instruction,
        paths: Option<Vec<PathBuf>>,
        progress: Option<&Py<PyAny>>,
        cancel: &Cancel,
    ) -> PyResult<Run> {
        let new = instruction.verb == "edit";
        let typed = paths.into_iter().flatten().map(text_of).collect::<PyResult<Vec<_>>>()?;
        let root = self.inner.workspace().root();
        let targets = self.inner.targets(root, &typed, new).map_err(|e| raise(py, kind_of(&e), &e))?;
        let mut policy = Policy::default();
        if !targets.is_empty() {
            policy = policy.writing_only(&targets);
            instruction.targets = targets;
        }
        let model = self.model(py, cancel)?;
        if instruction.verb == "complete" {
            crate::error::warn_of_fill(py, model.info())?;
        }
        let run = off_interpreter(py, cancel, |cancel| {
            let mut failed = None;
            let run = self.inner.run(model, &instruction, policy, cancel, &mut |event| {
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

pub(crate) fn text_of(path: PathBuf) -> PyResult<String> {
    let not_utf8 = |path| PyValueError::new_err(format!("{} is not UTF-8", PathBuf::from(path).display()));
    path.into_os_string().into_string().map_err(not_utf8)
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
        let (name, model) = match model {
            Some(ModelOrName::Model(model)) => (None, Some(model.get().shared())),
            Some(ModelOrName::Name(name)) => (Some(name), None),
            None => (None, None),
        };
        let session = session(py, &Overrides { model: name, ..Overrides::default() })?;
        Self::open(py, session, path, model)
    }

    #[getter]
    fn root(&self) -> PyResult<&str> {
        let root = self.inner.workspace().root();
        root.to_str().ok_or_else(|| PyValueError::new_err(format!("{} is not UTF-8", root.display())))
    }

    #[pyo3(signature = (instruction, paths=None, *, seed=0, progress=None, cancel=None))]
    fn edit(
        &self,
        py: Python<'_>,
        instruction: String,
        paths: Option<Vec<PathBuf>>,
        seed: u64,
        progress: Option<Py<PyAny>>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Edit> {
        let cancel = cancel_of(cancel);
        let run =
            self.run(py, Self::instruction("edit", instruction.clone(), seed), paths, progress.as_ref(), &cancel)?;
        Ok(Edit { repo: Arc::clone(&self.inner), run, instruction, applied: Mutex::new(None) })
    }

    #[pyo3(signature = (question, paths=None, *, seed=0, cancel=None))]
    fn explain(
        &self,
        py: Python<'_>,
        question: String,
        paths: Option<Vec<PathBuf>>,
        seed: u64,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<String> {
        let cancel = cancel_of(cancel);
        let run = self.run(py, Self::instruction("explain", question, seed), paths, None, &cancel)?;
        Ok(run.answer.map(|answer| answer.text).unwrap_or_default())
    }

    #[pyo3(signature = (path, line, column, *, seed=0, cancel=None))]
    fn complete(
        &self,
        py: Python<'_>,
        path: PathBuf,
        line: usize,
        column: usize,
        seed: u64,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<String> {
        let cancel = cancel_of(cancel);
        let mut instruction = Self::instruction("complete", String::new(), seed);
        let (root, place) = (self.inner.workspace().root(), Place { line, column });
        let found = self.inner.find_place(root, &text_of(path)?, place);
        let (path, offset) = found.map_err(|e| raise(py, Kind::Repository, &e))?;
        instruction.targets = vec![path];
        instruction.selection = Some(deepcoder_types::TextRange::new(offset, offset));
        let run = self.run(py, instruction, None, None, &cancel)?;
        Ok(run.answer.map(|answer| answer.text).unwrap_or_default())
    }

    #[pyo3(signature = (id=None, *, cancel=None))]
    fn undo(&self, py: Python<'_>, id: Option<String>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<String> {
        let cancel = cancel_of(cancel);
        let undone = off_interpreter(py, &cancel, |cancel| self.inner.undo(id.as_deref(), now_ms(), cancel))?;
        undone.map(|undone| undone.id).map_err(|e| raise(py, Kind::Edit, &e))
    }

    #[pyo3(signature = (id, paths, *, state="before", cancel=None))]
    fn restore(
        &self,
        py: Python<'_>,
        id: String,
        paths: Vec<PathBuf>,
        state: &str,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Option<String>> {
        let side = side_of(state)?;
        let paths = paths.into_iter().map(|path| self.path(py, path)).collect::<PyResult<Vec<_>>>()?;
        let cancel = cancel_of(cancel);
        let restored = off_interpreter(py, &cancel, |cancel| self.inner.restore(&id, &paths, side, now_ms(), cancel))?;
        restored.map(|restored| restored.id).map_err(|e| raise(py, Kind::Edit, &e))
    }

    #[pyo3(signature = (id, path, *, state="before"))]
    fn file_of(&self, py: Python<'_>, id: String, path: PathBuf, state: &str) -> PyResult<Option<Vec<u8>>> {
        let side = side_of(state)?;
        let path = self.path(py, path)?;
        let image = off_interpreter(py, &Cancel::new(), |_| self.inner.image(&id, &path, side))?;
        image.map(|image| image.map(|image| image.bytes)).map_err(|e| raise(py, Kind::Edit, &e))
    }

    #[pyo3(signature = (limit=50))]
    fn log(&self, py: Python<'_>, limit: usize) -> PyResult<Vec<HistoryEntry>> {
        let log = off_interpreter(py, &Cancel::new(), |_| self.inner.log(limit))?;
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

    fn __repr__(&self) -> PyResult<String> {
        Ok(format!("Repo({:?})", self.root()?))
    }
}

/// A proposed edit.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Edit {
    repo: Arc<deepcoder_session::Repo>,
    run: Run,
    instruction: String,
    applied: Mutex<Option<String>>,
}

#[pymethods]
impl Edit {
    #[getter]
    fn title(&self) -> &str {
        self.run.edit_set.as_ref().map_or("", |set| &set.title)
    }

    #[getter]
    fn diff(&self) -> &str {
        &self.run.diff
    }

    #[getter]
    fn files(&self) -> Vec<String> {
        self.run.edit_set.iter().flat_map(|set| &set.files).map(|file| file.path.to_string()).collect()
    }

    fn text_of(&self, path: &str) -> Option<String> {
        let file = self.run.edit_set.iter().flat_map(|set| &set.files).find(|file| file.path.as_str() == path)?;
        Some(String::from_utf8_lossy(&file.new.as_ref()?.bytes).into_owned())
    }

    #[getter]
    fn changed(&self) -> bool {
        self.run.changes()
    }

    #[getter]
    fn verified(&self) -> bool {
        self.run.verified()
    }

    #[getter]
    fn findings(&self) -> Vec<Finding> {
        let found = self.run.verification.iter().flat_map(|verification| &verification.findings);
        found
            .map(|finding| Finding {
                path: finding.path.to_string(),
                severity: match finding.severity {
                    deepcoder_verify::Severity::Error => "error",
                    deepcoder_verify::Severity::Review => "review",
                    deepcoder_verify::Severity::Warning => "warning",
                },
                message: finding.message.clone(),
            })
            .collect()
    }

    #[getter]
    fn id(&self) -> Option<String> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[pyo3(signature = (*, unverified=false, commit=false, branch=None, worktree=None, cancel=None))]
    fn apply(
        &self,
        py: Python<'_>,
        unverified: bool,
        commit: bool,
        branch: Option<String>,
        worktree: Option<PathBuf>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Option<String>> {
        if !commit && (branch.is_some() || worktree.is_some()) {
            return Err(PyValueError::new_err("branch and worktree go with commit=True"));
        }
        let how = ApplyRun { now_ms: now_ms(), unverified, protected: false };
        let elsewhere = worktree.is_some();
        let place = CommitPlace { branch, work_tree: worktree };
        let applied = off_interpreter(py, &cancel_of(cancel), |cancel| {
            if !commit {
                return Ok(self.repo.apply(&self.run, how, cancel)?.map(|applied| applied.id));
            }
            let landed = self.repo.apply_and_commit(&self.run, &self.instruction, &place, how, cancel);
            Ok(landed?.map(|landed| landed.applied.id))
        })?;
        let here = |id: &String| {
            // In a work tree of its own it is not for this repository's history to undo.
            if !elsewhere {
                *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.clone());
            }
        };
        match applied {
            Ok(id) => {
                id.iter().for_each(here);
                Ok(id)
            }
            Err(error) => {
                if let RepoError::NotCommitted { id, .. } = &error {
                    here(id);
                }
                Err(raise(py, kind_of(&error), &error))
            }
        }
    }

    #[pyo3(signature = (*, cancel=None))]
    fn undo(&self, py: Python<'_>, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<()> {
        let Some(id) = self.id() else {
            return Err(crate::error::with_hint(py, Kind::Edit, "the edit is not applied", None));
        };
        let undone = off_interpreter(py, &cancel_of(cancel), |cancel| self.repo.undo(Some(&id), now_ms(), cancel))?;
        undone.map_err(|e| raise(py, kind_of(&e), &e))?;
        *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn _repr_html_(&self) -> String {
        crate::html::diff(&self.run.diff)
    }

    fn __str__(&self) -> &str {
        &self.run.diff
    }

    fn __repr__(&self) -> String {
        format!("Edit({:?}, files={:?})", self.title(), self.files())
    }
}
