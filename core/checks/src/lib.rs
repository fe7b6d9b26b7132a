//! The checks that a project configures in `deepcoder.toml`: its linters, type checkers, builds and tests.
//!
//! `file` reads the configuration file that hooks share, `trust` records which text the user has agreed to, `config` reads
//! `[check.NAME]`. [`Checks`] runs the checks on a scratch copy of the tree (`copy`) in the sandbox (`exec`), reads their
//! output (`parse`) into diagnostics (`diagnostic`), and compares the tree before an edit with the tree after it (`compare`).
//! `canary` finds out whether a test runs the code that changed.
//!
//! **Invariant:** no program of a repository runs before the user has trusted the very text that names it, and none writes
//! outside of the scratch directory.

mod canary;
mod checks;
mod compare;
pub mod config;
mod copy;
mod diagnostic;
mod exec;
pub mod file;
mod folder;
mod listing;
mod machine;
mod parse;
mod results;
mod suggest;
pub mod tool;
pub mod trust;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write to temporary folders as users do")]
mod tests;

pub use checks::{Checks, ChecksError};
pub use copy::{CopyError, Progress};
pub use machine::Machine;
pub use suggest::{Suggestion, suggest};
