//! Rust: what only looks like a name: `self`, a lifetime that is left out, the local name of an import.

use super::{RenameError, spot, write};
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{
    DeclarationKind, Global, Occurrence, Overlay, Place, Project, Reference, Role, Symbol, is_name, normal,
};
use deepcoder_syntax::{Language, Node, tree};
use deepcoder_types::{RepoPath, TextRange};
use std::sync::Arc;

fn range(node: Node<'_>) -> TextRange {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    TextRange::new(offset(node.start_byte()), offset(node.end_byte()))
}

fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

fn around<'t>(node: Node<'t>, kinds: &[&str]) -> Option<Node<'t>> {
    let mut next = node.parent();
    while let Some(at) = next {
        if kinds.contains(&at.kind()) {
            return Some(at);
        }
        next = at.parent();
    }
    None
}

/// The node that starts or ends at the cursor, of one of these kinds.
fn at_cursor<'t>(root: Node<'t>, at: u32, kinds: &[&str]) -> Option<Node<'t>> {
    let at = at as usize;
    [at..=at, at.saturating_sub(1)..=at].into_iter().find_map(|range| {
        let mut node = root.descendant_for_byte_range(*range.start(), *range.end())?;
        loop {
            if kinds.contains(&node.kind()) && node.start_byte() <= at && at <= node.end_byte() {
                return Some(node);
            }
            node = node.parent().filter(|parent| parent.end_byte() - parent.start_byte() < 64)?;
        }
    })
}

/// A rename of something that is no name of the program's: `None` where the target is one.
pub(super) fn special(project: &Project<'_>, target: &Target, new: &str) -> Option<Result<Changes, Refusal>> {
    if Language::program(&target.path) != Some(Language::Rust) {
        return None;
    }
    let text = project.files().text(&target.path)?;
    let tree = tree(Language::Rust, &text)?;
    let root = tree.root_node();
    let at = target.range.start;
    let place = |node: Node<'_>, result: Result<Changes, Refusal>| {
        Some(result.map_err(|refusal| match refusal.place {
            Some(_) => refusal,
            None => refusal.at(&target.path, range(node)),
        }))
    };
    if new == "self" {
        let name = at_cursor(root, at, &["identifier"])?;
        let parameter = around(name, &["parameter"])?;
        return place(name, to_self(project, target, &text, parameter));
    }
    let boxed = |node: &Node<'_>| node.child_by_field_name("pattern").is_some_and(|pattern| pattern.kind() == "self");
    let receiver = at_cursor(root, at, &["self_parameter"]);
    if let Some(receiver) = receiver.or_else(|| at_cursor(root, at, &["parameter"]).filter(boxed)) {
        return place(receiver, from_self(project, &target.path, &text, receiver, new));
    }
    let lifetime = at_cursor(root, at, &["lifetime"]).filter(|node| text.get(node.byte_range()) == Some("'_"))?;
    place(lifetime, elided(&target.path, &text, lifetime, new))
}

/// The function of a parameter, where it is one of a type's own: a trait says whether its functions are methods.
fn own_function(parameter: Node<'_>) -> Result<Node<'_>, Refusal> {
    let function = around(parameter, &["function_item", "function_signature_item", "closure_expression"]);
    let function = function.filter(|function| function.kind() == "function_item");
    let function = function.ok_or_else(|| Refusal::new("this is no parameter of a function with a body"))?;
    let home = around(function, &["impl_item", "trait_item", "function_item", "mod_item"]);
    match home {
        Some(home) if home.kind() == "impl_item" && home.child_by_field_name("trait").is_none() => Ok(function),
        _ => Err(Refusal::new("only a function in the `impl` of a type itself can become a method, or be one no more")),
    }
}

/// A method becomes a function: its receiver is a parameter.
fn from_self(
    project: &Project<'_>,
    path: &RepoPath,
    text: &str,
    receiver: Node<'_>,
    new: &str,
) -> Result<Changes, Refusal> {
    let of = |node: Node<'_>| text.get(node.byte_range()).unwrap_or("");
    if !is_name(Language::Rust, new) {
        return Err(Refusal::of(&RenameError::NotAName { name: new.to_owned(), language: Language::Rust.name() }));
    }
    let function = own_function(receiver)?;
    let written = of(receiver);
    let (before, after) = written.split_once("self").unwrap_or((written, ""));
    let (mutable, by) = match before.trim() {
        "mut" => ("mut ", ""),
        by if by.starts_with('&') => ("", by),
        _ => ("", ""),
    };
    let gap = if by.len() > 1 { " " } else { "" };
    let typed = match after.trim() {
        "" => format!("{mutable}{new}: {by}{gap}Self"),
        after => format!("{mutable}{new}{after}"),
    };
    let mut changes = Changes::default();
    changes.replace(path, range(receiver), typed);
    let mut left: Vec<Node<'_>> = function.child_by_field_name("body").into_iter().collect();
    while let Some(node) = left.pop() {
        match node.kind() {
            // An item of its own has another `self`, or none.
            "impl_item" | "trait_item" | "function_item" | "mod_item" => {}
            "self" => {
                let module =
                    node.parent().is_some_and(|up| up.kind().starts_with("scoped") || up.kind() == "use_declaration");
                if !module {
                    changes.replace(path, range(node), new);
                }
            }
            "identifier" | "shorthand_field_identifier" if of(node) == new => {
                return Err(taken(new).at(path, range(node)));
            }
            "string_content" | "string_literal" | "raw_string_literal" if of(node).contains("{self") => {
                return Err(Refusal::new("a string formats `self`").at(path, range(node)));
            }
            _ => left.extend((0..node.child_count()).filter_map(|index| node.child(index))),
        }
    }
    let name = function.child_by_field_name("name").map(range);
    for reference in callers(project, path, name) {
        let (path, at) = reference;
        let text = project.files().text(&path);
        let dot =
            text.as_deref().and_then(|text| text.get(..at.start as usize)).is_some_and(|t| t.trim_end().ends_with('.'));
        if dot {
            return Err(Refusal::new("it is called as a method here, which it would be no more").at(&path, at));
        }
    }
    sorted(&mut changes);
    Ok(changes)
}

/// Where a function may be named.
fn callers(project: &Project<'_>, path: &RepoPath, name: Option<TextRange>) -> Vec<(RepoPath, TextRange)> {
    let Some(bindings) = project.bindings(path) else { return Vec::new() };
    let Some((id, _)) = bindings.ids().find(|(_, d)| Some(d.at) == name) else { return Vec::new() };
    let found = project.occurrences(&project.symbol(&(path.clone(), id))).found;
    found.into_iter().map(|found| (found.place.path, found.place.at)).collect()
}

fn taken(new: &str) -> Refusal {
    Refusal::new(format!("`{new}` is taken in this function")).with_hint("choose another name")
}

fn sorted(changes: &mut Changes) {
    for edits in changes.edits.values_mut() {
        edits.sort_by_key(|(at, _)| (at.start, at.end));
    }
}

/// A function becomes a method: its first parameter is the receiver.
fn to_self(project: &Project<'_>, target: &Target, text: &str, parameter: Node<'_>) -> Result<Changes, Refusal> {
    let of = |node: Node<'_>| text.get(node.byte_range()).unwrap_or("");
    let function = own_function(parameter)?;
    let first = function.child_by_field_name("parameters").and_then(|list| list.named_child(0));
    if first != Some(parameter) {
        return Err(Refusal::new("only the first parameter can be `self`"));
    }
    let home = around(function, &["impl_item"]).and_then(|home| home.child_by_field_name("type"));
    let (Some(home), Some(kind), Some(pattern)) =
        (home, parameter.child_by_field_name("type"), parameter.child_by_field_name("pattern"))
    else {
        return Err(Refusal::of(&RenameError::NoName));
    };
    if pattern.kind() != "identifier" {
        return Err(Refusal::new("a pattern cannot be `self`"));
    }
    let own = |kind: &str| kind == "Self" || kind == of(home);
    let mutable = children(parameter).iter().any(|child| child.kind() == "mutable_specifier");
    let inner = kind.child_by_field_name("type").filter(|_| kind.kind() == "reference_type");
    let receiver = match inner {
        None if own(of(kind)) => if mutable { "mut self" } else { "self" }.to_owned(),
        Some(inner) if own(of(inner)) && !mutable => {
            let by = text.get(kind.start_byte()..inner.start_byte()).unwrap_or("&");
            format!("{by}self")
        }
        _ => return Err(Refusal::new("its type is not the one that the function belongs to")),
    };
    let bindings = project.bindings(&target.path).ok_or_else(|| Refusal::of(&RenameError::NoName))?;
    let declared = bindings.ids().find(|(_, d)| d.at == range(pattern)).map(|(id, _)| (target.path.clone(), id));
    let global: Global = declared.ok_or_else(|| Refusal::of(&RenameError::NoName))?;
    let mut changes = Changes::default();
    let occurrences = project.occurrences(&project.symbol(&global));
    for found in occurrences.found {
        if found.place.at == range(pattern) {
            continue;
        }
        if found.doubt.is_some() {
            changes.doubt(&found.place.path, found.place.at, "it stands in a macro");
        }
        let new = if let deepcoder_resolve::Form::Second(joint) = found.form {
            format!("{}{joint}self", of(pattern))
        } else {
            "self".to_owned()
        };
        changes.replace(&found.place.path, found.place.at, new);
    }
    for (path, hazard) in &occurrences.hazards {
        changes.doubt(path, hazard.at, "a macro may use the name");
    }
    changes.replace(&target.path, range(parameter), receiver);
    sorted(&mut changes);
    Ok(changes)
}

/// A lifetime that is left out gets a name, which the function or the implementation declares.
fn elided(path: &RepoPath, text: &str, lifetime: Node<'_>, new: &str) -> Result<Changes, Refusal> {
    let plain = new.strip_prefix('\'').unwrap_or(new);
    if !is_name(Language::Rust, plain) || plain == "static" {
        return Err(Refusal::of(&RenameError::NotAName { name: new.to_owned(), language: Language::Rust.name() }));
    }
    let home = around(lifetime, &["function_item", "impl_item", "block", "struct_item", "type_item"]);
    let home = home.filter(|home| matches!(home.kind(), "function_item" | "impl_item"));
    let Some(home) = home else { return Err(Refusal::new("no function declares a lifetime for this place")) };
    let field = if home.kind() == "impl_item" { "type" } else { "parameters" };
    let within = |part: Option<Node<'_>>| {
        part.is_some_and(|part| part.start_byte() <= lifetime.start_byte() && lifetime.end_byte() <= part.end_byte())
    };
    let of_trait = home.kind() == "impl_item" && within(home.child_by_field_name("trait"));
    if !within(home.child_by_field_name(field)) && !of_trait {
        return Err(Refusal::new("what this lifetime is left to depends on the parameters"));
    }
    let quoted = format!("'{plain}");
    let around_it = text.get(around(home, &["impl_item", "trait_item"]).unwrap_or(home).byte_range()).unwrap_or("");
    let of_name = |c: char| c == '_' || c.is_alphanumeric();
    if around_it.split(&quoted).skip(1).any(|rest| !rest.starts_with(of_name)) {
        return Err(taken(&quoted));
    }
    let mut changes = Changes::default();
    changes.replace(path, range(lifetime), quoted.clone());
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    match home.child_by_field_name("type_parameters") {
        Some(list) => {
            let more = if children(list).is_empty() { "" } else { ", " };
            changes.insert(path, offset(list.start_byte() + 1), format!("{quoted}{more}"));
        }
        None => {
            let after = match home.child_by_field_name("name") {
                Some(name) => name.end_byte(),
                None => home.start_byte() + text.get(home.byte_range()).and_then(|t| t.find("impl")).unwrap_or(0) + 4,
            };
            changes.insert(path, offset(after), format!("<{quoted}>"));
        }
    }
    sorted(&mut changes);
    Ok(changes)
}

/// The import that the target is in, where it has no name of its own and is private: it alone gets one.
pub(super) fn import_alone(project: &Project<'_>, target: &Target) -> Option<(Reference, Symbol)> {
    if Language::program(&target.path) != Some(Language::Rust) {
        return None;
    }
    let names = project.names_at(&target.path, target.range.start);
    let (reference, _) = names.into_iter().find(|(reference, _)| reference.role == Role::Imports)?;
    let bindings = project.bindings(&target.path)?;
    let import =
        |d: &deepcoder_resolve::Declaration| d.kind == DeclarationKind::Import && d.at == reference.at && !d.public;
    let (id, found) = bindings.ids().find(|(_, d)| import(d))?;
    let symbol = Symbol { name: found.name.clone(), declarations: vec![(target.path.clone(), id)], open: None };
    Some((reference, symbol))
}

/// An import gets a name of its own, and what it imports keeps its.
pub(super) fn named_alone(
    project: &Project<'_>,
    target: &Target,
    (reference, symbol): (&Reference, &Symbol),
    new: &str,
) -> Result<Changes, Refusal> {
    let here = |error: &RenameError| Refusal::of(error).at(&target.path, reference.at);
    if !is_name(Language::Rust, new) {
        return Err(here(&RenameError::NotAName { name: new.to_owned(), language: Language::Rust.name() }));
    }
    if new == symbol.name {
        return Err(here(&RenameError::Same));
    }
    let mut changes = Changes::default();
    changes.replace(&target.path, reference.at, format!("{} as {new}", symbol.name));
    // What means nothing, or something else, without the import is what it brings in.
    let texts = changes.apply(project.files()).map_err(|error| Refusal::of(&error))?;
    let overlay =
        Overlay::new(project.files(), texts.into_iter().map(|(path, text)| (path, Some(Arc::from(text)))).collect());
    let without = Project::new(&overlay);
    let mut found = Vec::new();
    for path in project.files().mentions(&symbol.name) {
        let (Some(old), Some(now)) = (project.bindings(&path), without.bindings(&path)) else { continue };
        if old.references.len() != now.references.len() {
            return Err(here(&RenameError::Fixed(symbol.name.clone())));
        }
        for (was, is) in old.references.iter().zip(&now.references).filter(|(was, _)| was.name == symbol.name) {
            let import = path == target.path && was.at == reference.at;
            if !import && project.meant(&path, was) != moved_back(without.meant(&path, is), target, reference, new) {
                let place = Place { path: path.clone(), at: was.at };
                found.push(Occurrence { place, role: was.role, form: was.form, doubt: None });
            }
        }
    }
    let normal = normal(Language::Rust, new);
    for path in found.iter().map(|occurrence| &occurrence.place.path) {
        let bindings = project.bindings(path);
        if let Some(other) = bindings.iter().flat_map(|b| &b.references).find(|r| r.name == normal) {
            let now = spot(project, &Place { path: path.clone(), at: other.at });
            return Err(here(&RenameError::Taken { new: new.to_owned(), name: symbol.name.clone(), now }));
        }
    }
    let why = "the import gets another name alone: what it imports is renamed at its declaration";
    changes.doubt(&target.path, reference.at, why);
    write(project, &found, &symbol.name, new, &mut changes)?;
    Ok(changes)
}

/// Places of a tree in which an import got a name, as they were before.
fn moved_back(places: Vec<Place>, target: &Target, import: &Reference, new: &str) -> Vec<Place> {
    let longer = u32::try_from(" as ".len() + new.len()).unwrap_or(0);
    let back = |place: Place| {
        let after = place.path == target.path && place.at.start >= import.at.end;
        let shift = if after { longer } else { 0 };
        let at = TextRange::new(place.at.start.saturating_sub(shift), place.at.end.saturating_sub(shift));
        Place { path: place.path, at }
    };
    places.into_iter().map(back).collect()
}
