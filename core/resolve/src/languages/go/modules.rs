//! Which files are a package.

use crate::Files;
use deepcoder_types::RepoPath;

/// The files directly in a folder, of the sorted list of all.
pub(super) fn folder<'f>(files: &'f dyn Files, folder: &str) -> impl Iterator<Item = &'f RepoPath> {
    files.paths().within(folder)
}

pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The name in a file's package clause: the first line that begins with `package`, outside of comments.
fn clause(text: &str) -> &str {
    let mut comment = false;
    for line in text.lines() {
        let mut line = line.trim();
        if comment {
            let Some((_, after)) = line.split_once("*/") else { continue };
            comment = false;
            line = after.trim();
        }
        if let Some(rest) = line.strip_prefix("/*") {
            let Some((_, after)) = rest.split_once("*/") else {
                comment = true;
                continue;
            };
            line = after.trim();
        }
        if let Some(name) = line.strip_prefix("package") {
            return name.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
        }
    }
    ""
}

pub(super) fn siblings(files: &dyn Files, path: &RepoPath, package: &str) -> Vec<RepoPath> {
    folder(files, parent(path.as_str()))
        .filter(|other| *other != path && other.extension() == Some("go"))
        .filter(|other| files.text(other).is_some_and(|text| clause(&text) == package))
        .cloned()
        .collect()
}

/// The module path that a `go.mod` names.
fn module_path(text: &str) -> Option<&str> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("module "))?;
    let path = line.split("//").next().unwrap_or(line).trim();
    Some(path.trim_matches(|c| c == '"' || c == '`'))
}

/// Where the folder of a package is, in the module whose `go.mod` is in `root`.
fn within(files: &dyn Files, root: &str, package: &str) -> Option<(usize, String)> {
    let file = if root.is_empty() { "go.mod".to_owned() } else { format!("{root}/go.mod") };
    let text = files.text(&RepoPath::new(file).ok()?)?;
    let module = module_path(&text)?;
    let rest = package.strip_prefix(module)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    let rest = rest.trim_start_matches('/');
    let joined = [root, rest].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    Some((module.len(), joined))
}

pub(super) fn package_files(files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
    let found = located(files, from, module);
    let Some(found) = found else { return Vec::new() };
    folder(files, &found)
        .filter(|path| path.extension() == Some("go") && !path.as_str().ends_with("_test.go"))
        .cloned()
        .collect()
}

fn located(files: &dyn Files, from: &RepoPath, module: &str) -> Option<String> {
    let mut root = parent(from.as_str());
    loop {
        if let Some((_, found)) = within(files, root, module) {
            return Some(found);
        }
        if root.is_empty() {
            break;
        }
        root = parent(root);
    }
    // Packages of the standard library have no dot in their first element; other modules of the tree are searched.
    if !module.split('/').next().is_some_and(|first| first.contains('.')) {
        return None;
    }
    files
        .paths()
        .named("go.mod")
        .filter_map(|path| within(files, parent(path.as_str()), module))
        .max()
        .map(|(_, found)| found)
}
