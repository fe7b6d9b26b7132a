use crate::language::{Spec, Tests, Visibility};

pub(crate) const SPEC: Spec = Spec {
    extensions: &["java"],
    directives: &["/* fall", "// NOLINT", "// CHECKSTYLE"],
    visibility: Visibility::Marked(&["public"]),
    name_characters: "$",
    keywords: "abstract assert boolean break byte case catch char class const continue default do double else enum extends \
        false final finally float for goto if implements import instanceof int interface long native new null \
        package private protected public return short static strictfp super switch synchronized this throw throws \
        transient true try void volatile while",
    tests: Tests { suffixes: &["Test"], names: &[] },
    overloads: true,
    unique: &[(&["class", "interface", "enum"], "name")],
    shares_names: true,
    tags: &[include_str!("tags.scm")],
    shells: &["field_declaration"],
    homes: &["program", "class_body", "interface_body", "enum_body_declarations", "block"],
    ..Spec::new("java", || tree_sitter_java::LANGUAGE.into())
};
