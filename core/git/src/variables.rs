//! The environment variables that git or its caller set for one command.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// The subject of a variable, which decides who may inherit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Which repository is meant, or which objects and index. Only a hook inherits it from git.
    Repository,
    /// The meaning, output or prompts of a command. No command of ours inherits it.
    Meaning,
    /// The author and the configuration of the caller's command. The caller's own commands inherit it; a process that
    /// outlives the caller does not.
    Caller,
}

/// Every variable of git's that belongs to one command; the list that `git rev-parse --local-env-vars` prints is part
/// of it. Variables that belong to the user or the machine (`GIT_CONFIG_GLOBAL`, `GIT_SSH_COMMAND`, `GIT_ASKPASS`,
/// `GIT_SSL_*`, …) are not in it.
pub const VARIABLES: &[(&str, Scope)] = &[
    ("GIT_DIR", Scope::Repository),
    ("GIT_WORK_TREE", Scope::Repository),
    ("GIT_IMPLICIT_WORK_TREE", Scope::Repository),
    ("GIT_COMMON_DIR", Scope::Repository),
    ("GIT_INDEX_FILE", Scope::Repository),
    ("GIT_OBJECT_DIRECTORY", Scope::Repository),
    ("GIT_ALTERNATE_OBJECT_DIRECTORIES", Scope::Repository),
    ("GIT_QUARANTINE_PATH", Scope::Repository),
    ("GIT_SHALLOW_FILE", Scope::Repository),
    ("GIT_GRAFT_FILE", Scope::Repository),
    ("GIT_REPLACE_REF_BASE", Scope::Repository),
    ("GIT_NO_REPLACE_OBJECTS", Scope::Repository),
    ("GIT_CONFIG", Scope::Repository),
    ("GIT_PREFIX", Scope::Meaning),
    ("GIT_NAMESPACE", Scope::Meaning),
    ("GIT_ATTR_SOURCE", Scope::Meaning),
    ("GIT_LITERAL_PATHSPECS", Scope::Meaning),
    ("GIT_GLOB_PATHSPECS", Scope::Meaning),
    ("GIT_NOGLOB_PATHSPECS", Scope::Meaning),
    ("GIT_ICASE_PATHSPECS", Scope::Meaning),
    ("GIT_INDEX_VERSION", Scope::Meaning),
    ("GIT_EXTERNAL_DIFF", Scope::Meaning),
    ("GIT_DIFF_OPTS", Scope::Meaning),
    ("GIT_DIFF_PATH_COUNTER", Scope::Meaning),
    ("GIT_DIFF_PATH_TOTAL", Scope::Meaning),
    ("GIT_MERGE_VERBOSITY", Scope::Meaning),
    ("GIT_MERGE_AUTOEDIT", Scope::Meaning),
    ("GIT_REFLOG_ACTION", Scope::Meaning),
    ("GIT_EDITOR", Scope::Meaning),
    ("GIT_SEQUENCE_EDITOR", Scope::Meaning),
    ("GIT_PAGER", Scope::Meaning),
    ("GIT_PAGER_IN_USE", Scope::Meaning),
    ("GIT_INTERNAL_SUPER_PREFIX", Scope::Meaning),
    ("GIT_INTERNAL_GETTEXT_SH_SCHEME", Scope::Meaning),
    ("GIT_INTERNAL_TOPLEVEL", Scope::Meaning),
    ("GIT_PUSH_OPTION_COUNT", Scope::Meaning),
    ("GIT_PUSH_CERT", Scope::Meaning),
    ("GIT_TRACE", Scope::Meaning),
    ("GIT_TRACE_SETUP", Scope::Meaning),
    ("GIT_TRACE_PACKET", Scope::Meaning),
    ("GIT_TRACE_PERFORMANCE", Scope::Meaning),
    ("GIT_TRACE_REFS", Scope::Meaning),
    ("GIT_TRACE_CURL", Scope::Meaning),
    ("GIT_TRACE2", Scope::Meaning),
    ("GIT_TRACE2_EVENT", Scope::Meaning),
    ("GIT_TRACE2_PERF", Scope::Meaning),
    ("GIT_TRACE2_PARENT_SID", Scope::Meaning),
    ("GIT_TRACE2_PARENT_NAME", Scope::Meaning),
    ("GIT_AUTHOR_NAME", Scope::Caller),
    ("GIT_AUTHOR_EMAIL", Scope::Caller),
    ("GIT_AUTHOR_DATE", Scope::Caller),
    ("GIT_COMMITTER_NAME", Scope::Caller),
    ("GIT_COMMITTER_EMAIL", Scope::Caller),
    ("GIT_COMMITTER_DATE", Scope::Caller),
    ("GIT_CONFIG_PARAMETERS", Scope::Caller),
    ("GIT_CONFIG_COUNT", Scope::Caller),
];

/// Variables of other programs that belong to one command: the job slots of a running `make` or `cargo`, the directory
/// that a shell was in, the stage that a hook manager is at, a token given for one download.
const OTHERS: &[&str] = &[
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "MAKEOVERRIDES",
    "CARGO_MAKEFLAGS",
    "PWD",
    "OLDPWD",
    "PRE_COMMIT",
    "PRE_COMMIT_FROM_REF",
    "PRE_COMMIT_TO_REF",
    "HUSKY_GIT_PARAMS",
    "LEFTHOOK",
    "SKIP",
    "HF_TOKEN",
];

static OUTLIVES: AtomicBool = AtomicBool::new(false);

/// Say that this process outlives the command that started it. From now on its git children inherit nothing of that
/// command's author, dates and configuration.
pub fn outlive_caller() {
    OUTLIVES.store(true, Ordering::Relaxed);
}

/// Whether [`outlive_caller`] was called.
#[must_use]
pub fn outlives_caller() -> bool {
    OUTLIVES.load(Ordering::Relaxed)
}

/// Let `command`, which starts a process that outlives its caller, inherit nothing that belongs to the caller's command.
pub fn forget_caller(command: &mut Command) {
    for name in VARIABLES.iter().map(|(name, _)| name).chain(OTHERS) {
        command.env_remove(name);
    }
}
