//! The files that import what moves.

use super::lines::{ends, line};
use super::{Plan, specifier};
use crate::grammar::source::{Source, range};
use crate::operations::move_symbol::{MoveError, folder};
use crate::operations::organise_imports::script::parts::{self, Part};
use crate::operations::organise_imports::without;
use crate::{Changes, Refusal};
use deepcoder_resolve::{Role, Target};
use deepcoder_types::{RepoPath, TextRange};

/// The files that may name a file in an import.
fn candidates(source: &Source<'_>) -> Vec<RepoPath> {
    let file = source.path.file_name();
    let stem = file.split('.').next().unwrap_or(file);
    let above = folder(source.path.as_str()).rsplit('/').next().unwrap_or(stem);
    let word = if stem == "index" && !above.is_empty() { above } else { stem };
    source.project.files().mentions(word).into_iter().filter(|path| *path != source.path).collect()
}

/// Whether any file imports this one.
pub(super) fn any(source: &Source<'_>) -> bool {
    candidates(source).iter().any(|path| {
        let bindings = source.project.bindings(path);
        let mut imports = bindings.iter().flat_map(|b| &b.declarations).filter_map(|d| d.import.as_ref());
        imports.any(|import| source.project.module_files(path, &import.module).first() == Some(&source.path))
    })
}

/// Lets those who import what moves take it from its new file.
pub(super) fn change(plan: &Plan<'_, '_>, changes: &mut Changes) -> Result<(), Refusal> {
    if plan.names.is_empty() {
        return Ok(());
    }
    for path in candidates(plan.source).iter().filter(|path| **path != plan.to) {
        let target = crate::Target { path: path.clone(), range: TextRange::new(0, 0) };
        let Ok(there) = Source::of(plan.source.project, &target) else { continue };
        for part in parts::of(&there) {
            let Some(module) = &part.module else { continue };
            if there.project.module_files(&there.path, module).first() == Some(&plan.source.path) {
                one(plan, &there, &part, changes)?;
            }
        }
    }
    Ok(())
}

fn one(plan: &Plan<'_, '_>, there: &Source<'_>, part: &Part<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    let moves = |name: &str| plan.names.iter().any(|(outer, _)| outer == name);
    let module = part.module.clone().unwrap_or_default();
    let new = specifier(plan.source, &there.path, &plan.to);
    let new = if module.ends_with(".js") && !new.ends_with(".js") { format!("{new}.js") } else { new };
    let quote = if there.text_of(part.at).contains('\'') { '\'' } else { '"' };
    let refuse = || Err(there.refuse(&MoveError::Import(module.clone()), part.at));
    if !part.has_clause {
        // `export * from`: it lets out what moved as well.
        let names: Vec<&str> = plan.names.iter().map(|(outer, _)| outer.as_str()).filter(|n| *n != "default").collect();
        if part.is_export && !names.is_empty() {
            let text = format!("\nexport {{ {} }} from {quote}{new}{quote};", names.join(", "));
            changes.insert(&there.path, part.at.end, text);
        }
        return Ok(());
    }
    if let Some(space) = part.namespace {
        namespace(plan, there, part, (space, &new, quote), changes);
        return Ok(());
    }
    let default = part.default.filter(|_| moves("default"));
    let specifiers = part.list.as_ref().map(|list| list.specifiers.as_slice()).unwrap_or_default();
    let cut: Vec<bool> = specifiers.iter().map(|s| moves(&s.name)).collect();
    if default.is_none() && !cut.contains(&true) {
        return Ok(());
    }
    if cut.iter().all(|cut| *cut) && (part.default.is_none() || default.is_some()) {
        let Some(source) = part.node.child_by_field_name("source") else { return refuse() };
        changes.replace(&there.path, range(source), format!("{quote}{new}{quote}"));
        return Ok(());
    }
    if default.is_some() {
        return refuse();
    }
    let items: Vec<TextRange> = specifiers.iter().map(|s| s.at).collect();
    let taken = specifiers.iter().zip(&cut).filter(|(_, cut)| **cut);
    let names: Vec<String> = taken.map(|(s, _)| there.text_of(s.at).to_owned()).collect();
    if cut.iter().all(|cut| *cut) {
        let kept = Part { list: None, ..part.clone() };
        changes.replace(&there.path, part.at, parts::written(there, &kept));
    } else {
        for at in without(there, &items, &cut) {
            changes.remove(&there.path, at);
        }
    }
    let mut line = line(None, &names, &new, (quote, ends(there)));
    if part.is_type {
        line = line.replacen("import ", "import type ", 1);
    }
    if part.is_export {
        line = line.replacen("import", "export", 1);
    }
    changes.insert(&there.path, part.at.end, format!("\n{line}"));
    Ok(())
}

/// `a.x` of `import * as a` gets a name of its own for the new module.
fn namespace(
    plan: &Plan<'_, '_>,
    there: &Source<'_>,
    part: &Part<'_>,
    (space, new, quote): (TextRange, &str, char),
    changes: &mut Changes,
) {
    let local = there.text_of(space);
    let mut places = Vec::new();
    let own = there.bindings.ids().find(|(_, d)| d.at == space).map(|(id, _)| Target::Declaration(id));
    let named = there.bindings.references.iter();
    let named = named.filter(|r| r.name == local && r.role == Role::Reads && own.as_ref() == Some(&r.target));
    for reference in named {
        let parent = there.node_at(reference.at).and_then(|node| node.parent());
        let member = parent.and_then(|parent| {
            parent
                .child_by_field_name("property")
                .or_else(|| parent.child_by_field_name("name"))
                .or(parent.named_child(1))
        });
        let name = member.map(|member| there.text_of(range(member)));
        if name.is_some_and(|name| plan.names.iter().any(|(outer, _)| outer == name)) {
            places.push(reference.at);
        }
    }
    if places.is_empty() {
        return;
    }
    let file = plan.to.file_name();
    let stem = file.split('.').next().unwrap_or(file);
    let stem: String = stem.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    let own = there.path.file_name().split('.').next();
    let taken = |name: &str| there.bindings.declarations.iter().any(|d| d.name == name) || own == Some(name);
    let mut names = std::iter::once(stem.clone()).chain((2..).map(|number| format!("{stem}{number}")));
    let name = names.find(|name| !taken(name)).unwrap_or_default();
    for at in places {
        changes.replace(&there.path, at, name.clone());
    }
    let end = if ends(there) { ";" } else { "" };
    let line = format!("import * as {name} from {quote}{new}{quote}{end}");
    changes.insert(&there.path, part.at.end, format!("\n{line}"));
}
