//! Checks that fit a repository, by the files that it has.

use crate::machine::Machine;
use crate::tool;
use deepcoder_types::{CheckKind, RepoPath};
use deepcoder_workspace::{ListError, Workspace};
use std::path::PathBuf;

/// The most bytes of a file that is looked into.
const MAX_TEXT: u64 = 1 << 20;

/// At most this many files stand in a command.
const MAX_FILES: usize = 20;

/// A check that a repository could have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Its name.
    pub name: &'static str,
    /// Its command.
    pub command: Vec<String>,
    /// Its kind.
    pub kind: CheckKind,
    /// The globs of its files.
    pub files: Vec<String>,
    /// Why it fits.
    pub because: String,
    /// Whether its program is installed.
    pub installed: bool,
}

impl Suggestion {
    /// Its table in `deepcoder.toml`.
    #[must_use]
    pub fn toml(&self) -> String {
        let list = |words: &[String]| toml::Value::from(words.to_vec()).to_string();
        let mut text = format!("[check.{}]\ncommand = {}\n", self.name, list(&self.command));
        if tool::find(&self.command).kind() != Some(self.kind) {
            let kind = match self.kind {
                CheckKind::Lint => "lint",
                CheckKind::Types => "types",
                CheckKind::Build => "build",
                CheckKind::Test => "test",
            };
            text.push_str(&format!("kind = \"{kind}\"\n"));
        }
        if !self.files.is_empty() {
            text.push_str(&format!("files = {}\n", list(&self.files)));
        }
        text
    }
}

/// The checks that fit `workspace`.
pub fn suggest(workspace: &Workspace, machine: &Machine) -> Result<Vec<Suggestion>, ListError> {
    let files: Vec<RepoPath> = workspace.files()?;
    let programs = [".venv/bin", "venv/bin", "node_modules/.bin"].map(|path| workspace.root().join(path)).to_vec();
    let mut finder = Finder { workspace, machine, files, programs, found: Vec::new() };
    finder.python();
    finder.rust();
    finder.node();
    finder.go();
    finder.c();
    finder.java();
    Ok(finder.found)
}

struct Finder<'a> {
    workspace: &'a Workspace,
    machine: &'a Machine,
    files: Vec<RepoPath>,
    programs: Vec<PathBuf>,
    found: Vec<Suggestion>,
}

impl Finder<'_> {
    fn has(&self, path: &str) -> bool {
        self.files.binary_search_by(|file| file.as_str().cmp(path)).is_ok()
    }

    fn has_extension(&self, extension: &str) -> bool {
        self.files.iter().any(|file| file.extension() == Some(extension))
    }

    fn text(&self, path: &str) -> String {
        use std::io::Read as _;
        let mut text = String::new();
        let file =
            RepoPath::new(path).ok().filter(|_| self.has(path)).and_then(|path| self.workspace.open_file(&path).ok());
        // A file that is not text has no settings.
        _ = file.map(|file| file.take(MAX_TEXT).read_to_string(&mut text));
        text
    }

    fn add(&mut self, name: &'static str, kind: CheckKind, command: &[&str], files: &[&str], because: &str) {
        let program = command.first().copied().unwrap_or_default();
        let installed = self.machine.find(program, &self.programs, self.workspace.root()).is_some();
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (command, files) = (own(command), own(files));
        self.found.push(Suggestion { name, command, kind, files, because: because.to_owned(), installed });
    }

    /// The first of `files` that is there, or the first of `tables` in a file of settings.
    fn configured(&self, files: &[&str], tables: &[(&str, &str)]) -> Option<String> {
        let file = files.iter().find(|file| self.has(file)).map(|file| (*file).to_owned());
        file.or_else(|| {
            let table = tables.iter().find(|(file, table)| self.text(file).contains(table));
            table.map(|(file, table)| format!("{file} has {table}]"))
        })
    }

    fn python(&mut self) {
        if !self.has_extension("py") {
            return;
        }
        let py = &["**/*.py"];
        let ruff = self.configured(&["ruff.toml", ".ruff.toml"], &[("pyproject.toml", "[tool.ruff")]);
        if let Some(because) = ruff {
            self.add("ruff", CheckKind::Lint, &["ruff", "check", "."], py, &because);
        }
        let tables = [("pyproject.toml", "[tool.mypy"), ("setup.cfg", "[mypy")];
        if let Some(because) = self.configured(&["mypy.ini", ".mypy.ini"], &tables) {
            self.add("mypy", CheckKind::Types, &["mypy", "."], py, &because);
        }
        if let Some(because) = self.configured(&["pyrightconfig.json"], &[("pyproject.toml", "[tool.pyright")]) {
            self.add("pyright", CheckKind::Types, &["pyright"], py, &because);
        }
        let tests: Vec<String> = self
            .files
            .iter()
            .filter(|file| file.extension() == Some("py") && deepcoder_syntax::is_test(file))
            .map(|file| file.as_str().to_owned())
            .collect();
        let tables = [("pyproject.toml", "[tool.pytest"), ("setup.cfg", "[tool:pytest"), ("tox.ini", "[pytest")];
        let settings = self.configured(&["pytest.ini", "conftest.py", "tests/conftest.py"], &tables);
        let uses = |word: &str| tests.iter().take(MAX_FILES).find(|file| self.text(file).contains(word)).cloned();
        let pytest = settings.or_else(|| uses("import pytest").map(|file| format!("{file} imports pytest")));
        if let Some(because) = pytest {
            self.add("pytest", CheckKind::Test, &["pytest", "-q"], py, &because);
        } else if let Some(file) = uses("unittest") {
            self.add("unittest", CheckKind::Test, &["python3", "-m", "unittest"], py, &format!("{file} uses unittest"));
        } else if let Some(file) = tests.first() {
            self.add("pytest", CheckKind::Test, &["pytest", "-q"], py, &format!("{file} holds tests"));
        }
    }

    fn rust(&mut self) {
        if self.has("Cargo.toml") {
            let files = &["**/*.rs", "**/Cargo.toml"];
            self.add("cargo-check", CheckKind::Build, &["cargo", "check", "--all-targets"], files, "Cargo.toml");
            self.add("clippy", CheckKind::Lint, &["cargo", "clippy", "--all-targets"], files, "Cargo.toml");
            self.add("cargo-test", CheckKind::Test, &["cargo", "test"], files, "Cargo.toml");
        }
    }

    fn node(&mut self) {
        let Ok(manifest) = serde_json::from_str::<serde_json::Value>(&self.text("package.json")) else { return };
        let uses = |name: &str| {
            ["dependencies", "devDependencies"]
                .iter()
                .any(|list| manifest.get(list).is_some_and(|d| d.get(name).is_some()))
        };
        let files = &["**/*.{js,jsx,mjs,cjs,ts,tsx,mts,cts}"];
        if uses("eslint") {
            self.add("eslint", CheckKind::Lint, &["eslint", "."], files, "package.json has eslint");
        }
        if self.has("tsconfig.json") {
            self.add("tsc", CheckKind::Types, &["tsc", "--noEmit"], &["**/*.{ts,tsx,mts,cts}"], "tsconfig.json");
        }
        let script = manifest.pointer("/scripts/test").and_then(serde_json::Value::as_str).unwrap_or_default();
        if uses("vitest") {
            self.add("vitest", CheckKind::Test, &["vitest", "run"], files, "package.json has vitest");
        } else if uses("jest") {
            self.add("jest", CheckKind::Test, &["jest"], files, "package.json has jest");
        } else if script.contains("node ") && script.contains("--test") {
            self.add("node-test", CheckKind::Test, &["node", "--test"], files, "package.json has a test script");
        } else if !script.is_empty() && !script.contains("no test specified") {
            self.add("npm-test", CheckKind::Test, &["npm", "test"], files, "package.json has a test script");
        }
    }

    fn go(&mut self) {
        if self.has("go.mod") {
            self.add("go-vet", CheckKind::Lint, &["go", "vet", "./..."], &["**/*.go"], "go.mod");
            self.add("go-test", CheckKind::Test, &["go", "test", "./..."], &["**/*.go"], "go.mod");
        }
    }

    fn c(&mut self) {
        let files = &["**/*.{c,h,cc,cpp,hpp}"];
        if !["c", "cc", "cpp"].iter().any(|extension| self.has_extension(extension)) {
            return;
        }
        if let Some(makefile) = ["Makefile", "makefile", "GNUmakefile"].into_iter().find(|file| self.has(file)) {
            self.add("make", CheckKind::Build, &["make"], files, makefile);
            let text = self.text(makefile);
            if let Some(target) = ["test", "check"].into_iter().find(|name| text.contains(&format!("\n{name}:"))) {
                let because = format!("{makefile} has the target {target}");
                self.add("make-test", CheckKind::Test, &["make", target], files, &because);
            }
        } else {
            let sources: Vec<String> = self
                .files
                .iter()
                .filter(|file| file.extension() == Some("c"))
                .map(|file| file.as_str().to_owned())
                .take(MAX_FILES + 1)
                .collect();
            if (1..=MAX_FILES).contains(&sources.len()) {
                let words: Vec<&str> =
                    ["gcc", "-Wall", "-fsyntax-only"].into_iter().chain(sources.iter().map(String::as_str)).collect();
                self.add("gcc", CheckKind::Build, &words, files, "files in C");
            }
        }
    }

    fn java(&mut self) {
        let files = &["**/*.java"];
        if self.has("pom.xml") {
            self.add("maven", CheckKind::Test, &["mvn", "-o", "-q", "test"], files, "pom.xml");
            return;
        }
        let sources: Vec<String> = self
            .files
            .iter()
            .filter(|file| file.extension() == Some("java"))
            .map(|file| file.as_str().to_owned())
            .take(MAX_FILES + 1)
            .collect();
        let gradle = ["build.gradle", "build.gradle.kts"].into_iter().any(|file| self.has(file));
        if !gradle && (1..=MAX_FILES).contains(&sources.len()) {
            let words: Vec<&str> =
                ["javac", "-d", "out"].into_iter().chain(sources.iter().map(String::as_str)).collect();
            self.add("javac", CheckKind::Build, &words, files, "files in Java");
        }
    }
}
