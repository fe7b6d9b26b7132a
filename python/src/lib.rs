//! The Python extension `deepcoder._core`: thin wrappers around [`deepcoder_app`]. `deepcoder/_core.pyi` documents
//! it for Python users.
//!
//! **Invariant:** every call that may take long runs on a thread of its own without the interpreter, and polls for
//! Ctrl-C; a panic in it becomes an exception, never an abort.

mod args;
mod ask;
mod client;
mod edit;
mod error;
mod events;
mod exit;
mod follow;
mod fork;
mod generation;
mod html;
mod job;
mod jobs;
mod model;
mod refactor;
mod repo;
mod surroundings;
mod task;
mod wait;

use pyo3::prelude::*;

/// The native half of the package `deepcoder`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    error::register(module)?;
    fork::register(module)?;
    module.add_class::<wait::PyCancel>()?;
    module.add_class::<generation::TokenEvent>()?;
    module.add_class::<generation::Generation>()?;
    module.add_class::<generation::Stream>()?;
    module.add_class::<model::Model>()?;
    module.add_class::<edit::Finding>()?;
    module.add_class::<repo::HistoryEntry>()?;
    module.add_class::<edit::Edit>()?;
    module.add_class::<repo::Repo>()?;
    module.add_class::<refactor::Refactor>()?;
    module.add_class::<refactor::Refactoring>()?;
    module.add_class::<task::Task>()?;
    module.add_class::<events::JobEvent>()?;
    module.add_class::<events::JobEvents>()?;
    module.add_class::<job::Job>()?;
    module.add_class::<jobs::Jobs>()?;
    module.add_class::<client::Watched>()?;
    module.add_class::<client::Client>()?;
    Ok(())
}
