//! The imports and exports of the languages other than Python.

use super::{Import, Surface};
use crate::Language;
use tree_sitter::{Node, Tree};

/// Calls `visit` with every named node, outer ones first, and whether it is inside a `try` statement; goes into those for
/// which it says so.
fn each<'t>(tree: &'t Tree, mut visit: impl FnMut(Node<'t>, bool) -> bool) {
    let mut todo = vec![(tree.root_node(), false)];
    while let Some((node, optional)) = todo.pop() {
        if !visit(node, optional) {
            continue;
        }
        let optional = optional || node.kind() == "try_statement";
        let from = todo.len();
        let mut cursor = node.walk();
        todo.extend(node.named_children(&mut cursor).map(|child| (child, optional)));
        todo[from..].reverse();
    }
}

fn said<'s>(node: Node<'_>, text: &'s str) -> &'s str {
    text.get(node.byte_range()).unwrap_or_default()
}

fn unquoted<'s>(node: Node<'_>, text: &'s str) -> &'s str {
    said(node, text).trim_matches(['"', '\'', '`'])
}

fn line_of(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX)
}

pub(crate) fn imports(language: Language, tree: &Tree, text: &str) -> Vec<Import> {
    let mut found = Vec::new();
    each(tree, |node, optional| {
        let mut add = |module: &str, names: Vec<String>| {
            found.push(Import { module: module.to_owned(), names, line: line_of(node), optional });
        };
        match (language, node.kind()) {
            (script, "import_statement" | "export_statement") if script.is_script() => {
                if let Some(source) = node.child_by_field_name("source") {
                    add(unquoted(source, text), script_names(node, text));
                }
                node.kind() == "export_statement"
            }
            (script, "call_expression") if script.is_script() => {
                let called = node.child_by_field_name("function").map(|f| said(f, text)).unwrap_or_default();
                let arguments = node.child_by_field_name("arguments");
                let only = arguments.filter(|a| a.named_child_count() == 1).and_then(|a| a.named_child(0));
                if matches!(called, "require" | "import")
                    && let Some(module) = only.filter(|a| a.kind() == "string")
                {
                    add(unquoted(module, text), Vec::new());
                }
                true
            }
            (Language::Go, "import_spec") => {
                if let Some(path) = node.child_by_field_name("path") {
                    add(unquoted(path, text), Vec::new());
                }
                false
            }
            (Language::Rust, "use_declaration") => {
                for root in node.child_by_field_name("argument").map(roots).unwrap_or_default() {
                    add(said(root, text), Vec::new());
                }
                false
            }
            _ => true,
        }
    });
    found
}

/// The names that an import or export takes from its module.
fn script_names(node: Node<'_>, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut todo = vec![node];
    while let Some(node) = todo.pop() {
        match node.kind() {
            "import_specifier" | "export_specifier" => {
                names.extend(node.child_by_field_name("name").map(|name| unquoted(name, text).to_owned()));
            }
            "identifier" if node.parent().is_some_and(|p| p.kind() == "import_clause") => names.push("default".into()),
            "import_statement" | "export_statement" | "import_clause" | "named_imports" | "export_clause" => {
                let mut cursor = node.walk();
                todo.extend(node.named_children(&mut cursor));
            }
            _ => {}
        }
    }
    names.sort();
    names
}

/// The first segments of a `use` in Rust.
fn roots(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut todo = vec![node];
    while let Some(node) = todo.pop() {
        let path = node.child_by_field_name("path");
        match node.kind() {
            "identifier" | "crate" | "self" | "super" | "metavariable" => found.push(node),
            "use_list" => {
                let mut cursor = node.walk();
                todo.extend(node.named_children(&mut cursor).filter(|c| !c.kind().ends_with("comment")));
            }
            "scoped_use_list" if path.is_none() => todo.extend(node.child_by_field_name("list")),
            // A leading `::` makes the name a crate's.
            "scoped_identifier" if path.is_none() => todo.extend(node.child_by_field_name("name")),
            "use_wildcard" => todo.extend(node.named_child(0)),
            _ => todo.extend(path),
        }
    }
    found
}

/// The exports of a script.
pub(crate) fn exports(tree: &Tree, text: &str) -> Surface {
    let mut surface = Surface::default();
    each(tree, |node, _| {
        match node.kind() {
            "export_statement" => export(node, text, &mut surface),
            // CommonJS, whose exports are values.
            "member_expression" => {
                let said = said(node, text);
                surface.open |= said.starts_with("module.exports") || said.starts_with("exports.");
            }
            "identifier" => surface.open |= said(node, text) == "exports",
            "ambient_declaration" | "internal_module" | "module" => surface.open = true,
            _ => {}
        }
        true
    });
    surface
}

fn export(node: Node<'_>, text: &str, surface: &mut Surface) {
    let mut cursor = node.walk();
    let words: Vec<&str> = node.children(&mut cursor).map(|child| said(child, text)).collect();
    if words.contains(&"default") {
        surface.names.insert("default".into());
        return;
    }
    // `export * from`, `export =`, `export as namespace`.
    surface.open |= words.iter().any(|word| matches!(*word, "*" | "=" | "as" | "import"));
    let mut todo = vec![node];
    while let Some(part) = todo.pop() {
        let name = part.child_by_field_name("name");
        match part.kind() {
            "export_specifier" => {
                let name = part.child_by_field_name("alias").or(name);
                surface.names.extend(name.map(|name| unquoted(name, text).to_owned()));
            }
            "namespace_export" => {
                surface.names.extend(part.named_child(0).map(|name| unquoted(name, text).to_owned()));
            }
            "export_statement" | "export_clause" | "lexical_declaration" | "variable_declaration" => {
                let mut cursor = part.walk();
                todo.extend(part.named_children(&mut cursor));
            }
            "variable_declarator" if name.is_some_and(|n| n.kind() != "identifier") => surface.open = true,
            _ => surface.names.extend(name.map(|name| said(name, text).to_owned())),
        }
    }
}
