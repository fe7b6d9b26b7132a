//! What `deepcoder checks suggest` proposes.

use super::Bench;
use crate::suggest;
use deepcoder_workspace::Workspace;

/// The files of a project, and the checks that are suggested.
type Case<'c> = (&'c [(&'c str, &'c str)], &'c [&'c str]);

/// Protects the first five minutes: a repository of each language gets checks that parse as they are, for the tools that it is
/// set up for and no others, and it says which are installed.
#[test]
fn each_language_gets_its_tools() {
    let cases: [Case<'_>; 8] = [
        (
            &[("pyproject.toml", "[tool.ruff]\n[tool.mypy]\n"), ("a.py", ""), ("tests/test_a.py", "import pytest\n")],
            &["ruff", "mypy", "pytest"],
        ),
        (&[("a.py", ""), ("test_a.py", "import unittest\n")], &["unittest"]),
        (&[("a.py", "")], &[]),
        (&[("Cargo.toml", "[package]\n"), ("src/lib.rs", "")], &["cargo-check", "clippy", "cargo-test"]),
        (
            &[("package.json", "{\"devDependencies\":{\"eslint\":\"9\",\"jest\":\"29\"}}"), ("tsconfig.json", "{}")],
            &["eslint", "tsc", "jest"],
        ),
        (&[("go.mod", "module a\n"), ("a.go", "package a\n")], &["go-vet", "go-test"]),
        (&[("Makefile", "all:\n\ntest:\n"), ("a.c", "")], &["make", "make-test"]),
        (&[("b/A \"x\".java", ""), ("package.json", "not json")], &["javac"]),
    ];
    for (files, names) in cases {
        let bench = Bench::new("", files);
        let workspace = Workspace::open(bench.repo.path()).expect("a work tree");
        let found = suggest(&workspace, &Bench::machine()).expect("listed");
        assert_eq!(found.iter().map(|s| s.name).collect::<Vec<_>>(), names, "{files:?}");
        let text: String = found.iter().map(crate::Suggestion::toml).collect();
        let checks = crate::config::parse(&text).expect(&text);
        assert!(
            checks.iter().zip(&found).all(|(check, s)| check.command == s.command && check.kind == s.kind),
            "{text}"
        );
        assert!(found.iter().all(|s| !s.because.is_empty() && (s.name != "ruff" || !s.installed)));
    }
}
