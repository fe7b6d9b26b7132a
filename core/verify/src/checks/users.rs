//! Files outside of the edit that use a definition which is gone after it.

use super::{Context, File, line_of};
use crate::policy::{Finding, Severity};
use deepcoder_resolve::{Memory, Project, Resolution};
use deepcoder_syntax::{Language, surface};
use deepcoder_types::RepoPath;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Files that are read for one name at most.
const MOST_FILES: usize = 200;

/// So many names of one file are looked for.
const MOST_NAMES: usize = 20;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut bound: HashSet<String> = HashSet::new();
    for file in &context.files {
        bound.extend(file.after().iter().map(|symbol| symbol.name.clone()));
        let names = file.language.zip(file.new).and_then(|(language, new)| surface(language, new));
        bound.extend(names.into_iter().flat_map(|surface| surface.names));
    }
    for file in context.files.iter().filter(|file| file.language.is_some_and(deepcoder_resolve::supports)) {
        // A result that does not parse, or that is refused anyway, needs no weaker reason.
        if (file.new.is_some() && !file.sound())
            || findings.iter().any(|f| f.path == *file.path && f.severity == Severity::Error)
        {
            continue;
        }
        let top = file.before().iter().filter(|symbol| symbol.qualified == symbol.name);
        let gone: BTreeSet<&str> =
            top.map(|symbol| symbol.name.as_str()).filter(|name| !bound.contains(*name)).collect();
        for name in gone.into_iter().take(MOST_NAMES) {
            if let Some(message) = used(context, file, name) {
                findings.push(Finding::review(file.path, message));
            }
        }
    }
}

/// Who uses the name, where that is beyond doubt.
fn used(context: &Context<'_>, file: &File<'_>, name: &str) -> Option<String> {
    let (language, old) = (file.language?, file.old?);
    let mut texts: BTreeMap<RepoPath, Arc<str>> = BTreeMap::new();
    for path in context.tree.files().iter().filter(|path| !context.tree.in_set(path)) {
        let other = Language::program(path);
        let fits = other == Some(language) || other.is_some_and(|other| other.is_script() && language.is_script());
        if !fits || texts.len() >= MOST_FILES {
            continue;
        }
        let Some(text) = context.tree.text(path) else { continue };
        if text.contains(name) {
            texts.insert(path.clone(), Arc::from(&*text));
        }
    }
    if texts.is_empty() {
        return None;
    }
    texts.insert(file.path.clone(), Arc::from(old));
    let files = Memory::new(texts);
    let project = Project::new(&files);
    let symbol = file.before().iter().find(|symbol| symbol.name == name && symbol.qualified == name)?;
    let bindings = project.bindings(file.path)?;
    let within = |at: u32| symbol.range.start <= at && at < symbol.range.end;
    let declared = bindings.declarations.iter().find(|d| d.name == name && within(d.at.start))?;
    let (_, resolution) = project.names_at(file.path, declared.at.start).into_iter().next()?;
    let Resolution::Exact(symbol) = resolution else { return None };
    let occurrences = project.occurrences(&symbol);
    let first = occurrences.found.iter().find(|found| found.place.path != *file.path && found.doubt.is_none())?;
    let text = context.tree.text(&first.place.path)?;
    let line = line_of(&text, first.place.at.start);
    Some(format!("line {line} of `{}` uses `{name}`, which is gone", first.place.path))
}
