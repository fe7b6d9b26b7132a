//! Go: a declaration goes to another file of its package, so that nothing but imports changes.

use super::{MoveError, folder, piece, with_blanks};
use crate::grammar::source::{Source, holds, range};
use crate::operations::organise_imports::{children, remove_statements};
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{DeclarationId, Reference, Role, Target as Meant};
use deepcoder_syntax::Node;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeSet;

pub(super) fn move_to(source: &Source<'_>, at: TextRange, to: Option<&RepoPath>) -> Result<Changes, Refusal> {
    let none = || source.refuse(&MoveError::NoDeclaration, at);
    let kinds =
        ["function_declaration", "type_declaration", "var_declaration", "const_declaration", "method_declaration"];
    let root = source.tree.root_node();
    let chosen: Vec<Node<'_>> = children(root, &kinds)
        .into_iter()
        .filter(|node| range(*node).start <= at.end && at.start <= range(*node).end)
        .collect();
    let Some(first) = chosen.first() else { return Err(none()) };
    let ranges: Vec<TextRange> = chosen.iter().map(|node| piece(source, *node).at).collect();
    let name = first_name(source, *first).ok_or_else(none)?;
    let path = match to {
        Some(to) => to.clone(),
        None => new_path(source, &name).ok_or_else(none)?,
    };
    if folder(path.as_str()) != folder(source.path.as_str()) {
        return Err(source.refuse(&MoveError::NoModule, at));
    }
    // What the moved text imports, and what nothing else needs then.
    let moved = |at: TextRange| ranges.iter().any(|range| holds(*range, at));
    let uses = |id: DeclarationId, inside: bool| {
        let means =
            |r: &&Reference| !matches!(r.role, Role::Declares | Role::Imports) && r.target == Meant::Declaration(id);
        source.bindings.references.iter().filter(means).any(|r| moved(r.at) == inside)
    };
    let mut needed: Vec<String> = Vec::new();
    let mut gone: BTreeSet<TextRange> = BTreeSet::new();
    let mut dots = false;
    for declaration in children(root, &["import_declaration"]) {
        let lists = children(declaration, &["import_spec_list"]);
        let specs = children(lists.first().copied().unwrap_or(declaration), &["import_spec"]);
        let mut lost = Vec::new();
        for spec in &specs {
            let own = range(*spec);
            dots |= spec.child_by_field_name("name").is_some_and(|name| name.kind() == "dot");
            let id = source.bindings.ids().find(|(_, d)| d.import.is_some() && holds(own, d.at)).map(|(id, _)| id);
            let Some(id) = id.filter(|id| uses(*id, true)) else { continue };
            needed.push(source.text_of(own).to_owned());
            if !uses(id, false) {
                lost.push(own);
            }
        }
        if lost.len() == specs.len() && !specs.is_empty() {
            gone.insert(range(declaration));
        } else {
            gone.extend(lost);
        }
    }
    let mut changes = Changes::default();
    if dots {
        changes.doubt(&source.path, at, "an import of all names may be needed in the other file");
    }
    remove_statements(source, &gone.iter().copied().collect::<Vec<_>>(), &mut changes);
    for at in &ranges {
        changes.remove(&source.path, with_blanks(source, *at));
    }
    let body: String = ranges.iter().map(|at| source.text_of(*at).trim_end()).collect::<Vec<_>>().join("\n\n") + "\n";
    if source.project.files().exists(&path) {
        let there = Source::of(source.project, &Target { path: path.clone(), range: TextRange::new(0, 0) })?;
        if there.bindings.package != source.bindings.package {
            return Err(source.refuse(&MoveError::NoModule, at));
        }
        let new: Vec<&String> = needed.iter().filter(|spec| !there.text.contains(spec.as_str())).collect();
        let imports: String = new.iter().map(|spec| format!("import {spec}\n")).collect();
        let head = children(there.tree.root_node(), &["package_clause", "import_declaration"]);
        let end = head.last().map_or(0, |node| there.line_end(range(*node).end));
        if !imports.is_empty() {
            changes.insert(&path, end, format!("\n{imports}"));
        }
        changes.insert(&path, u32::try_from(there.text.len()).unwrap_or(u32::MAX), format!("\n{body}"));
        return Ok(changes);
    }
    let package = children(root, &["package_clause"]);
    let clause = package.first().map_or("", |clause| source.text_of(range(*clause)));
    let mut text = header(source);
    text.push_str(clause.trim_end());
    text.push_str("\n\n");
    match needed.as_slice() {
        [] => {}
        all => text.push_str(&format!("import (\n\t{}\n)\n\n", all.join("\n\t"))),
    }
    text.push_str(&body);
    changes.created.insert(path, text);
    Ok(changes)
}

/// The licence and the build constraint that open a file.
fn header(source: &Source<'_>) -> String {
    let package = children(source.tree.root_node(), &["package_clause"]);
    let end = package.first().map_or(0, |clause| range(*clause).start);
    let above = source.text_of(TextRange::new(0, end)).replace("\r\n", "\n");
    let blocks = above.split("\n\n").map(str::trim);
    let kept = blocks.filter(|block| block.starts_with("//go:build") || block.to_lowercase().contains("copyright"));
    kept.map(|block| format!("{block}\n\n")).collect()
}

/// The first name that a declaration declares.
fn first_name(source: &Source<'_>, node: Node<'_>) -> Option<String> {
    let at = range(node);
    let declares = |r: &&Reference| r.role == Role::Declares && holds(at, r.at);
    let of_file = |r: &&Reference| match r.target {
        Meant::Declaration(id) => source.bindings.declaration(id).is_some_and(|d| d.extent.start >= at.start),
        _ => false,
    };
    let name = node.child_by_field_name("name").map(|name| source.text_of(range(name)).to_owned());
    name.or_else(|| source.references(at).iter().filter(declares).find(of_file).map(|r| r.name.clone()))
}

fn new_path(source: &Source<'_>, name: &str) -> Option<RepoPath> {
    let folder = folder(source.path.as_str());
    let slash = if folder.is_empty() { "" } else { "/" };
    let name = name.to_lowercase();
    let names = std::iter::once(name.clone()).chain((1..1000).map(|number| format!("{name}.{number}")));
    let mut paths = names.filter_map(|name| RepoPath::new(format!("{folder}{slash}{name}.go")).ok());
    paths.find(|path| !source.project.files().exists(path))
}
