//! Fixes whose text the message names: a spelling, another type, another form.

use super::Ask;
use super::nodes::{all, around, at, insert, put, text, up};
use crate::Fix;
use deepcoder_syntax::Node;
use deepcoder_types::TextEdit;

const NAMES: &[&str] = &[
    "identifier",
    "property_identifier",
    "private_property_identifier",
    "type_identifier",
    "shorthand_property_identifier",
    "shorthand_property_identifier_pattern",
];

/// The name that is meant, in the place of the one that is written.
pub(super) fn spelling(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(meant) = ask.arguments.last().map(String::as_str) else { return Vec::new() };
    // A member whose name is a text cannot be named so.
    if meant.starts_with('#') && ["\"", "'"].iter().any(|quote| ask.text.contains(&format!("{quote}{meant}{quote}"))) {
        return Vec::new();
    }
    let root = ask.tree.root_node();
    let names = || all(root).into_iter().filter(|node| NAMES.contains(&node.kind()));
    let near = |node: &Node<'_>| {
        let own = text(*node, ask.text);
        own != meant
            && strsim::levenshtein(own.trim_start_matches('#'), meant.trim_start_matches('#')) * 5
                <= meant.chars().count().max(2) * 2
    };
    if let Some(place) = ask.place {
        let inside =
            |node: &Node<'_>| place.start <= at(*node).start && at(*node).end <= place.end.max(place.start + 1);
        let starts = |node: &Node<'_>| {
            place.start == place.end && at(*node).start <= place.start && place.start <= at(*node).end
        };
        let found: Vec<Node<'_>> = names().filter(|node| (inside(node) || starts(node)) && near(node)).collect();
        // A path of names: the last one is what is wrong.
        return match found.as_slice() {
            [one] => vec![Fix::of(ask.path, vec![put(*one, meant)])],
            _ => Vec::new(),
        };
    }
    let found: Vec<Node<'_>> = names().filter(near).collect();
    let declared = deepcoder_resolve::bind(ask.language, ask.text);
    let known = |node: &Node<'_>| {
        declared.as_ref().is_some_and(|b| b.declarations.iter().any(|d| d.name == text(*node, ask.text)))
    };
    let found: Vec<Node<'_>> = found.into_iter().filter(|node| !known(node)).collect();
    let Some(first) = found.first() else { return Vec::new() };
    let word = text(*first, ask.text);
    let all_same = found.iter().all(|node| text(*node, ask.text) == word);
    if !all_same {
        return Vec::new();
    }
    vec![Fix::of(ask.path, vec![put(*first, meant)]).doubted("the finding has no place, and the nearest name is taken")]
}

/// One quoted text in the place of another.
pub(super) fn change(ask: &Ask<'_>) -> Vec<Fix> {
    let (Some(old), Some(new)) = (ask.argument(0), ask.argument(1)) else { return Vec::new() };
    if old.is_empty() {
        return Vec::new();
    }
    let places: Vec<usize> =
        ask.text.match_indices(old).map(|(at, _)| at).filter(|at| is_whole(ask.text, *at, old)).collect();
    let edit =
        |at: usize| TextEdit { range: crate::read::source::range(at, at + old.len()), replacement: new.to_owned() };
    if let Some(place) = ask.place {
        let start = place.start as usize;
        // A caret stands at an end of what is meant, or within it.
        let inside = places.iter().copied().filter(|at| {
            let around = *at <= start && place.end as usize <= at + old.len();
            around || *at >= start && at + old.len() <= place.end as usize
        });
        let inside: Vec<usize> = inside.collect();
        return match inside.as_slice() {
            [one] if old.starts_with("function(") => {
                vec![Fix::of(ask.path, vec![edit(*one)]).doubted("the names of the parameters are made up")]
            }
            [one] => vec![Fix::of(ask.path, vec![edit(*one)])],
            _ => Vec::new(),
        };
    }
    match places.as_slice() {
        [one] => vec![
            Fix::of(ask.path, vec![edit(*one)]).doubted("the finding has no place, and the only such text is taken"),
        ],
        _ => Vec::new(),
    }
}

/// Whether a text is no part of a longer word.
fn is_whole(text: &str, at: usize, word: &str) -> bool {
    let of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let before = text.get(..at).and_then(|text| text.chars().next_back());
    let after = text.get(at + word.len()..).and_then(|text| text.chars().next());
    let first = word.chars().next().is_some_and(of_word);
    let last = word.chars().next_back().is_some_and(of_word);
    !(first && before.is_some_and(of_word) || last && after.is_some_and(of_word))
}

/// The form that the message names, in the place of the expression.
pub(super) fn with_named(ask: &Ask<'_>) -> Vec<Fix> {
    let (Some(new), Some(place)) = (ask.argument(0), ask.place) else { return Vec::new() };
    if place.start == place.end {
        return Vec::new();
    }
    let root = ask.tree.root_node();
    let Some(mut node) = around(root, place) else { return Vec::new() };
    while let Some(parent) = node.parent()
        && parent.kind() == "binary_expression"
    {
        node = parent;
    }
    if node.kind() != "binary_expression" {
        return Vec::new();
    }
    vec![Fix::of(ask.path, vec![put(node, new)])]
}

/// `const` for a name that is nowhere declared and assigned once, at its first use.
pub(super) fn missing_const(ask: &Ask<'_>) -> Vec<Fix> {
    let root = ask.tree.root_node();
    let mut fixes = Vec::new();
    let declared = deepcoder_resolve::bind(ask.language, ask.text);
    let known = |name: &str| declared.as_ref().is_some_and(|b| b.declarations.iter().any(|d| d.name == name));
    let unknown = |node: Node<'_>| {
        let names: Vec<Node<'_>> = all(node)
            .into_iter()
            .filter(|n| matches!(n.kind(), "identifier" | "shorthand_property_identifier_pattern"))
            .collect();
        !names.is_empty() && names.iter().all(|name| !known(text(*name, ask.text)))
    };
    let here =
        |node: Node<'_>| ask.place.is_none_or(|place| at(node).start <= place.start && place.end <= at(node).end);
    for node in all(root) {
        let target = match node.kind() {
            "for_in_statement" if node.child_by_field_name("kind").is_none() => node.child_by_field_name("left"),
            "for_statement" => node
                .child_by_field_name("initializer")
                .filter(|n| n.kind() == "expression_statement")
                .and_then(|n| n.named_child(0)),
            "expression_statement" if node.parent().is_some_and(|p| p.kind() != "for_statement") => node.named_child(0),
            _ => None,
        };
        let Some(target) = target.filter(|target| here(*target)) else { continue };
        let plain = ["identifier", "array_pattern", "object_pattern", "array", "object"];
        let assigned = |node: Node<'_>| {
            node.kind() == "assignment_expression"
                && node.child_by_field_name("left").is_some_and(|left| plain.contains(&left.kind()) && unknown(left))
        };
        let fits = match target.kind() {
            "assignment_expression" => assigned(target),
            "sequence_expression" => super::nodes::children(target).into_iter().all(assigned),
            kind => node.kind() == "for_in_statement" && plain.contains(&kind) && unknown(target),
        };
        if fits {
            let edit = insert(target.start_byte(), "const ");
            fixes.push(Fix::of(ask.path, vec![edit]).doubted("another file may declare the name for all scripts"));
            if !ask.all {
                break;
            }
        }
    }
    fixes
}

/// `let` for a name that is assigned again.
pub(super) fn const_to_let(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(bindings) = deepcoder_resolve::bind(ask.language, ask.text) else { return Vec::new() };
    let root = ask.tree.root_node();
    let mut found: Vec<TextEdit> = Vec::new();
    for (id, declaration) in bindings.ids() {
        let written = bindings.references.iter().any(|r| {
            r.role == deepcoder_resolve::Role::Writes
                && r.target == deepcoder_resolve::Target::Declaration(id)
                && ask.place.is_none_or(|place| r.at.start <= place.start && place.start <= r.at.end)
        });
        if !written {
            continue;
        }
        let statement = around(root, declaration.at).and_then(|node| up(node, &["lexical_declaration"]));
        if let Some(kind) =
            statement.and_then(|s| s.child_by_field_name("kind")).filter(|k| text(*k, ask.text) == "const")
        {
            found.push(put(kind, "let"));
            if !ask.all {
                break;
            }
        }
    }
    found.into_iter().map(|edit| Fix::of(ask.path, vec![edit])).collect()
}
