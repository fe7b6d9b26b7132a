//! The files of this repository.

use std::path::{Path, PathBuf};
use toml::Table;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("two folders up").to_owned()
}

/// The text of a file, given by its path from the root.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file below `folder` with one of the endings, as (path from the root, text), sorted.
pub(crate) fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if endings.iter().any(|e| name.ends_with(e)) {
                let short = path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
                found.push((short, std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found.sort();
    found
}

/// Every Rust source of the workspace.
pub(crate) fn sources() -> Vec<(String, String)> {
    ["core", "plugins", "python", "tests"].iter().flat_map(|folder| files(folder, &[".rs"])).collect()
}

/// One crate of the workspace.
pub(crate) struct Crate {
    /// Its folder, from the root.
    pub(crate) folder: String,
    /// Its name.
    pub(crate) name: String,
    /// Its Cargo.toml.
    pub(crate) manifest: Table,
}

impl Crate {
    /// The names of what it depends on when it is built: normal, build and target-specific dependencies.
    pub(crate) fn dependencies(&self) -> Vec<String> {
        let mut tables = vec![&self.manifest];
        if let Some(targets) = self.manifest.get("target").and_then(toml::Value::as_table) {
            tables.extend(targets.values().filter_map(toml::Value::as_table));
        }
        let kinds = ["dependencies", "build-dependencies"];
        let lists = tables.iter().flat_map(|t| kinds.iter().filter_map(|k| t.get(*k)?.as_table()));
        lists.flat_map(|list| list.keys().cloned()).collect()
    }
}

/// Every crate of the workspace, sorted by folder.
pub(crate) fn crates() -> Vec<Crate> {
    let manifests = ["core", "plugins", "python", "tests"].iter().flat_map(|f| files(f, &["Cargo.toml"]));
    let crates: Vec<Crate> = manifests
        .map(|(path, text)| {
            let manifest: Table = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
            let name = manifest["package"]["name"].as_str().expect("name").to_owned();
            Crate { folder: path.trim_end_matches("/Cargo.toml").to_owned(), name, manifest }
        })
        // Fuzz targets are built by cargo-fuzz in a workspace of their own.
        .filter(|c| !c.manifest.contains_key("workspace"))
        .collect();
    assert!(crates.len() > 15, "the crates are not where this test looks for them");
    crates
}
