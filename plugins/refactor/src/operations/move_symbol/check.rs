//! Whether every name means what it meant, when texts have moved from one file to another.

use super::{MoveError, folder};
use crate::{Changes, Refusal};
use deepcoder_resolve::{Form, Mapped, Overlay, Place, Project, Reference, Resolution, Role};
use deepcoder_syntax::Language;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Texts that have moved.
pub(super) struct Moved {
    pub(super) from: RepoPath,
    pub(super) to: RepoPath,
    /// The text before, and where it begins after.
    pub(super) pieces: Vec<(TextRange, u32)>,
    /// Whether the whole file has another path, and nothing else moved.
    pub(super) whole: bool,
    /// The names under which others know what moved.
    pub(super) names: BTreeSet<String>,
}

/// What a name means, in the words of the tree after.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Declared(Place),
    /// Of a module, by what the tree calls the module.
    Imported(String, Option<String>),
    /// What the edit wrote anew.
    Rewritten,
}

/// Compares the names of the files that change and of those that hold a moved name. The changes are settled.
pub(super) fn same_meanings(project: &Project<'_>, changes: &mut Changes, moved: &Moved) -> Result<(), Refusal> {
    let texts = changes.apply(project.files()).map_err(|error| Refusal::of(&error))?;
    let mut paths: BTreeSet<RepoPath> = changes.edits.keys().cloned().collect();
    paths.insert(moved.from.clone());
    for name in moved.names.iter().filter(|name| *name != "default") {
        paths.extend(project.files().mentions(name));
    }
    let mut changed: BTreeMap<RepoPath, Option<Arc<str>>> =
        texts.into_iter().map(|(path, text)| (path, Some(Arc::from(text)))).collect();
    if moved.whole {
        let file = moved.from.file_name();
        paths.extend(project.files().mentions(file.split('.').next().unwrap_or(file)));
        changed.insert(moved.from.clone(), None);
    }
    let overlay = Overlay::new(project.files(), changed);
    let after = Project::new(&overlay);
    let length = |text: &String| u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mapped: BTreeMap<RepoPath, Mapped> = changes
        .edits
        .iter()
        .map(|(path, edits)| (path.clone(), Mapped::new(edits.iter().map(|(range, text)| (*range, length(text))))))
        .collect();
    let place = |path: &RepoPath, at: TextRange| -> Option<Place> {
        let piece = moved.pieces.iter().find(|(piece, _)| piece.start <= at.start && at.end <= piece.end);
        if let Some((piece, start)) = piece.filter(|_| *path == moved.from) {
            let start = start + (at.start - piece.start);
            return Some(Place { path: moved.to.clone(), at: TextRange::new(start, start + (at.end - at.start)) });
        }
        let at = mapped.get(path).map_or(Some(at), |mapped| mapped.range(at))?;
        let moves = moved.whole && *path == moved.from;
        Some(Place { path: if moves { moved.to.clone() } else { path.clone() }, at })
    };
    let mut doubts = Vec::new();
    for path in paths {
        let Some(old) = project.bindings(&path) else { continue };
        for reference in &old.references {
            if matches!(reference.role, Role::Imports | Role::Declares) || reference.form == Form::Quoted {
                continue;
            }
            let Some(new) = place(&path, reference.at) else { continue };
            let expected = meaning(project, &path, reference, Some((moved, &place)));
            if expected.contains(&Meaning::Rewritten) {
                continue;
            }
            let there = after.bindings(&new.path);
            let same = |r: &&Reference| r.at == new.at && r.name == reference.name && r.role == reference.role;
            let wrong = || Refusal::of(&MoveError::Meaning(reference.name.clone())).at(&path, reference.at);
            let found: Vec<BTreeSet<Meaning>> = there
                .iter()
                .flat_map(|bindings| bindings.references.iter().filter(same))
                .map(|r| meaning(&after, &new.path, r, None))
                .collect();
            if !found.contains(&expected) {
                return Err(wrong());
            }
            let named = moved.names.contains(&reference.name);
            let open = || !matches!(project.resolve(&path, reference), Resolution::Exact(_) | Resolution::Unresolved);
            if named && !expected.is_empty() && open() {
                doubts.push((path.clone(), reference.at));
            }
        }
    }
    for (path, at) in doubts {
        changes.doubt(&path, at, "the text does not tell whether this means what moves");
    }
    Ok(())
}

type ToNew<'c> = (&'c Moved, &'c dyn Fn(&RepoPath, TextRange) -> Option<Place>);

fn meaning(
    project: &Project<'_>,
    path: &RepoPath,
    reference: &Reference,
    before: Option<ToNew<'_>>,
) -> BTreeSet<Meaning> {
    let each = project.meant(path, reference).into_iter().map(|meant| {
        let import = project.bindings(&meant.path).and_then(|bindings| {
            bindings.declarations.iter().find(|d| d.at == meant.at).and_then(|d| d.import.clone())
        });
        if let Some(import) = import {
            // `from a import b` may be about the module `a.b`.
            let dot = if import.module.ends_with('.') { "" } else { "." };
            let inner = import.name.as_ref().map(|name| format!("{}{dot}{name}", import.module));
            let inner = inner.filter(|_| Language::program(&meant.path) == Some(Language::Python));
            let inner = inner.map(|inner| project.module_files(&meant.path, &inner)).unwrap_or_default();
            if let Some(file) = inner.first() {
                let moves = before.filter(|(moved, _)| *file == moved.from && moved.whole);
                let file = moves.map_or(file, |(moved, _)| &moved.to);
                return Meaning::Imported(file.to_string(), None);
            }
            let files = project.module_files(&meant.path, &import.module);
            let module = match files.first() {
                Some(file) => {
                    let name = import.name.as_deref().unwrap_or_default();
                    let moves =
                        before.filter(|(moved, _)| *file == moved.from && (moved.whole || moved.names.contains(name)));
                    moves.map_or(file, |(moved, _)| &moved.to).to_string()
                }
                None => absolute(&meant.path, &import.module),
            };
            return Meaning::Imported(module, import.name);
        }
        let mapped = before.map_or(Some(meant.clone()), |(_, place)| place(&meant.path, meant.at));
        mapped.map_or(Meaning::Rewritten, Meaning::Declared)
    });
    each.collect()
}

/// A module that is not in the tree, by the path from its top.
fn absolute(path: &RepoPath, module: &str) -> String {
    if !module.starts_with("./") && !module.starts_with("../") {
        return module.to_owned();
    }
    let mut parts: Vec<&str> = folder(path.as_str()).split('/').filter(|part| !part.is_empty()).collect();
    for part in module.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
