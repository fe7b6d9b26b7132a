//! Which files are a package.

use crate::{Bindings, Files, ScopeId, ScopeKind};
use deepcoder_types::RepoPath;
use std::collections::BTreeSet;

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The package that a file says it is part of.
fn package(text: &str) -> String {
    let mut comment = false;
    for line in text.lines() {
        let mut line = line.trim();
        if comment || line.starts_with("/*") {
            let Some((_, after)) = line.split_once("*/") else {
                comment = true;
                continue;
            };
            comment = false;
            line = after.trim();
        }
        if let Some(rest) = line.strip_prefix("package ") {
            return rest.split(';').next().unwrap_or("").split_whitespace().collect();
        }
    }
    String::new()
}

fn is_java(path: &RepoPath) -> bool {
    path.extension() == Some("java")
}

/// Files of the same package: those of its folder, and of the folders of that package under other roots (`src/main`,
/// `src/test`).
pub(super) fn siblings(files: &dyn Files, path: &RepoPath, name: &str) -> Vec<RepoPath> {
    let folder = parent(path.as_str());
    let end = name.replace('.', "/");
    let mut near: BTreeSet<&str> = BTreeSet::from([folder]);
    if !end.is_empty() {
        near.extend(files.paths().folders(&end));
    }
    let mut others: Vec<&RepoPath> = near.into_iter().flat_map(|folder| files.paths().within(folder)).collect();
    others.retain(|other| *other != path && is_java(other));
    others.retain(|other| files.text(other).is_some_and(|text| package(&text) == name));
    others.sort();
    others.into_iter().cloned().collect()
}

fn ends_with(folder: &str, end: &str) -> bool {
    folder.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// The files of a package; where no folder has its name, the file of the type that the module names (`import static`, nested
/// types).
pub(super) fn module_files(files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
    let near = parent(from.as_str());
    let mut name = module;
    loop {
        let end = name.replace('.', "/");
        let type_file = format!("{end}.java");
        // Sources that are not laid out by packages lie together.
        let folders: BTreeSet<&str> = files.paths().folders(&end).chain([near]).collect();
        let mut paths: BTreeSet<&RepoPath> = folders.into_iter().flat_map(|f| files.paths().within(f)).collect();
        let file_name = type_file.rsplit('/').next().unwrap_or(&type_file);
        paths.extend(files.paths().named(file_name).filter(|path| ends_with(path.as_str(), &type_file)));
        let found: Vec<RepoPath> = paths
            .into_iter()
            .filter(|path| is_java(path))
            .filter(|path| {
                let last = name.rsplit('.').next().unwrap_or(name);
                let type_of = path.file_name().strip_suffix(".java") == Some(last);
                files.text(path).is_some_and(|text| {
                    let package = package(&text);
                    package == name || type_of && package == name.rsplit_once('.').map_or("", |(package, _)| package)
                })
            })
            .cloned()
            .collect();
        if !found.is_empty() {
            return found;
        }
        // A nested type is in the file of the type around it.
        match name.rsplit_once('.') {
            Some((outer, last)) if last.starts_with(char::is_uppercase) => name = outer,
            _ => return Vec::new(),
        }
    }
}

/// The scope of a file that has the names of a package or of a type.
pub(super) fn scope(bindings: &Bindings, module: &str) -> Option<ScopeId> {
    let rest = match module.strip_prefix(bindings.package.as_str()) {
        Some(rest) if bindings.package.is_empty() => rest,
        Some("") => return Some(ScopeId(0)),
        Some(rest) => rest.strip_prefix('.')?,
        None => return None,
    };
    let mut found = ScopeId(0);
    for name in rest.split('.') {
        let scopes = (0..).map(ScopeId).zip(&bindings.scopes);
        let bodies = scopes.filter(|(_, scope)| scope.kind == ScopeKind::Class);
        found = bodies.into_iter().find_map(|(id, scope)| {
            let owner = bindings.declaration(scope.owner?)?;
            (owner.name == name && owner.scope == found).then_some(id)
        })?;
    }
    Some(found)
}
