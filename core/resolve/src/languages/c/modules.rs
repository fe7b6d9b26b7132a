//! Which files an inclusion means.

use crate::Files;
use deepcoder_types::RepoPath;

/// The files that an inclusion (`"a/b.h`, `<a/b.h`: the name with the mark before it) means: for quotes the one beside
/// the file, or else every file of the tree that a folder for inclusions could make it mean.
pub(crate) fn included(files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
    beside(from, module).filter(|path| files.exists(path)).map_or_else(
        || {
            let Some(tail) = tail(module) else { return Vec::new() };
            files.paths().iter().filter(|path| ends(path, &tail)).cloned().collect()
        },
        |path| vec![path],
    )
}

/// The file that an inclusion in quotes means first.
pub(crate) fn beside(from: &RepoPath, module: &str) -> Option<RepoPath> {
    let name = module.strip_prefix('"')?;
    let folder = from.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    RepoPath::new(parts.join("/")).ok()
}

/// The end of the paths that an inclusion can mean.
pub(crate) fn tail(module: &str) -> Option<String> {
    let name = module.get(1..)?;
    let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | "..")).collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

pub(crate) fn ends(path: &RepoPath, tail: &str) -> bool {
    path.as_str().strip_suffix(tail).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}
