//! JavaScript and TypeScript: as TypeScript's server organises imports and exports. Blank lines part groups; within one the
//! packages of others come first, then the project's own files.

mod order;
pub(in crate::operations) mod parts;

use super::sorted::{Entry, put};
use super::{ImportsError, declared_at, has_word, is_used, looks_names_up, remove_statements, without};
use crate::grammar::source::{Source, range, walk};
use crate::request::{ImportStyle, Imports};
use crate::{Changes, Refusal};
use deepcoder_syntax::{Node, comments};
use deepcoder_types::TextRange;
use order::{Name, Order};
use parts::{Part, Specifier};
use std::cmp::Ordering;

pub(super) fn organise(
    source: &Source<'_>,
    work: &Imports,
    style: &ImportStyle,
    changes: &mut Changes,
) -> Result<(), Refusal> {
    let mut parts = parts::of(source);
    match work {
        Imports::Add(_) | Imports::Merge | Imports::Split => {
            return Err(source.refuse(&ImportsError::Language(source.language.name()), TextRange::new(0, 0)));
        }
        _ => {}
    }
    let only: &[String] = if let Imports::Unused(only) = work { only } else { &[] };
    if matches!(work, Imports::All | Imports::Unused(_)) && !looks_names_up(source) {
        unused(source, &mut parts, only);
    }
    if let Imports::Unused(_) = work {
        take(source, &parts, changes);
        return Ok(());
    }
    let imports: Vec<Vec<&str>> =
        groups(source, &parts, false).iter().map(|g| g.iter().filter_map(|p| p.module.as_deref()).collect()).collect();
    let lists: Vec<Vec<Name<'_>>> = parts.iter().filter(|p| !p.is_export).map(Part::names).collect();
    let order = order::found(style, &imports, &lists);
    for exports in [false, true] {
        for group in groups(source, &parts, exports) {
            sort(source, &group, order, changes)?;
        }
    }
    Ok(())
}

/// Marks the names that nothing uses.
fn unused(source: &Source<'_>, parts: &mut [Part<'_>], only: &[String]) {
    let pragmas: String = comments(source.language, &source.text)
        .into_iter()
        .map(|at| source.text_of(at))
        .filter(|text| text.contains("@jsx"))
        .collect();
    let mut shows = false;
    walk(source.tree.root_node(), |node| {
        shows |= node.kind().starts_with("jsx_");
        !shows
    });
    let is_gone = |declares: TextRange| {
        let name = source.text_of(declares);
        let chosen = only.is_empty() || only.iter().any(|only| only == name);
        let shown = shows && name == "React" || has_word(&pragmas, name);
        chosen && !shown && declared_at(source, declares).is_some_and(|id| !is_used(source, id))
    };
    for part in parts.iter_mut().filter(|part| !part.is_export && part.has_clause) {
        part.default = part.default.take().filter(|at| !is_gone(*at));
        part.namespace = part.namespace.take().filter(|at| !is_gone(*at));
        if let Some(list) = &mut part.list {
            let before = list.specifiers.len();
            for specifier in &mut list.specifiers {
                specifier.gone = is_gone(specifier.declares);
            }
            part.emptied = before > 0 && list.specifiers.iter().all(|s| s.gone);
        }
        let empty = part.list.as_ref().is_none_or(|_| part.emptied);
        part.gone = part.default.is_none() && part.namespace.is_none() && empty;
    }
}

/// Takes names away where they stand.
fn take(source: &Source<'_>, parts: &[Part<'_>], changes: &mut Changes) {
    let gone: Vec<TextRange> = parts.iter().filter(|part| part.gone).map(|part| part.at).collect();
    for part in parts.iter().filter(|part| !part.gone) {
        if part.loses_name() || part.emptied {
            changes.replace(&source.path, part.at, parts::written(source, part));
        } else if let Some(list) = &part.list {
            let items: Vec<TextRange> = list.specifiers.iter().map(|s| s.at).collect();
            let cut: Vec<bool> = list.specifiers.iter().map(|s| s.gone).collect();
            for at in without(source, &items, &cut) {
                changes.remove(&source.path, at);
            }
        }
    }
    remove_statements(source, &gone, changes);
}

/// Statements beside each other, parted by blank lines and by other statements.
fn groups<'p, 't>(source: &Source<'_>, parts: &'p [Part<'t>], exports: bool) -> Vec<Vec<&'p Part<'t>>> {
    let mut out: Vec<Vec<&Part<'t>>> = Vec::new();
    let mut before: Option<Node<'t>> = None;
    for part in parts.iter().filter(|part| part.is_export == exports) {
        let mut next = before.and_then(|node| node.next_sibling());
        while next.is_some_and(|node| node.is_extra()) {
            next = next.and_then(|node| node.next_sibling());
        }
        let beside = before.filter(|_| next == Some(part.node)).is_some_and(|node| {
            let between = source.text_of(TextRange::new(range(node).end, part.at.start));
            let lines: Vec<&str> = between.split('\n').collect();
            let inner = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
            inner.iter().all(|line| !line.trim().is_empty())
        });
        match out.last_mut().filter(|_| beside) {
            Some(group) => group.push(part),
            None => out.push(vec![part]),
        }
        before = Some(part.node);
    }
    out
}

fn sort(source: &Source<'_>, group: &[&Part<'_>], order: Order, changes: &mut Changes) -> Result<(), Refusal> {
    let mut modules: Vec<Option<&str>> = Vec::new();
    for part in group {
        if !modules.contains(&part.module.as_deref()) {
            modules.push(part.module.as_deref());
        }
    }
    modules.sort_by(|a, b| order.modules.compare_modules(*a, *b));
    let mut entries: Vec<Entry<(usize, usize)>> = Vec::new();
    for (rank, module) in modules.iter().enumerate() {
        let of_module: Vec<&Part<'_>> = group.iter().filter(|p| p.module.as_deref() == *module).copied().collect();
        let texts = joined(source, &of_module, order);
        for (at, part) in of_module.iter().enumerate() {
            let mut text = texts.get(at).cloned();
            if at + 1 == of_module.len() && texts.len() > of_module.len() {
                text = texts.get(at..).map(|rest| rest.join("\n"));
            }
            entries.push(Entry { at: part.at, key: (rank, at), group: 0, text, names: Vec::new() });
        }
    }
    let side = |part: &&&Part<'_>| !part.has_clause && !part.is_export;
    let order: Vec<TextRange> = entries.iter().map(|entry| entry.at).collect();
    let ranks = |at: TextRange| order.iter().position(|other| *other == at);
    let moved = group.iter().enumerate().filter(|(_, p)| side(p)).find(|(at, part)| ranks(part.at) != Some(*at));
    if let Some((_, part)) = moved {
        let why = "this module is imported for what it does, which would happen at another time";
        changes.doubt(&source.path, part.at, why);
    }
    entries.sort_by_key(|entry| entry.at.start);
    put(source, entries, false, changes)
}

/// The statements that come of those of one module.
fn joined(source: &Source<'_>, parts: &[&Part<'_>], order: Order) -> Vec<String> {
    let mut out = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    for part in parts {
        if !kinds.contains(&part.attributes.as_str()) {
            kinds.push(&part.attributes);
        }
    }
    for attributes in kinds {
        let alike: Vec<&&Part<'_>> = parts.iter().filter(|part| part.attributes == attributes && !part.gone).collect();
        let mut bare: Vec<&str> = Vec::new();
        for part in alike.iter().filter(|part| !part.has_clause) {
            let text = source.text_of(part.at);
            if !bare.contains(&text) {
                bare.push(text);
                out.push(text.to_owned());
            }
        }
        for of_types in [false, true] {
            let alike: Vec<&Part<'_>> =
                alike.iter().filter(|p| p.has_clause && p.is_type == of_types).map(|p| **p).collect();
            out.extend(of_kind(source, &alike, order));
        }
    }
    out
}

/// The same for those that are all about types, or all not.
fn of_kind(source: &Source<'_>, parts: &[&Part<'_>], order: Order) -> Vec<String> {
    let Some(first) = parts.first() else { return Vec::new() };
    let by_name = |a: &Specifier, b: &Specifier| order.names.compare_names(order.types, &a.compared(), &b.compared());
    if let [part] = parts {
        let names = part.list.as_ref().map(|list| list.specifiers.as_slice()).unwrap_or_default();
        let sorted = names.windows(2).all(|pair| by_name(&pair[0], &pair[1]) != Ordering::Greater);
        let same = names.iter().all(|name| !name.gone && !name.repeats());
        if sorted && same && !part.loses_name() {
            return vec![source.text_of(part.at).to_owned()];
        }
    }
    let defaults: Vec<TextRange> = parts.iter().filter_map(|part| part.default).collect();
    let spaces: Vec<&&Part<'_>> = parts.iter().filter(|part| part.namespace.is_some()).collect();
    let lists: Vec<&&Part<'_>> = parts.iter().filter(|part| part.list.is_some() && !part.emptied).collect();
    let mut out = Vec::new();
    if let ([default], [space], true) = (defaults.as_slice(), spaces.as_slice(), lists.is_empty() && !first.is_type) {
        let part = Part { default: Some(*default), ..(**space).clone() };
        return vec![parts::written(source, &part)];
    }
    let mut spaces: Vec<Part<'_>> =
        spaces.iter().map(|p| Part { default: None, list: None, ..(***p).clone() }).collect();
    let name = |part: &Part<'_>| part.namespace.map_or("", |at| source.text_of(at));
    spaces.sort_by(|a, b| order.names.compare(name(a), name(b)));
    out.extend(spaces.iter().map(|part| parts::written(source, part)));
    let carrier = parts.iter().find(|p| p.default.is_some()).or(lists.first().copied());
    let Some(carrier) = carrier else { return out };
    let mut specifiers: Vec<Specifier> = Vec::new();
    if defaults.len() > 1 {
        specifiers.extend(defaults.iter().map(|at| Specifier::of_default(source, *at)));
    }
    let all = lists.iter().filter_map(|part| part.list.as_ref()).flat_map(|list| &list.specifiers);
    for specifier in all.filter(|specifier| !specifier.gone) {
        if !specifiers.iter().any(|other| other.same(specifier)) {
            specifiers.push(specifier.clone());
        }
    }
    specifiers.sort_by(by_name);
    let form = lists.first().and_then(|part| part.list.clone());
    let list = form.or_else(|| (!specifiers.is_empty()).then(parts::List::default));
    let list = list.map(|list| parts::List { specifiers, ..list });
    let default = defaults.first().copied().filter(|_| defaults.len() == 1);
    let base = Part { default, namespace: None, list, emptied: false, ..(**carrier).clone() };
    if base.is_type && base.default.is_some() && base.list.is_some() {
        out.push(parts::written(source, &Part { list: None, ..base.clone() }));
        out.push(parts::written(source, &Part { default: None, ..base }));
    } else {
        out.push(parts::written(source, &base));
    }
    out
}
