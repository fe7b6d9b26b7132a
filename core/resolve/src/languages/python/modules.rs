//! The files that a module's path means.

use crate::Files;
use deepcoder_types::RepoPath;

/// A folder without modules among so many files is none of Python's.
const MAX_LOOKED: usize = 1000;

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
        let path = under(base, &rest);
        return known.first(&[path]);
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
    let roots = roots.iter().map(|root| (*root).to_owned()).chain(usual);
    known.first(&roots.map(|root| under(&root, &rest)).collect::<Vec<_>>())
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

    /// The files of the module at the first of these paths that has one. A folder without `__init__.py` is a package too,
    /// where nothing else is: it stands under the path that this file would have.
    fn first(&self, paths: &[String]) -> Vec<RepoPath> {
        let found = paths.iter().map(|path| self.at(path)).find(|found| !found.is_empty());
        let folder = || paths.iter().find(|path| self.holds_modules(path));
        let named = |path: &String| RepoPath::new(under(path, "__init__.py")).into_iter().collect();
        found.or_else(|| folder().map(named)).unwrap_or_default()
    }

    /// Whether there are modules in a folder or below.
    fn holds_modules(&self, folder: &str) -> bool {
        let paths = self.files.paths();
        let inside = format!("{folder}/");
        let start = paths.partition_point(|path| path.as_str() < inside.as_str());
        let below = paths.iter().skip(start).take_while(|path| path.as_str().starts_with(&inside));
        !folder.is_empty() && below.take(MAX_LOOKED).any(|path| matches!(path.extension(), Some("py" | "pyi")))
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
