//! Errors as Python exceptions that carry their hint.

use deepcoder_protocol::{Failure, Refusal};
use deepcoder_types::{FailureKind, Hint, JobFailure, ModelInfo};
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyUserWarning};
use pyo3::prelude::*;
use std::ffi::CString;

create_exception!(deepcoder, DeepcoderError, PyException, "The base of every error of deepcoder.");
create_exception!(deepcoder, ModelError, DeepcoderError, "The model is not installed, damaged, or refuses.");
create_exception!(deepcoder, RepositoryError, DeepcoderError, "The repository or a path in it cannot be used.");
create_exception!(deepcoder, EditError, DeepcoderError, "The edit failed; the tree is as it was.");
create_exception!(deepcoder, DaemonError, DeepcoderError, "The daemon cannot be reached, or refuses.");
create_exception!(deepcoder, Cancelled, DeepcoderError, "The work was cancelled; it changed nothing.");

/// Which exception an error becomes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Model,
    Repository,
    Edit,
    Daemon,
}

/// `error` as an exception of the kind `kind`, its hint as the attribute `hint` and, for tracebacks, in the message.
pub(crate) fn raise(py: Python<'_>, kind: Kind, error: &dyn Hint) -> PyErr {
    with_hint(py, kind, &error.to_string(), error.hint().as_deref().map(in_python))
}

/// Why the application refuses, as an exception: of the daemon where it cannot be asked, and of the edit otherwise.
pub(crate) fn refused(py: Python<'_>, failure: &Failure) -> PyErr {
    let kind = match failure {
        Failure::Cancelled => return crate::wait::cancelled(),
        Failure::Refused { reason: Refusal::Unavailable | Refusal::Unsupported | Refusal::Storage, .. } => Kind::Daemon,
        Failure::Refused { .. } => Kind::Edit,
        Failure::Load { .. } => Kind::Model,
        _ => Kind::Daemon,
    };
    raise(py, kind, failure)
}

/// Why a task failed, as an exception.
pub(crate) fn failed(py: Python<'_>, failure: &JobFailure) -> PyErr {
    let kind = match failure.kind {
        FailureKind::Repository => Kind::Repository,
        FailureKind::Model => Kind::Model,
        FailureKind::Other => Kind::Edit,
    };
    with_hint(py, kind, &failure.message, failure.hint.as_deref().map(in_python))
}

/// The options of the command line that hints name, and the arguments that they are here.
const ARGUMENTS: &[(&str, &str)] = &[
    ("--state before", "state=\"before\""),
    ("--state after", "state=\"after\""),
    ("--allow-protected", "protected=True"),
    ("--no-verify", "unverified=True"),
    ("--max-tokens", "max_tokens"),
    ("--commit", "commit=True"),
    ("--branch", "branch"),
    ("--seed", "seed"),
    ("--new", "new=True"),
];

/// A hint in the words of Python. Between backticks are commands, which stay as they are.
pub(crate) fn in_python(hint: &str) -> String {
    let parts = hint.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => ARGUMENTS.iter().fold(part.to_owned(), |text, (option, argument)| text.replace(option, argument)),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`")
}

/// The same from its parts.
pub(crate) fn with_hint(py: Python<'_>, kind: Kind, message: &str, hint: Option<String>) -> PyErr {
    let text = match &hint {
        Some(hint) => format!("{message}\nhint: {hint}"),
        None => message.to_owned(),
    };
    let error = match kind {
        Kind::Model => ModelError::new_err(text),
        Kind::Repository => RepositoryError::new_err(text),
        Kind::Edit => EditError::new_err(text),
        Kind::Daemon => DaemonError::new_err(text),
    };
    // The class has the attribute already; an instance that cannot take it still has the hint in its message.
    _ = error.value(py).setattr("hint", hint);
    error
}

/// Python warnings about how a model was loaded.
pub(crate) fn warn(py: Python<'_>, model: &ModelInfo) -> PyResult<()> {
    warn_of(py, &model.warnings)
}

/// A Python warning before the model fills a hole.
pub(crate) fn warn_of_fill(py: Python<'_>, model: &ModelInfo) -> PyResult<()> {
    warn_of(py, model.fill_warning.as_slice())
}

/// `warnings` as Python has them.
pub(crate) fn warn_of(py: Python<'_>, warnings: &[String]) -> PyResult<()> {
    for warning in warnings {
        let text = CString::new(warning.replace('\0', " ")).unwrap_or_default();
        PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 1)?;
    }
    Ok(())
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let base = py.get_type::<DeepcoderError>();
    base.setattr("hint", py.None())?;
    module.add("DeepcoderError", base)?;
    module.add("ModelError", py.get_type::<ModelError>())?;
    module.add("RepositoryError", py.get_type::<RepositoryError>())?;
    module.add("EditError", py.get_type::<EditError>())?;
    module.add("DaemonError", py.get_type::<DaemonError>())?;
    module.add("Cancelled", py.get_type::<Cancelled>())?;
    Ok(())
}
