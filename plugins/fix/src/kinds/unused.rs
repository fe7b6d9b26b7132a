//! Names that nothing uses: taken away, or marked with an underscore.

use super::Ask;
use super::nodes::{all, around, at, children, insert, text, up, without_element, without_statement};
use crate::Fix;
use crate::read::source::range;
use deepcoder_resolve::{Bindings, Declaration, DeclarationId, Role, Target, bind};
use deepcoder_syntax::Node;
use deepcoder_types::TextEdit;

/// The nodes that declare a name and can be taken away.
const DECLARING: &[&str] = &[
    "import_specifier",
    "namespace_import",
    "import_clause",
    "variable_declarator",
    "function_declaration",
    "generator_function_declaration",
    "class_declaration",
    "abstract_class_declaration",
    "interface_declaration",
    "type_alias_declaration",
    "enum_declaration",
    "internal_module",
    "required_parameter",
    "optional_parameter",
    "type_parameter",
    "method_definition",
    "public_field_definition",
    "shorthand_property_identifier_pattern",
    "object_assignment_pattern",
    "pair_pattern",
    "formal_parameters",
    "arrow_function",
    "for_in_statement",
    "array_pattern",
    "catch_clause",
];

/// Whether nothing reads a declaration.
fn is_unused(bindings: &Bindings, id: DeclarationId) -> bool {
    let means = |target: &Target| match target {
        Target::Declaration(other) => *other == id,
        Target::Several(others, _) => others.contains(&id),
        _ => false,
    };
    !bindings.references.iter().any(|r| matches!(r.role, Role::Reads | Role::Exports) && means(&r.target))
}

fn wanted(ask: &Ask<'_>, declaration: &Declaration) -> bool {
    let name = ask.argument(0).map(|name| name.trim_matches(['"', '\'']));
    let named = name.is_none_or(|name| declaration.name == name || declaration.name.trim_start_matches('#') == name);
    let here = ask.place.is_none_or(|place| place.start <= declaration.at.end && declaration.at.start <= place.end);
    named && (here || name.is_some()) && !declaration.public && declaration.exported_as.is_empty()
}

/// The unused declarations that are asked for.
fn unused<'b>(ask: &Ask<'_>, bindings: &'b Bindings) -> Vec<(DeclarationId, &'b Declaration)> {
    bindings.ids().filter(|(id, d)| wanted(ask, d) && is_unused(bindings, *id)).collect()
}

/// A declaration less, with the statements that only assign to it.
pub(super) fn remove(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(bindings) = bind(ask.language, ask.text) else { return Vec::new() };
    let root = ask.tree.root_node();
    let found = unused(ask, &bindings);
    let gone: Vec<&Declaration> = found.iter().map(|(_, d)| *d).collect();
    let mut fixes: Vec<Fix> = Vec::new();
    for (id, declaration) in &found {
        let Some(node) = around(root, declaration.at) else { continue };
        let Some((mut edits, exact)) = removal(ask, root, node, &gone) else { continue };
        for reference in &bindings.references {
            if reference.role == Role::Writes
                && reference.target == Target::Declaration(*id)
                && reference.at != declaration.at
            {
                let statement = around(root, reference.at).and_then(|n| up(n, &["expression_statement"]));
                match statement {
                    Some(statement) => edits.push(without_statement(ask.text, statement)),
                    None => edits.clear(),
                }
            }
        }
        if edits.is_empty() || fixes.iter().any(|fix| fix.edits.values().any(|other| *other == edits)) {
            continue;
        }
        let fix = Fix::of(ask.path, edits);
        fixes.push(if exact {
            fix
        } else {
            fix.doubted("what nothing uses may be there on purpose, or its value may have effects")
        });
        if !ask.all {
            break;
        }
    }
    fixes
}

/// The edits that take a name away, and whether nothing else can depend on it.
fn removal(ask: &Ask<'_>, root: Node<'_>, node: Node<'_>, gone: &[&Declaration]) -> Option<(Vec<TextEdit>, bool)> {
    let declaring = up(node, DECLARING)?;
    let one = |edit: TextEdit, exact: bool| Some((vec![edit], exact));
    let is_gone = |node: Node<'_>| {
        let names = all(node)
            .into_iter()
            .filter(|n| matches!(n.kind(), "identifier" | "type_identifier" | "shorthand_property_identifier_pattern"));
        let mut names = names.peekable();
        names.peek().is_some() && names.all(|n| gone.iter().any(|d| d.at == at(n)))
    };
    match declaring.kind() {
        "import_specifier" | "namespace_import" | "import_clause" => {
            let statement = up(declaring, &["import_statement"])?;
            let clause = children(statement).into_iter().find(|c| c.kind() == "import_clause")?;
            let whole = ask.all && is_gone(clause);
            let parts = children(clause);
            let list = parts.iter().find(|part| part.kind() == "named_imports");
            let alone = list.is_none_or(|list| children(*list).len() <= 1);
            if whole || parts.len() == 1 && alone {
                return one(without_statement(ask.text, statement), true);
            }
            if declaring.kind() == "import_specifier" && !alone {
                return one(without_element(ask.text, declaring), true);
            }
            let part = match declaring.kind() {
                "import_specifier" => *list?,
                "import_clause" => node,
                _ => declaring,
            };
            one(without_element(ask.text, part), true)
        }
        "variable_declarator" => {
            let statement = declaring.parent()?;
            let name = declaring.child_by_field_name("name")?;
            if name != node && !(ask.all && is_gone(name)) {
                return None;
            }
            if matches!(statement.parent()?.kind(), "for_statement" | "for_in_statement" | "export_statement") {
                return None;
            }
            if children(statement).len() == 1 {
                return one(without_statement(ask.text, statement), false);
            }
            one(without_element(ask.text, declaring), false)
        }
        "shorthand_property_identifier_pattern" | "pair_pattern" | "object_assignment_pattern" => {
            let pattern = declaring.parent()?;
            if children(pattern).len() > 1 {
                return one(without_element(ask.text, declaring), false);
            }
            let declarator = pattern.parent().filter(|parent| parent.kind() == "variable_declarator")?;
            let statement = declarator.parent()?;
            if children(statement).len() > 1 {
                one(without_element(ask.text, declarator), false)
            } else {
                one(without_statement(ask.text, statement), false)
            }
        }
        "required_parameter" | "optional_parameter" => one(without_element(ask.text, declaring), false),
        "formal_parameters" => one(without_element(ask.text, node), false),
        "type_parameter" => {
            let list = declaring.parent()?;
            let alone = children(list).len() == 1;
            let edit = if alone {
                TextEdit { range: at(list), replacement: String::new() }
            } else {
                without_element(ask.text, declaring)
            };
            one(edit, false)
        }
        "arrow_function" | "for_in_statement" | "array_pattern" | "catch_clause" => None,
        "method_definition" | "public_field_definition" => {
            let mut edit = without_statement(ask.text, declaring);
            let rest = ask.text.get(edit.range.end as usize..).unwrap_or_default();
            if ask.text.get(edit.range.as_range()).is_some_and(|own| !own.ends_with('\n')) && rest.starts_with(';') {
                edit.range = range(edit.range.start as usize, edit.range.end as usize + 1);
            }
            let private = text(declaring, ask.text).trim_start().starts_with(['p', '#']);
            private.then_some((vec![edit], false))
        }
        _ => {
            let name = declaring.child_by_field_name("name")?;
            if name != node || root == declaring {
                return None;
            }
            one(without_statement(ask.text, declaring), false)
        }
    }
}

/// An underscore before a parameter that has to stay.
pub(super) fn prefix(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(bindings) = bind(ask.language, ask.text) else { return Vec::new() };
    let root = ask.tree.root_node();
    let mut fixes = Vec::new();
    for (_, declaration) in unused(ask, &bindings) {
        let Some(node) = around(root, declaration.at) else { continue };
        let name = text(node, ask.text);
        if name.starts_with('_') || bindings.declarations.iter().any(|d| d.name == format!("_{name}")) {
            continue;
        }
        let mut edits = Vec::new();
        if node.kind() == "shorthand_property_identifier_pattern" {
            edits.push(insert(node.end_byte(), format!(": _{name}")));
        } else {
            edits.push(insert(node.start_byte(), "_"));
        }
        if let Some(tag) = tag(ask, node, name) {
            edits.push(insert(tag, "_"));
        }
        fixes.push(Fix::of(ask.path, edits));
        if !ask.all {
            break;
        }
    }
    fixes
}

/// The byte at which the documentation before a function names a parameter.
fn tag(ask: &Ask<'_>, parameter: Node<'_>, name: &str) -> Option<usize> {
    let function = up(parameter, &["function_declaration", "method_definition", "lexical_declaration"])?;
    let comment = function.prev_sibling().filter(|before| before.kind() == "comment")?;
    let own = text(comment, ask.text);
    own.match_indices("@param").find_map(|(start, _)| {
        let line = own.get(start..)?.split('\n').next()?;
        let of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let found = line.match_indices(name).map(|(found, _)| found).find(|found| {
            let before = line.get(..*found).and_then(|text| text.chars().next_back());
            let after = line.get(found + name.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(of_word) && !after.is_some_and(of_word)
        })?;
        Some(comment.start_byte() + start + found)
    })
}

/// A tag of the documentation less, for a parameter that is not there.
pub(super) fn param_tag(ask: &Ask<'_>) -> Vec<Fix> {
    let name = ask.argument(0);
    let root = ask.tree.root_node();
    let mut fixes = Vec::new();
    for comment in all(root).into_iter().filter(|node| node.kind() == "comment") {
        let own = text(comment, ask.text);
        let documented = comment.next_named_sibling().map(|next| text(next, ask.text)).unwrap_or_default();
        let parameters: &str =
            documented.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(list, _)| list);
        let mut start = comment.start_byte();
        for line in own.split_inclusive('\n') {
            let end = start + line.len();
            if let Some((_, tag)) = line.split_once("@param") {
                let tag = tag.trim_start();
                let tag = if tag.starts_with('{') {
                    tag.split_once('}').map_or("", |(_, rest)| rest.trim_start())
                } else {
                    tag
                };
                let tagged: String =
                    tag.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '$').collect();
                let there = parameters
                    .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                    .any(|word| word == tagged);
                let here = ask.place.is_none_or(|place| (place.start as usize) < end && start <= place.end as usize);
                if !tagged.is_empty() && name.is_none_or(|name| name == tagged) && here && (name.is_some() || !there) {
                    let edit = TextEdit { range: range(start, end), replacement: String::new() };
                    fixes.push(Fix::of(ask.path, vec![edit]));
                    if !ask.all {
                        return fixes;
                    }
                }
            }
            start = end;
        }
    }
    fixes
}
