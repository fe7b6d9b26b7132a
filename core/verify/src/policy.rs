//! The policy and the result of verification.

use deepcoder_types::{Constraint, FileChange};
pub use deepcoder_types::{Finding, Severity, Verification};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

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
