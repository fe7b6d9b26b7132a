use super::javascript;
use crate::language::{Spec, Visibility};

pub(crate) const TAGS: &[&str] = &[javascript::TAGS, include_str!("tags.scm")];
pub(crate) const HOMES: &[&str] =
    &["program", "class_body", "interface_body", "lexical_declaration", "variable_declaration", "module_block"];
/// Declarations of interfaces and enumerations merge.
pub(crate) const UNIQUE: &[(&[&str], &str)] = &[(&["type"], "type"), (&["function", "class", "constant"], "name")];

pub(crate) static SPEC: Spec = Spec {
    aliases: &["ts"],
    extensions: &["ts", "mts", "cts"],
    interpreters: &["ts-node", "tsx", "deno", "bun"],
    family: javascript::FAMILY,
    directives: javascript::DIRECTIVES,
    visibility: Visibility::Marked(&["export"]),
    name_characters: "$",
    keywords: javascript::KEYWORDS,
    tests: javascript::TESTS,
    unique: UNIQUE,
    tags: TAGS,
    leads: &["decorator"],
    shells: javascript::SHELLS,
    single_shells: javascript::SINGLE_SHELLS,
    homes: HOMES,
    ..Spec::new("typescript", || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into())
};
