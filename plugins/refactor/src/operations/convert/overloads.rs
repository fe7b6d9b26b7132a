//! Overloads of TypeScript as one signature.

use super::site::{Draft, Site, child, field, parts};
use super::{ConvertError, Kind, SCRIPTS};
use crate::grammar::source::{holds, range};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "merge-overloads",
    title: "make one signature of the overloads",
    languages: SCRIPTS,
    applies: overload_at,
    rewrite: merge,
}];

const SIGNATURES: &[&str] = &[
    "function_signature",
    "method_signature",
    "call_signature",
    "construct_signature",
    "abstract_method_signature",
    "function_declaration",
    "method_definition",
];

fn is_signature(node: Node<'_>) -> bool {
    SIGNATURES.contains(&node.kind()) || declared(node).is_some()
}

/// The signature in `declare function f(): void;`.
fn declared(node: Node<'_>) -> Option<Node<'_>> {
    let inner = parts(node).into_iter().next().filter(|_| node.kind() == "ambient_declaration")?;
    (inner.kind() == "function_signature").then_some(inner)
}

fn signature(node: Node<'_>) -> Node<'_> {
    declared(node).unwrap_or(node)
}

fn overload_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let touched = TextRange::new(site.at.start, site.at.start);
    let mut at = site.source.node_at(touched)?;
    loop {
        if is_signature(at) {
            let outer = at.parent().filter(|parent| declared(*parent).is_some()).unwrap_or(at);
            let body = field(at, "body");
            let in_body = body.is_some_and(|body| holds(range(body), touched));
            return (!in_body).then_some(outer);
        }
        at = at.parent()?;
    }
}

/// What two overloads must have in common: name, modifiers, type parameters and result.
fn same(site: &Site<'_>, node: Node<'_>) -> (String, String, String, bool) {
    let one = signature(node);
    let text = |name: &str| field(one, name).map(|part| site.text(part).to_owned()).unwrap_or_default();
    (text("name"), text("type_parameters"), text("return_type"), child(one, "static").is_some())
}

fn neighbour(node: Node<'_>, back: bool) -> Option<Node<'_>> {
    let mut at = node;
    loop {
        at = if back { at.prev_sibling()? } else { at.next_sibling()? };
        if is_signature(at) {
            return Some(at);
        }
        if at.kind() != ";" && at.kind() != "," {
            return None;
        }
    }
}

fn merge(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let common = same(site, node);
    let fits = |other: &Node<'_>| {
        let (name, ..) = same(site, *other);
        name == common.0
            && (signature(*other).kind() == signature(node).kind()
                || field(*other, "body").is_some()
                || field(node, "body").is_some())
    };
    let mut all = vec![node];
    while let Some(before) = neighbour(all[0], true).filter(|before| fits(before) && field(*before, "body").is_none()) {
        all.insert(0, before);
    }
    let mut last = node;
    while let Some(after) = neighbour(last, false).filter(fits).filter(|_| field(last, "body").is_none()) {
        all.push(after);
        last = after;
    }
    let implementation = field(last, "body").map(|_| last);
    let overloads: Vec<Node<'_>> = all.iter().copied().filter(|one| field(*one, "body").is_none()).collect();
    if overloads.len() < 2 {
        return Err(ConvertError::Because("there is only one signature"));
    }
    if overloads
        .iter()
        .any(|one| same(site, *one) != common && same(site, *one).2 != common.2 || same(site, *one).1 != String::new())
    {
        return Err(ConvertError::Because("the overloads differ in more than their parameters"));
    }
    let mut tuples = Vec::new();
    for one in &overloads {
        let list = field(signature(*one), "parameters").ok_or(ConvertError::Broken)?;
        let mut elements = Vec::new();
        for parameter in parts(list) {
            let pattern = field(parameter, "pattern").or_else(|| field(parameter, "name"));
            let pattern = pattern.filter(|pattern| matches!(pattern.kind(), "identifier" | "rest_pattern"));
            if pattern.is_none() || field(parameter, "value").is_some() {
                return Err(ConvertError::Because("a parameter is a pattern or has a default"));
            }
            elements.push(site.text(parameter));
        }
        tuples.push(format!("[{}]", elements.join(", ")));
    }
    let target = implementation.unwrap_or(node);
    let list = field(signature(target), "parameters").ok_or(ConvertError::Broken)?;
    if let (Some(_), parameters) = (implementation, parts(list)) {
        let rest = parameters.len() == 1 && site.text(list).starts_with("(...args");
        if !rest {
            return Err(ConvertError::Because("the implementation names its parameters in another way"));
        }
    }
    let text = format!("(...args: {})", tuples.join(" | "));
    let first = range(overloads[0]).start;
    let end = range(*all.last().ok_or(ConvertError::Broken)?).end;
    let mut draft = Draft::default();
    if first < range(target).start {
        draft.put(TextRange::new(first, range(target).start), "");
    }
    draft.replace(list, text);
    if range(target).end < end {
        draft.put(TextRange::new(range(target).end, end), "");
    }
    Ok(draft.doubted(node, "documentation and errors of callers name one signature instead of several"))
}
