//! Which file a module is.

use crate::{Declaration, DeclarationKind, Files};
use deepcoder_types::RepoPath;

/// The file of a module, seen from a file; none where it is not in the tree, or a part of another file.
pub(super) fn module_files(files: &dyn Files, from: &RepoPath, module: &str) -> Vec<RepoPath> {
    let mut words = module.split("::").filter(|word| !word.is_empty());
    let Some(first) = words.next() else { return Vec::new() };
    let Some(root) = root_of(files, from) else { return Vec::new() };
    let mut at = match first {
        "crate" => Module { file: Some(root.clone()), below: directory(root.as_str()).to_owned() },
        "self" | "super" => Module::of(&root, from),
        other => match crate_named(files, &root, other) {
            Some(root) => {
                let below = directory(root.as_str()).to_owned();
                Module { file: Some(root), below }
            }
            None => return Vec::new(),
        },
    };
    if first == "super" {
        match at.parent(files, &root) {
            Some(parent) => at = parent,
            None => return Vec::new(),
        }
    }
    for word in words {
        let next = if word == "super" { at.parent(files, &root) } else { at.child(files, word) };
        match next {
            Some(next) => at = next,
            None => return Vec::new(),
        }
    }
    at.file.into_iter().collect()
}

/// Whether two files are of one crate, or manifests say which crates there are.
pub(super) fn linked(files: &dyn Files, one: &RepoPath, other: &RepoPath) -> bool {
    root_of(files, one) == root_of(files, other) || files.paths().named("Cargo.toml").next().is_some()
}

/// The paths of a module's file, and of those in its directory, under another name.
pub(super) fn moved(
    files: &dyn Files,
    from: &RepoPath,
    declaration: &Declaration,
    new: &str,
) -> Vec<(RepoPath, RepoPath)> {
    let Some(import) = declaration.import.as_ref().filter(|_| declaration.kind == DeclarationKind::Module) else {
        return Vec::new();
    };
    let old = &declaration.name;
    let Some(file) = module_files(files, from, &import.module).into_iter().next() else { return Vec::new() };
    let of_directory = file.file_name() == "mod.rs";
    let here = if of_directory { directory(file.as_str()) } else { file.as_str().strip_suffix(".rs").unwrap_or("") };
    if here.rsplit('/').next() != Some(old) {
        return Vec::new();
    }
    let there = join(directory(here), new);
    let mut out = Vec::new();
    if !of_directory {
        out.extend(RepoPath::new(format!("{there}.rs")).ok().map(|to| (file.clone(), to)));
    }
    for path in files.paths() {
        if let Some(rest) = path.as_str().strip_prefix(here).and_then(|rest| rest.strip_prefix('/')) {
            out.extend(RepoPath::new(join(&there, rest)).ok().map(|to| (path.clone(), to)));
        }
    }
    out
}

struct Module {
    /// `None`: it is a part of another file.
    file: Option<RepoPath>,
    /// The directory of the modules in it.
    below: String,
}

impl Module {
    fn of(root: &RepoPath, file: &RepoPath) -> Self {
        let path = file.as_str();
        let below = if file == root || file.file_name() == "mod.rs" {
            directory(path).to_owned()
        } else {
            path.strip_suffix(".rs").unwrap_or(path).to_owned()
        };
        Self { file: Some(file.clone()), below }
    }

    fn child(&self, files: &dyn Files, name: &str) -> Option<Self> {
        let name = name.strip_prefix("r#").unwrap_or(name);
        if let Some(file) = self.attributed(files, name) {
            let below = join(directory(file.as_str()), "");
            return Some(Self { file: Some(file), below: below.trim_end_matches('/').to_owned() });
        }
        let below = join(&self.below, name);
        for candidate in [format!("{below}.rs"), format!("{below}/mod.rs")] {
            if let Some(file) = existing(files, &candidate) {
                return Some(Self { file: Some(file), below });
            }
        }
        Some(Self { file: None, below })
    }

    fn parent(&self, files: &dyn Files, root: &RepoPath) -> Option<Self> {
        if self.file.as_ref() == Some(root) {
            return None;
        }
        let outer = directory(&self.below);
        if outer == directory(root.as_str()) {
            return Some(Self { file: Some(root.clone()), below: outer.to_owned() });
        }
        let file = existing(files, &format!("{outer}.rs")).or_else(|| existing(files, &format!("{outer}/mod.rs")));
        Some(Self { file, below: outer.to_owned() })
    }

    /// The file that `#[path = "…"] mod name;` says.
    fn attributed(&self, files: &dyn Files, name: &str) -> Option<RepoPath> {
        let own = self.file.as_ref()?;
        let text = files.text(own)?;
        for (at, _) in text.match_indices("#[path") {
            let rest = text.get(at..)?;
            let (attribute, after) = rest.split_once(']')?;
            let path = attribute.split('"').nth(1)?;
            let after = after.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            let declares = after.strip_prefix("mod ").and_then(|rest| rest.split(';').next());
            if declares.map(str::trim) == Some(name) {
                return existing(files, &join(directory(own.as_str()), path));
            }
        }
        None
    }
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn join(directory: &str, name: &str) -> String {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "." | "" => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn existing(files: &dyn Files, path: &str) -> Option<RepoPath> {
    let path = RepoPath::new(path).ok()?;
    files.paths().binary_search(&path).is_ok().then_some(path)
}

/// The root of the crate that a file is in.
fn root_of(files: &dyn Files, from: &RepoPath) -> Option<RepoPath> {
    if matches!(from.file_name(), "lib.rs" | "main.rs" | "build.rs") {
        return Some(from.clone());
    }
    let mut at = directory(from.as_str());
    let mut below = from.as_str();
    loop {
        let name = at.rsplit('/').next().unwrap_or("");
        if matches!(name, "bin" | "tests" | "examples" | "benches") {
            // Every file there is a crate; a directory is one with its `main.rs`, or else the modules of one.
            if directory(below) == at {
                return existing(files, below);
            }
        }
        let roots: Vec<RepoPath> =
            ["lib.rs", "main.rs"].iter().filter_map(|name| existing(files, &join(at, name))).collect();
        if let Some(first) = roots.first() {
            // With both, the one that declares the module of the file.
            let inside = from.as_str().get(at.len()..).unwrap_or("").trim_start_matches('/');
            let module = inside.split('/').next().unwrap_or("").trim_end_matches(".rs");
            let declares =
                |root: &&RepoPath| files.text(root).is_some_and(|text| text.contains(&format!("mod {module}")));
            return Some(roots.iter().find(declares).unwrap_or(first).clone());
        }
        if at.is_empty() {
            return Some(from.clone());
        }
        below = at;
        at = directory(at);
    }
}

/// The root of another crate of the tree.
fn crate_named(files: &dyn Files, root: &RepoPath, name: &str) -> Option<RepoPath> {
    let mut any = false;
    for manifest in files.paths().named("Cargo.toml") {
        any = true;
        let Some(text) = files.text(manifest) else { continue };
        let mut section = "";
        let mut package = None;
        let mut library = None;
        let mut path = None;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                section = line;
            } else if let Some((key, value)) = line.split_once('=') {
                let value = value.trim().trim_matches('"');
                match (section, key.trim()) {
                    ("[package]", "name") => package = Some(value.replace('-', "_")),
                    ("[lib]", "name") => library = Some(value.to_owned()),
                    ("[lib]", "path") => path = Some(value.to_owned()),
                    _ => {}
                }
            }
        }
        if library.or(package).as_deref() == Some(name) {
            let here = directory(manifest.as_str());
            return existing(files, &join(here, path.as_deref().unwrap_or("src/lib.rs")));
        }
    }
    // Without manifests, a file beside this one.
    let beside = existing(files, &join(directory(root.as_str()), &format!("{name}.rs")))?;
    (!any && beside != *root).then_some(beside)
}
