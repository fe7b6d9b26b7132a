//! The context of a target: files that the user wants read, the other targets, definitions that the prompt names, and
//! the target's imports. They come as signatures where possible: a small model copies whole files that stand beside its
//! own.

use crate::target::signatures;
use crate::{Context, cut, whole};
use deepcoder_syntax::{Language, RawSymbol, import_statements, symbols};
use deepcoder_types::{RepoPath, Snippet, TextRange};
use deepcoder_workspace::TextFile;
use std::collections::BTreeSet;

/// Names of a prompt that are looked up in other files.
const MAX_NAMES: usize = 8;
/// Files that a target imports and that are shown.
const MAX_IMPORTED: usize = 4;
/// Signatures of one file.
const MAX_SIGNATURES: usize = 12;
/// A definition that the prompt names is shown whole up to this many bytes, and as its signature beyond.
const MAX_DEFINITION: u32 = 2048;

/// File names that stand for their folder.
const OF_FOLDER: [&str; 4] = ["__init__", "mod", "index", "lib"];

/// Where a prompt writes an identifier: in backticks, before a parenthesis, or spelled as no plain word is.
pub(crate) fn identifiers(prompt: &str) -> Vec<String> {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    for word in prompt.split(|c| !of_name(c)) {
        let (start, end) = (at, at + word.len());
        at = end + prompt[end..].chars().next().map_or(0, char::len_utf8);
        let marked = prompt[..start].ends_with('`') || prompt[end..].starts_with('(');
        let inner = word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase);
        let shaped = inner || word.trim_matches('_').contains('_');
        let name = word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if name && (marked || shaped) && !out.iter().any(|o| o == word) {
            out.push(word.to_owned());
        }
    }
    out
}

impl Context<'_> {
    /// Definitions that `prompt` names and `target` does not have, each whole where it is short.
    pub(crate) fn named_elsewhere(&self, prompt: &str, target: &TextFile, files: &[RepoPath]) -> Vec<Snippet> {
        let own: BTreeSet<String> = names(target);
        let wanted: Vec<String> =
            identifiers(prompt).into_iter().filter(|n| !own.contains(n)).take(MAX_NAMES).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut out = Vec::new();
        for path in files.iter().filter(|path| **path != target.path) {
            let Some(language) = Language::program(path) else { continue };
            // Cheaper than `admit`, which looks for secrets: only what is shown is looked through.
            let Ok(file) = self.tree.read_text(path) else { continue };
            if !wanted.iter().any(|name| file.text.contains(name.as_str())) {
                continue;
            }
            let found = symbols(language, &file.text);
            let meant: Vec<&RawSymbol> =
                found.iter().filter(|s| wanted.contains(&s.name) && shown_kind(s.kind)).collect();
            if meant.is_empty() || deepcoder_workspace::contains_secret(&file.text) {
                continue;
            }
            for symbol in meant {
                let short = symbol.range.end - symbol.range.start <= MAX_DEFINITION;
                let signature = TextRange::new(symbol.signature_start, symbol.signature_end);
                let range = if short { symbol.range } else { signature };
                out.extend(cut(&file, range, format!("symbol:{}", symbol.name)));
            }
            if out.len() >= MAX_NAMES {
                break;
            }
        }
        out.truncate(MAX_NAMES);
        out
    }

    /// Signatures of what `target` imports from files of the repository.
    pub(crate) fn imported(&self, target: &TextFile, files: &[RepoPath]) -> Vec<Snippet> {
        let Some(language) = Language::program(&target.path) else { return Vec::new() };
        let words: Vec<BTreeSet<&str>> = import_statements(language, &target.text)
            .into_iter()
            .filter_map(|range| target.text.get(range.as_range()))
            .map(|s| s.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).collect())
            .collect();
        let folder = folder(&target.path);
        let mut found: Vec<(bool, &RepoPath, usize)> = Vec::new();
        for path in
            files.iter().filter(|p| **p != target.path && Language::program(p).is_some_and(|l| l.is_related(language)))
        {
            let (stem, parent) = (stem(path), crate::related::folder(path).rsplit('/').next().unwrap_or_default());
            let meant = if OF_FOLDER.contains(&stem) { parent } else { stem };
            if meant.is_empty() {
                continue;
            }
            if let Some(at) = words.iter().position(|w| w.contains(meant)) {
                found.push((crate::related::folder(path) != folder, path, at));
            }
        }
        found.sort();
        let mut out = Vec::new();
        for (_, path, at) in found.into_iter().take(MAX_IMPORTED) {
            let Ok(file) = self.admit(path) else { continue };
            let Some(language) = Language::program(path) else { continue };
            let all = symbols(language, &file.text);
            let top = |s: &RawSymbol| s.qualified.split('.').next().unwrap_or_default().to_owned();
            let named: Vec<RawSymbol> = all.iter().filter(|s| words[at].contains(top(s).as_str())).cloned().collect();
            let wanted = if named.is_empty() { &all } else { &named };
            out.extend(signatures(&file, wanted).take(MAX_SIGNATURES));
        }
        out
    }

    /// Signatures of another target.
    pub(crate) fn outline(&self, path: &RepoPath) -> Vec<Snippet> {
        let Some(language) = Language::program(path) else { return Vec::new() };
        let Ok(file) = self.admit(path) else { return Vec::new() };
        let found = symbols(language, &file.text);
        signatures(&file, &found).take(MAX_SIGNATURES).collect()
    }

    /// A file that the user wants read: whole where it fits, otherwise its signatures.
    pub(crate) fn to_read(&self, file: &TextFile, fits: bool) -> Vec<Snippet> {
        if fits {
            return vec![whole(file, "read")];
        }
        let found = Language::program(&file.path).map(|l| symbols(l, &file.text)).unwrap_or_default();
        signatures(file, &found).collect()
    }
}

fn names(file: &TextFile) -> BTreeSet<String> {
    let found = Language::program(&file.path).map(|l| symbols(l, &file.text)).unwrap_or_default();
    found.into_iter().map(|s| s.name).collect()
}

fn shown_kind(kind: &str) -> bool {
    !matches!(kind, "variable" | "field")
}

fn folder(path: &RepoPath) -> &str {
    path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(crate) fn stem(path: &RepoPath) -> &str {
    path.file_name().split('.').next().unwrap_or_default()
}
