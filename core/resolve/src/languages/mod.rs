//! The rules of each language: its binder, its modules, its names.

pub(crate) mod c;
mod go;
mod java;
mod javascript;
mod names;
mod python;
mod rust;

use crate::{Bindings, Declaration, Files, ScopeId};
use deepcoder_syntax::{Language, Tree};
use deepcoder_types::RepoPath;

pub(crate) use go::package_name;

/// The package of files that are no modules: their names are seen in all files of the tree.
pub(crate) const GLOBAL: &str = "global";

/// The name of a module within a file that declares names for all files (`declare global`).
pub(crate) const GLOBAL_MODULE: &str = "\"global\"";

/// What is particular to a language.
pub(crate) trait Rules: Sync {
    /// The names of a file. The tree may have errors: what is in an [`ERROR`](HazardKind::Syntax) node is a hazard and binds
    /// as well as it can.
    fn bind(&self, language: Language, tree: &Tree, text: &str) -> Bindings;

    /// Whether a text can be a name in the language: its characters, and no reserved word.
    fn is_name(&self, name: &str) -> bool;

    /// A name as the language compares names.
    fn normal(&self, name: &str) -> String {
        name.to_owned()
    }

    /// The files that an import's module stands for, seen from a file; of a package all of them. Empty where it is not of
    /// the tree.
    fn module_files(&self, files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath>;

    /// The other files whose top-level names are visible in this one without an import (a package of Go or Java).
    fn siblings(&self, _files: &dyn Files, _path: &RepoPath, _bindings: &Bindings) -> Vec<RepoPath> {
        Vec::new()
    }

    /// Whether types have members and fulfil interfaces without saying so (Go, TypeScript): a method of such a name may then
    /// belong to an interface anywhere.
    fn structural(&self) -> bool {
        false
    }

    /// Whether a rename of an imported name where it is imported is one of that file alone (`import { a as b }`), while one
    /// where it is declared goes to all who import it (JavaScript).
    fn imports_have_own_names(&self) -> bool {
        false
    }

    /// Whether the files whose [`Bindings::package`] is [`GLOBAL`] declare their names for all (scripts).
    fn has_globals(&self) -> bool {
        false
    }

    /// Whether a base of a type is also a member of it, by the name of the base (an embedded type of Go): it has no declaration
    /// of its own and is renamed with the base.
    fn embeds(&self) -> bool {
        false
    }

    /// Whether an implementation says which interface it fulfils, and nothing else of a type belongs to that (Rust): a type's
    /// other methods of the same name are others, and so are its fields.
    fn implements_by_name(&self) -> bool {
        false
    }

    /// Whether files are compiled as one text with those that they include, so that declarations in several of them are one
    /// (C).
    fn includes(&self) -> bool {
        false
    }

    /// The scope of a file whose names a module of this path has: the file's, but for a type whose members are imported
    /// (Java); `None` where the file has nothing of it.
    fn module_scope(&self, _bindings: &Bindings, _module: &str) -> Option<ScopeId> {
        Some(ScopeId(0))
    }

    /// The methods that calling a type calls, in languages in which arguments name parameters; else empty.
    fn constructors(&self) -> &'static [&'static str] {
        &[]
    }

    /// The files that get other paths when a declaration of a file gets another name: the file of a Rust module and those
    /// below it.
    fn moved(
        &self,
        _files: &dyn Files,
        _path: &RepoPath,
        _declaration: &Declaration,
        _new: &str,
    ) -> Vec<(RepoPath, RepoPath)> {
        Vec::new()
    }

    /// Whether the tree says that these two files are of one program; where it does not (crates without manifests), a path
    /// from one to the other is a guess.
    fn linked(&self, _files: &dyn Files, _one: &RepoPath, _other: &RepoPath) -> bool {
        true
    }

    /// Whether the file is named after this declaration of it (a public class of Java), so that another name moves the file.
    fn names_file(&self, _path: &RepoPath, _declaration: &Declaration) -> bool {
        false
    }
}

/// The rules of a language, where there are any.
pub(crate) fn rules(language: Language) -> Option<&'static dyn Rules> {
    Some(match language {
        Language::Python => &python::Python,
        Language::JavaScript | Language::TypeScript | Language::Tsx => &javascript::JavaScript,
        Language::Rust => &rust::Rust,
        Language::Go => &go::Go,
        Language::Java => &java::Java,
        Language::C | Language::Cpp => &c::C,
        _ => return None,
    })
}

/// Whether names of this language can be followed.
#[must_use]
pub fn supports(language: Language) -> bool {
    rules(language).is_some()
}

/// What the names of a text mean; `None` for a language without rules, and where the text is too large to parse.
#[must_use]
pub fn bind(language: Language, text: &str) -> Option<Bindings> {
    let rules = rules(language)?;
    let tree = deepcoder_syntax::tree(language, text)?;
    Some(rules.bind(language, &tree, text))
}

/// Whether a text can be a name in the language: its characters, and no reserved word.
#[must_use]
pub fn is_name(language: Language, name: &str) -> bool {
    rules(language).is_some_and(|rules| rules.is_name(name))
}

/// A name as the language compares names.
#[must_use]
pub fn normal(language: Language, name: &str) -> String {
    rules(language).map_or_else(|| name.to_owned(), |rules| rules.normal(name))
}
