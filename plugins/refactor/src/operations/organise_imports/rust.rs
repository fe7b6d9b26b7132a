//! Rust: names that nothing uses go, and imports of one crate become one, or get a line of their own. rustfmt sorts them.

mod tree;
mod uses;

use super::{ImportsError, remove_statements};
use crate::grammar::source::{Source, holds, range, walk};
use crate::request::Imports;
use crate::{Changes, Refusal};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) fn organise(
    source: &Source<'_>,
    at: TextRange,
    work: &Imports,
    changes: &mut Changes,
) -> Result<(), Refusal> {
    let mut all = Vec::new();
    walk(source.tree.root_node(), |node| {
        if node.kind() == "use_declaration" {
            all.push(node);
        }
        node.kind() != "use_declaration"
    });
    let chosen: Vec<Node<'_>> = all
        .iter()
        .copied()
        .filter(|node| {
            let own = range(*node);
            if at.start == at.end { holds(own, at) } else { own.start < at.end && at.start < own.end }
        })
        .collect();
    match work {
        Imports::All | Imports::Unused(_) => {
            let only: &[String] = if let Imports::Unused(only) = work { only } else { &[] };
            unused(source, &chosen, only, changes);
            Ok(())
        }
        Imports::Sort | Imports::Repeated | Imports::Add(_) => Err(source.refuse(&ImportsError::Language("Rust"), at)),
        Imports::Merge => merge(source, &chosen, at, changes),
        Imports::Split => split(source, &chosen, at, changes),
    }
}

fn unused(source: &Source<'_>, chosen: &[Node<'_>], only: &[String], changes: &mut Changes) {
    let mut whole = Vec::new();
    for node in chosen {
        // What others can name from here, and what a condition or a lint is about, stays.
        if node.child_by_field_name("argument").is_none() || tree::head(source, *node) != tree::Head::default() {
            continue;
        }
        let gone: Vec<TextRange> = tree::leaves(source, *node)
            .iter()
            .filter(|leaf| only.is_empty() || leaf.local().is_some_and(|local| only.iter().any(|only| only == local)))
            .filter(|leaf| !uses::is_used(source, *node, leaf, changes))
            .map(|leaf| leaf.at)
            .collect();
        if gone.is_empty() {
            continue;
        }
        let Some(argument) = node.child_by_field_name("argument") else { continue };
        match tree::kept(source, argument, &gone, 0) {
            None => whole.push(range(*node)),
            Some(text) => changes.replace(&source.path, range(argument), text),
        }
    }
    remove_statements(source, &whole, changes);
}

/// The chosen imports, or the one at the cursor and a neighbour, as one.
fn merge(source: &Source<'_>, chosen: &[Node<'_>], at: TextRange, changes: &mut Changes) -> Result<(), Refusal> {
    let none = || source.refuse(&ImportsError::NoNeighbour, at);
    if let [one] = chosen
        && at.start < at.end
    {
        return merge_items(source, *one, at, changes).ok_or_else(none);
    }
    let fits = |one: &Node<'_>, other: &Node<'_>| {
        let crates = |node: &Node<'_>| tree::leaves(source, *node).iter().map(tree::Leaf::root).collect::<Vec<_>>();
        let (a, b) = (crates(one), crates(other));
        let first = a.first().cloned();
        tree::head(source, *one) == tree::head(source, *other)
            && first.is_some()
            && a.iter().chain(&b).all(|root| Some(root) == first.as_ref())
            && !b.is_empty()
    };
    let run: Vec<Node<'_>> = match chosen {
        [one] => {
            let beside = [one.next_named_sibling(), one.prev_named_sibling()];
            let beside = beside.into_iter().flatten().filter(|n| n.kind() == "use_declaration");
            let other = beside.into_iter().find(|other| fits(one, other)).ok_or_else(none)?;
            let mut both = vec![*one, other];
            both.sort_by_key(Node::start_byte);
            both
        }
        [first, rest @ ..] if rest.iter().all(|other| fits(first, other)) => chosen.to_vec(),
        _ => return Err(none()),
    };
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Err(none()) };
    let leaves: Vec<tree::Leaf> = run.iter().flat_map(|node| tree::leaves(source, *node)).collect();
    let head = source.text_of(TextRange::new(
        range(*first).start,
        first.child_by_field_name("argument").map_or(range(*first).start, |a| range(a).start),
    ));
    let between = TextRange::new(range(*first).end, range(*last).start);
    if source.text_of(between).contains("//") || source.text_of(between).contains("/*") {
        changes.doubt(&source.path, between, "a comment stands between the imports");
    }
    let text = format!("{head}{};", tree::written(&leaves));
    changes.replace(&source.path, range(*first), text);
    let gone: Vec<TextRange> = run.iter().skip(1).map(|node| range(*node)).collect();
    remove_statements(source, &gone, changes);
    Ok(())
}

/// The chosen items of one list as one; `None` where there are not two.
fn merge_items(source: &Source<'_>, node: Node<'_>, at: TextRange, changes: &mut Changes) -> Option<()> {
    let list = tree::list_around(node, at)?;
    let items = tree::items(list);
    let is_chosen = |item: &Node<'_>| range(*item).start < at.end && at.start < range(*item).end;
    let chosen: Vec<Node<'_>> = items.iter().copied().filter(is_chosen).collect();
    let leaves: Vec<tree::Leaf> = chosen.iter().flat_map(|item| tree::leaves_of(source, *item)).collect();
    let root = leaves.first()?.root();
    if chosen.len() < 2 || leaves.iter().any(|leaf| leaf.root() != root) {
        return None;
    }
    let first = range(*chosen.first()?);
    changes.replace(&source.path, first, tree::written(&leaves));
    changes.remove(&source.path, TextRange::new(first.end, range(*chosen.last()?).end));
    Some(())
}

/// The name at the cursor in an import of its own, behind the one that it was part of.
fn split(source: &Source<'_>, chosen: &[Node<'_>], at: TextRange, changes: &mut Changes) -> Result<(), Refusal> {
    let none = || source.refuse(&ImportsError::NoName, at);
    let [node] = chosen else { return Err(none()) };
    let leaves = tree::leaves(source, *node);
    let leaf = leaves.iter().find(|leaf| holds(leaf.at, at)).filter(|_| leaves.len() > 1).ok_or_else(none)?;
    let list = tree::list_around(*node, leaf.at).ok_or_else(none)?;
    let items: Vec<TextRange> = tree::items(list).iter().map(|item| range(*item)).collect();
    if items.len() < 2 {
        return Err(none());
    }
    let gone: Vec<bool> = items.iter().map(|item| *item == leaf.at).collect();
    for cut in super::without(source, &items, &gone) {
        changes.remove(&source.path, cut);
    }
    let own = range(*node);
    let indentation = source.indentation(own.start);
    let above = tree::attributes(source, *node);
    let argument = node.child_by_field_name("argument").ok_or_else(none)?;
    let head = source.text_of(TextRange::new(own.start, range(argument).start));
    let text = format!("\n{indentation}{above}{head}{};", tree::written(std::slice::from_ref(leaf)));
    changes.insert(&source.path, own.end, text);
    Ok(())
}
