//! Whole commands: what a user types, and what comes back.

#![expect(clippy::expect_used, reason = "a test that cannot be set up must not pass")]
#![expect(clippy::disallowed_methods, reason = "files of temporary folders; the path, to find git")]

mod checks;
mod errors;
mod evals;
mod fake_daemon;
mod forms;
mod hangs;
mod hints;
mod hooks;
mod inherited;
mod jobs;
mod refactor;
mod reference;
mod small;
mod surface;
mod terminal;
mod waiting;
mod with_model;
mod workbench;
