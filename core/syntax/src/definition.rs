//! Which nodes define something, and under what name: by the query of the language.
//!
//! A pattern captures the node as `@definition.KIND`. Its name is the field `name`, or else what `@name` captures
//! (`@name.bare`: without type arguments); its body is the field `body`, or else begins with `@body`, ends `@body.after`, or is
//! that of `@body.of`. `@owner` is the type that it belongs to, where the definition itself says so; `@declarator` leaves kind,
//! owner and name to [`crate::language::Spec::declarator`]. Where several patterns fit a node, the first counts.

use crate::Language;
use tree_sitter::Node;

/// The definition that a node is.
pub(crate) struct Definition {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// The type that it belongs to, where the definition itself says so (Go receivers, `Foo::bar` in C++).
    pub(crate) owner: Option<String>,
    /// Where its body begins.
    pub(crate) body: Option<usize>,
    /// Counts only at the level of a file, module or class.
    pub(crate) only_outside_functions: bool,
}

/// Comments, attributes and decorators that stand before a definition and belong to it.
pub(crate) fn leads(language: Language, node: Node<'_>, text: &str) -> bool {
    match node.kind() {
        "comment" | "line_comment" | "block_comment" => {
            // Inner doc comments and shebangs belong to the file.
            let body = &text[node.byte_range()];
            !["//!", "/*!", "#!"].iter().any(|inner| body.starts_with(inner))
        }
        kind => language.spec().leads.contains(&kind),
    }
}

/// Whether `outer` is only a shell around the one definition in it, so that its text belongs to the definition.
pub(crate) fn wraps(language: Language, outer: Node<'_>) -> bool {
    let spec = language.spec();
    spec.shells.contains(&outer.kind())
        || (spec.single_shells.contains(&outer.kind()) && outer.named_child_count() == 1)
}

/// The definition that `node` is, if any.
pub(crate) fn of(language: Language, node: Node<'_>, text: &str) -> Option<Definition> {
    let (kind, captures) = language.tags()?.captures(node, text, "definition.")?;
    let slice = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
    let body = captures
        .get("body")
        .map(|n| n.start_byte())
        .or_else(|| captures.get("body.after").map(|n| n.end_byte()))
        .or_else(|| captures.get("body.of").unwrap_or(node).child_by_field_name("body").map(|n| n.start_byte()))
        .or_else(|| {
            let mut cursor = node.walk();
            let mut children = node.named_children(&mut cursor);
            children.find(|child| language.spec().bodies.contains(&child.kind())).map(|n| n.start_byte())
        });
    let (kind, name, owner) = match (captures.get("declarator"), language.spec().declarator) {
        (Some(declarator), Some(read)) => {
            let declared = read(declarator, kind, text)?;
            (declared.kind, declared.name, declared.owner)
        }
        _ => {
            let bare = captures.get("name.bare").and_then(|name| slice(name).split(['<', ' ', '\n']).next());
            let name = || captures.get("name").or_else(|| node.child_by_field_name("name")).map(slice);
            (kind, bare.or_else(name)?.to_owned(), captures.get("owner").map(|owner| slice(owner).to_owned()))
        }
    };
    let name = name.trim_matches(['"', '\'']).to_owned();
    let value = matches!(kind, "constant" | "variable" | "field");
    Some(Definition { kind, name, owner, body, only_outside_functions: value || captures.get("outside").is_some() })
}
