//! A module's file gets another path, and all who import it say so (Python, scripts).

use super::check::{Moved, same_meanings};
use super::{MoveError, folder};
use crate::grammar::source::{Source, range};
use crate::operations::organise_imports::script::parts;
use crate::operations::organise_imports::{children, without};
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{Project, Role};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeSet;

/// The changes that give a file another path.
pub(crate) fn move_file(project: &Project<'_>, path: &RepoPath, to: &RepoPath) -> Result<Changes, Refusal> {
    let source = Source::of(project, &Target { path: path.clone(), range: TextRange::new(0, 0) })?;
    let here = TextRange::new(0, 0);
    if path == to {
        return Err(source.refuse(&MoveError::Same(path.clone()), here));
    }
    if project.files().exists(to) {
        return Err(source.refuse(&MoveError::Exists(to.clone()), here));
    }
    if Language::program(to) != Some(source.language) || path.file_name() == "__init__.py" {
        return Err(source.refuse(&MoveError::NoModule, here));
    }
    let mut changes = Changes { renamed: vec![(path.clone(), to.clone())], ..Changes::default() };
    match source.language {
        Language::Python => python(&source, to, &mut changes)?,
        Language::JavaScript | Language::TypeScript | Language::Tsx => script(&source, to, &mut changes)?,
        other => return Err(source.refuse(&MoveError::Language(other.name()), here)),
    }
    changes.settle(project.files());
    let moved = Moved { from: path.clone(), to: to.clone(), pieces: Vec::new(), whole: true, names: BTreeSet::new() };
    same_meanings(project, &mut changes, &moved)?;
    Ok(changes)
}

/// The files that hold a module's last word, the module among them.
fn mentions(source: &Source<'_>, word: &str) -> Vec<RepoPath> {
    let mut paths = source.project.files().mentions(word);
    if !paths.contains(&source.path) {
        paths.push(source.path.clone());
    }
    paths
}

fn script(source: &Source<'_>, to: &RepoPath, changes: &mut Changes) -> Result<(), Refusal> {
    let file = source.path.file_name();
    let stem = file.split('.').next().unwrap_or(file);
    let word = if stem == "index" { folder(source.path.as_str()).rsplit('/').next().unwrap_or(stem) } else { stem };
    for path in mentions(source, word) {
        let target = Target { path: path.clone(), range: TextRange::new(0, 0) };
        let Ok(there) = Source::of(source.project, &target) else { continue };
        let own = path == source.path;
        let home = if own { to } else { &path };
        for part in parts::of(&there) {
            let (Some(module), Some(node)) = (&part.module, part.node.child_by_field_name("source")) else { continue };
            let file = there.project.module_files(&there.path, module);
            let means = match file.first() {
                Some(file) if *file == source.path => to,
                Some(file) if own && module.starts_with('.') => file,
                None if own && module.starts_with('.') => {
                    return Err(there.refuse(&MoveError::Import(module.clone()), part.at));
                }
                _ => continue,
            };
            if !module.starts_with('.') {
                return Err(there.refuse(&MoveError::Import(module.clone()), part.at));
            }
            let named = super::script::specifier(&there, home, means);
            let quote = there.text_of(TextRange::new(range(node).start, range(node).start + 1)).to_owned();
            changes.replace(&path, range(node), format!("{quote}{named}{quote}"));
        }
        for reference in there.bindings.references.iter().filter(|r| r.role == Role::Imports) {
            let covered =
                parts::of(&there).iter().any(|p| p.at.start <= reference.at.start && reference.at.end <= p.at.end);
            let required = matches!(&reference.target, deepcoder_resolve::Target::Member(_)) && !covered;
            if required {
                changes.doubt(&path, reference.at, "this may import the module in another way");
            }
        }
    }
    Ok(())
}

/// The dotted name of a module's file, from the folder that holds its top package, as it is when some files have moved.
fn dotted(source: &Source<'_>, path: &RepoPath) -> String {
    let bare = path.as_str().trim_end_matches(".py");
    let bare = bare.strip_suffix("/__init__").unwrap_or(bare);
    let parts: Vec<&str> = bare.split('/').collect();
    let exists = |folder: &str| {
        let init = RepoPath::new(format!("{folder}/__init__.py"));
        init.is_ok_and(|init| source.project.files().exists(&init))
    };
    let mut first = parts.len() - 1;
    while first > 0 && exists(&parts[..first].join("/")) {
        first -= 1;
    }
    parts[first..].join(".")
}

fn python(source: &Source<'_>, to: &RepoPath, changes: &mut Changes) -> Result<(), Refusal> {
    let (old, new) = (dotted(source, &source.path), dotted(source, to));
    if old == new {
        // A module becomes a package: what it imports by dots is one folder further up.
        return own_dots(source, changes);
    }
    let (new_package, new_name) = new.rsplit_once('.').unwrap_or(("", &new));
    let word = old.rsplit('.').next().unwrap_or(&old).to_owned();
    for path in mentions(source, &word) {
        if Language::program(&path) != Some(Language::Python) {
            continue;
        }
        let target = Target { path: path.clone(), range: TextRange::new(0, 0) };
        let Ok(there) = Source::of(source.project, &target) else { continue };
        let means = |name: &str| there.project.module_files(&there.path, name).first() == Some(&source.path);
        let squeezed = |node: Node<'_>| there.text_of(range(node)).split_whitespace().collect::<String>();
        let mut spelled: Vec<String> = Vec::new();
        let mut statements = Vec::new();
        crate::grammar::source::walk(there.tree.root_node(), |node| {
            let import = matches!(node.kind(), "import_statement" | "import_from_statement");
            if import {
                statements.push(node);
            }
            !import
        });
        for statement in statements {
            let from = statement.child_by_field_name("module_name");
            let items: Vec<Node<'_>> = children(statement, &["dotted_name", "aliased_import"])
                .into_iter()
                .filter(|i| Some(*i) != from)
                .collect();
            let Some(from) = from else {
                for item in items {
                    let name = item.child_by_field_name("name").unwrap_or(item);
                    let written = squeezed(name);
                    if means(&written) {
                        changes.replace(&path, range(name), new.clone());
                        if item.kind() != "aliased_import" {
                            spelled.push(written);
                        }
                    }
                }
                continue;
            };
            let module = squeezed(from);
            if means(&module) {
                changes.replace(&path, range(from), new.clone());
                continue;
            }
            let separator = if module.ends_with('.') { "" } else { "." };
            let is_it = |item: &Node<'_>| {
                means(&format!("{module}{separator}{}", squeezed(item.child_by_field_name("name").unwrap_or(*item))))
            };
            let Some(item) = items.iter().find(|item| is_it(item)) else { continue };
            let alias = item.child_by_field_name("alias").map(|alias| there.text_of(range(alias)).to_owned());
            let named = match (&alias, new_name == word) {
                (Some(alias), _) => format!("{new_name} as {alias}"),
                (None, true) => new_name.to_owned(),
                (None, false) => format!("{new_name} as {word}"),
            };
            let line = if new_package.is_empty() {
                format!("import {named}")
            } else {
                format!("from {new_package} import {named}")
            };
            let beside = children(there.tree.root_node(), &["import_statement", "import_from_statement"]);
            if beside.len() > 1 && items.len() == 1 {
                changes.doubt(&path, range(statement), "the import may have another place among the others then");
            }
            if items.len() == 1 {
                changes.replace(&path, range(statement), line);
                continue;
            }
            let ranges: Vec<TextRange> = items.iter().map(|item| range(*item)).collect();
            let gone: Vec<bool> = items.iter().map(|other| other == item).collect();
            for at in without(&there, &ranges, &gone) {
                changes.remove(&path, at);
            }
            let indent = there.indentation(range(statement).start);
            changes.insert(&path, range(statement).end, format!("\n{indent}{line}"));
        }
        chains(&there, &spelled, &new, changes);
        let dynamic = there.text.contains(&format!("\"{old}\"")) || there.text.contains(&format!("'{old}'"));
        if dynamic {
            changes.doubt(&path, TextRange::new(0, 0), format!("a string says `{old}`, which may name the module"));
        }
    }
    own_dots(source, changes)
}

/// `a.b.c` in the code, where `import a.b` said so.
fn chains(there: &Source<'_>, spelled: &[String], new: &str, changes: &mut Changes) {
    for written in spelled {
        let root = written.split('.').next().unwrap_or(written);
        let uses = there.bindings.references.iter().filter(|r| r.name == root && r.role == Role::Reads);
        for reference in uses {
            let mut node = there.node_at(reference.at);
            if written.contains('.') || root != written {
                while let Some(parent) = node.and_then(|n| n.parent()).filter(|p| p.kind() == "attribute") {
                    let text: String = there.text_of(range(parent)).split_whitespace().collect();
                    node = Some(parent);
                    if text == *written || text.len() > written.len() {
                        break;
                    }
                }
            }
            let Some(node) = node else { continue };
            let text: String = there.text_of(range(node)).split_whitespace().collect();
            let inside = node.parent().is_some_and(|p| matches!(p.kind(), "dotted_name" | "aliased_import"));
            let known =
                changes.edits.get(&there.path).is_some_and(|edits| edits.iter().any(|(at, _)| *at == range(node)));
            if text == *written && !inside && !known {
                changes.replace(&there.path, range(node), new.to_owned());
            }
        }
    }
}

/// The imports by dots of the module itself, from its new place.
fn own_dots(source: &Source<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    for statement in children(source.tree.root_node(), &["import_from_statement"]) {
        let Some(from) = statement.child_by_field_name("module_name") else { continue };
        let module: String = source.text_of(range(from)).split_whitespace().collect();
        if !module.starts_with('.') {
            continue;
        }
        let edited =
            changes.edits.get(&source.path).is_some_and(|edits| edits.iter().any(|(at, _)| *at == range(from)));
        if edited {
            continue;
        }
        let files = source.project.module_files(&source.path, &module);
        let Some(file) = files.first() else {
            return Err(source.refuse(&MoveError::Import(module), range(from)));
        };
        changes.replace(&source.path, range(from), dotted(source, file));
    }
    Ok(())
}
