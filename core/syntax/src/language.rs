//! The languages that have a grammar.

use deepcoder_types::RepoPath;

/// A language that has a grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// JavaScript, with JSX.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Go.
    Go,
    /// Java.
    Java,
    /// C.
    C,
    /// C++, and headers, which may be either.
    Cpp,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Python,
        Self::Rust,
        Self::JavaScript,
        Self::TypeScript,
        Self::Tsx,
        Self::Go,
        Self::Java,
        Self::C,
        Self::Cpp,
    ];

    /// The language of a file, by its extension.
    #[must_use]
    pub fn of(path: &RepoPath) -> Option<Self> {
        let extension = path.extension()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "py" | "pyi" | "pyw" => Self::Python,
            "rs" => Self::Rust,
            "js" | "mjs" | "cjs" | "jsx" => Self::JavaScript,
            "ts" | "mts" | "cts" => Self::TypeScript,
            "tsx" => Self::Tsx,
            "go" => Self::Go,
            "java" => Self::Java,
            "c" => Self::C,
            "h" | "cc" | "cpp" | "cxx" | "c++" | "hh" | "hpp" | "hxx" | "h++" | "inl" | "ipp" => Self::Cpp,
            _ => return None,
        })
    }

    /// The language that people call `name`: the name that [`Language::name`] gives, or a usual short form.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let short = match name.as_str() {
            "py" | "python3" => Some(Self::Python),
            "rs" => Some(Self::Rust),
            "js" | "jsx" | "node" => Some(Self::JavaScript),
            "ts" => Some(Self::TypeScript),
            "golang" => Some(Self::Go),
            "c++" | "cxx" => Some(Self::Cpp),
            _ => None,
        };
        short.or_else(|| Self::ALL.into_iter().find(|l| l.name() == name))
    }

    /// Its name in lower case, as it is written after a Markdown fence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Tsx => "tsx",
            Self::Go => "go",
            Self::Java => "java",
            Self::C => "c",
            Self::Cpp => "cpp",
        }
    }

    /// What begins a comment that ends with the line.
    #[must_use]
    pub const fn line_comment(self) -> &'static str {
        match self {
            Self::Python => "#",
            _ => "//",
        }
    }

    pub(crate) fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::Python => tree_sitter_python::LANGUAGE,
            Self::Rust => tree_sitter_rust::LANGUAGE,
            Self::JavaScript => tree_sitter_javascript::LANGUAGE,
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
            Self::Go => tree_sitter_go::LANGUAGE,
            Self::Java => tree_sitter_java::LANGUAGE,
            Self::C => tree_sitter_c::LANGUAGE,
            Self::Cpp => tree_sitter_cpp::LANGUAGE,
        }
        .into()
    }
}

/// Whether a file holds tests, by the conventions of the languages.
#[must_use]
pub fn is_test(path: &RepoPath) -> bool {
    let name = path.file_name().to_lowercase();
    let bare = name.split('.').next().unwrap_or_default();
    path.as_str()
        .split('/')
        .rev()
        .skip(1)
        .any(|part| matches!(part, "test" | "tests" | "__tests__" | "spec" | "specs" | "testing"))
        || bare.starts_with("test_")
        || bare.ends_with("_test")
        || path.file_name().ends_with("Test.java")
        || name.contains(".test.")
        || name.contains(".spec.")
        || name == "conftest.py"
}
