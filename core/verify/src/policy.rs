//! What is allowed, and what was found.

use deepcoder_types::{Constraint, FileChange, RepoPath};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

/// The rules for an edit set, and the instruction that it was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Globs of the files that may be written. `*` stops at `/`, `**` does not. None at all allows nothing.
    pub write_globs: Vec<String>,
    /// The most bytes that a written file may have.
    pub max_file_bytes: u64,
    /// All that may change in a file.
    pub constraint: Option<Constraint>,
    /// The user's instruction. Checks look up which definitions it names; no word of it switches a check off. Empty where
    /// there is none.
    pub instruction: String,
}

/// The tree that an edit belongs to, as it is before the edit.
pub trait Project {
    /// The text of a file; `None` where it does not exist, is no text or may not be seen.
    fn text(&self, path: &RepoPath) -> Option<String>;
    /// Every file that may be seen.
    fn files(&self) -> Vec<RepoPath>;
}

/// A single text that is in no tree. Checks that need the tree do not run.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProject;

impl Project for NoProject {
    fn text(&self, _path: &RepoPath) -> Option<String> {
        None
    }

    fn files(&self) -> Vec<RepoPath> {
        Vec::new()
    }
}

impl Policy {
    /// The size above which a source file is taken for a mistake.
    pub const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

    /// Files that match `write_globs` may be written, up to [`Policy::MAX_FILE_BYTES`].
    #[must_use]
    pub fn new(write_globs: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            write_globs: write_globs.into_iter().map(Into::into).collect(),
            max_file_bytes: Self::MAX_FILE_BYTES,
            constraint: None,
            instruction: String::new(),
        }
    }
}

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
    pub(crate) fn error(path: &RepoPath, message: impl Into<String>) -> Self {
        Self { path: path.clone(), severity: Severity::Error, message: message.into() }
    }

    pub(crate) fn review(path: &RepoPath, message: impl Into<String>) -> Self {
        Self { path: path.clone(), severity: Severity::Review, message: message.into() }
    }

    pub(crate) fn warning(path: &RepoPath, message: impl Into<String>) -> Self {
        Self { path: path.clone(), severity: Severity::Warning, message: message.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// The result of [`crate::verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether no finding is an error.
    pub passed: bool,
    /// Everything that was noticed, in the order of the files.
    pub findings: Vec<Finding>,
}

impl Verification {
    pub(crate) fn new(findings: Vec<Finding>) -> Self {
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

/// The write globs, compiled. A glob that does not compile matches nothing and is reported with every file: a policy
/// that is partly understood must not become a wider one.
pub(crate) struct Scope {
    set: GlobSet,
    wrong: Vec<String>,
}

impl Scope {
    pub(crate) fn new(globs: &[String]) -> Self {
        let mut builder = GlobSetBuilder::new();
        let mut wrong = Vec::new();
        for glob in globs {
            let sane = deepcoder_types::check_glob(glob).ok();
            match sane.and_then(|()| GlobBuilder::new(glob).literal_separator(true).build().ok()) {
                Some(glob) => _ = builder.add(glob),
                None => wrong.push(glob.clone()),
            }
        }
        let set = builder.build().unwrap_or_else(|error| {
            wrong.push(error.to_string());
            GlobSet::empty()
        });
        Self { set, wrong }
    }

    pub(crate) fn check(&self, change: &FileChange, findings: &mut Vec<Finding>) {
        for glob in &self.wrong {
            findings.push(Finding::error(&change.path, format!("the write pattern `{glob}` is not a glob")));
        }
        if !self.set.is_match(&change.path) {
            findings.push(Finding::error(&change.path, "this file is outside of what may be written"));
        }
    }
}
