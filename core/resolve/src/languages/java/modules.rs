//! Which files are a package.

use crate::Files;
use deepcoder_types::RepoPath;

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
    let near = |other: &RepoPath| {
        let other = parent(other.as_str());
        other == folder || !end.is_empty() && ends_with(other, &end)
    };
    let others = files.paths().iter().filter(|other| *other != path && is_java(other) && near(other));
    others.filter(|other| files.text(other).is_some_and(|text| package(&text) == name)).cloned().collect()
}

fn ends_with(folder: &str, end: &str) -> bool {
    folder.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// The files of a package; where no folder has its name, the file of the type that the module names (`import static`, nested
/// types).
pub(super) fn module_files(files: &dyn Files, _from: &RepoPath, module: &str) -> Vec<RepoPath> {
    let mut name = module;
    loop {
        let end = name.replace('.', "/");
        let type_file = format!("{end}.java");
        let found: Vec<RepoPath> = files
            .paths()
            .iter()
            .filter(|path| is_java(path))
            .filter(|path| ends_with(parent(path.as_str()), &end) || ends_with(path.as_str(), &type_file))
            .filter(|path| {
                let type_of = ends_with(path.as_str(), &type_file);
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
