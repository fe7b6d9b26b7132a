use crate::language::{LanguageKind, Spec};

pub(crate) const SPEC: Spec = Spec {
    aliases: &["yml"],
    extensions: &["yaml", "yml"],
    file_names: &[".clang-format", ".clang-tidy"],
    kind: LanguageKind::Data,
    line_comments: &["#"],
    block_comments: &[],
    directives: &["# yaml-language-server", "# yamllint"],
    name_characters: "-",
    tags: &[include_str!("tags.scm")],
    ..Spec::new("yaml", || tree_sitter_yaml::LANGUAGE.into())
};

#[cfg(test)]
mod tests;
