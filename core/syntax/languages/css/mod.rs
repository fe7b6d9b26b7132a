use crate::language::{LanguageKind, Spec};

pub(crate) const SPEC: Spec = Spec {
    extensions: &["css"],
    kind: LanguageKind::Markup,
    exact: false,
    line_comments: &[],
    name_characters: "-",
    tags: &[include_str!("tags.scm")],
    bodies: &["block", "keyframe_block_list"],
    ..Spec::new("css", || tree_sitter_css::LANGUAGE.into())
};

#[cfg(test)]
mod tests;
