use crate::language::{LanguageKind, Spec};

pub(crate) const SPEC: Spec = Spec {
    extensions: &["toml"],
    file_names: &["Cargo.lock", "poetry.lock", "uv.lock", "pdm.lock", "Pipfile"],
    kind: LanguageKind::Data,
    line_comments: &["#"],
    block_comments: &[],
    directives: &["#:schema"],
    name_characters: "-",
    tags: &[include_str!("tags.scm")],
    ..Spec::new("toml", || tree_sitter_toml_ng::LANGUAGE.into())
};

#[cfg(test)]
mod tests;
