//! The trees of `use`: their names, and their text.

use crate::grammar::source::{Source, holds, range, walk};
use crate::operations::organise_imports::without;
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use std::cmp::Ordering;

/// Lists in lists beyond this are left alone.
const DEEP: usize = 50;

/// What an import ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Name,
    /// `{self}`
    Itself,
    Glob,
    As(String),
}

/// One thing that is imported.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) at: TextRange,
    pub(super) path: Vec<String>,
    pub(super) end: End,
}

impl Leaf {
    /// The name that it has here; `None` for a glob and for `as _`.
    pub(super) fn local(&self) -> Option<&str> {
        match &self.end {
            End::Glob => None,
            End::As(alias) => Some(alias.as_str()).filter(|alias| *alias != "_"),
            End::Name | End::Itself => self.path.last().map(String::as_str),
        }
    }

    pub(super) fn root(&self) -> String {
        self.path.first().cloned().unwrap_or_default()
    }
}

/// What stands before the path: visibility and attributes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Head {
    visibility: String,
    attributes: String,
}

pub(super) fn head(source: &Source<'_>, node: Node<'_>) -> Head {
    let mut cursor = node.walk();
    let visibility = node.children(&mut cursor).find(|child| child.kind() == "visibility_modifier");
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    Head {
        visibility: visibility.map(|v| squeezed(source.text_of(range(v)))).unwrap_or_default(),
        attributes: squeezed(&attributes(source, node)),
    }
}

/// The attributes above an import, each with its line.
pub(super) fn attributes(source: &Source<'_>, node: Node<'_>) -> String {
    let mut first = node;
    while let Some(above) = first.prev_sibling().filter(|above| above.kind() == "attribute_item") {
        first = above;
    }
    source.text_of(TextRange::new(range(first).start, range(node).start)).to_owned()
}

/// The items of a list.
pub(super) fn items(list: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = list.walk();
    list.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

/// Everything that an import takes, in the order of the text.
pub(super) fn leaves(source: &Source<'_>, node: Node<'_>) -> Vec<Leaf> {
    node.child_by_field_name("argument").map(|argument| leaves_of(source, argument)).unwrap_or_default()
}

/// Everything that a tree takes, by the paths from it on.
pub(super) fn leaves_of(source: &Source<'_>, node: Node<'_>) -> Vec<Leaf> {
    let segments = |node: Node<'_>| -> Vec<String> {
        let text: String = source.text_of(range(node)).split_whitespace().collect();
        text.split("::").map(str::to_owned).collect()
    };
    let mut out = Vec::new();
    let mut left = vec![(node, Vec::<String>::new())];
    while let Some((node, prefix)) = left.pop() {
        let with = |more: Vec<String>| prefix.iter().cloned().chain(more).collect::<Vec<_>>();
        let path = node.child_by_field_name("path");
        let inner = match node.kind() {
            "use_list" => Some((node, prefix.clone())),
            "scoped_use_list" => {
                node.child_by_field_name("list").map(|list| (list, with(path.map(segments).unwrap_or_default())))
            }
            _ => None,
        };
        if let Some((list, prefix)) = inner {
            left.extend(items(list).into_iter().rev().map(|item| (item, prefix.clone())));
            continue;
        }
        let (path, end) = match node.kind() {
            "use_wildcard" => (node.named_child(0).map(segments).unwrap_or_default(), End::Glob),
            "use_as_clause" => {
                let alias = node.child_by_field_name("alias").map(|alias| source.text_of(range(alias)).to_owned());
                (path.map(segments).unwrap_or_default(), End::As(alias.unwrap_or_default()))
            }
            "self" if !prefix.is_empty() => (Vec::new(), End::Itself),
            _ => (segments(node), End::Name),
        };
        out.push(Leaf { at: range(node), path: with(path), end });
    }
    out
}

/// The innermost list around a place in an import.
pub(super) fn list_around(node: Node<'_>, at: TextRange) -> Option<Node<'_>> {
    let mut found = None;
    walk(node, |node| {
        let around = holds(range(node), at) && range(node) != at;
        if around && node.kind() == "use_list" {
            found = Some(node);
        }
        around
    });
    found
}

/// The text of a tree without some of its leaves; `None` where nothing is left.
pub(super) fn kept(source: &Source<'_>, node: Node<'_>, gone: &[TextRange], depth: usize) -> Option<String> {
    let own = range(node);
    if gone.contains(&own) {
        return None;
    }
    let text = source.text_of(own).to_owned();
    if depth > DEEP || !gone.iter().any(|gone| holds(own, *gone)) {
        return Some(text);
    }
    let list = if node.kind() == "use_list" { Some(node) } else { node.child_by_field_name("list") };
    let Some(list) = list else { return Some(text) };
    let items = items(list);
    let texts: Vec<Option<String>> = items.iter().map(|item| kept(source, *item, gone, depth + 1)).collect();
    let left: Vec<&String> = texts.iter().flatten().collect();
    let prefix = source.text_of(TextRange::new(own.start, range(list).start));
    match left.as_slice() {
        [] => None,
        [one] if one.as_str() != "self" && items.len() > 1 => Some(format!("{prefix}{one}")),
        _ => {
            let ranges: Vec<TextRange> = items.iter().map(|item| range(*item)).collect();
            let cut: Vec<bool> = texts.iter().map(Option::is_none).collect();
            let mut edits: Vec<(TextRange, &str)> =
                without(source, &ranges, &cut).into_iter().map(|cut| (cut, "")).collect();
            edits.extend(ranges.iter().zip(&texts).filter_map(|(at, text)| Some((*at, text.as_deref()?))));
            edits.sort_by_key(|(at, _)| at.start);
            let mut out = text;
            for (at, new) in edits.iter().rev() {
                out.replace_range((at.start - own.start) as usize..(at.end - own.start) as usize, new);
            }
            Some(out)
        }
    }
}

/// One tree of these leaves, in the order that rustfmt gives them.
pub(super) fn written(leaves: &[Leaf]) -> String {
    let all: Vec<(&[String], &End)> = leaves.iter().map(|leaf| (leaf.path.as_slice(), &leaf.end)).collect();
    let parts = level(&all, 0);
    if let [one] = parts.as_slice() { one.clone() } else { format!("{{{}}}", parts.join(", ")) }
}

/// The items of one list: the leaves without what they have in common before it.
fn level(leaves: &[(&[String], &End)], depth: usize) -> Vec<String> {
    let mut firsts: Vec<&String> = leaves.iter().filter_map(|(path, _)| path.first()).collect();
    firsts.sort_by(|a, b| order(a, b));
    firsts.dedup();
    let mut out: Vec<String> = Vec::new();
    let here: Vec<&End> = leaves.iter().filter(|(path, _)| path.is_empty()).map(|(_, end)| *end).collect();
    if here.iter().any(|end| matches!(end, End::Name | End::Itself)) {
        out.push("self".to_owned());
    }
    let mut aliases: Vec<String> = here
        .iter()
        .filter_map(|end| if let End::As(alias) = end { Some(format!("self as {alias}")) } else { None })
        .collect();
    aliases.sort();
    aliases.dedup();
    out.extend(aliases);
    for first in firsts {
        let below: Vec<(&[String], &End)> = leaves
            .iter()
            .filter(|(path, _)| path.first() == Some(first))
            .map(|(path, end)| (&path[1..], *end))
            .collect();
        let (ends, deeper): (Vec<_>, Vec<_>) =
            below.iter().partition(|(path, end)| path.is_empty() && **end != End::Glob);
        let name = |end: &End| match end {
            End::As(alias) => format!("{first} as {alias}"),
            _ => first.clone(),
        };
        if deeper.is_empty() {
            let mut names: Vec<String> = Vec::new();
            for (_, end) in ends {
                let itself = *end == End::Itself;
                let text = if itself { format!("{first}::{{self}}") } else { name(end) };
                if !names.contains(&text) {
                    names.push(text);
                }
            }
            names.sort_by_key(|name| name.contains(" as "));
            out.extend(names);
            continue;
        }
        if depth > DEEP {
            continue;
        }
        let parts = level(&below, depth + 1);
        match parts.as_slice() {
            [one] if !one.starts_with("self") => out.push(format!("{first}::{one}")),
            _ => out.push(format!("{first}::{{{}}}", parts.join(", "))),
        }
    }
    if here.contains(&&End::Glob) {
        out.push("*".to_owned());
    }
    out
}

/// `self`, `super`, `crate`, then names in lower case, types, constants.
fn order(a: &str, b: &str) -> Ordering {
    let kind = |name: &str| {
        let first = name.trim_start_matches('_').chars().next().unwrap_or('_');
        match name {
            "self" => 0,
            "super" => 1,
            "crate" => 2,
            _ if !first.is_uppercase() => 3,
            name if name.len() == 1 || name.chars().any(char::is_lowercase) => 4,
            _ => 5,
        }
    };
    kind(a).cmp(&kind(b)).then_with(|| a.cmp(b))
}
