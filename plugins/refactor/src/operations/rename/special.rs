//! Names that somebody else gives a meaning: the language, its library, a tool, another package.

use super::RenameError;
use crate::Refusal;
use deepcoder_resolve::{DeclarationKind, Form, Global, Occurrence, Project, Reference, Role, Symbol};
use deepcoder_syntax::Language;
use deepcoder_types::RepoPath;

/// Whether another package uses what would be seen in its own only (Go).
pub(super) fn unseen(project: &Project<'_>, symbol: &Symbol, found: &[Occurrence]) -> Result<(), Refusal> {
    let package = |path: &RepoPath| {
        let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        project.bindings(path).map(|bindings| (folder, bindings.package.clone()))
    };
    let own: Vec<_> = symbol.declarations.iter().map(|(path, _)| package(path)).collect();
    let Some(other) = found.iter().find(|o| !own.contains(&package(&o.place.path))) else { return Ok(()) };
    Err(Refusal::of(&RenameError::Unseen(other.place.path.clone())).at(&other.place.path, other.place.at))
}

/// Names of members that a language or its library looks for in values of any type.
const CALLED: &[(Language, &[&str])] = &[
    (
        Language::JavaScript,
        &[
            "constructor",
            "toString",
            "toJSON",
            "toLocaleString",
            "valueOf",
            "then",
            "next",
            "return",
            "throw",
            "done",
            "value",
            "handleEvent",
            "inspect",
            "length",
            "name",
            "message",
            "stack",
            "get",
            "set",
            "has",
            "apply",
        ],
    ),
    (
        Language::Go,
        &[
            "String",
            "GoString",
            "Error",
            "Format",
            "Unwrap",
            "Is",
            "As",
            "Read",
            "Write",
            "Close",
            "Len",
            "Less",
            "Swap",
            "Push",
            "Pop",
            "ServeHTTP",
            "MarshalJSON",
            "UnmarshalJSON",
            "MarshalText",
            "UnmarshalText",
            "Scan",
            "Value",
        ],
    ),
];

/// Whether a member has, or gets, a name that the language gives a meaning.
pub(super) fn called_by_the_language(project: &Project<'_>, symbol: &Symbol, language: Language, new: &str) -> bool {
    let related = |of: Language| of == language || of == Language::JavaScript && language.is_related(of);
    let names = CALLED.iter().find(|(of, _)| related(*of)).map_or(&[][..], |(_, names)| names);
    let special = |name: &str| {
        names.contains(&name) || language == Language::Python && name.starts_with("__") && name.ends_with("__")
    };
    let member = |global: &Global| {
        use DeclarationKind::{Field, Method};
        project.declaration(global).is_some_and(|d| match d.kind {
            Method => true,
            Field => {
                language.is_related(Language::JavaScript) && !matches!(new, "name" | "value" | "length" | "message")
            }
            _ => false,
        })
    };
    let typed = language == Language::TypeScript || language == Language::Tsx;
    // In a typed program only the names that every object has are looked up unseen.
    let unseen = |name: &str| !typed || matches!(name, "toString" | "toJSON" | "valueOf" | "then" | "constructor");
    [symbol.name.as_str(), new].iter().any(|name| special(name) && unseen(name))
        && symbol.declarations.iter().any(member)
}

/// Whether a name stands before `=` in a class pattern of Python: it is asked what a field is, and the field is meant.
pub(super) fn in_pattern(project: &Project<'_>, path: &RepoPath, reference: &Reference) -> bool {
    let text = project.files().text(path);
    let before = text.as_deref().and_then(|text| text.get(..reference.at.start as usize)).unwrap_or("");
    let python = Language::program(path) == Some(Language::Python);
    let member = matches!(reference.target, deepcoder_resolve::Target::Member(_));
    python
        && member
        && reference.role == Role::Reads
        && reference.form == Form::Plain
        && !before.trim_end().ends_with('.')
}

/// Whether one of two names is that of a test and the other one is not.
pub(super) fn by_name(project: &Project<'_>, symbol: &Symbol, language: Language, new: &str) -> bool {
    let prefixes: &[&str] = match language {
        Language::Python => &["test", "Test", "pytest_"],
        Language::Go => &["Test", "Benchmark", "Fuzz", "Example"],
        Language::Java => &["test"],
        _ => return false,
    };
    let callable = |global: &Global| {
        use DeclarationKind::{Class, Function, Method};
        project.declaration(global).is_some_and(|d| d.public && matches!(d.kind, Class | Function | Method))
    };
    let is_test = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
    is_test(&symbol.name) != is_test(new) && symbol.declarations.iter().any(callable)
}
