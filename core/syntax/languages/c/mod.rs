//! C, and what C++ shares with it.

use crate::language::{Declared, Spec, Visibility};
use tree_sitter::Node;

pub(crate) const TAGS: &str = include_str!("tags.scm");

pub(crate) const SPEC: Spec = Spec {
    extensions: &["c"],
    directives: &["// NOLINT", "// clang-format", "/* fall"],
    visibility: Visibility::Hidden(&["static"], &["main"]),
    keywords: "auto break case char const continue default do double else enum extern float for goto if inline int long \
        register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while",
    // A tag and its type definition have one name.
    unique: &[
        (&["function"], "function"),
        (&["struct"], "struct"),
        (&["union"], "union"),
        (&["enum"], "enum"),
        (&["class"], "class"),
    ],
    shares_names: true,
    tags: &[TAGS],
    shells: &["field_declaration"],
    homes: &[
        "translation_unit",
        "declaration_list",
        "field_declaration_list",
        "preproc_if",
        "preproc_ifdef",
        "preproc_else",
        "preproc_elif",
        "linkage_specification",
    ],
    declarator: Some(declarator),
    ..Spec::new("c", || tree_sitter_c::LANGUAGE.into())
};

/// The definition in the declarator of `node`: a function (where `kind` is another, one that is only declared), a type
/// or a variable.
fn declarator(node: Node<'_>, kind: &'static str, text: &str) -> Option<Declared> {
    // `void (*f)(int);` is a variable that holds a function.
    let is_function = || {
        innermost(node, |n| n.kind() == "function_declarator")
            .and_then(|n| n.child_by_field_name("declarator"))
            .is_some_and(|n| n.kind() != "parenthesized_declarator")
    };
    let mut name = declared(node)?;
    if kind == "type" || (kind != "function" && !is_function()) {
        return Some(Declared { kind, name: slice(name, text).to_owned(), owner: None });
    }
    let mut owner: Vec<&str> = Vec::new();
    while name.kind() == "qualified_identifier" && owner.len() < 64 {
        // Without type arguments.
        let scope = name.child_by_field_name("scope").map(|s| slice(s, text));
        owner.extend(scope.and_then(|s| s.split(['<', ' ', '\n']).next()));
        name = name.child_by_field_name("name")?;
    }
    let owner = (!owner.is_empty()).then(|| owner.join("."));
    let kind = if owner.is_some() { "method" } else { "function" };
    Some(Declared { kind, name: slice(name, text).to_owned(), owner })
}

/// The name at the bottom of a declarator such as `*(*f)(int)[3]`.
fn declared(declarator: Node<'_>) -> Option<Node<'_>> {
    innermost(declarator, |n| {
        matches!(
            n.kind(),
            "identifier"
                | "field_identifier"
                | "type_identifier"
                | "qualified_identifier"
                | "operator_name"
                | "destructor_name"
                | "operator_cast"
                | "primitive_type"
                | "template_function"
        )
    })
}

fn innermost<'t>(declarator: Node<'t>, stop: impl Fn(Node<'t>) -> bool) -> Option<Node<'t>> {
    let mut node = declarator;
    // Hostile nesting is cut off; no program has this much.
    for _ in 0..64 {
        if stop(node) {
            return Some(node);
        }
        let last = u32::try_from(node.named_child_count()).ok()?.checked_sub(1);
        node = node.child_by_field_name("declarator").or_else(|| node.named_child(last?))?;
    }
    None
}

fn slice<'s>(node: Node<'_>, text: &'s str) -> &'s str {
    text.get(node.byte_range()).unwrap_or_default()
}
