use crate::language::{Spec, Tests, Visibility};

pub(crate) const SPEC: Spec = Spec {
    aliases: &["kt"],
    extensions: &["kt", "kts"],
    exact: false,
    doc_comments: &["/**"],
    directives: &["// ktlint"],
    visibility: Visibility::Hidden(&["private", "protected", "internal"], &[]),
    keywords: "as break class continue do else false for fun if in interface is null object package return super this throw \
        true try typealias typeof val var when while",
    tests: Tests { suffixes: &["Test", "Tests"], names: &[] },
    overloads: true,
    shares_names: true,
    tags: &[include_str!("tags.scm")],
    homes: &["source_file", "class_body", "enum_class_body"],
    statements: &["source_file", "block", "class_body"],
    bodies: &["class_body", "enum_class_body", "function_body", "block"],
    ..Spec::new("kotlin", || tree_sitter_kotlin_ng::LANGUAGE.into())
};

#[cfg(test)]
mod tests;
