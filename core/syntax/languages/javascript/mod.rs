use crate::language::{Spec, Tests, Visibility};

pub(crate) const TAGS: &str = include_str!("tags.scm");

pub(crate) const SPEC: Spec = Spec {
    aliases: &["js", "jsx", "node"],
    extensions: &["js", "mjs", "cjs", "jsx"],
    interpreters: &["node"],
    fences: &[("jsx", "jsx")],
    family: "script",
    directives: &[
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
    ],
    visibility: Visibility::Marked(&["export"]),
    name_characters: "$",
    keywords: "await break case catch class const continue debugger default delete do else enum export extends false \
        finally for function if import in instanceof new null return super switch this throw true try typeof var \
        void while with yield",
    tests: Tests { suffixes: &[".test", ".spec"], names: &[] },
    unique: &[(&["function", "class", "constant"], "name")],
    tags: &[TAGS, include_str!("fields.scm")],
    leads: &["decorator"],
    shells: &["export_statement", "ambient_declaration", "expression_statement"],
    single_shells: &["lexical_declaration", "variable_declaration"],
    homes: &["program", "class_body", "interface_body", "lexical_declaration", "variable_declaration"],
    ..Spec::new("javascript", || tree_sitter_javascript::LANGUAGE.into())
};
