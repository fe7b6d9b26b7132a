//! Options of the verb.

use deepcoder_plugin_api::{ErrorCode, PluginError};
use deepcoder_types::RepoPath;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How the model is to write its edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The format that suits the file: see `plan` in this crate.
    #[default]
    Auto,
    /// The complete new file.
    Whole,
    /// The new version of the selection or of the definitions that the instruction names.
    Region,
    /// SEARCH/REPLACE blocks.
    SearchReplace,
    /// A unified diff.
    Diff,
    /// The format of `apply_patch`.
    Patch,
}

/// The options of `edit`; what other parts of the program put beside them is not looked at.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Options {
    /// How the model is to write its edit.
    pub format: Format,
    /// The most tokens of one answer.
    pub max_tokens: Option<u32>,
    /// Temperature of the first attempt; greedy without it.
    pub temperature: Option<f32>,
    /// Ask for a corrected version of an earlier result.
    pub repair: Option<Repair>,
}

/// The errors in an earlier result.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Repair {
    /// The findings of verification.
    pub findings: Vec<Finding>,
    /// The text of each file as the earlier result left it.
    pub previous: BTreeMap<RepoPath, String>,
}

/// One thing that verification found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Finding {
    /// The file; `None` where it is about the result as a whole.
    #[serde(default)]
    pub path: Option<RepoPath>,
    /// The error, in words.
    pub message: String,
}

impl Options {
    /// Read the options of an instruction.
    pub fn parse(value: &serde_json::Value) -> Result<Self, PluginError> {
        if value.is_null() {
            return Ok(Self::default());
        }
        serde_json::from_value(value.clone()).map_err(|error| {
            PluginError::new(ErrorCode::Invalid, format!("the options of `edit` make no sense: {error}"))
                .with_hint("`format` is one of auto, whole, region, search-replace, diff, patch")
        })
    }
}
