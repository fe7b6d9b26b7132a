//! A tree of files in memory.

use crate::{Files, bind};
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use std::sync::Arc;

pub(crate) struct Tree {
    paths: Vec<RepoPath>,
    texts: Vec<Arc<str>>,
}

impl Tree {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let mut files = files.to_vec();
        files.sort_unstable();
        Self {
            paths: files.iter().map(|(path, _)| RepoPath::new(*path).expect("a path")).collect(),
            texts: files.iter().map(|(_, text)| Arc::from(*text)).collect(),
        }
    }

    /// The files of an import's module, seen from a file.
    pub(crate) fn module(&self, language: Language, from: &str, module: &str) -> Vec<String> {
        let rules = crate::languages::rules(language).expect("the language has rules");
        let found = rules.module_files(self, &RepoPath::new(from).expect("a path"), module);
        found.iter().map(|path| path.as_str().to_owned()).collect()
    }

    /// The other files of a file's package.
    pub(crate) fn siblings(&self, language: Language, path: &str) -> Vec<String> {
        let rules = crate::languages::rules(language).expect("the language has rules");
        let path = RepoPath::new(path).expect("a path");
        let bindings = bind(language, &self.text(&path).expect("the file is there")).expect("the text is bound");
        rules.siblings(self, &path, &bindings).iter().map(|path| path.as_str().to_owned()).collect()
    }
}

impl Files for Tree {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        self.paths.binary_search(path).ok().map(|index| self.texts[index].clone())
    }

    fn paths(&self) -> &[RepoPath] {
        &self.paths
    }

    fn mentions(&self, _word: &str) -> Vec<RepoPath> {
        self.paths.clone()
    }
}
