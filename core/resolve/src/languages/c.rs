//! C and C++: name spaces, block scopes, types with members, namespaces, and the macros around them.
//!
//! A file is bound alone. Names of the file scope are joined over the files that are included together by
//! [`crate::Project`], by what [`lexer`] and [`macros`] find in their directives.

mod classes;
mod declarator;
mod declare;
mod directives;
mod known;
pub(crate) mod lexer;
pub(crate) mod macros;
mod mask;
pub(crate) mod modules;
#[cfg(test)]
mod tests;
mod walk;

use super::Rules;
use crate::{Bindings, Files};
use deepcoder_syntax::{Language, Tree};
use deepcoder_types::RepoPath;

pub(crate) use modules::included;

pub(crate) struct C;

pub(crate) const KEYWORDS: &[&str] = &[
    "_Alignas",
    "_Alignof",
    "_Atomic",
    "_Bool",
    "_Complex",
    "_Generic",
    "_Imaginary",
    "_Noreturn",
    "_Static_assert",
    "_Thread_local",
    "auto",
    "break",
    "case",
    "char",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extern",
    "float",
    "for",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "register",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "struct",
    "switch",
    "typedef",
    "union",
    "unsigned",
    "void",
    "volatile",
    "while",
];

pub(crate) const CPP_KEYWORDS: &[&str] = &[
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "bitand",
    "bitor",
    "bool",
    "catch",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "decltype",
    "delete",
    "dynamic_cast",
    "explicit",
    "export",
    "false",
    "friend",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "reinterpret_cast",
    "requires",
    "static_assert",
    "static_cast",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typeid",
    "typename",
    "using",
    "virtual",
    "wchar_t",
    "xor",
    "xor_eq",
];

impl Rules for C {
    fn bind(&self, language: Language, tree: &Tree, text: &str) -> Bindings {
        if !tree.root_node().has_error() {
            return bound(language, tree, text, None);
        }
        // Macros can stand where the grammar knows none, and so can conditions.
        let mut best = (errors(tree), None);
        for flat in [false, true] {
            let masked = mask::masked(text, language == Language::C, flat);
            if let Some(other) = deepcoder_syntax::tree(language, &masked.text)
                && errors(&other) < best.0
            {
                best = (errors(&other), Some((other, masked)));
            }
            if best.0 == 0 {
                break;
            }
        }
        match best.1 {
            Some((better, masked)) => bound(language, &better, text, Some(masked)),
            None => bound(language, tree, text, None),
        }
    }

    /// A name of C may stand in a header that C++ reads as well.
    fn is_name(&self, name: &str) -> bool {
        let part = |c: char| c == '_' || c == '$' || c.is_alphanumeric();
        let first = name.chars().next().is_some_and(|first| part(first) && !first.is_numeric());
        first && name.chars().all(part) && !KEYWORDS.contains(&name) && !CPP_KEYWORDS.contains(&name)
    }

    fn module_files(&self, files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
        included(files, from, module)
    }

    fn includes(&self) -> bool {
        true
    }
}

fn bound(language: Language, tree: &Tree, text: &str, masked: Option<mask::Masked>) -> Bindings {
    let mut walk = walk::Walk::new(language, tree.root_node(), text);
    walk.run(tree.root_node());
    if let Some(masked) = masked {
        walk.masked(masked);
    }
    walk.finish(tree.root_node())
}

/// How much of a text does not parse.
fn errors(tree: &Tree) -> usize {
    directives::regions(tree.root_node()).iter().map(|region| 1 + (region.end - region.start) as usize).sum()
}
