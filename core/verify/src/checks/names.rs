//! Names that a result uses and that nothing defines or imports.

use super::prompt::is_word;
use super::tree::folder_of;
use super::{Context, File};
use crate::policy::Finding;
use deepcoder_syntax::{FreeName, Language, free_names, missing_exports};
use deepcoder_types::RepoPath;
use std::collections::BTreeSet;

/// The most names that one file is told of: more of them say that the check has not understood the file.
const MOST: usize = 8;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in context.files.iter().filter(|file| file.sound()) {
        for FreeName { line, name } in added(context, file).into_iter().take(MOST) {
            findings.push(Finding::review(
                file.path,
                format!("line {line} uses `{name}`, which nothing defines or imports"),
            ));
        }
        for FreeName { line, name } in unlisted(context, file).into_iter().take(MOST) {
            findings.push(Finding::review(
                file.path,
                format!("line {line} lists `{name}`, which nothing defines or imports"),
            ));
        }
    }
}

/// Names that a module lists in `__all__` and has no more, or never had. A package lists its modules, too.
fn unlisted(context: &Context<'_>, file: &File<'_>) -> Vec<FreeName> {
    let (Some(Language::Python), Some(new)) = (file.language, file.new) else { return Vec::new() };
    let before: BTreeSet<String> =
        file.old.map(missing_exports).unwrap_or_default().into_iter().map(|free| free.name).collect();
    let folder = folder_of(file.path);
    let is_module = |name: &str| {
        let place = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        context
            .tree
            .files()
            .iter()
            .any(|path| path.as_str().strip_prefix(&place).is_some_and(|rest| rest.starts_with(['.', '/'])))
    };
    let mut all = missing_exports(new);
    all.retain(|free| !before.contains(&free.name) && !is_module(&free.name));
    all
}

/// The names without a meaning that had one before, or were not there.
fn added(context: &Context<'_>, file: &File<'_>) -> Vec<FreeName> {
    let (Some(language), Some(new)) = (file.language, file.new) else { return Vec::new() };
    let Some(after) = free_names(language, new) else { return Vec::new() };
    let before: BTreeSet<String> = match file.old {
        Some(old) => match free_names(language, old) {
            Some(free) => free.into_iter().map(|free| free.name).collect(),
            // It was unknown what the old text means, so that every word of it may be a name from elsewhere.
            None => old.split(|c| !super::prompt::is_word(c)).map(str::to_owned).collect(),
        },
        None => BTreeSet::new(),
    };
    let new = after.into_iter().filter(|free| !before.contains(&free.name));
    if !language.shares_names() {
        return new.collect();
    }
    // Of a text by itself it is not known what its package has.
    if !context.tree.is_known() {
        return Vec::new();
    }
    let folder = folder_of(file.path);
    let sibling = |path: &&RepoPath| *path != file.path && Language::program(path) == Some(language);
    let is_there = |name: &str| {
        let java = |path: &RepoPath| language == Language::Java && path.file_name().strip_suffix(".java") == Some(name);
        let mut siblings = context.tree.siblings(folder).filter(sibling);
        context.tree.files().iter().any(java)
            || siblings.any(|path| context.tree.text(path).is_none_or(|t| t.split(|c| !is_word(c)).any(|w| w == name)))
    };
    new.filter(|free| !is_there(&free.name)).collect()
}
