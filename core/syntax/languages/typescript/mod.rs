use super::javascript;
use crate::language::Spec;

pub(crate) const SPEC: Spec = Spec {
    name: "typescript",
    grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
    aliases: &["ts"],
    extensions: &["ts", "mts", "cts"],
    interpreters: &["ts-node", "tsx", "deno", "bun"],
    fences: &[],
    // Declarations of interfaces and enumerations merge.
    unique: &[(&["type"], "type"), (&["function", "class", "constant"], "name")],
    tags: &[javascript::TAGS, include_str!("tags.scm")],
    homes: &["program", "class_body", "interface_body", "lexical_declaration", "variable_declaration", "module_block"],
    ..javascript::SPEC
};
