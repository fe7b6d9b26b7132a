//! A tree of files in memory.

use crate::{Files, Memory, Project, Resolution, bind};
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;
use std::sync::Arc;

pub(crate) struct Tree(Memory);

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a path")
}

impl Tree {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self(Memory::new(files.iter().map(|(name, text)| (path(name), Arc::from(*text))).collect()))
    }

    /// The files of an import's module, seen from a file.
    pub(crate) fn module(&self, language: Language, from: &str, module: &str) -> Vec<String> {
        let rules = crate::languages::rules(language).expect("the language has rules");
        let found = rules.module_files(&self.0, &path(from), module);
        found.iter().map(|path| path.as_str().to_owned()).collect()
    }

    /// The other files of a file's package.
    pub(crate) fn siblings(&self, language: Language, name: &str) -> Vec<String> {
        let rules = crate::languages::rules(language).expect("the language has rules");
        let bindings =
            bind(language, &self.0.text(&path(name)).expect("the file is there")).expect("the text is bound");
        rules.siblings(&self.0, &path(name), &bindings).iter().map(|path| path.as_str().to_owned()).collect()
    }

    /// The places that name what is named after `|` in a file, which `at` shows: `file:offset`, with `?` where it is in doubt.
    pub(crate) fn occurrences(&self, file: &str, at: &str) -> Vec<String> {
        let project = Project::new(&self.0);
        let (_, _, symbol) = self.named(&project, file, at);
        let found = project.occurrences(&symbol).found;
        let show = |o: &crate::Occurrence| {
            let doubt = if o.doubt.is_some() { "?" } else { "" };
            format!("{}:{}{doubt}", o.place.path.as_str(), o.place.at.start)
        };
        found.iter().map(show).collect()
    }

    /// What stands against a new name of what is named after `|`: the reasons, with `!` where they forbid it.
    pub(crate) fn clashes(&self, file: &str, at: &str, new: &str) -> Vec<String> {
        let project = Project::new(&self.0);
        let (path, reference, symbol) = self.named(&project, file, at);
        let found = crate::clashes(&project, (&path, &reference), &symbol, new);
        found.iter().map(|clash| format!("{}{}", if clash.forbidden { "!" } else { "" }, clash.why)).collect()
    }

    fn named(&self, project: &Project<'_>, file: &str, at: &str) -> (RepoPath, crate::Reference, crate::Symbol) {
        let text = self.0.text(&path(file)).expect("the file is there");
        let offset = text.find(&at.replace('|', "")).expect("the text is there") + at.find('|').expect("a mark");
        let names = project.names_at(&path(file), offset as u32);
        match names.into_iter().next().expect("a name") {
            (reference, Resolution::Exact(symbol)) => (path(file), reference, symbol),
            (reference, other) => panic!("{reference:?} is {other:?}"),
        }
    }
}
