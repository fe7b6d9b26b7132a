use crate::language::{Declared, LanguageKind, Spec};
use tree_sitter::Node;

pub(crate) const SPEC: Spec = Spec {
    aliases: &["htm"],
    extensions: &["html", "htm"],
    kind: LanguageKind::Markup,
    exact: false,
    line_comments: &[],
    block_comments: &[("<!--", "-->")],
    name_characters: "-",
    tags: &[include_str!("tags.scm")],
    declarator: Some(declarator),
    ..Spec::new("html", || tree_sitter_html::LANGUAGE.into())
};

/// An element is defined by its `id`.
fn declarator(tag: Node<'_>, kind: &'static str, text: &str) -> Option<Declared> {
    let said = |node: Node<'_>| text.get(node.byte_range()).unwrap_or_default();
    let mut cursor = tag.walk();
    let id = tag
        .named_children(&mut cursor)
        .find(|child| child.named_child(0).is_some_and(|name| said(name).eq_ignore_ascii_case("id")))?;
    let name = said(id.named_child(1)?).trim_matches(['"', '\'']);
    (!name.is_empty()).then(|| Declared { kind, name: name.to_owned(), owner: None })
}

#[cfg(test)]
mod tests;
