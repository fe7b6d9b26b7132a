//! The files that a module's path means.

use crate::Files;
use deepcoder_types::RepoPath;

/// The folder that a path is in, without a slash at its end; empty for the top.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn under(folder: &str, rest: &str) -> String {
    match (folder.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{rest}"),
    }
}

/// The files of a module: a file and its stub, or those of a package.
pub(super) fn files(files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
    let known = Known::new(files);
    let dots = module.len() - module.trim_start_matches('.').len();
    let rest = module.trim_start_matches('.').replace('.', "/");
    let here = folder(from.as_str());
    if dots > 0 {
        let mut base = here;
        for _ in 1..dots {
            if base.is_empty() {
                return Vec::new();
            }
            base = folder(base);
        }
        return known.at(&under(base, &rest));
    }
    // The folder that holds the top package of the file comes first, then those around it, then what is usual.
    let mut root = here;
    while !root.is_empty() && known.package(root) {
        root = folder(root);
    }
    let mut roots = vec![root];
    // A script's own folder is where it looks first.
    if root != here && !known.package(here) {
        roots.insert(0, here);
    }
    let mut above = root;
    while !above.is_empty() {
        above = folder(above);
        roots.push(above);
    }
    let usual: Vec<String> =
        roots.iter().flat_map(|root| ["src", "lib", "python"].map(|name| under(root, name))).collect();
    roots
        .iter()
        .map(|root| (*root).to_owned())
        .chain(usual)
        .map(|root| known.at(&under(&root, &rest)))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// The paths of a tree.
struct Known<'f> {
    files: &'f dyn Files,
}

impl<'f> Known<'f> {
    fn new(files: &'f dyn Files) -> Self {
        Self { files }
    }

    fn file(&self, path: &str) -> Option<RepoPath> {
        let path = RepoPath::new(path).ok()?;
        let paths = self.files.paths();
        paths.binary_search(&path).ok().map(|_| path)
    }

    fn package(&self, folder: &str) -> bool {
        ["__init__.py", "__init__.pyi"].iter().any(|name| self.file(&under(folder, name)).is_some())
    }

    /// The files of the module at this path, without its ending.
    fn at(&self, path: &str) -> Vec<RepoPath> {
        let package: Vec<RepoPath> =
            ["__init__.py", "__init__.pyi"].iter().filter_map(|name| self.file(&under(path, name))).collect();
        if !package.is_empty() || path.is_empty() {
            return package;
        }
        ["py", "pyi"].iter().filter_map(|ending| self.file(&format!("{path}.{ending}"))).collect()
    }
}
