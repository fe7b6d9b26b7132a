//! The tools that deepcoder knows by the name of their program: what kind of check each is, how it is asked for an output
//! that a program can read, and which of its exit codes say that it did not work at all.

use deepcoder_types::CheckKind;

/// A tool that is known by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `ruff check`
    Ruff,
    /// `mypy`
    Mypy,
    /// `pyright` and `basedpyright`
    Pyright,
    /// `pytest`
    Pytest,
    /// `python -m unittest`
    Unittest,
    /// `eslint`
    Eslint,
    /// `tsc`
    Tsc,
    /// `jest`
    Jest,
    /// `vitest`
    Vitest,
    /// `node --test`
    NodeTest,
    /// `cargo check`, `cargo clippy` and `cargo build`
    Cargo,
    /// `cargo test`
    CargoTest,
    /// `go vet`
    GoVet,
    /// `go build`
    GoBuild,
    /// `go test`
    GoTest,
    /// `gcc`, `clang` and their relatives
    Gcc,
    /// `make`, `cmake --build`, `ninja`: what compilers print
    Make,
    /// `javac`
    Javac,
    /// Any other program.
    Other,
}

/// A command with the tool in it found: `uv run pytest` is pytest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The tool.
    pub tool: Tool,
    /// Its name, as diagnostics show it.
    pub name: String,
    /// The words before its own arguments.
    pub head: usize,
}

/// Programs that run the program that follows, and the words between.
const RUNNERS: &[(&str, &[&str])] = &[
    ("uv", &["run"]),
    ("poetry", &["run"]),
    ("pdm", &["run"]),
    ("pipenv", &["run"]),
    ("hatch", &["run"]),
    ("rye", &["run"]),
    ("npx", &[]),
    ("bunx", &[]),
    ("pnpm", &["exec"]),
    ("yarn", &["run"]),
    ("nice", &[]),
    ("env", &[]),
];

/// The name of the program at `path`, without its folder and without a version at its end.
fn base(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        _ if name.starts_with("python") => "python",
        _ if name.starts_with("gcc-") => "gcc",
        _ if name.starts_with("clang-") => "clang",
        _ => name,
    }
}

/// The tool in `command`.
#[must_use]
pub fn find(command: &[String]) -> Found {
    let word = |at: usize| command.get(at).map(String::as_str).unwrap_or_default();
    let mut at = 0;
    // At most a few runners are stacked.
    for _ in 0..4 {
        let Some((_, between)) = RUNNERS.iter().find(|(name, _)| *name == base(word(at))) else { break };
        let mut next = at + 1;
        if between.first().is_some_and(|first| *first == word(next)) {
            next += 1;
        }
        while word(next).starts_with('-') || (base(word(at)) == "env" && word(next).contains('=')) {
            next += 1;
        }
        if word(next).is_empty() {
            break;
        }
        at = next;
    }
    let name = base(word(at));
    let (tool, name, head) = match name {
        "python" => match (word(at + 1), word(at + 2)) {
            ("-m", module) => match module {
                "pytest" => (Tool::Pytest, module, at + 3),
                "unittest" => (Tool::Unittest, module, at + 3),
                "mypy" => (Tool::Mypy, module, at + 3),
                "ruff" => (Tool::Ruff, module, at + 3),
                "pyright" => (Tool::Pyright, module, at + 3),
                _ => (Tool::Other, module, at + 3),
            },
            _ => (Tool::Other, name, at + 1),
        },
        "pytest" | "py.test" => (Tool::Pytest, "pytest", at + 1),
        "ruff" => (Tool::Ruff, name, at + 1),
        "mypy" | "dmypy" => (Tool::Mypy, "mypy", at + 1),
        "pyright" | "basedpyright" => (Tool::Pyright, name, at + 1),
        "eslint" => (Tool::Eslint, name, at + 1),
        "tsc" | "vue-tsc" => (Tool::Tsc, name, at + 1),
        "jest" => (Tool::Jest, name, at + 1),
        "vitest" => (Tool::Vitest, name, at + 1),
        "node" if command[at..].iter().any(|word| word == "--test") => (Tool::NodeTest, name, at + 1),
        "cargo" => {
            // `cargo +nightly check`
            let verb = if word(at + 1).starts_with('+') { at + 2 } else { at + 1 };
            match word(verb) {
                "test" | "t" | "nextest" => (Tool::CargoTest, "cargo test", verb + 1),
                "check" | "c" | "build" | "b" => (Tool::Cargo, "rustc", verb + 1),
                "clippy" => (Tool::Cargo, "clippy", verb + 1),
                _ => (Tool::Other, name, verb + 1),
            }
        }
        "go" => match word(at + 1) {
            "vet" => (Tool::GoVet, "go vet", at + 2),
            "build" => (Tool::GoBuild, "go build", at + 2),
            "test" => (Tool::GoTest, "go test", at + 2),
            _ => (Tool::Other, name, at + 1),
        },
        "gcc" | "g++" | "cc" | "c++" | "clang" | "clang++" => (Tool::Gcc, name, at + 1),
        "make" | "gmake" | "ninja" | "cmake" => (Tool::Make, name, at + 1),
        "javac" => (Tool::Javac, name, at + 1),
        other => (Tool::Other, other, at + 1),
    };
    Found { tool, name: name.to_owned(), head }
}

impl Found {
    /// The kind of check that this is, where it is certain.
    #[must_use]
    pub fn kind(&self) -> Option<CheckKind> {
        match self.tool {
            Tool::Ruff | Tool::Eslint | Tool::GoVet => Some(CheckKind::Lint),
            Tool::Cargo if self.name == "clippy" => Some(CheckKind::Lint),
            Tool::Mypy | Tool::Pyright | Tool::Tsc => Some(CheckKind::Types),
            Tool::Cargo | Tool::GoBuild | Tool::Gcc | Tool::Javac | Tool::Make => Some(CheckKind::Build),
            Tool::Pytest
            | Tool::Unittest
            | Tool::Jest
            | Tool::Vitest
            | Tool::NodeTest
            | Tool::CargoTest
            | Tool::GoTest => Some(CheckKind::Test),
            Tool::Other => None,
        }
    }

    /// Whether the tool looks at files with this extension; `None` where that is not known.
    #[must_use]
    pub fn looks_at(&self, extension: &str) -> Option<bool> {
        let known: &[&str] = match self.tool {
            Tool::Ruff | Tool::Mypy | Tool::Pyright => &["py", "pyi"],
            Tool::Eslint => &["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue"],
            Tool::Tsc => &["ts", "tsx", "mts", "cts", "js", "jsx", "vue"],
            Tool::Cargo => &["rs"],
            Tool::GoVet | Tool::GoBuild => &["go"],
            Tool::Javac => &["java"],
            _ => return None,
        };
        Some(known.contains(&extension))
    }

    /// The words that make the tool print what its parser reads, and where they go. Empty where `command` says so itself.
    /// `report` is a file that the tool may write.
    #[must_use]
    pub fn flags(&self, command: &[String], report: &str) -> Vec<String> {
        let said = |flags: &[&str]| {
            command.iter().skip(self.head).any(|word| {
                flags
                    .iter()
                    .any(|flag| word == flag || word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=')))
            })
        };
        let unless = |flags: &[&str], add: &[&str]| -> Vec<String> {
            if said(flags) { Vec::new() } else { add.iter().map(|word| (*word).to_owned()).collect() }
        };
        match self.tool {
            // Its other commands have no such output.
            Tool::Ruff if command.get(self.head).is_some_and(|word| word != "check") => Vec::new(),
            Tool::Ruff => unless(&["--output-format"], &["--output-format=json"]),
            Tool::Mypy => unless(&["--output", "-O"], &["--output=json"]),
            Tool::Pyright => unless(&["--outputjson"], &["--outputjson"]),
            Tool::Eslint => unless(&["-f", "--format"], &["--format=json"]),
            Tool::Tsc => unless(&["--pretty"], &["--pretty", "false"]),
            Tool::Cargo => unless(&["--message-format"], &["--message-format=json"]),
            Tool::CargoTest if command.get(self.head.saturating_sub(1)).is_some_and(|word| word == "nextest") => {
                Vec::new()
            }
            Tool::CargoTest => unless(&["--message-format"], &["--message-format=json", "--no-fail-fast"]),
            Tool::GoVet | Tool::GoTest => unless(&["-json"], &["-json"]),
            Tool::Pytest => unless(&["--junitxml", "--junit-xml"], &[&format!("--junitxml={report}")]),
            Tool::Jest => unless(&["--json"], &["--json"]),
            Tool::Vitest => unless(&["--reporter"], &["--reporter=json"]),
            Tool::NodeTest => unless(&["--test-reporter"], &["--test-reporter=tap"]),
            _ => Vec::new(),
        }
    }

    /// `command` with `flags` where the tool takes them.
    #[must_use]
    pub fn with(&self, command: &[String], flags: &[String]) -> Vec<String> {
        let end = match self.tool {
            // Before files and packages, which end the flags.
            Tool::Cargo | Tool::CargoTest | Tool::GoVet | Tool::GoTest | Tool::NodeTest => self.head,
            _ => command.iter().position(|word| word == "--").unwrap_or(command.len()),
        };
        let end = end.min(command.len());
        [&command[..end], flags, &command[end..]].concat()
    }

    /// The words that make the tool stop at the first failure.
    #[must_use]
    pub fn stop_early(&self) -> Vec<String> {
        let words: &[&str] = match self.tool {
            Tool::Pytest => &["-x"],
            Tool::Unittest => &["-f"],
            Tool::Jest | Tool::Vitest => &["--bail=1"],
            Tool::GoTest => &["-failfast"],
            _ => &[],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// What the exit code says of the tool itself, where it says that the tool gave no result.
    #[must_use]
    pub fn no_result(&self, code: i32) -> Option<&'static str> {
        match (self.tool, code) {
            (_, 126) => Some("the program may not be executed"),
            (_, 127) => Some("a program that it needs is not installed"),
            (Tool::Pytest, 5) => Some("no tests were collected"),
            (Tool::Unittest, 5) => Some("no tests were run"),
            (Tool::Pytest, 3) => Some("pytest has an internal error"),
            (Tool::Pytest, 4) => Some("pytest does not understand its command line"),
            (Tool::Pytest, 2) => None,
            (Tool::Ruff | Tool::Eslint, 2..) => Some("the tool reports an error of its own"),
            (Tool::Mypy, 3..) | (Tool::Pyright, 2..) => Some("the tool reports an error of its own"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    /// Protects configurations as people write them: the tool is found behind runners and interpreters, and its flags go
    /// where it takes them, once.
    #[test]
    fn tools_are_found_and_asked() {
        for (command, tool, asked) in [
            ("pytest -q", Tool::Pytest, "pytest -q --junitxml=R"),
            ("uv run --frozen pytest tests -- x", Tool::Pytest, "uv run --frozen pytest tests --junitxml=R -- x"),
            ("python3.12 -m pytest", Tool::Pytest, "python3.12 -m pytest --junitxml=R"),
            ("pytest --junitxml=a.xml", Tool::Pytest, "pytest --junitxml=a.xml"),
            ("/usr/bin/python3 -m unittest -v", Tool::Unittest, "/usr/bin/python3 -m unittest -v"),
            ("env A=1 ruff check .", Tool::Ruff, "env A=1 ruff check . --output-format=json"),
            ("ruff format --check", Tool::Ruff, "ruff format --check"),
            ("mypy src", Tool::Mypy, "mypy src --output=json"),
            ("npx --no-install eslint .", Tool::Eslint, "npx --no-install eslint . --format=json"),
            (
                "cargo +nightly clippy -- -D warnings",
                Tool::Cargo,
                "cargo +nightly clippy --message-format=json -- -D warnings",
            ),
            (
                "cargo test -p a -- --nocapture",
                Tool::CargoTest,
                "cargo test --message-format=json --no-fail-fast -p a -- --nocapture",
            ),
            ("go test ./...", Tool::GoTest, "go test -json ./..."),
            ("node --test tests/", Tool::NodeTest, "node --test-reporter=tap --test tests/"),
            ("node check.js", Tool::Other, "node check.js"),
            ("tsc --noEmit --pretty true", Tool::Tsc, "tsc --noEmit --pretty true"),
            ("./check.sh", Tool::Other, "./check.sh"),
            ("env", Tool::Other, "env"),
        ] {
            let command = words(command);
            let found = find(&command);
            assert_eq!(found.tool, tool, "{command:?}");
            assert_eq!(found.with(&command, &found.flags(&command, "R")), words(asked));
        }
    }
}
