//! Go: package scope over the files of a folder, imports of a file, blocks, fields and methods of types.

mod docs;
mod known;
mod modules;
#[cfg(test)]
mod tests;
mod types;
mod walk;

use super::Rules;
use crate::{Bindings, Files};
use deepcoder_syntax::{Language, Tree};
use deepcoder_types::RepoPath;

pub(crate) use walk::package_name;

pub(crate) struct Go;

const KEYWORDS: &[&str] = &[
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

impl Rules for Go {
    fn bind(&self, language: Language, tree: &Tree, text: &str) -> Bindings {
        let mut walk = walk::Walk::new(language, text);
        walk.run(tree.root_node());
        walk.finish(tree.root_node())
    }

    fn is_name(&self, name: &str) -> bool {
        let mut characters = name.chars();
        let first = characters.next().is_some_and(|first| first == '_' || first.is_alphabetic());
        first
            && characters.all(|next| next == '_' || next.is_alphanumeric())
            && name != "_"
            && !KEYWORDS.contains(&name)
    }

    fn module_files(&self, files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
        modules::package_files(files, from, module)
    }

    fn siblings(&self, files: &dyn Files, path: &RepoPath, bindings: &Bindings) -> Vec<RepoPath> {
        modules::siblings(files, path, &bindings.package)
    }

    fn structural(&self) -> bool {
        true
    }

    fn embeds(&self) -> bool {
        true
    }
}
