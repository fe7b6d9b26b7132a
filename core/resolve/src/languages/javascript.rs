//! JavaScript's and TypeScript's rules: block scopes, hoisting, values and types, modules by paths.

mod build;
mod docs;
mod files;
mod functions;
mod hint;
mod hints;
mod members;
mod modules;
mod patterns;
mod solve;
#[cfg(test)]
mod tests;
mod types;
mod walk;
mod words;

use super::Rules;
use crate::{Bindings, Files};
use deepcoder_syntax::{Language, Tree};
use deepcoder_types::RepoPath;

pub(crate) struct JavaScript;

impl Rules for JavaScript {
    fn bind(&self, language: Language, tree: &Tree, text: &str) -> Bindings {
        let typescript = language != Language::JavaScript;
        solve::solve(walk::collect(tree.root_node(), text, typescript), language)
    }

    fn is_name(&self, name: &str) -> bool {
        words::is_name(name)
    }

    fn module_files(&self, files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
        files::module_files(files, from, module)
    }

    fn imports_have_own_names(&self) -> bool {
        true
    }

    fn has_globals(&self) -> bool {
        true
    }

    // JavaScript's objects fulfil what is asked of them without saying so, as TypeScript's do.
    fn structural(&self) -> bool {
        true
    }
}
