use crate::language::{Spec, Tests, Visibility};

pub(crate) const FAMILY: &str = "script";
pub(crate) const TAGS: &str = include_str!("tags.scm");
pub(crate) const DIRECTIVES: &[&str] = &[
    "// eslint",
    "/* eslint",
    "// @ts-",
    "/* @",
    "/*#__PURE__",
    "/* webpack",
    "/* fall",
    "// prettier-",
    "/// <reference",
    "//# source",
];
pub(crate) const KEYWORDS: &[&str] = &[
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "new",
    "null",
    "return",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];
pub(crate) const SHELLS: &[&str] = &["export_statement", "ambient_declaration", "expression_statement"];
pub(crate) const SINGLE_SHELLS: &[&str] = &["lexical_declaration", "variable_declaration"];
pub(crate) const HOMES: &[&str] =
    &["program", "class_body", "interface_body", "lexical_declaration", "variable_declaration"];
pub(crate) const TESTS: Tests = Tests { suffixes: &[".test", ".spec"], names: &[] };

pub(crate) static SPEC: Spec = Spec {
    aliases: &["js", "jsx", "node"],
    extensions: &["js", "mjs", "cjs", "jsx"],
    interpreters: &["node"],
    fences: &[("jsx", "jsx")],
    family: FAMILY,
    directives: DIRECTIVES,
    visibility: Visibility::Marked(&["export"]),
    name_characters: "$",
    keywords: KEYWORDS,
    tests: TESTS,
    unique: &[(&["function", "class", "constant"], "name")],
    tags: &[TAGS, include_str!("fields.scm")],
    leads: &["decorator"],
    shells: SHELLS,
    single_shells: SINGLE_SHELLS,
    homes: HOMES,
    ..Spec::new("javascript", || tree_sitter_javascript::LANGUAGE.into())
};
