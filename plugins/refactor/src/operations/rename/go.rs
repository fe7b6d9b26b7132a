//! Go: receivers of one type, imports by their paths, packages with their directories.

use super::RenameError;
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{Bindings, DeclarationKind, Global, Overlay, Project, changed_by_renaming, is_name};
use deepcoder_syntax::Language;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The import whose path the target is in: its name is the package's, or the one that is written before the path.
pub(super) fn import_at(project: &Project<'_>, target: &Target) -> Option<Target> {
    let bindings = project.bindings(&target.path).filter(|b| b.language == Language::Go)?;
    let at = target.range.start;
    let import = |d: &&deepcoder_resolve::Declaration| {
        d.kind == DeclarationKind::Import && d.extent.start <= at && at <= d.extent.end && d.at.end <= at
    };
    let start = bindings.declarations.iter().find(import)?.at.start;
    Some(Target { path: target.path.clone(), range: TextRange::new(start, start) })
}

/// What goes with the alias of an import that gets the name that the package has without one: the space before the path.
pub(super) fn needless_alias(project: &Project<'_>, symbol: &[Global], new: &str) -> Option<(RepoPath, TextRange)> {
    let [global] = symbol else { return None };
    let declared = project.declaration(global)?;
    let path = &declared.import.as_ref()?.module;
    let last = path.rsplit('/').next().unwrap_or(path);
    let in_tree = project.package_of(&global.0, path);
    // Only the names of packages that are in the tree and of the standard library are known.
    let known = match in_tree {
        Some(name) => name == new,
        None => !path.split('/').next().is_some_and(|first| first.contains('.')) && last == new,
    };
    let text = project.files().text(&global.0)?;
    let after = text.get(declared.at.end as usize..)?;
    let space = u32::try_from(after.len() - after.trim_start().len()).ok()?;
    let aliased = declared.at.start < declared.at.end;
    (known && aliased).then(|| (global.0.clone(), TextRange::new(declared.at.start, declared.at.end + space)))
}

/// The receivers of the other methods of a type, where the target is one: one name for all of them is the convention.
pub(super) fn receivers(project: &Project<'_>, global: &Global) -> Vec<Target> {
    deepcoder_resolve::receivers(project, global)
        .into_iter()
        .filter_map(|(path, id)| {
            let start = project.declaration(&(path.clone(), id))?.at.start;
            Some(Target { path, range: TextRange::new(start, start) })
        })
        .collect()
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The name in the package clause of a file.
fn clause(text: &str) -> Option<TextRange> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("package ") {
            let name = rest.trim_start();
            let skipped = line.len() - name.len();
            let length = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            let from = u32::try_from(start + skipped).ok()?;
            return Some(TextRange::new(from, from + u32::try_from(length).ok()?));
        }
        start += line.len();
    }
    None
}

/// A module of the tree: the directory of its `go.mod` and its path.
struct Module {
    root: String,
    path: String,
}

impl Module {
    fn of(project: &Project<'_>, path: &RepoPath) -> Option<Self> {
        let mut root = folder(path.as_str());
        loop {
            let text = RepoPath::new(join(root, "go.mod")).ok().and_then(|file| project.files().text(&file));
            if let Some(text) = text {
                let line = text.lines().find_map(|line| line.trim().strip_prefix("module "))?;
                let path = line.split("//").next().unwrap_or(line).trim().trim_matches(['"', '`']);
                return Some(Self { root: root.to_owned(), path: path.to_owned() });
            }
            if root.is_empty() {
                return None;
            }
            root = folder(root);
        }
    }

    /// The path by which the package of a directory is imported.
    fn import(&self, directory: &str) -> String {
        let inside = directory.strip_prefix(&self.root).unwrap_or(directory).trim_start_matches('/');
        if inside.is_empty() { self.path.clone() } else { format!("{}/{inside}", self.path) }
    }
}

/// A package with its directory, where the target is in a package clause; `None` where it is not. The new name is the
/// package's, or the whole path by which it is to be imported.
pub(super) fn package(project: &Project<'_>, target: &Target, new: &str) -> Option<Result<Changes, Refusal>> {
    if Language::program(&target.path) != Some(Language::Go) {
        return None;
    }
    let text = project.files().text(&target.path)?;
    let at = clause(&text).filter(|at| at.start <= target.range.start && target.range.start <= at.end)?;
    let old = text.get(at.as_range())?.trim_end_matches("_test").to_owned();
    let moved = move_package(project, target, &old, new);
    Some(moved.map_err(|refusal| match refusal.place {
        Some(_) => refusal,
        None => refusal.at(&target.path, at),
    }))
}

fn move_package(project: &Project<'_>, target: &Target, old: &str, new: &str) -> Result<Changes, Refusal> {
    let refuse = |message: &str| Err(Refusal::new(message));
    let home = folder(target.path.as_str()).to_owned();
    let Some(module) = Module::of(project, &target.path) else { return refuse("there is no go.mod above this file") };
    let old_path = module.import(&home);
    let new_path = match new.contains('/') {
        true => new.to_owned(),
        false if home == module.root => old_path.clone(),
        false => join(folder(&old_path), new),
    };
    let name = new_path.rsplit('/').next().unwrap_or(new).to_owned();
    let name = if new.contains('/') || home != module.root { name } else { new.to_owned() };
    if !is_name(Language::Go, &name) {
        let error = RenameError::NotAName { name, language: Language::Go.name() };
        return Err(Refusal::of(&error));
    }
    if old == "main" {
        return refuse("`main` is the package of a program");
    }
    let Some(inside) = new_path.strip_prefix(&module.path).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    else {
        return refuse("a package cannot move to another module");
    };
    let directory = join(&module.root, inside.trim_start_matches('/')).trim_end_matches('/').to_owned();
    if old_path == new_path && old == name {
        return Err(Refusal::of(&RenameError::Same));
    }
    let paths = project.files().paths();
    let here = |path: &&RepoPath| folder(path.as_str()) == home && path.extension() == Some("go");
    let taken = |path: &RepoPath| folder(path.as_str()) == directory && path.extension() == Some("go");
    if directory != home && paths.iter().any(taken) {
        return Err(Refusal::new(format!("`{directory}` has a package already")).with_hint("choose another name"));
    }
    let mut changes = Changes::default();
    for path in paths.iter().filter(here) {
        let Some(text) = project.files().text(path) else { continue };
        if let Some(at) = clause(&text) {
            let word = text.get(at.as_range()).unwrap_or("");
            match word.strip_prefix(old) {
                Some("") => changes.replace(path, at, name.clone()),
                Some("_test") => changes.replace(path, at, format!("{name}_test")),
                _ => {}
            }
        }
        let file = path.file_name();
        if let (true, Ok(to)) = (directory != home, RepoPath::new(join(&directory, file))) {
            changes.renamed.push((path.clone(), to));
        }
    }
    for path in paths.iter().filter(|path| path.extension() == Some("go")) {
        let Some(bindings) = project.bindings(path) else { continue };
        importer(project, path, &bindings, (&old_path, &new_path), (old, &name), &mut changes)?;
    }
    manifests(project, (&home, &directory), &mut changes);
    allowed(project, &changes, &new_path, &old_path)?;
    for edits in changes.edits.values_mut() {
        edits.sort_by_key(|(at, _)| (at.start, at.end));
    }
    checked(project, &changes, (old, &name))?;
    Ok(changes)
}

/// The imports of the package in a file, and its name where that is the package's own.
fn importer(
    project: &Project<'_>,
    path: &RepoPath,
    bindings: &Bindings,
    (old_path, new_path): (&str, &str),
    (old, name): (&str, &str),
    changes: &mut Changes,
) -> Result<(), Refusal> {
    let text = project.files().text(path).unwrap_or_default();
    for (id, declared) in bindings.ids() {
        let Some(import) = declared.import.as_ref().filter(|import| import.module == old_path) else { continue };
        let after = text.get(declared.at.end as usize..declared.extent.end as usize).unwrap_or("");
        let Some(quote) = after.find(['"', '`']) else { continue };
        let start = declared.at.end + u32::try_from(quote).unwrap_or(0);
        let path_at = TextRange::new(start + 1, start + 1 + u32::try_from(import.module.len()).unwrap_or(0));
        changes.replace(path, path_at, new_path);
        if declared.at.start < declared.at.end || old == name {
            continue;
        }
        if declared.name != old {
            return Err(Refusal::new("this file imports a package whose name is not the last part of its path")
                .at(path, path_at));
        }
        let others: BTreeSet<&str> = bindings.declarations.iter().map(|d| d.name.as_str()).collect();
        let siblings = project.siblings(path);
        let of_package = |name: &str| {
            siblings.iter().filter_map(|path| project.bindings(path)).any(|b| {
                b.declarations
                    .iter()
                    .any(|d| d.name == name && d.scope == deepcoder_resolve::ScopeId(0) && d.import.is_none())
            })
        };
        let free = |name: &str| !others.contains(name) && !of_package(name);
        let local = match free(name) {
            true => name.to_owned(),
            false => {
                let numbered = (1..).map(|n| format!("{name}{n}")).find(|name| free(name)).unwrap_or_default();
                changes.insert(path, start, format!("{numbered} "));
                numbered
            }
        };
        let named = bindings.references.iter().filter(|r| {
            matches!(r.target, deepcoder_resolve::Target::Declaration(of) if of == id) && r.at.start < r.at.end
        });
        for reference in named {
            changes.replace(path, reference.at, local.clone());
        }
    }
    Ok(())
}

/// The directories that `go.mod` and `go.work` name, and other files that name the directory.
fn manifests(project: &Project<'_>, (home, directory): (&str, &str), changes: &mut Changes) {
    if home == directory {
        return;
    }
    for path in project.files().paths() {
        let manifest = matches!(path.file_name(), "go.mod" | "go.work");
        if Language::program(path).is_some() || matches!(path.extension(), Some("md" | "rst" | "txt" | "sum")) {
            continue;
        }
        let Some(text) = project.files().text(path) else { continue };
        let base = folder(path.as_str());
        let relative = |directory: &str| match base {
            "" => format!("./{directory}"),
            base => {
                directory.strip_prefix(&format!("{base}/")).map_or(directory.to_owned(), |rest| format!("./{rest}"))
            }
        };
        let (from, to) = (relative(home), relative(directory));
        let part = |c: char| c == '_' || c == '-' || c == '/' || c == '.' || c.is_alphanumeric();
        for (start, _) in text.match_indices(&from) {
            if text[..start].ends_with(part) || text[start + from.len()..].starts_with(part) {
                continue;
            }
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let at = TextRange::new(offset(start), offset(start + from.len()));
            match manifest {
                true => changes.replace(path, at, to.clone()),
                false => changes.doubt(path, at, "this file names the directory of the package"),
            }
        }
    }
}

/// What is `internal` is imported from below the directory around it only.
fn allowed(project: &Project<'_>, changes: &Changes, new_path: &str, old_path: &str) -> Result<(), Refusal> {
    let within = |importer: &str, path: &str| {
        let parts = path.split_once("/internal").filter(|(_, rest)| rest.is_empty() || rest.starts_with('/'));
        parts.is_none_or(|(root, _)| importer == root || importer.starts_with(&format!("{root}/")))
    };
    let after = |path: &RepoPath| {
        let to = changes.renamed.iter().find(|(from, _)| from == path).map_or(path, |(_, to)| to);
        Module::of(project, path).map(|module| module.import(folder(to.as_str())))
    };
    let go = project.files().paths().iter().filter(|path| path.extension() == Some("go"));
    for path in go {
        let (Some(bindings), Some(importer)) = (project.bindings(path), after(path)) else { continue };
        for import in bindings.declarations.iter().filter_map(|d| d.import.as_ref()) {
            let path_after = if import.module == old_path { new_path } else { &import.module };
            if !within(&importer, path_after) {
                return Err(Refusal::new(format!("`{path_after}` cannot be imported from `{importer}`")));
            }
        }
    }
    Ok(())
}

/// Every name means what it meant.
fn checked(project: &Project<'_>, changes: &Changes, (old, new): (&str, &str)) -> Result<(), Refusal> {
    let texts = changes.apply(project.files()).map_err(|error| Refusal::of(&error))?;
    let moved: BTreeMap<RepoPath, RepoPath> = changes.renamed.iter().cloned().collect();
    let mut changed: BTreeMap<RepoPath, Option<Arc<str>>> = moved.keys().map(|path| (path.clone(), None)).collect();
    changed.extend(texts.into_iter().map(|(path, text)| (path, Some(Arc::from(text)))));
    let overlay = Overlay::new(project.files(), changed);
    let after = Project::new(&overlay);
    let edited: BTreeSet<RepoPath> =
        changes.edits.keys().filter(|path| path.extension() == Some("go")).cloned().collect();
    match changed_by_renaming(project, &after, &edited, &moved, &[old, new]).into_iter().next() {
        Some(first) => {
            let error = RenameError::Taken { new: new.to_owned(), name: first.name, now: None };
            Err(Refusal::of(&error).at(&first.place.path, first.place.at))
        }
        None => Ok(()),
    }
}
