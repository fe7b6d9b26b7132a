//! The one runner of the program `git`, and the one list of environment variables that its children must not inherit.
//!
//! A caller's environment says which repository *the caller* means, as which author, and how output looks. None of that
//! may steer a command of ours elsewhere: [`Git`] removes it and names the repository itself. A process that outlives
//! its caller (the daemon) drops more: it would commit as the author of whichever command happened to start it.

pub mod process;
mod run;
#[cfg(test)]
mod tests;
mod variables;

pub use run::{Output, run};
pub use variables::{Scope, VARIABLES, forget_caller, outlive_caller, outlives_caller};

use std::path::{Path, PathBuf};
use std::process::Command;

/// Options that keep git from running programs which the repository's configuration names.
const QUIET: &[&str] = &["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"];

/// A directory where git runs, and the repository that it is about.
#[derive(Debug, Clone)]
pub struct Git {
    cwd: PathBuf,
    /// Git's directory and the working tree, where git would not find them from `cwd`.
    repository: Option<(PathBuf, PathBuf)>,
    /// The index that it reads; absolute.
    index: Option<PathBuf>,
    /// Whether git itself called us, so that its variables name the repository.
    in_hook: bool,
}

impl Git {
    /// In the directory `cwd`, about the repository that git finds from there.
    #[must_use]
    pub fn new(cwd: &Path) -> Self {
        Self { cwd: cwd.to_owned(), repository: None, index: None, in_hook: false }
    }

    /// About this repository, wherever `cwd` is.
    #[must_use]
    pub fn with_repository(self, git_dir: &Path, work_tree: &Path) -> Self {
        Self { repository: Some((git_dir.to_owned(), work_tree.to_owned())), ..self }
    }

    /// With another index.
    #[must_use]
    pub fn with_index(self, index: &Path) -> Self {
        Self { index: Some(index.to_owned()), ..self }
    }

    /// About the repository that git's own variables name: git called us as a hook.
    #[must_use]
    pub fn in_hook(self, in_hook: bool) -> Self {
        Self { in_hook, ..self }
    }

    /// In another directory.
    #[must_use]
    pub fn at(&self, cwd: &Path) -> Self {
        Self { cwd: cwd.to_owned(), ..self.clone() }
    }

    /// Git as the user runs it, hooks and signing included. It must not ask questions: there is no one to answer.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.cwd);
        if outlives_caller() {
            forget_caller(&mut command);
        }
        for (name, scope) in VARIABLES {
            let keep = match scope {
                Scope::Repository => self.in_hook,
                Scope::Meaning => false,
                // Gone already, where they are not ours.
                Scope::Caller => true,
            };
            if !keep {
                command.env_remove(name);
            }
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_EDITOR", "true");
        if let Some((git_dir, work_tree)) = &self.repository {
            command.env("GIT_DIR", git_dir).env("GIT_WORK_TREE", work_tree);
        }
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        command
    }

    /// Git without hooks, without programs that the repository's configuration names, and without locks that it can do
    /// without.
    #[must_use]
    pub fn quiet(&self) -> Command {
        let mut command = self.command();
        command.args(QUIET);
        command
    }
}
