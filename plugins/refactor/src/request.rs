//! What is asked for, and the answers.

use crate::parameters::ParameterChange;
use deepcoder_resolve::Place;
use deepcoder_syntax::Language;
use deepcoder_types::{Hint, RepoPath, TextRange};

/// The place that a request is about. A cursor is an empty range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The file.
    pub path: RepoPath,
    /// The selection.
    pub range: TextRange,
}

/// One refactoring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Give what is named at the target another name, everywhere.
    Rename {
        /// One of its occurrences.
        target: Target,
        /// The name that it gets.
        new_name: String,
    },
    /// Give the selected expression a name, in a declaration before its statement.
    ExtractVariable {
        /// The expression; a cursor stands in it.
        target: Target,
        /// Its name; `None`: one that is free.
        name: Option<String>,
        /// Whether the same expression gets the name elsewhere in the block.
        all: bool,
        /// What is declared.
        kind: VariableKind,
    },
    /// Make a function of the selected statements or the selected expression.
    ExtractFunction {
        /// Whole statements, or an expression.
        target: Target,
        /// Its name; `None`: one that is free.
        name: Option<String>,
        /// Who may call it, in languages that say so; `None`: nothing outside.
        visibility: Option<Visibility>,
        /// Whether it becomes a method of the receiver, where the language lets one choose (Go).
        method: bool,
    },
    /// Put the body of a function in the place of a call.
    InlineFunction {
        /// A call, or the definition: then all calls, and the definition goes away.
        target: Target,
        /// Whether all calls are meant and the definition goes away.
        all: bool,
    },
    /// Replace what matches a pattern, wherever it stands.
    Codemod(Box<CodemodRequest>),
    /// Put the value of a variable in the place of its name, everywhere, and take the declaration away.
    InlineVariable {
        /// One of its occurrences.
        target: Target,
    },
    /// Take what is declared at the target to another file, with the imports that it needs.
    Move {
        /// A declaration at the top of a file; statements, in scripts.
        target: Target,
        /// Where it goes; `None`: to a new file that is named after it.
        to: Option<RepoPath>,
        /// Whether those who use it name its new module (Python).
        qualified: bool,
    },
    /// Give a module's file another path, for all who import it.
    MoveFile {
        /// The file.
        path: RepoPath,
        /// The file that it becomes.
        to: RepoPath,
    },
    /// Change the parameters of a function, and the arguments of its calls.
    ChangeSignature {
        /// The function: its name, a call, or one of its parameters.
        target: Target,
        /// The steps, in order.
        changes: Vec<ParameterChange>,
    },
    /// Put the imports of a file in order.
    OrganiseImports {
        /// The file; for [`Imports::Merge`] and [`Imports::Split`] one of its imports.
        target: Target,
        /// What becomes of them.
        work: Imports,
        /// The order that an editor's settings ask for.
        style: ImportStyle,
    },
    /// Rewrite what stands at the target in another form that does the same.
    Convert {
        /// A place in it.
        target: Target,
        /// The name of the rewrite, such as `invert-if`.
        kind: String,
    },
}

/// What becomes of a file's imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imports {
    /// Those that nothing uses go, those of one module become one, all are sorted in their groups.
    All,
    /// Those that nothing uses go; only these names where there are any.
    Unused(Vec<String>),
    /// Those of one module become one, all are sorted in their groups; none goes.
    Sort,
    /// Those that stand twice become one.
    Repeated,
    /// This one is added, as a statement of the language.
    Add(String),
    /// The import at the target and its neighbour become one (Rust).
    Merge,
    /// The name at the target gets an import of its own (Rust).
    Split,
}

/// The order of imported names, where the language's tools let people choose (TypeScript). What is not said is found in the
/// file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportStyle {
    /// Whether upper and lower case are the same.
    pub ignore_case: Option<bool>,
    /// Where types stand among values.
    pub types: Option<TypeOrder>,
    /// How letters are compared.
    pub collation: Collation,
}

/// Where types stand among values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeOrder {
    /// Behind them.
    Last,
    /// By their names.
    Inline,
    /// Before them.
    First,
}

/// How letters are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Collation {
    /// By their codes.
    #[default]
    Ordinal,
    /// As in a dictionary.
    Unicode {
        /// Whether digits are numbers.
        numeric: bool,
        /// Whether upper case comes first.
        upper_first: bool,
        /// Whether letters with accents are letters of their own.
        accents: bool,
    },
}

/// A codemod and where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodemodRequest {
    /// What matches, and what that becomes.
    pub source: deepcoder_codemod::Source,
    /// The language of the pattern; `None`: that of each file.
    pub language: Option<Language>,
    /// Files, directories and globs from the root; empty: the whole tree.
    pub files: Vec<String>,
    /// The most matches in one file, from the front.
    pub most: Option<usize>,
    /// Whether it was learned from an edit, so that nobody has seen its matches.
    pub learned: bool,
}

/// What an expression becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableKind {
    /// A variable before the statement.
    Variable,
    /// A constant: of the file in JavaScript, `const` in Rust.
    Constant,
    /// `static` in Rust.
    Static,
}

/// Who may use a member of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everything.
    Public,
    /// The package, and what inherits from the class.
    Protected,
    /// The package.
    Package,
    /// The class.
    Private,
}

impl Request {
    /// The operation, as the command line names it.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Rename { .. } => "rename",
            Self::ExtractVariable { kind: VariableKind::Variable, .. } => "extract-variable",
            Self::ExtractVariable { .. } => "extract-constant",
            Self::ExtractFunction { .. } => "extract-function",
            Self::InlineFunction { .. } => "inline-function",
            Self::InlineVariable { .. } => "inline-variable",
            Self::Codemod(_) => "codemod",
            Self::Move { .. } | Self::MoveFile { .. } => "move",
            Self::OrganiseImports { .. } => "organise-imports",
            Self::ChangeSignature { .. } => "change-signature",
            Self::Convert { .. } => "convert",
        }
    }
}

impl Request {
    /// Every operation at a target, with names of its own choice. `name` is what is named there.
    pub(crate) fn all_at(target: &Target, name: &str) -> Vec<Self> {
        let target = || target.clone();
        vec![
            Self::Rename { target: target(), new_name: format!("{name}_2") },
            Self::ExtractVariable { target: target(), name: None, all: false, kind: VariableKind::Variable },
            Self::ExtractFunction { target: target(), name: None, visibility: None, method: false },
            Self::InlineVariable { target: target() },
            Self::InlineFunction { target: target(), all: false },
            Self::Move { target: target(), to: None, qualified: false },
            Self::OrganiseImports { target: target(), work: Imports::All, style: ImportStyle::default() },
        ]
    }

    /// The kind of its code action in the Language Server Protocol.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Rename { .. } => "refactor.rename",
            Self::ExtractVariable { kind: VariableKind::Variable, .. } => "refactor.extract.variable",
            Self::ExtractVariable { .. } => "refactor.extract.constant",
            Self::ExtractFunction { .. } => "refactor.extract.function",
            Self::InlineVariable { .. } => "refactor.inline.variable",
            Self::Codemod(_) | Self::ChangeSignature { .. } | Self::Convert { .. } => "refactor.rewrite",
            Self::InlineFunction { .. } => "refactor.inline.function",
            Self::Move { .. } | Self::MoveFile { .. } => "refactor.move",
            Self::OrganiseImports { .. } => "source.organizeImports",
        }
    }
}

/// Why a request changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason, in lower case without a full stop.
    pub message: String,
    /// The text that stands in the way.
    pub place: Option<Place>,
    /// The next step.
    pub hint: Option<String>,
}

impl Refusal {
    /// A reason that is not about one place.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, hint: None }
    }

    /// The error of an operation, with its hint.
    #[must_use]
    pub fn of(error: &impl Hint) -> Self {
        Self { message: error.to_string(), place: None, hint: error.hint() }
    }

    /// The same, with the text that stands in the way.
    #[must_use]
    pub fn at(mut self, path: &RepoPath, at: TextRange) -> Self {
        self.place = Some(Place { path: path.clone(), at });
        self
    }

    /// The same, with a next step.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Hint for Refusal {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
