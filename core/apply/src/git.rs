//! The program `git`, for what only it does as users expect: commits with their hooks, signatures and filters.

use crate::CommitError;
use deepcoder_git::{Git, Output};
use deepcoder_types::Cancel;
use std::process::Command;

/// Run git quietly: without hooks, without programs that the repository's configuration names, and without locks that it
/// can do without. An exit code other than 0 is an error.
pub(crate) fn quiet(git: &Git, args: &[&str], input: &[u8], cancel: &Cancel) -> Result<Vec<u8>, CommitError> {
    let said = quiet_status(git, args, input, cancel)?;
    if said.status.success() {
        return Ok(said.out);
    }
    Err(CommitError::Git { command: args.first().copied().unwrap_or_default().to_owned(), said: said.text() })
}

/// The same, where the exit code is an answer.
pub(crate) fn quiet_status(git: &Git, args: &[&str], input: &[u8], cancel: &Cancel) -> Result<Output, CommitError> {
    let mut command = git.quiet();
    command.env("LC_ALL", "C");
    // It alone does not know the option.
    if args.first() != Some(&"check-ignore") {
        command.arg("--literal-pathspecs");
    }
    command.args(args);
    run(command, input, cancel)
}

/// Run git as the user would: with hooks.
pub(crate) fn as_user(git: &Git, args: &[&str], input: &[u8], cancel: &Cancel) -> Result<Output, CommitError> {
    // Nothing that hooks would inherit: no options of git's own, no other language.
    let mut command = git.command();
    command.args(args);
    run(command, input, cancel)
}

fn run(command: Command, input: &[u8], cancel: &Cancel) -> Result<Output, CommitError> {
    deepcoder_git::run(command, input, cancel).map_err(CommitError::NoGit)
}
