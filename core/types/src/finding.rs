//! The result of checking an edit set.

use crate::RepoPath;
use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth telling, and no reason to hold the edit back.
    Warning,
    /// The model gets one attempt to mend it; what remains is applied only after a person has looked.
    Review,
    /// The set of edits is not to be applied.
    Error,
}

/// One thing that a check noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The file that it is about.
    pub path: RepoPath,
    /// How bad it is.
    pub severity: Severity,
    /// Lower case, no full stop.
    pub message: String,
}

impl Finding {
    /// A finding that refuses the edit.
    pub fn error(path: &RepoPath, message: impl Into<String>) -> Self {
        Self { path: path.clone(), severity: Severity::Error, message: message.into() }
    }

    /// A finding that a person must see before the edit is applied.
    pub fn review(path: &RepoPath, message: impl Into<String>) -> Self {
        Self { path: path.clone(), severity: Severity::Review, message: message.into() }
    }

    /// A finding that holds nothing back.
    pub fn warning(path: &RepoPath, message: impl Into<String>) -> Self {
        Self { path: path.clone(), severity: Severity::Warning, message: message.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// The findings about one edit set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether no finding is an error.
    pub passed: bool,
    /// Everything that was noticed, in the order of the files.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// The verdict that follows from `findings`.
    #[must_use]
    pub fn new(findings: Vec<Finding>) -> Self {
        Self { passed: findings.iter().all(|f| f.severity != Severity::Error), findings }
    }

    /// The findings that keep the set from being applied.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.severity == Severity::Error)
    }

    /// The findings for which a person must look before the set is applied.
    pub fn reviews(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.severity == Severity::Review)
    }

    /// The findings that the model is asked to mend.
    pub fn mendable(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.severity >= Severity::Review)
    }

    /// The findings that are told and hold nothing back.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.severity == Severity::Warning)
    }
}
