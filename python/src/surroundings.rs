//! What the extension takes from the process that it is loaded into: variables, clock, prefix.

use crate::error::{Kind, raise};
use deepcoder_session::{Overrides, Session, Vars};
use pyo3::prelude::*;
use std::path::PathBuf;

/// Folders and settings as the command line would have them; models run in this process, on the `onnxruntime` wheel of
/// this interpreter where there is one.
pub(crate) fn session(py: Python<'_>, overrides: &Overrides) -> PyResult<Session> {
    // `os.environ`, not the C environment: it is what the user's code has set.
    let vars: Vec<(String, String)> = py
        .import("os")?
        .getattr("environ")?
        .call_method0("items")?
        .try_iter()?
        .map(|pair| pair?.extract())
        .collect::<PyResult<_>>()?;
    let vars = Vars::new(vars.into_iter().map(|(k, v)| (k.into(), v.into())));
    let prefix: PathBuf = py.import("sys")?.getattr("prefix")?.extract()?;
    let cwd: PathBuf = py.import("os")?.call_method0("getcwd")?.extract()?;
    let session = Session::open(vars, &cwd, overrides, None).map_err(|e| raise(py, Kind::Model, &e))?;
    Ok(session.with_prefix(prefix))
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the clock enters the program here")]
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
