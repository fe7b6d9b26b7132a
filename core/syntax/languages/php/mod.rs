use crate::language::{Spec, Tests, Visibility};

pub(crate) const SPEC: Spec = Spec {
    extensions: &["php"],
    interpreters: &["php"],
    exact: false,
    line_comments: &["//", "#"],
    doc_comments: &["/**"],
    directives: &["/** @var", "// phpcs:", "// @phpstan", "/* @phpstan", "# phpcs:"],
    visibility: Visibility::Hidden(&["private", "protected"], &[]),
    keywords: "abstract and array as break callable case catch class clone const continue declare default do echo else \
        elseif empty enddeclare endfor endforeach endif endswitch endwhile eval exit extends final finally fn for \
        foreach function global goto if implements include include_once instanceof insteadof interface isset list \
        match namespace new or print private protected public readonly require require_once return static switch \
        throw trait try unset use var while xor yield",
    tests: Tests { suffixes: &["Test"], names: &[] },
    shares_names: true,
    tags: &[include_str!("tags.scm")],
    leads: &["attribute_list"],
    homes: &["program", "compound_statement", "declaration_list", "enum_declaration_list"],
    ..Spec::new("php", || tree_sitter_php::LANGUAGE_PHP.into())
};

#[cfg(test)]
mod tests;
