//! Why a run or its application fails.

use crate::grants::GrantsError;
use deepcoder_apply::ApplyError;
use deepcoder_context::GatherError;
use deepcoder_edit::MaterialiseError;
use deepcoder_plugin_api::PluginError;
use deepcoder_types::{Cancelled, Hint, RepoPath};

/// Why a run fails. Nothing has been written then.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The user typed nothing.
    #[error("the instruction is empty")]
    EmptyInstruction,
    /// No plugin serves the verb.
    #[error("no plugin serves the verb `{0}`")]
    NoPlugin(String),
    /// No files were named and none match the instruction.
    #[error("no file of this repository matches the instruction")]
    NoTargets,
    /// A glob of the policy or the plugin is wrong.
    #[error(transparent)]
    Grants(#[from] GrantsError),
    /// The context cannot be gathered.
    #[error(transparent)]
    Gather(#[from] GatherError),
    /// The plugin refuses or fails.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The plugin has a defect.
    #[error("the plugin `{plugin}` panicked: {message}")]
    Panic {
        /// Which.
        plugin: String,
        /// Its message.
        message: String,
    },
    /// The plugin took too long.
    #[error("the plugin `{plugin}` took longer than its {seconds} s")]
    TimedOut {
        /// Which.
        plugin: String,
        /// Its limit.
        seconds: u64,
    },
    /// The plugin proposes a change of a file that it may not touch.
    #[error("the plugin `{plugin}` proposes to change {path}, which is not allowed")]
    NotAllowed {
        /// Which.
        plugin: String,
        /// The file.
        path: RepoPath,
    },
    /// The proposal does not fit the files.
    #[error(transparent)]
    Materialise(#[from] MaterialiseError),
    /// A comment that is to be taken out is not there.
    #[error("`{path}` has no comment `{text}`")]
    NoComment {
        /// The file.
        path: RepoPath,
        /// The comment.
        text: String,
    },
    /// The option makes no sense.
    #[error("`comments` is not a list of comments: {0}")]
    Comments(String),
    /// The user cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Hint for RunError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::EmptyInstruction => Some("say what to do, such as \"add type hints to every function\"".into()),
            Self::NoTargets => Some("name the files, such as src/util.py".into()),
            Self::Grants(e) => e.hint(),
            Self::Gather(e) => e.hint(),
            Self::Plugin(e) => e.hint(),
            Self::Materialise(e) => e.hint(),
            Self::Panic { .. } => Some("this is a defect of the plugin; nothing was changed".into()),
            Self::TimedOut { .. } => Some("ask for less at once: fewer files, or a smaller change".into()),
            Self::NotAllowed { .. } => Some("name the file as well, if it may be changed".into()),
            Self::NoComment { .. } => {
                Some("it was changed or taken out since: save the file with the comment again".into())
            }
            Self::NoPlugin(_) | Self::Comments(_) | Self::Cancelled(_) => None,
        }
    }
}

/// Why a run's result is not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyRunError {
    /// It failed verification.
    #[error("the result failed verification: {0}")]
    Unverified(String),
    /// The applier refuses or fails.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl Hint for ApplyRunError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unverified(_) => Some(
                "say it differently, name one function or class at a time, or try another --seed or a larger --model"
                    .into(),
            ),
            Self::Apply(e) => e.hint(),
        }
    }
}
