//! Rust: items are visible in their whole block, variables from their declaration on.

mod collect;
mod crates;
mod finish;
mod items;
mod known;
mod lookup;
mod macros;
mod patterns;
#[cfg(test)]
mod tests;
mod walk;

use super::Rules;
use crate::{Bindings, Declaration, Files, ScopeId};
use deepcoder_syntax::{Language, Tree};
use deepcoder_types::RepoPath;

pub(crate) struct Rust;

/// Words that name nothing, not even as `r#word` the last four.
const RESERVED: &[&str] = &[
    "_", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type",
    "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "Self", "crate", "self", "super",
];

impl Rules for Rust {
    fn bind(&self, _language: Language, tree: &Tree, text: &str) -> Bindings {
        let arguments = macros::arguments(tree, text);
        let mut binder = collect::Binder::new(text, &arguments);
        binder.errors(tree);
        binder.walk(tree.root_node(), ScopeId(0));
        binder.examples();
        binder.finish()
    }

    fn is_name(&self, name: &str) -> bool {
        let (plain, raw) = name.strip_prefix("r#").map_or((name, false), |plain| (plain, true));
        let mut chars = plain.chars();
        let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
        let word = first && chars.all(|c| c.is_alphanumeric() || c == '_');
        let reserved = match raw {
            // The next five are plain names in some editions, which the text does not say.
            true => {
                matches!(plain, "_" | "Self" | "crate" | "self" | "super" | "async" | "await" | "dyn" | "gen" | "try")
            }
            false => RESERVED.contains(&plain),
        };
        word && !reserved
    }

    fn normal(&self, name: &str) -> String {
        name.strip_prefix("r#").unwrap_or(name).to_owned()
    }

    fn implements_by_name(&self) -> bool {
        true
    }

    fn moved(
        &self,
        files: &dyn Files,
        path: &RepoPath,
        declaration: &Declaration,
        new: &str,
    ) -> Vec<(RepoPath, RepoPath)> {
        crates::moved(files, path, declaration, new)
    }

    fn linked(&self, files: &dyn Files, one: &RepoPath, other: &RepoPath) -> bool {
        crates::linked(files, one, other)
    }

    fn module_files(&self, files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
        crates::module_files(files, from, module)
    }
}
