//! Python's rules: scopes by function, class and comprehension; modules by folders and files.

mod calls;
mod definitions;
mod facts;
mod imports;
mod modules;
mod names;
mod shapes;
mod solve;
mod statements;
#[cfg(test)]
mod tests;
mod walk;
mod words;

use super::Rules;
use crate::{Bindings, Files};
use deepcoder_syntax::{Language, Tree};
use deepcoder_types::RepoPath;

pub(crate) struct Python;

impl Rules for Python {
    fn bind(&self, _language: Language, tree: &Tree, text: &str) -> Bindings {
        solve::solve(&mut walk::collect(tree.root_node(), text))
    }

    fn is_name(&self, name: &str) -> bool {
        words::is_name(name)
    }

    fn normal(&self, name: &str) -> String {
        words::normal(name)
    }

    fn constructors(&self) -> &'static [&'static str] {
        &["__init__", "__new__"]
    }

    fn module_files(&self, files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
        modules::files(files, from, module)
    }
}
