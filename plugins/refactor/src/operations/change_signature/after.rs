//! What a change leaves behind: imports, variables that nothing uses any more, and names that must mean what they meant.

use super::SignatureError;
use super::placed::{Placed, placed};
use super::plan::Plan;
use super::signature::{Definition, Parameter, class_of};
use crate::Changes;
use crate::grammar::source::{Source, holds, range};
use crate::parameters::NewParameter;
use deepcoder_resolve::{DeclarationKind, Mapped, Overlay, Project, Role, Target};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{RepoPath, TextRange};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Words that are no names.
const LITERALS: &[&str] =
    &["None", "True", "False", "true", "false", "nil", "null", "undefined", "new", "not", "and", "or", "lambda"];

/// A name that the text of a new parameter's argument uses.
pub(super) fn free_name(new: &NewParameter, language: Language) -> Option<String> {
    let has_defaults = !matches!(language, Language::Go | Language::Java | Language::Rust);
    let text = new.value.as_deref().or(new.default.as_deref().filter(|_| !has_defaults))?;
    let tree = deepcoder_syntax::tree(language, text);
    let mut found = None;
    if let Some(tree) = tree {
        crate::grammar::source::walk(tree.root_node(), |node| {
            let word = text.get(node.byte_range()).unwrap_or_default();
            let name = node.child_count() == 0 && node.kind().ends_with("identifier") && !LITERALS.contains(&word);
            if name && found.is_none() {
                found = Some(word.to_owned());
            }
            !node.kind().contains("string")
        });
    }
    found
}

/// Another method that calls could mean after the change (Java).
pub(super) fn other_overload(source: &Source<'_>, definition: &Definition<'_>, plan: &Plan, changes: &mut Changes) {
    if source.language != Language::Java || !plan.changes_list(definition.parameters.len()) {
        return;
    }
    let (Some(class), Some(name)) = (class_of(definition.node), definition.node.child_by_field_name("name")) else {
        return;
    };
    let Some(body) = class.child_by_field_name("body") else { return };
    let mut cursor = body.walk();
    for member in body.named_children(&mut cursor).filter(|member| member.id() != definition.node.id()) {
        let same = member.child_by_field_name("name").is_some_and(|other| {
            source.text_of(range(other)) == source.text_of(range(name))
                && member.child_by_field_name("parameters").is_some()
        });
        let Some(other) = Some(member).filter(|_| same).and_then(|member| Definition::of(source, member).ok()) else {
            continue;
        };
        let any = other.parameters.iter().any(|p| p.kind == super::Kind::Rest);
        if other.parameters.len() == plan.count(&definition.parameters) || any {
            changes.doubt(&source.path, range(member), "calls may mean this method after the change");
        }
    }
}

/// A type parameter that only the parameter told.
pub(super) fn no_longer_told(source: &Source<'_>, parameter: &Parameter, changes: &mut Changes) {
    let Some(at) = parameter.type_at else { return };
    for reference in source.references(at) {
        let Target::Declaration(id) = reference.target else { continue };
        let generic = source.bindings.declaration(id).is_some_and(|d| d.kind == DeclarationKind::TypeParameter);
        if generic {
            let why = format!("calls may not tell what `{}` is any more", reference.name);
            changes.doubt(&source.path, reference.at, why);
        }
    }
}

/// The simple form of a type that is written with its package, where the file can import it (Java).
pub(super) fn simple(source: &Source<'_>, of_type: &str, imports: &mut Vec<String>) -> String {
    let mut out = of_type.to_owned();
    for full in qualified(of_type) {
        let name = full.rsplit('.').next().unwrap_or_default();
        let taken = source
            .bindings
            .ids()
            .any(|(_, d)| d.name == name && d.import.as_ref().is_none_or(|import| import_of(import) != full));
        if !taken {
            out = out.replace(&full, name);
            if !source.bindings.ids().any(|(_, d)| d.name == name) && !full.starts_with("java.lang.") {
                imports.push(full.clone());
            }
        }
    }
    out
}

fn import_of(import: &deepcoder_resolve::Import) -> String {
    match &import.name {
        Some(name) => format!("{}.{name}", import.module),
        None => import.module.clone(),
    }
}

/// The types of a text that have their package before them.
fn qualified(of_type: &str) -> Vec<String> {
    let words = of_type.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '$')));
    let full = |word: &&str| word.contains('.') && word.starts_with(|c: char| c.is_ascii_lowercase());
    words.filter(full).map(str::to_owned).collect()
}

/// Imports for new types (Java), and without those that nothing uses any more (Go).
pub(super) fn imports(
    sources: &BTreeMap<RepoPath, Source<'_>>,
    plan: &Plan,
    home: &RepoPath,
    gone: &[(&RepoPath, TextRange)],
    changes: &mut Changes,
) {
    let wanted: BTreeSet<&String> = plan.imports.iter().collect();
    if let Some(source) = sources.get(home).filter(|_| !wanted.is_empty()) {
        add(source, &wanted, changes);
    }
    for source in sources.values().filter(|source| source.language == Language::Go) {
        let Some(edits) = changes.edits.get(&source.path).cloned() else { continue };
        let written: String = edits.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ");
        let goes = |at: TextRange| {
            gone.iter().any(|(path, gone)| **path == source.path && holds(*gone, at))
                || edits.iter().any(|(edit, _)| edit.start < edit.end && holds(*edit, at))
        };
        for (id, declaration) in source.bindings.ids().filter(|(_, d)| d.import.is_some()) {
            let uses: Vec<TextRange> = source
                .bindings
                .references
                .iter()
                .filter(|r| r.target == Target::Declaration(id) && !matches!(r.role, Role::Declares | Role::Imports))
                .map(|r| r.at)
                .collect();
            let kept = written.contains(&format!("{}.", declaration.name)) || declaration.name == "_";
            if uses.is_empty() || kept || !uses.iter().all(|at| goes(*at)) {
                continue;
            }
            if let Some(at) = import_line(source, declaration.extent) {
                changes.remove(&source.path, at);
            }
        }
    }
}

/// The lines of an import, with its brackets where it is the only one in them.
fn import_line(source: &Source<'_>, at: TextRange) -> Option<TextRange> {
    let mut node = source.node_at(at)?;
    while node.kind() != "import_spec" {
        node = if node.kind().starts_with("import_") { first_spec(node)? } else { node.parent()? };
    }
    let parent = node.parent()?;
    let alone = parent.kind() == "import_declaration" || parent.named_child_count() == 1;
    if alone {
        while node.kind() != "import_declaration" {
            node = node.parent()?;
        }
    }
    let at = range(node);
    let whole = TextRange::new(source.line_start(at.start), source.line_end(at.end));
    (source.begins_line(at.start) && source.text_of(TextRange::new(at.end, whole.end)).trim().is_empty())
        .then_some(whole)
}

fn first_spec(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    let specs: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
    specs.into_iter().find(|child| child.kind().starts_with("import_spec"))
}

/// Add imports behind those that are there, or behind the package.
fn add(source: &Source<'_>, wanted: &BTreeSet<&String>, changes: &mut Changes) {
    let root = source.tree.root_node();
    let mut cursor = root.walk();
    let (mut package, mut last) = (None, None);
    for child in root.named_children(&mut cursor) {
        match child.kind() {
            "package_declaration" => package = Some(range(child)),
            "import_declaration" => last = Some(range(child)),
            _ => {}
        }
    }
    let lines: Vec<String> = wanted.iter().map(|full| format!("import {full};")).collect();
    let lines = lines.join("\n");
    match (last, package) {
        (Some(at), _) => changes.insert(&source.path, at.end, format!("\n{lines}")),
        (None, Some(at)) => changes.insert(&source.path, at.end, format!("\n\n{lines}")),
        (None, None) => changes.insert(&source.path, 0, format!("{lines}\n\n")),
    }
}

/// A variable that only a removed argument read is an error in Go.
pub(super) fn unused_variables(
    sources: &BTreeMap<RepoPath, Source<'_>>,
    gone: &[(&RepoPath, TextRange)],
    changes: &mut Changes,
) {
    for (path, at) in gone {
        let Some(source) = sources.get(*path).filter(|source| source.language == Language::Go) else { continue };
        for reference in source.references(*at) {
            let Target::Declaration(id) = reference.target else { continue };
            let local = source
                .bindings
                .declaration(id)
                .is_some_and(|d| d.kind == DeclarationKind::Variable && d.scope != deepcoder_resolve::ScopeId(0));
            let read = source.bindings.references.iter().any(|r| {
                r.target == reference.target
                    && r.role == Role::Reads
                    && !gone.iter().any(|(other, gone)| other == path && holds(*gone, r.at))
            });
            if local && !read {
                changes.doubt(
                    path,
                    reference.at,
                    format!("nothing would use `{}` any more, which Go refuses", reference.name),
                );
            }
        }
    }
}

/// Every name of a parameter in the body means the parameter of this name.
pub(super) fn check(
    project: &Project<'_>,
    source: &Source<'_>,
    definition: &Definition<'_>,
    changes: &Changes,
) -> Result<(), Placed> {
    let (Some(body), Some(edits)) = (definition.body, changes.edits.get(&source.path)) else { return Ok(()) };
    let Ok(texts) = changes.apply(project.files()) else { return Ok(()) };
    let texts = texts.into_iter().map(|(path, text)| (path, Some(Arc::from(text)))).collect();
    let overlay = Overlay::new(project.files(), texts);
    let after = Project::new(&overlay);
    let Some(bindings) = after.bindings(&source.path) else { return Ok(()) };
    let mut sorted: Vec<(TextRange, u32)> =
        edits.iter().map(|(at, text)| (*at, u32::try_from(text.len()).unwrap_or(u32::MAX))).collect();
    sorted.sort_by_key(|(at, _)| (at.start, at.end));
    let mapped = Mapped::new(sorted);
    let start = range(body).start;
    let Some(opened) = mapped.range(TextRange::new(start, start + 1)) else { return Ok(()) };
    let begin = range(definition.node).start;
    let begin = mapped.range(TextRange::new(begin, begin + 1)).map_or(0, |at| at.start);
    for reference in source.references(range(body)) {
        let Target::Declaration(id) = reference.target else { continue };
        let own = source.bindings.declaration(id).map(|d| d.at);
        if !definition.parameters.iter().any(|p| own.is_some() && p.name_at == own) {
            continue;
        }
        let Some(at) = mapped.range(reference.at) else { continue };
        let means =
            bindings.references.iter().filter(|r| r.at == at && r.name == reference.name).any(|r| match r.target {
                Target::Declaration(id) => bindings
                    .declaration(id)
                    .is_some_and(|d| d.name == reference.name && begin <= d.at.start && d.at.end <= opened.start),
                _ => false,
            });
        if !means {
            return Err(placed(SignatureError::Meaning(reference.name.clone()), source, reference.at));
        }
    }
    Ok(())
}
