//! The inputs from the process that the extension is loaded into: variables, clock, prefix.

use crate::error::{Kind, raise, with_hint};
use deepcoder_profile::{Launcher, Overrides, Profile, Vars};
use pyo3::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;

/// Folders and settings as the command line would have them; models run in this process, on the `onnxruntime` wheel of
/// this interpreter where there is one.
pub(crate) fn profile(py: Python<'_>, overrides: &Overrides) -> PyResult<Profile> {
    open(py, overrides, None)
}

/// As [`profile`], with the daemon where the `deepcoder` command of this installation can start it.
pub(crate) fn repo_profile(py: Python<'_>, overrides: &Overrides) -> PyResult<Profile> {
    let launcher = command(py)?.map(Launcher::new);
    open(py, overrides, launcher)
}

/// As [`profile`], for the daemon: the `deepcoder` command `given`, or the one of this installation, starts it.
pub(crate) fn daemon_profile(py: Python<'_>, overrides: &Overrides, given: Option<PathBuf>) -> PyResult<Profile> {
    let command = match given {
        Some(command) => Some(py.import("os.path")?.call_method1("abspath", (command,))?.extract()?),
        None => command(py)?,
    };
    let Some(command) = command else {
        let hint = "install the wheel with `pip install deepcoder`, or pass `command=`".to_owned();
        return Err(with_hint(py, Kind::Daemon, "the deepcoder command is not installed", Some(hint)));
    };
    open(py, overrides, Some(Launcher::new(command)))
}

/// The command beside this interpreter, or the path's.
fn command(py: Python<'_>) -> PyResult<Option<PathBuf>> {
    let scripts: PathBuf = py.import("sysconfig")?.call_method1("get_path", ("scripts",))?.extract()?;
    let which = py.import("shutil")?.getattr("which")?;
    let found = which.call1((scripts.join("deepcoder"),))?;
    if found.is_none() { which.call1(("deepcoder",))? } else { found }.extract()
}

fn open(py: Python<'_>, overrides: &Overrides, launcher: Option<Launcher>) -> PyResult<Profile> {
    // `os.environ`, not the C environment: it is what the user's code has set.
    // Variables are bytes: one that is not UTF-8 must not keep the others from being read.
    let vars: Vec<(OsString, OsString)> = py
        .import("os")?
        .getattr("environ")?
        .call_method0("items")?
        .try_iter()?
        .map(|pair| pair?.extract())
        .collect::<PyResult<_>>()?;
    // Without HOME, as the system knows this user.
    let vars = Vars::new(vars).or_home(std::env::home_dir());
    let prefix: PathBuf = py.import("sys")?.getattr("prefix")?.extract()?;
    let cwd: PathBuf = py.import("os")?.call_method0("getcwd")?.extract()?;
    let profile = Profile::open(vars, &cwd, overrides, launcher).map_err(|e| raise(py, Kind::Model, &e))?;
    Ok(profile.with_prefix(prefix))
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the clock enters the program here")]
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
