//! Java: packages, members of nested classes with what they inherit, methods told apart by their parameters.

mod docs;
mod known;
mod modules;
mod statements;
#[cfg(test)]
mod tests;
mod types;
mod walk;

use super::Rules;
use crate::{Bindings, Declaration, DeclarationKind, Files, ScopeId};
use deepcoder_syntax::{Language, Tree};
use deepcoder_types::RepoPath;

pub(crate) struct Java;

const KEYWORDS: &[&str] = &[
    "_",
    "abstract",
    "assert",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extends",
    "false",
    "final",
    "finally",
    "float",
    "for",
    "goto",
    "if",
    "implements",
    "import",
    "instanceof",
    "int",
    "interface",
    "long",
    "native",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "short",
    "static",
    "strictfp",
    "super",
    "switch",
    "synchronized",
    "this",
    "throw",
    "throws",
    "transient",
    "true",
    "try",
    "void",
    "volatile",
    "while",
];

impl Rules for Java {
    fn bind(&self, language: Language, tree: &Tree, text: &str) -> Bindings {
        let mut walk = walk::Walk::new(language, text);
        walk.run(tree.root_node());
        walk.finish(tree.root_node())
    }

    fn is_name(&self, name: &str) -> bool {
        let part = |c: char| c == '_' || c == '$' || c.is_alphanumeric();
        let mut characters = name.chars();
        let first = characters.next().is_some_and(|first| part(first) && !first.is_numeric());
        first && characters.all(part) && !KEYWORDS.contains(&name)
    }

    fn module_files(&self, files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
        modules::module_files(files, from, module)
    }

    fn siblings(&self, files: &dyn Files, path: &RepoPath, bindings: &Bindings) -> Vec<RepoPath> {
        modules::siblings(files, path, &bindings.package)
    }

    fn module_scope(&self, bindings: &Bindings, module: &str) -> Option<ScopeId> {
        modules::scope(bindings, module)
    }

    fn names_file(&self, path: &RepoPath, declaration: &Declaration) -> bool {
        use DeclarationKind::{Class, Enum, Interface};
        declaration.scope == ScopeId(0)
            && matches!(declaration.kind, Class | Enum | Interface)
            && path.file_name().strip_suffix(".java") == Some(&declaration.name)
    }
}
