use super::Rules;
use crate::{Bindings, Files};
use deepcoder_syntax::{Language, Tree};
use deepcoder_types::RepoPath;

pub(crate) struct Python;

impl Rules for Python {
    fn bind(&self, language: Language, _tree: &Tree, text: &str) -> Bindings {
        Bindings::empty(language, u32::try_from(text.len()).unwrap_or(u32::MAX))
    }

    fn is_name(&self, _name: &str) -> bool {
        false
    }

    fn module_files(&self, _files: &dyn Files, _from: &RepoPath, _module: &str) -> Vec<RepoPath> {
        Vec::new()
    }
}
