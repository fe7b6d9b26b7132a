//! Arguments that Python gives in more than one form.

use crate::model::Model;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::path::PathBuf;

/// A path, or several: `str`, `os.PathLike`, or an iterable of them.
#[derive(Debug, Default)]
pub(crate) struct Paths(Vec<PathBuf>);

impl<'py> FromPyObject<'_, 'py> for Paths {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(path) = object.extract::<PathBuf>() {
            return Ok(Self(vec![path]));
        }
        let wrong = |found: &Bound<'py, PyAny>| -> PyErr {
            let name = found.get_type().name().map_or_else(|_| "that".to_owned(), |name| name.to_string());
            PyTypeError::new_err(format!("a path (str or os.PathLike) or a sequence of paths, not {name}"))
        };
        // Bytes are a sequence of numbers, each of which would be the wrong one.
        let items = object.try_iter().map_err(|_| wrong(&object))?;
        if object.is_instance_of::<pyo3::types::PyBytes>() {
            return Err(wrong(&object));
        }
        let path = |item: PyResult<Bound<'py, PyAny>>| {
            let item = item?;
            item.extract().map_err(|_| wrong(&item))
        };
        items.map(path).collect::<PyResult<_>>().map(Self)
    }
}

impl Paths {
    /// As text, which the names of files in a repository are.
    pub(crate) fn texts(self) -> PyResult<Vec<String>> {
        self.0.into_iter().map(text_of).collect()
    }
}

impl IntoIterator for Paths {
    type Item = PathBuf;
    type IntoIter = std::vec::IntoIter<PathBuf>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// One string, or several.
#[derive(Debug, Default)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl<'py> FromPyObject<'_, 'py> for Texts {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() {
            return Ok(Self(vec![object.extract()?]));
        }
        object.extract().map(Self)
    }
}

/// A model, or the name of one.
#[derive(FromPyObject)]
pub(crate) enum ModelOrName<'py> {
    #[pyo3(annotation = "Model")]
    Model(Bound<'py, Model>),
    #[pyo3(annotation = "str")]
    Name(String),
}

/// A path as text.
pub(crate) fn text_of(path: PathBuf) -> PyResult<String> {
    let not_utf8 = |path| PyValueError::new_err(format!("{} is not UTF-8", PathBuf::from(path).display()));
    path.into_os_string().into_string().map_err(not_utf8)
}

/// A dictionary as JSON.
pub(crate) fn json_of(options: &Bound<'_, PyDict>) -> PyResult<serde_json::Map<String, serde_json::Value>> {
    let text: String = options.py().import("json")?.call_method1("dumps", (options,))?.extract()?;
    serde_json::from_str(&text).map_err(|e| PyValueError::new_err(format!("options: {e}")))
}
