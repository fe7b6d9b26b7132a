//! Members of classes and interfaces: modifiers, `undefined`, calls of `super`.

use super::Ask;
use super::nodes::{all, around, at, children, insert, text, up};
use crate::Fix;
use crate::read::source::range;
use deepcoder_syntax::Node;
use deepcoder_types::TextEdit;
use std::collections::BTreeSet;

const MEMBERS: &[&str] = &[
    "method_definition",
    "public_field_definition",
    "field_definition",
    "abstract_method_signature",
    "method_signature",
];

/// The modifiers that stand before `override`.
const BEFORE: &[&str] = &["accessibility_modifier", "static", "abstract", "declare", "decorator"];

/// The name of a member.
fn name<'t>(member: Node<'_>, source: &'t str) -> &'t str {
    member
        .child_by_field_name("name")
        .or_else(|| member.child_by_field_name("property"))
        .map_or("", |name| text(name, source))
}

/// The member that a finding is about.
fn member_at<'t>(ask: &Ask<'_>, root: Node<'t>) -> Option<Node<'t>> {
    let place = ask.place?;
    let inner = around(root, place)?;
    let kinds: Vec<&str> = MEMBERS.iter().copied().chain(["required_parameter", "optional_parameter"]).collect();
    let found = up(inner, &kinds);
    found.filter(|node| at(*node).start.abs_diff(place.start) <= 1 || at(*node).end >= place.end)
}

/// The members of the class that a class extends, where this file declares it.
fn inherited<'t>(ask: &Ask<'_>, class: Node<'t>, root: Node<'t>) -> Option<BTreeSet<String>> {
    let heritage = children(class).into_iter().find(|child| child.kind() == "class_heritage")?;
    let base = all(heritage).into_iter().find(|node| matches!(node.kind(), "identifier" | "type_identifier"))?;
    let base = text(base, ask.text);
    let declared = all(root).into_iter().find(|node| {
        matches!(node.kind(), "class_declaration" | "abstract_class_declaration")
            && node.child_by_field_name("name").is_some_and(|name| text(name, ask.text) == base)
    })?;
    let body = declared.child_by_field_name("body")?;
    let own = children(body).into_iter().filter(|m| MEMBERS.contains(&m.kind())).map(|m| name(m, ask.text).to_owned());
    let mut names: BTreeSet<String> = own.collect();
    names.extend(inherited(ask, declared, root).unwrap_or_default());
    Some(names)
}

/// The members of all classes with the names that each class inherits.
fn of_classes<'t>(ask: &Ask<'_>, root: Node<'t>) -> Vec<(Node<'t>, Option<BTreeSet<String>>)> {
    let classes = all(root)
        .into_iter()
        .filter(|n| matches!(n.kind(), "class_declaration" | "abstract_class_declaration" | "class"));
    let mut found = Vec::new();
    for class in classes {
        let Some(body) = class.child_by_field_name("body") else { continue };
        let names = inherited(ask, class, root);
        found.extend(children(body).into_iter().filter(|m| MEMBERS.contains(&m.kind())).map(|m| (m, names.clone())));
    }
    found
}

fn has(member: Node<'_>, modifier: &str, source: &str) -> bool {
    let mut cursor = member.walk();
    member.children(&mut cursor).any(|child| text(child, source) == modifier)
}

/// A modifier where its place is among the others.
pub(super) fn add_modifier(ask: &Ask<'_>) -> Vec<Fix> {
    let modifier =
        ask.arguments.iter().find(|word| matches!(word.as_str(), "override" | "abstract" | "static" | "declare"));
    let modifier = modifier.map_or("override", String::as_str);
    if modifier != "override" {
        return Vec::new();
    }
    let root = ask.tree.root_node();
    let edit = |member: Node<'_>| {
        let mut cursor = member.walk();
        let first = member.children(&mut cursor).find(|child| {
            !child.is_extra() && !BEFORE.contains(&child.kind()) && !BEFORE.contains(&text(*child, ask.text))
        });
        let start = first.map_or(member.start_byte(), |first| first.start_byte());
        insert(start, format!("{modifier} "))
    };
    if let Some(member) = member_at(ask, root) {
        return if has(member, modifier, ask.text) { Vec::new() } else { vec![Fix::of(ask.path, vec![edit(member)])] };
    }
    let missing = of_classes(ask, root).into_iter().filter(|(member, names)| {
        !has(*member, modifier, ask.text)
            && name(*member, ask.text) != "constructor"
            && names.as_ref().is_some_and(|names| names.contains(name(*member, ask.text)))
    });
    let fixes = missing.map(|(member, _)| Fix::of(ask.path, vec![edit(member)]).doubted("the finding has no place"));
    if ask.all { fixes.collect() } else { fixes.take(1).collect() }
}

/// A member without a modifier.
pub(super) fn remove_modifier(ask: &Ask<'_>) -> Vec<Fix> {
    let modifier = ask.argument(0).filter(|word| matches!(*word, "override" | "static" | "abstract" | "readonly"));
    let modifier = modifier.unwrap_or("override");
    let root = ask.tree.root_node();
    let edit = |member: Node<'_>| {
        let mut cursor = member.walk();
        let found = member.children(&mut cursor).find(|child| text(*child, ask.text) == modifier)?;
        let rest = ask.text.get(found.end_byte()..)?;
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        Some(TextEdit { range: range(found.start_byte(), found.end_byte() + blank), replacement: String::new() })
    };
    if let Some(member) = member_at(ask, root) {
        return edit(member).map(|edit| Fix::of(ask.path, vec![edit])).into_iter().collect();
    }
    let wrong = of_classes(ask, root).into_iter().filter(|(member, names)| {
        has(*member, modifier, ask.text) && !names.as_ref().is_some_and(|names| names.contains(name(*member, ask.text)))
    });
    let fixes = wrong.filter_map(|(member, _)| edit(member));
    let fixes = fixes.map(|edit| Fix::of(ask.path, vec![edit]).doubted("the finding has no place"));
    if ask.all { fixes.collect() } else { fixes.take(1).collect() }
}

/// `| undefined` on the optional properties that are given `undefined`.
pub(super) fn undefined(ask: &Ask<'_>) -> Vec<Fix> {
    let root = ask.tree.root_node();
    let nodes = all(root);
    let mut given: BTreeSet<&str> = BTreeSet::new();
    for node in &nodes {
        let (target, value) = match node.kind() {
            "assignment_expression" => (node.child_by_field_name("left"), node.child_by_field_name("right")),
            "pair" => (node.child_by_field_name("key"), node.child_by_field_name("value")),
            _ => continue,
        };
        let target = target.map(|t| t.child_by_field_name("property").unwrap_or(t));
        if let (Some(target), Some(value)) = (target, value)
            && text(value, ask.text).trim() == "undefined"
        {
            given.insert(text(target, ask.text));
        }
    }
    let mut edits = Vec::new();
    for node in nodes.iter().filter(|n| matches!(n.kind(), "property_signature" | "public_field_definition")) {
        let optional = has(*node, "?", ask.text);
        let kind = node.child_by_field_name("type").and_then(|annotation| annotation.named_child(0));
        let Some(kind) = kind.filter(|_| optional && given.contains(name(*node, ask.text))) else { continue };
        let own = text(kind, ask.text);
        if own.split('|').any(|part| part.trim() == "undefined") {
            continue;
        }
        if matches!(kind.kind(), "function_type" | "constructor_type" | "conditional_type") {
            edits.push(insert(kind.start_byte(), "("));
            edits.push(insert(kind.end_byte(), ") | undefined"));
        } else {
            edits.push(insert(kind.end_byte(), " | undefined"));
        }
    }
    if edits.is_empty() {
        return Vec::new();
    }
    vec![Fix::of(ask.path, edits).doubted("a wider type is a decision of its author")]
}

/// `super();` at the start of the constructor of a class that extends another one.
pub(super) fn super_call(ask: &Ask<'_>) -> Vec<Fix> {
    let root = ask.tree.root_node();
    for node in all(root).into_iter().filter(|node| node.kind() == "method_definition") {
        let here = ask.place.is_none_or(|place| at(node).start <= place.start && place.end <= at(node).end);
        let class = up(node, &["class_declaration", "abstract_class_declaration", "class"]);
        let extends = class.is_some_and(|class| {
            children(class).iter().any(|c| c.kind() == "class_heritage" && text(*c, ask.text).contains("extends"))
        });
        let Some(body) = node.child_by_field_name("body") else { continue };
        let calls = all(body).iter().any(|n| n.kind() == "super");
        if name(node, ask.text) != "constructor" || !here || !extends || calls {
            continue;
        }
        let empty = children(body).is_empty();
        let line = ask.text.get(..node.start_byte()).and_then(|t| t.rsplit('\n').next()).unwrap_or_default();
        let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
        let new = if empty { format!("\n{indent}    super();\n{indent}") } else { format!("\n{indent}    super();") };
        let edit = insert(body.start_byte() + 1, new);
        return vec![Fix::of(ask.path, vec![edit]).doubted("the base class may need arguments")];
    }
    Vec::new()
}
