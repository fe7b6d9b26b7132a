//! Fixes of findings: of checks, failing tests, compilers' messages and stack traces.
//!
//! [`read`] makes [`Finding`]s of a text, [`repair`] gives the tools' own suggestions and those of our table of kinds, and
//! [`Fixed`] puts them together as one change of the tree.
//!
//! **Invariant:** pure functions of texts, and an edit without a doubt is exact: it comes from a tool that says that a machine
//! may apply it, or from a kind whose preconditions the syntax tree and the names show.

mod finding;
mod kinds;
mod plugin;
mod read;
mod settle;
#[cfg(test)]
mod tests;
mod tree;
mod wish;

pub use finding::{Finding, Fix};
pub use plugin::FixPlugin;
pub use read::{MAX_TEXT, read};
pub use settle::Fixed;
pub use wish::Wish;

use deepcoder_resolve::Files;

/// The fix of a finding that needs no model: the tool's own, or that of a kind; `None` where there is none.
#[must_use]
pub fn repair(files: &dyn Files, finding: &Finding) -> Option<Fix> {
    if finding.suggestion.is_empty() {
        return kinds::of_finding(files, finding).into_iter().next();
    }
    let fix = Fix::of(&finding.path, finding.suggestion.clone());
    Some(if finding.applicable {
        fix
    } else {
        fix.doubted("the tool's text does not say that its suggestion is exact")
    })
}

/// The fixes that a [`Wish`] names; none where there is no such kind or no such place.
#[must_use]
pub fn act(files: &dyn Files, wish: &Wish) -> Vec<Fix> {
    kinds::of_wish(files, wish)
}
