//! Who may depend on whom.

use crate::tree;
use std::collections::{BTreeMap, BTreeSet};

/// The layers from the bottom up. A crate depends on crates of lower layers only.
const LAYERS: &[&[&str]] = &[
    &["deepcoder-types", "deepcoder-files", "deepcoder-kernels"],
    &["deepcoder-git", "deepcoder-sqlite", "deepcoder-grammar"],
    &[
        "deepcoder-plugin-api",
        "deepcoder-workspace",
        "deepcoder-syntax",
        "deepcoder-edit",
        "deepcoder-model",
        "deepcoder-export",
        "deepcoder-history",
        "deepcoder-queue",
        "deepcoder-hub",
        "deepcoder-protocol",
    ],
    &["deepcoder-index", "deepcoder-resolve", "deepcoder-codemod"],
    &["deepcoder-verify", "deepcoder-apply"],
    &[
        "deepcoder-context",
        "deepcoder-plugin-edit",
        "deepcoder-plugin-document",
        "deepcoder-plugin-explain",
        "deepcoder-plugin-fix",
        "deepcoder-plugin-complete",
        "deepcoder-plugin-refactor",
    ],
    &["deepcoder-plugins"],
    &["deepcoder-pipeline", "deepcoder-eval"],
    &["deepcoder-checks"],
    &["deepcoder-hook", "deepcoder-lsp-client"],
    &["deepcoder-profile"],
    &["deepcoder-app"],
    &["deepcoder-watch", "deepcoder-jobs", "deepcoder-daemon"],
    &["deepcoder-python"],
    &["deepcoder-cli"],
];

/// What only tests may depend on.
const FOR_TESTS: &[&str] =
    &["deepcoder-test-support", "deepcoder-test-cases", "deepcoder-tidy", "deepcoder-it", "deepcoder-torture"];

/// Heavy dependencies and trust boundaries, and the only crates that may have them.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("ort", &["deepcoder-model"]),
    ("tokenizers", &["deepcoder-model"]),
    ("minijinja", &["deepcoder-model"]),
    ("llguidance", &["deepcoder-grammar"]),
    ("sqlx", &["deepcoder-sqlite", "deepcoder-history", "deepcoder-queue"]),
    ("pyo3", &["deepcoder-python"]),
    ("git2", &["deepcoder-workspace", "deepcoder-apply"]),
    ("wasmtime", &[]),
    ("tree-sitter", &["deepcoder-syntax"]),
    ("ast-grep-core", &["deepcoder-codemod"]),
    ("ast-grep-config", &["deepcoder-codemod"]),
    ("notify", &["deepcoder-workspace"]),
    ("landlock", &["deepcoder-verify"]),
    ("seccompiler", &["deepcoder-verify"]),
    ("hf-hub", &["deepcoder-hub"]),
    ("clap", &["deepcoder-cli"]),
    ("indicatif", &["deepcoder-cli"]),
    (
        "tokio",
        &[
            "deepcoder-daemon",
            "deepcoder-sqlite",
            "deepcoder-history",
            "deepcoder-queue",
            "deepcoder-cli",
            "deepcoder-python",
        ],
    ),
];

fn layer_of(name: &str) -> usize {
    LAYERS
        .iter()
        .position(|l| l.contains(&name))
        .unwrap_or_else(|| panic!("`{name}` has no layer: give it one in tests/tidy and in ARCHITECTURE.md"))
}

/// Protects the layering: a change below never sees what is above, and feature crates compile side by side.
#[test]
fn crates_depend_downwards_only() {
    for krate in tree::crates().iter().filter(|c| !FOR_TESTS.contains(&c.name.as_str())) {
        let own = layer_of(&krate.name);
        for dependency in krate.dependencies().iter().filter(|d| d.starts_with("deepcoder-")) {
            assert!(!FOR_TESTS.contains(&dependency.as_str()), "{} builds on test code", krate.name);
            assert!(layer_of(dependency) < own, "{} (layer {own}) may not depend on {dependency}", krate.name);
        }
    }
}

/// Protects the plugin contract: what a plugin can do is what types, plugin-api, edit, syntax, resolve and codemod
/// offer.
#[test]
fn plugins_see_the_contract_only() {
    let plugins = tree::crates();
    let plugins = plugins.iter().filter(|c| c.folder.starts_with("plugins/") && c.folder != "plugins/builtin");
    let mut seen = 0;
    for plugin in plugins {
        seen += 1;
        for dependency in plugin.dependencies().iter().filter(|d| d.starts_with("deepcoder-")) {
            let allowed = [
                "deepcoder-types",
                "deepcoder-plugin-api",
                "deepcoder-edit",
                "deepcoder-syntax",
                "deepcoder-resolve",
                "deepcoder-codemod",
            ];
            assert!(allowed.contains(&dependency.as_str()), "{} may not depend on {dependency}", plugin.name);
        }
    }
    assert!(seen >= 3);
}

/// Protects the author of the next plugin: all have one shape, so that any of them shows how it is done.
#[test]
fn plugins_have_one_shape() {
    for plugin in tree::crates().iter().filter(|c| c.folder.starts_with("plugins/") && c.folder != "plugins/builtin") {
        let folder = &plugin.folder;
        let id = folder.trim_start_matches("plugins/");
        assert_eq!(plugin.name, format!("deepcoder-plugin-{id}"));
        let manifest: toml::Table = tree::read(&format!("{folder}/plugin.toml")).parse().expect("plugin.toml");
        assert_eq!(manifest["id"].as_str(), Some(id), "{folder}/plugin.toml");
        assert!(manifest.contains_key("capabilities") && manifest.contains_key("verbs"), "{folder}/plugin.toml");
        // What is said to the model is text beside the code, with cases that show what comes of it.
        let prompts = tree::files(&format!("{folder}/prompts"), &[".md"]).len();
        let cases = tree::files(&format!("{folder}/cases"), &[".md"]).len();
        assert!(prompts == 0 || cases > 0, "{folder} has prompts and no cases");
        let list = tree::read("plugins/builtin/src/lib.rs");
        assert!(list.contains(&plugin.name.replace('-', "_")), "plugins/builtin does not list {folder}");
    }
}

/// Protects the trust boundaries: ONNX Runtime, git, SQL, Python, sandboxing and parsing each have one home.
#[test]
fn heavy_dependencies_have_one_home() {
    for krate in tree::crates().iter().filter(|c| !FOR_TESTS.contains(&c.name.as_str())) {
        for dependency in krate.dependencies() {
            for (heavy, homes) in ONLY_IN {
                let is_it = dependency == *heavy || (*heavy == "tree-sitter" && dependency.starts_with("tree-sitter-"));
                assert!(!is_it || homes.contains(&krate.name.as_str()), "{} may not depend on {heavy}", krate.name);
            }
        }
    }
}

/// Protects what an edit is made of: PostgreSQL and TLS belong to the queue of jobs, and nothing that edits reaches it.
#[test]
fn edits_link_no_database_server() {
    let crates = tree::crates();
    let direct = |name: &str| crates.iter().find(|c| c.name == name).map(super::tree::Crate::dependencies);
    for start in ["deepcoder-apply", "deepcoder-hook"] {
        let mut reached = BTreeSet::new();
        let mut queue = vec![start.to_owned()];
        while let Some(name) = queue.pop() {
            queue.extend(direct(&name).unwrap_or_default().into_iter().filter(|n| reached.insert(n.clone())));
        }
        assert!(reached.contains("deepcoder-history"), "{start}: the graph is not read");
        assert!(!reached.contains("deepcoder-queue"), "{start} reaches the queue");
    }
    let root: toml::Table = tree::read("Cargo.toml").parse().expect("Cargo.toml");
    let features = |sqlx: &toml::Value| sqlx.get("features").map(ToString::to_string).unwrap_or_default();
    assert!(!features(&root["workspace"]["dependencies"]["sqlx"]).contains("postgres"), "in the workspace");
    for krate in crates.iter().filter(|c| c.dependencies().iter().any(|d| d == "sqlx")) {
        let features = features(&krate.manifest["dependencies"]["sqlx"]);
        assert_eq!(features.contains("postgres"), krate.name == "deepcoder-queue", "{}", krate.name);
    }
}

/// Protects rule 2: neither the engine nor the exporter reaches git, the database, Python or the user's files, however
/// indirectly. By the lock file, so that a dependency's dependency counts as well.
#[test]
fn the_engine_knows_nothing_of_git_files_or_plugins() {
    let lock: toml::Table = tree::read("Cargo.lock").parse().expect("Cargo.lock");
    let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("packages") {
        let listed = package.get("dependencies").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        // `name`, `name version` or `name version (source)`; versions are taken together, which only adds edges.
        let names = listed.iter().filter_map(|d| Some(d.as_str()?.split(' ').next()?.to_owned()));
        graph.entry(package["name"].as_str().expect("name").to_owned()).or_default().extend(names);
    }
    let crates = tree::crates();
    // The lock file mixes in what only tests need; the crate's own manifest does not.
    let direct = |name: &str| crates.iter().find(|c| c.name == name).map(super::tree::Crate::dependencies);
    for start in ["deepcoder-model", "deepcoder-export", "deepcoder-types", "deepcoder-plugin-api"] {
        let mut reached = BTreeSet::new();
        let mut queue = vec![start.to_owned()];
        while let Some(name) = queue.pop() {
            let next = direct(&name).unwrap_or_else(|| graph.get(&name).cloned().unwrap_or_default());
            queue.extend(next.into_iter().filter(|n| reached.insert(n.clone())));
        }
        assert!(reached.contains("serde"), "{start}: the graph is not read");
        for far in
            ["git2", "libgit2-sys", "sqlx", "pyo3", "deepcoder-workspace", "deepcoder-apply", "deepcoder-plugins"]
        {
            assert!(!reached.contains(far), "{start} reaches {far}");
        }
    }
}
