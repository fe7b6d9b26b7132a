//! The files that a copy of the tree is made of, and the ignored directories that tools need and only read.

use crate::copy::{Files, Wanted};
use crate::folder::Stamp;
use crate::machine::Machine;
use deepcoder_workspace::{Entry, ListError, Workspace};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The names of virtual environments of Python.
const ENVIRONMENTS: [&str; 3] = [".venv", "venv", "env"];

/// At most this many directories of packages are looked into.
const MAX_PACKAGES: usize = 64;

/// The most bytes of a file in which an environment names a directory of the repository.
const MAX_TEXT: u64 = 1 << 20;

/// The files of a tree, for its copy.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: Files,
    /// What links of the copy lead to.
    pub(crate) readable: BTreeSet<PathBuf>,
    /// Directories of programs, in the work tree.
    pub(crate) programs: Vec<PathBuf>,
    /// Directories of the repository that its environment imports from, relative to the root.
    pub(crate) imports: BTreeSet<String>,
}

/// The files of `workspace`.
pub(crate) fn list(workspace: &Workspace, machine: &Machine) -> Result<Listing, ListError> {
    let mut listing = Listing::default();
    let root = workspace.root();
    for (path, entry) in workspace.checkout()? {
        let wanted = match entry {
            Entry::Link(target) => Wanted::Link(target),
            Entry::File => match rustix::fs::lstat(root.join(path.as_str())) {
                Ok(stat) => Wanted::Source(Stamp::of(&stat)),
                // It went away since it was listed.
                Err(_) => continue,
            },
        };
        listing.files.insert(path.into(), wanted);
    }
    for name in ENVIRONMENTS {
        listing.add_environment(root, name, machine);
    }
    let manifests = listing.files.keys().filter_map(|path| path.strip_suffix("package.json"));
    let packages: Vec<String> = manifests.take(MAX_PACKAGES).map(|at| format!("{at}node_modules")).collect();
    packages.iter().for_each(|packages| listing.add_packages(root, packages));
    Ok(listing)
}

impl Listing {
    /// Whether the work tree itself has something at or below `path`.
    fn has(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.files.contains_key(path)
            || self.files.range(below.clone()..).next().is_some_and(|(p, _)| p.starts_with(&below))
    }

    fn add_environment(&mut self, root: &Path, name: &str, machine: &Machine) {
        let at = root.join(name);
        let is_folder = at.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        if !is_folder || !at.join("pyvenv.cfg").is_file() || self.has(name) {
            return;
        }
        let Some(target) = at.to_str() else { return };
        self.files.insert(name.to_owned(), Wanted::Link(target.to_owned()));
        machine.add_environment(&at, &mut self.readable);
        self.readable.insert(at.clone());
        self.programs.push(at.join("bin"));
        let libraries = std::fs::read_dir(at.join("lib")).into_iter().flatten().filter_map(Result::ok);
        for packages in libraries.map(|entry| entry.path().join("site-packages")) {
            self.add_imports(root, &packages);
        }
    }

    /// `pip install -e .` leaves the path of the repository in the environment; the copy must import from itself.
    fn add_imports(&mut self, root: &Path, packages: &Path) {
        let Some(root) = root.to_str() else { return };
        for entry in std::fs::read_dir(packages).into_iter().flatten().filter_map(Result::ok) {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let finder = name.starts_with("__editable__") && name.ends_with(".py");
            if !(finder || name.ends_with(".pth")) {
                continue;
            }
            let Ok(text) = deepcoder_files::read_text(&entry.path(), MAX_TEXT) else { continue };
            // One path on a line, or a dictionary from names of packages to their directories.
            let paths = text.lines().flat_map(|line| if finder { line.split('\'').collect() } else { vec![line] });
            for path in paths.filter_map(|path| path.trim().strip_prefix(root)) {
                let inside = path.trim_matches('/');
                let inside = if finder { inside.rsplit_once('/').map_or("", |(parent, _)| parent) } else { inside };
                if !inside.split('/').any(|part| part == "..") {
                    self.imports.insert(inside.to_owned());
                }
            }
        }
    }

    /// A directory of packages is linked package by package: tools write their caches beside them, and a package that is a
    /// part of the repository must be that of the copy.
    fn add_packages(&mut self, root: &Path, path: &str) {
        let at = root.join(path);
        if !at.symlink_metadata().is_ok_and(|meta| meta.is_dir()) || self.has(path) {
            return;
        }
        let mut found = Vec::new();
        entries(&at, path, root, true, &mut found);
        self.files.extend(found);
        self.programs.push(at.join(".bin"));
        self.readable.insert(at);
    }
}

fn entries(folder: &Path, path: &str, root: &Path, top: bool, found: &mut Vec<(String, Wanted)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let (Some(name), Ok(kind)) = (entry.file_name().to_str().map(str::to_owned), entry.file_type()) else {
            continue;
        };
        let (file, own) = (entry.path(), format!("{path}/{name}"));
        if kind.is_dir() && top && name.starts_with('@') {
            entries(&file, &own, root, false, found);
            continue;
        }
        let inside = kind.is_symlink().then(|| file.canonicalize().ok()).flatten();
        let inside = inside.as_ref().and_then(|file| file.strip_prefix(root).ok()).and_then(Path::to_str);
        let target = match inside {
            Some(inside) if !inside.split('/').any(|part| part == "node_modules") => {
                let up = own.matches('/').count();
                format!("{}{inside}", "../".repeat(up))
            }
            _ => match file.to_str() {
                Some(file) => file.to_owned(),
                None => continue,
            },
        };
        found.push((own, Wanted::Link(target)));
    }
}
