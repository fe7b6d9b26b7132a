use crate::language::{LanguageKind, Spec};

pub(crate) const SPEC: Spec = Spec {
    aliases: &["jsonc"],
    extensions: &["json", "jsonc", "webmanifest", "geojson", "har", "avsc", "code-workspace"],
    file_names: &["composer.lock", "Pipfile.lock", "flake.lock", ".babelrc"],
    fences: &[("jsonc", "jsonc")],
    kind: LanguageKind::Data,
    tags: &[include_str!("tags.scm")],
    ..Spec::new("json", || tree_sitter_json::LANGUAGE.into())
};

#[cfg(test)]
mod tests;
