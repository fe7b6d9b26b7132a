//! What stands against a new name: the rules by which two declarations cannot have one.
//!
//! Names that are bound again show what is captured ([`crate::changed_by_renaming`]), and not that a block, a type or a
//! package has a name twice: nothing need use it.

mod c;
mod go;
mod java;
mod scope;

pub use go::receivers;

use crate::{Declaration, Global, Place, Project, Reference, Symbol};
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;

/// A declaration that stands against a new name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Where it is.
    pub place: Place,
    /// The program would not be correct; else a person should look at it.
    pub forbidden: bool,
    /// What is asked for belongs to this declaration, and is to be renamed there.
    pub elsewhere: bool,
    /// Why, in lower case without a full stop.
    pub why: &'static str,
}

/// What stands against a new name of a symbol, of which this reference was asked for.
#[must_use]
pub fn clashes(project: &Project<'_>, at: (&RepoPath, &Reference), symbol: &Symbol, new: &str) -> Vec<Clash> {
    match Language::program(at.0) {
        Some(Language::Go) => go::clashes(project, at, symbol, new),
        Some(Language::Java) => java::clashes(project, &project.chosen(at.0, at.1, symbol), symbol, new),
        Some(Language::C | Language::Cpp) => c::clashes(project, symbol, new),
        Some(language) if language == Language::Rust || language.is_related(Language::JavaScript) => {
            scope::clashes(project, symbol, new)
        }
        _ => Vec::new(),
    }
}

/// A clash with this declaration.
fn clash(project: &Project<'_>, with: &Global, forbidden: bool, why: &'static str) -> Option<Clash> {
    let at = project.declaration(with)?.at;
    Some(Clash { place: Place { path: with.0.clone(), at }, forbidden, elsewhere: false, why })
}

/// A name that another declaration gives: it is to be renamed there, so that nobody is surprised by what changes with it.
fn elsewhere(project: &Project<'_>, with: &Global, why: &'static str) -> Option<Clash> {
    Some(Clash { elsewhere: true, ..clash(project, with, true, why)? })
}

/// Whether two functions could take the same arguments, as far as their number says.
fn same_arity(one: &Declaration, other: &Declaration) -> bool {
    one.parameters.is_none() || other.parameters.is_none() || one.parameters == other.parameters
}

/// The other files of a file's package.
fn siblings(project: &Project<'_>, path: &RepoPath) -> Vec<RepoPath> {
    project.siblings(path)
}
