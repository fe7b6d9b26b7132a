use crate::language::{Spec, Visibility};

pub(crate) const SPEC: Spec = Spec {
    aliases: &["golang"],
    extensions: &["go"],
    directives: &["//go:", "// +build", "//export ", "//nolint"],
    visibility: Visibility::Capital,
    keywords: "break case chan const continue default defer else fallthrough for func go goto if import interface map \
        package range return select struct switch type var",
    unique: &[(&["function", "struct", "interface", "type", "constant"], "name")],
    shares_names: true,
    tags: &[include_str!("tags.scm")],
    single_shells: &["type_declaration", "const_declaration", "var_declaration"],
    homes: &["source_file", "var_spec_list", "const_declaration", "var_declaration"],
    ..Spec::new("go", || tree_sitter_go::LANGUAGE.into())
};
