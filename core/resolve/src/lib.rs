//! What the names of a program mean: its scopes, declarations and references, in one file and over a tree.
//!
//! [`bind`] reads one file by the rules of its language. [`Project`] follows names from file to file, where they are
//! imported, inherited or looked up in a type. [`changed_meanings`] compares a tree before and after an edit.
//!
//! **Invariant:** pure functions of texts. A name is [`Exact`](Resolution::Exact) only where the language's rules leave no
//! other reading; everything else says why not. Every walk uses a cursor or a stack of its own, never recursion over the
//! tree of a hostile text.

mod bindings;
mod clashes;
mod files;
mod languages;
mod meanings;
mod parallel;
mod paths;
mod project;
#[cfg(test)]
mod tests;

pub use bindings::{
    Argument, Bindings, Declaration, DeclarationId, DeclarationKind, Form, Hazard, HazardKind, Import, Known, Members,
    Reference, Role, Scope, ScopeId, ScopeKind, Space, Target, Why,
};
pub use clashes::{Clash, clashes, receivers};
pub use files::{Files, Memory, Overlay};
pub use languages::{bind, is_name, normal, supports};
pub use meanings::{Changed, How, Mapped, changed_by_renaming, changed_meanings};
pub use parallel::in_parallel;
pub use paths::Paths;
pub use project::{Global, Heard, Occurrence, Occurrences, Place, Project, Resolution, Symbol, Witness};
