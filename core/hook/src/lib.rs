//! Git hooks: they look at what is staged and not at what happens to be in the work tree, put right what they can, and
//! lose nothing that is not staged.
//!
//! [`run()`] is one hook. `entries` lists what is staged, `text` and `ask` are the actions, `index` exchanges the staged
//! blobs by compare and swap, and `tree` brings the fixes into the work tree by a three-way merge and the applier.
//! [`install()`] puts a script where git looks for hooks.
//!
//! **Invariant:** a hook that dies, at any moment, leaves the index and the files as they were, or as they are fixed;
//! the index as it was is kept under `refs/deepcoder/index`, the files as they were in the history.
//!
//! **Invariant:** bytes that are not staged are not committed, and a file with changes that are not staged is merged
//! cleanly or left alone.
//!
//! **Invariant:** nothing in a repository makes a hook run a program, and nothing in it has the model write before the
//! user has trusted these very words.

mod ask;
mod comments;
mod config;
mod decode;
mod entries;
mod error;
mod git;
mod index;
mod install;
mod look;
mod merge;
mod place;
mod run;
mod script;
mod sent;
mod text;
mod tree;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write to temporary folders as users do")]
mod tests;

pub use ask::ModelSource;
pub use config::{Action, CONFIG_FILE, Config, ConfigError, HookType, Kind, Mode};
pub use deepcoder_apply::{NoSteps, Steps};
pub use entries::Skipped;
pub use error::{HookError, InstallError};
pub use git::GitError;
pub use install::{HookState, Installed, Status, Target, Trusted, install, status, trust_config, uninstall};
pub use run::{Finding, Fixed, Job, Report, Surroundings, run};
pub use tree::InTree;

/// The system's message in lower case and without its number.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
