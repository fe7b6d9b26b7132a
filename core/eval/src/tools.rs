//! Compilers and interpreters that tests in other languages need, and where they live.

use crate::EvalError;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The programs that a test may name. `python` is the harness's.
pub(crate) const PROGRAMS: [&str; 7] = ["python", "node", "javac", "java", "gcc", "g++", "rustc"];

/// A program, and what it reads outside of the system's own directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tool {
    pub(crate) program: PathBuf,
    pub(crate) readable: Vec<PathBuf>,
}

/// Programs on a path, each looked up once.
#[derive(Debug)]
pub(crate) struct Tools {
    path: OsString,
    found: Mutex<BTreeMap<String, Option<Tool>>>,
}

impl Tools {
    pub(crate) fn new(path: &OsStr) -> Self {
        Self { path: path.to_owned(), found: Mutex::new(BTreeMap::new()) }
    }

    /// The program `name`, which the task `task` needs.
    pub(crate) fn get(&self, name: &str, task: &str) -> Result<Tool, EvalError> {
        let missing = || EvalError::Tool { name: name.to_owned(), task: task.to_owned() };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.entry(name.to_owned()).or_insert_with(|| self.find(name)).clone().ok_or_else(missing)
    }

    fn find(&self, name: &str) -> Option<Tool> {
        let program = std::env::split_paths(&self.path)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(name))
            .find(|program| program.is_file())?;
        if name == "rustc" {
            // On most machines it is rustup's, which starts the real one by what the home directory says.
            let output = Command::new(&program).args(["--print", "sysroot"]).output().ok()?;
            let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
            let real = sysroot.join("bin/rustc");
            return real.is_file().then(|| Tool { program: real, readable: vec![sysroot] });
        }
        let real = program.canonicalize().ok()?;
        // `PREFIX/bin/node` reads `PREFIX/lib`.
        let prefix = real.parent().and_then(Path::parent).filter(|prefix| prefix.parent().is_some());
        Some(Tool { readable: prefix.map(Path::to_owned).into_iter().collect(), program: real })
    }
}
