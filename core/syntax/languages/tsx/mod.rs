use super::{javascript, typescript};
use crate::language::{Spec, Visibility};

pub(crate) static SPEC: Spec = Spec {
    extensions: &["tsx"],
    family: javascript::FAMILY,
    directives: javascript::DIRECTIVES,
    visibility: Visibility::Marked(&["export"]),
    name_characters: "$",
    keywords: javascript::KEYWORDS,
    tests: javascript::TESTS,
    unique: typescript::UNIQUE,
    tags: typescript::TAGS,
    leads: &["decorator"],
    shells: javascript::SHELLS,
    single_shells: javascript::SINGLE_SHELLS,
    homes: typescript::HOMES,
    ..Spec::new("tsx", || tree_sitter_typescript::LANGUAGE_TSX.into())
};
