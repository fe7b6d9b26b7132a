//! The paths of a tree, by their names and folders too: a tree has 100,000 of them, and a name asks for some.

use deepcoder_types::RepoPath;
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// The paths of all files of a tree, in their order. Copies share them.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    all: Vec<RepoPath>,
    tables: OnceLock<Tables>,
}

#[derive(Debug)]
struct Tables {
    /// The files of each name.
    names: HashMap<String, Vec<usize>>,
    /// The files directly in each folder.
    folders: BTreeMap<String, Vec<usize>>,
    /// The folders of each name.
    folder_names: HashMap<String, Vec<String>>,
}

impl Paths {
    /// These paths, in any order.
    #[must_use]
    pub fn new(paths: impl IntoIterator<Item = RepoPath>) -> Self {
        let mut all: Vec<RepoPath> = paths.into_iter().collect();
        if !all.is_sorted() {
            all.sort();
        }
        all.dedup();
        Self { inner: Arc::new(Inner { all, tables: OnceLock::new() }) }
    }

    /// The files of this name, in whatever folder.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &RepoPath> {
        self.files(self.tables().names.get(name))
    }

    /// The files directly in a folder.
    pub fn within(&self, folder: &str) -> impl Iterator<Item = &RepoPath> {
        self.files(self.tables().folders.get(folder))
    }

    /// The folders that end with these names (`a/b`) and hold files themselves, in order.
    pub fn folders(&self, ending: &str) -> impl Iterator<Item = &str> {
        let last = ending.rsplit('/').next().unwrap_or(ending);
        let found = self.tables().folder_names.get(last).map_or(&[][..], Vec::as_slice);
        found.iter().map(String::as_str).filter(move |folder| {
            folder.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        })
    }

    fn files<'p>(&'p self, which: Option<&'p Vec<usize>>) -> impl Iterator<Item = &'p RepoPath> {
        which.into_iter().flatten().filter_map(|at| self.inner.all.get(*at))
    }

    fn tables(&self) -> &Tables {
        self.inner.tables.get_or_init(|| {
            let mut names: HashMap<String, Vec<usize>> = HashMap::new();
            let mut folders: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (at, path) in self.inner.all.iter().enumerate() {
                let (folder, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
                push(&mut names, name, at);
                match folders.get_mut(folder) {
                    Some(files) => files.push(at),
                    None => drop(folders.insert(folder.to_owned(), vec![at])),
                }
            }
            let mut folder_names: HashMap<String, Vec<String>> = HashMap::new();
            for folder in folders.keys() {
                let name = folder.rsplit('/').next().unwrap_or(folder);
                push(&mut folder_names, name, folder.clone());
            }
            Tables { names, folders, folder_names }
        })
    }
}

fn push<T>(table: &mut HashMap<String, Vec<T>>, key: &str, value: T) {
    match table.get_mut(key) {
        Some(values) => values.push(value),
        None => drop(table.insert(key.to_owned(), vec![value])),
    }
}

impl Deref for Paths {
    type Target = [RepoPath];

    fn deref(&self) -> &[RepoPath] {
        &self.inner.all
    }
}

impl<'p> IntoIterator for &'p Paths {
    type Item = &'p RepoPath;
    type IntoIter = std::slice::Iter<'p, RepoPath>;

    fn into_iter(self) -> Self::IntoIter {
        self.inner.all.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<'p>(paths: impl Iterator<Item = &'p RepoPath>) -> Vec<&'p str> {
        paths.map(RepoPath::as_str).collect()
    }

    /// Protects lookups from missing files: by name, by folder and by the end of a folder's path, in the order of the paths.
    #[test]
    fn paths_are_found_by_name_and_folder() {
        let paths = ["b/go.mod", "go.mod", "src/org/a/X.java", "test/org/a/Y.java", "org/a/Z.java", "xorg/a/W.java"];
        let paths = Paths::new(paths.map(|path| RepoPath::new(path).expect("a path")));
        assert_eq!(shown(paths.named("go.mod")), ["b/go.mod", "go.mod"]);
        assert_eq!(shown(paths.named("mod")), Vec::<&str>::new());
        assert_eq!(shown(paths.within("src/org/a")), ["src/org/a/X.java"]);
        assert_eq!(shown(paths.within("")), ["go.mod"]);
        assert_eq!(shown(paths.within("src")), Vec::<&str>::new());
        assert_eq!(paths.folders("org/a").collect::<Vec<_>>(), ["org/a", "src/org/a", "test/org/a"]);
        assert_eq!(paths.len(), 6);
        assert!(paths.is_sorted());
    }
}
