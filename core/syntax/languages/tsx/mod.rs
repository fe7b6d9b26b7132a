use super::typescript;
use crate::language::Spec;

pub(crate) const SPEC: Spec = Spec {
    name: "tsx",
    grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
    aliases: &[],
    extensions: &["tsx"],
    interpreters: &[],
    ..typescript::SPEC
};
