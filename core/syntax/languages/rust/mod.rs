use crate::language::{Spec, Visibility};

pub(crate) const SPEC: Spec = Spec {
    aliases: &["rs"],
    extensions: &["rs"],
    doc_comments: &["///", "/**", "#[doc"],
    visibility: Visibility::Begins(&["pub ", "pub("]),
    keywords: "Self as async await break const continue crate dyn else enum extern false fn for if impl in let loop match \
        mod move mut pub ref return self static struct super trait true type unsafe use where while",
    unique: &[(&["type", "struct", "enum", "union", "trait"], "type"), (&["function", "constant"], "name")],
    tags: &[include_str!("tags.scm")],
    leads: &["attribute_item"],
    homes: &["source_file", "declaration_list"],
    ..Spec::new("rust", || tree_sitter_rust::LANGUAGE.into())
};
