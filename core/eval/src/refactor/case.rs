//! One case of a tool's test suite: a tree, an operation, and the tree after it or the refusal.

use deepcoder_types::RepoPath;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A line of a data file.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) language: String,
    pub(crate) operation: String,
    #[serde(default)]
    pub(crate) tool_operation: Option<String>,
    #[serde(deserialize_with = "texts")]
    pub(crate) before: Texts,
    #[serde(default)]
    pub(crate) at: Option<At>,
    #[serde(default)]
    pub(crate) params: serde_json::Value,
    #[serde(default, deserialize_with = "maybe_texts")]
    pub(crate) after: Option<Texts>,
    #[serde(default)]
    pub(crate) refuse: Option<String>,
    /// Whether replacing the word everywhere gives the right answer.
    #[serde(default)]
    pub(crate) floor: Option<bool>,
}

/// Texts by path.
pub(crate) type Texts = BTreeMap<RepoPath, Arc<str>>;

/// The place of the request.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct At {
    /// Absent where the request is about the whole tree.
    #[serde(default, deserialize_with = "path")]
    pub(crate) file: Option<RepoPath>,
    /// Absent where the request is about the file.
    #[serde(default)]
    pub(crate) start: Option<u32>,
    #[serde(default)]
    pub(crate) end: Option<u32>,
}

/// Some suites write paths from a root of their own.
pub(crate) fn relative(text: &str) -> Result<RepoPath, deepcoder_types::PathError> {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    RepoPath::new(parts.join("/"))
}

fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<RepoPath>, D::Error> {
    relative(&String::deserialize(from)?).map(Some).map_err(serde::de::Error::custom)
}

fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Texts, D::Error> {
    let texts: BTreeMap<String, String> = BTreeMap::deserialize(from)?;
    let entry =
        |(name, text): (String, String)| Ok((relative(&name).map_err(serde::de::Error::custom)?, Arc::from(text)));
    texts.into_iter().map(entry).collect()
}

fn maybe_texts<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Texts>, D::Error> {
    texts(from).map(Some)
}
