//! Which names a text uses that nothing in it binds, and what it imports.
//!
//! **Invariant:** silent when unsure. A name is told only where no reading of the text, with its language's built-in names,
//! gives it a meaning; a text whose names cannot be known (star imports, `exec`, what does not parse) gives `None`.

mod builtins;
mod modules;
mod packages;
mod python;
mod script;
mod standard;

pub use standard::is_python_standard;

use crate::Language;
use crate::parse::parse;
use std::collections::BTreeSet;

/// A use of a name that nothing in the text binds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreeName {
    /// The line of its first use, from 1.
    pub line: u32,
    /// The name.
    pub name: String,
}

/// An import of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module as it is written, leading dots included.
    pub module: String,
    /// The names that are taken from it, as it has them; empty for the module itself and for all of it.
    pub names: Vec<String>,
    /// The line, from 1.
    pub line: u32,
    /// Whether the program goes on without it: it is inside `try` or a condition.
    pub optional: bool,
}

/// The names that a module offers to others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surface {
    /// The names.
    pub names: BTreeSet<String>,
    /// Whether there may be more, such as those of a star import or of a module's `__getattr__`.
    pub open: bool,
}

/// The names that `text` uses and does not bind, each once, in the order of their first uses. `None` where that cannot be
/// known. In Go and Java other files of the package may bind them.
#[must_use]
pub fn free_names(language: Language, text: &str) -> Option<Vec<FreeName>> {
    let tree = parse(language, text).filter(|tree| !tree.root_node().has_error())?;
    match language {
        Language::Python => python::Walk::of(&tree, text).free(),
        script if script.is_script() => script::free(&tree, text),
        Language::Go | Language::Java => packages::free(language, &tree, text),
        _ => None,
    }
}

/// A built-in name of Python, as a constant.
#[must_use]
pub fn python_builtin(name: &str) -> Option<&'static str> {
    builtins::PYTHON.binary_search(&name).ok().and_then(|index| builtins::PYTHON.get(index).copied())
}

/// The names that a Python module lists in `__all__` and does not bind; empty where that cannot be known.
#[must_use]
pub fn missing_exports(text: &str) -> Vec<FreeName> {
    let tree = parse(Language::Python, text).filter(|tree| !tree.root_node().has_error());
    tree.map(|tree| python::Walk::of(&tree, text).missing_exports()).unwrap_or_default()
}

/// The imports of `text` in their order; empty for languages in which they are not read. In Rust, an import is the first
/// segment of a `use`.
#[must_use]
pub fn imports(language: Language, text: &str) -> Vec<Import> {
    let Some(tree) = parse(language, text).filter(|tree| !tree.root_node().has_error()) else { return Vec::new() };
    match language {
        Language::Python => python::Walk::of(&tree, text).imports,
        _ => modules::imports(language, &tree, text),
    }
}

/// The names that other modules can import from `text`: a Python module's top level, a script's exports. `None`
/// where it cannot be read.
#[must_use]
pub fn surface(language: Language, text: &str) -> Option<Surface> {
    let tree = parse(language, text).filter(|tree| !tree.root_node().has_error())?;
    match language {
        Language::Python => Some(python::Walk::of(&tree, text).surface()),
        script if script.is_script() => Some(modules::exports(&tree, text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
