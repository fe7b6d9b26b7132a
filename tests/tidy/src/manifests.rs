//! How the crates' manifests look.

use crate::tree;
use toml::Value;

/// Protects the workspace's lints, versions and licence: every crate takes them from the root, so that there is one place
/// to change them, and no test binary or doctest is built unasked.
#[test]
fn every_crate_follows_the_workspace() {
    for krate in tree::crates() {
        let at = &krate.folder;
        let inherits =
            |value: Option<&Value>| value.and_then(|v| v.get("workspace")).and_then(Value::as_bool) == Some(true);
        assert!(inherits(krate.manifest.get("lints")), "{at}: `[lints] workspace = true` is missing");
        let package = krate.manifest["package"].as_table().expect("package");
        for key in ["version", "edition", "rust-version", "license", "publish", "authors"] {
            assert!(inherits(package.get(key)), "{at}: `{key}.workspace = true` is missing");
        }
        assert_eq!(
            package.get("autotests").and_then(Value::as_bool),
            Some(false),
            "{at}: `autotests = false` is missing"
        );
        let doctest = krate.manifest.get("lib").and_then(|l| l.get("doctest")).and_then(Value::as_bool);
        assert_eq!(doctest, Some(false), "{at}: `[lib] doctest = false` is missing");
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in krate.manifest.get(kind).and_then(Value::as_table).into_iter().flatten() {
                assert!(
                    inherits(Some(value)),
                    "{at}: `{name}` has its own version: put it into the workspace's Cargo.toml"
                );
            }
        }
    }
}

/// Protects build times and the licence check: what is declared in the workspace is used by some crate.
#[test]
fn no_dependency_is_declared_in_vain() {
    let root: toml::Table = tree::read("Cargo.toml").parse().expect("Cargo.toml");
    let crates = tree::crates();
    for name in root["workspace"]["dependencies"].as_table().expect("dependencies").keys() {
        let used = crates.iter().any(|c| {
            let dev = c.manifest.get("dev-dependencies").and_then(|d| d.get(name)).is_some();
            dev || c.dependencies().contains(name)
        });
        assert!(used, "`{name}` is declared in Cargo.toml and used by no crate");
    }
}

/// Protects reproducible builds: nothing comes from anywhere but the registry.
#[test]
fn everything_comes_from_the_registry() {
    let lock: toml::Table = tree::read("Cargo.lock").parse().expect("Cargo.lock");
    for package in lock["package"].as_array().expect("packages") {
        if let Some(source) = package.get("source").and_then(Value::as_str) {
            assert!(source.starts_with("registry+https://github.com/rust-lang/crates.io-index"), "{package}");
        }
    }
}

/// Protects build times as well: a crate names no dependency that its sources do not use.
#[test]
fn no_crate_depends_in_vain() {
    let mut idle = Vec::new();
    for krate in tree::crates() {
        let mut text: String = tree::files(&krate.folder, &[".rs"]).into_iter().map(|(_, text)| text).collect();
        // Benchmarks are in tests/bench.
        let benches = krate.manifest.get("bench").and_then(Value::as_array).into_iter().flatten();
        for path in benches.filter_map(|bench| bench.get("path").and_then(Value::as_str)) {
            text.push_str(&tree::read(path.trim_start_matches("../")));
        }
        let dev = krate.manifest.get("dev-dependencies").and_then(Value::as_table).into_iter().flatten();
        let names = krate.dependencies().into_iter().chain(dev.map(|(name, _)| name.clone()));
        idle.extend(names.filter(|n| !text.contains(&n.replace('-', "_"))).map(|n| format!("{}: {n}", krate.folder)));
    }
    assert!(idle.is_empty(), "dependencies that nothing uses:\n{}", idle.join("\n"));
}
