//! Which files of a result need each other, so that a part of them must not land without the rest.

use deepcoder_syntax::{Language, LanguageKind, symbols};
use deepcoder_types::{Constraint, FileChange, RepoPath};
use std::collections::{BTreeMap, BTreeSet};

/// Shorter words of data and of files in unknown languages name nothing.
const LEAST_WORD: usize = 3;

/// A target of a request, with its change where it has one.
pub(crate) struct Part {
    path: RepoPath,
    /// Names whose declaration the change adds, removes or gives another signature.
    declared: BTreeSet<String>,
    /// The words of the file, before and after.
    words: BTreeSet<String>,
    /// Names that the file declares itself at its outermost level.
    own: BTreeSet<String>,
}

impl Part {
    /// A file that changes. Comments, annotations and the layout of a file are nothing that another file needs.
    pub(crate) fn changed(file: &FileChange, constraint: Option<&Constraint>, passed: bool) -> Self {
        let text = |bytes: Option<&Vec<u8>>| String::from_utf8_lossy(bytes.map_or(&[][..], Vec::as_slice)).into_owned();
        let old = text(file.old.as_ref().map(|image| &image.bytes));
        let new = text(file.new.as_ref().map(|image| &image.bytes));
        let mut part = Self::of(&file.path, &[&old, &new]);
        let mechanical =
            matches!(constraint, Some(Constraint::Comments | Constraint::Annotations | Constraint::Layout));
        if !mechanical {
            part.declared = declared(&file.path, &old, &new, passed);
        }
        part
    }

    /// A file that stays as it is, though it was a target.
    pub(crate) fn unchanged(path: &RepoPath, text: &str) -> Self {
        Self::of(path, &[text])
    }

    fn of(path: &RepoPath, texts: &[&str]) -> Self {
        let own = match Language::program(path) {
            // The files of a C program share their names.
            Some(language) if !language.is_c() => texts.iter().flat_map(|text| outermost(language, text)).collect(),
            _ => BTreeSet::new(),
        };
        let words = texts.iter().flat_map(|text| words(text)).map(str::to_owned).collect();
        Self { path: path.clone(), declared: BTreeSet::new(), words, own }
    }

    fn needs(&self, other: &Self) -> bool {
        other.declared.iter().any(|name| self.words.contains(name) && !self.own.contains(name))
    }

    /// Whether one needs the other: it uses a name that the other's change declares, or they are two halves of one module,
    /// of which one declares something.
    fn is_linked(&self, other: &Self) -> bool {
        let declare = !(self.declared.is_empty() && other.declared.is_empty());
        (declare && are_halves(&self.path, &other.path)) || self.needs(other) || other.needs(self)
    }
}

/// Whether two files have one name but for the extension: in one directory, or anywhere where they are a header and a source.
fn are_halves(one: &RepoPath, other: &RepoPath) -> bool {
    let is_c = |path| Language::of(path).is_some_and(Language::is_c);
    let stem = |path: &RepoPath| path.file_name().split('.').next().map(str::to_owned);
    let directory = |path: &RepoPath| path.as_str().rsplit_once('/').map(|(directory, _)| directory.to_owned());
    one.extension() != other.extension()
        && stem(one) == stem(other)
        && ((is_c(one) && is_c(other)) || directory(one) == directory(other))
}

/// Of `parts`, those that need one of the `waiting` ones, directly or by others.
///
/// Where a file waits, only files that need nothing of it may land without it, nor may it need anything of them. Names
/// decide that, whatever scope they have, since they are known in every language: too many files wait rather than too
/// few. A change inside a function that leaves its signature declares nothing, so that one file of "every file" does
/// not hold the others.
pub(crate) fn linked<'p>(parts: &'p [Part], waiting: &[&RepoPath]) -> BTreeSet<&'p RepoPath> {
    let mut held: BTreeSet<&RepoPath> = BTreeSet::new();
    let mut next: Vec<&Part> = parts.iter().filter(|part| waiting.contains(&&part.path)).collect();
    while let Some(part) = next.pop() {
        for other in parts.iter().filter(|other| !waiting.contains(&&other.path) && part.is_linked(other)) {
            if held.insert(&other.path) {
                next.push(other);
            }
        }
    }
    held
}

fn declared(path: &RepoPath, old: &str, new: &str, passed: bool) -> BTreeSet<String> {
    match Language::of(path) {
        Some(language) if language.kind() == LanguageKind::Program => {
            let (before, after) = (signatures(language, old), signatures(language, new));
            let differs = |key: &&String| match (before.get(*key), after.get(*key)) {
                // The signatures of a text with errors may be anything.
                (Some((_, before)), Some((_, after))) => passed && before != after,
                _ => true,
            };
            let all = before.iter().chain(&after);
            let names = all.filter(|(key, _)| differs(key)).map(|(_, (name, _))| name.clone());
            names.collect()
        }
        // Documents declare nothing.
        Some(language) if language.kind() == LanguageKind::Markup => BTreeSet::new(),
        _ => {
            let (before, after): (BTreeSet<&str>, BTreeSet<&str>) = (words(old).collect(), words(new).collect());
            let differing = before.symmetric_difference(&after);
            differing.filter(|word| word.len() >= LEAST_WORD).map(|word| (*word).to_owned()).collect()
        }
    }
}

/// By qualified name: the name and the text of all its signatures, without blanks.
fn signatures(language: Language, text: &str) -> BTreeMap<String, (String, String)> {
    let mut all: BTreeMap<String, (String, String)> = BTreeMap::new();
    for symbol in symbols(language, text) {
        let signature = text.get(symbol.signature_start as usize..symbol.signature_end as usize).unwrap_or_default();
        let entry = all.entry(symbol.qualified).or_insert_with(|| (symbol.name, String::new()));
        entry.1.extend(signature.chars().filter(|c| !c.is_whitespace()));
    }
    all
}

fn outermost(language: Language, text: &str) -> Vec<String> {
    symbols(language, text).into_iter().filter(|s| s.qualified == s.name).map(|s| s.name).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}
