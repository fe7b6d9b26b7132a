//! Checks on a set of edits before it may be applied ([`verify`]), and the sandbox that programs run in
//! ([`sandbox::run`]).
//!
//! **Invariant:** nothing here writes to a work tree. A check that fails is a [`Finding`], never a panic, and what
//! cannot be judged does not pass.

mod blanks;
mod checks;
mod constraint;
mod markers;
mod policy;
pub mod sandbox;
mod syntax;
mod text;

pub use blanks::without_added_blanks;
pub use checks::data::{BrokenData, broken_data};
pub use policy::{Finding, Policy, Severity, Verification};

use deepcoder_types::{EditSet, FileChange};
use deepcoder_workspace::Tree;

/// Check `set` against `policy` and against `tree`, the files as they are before the edit. In a tree without other files
/// the checks that need them do not run. Pure otherwise: it looks only at the images that the set holds.
#[must_use]
pub fn verify(set: &EditSet, policy: &Policy, tree: &dyn Tree) -> Verification {
    let mut findings = Vec::new();
    let scope = policy::Scope::new(&policy.write_globs);
    let mut previous: Option<&FileChange> = None;
    for change in &set.files {
        // A set is sorted by path, so a duplicate is a neighbour; one that is not sorted was not made by `edit`.
        if previous.is_some_and(|p| p.path >= change.path) {
            findings.push(Finding::error(&change.path, "the set of edits names this file twice, or is not sorted"));
        }
        previous = Some(change);
        scope.check(change, &mut findings);
        text::check(change, policy, &mut findings);
        if let Some(constraint) = &policy.constraint {
            constraint::check(change, constraint, &policy.instruction, &mut findings);
        }
    }
    checks::check(set, policy, tree, &mut findings);
    Verification::new(findings)
}

#[cfg(test)]
mod tests;
