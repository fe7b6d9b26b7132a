//! `Repo.refactor`: the operations of the plugin as methods.

use crate::args::Paths;
use crate::edit::Edit;
use crate::repo::Repo;
use crate::task::Handle;
use crate::wait::{PyCancel, cancel_of};
use deepcoder_types::{Action, Delivery, REFACTOR};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What an operation would do at a place, or why it cannot.
#[pyclass(module = "deepcoder._core", frozen, get_all)]
pub(crate) struct Refactoring {
    /// Its name on the command line, such as ``extract-variable``.
    operation: String,
    /// What it does, in a few words.
    title: String,
    /// Its kind, as the Language Server Protocol names kinds of code actions, such as ``refactor.extract.variable``.
    kind: String,
    /// Why it is not possible there; ``None`` where it is.
    refused: Option<String>,
    /// How many texts it would change.
    places: u32,
    /// How many files it would change.
    files: u32,
    /// How many places a person should look at before it is applied. Without any it is exact.
    doubts: u32,
}

impl From<&Action> for Refactoring {
    fn from(action: &Action) -> Self {
        let Action { operation, title, kind, refused, places, files, doubts } = action.clone();
        Self { operation, title, kind, refused, places, files, doubts }
    }
}

#[pymethods]
impl Refactoring {
    fn __repr__(&self) -> String {
        match &self.refused {
            Some(why) => format!("Refactoring({:?}, refused={why:?})", self.operation),
            None => format!(
                "Refactoring({:?}, places={}, files={}, doubts={})",
                self.operation, self.places, self.files, self.doubts
            ),
        }
    }
}

/// Refactorings by the rules of the language: no model is asked, and none need be installed.
///
/// ``target``: ``"src/bank.py:12:5"``, a file with a line and a column, both from 1, the column in characters;
/// ``"src/bank.py:14:12-14:30"``, a selection; ``"src/bank.py:10-12"``, lines; or a name with as much of what is around it
/// as tells it from others: ``"transfer"``, ``"bank.transfer"``, ``"Book.transfer"``. ``paths``: only these files may
/// change.
///
/// Every method but :meth:`list` returns an :class:`Edit`: nothing is written before :meth:`Edit.apply`. Its applicability is
/// ``safe`` where every name means what it meant before, and ``needs-review`` where the text does not tell: then
/// :attr:`Edit.rationale` lists the places. What would break the code raises :class:`EditError`, and nothing changes.
#[pyclass(module = "deepcoder._core", frozen)]
pub(crate) struct Refactor {
    pub(crate) repo: Py<Repo>,
}

impl Refactor {
    /// Carries out words of the verb.
    fn carry_out(
        &self,
        py: Python<'_>,
        words: String,
        paths: Option<Paths>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Handle> {
        let repo = self.repo.bind(py);
        let mut request = repo.get().request(REFACTOR, words, paths, 0)?;
        request.delivery = Delivery::Review;
        Repo::carry_out(repo, request, None, None, &cancel_of(cancel))
    }

    fn edit(
        &self,
        py: Python<'_>,
        operation: &str,
        operands: &[Option<&str>],
        paths: Option<Paths>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Edit> {
        self.carry_out(py, words(operation, operands)?, paths, cancel).map(Edit)
    }
}

/// An operation with its operands quoted, so that no part of them is taken for a word of a request.
fn words(operation: &str, operands: &[Option<&str>]) -> PyResult<String> {
    let mut words = operation.to_owned();
    for operand in operands.iter().flatten() {
        if operand.is_empty() || operand.contains('`') {
            return Err(PyValueError::new_err(format!("{operand:?} can be neither a target nor a name")));
        }
        words.push_str(&format!(" `{operand}`"));
    }
    Ok(words)
}

#[pymethods]
impl Refactor {
    /// Give what is named at ``target`` another name, everywhere.
    #[pyo3(signature = (target, new_name, paths=None, *, cancel=None))]
    fn rename(
        &self,
        py: Python<'_>,
        target: &str,
        new_name: &str,
        paths: Option<Paths>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Edit> {
        self.edit(py, "rename", &[Some(target), Some(new_name)], paths, cancel)
    }

    /// Give the selected expression a name, in a declaration before its statement.
    ///
    /// ``name``: ``None`` is one that is free. ``all``: the same expression gets the name elsewhere in its block, too.
    #[pyo3(signature = (target, name=None, *, all=false, cancel=None))]
    fn extract_variable(
        &self,
        py: Python<'_>,
        target: &str,
        name: Option<&str>,
        all: bool,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Edit> {
        let everywhere = if all { " everywhere" } else { "" };
        let words = words("extract-variable", &[Some(target), name])? + everywhere;
        self.carry_out(py, words, None, cancel).map(Edit)
    }

    /// Make a function of the selected statements, lines or expression. ``name``: ``None`` is one that is free.
    #[pyo3(signature = (target, name=None, *, cancel=None))]
    fn extract_function(
        &self,
        py: Python<'_>,
        target: &str,
        name: Option<&str>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Edit> {
        self.edit(py, "extract-function", &[Some(target), name], None, cancel)
    }

    /// Put the value of what is named at ``target`` in the place of its name, everywhere, and take the declaration away.
    #[pyo3(signature = (target, *, cancel=None))]
    fn inline(&self, py: Python<'_>, target: &str, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Edit> {
        self.edit(py, "inline", &[Some(target)], None, cancel)
    }

    /// Rewrite what stands at ``target`` in another form that does the same: ``kind`` is a name such as ``"invert-if"``.
    ///
    /// :meth:`list` has the rewrites that apply at a place, as ``convert invert-if``.
    #[pyo3(signature = (target, kind, *, cancel=None))]
    fn convert(
        &self,
        py: Python<'_>,
        target: &str,
        kind: &str,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Edit> {
        self.edit(py, "convert", &[Some(target), Some(kind)], None, cancel)
    }

    /// Change the parameters of the function ``target``, and the arguments of its calls.
    ///
    /// ``change`` is what the command line takes behind the function: ``"add", "fee = 0"``, ``"remove", "fee"`` or
    /// ``"order", "b,a"``.
    #[pyo3(signature = (target, *change, cancel=None))]
    fn change_signature(
        &self,
        py: Python<'_>,
        target: &str,
        change: Vec<String>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Edit> {
        let words: Vec<Option<&str>> =
            std::iter::once(target).chain(change.iter().map(String::as_str)).map(Some).collect();
        self.edit(py, "change-signature", &words, None, cancel)
    }

    /// What is possible at ``target``: every operation with what it would change, or why it cannot.
    #[pyo3(signature = (target, *, cancel=None))]
    fn list(&self, py: Python<'_>, target: &str, cancel: Option<&Bound<'_, PyCancel>>) -> PyResult<Vec<Refactoring>> {
        let handle = self.carry_out(py, words("list", &[Some(target)])?, None, cancel)?;
        let listed = |result: &deepcoder_types::TaskResult| {
            result.answer.as_ref().map(|answer| answer.actions.iter().map(Refactoring::from).collect())
        };
        Ok(handle.of(listed).unwrap_or_default())
    }

    /// Any refactoring in the words of ``deepcoder refactor``: ``repo.refactor.run("rename bank.transfer to move_money")``.
    ///
    /// Returns the answer, a text, where the words ask for no change.
    #[pyo3(signature = (words, paths=None, *, cancel=None))]
    fn run(
        &self,
        py: Python<'_>,
        words: &str,
        paths: Option<Paths>,
        cancel: Option<&Bound<'_, PyCancel>>,
    ) -> PyResult<Py<PyAny>> {
        let handle = self.carry_out(py, words.trim().to_owned(), paths, cancel)?;
        handle.edit_or_answer(py)
    }

    fn __repr__(&self) -> String {
        format!("Refactor({:?})", self.repo.get().root_path())
    }
}
