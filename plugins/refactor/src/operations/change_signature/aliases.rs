//! Calls by another name: what an import or an export renames.

use crate::grammar::source::Source;
use deepcoder_resolve::{Declaration, DeclarationId, Occurrence, Place, Project, Reference, Role, Symbol, Target};
use deepcoder_syntax::Node;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeSet;

/// Whether a name is only exported at a place.
pub(super) fn exports(source: &Source<'_>, at: TextRange) -> bool {
    source
        .node_at(at)
        .and_then(|name| name.parent())
        .is_some_and(|up| matches!(up.kind(), "export_specifier" | "export_statement"))
}

/// What uses a symbol by another name, and the places that give it one which is not followed.
pub(super) fn of(project: &Project<'_>, symbol: &Symbol, found: &[Occurrence]) -> (Vec<Occurrence>, Vec<Place>) {
    let mut paths: BTreeSet<RepoPath> = found.iter().map(|o| o.place.path.clone()).collect();
    for global in &symbol.declarations {
        let Some(declaration) = project.declaration(global) else { continue };
        for name in &declaration.exported_as {
            // What imports a default names the module.
            let word = if name == "default" { stem(&global.0) } else { name.as_str() };
            paths.extend(project.files().mentions(word));
        }
        if declaration.at.start == declaration.at.end
            || declaration.exported_as.is_empty() && exported_whole(project, global)
        {
            paths.extend(project.files().mentions(stem(&global.0)));
        }
    }
    let mut aliased = Vec::new();
    for path in &paths {
        let Some(bindings) = project.bindings(path) else { continue };
        for (id, declaration) in bindings.ids().filter(|(_, d)| d.import.is_some() && d.name != symbol.name) {
            let uses = |r: &&Reference| {
                r.target == Target::Declaration(id) && !matches!(r.role, Role::Declares | Role::Imports)
            };
            if !takes(project, (path, declaration), symbol, found) {
                continue;
            }
            aliased.extend(bindings.references.iter().filter(uses).map(|r| Occurrence {
                place: Place { path: path.clone(), at: r.at },
                role: r.role,
                form: r.form,
                doubt: None,
            }));
        }
    }
    let unknown = found.iter().filter(|o| renames(project, symbol, o)).map(|o| o.place.clone()).collect();
    (aliased, unknown)
}

/// Whether a file exports a declaration as all that the module is (`export = f`).
fn exported_whole(project: &Project<'_>, (path, id): &(RepoPath, DeclarationId)) -> bool {
    let Some(text) = project.files().text(path).filter(|text| text.contains("export =")) else { return false };
    let name = project.declaration(&(path.clone(), *id)).map(|d| d.name).unwrap_or_default();
    text.contains(&format!("export = {name}"))
}

/// Whether an import takes the symbol: from its file, or from one that passes it on.
fn takes(
    project: &Project<'_>,
    (path, declaration): (&RepoPath, &Declaration),
    symbol: &Symbol,
    found: &[Occurrence],
) -> bool {
    let Some(import) = &declaration.import else { return false };
    let files = project.module_files(path, &import.module);
    let passes_on = |file: &RepoPath| {
        let passes = |o: &Occurrence| o.place.path == *file && matches!(o.role, Role::Imports | Role::Exports);
        import.name.as_ref() == Some(&symbol.name) && found.iter().any(passes)
    };
    symbol.declarations.iter().any(|global| {
        let exported = project.declaration(global).map(|d| d.exported_as).unwrap_or_default();
        let here = files.contains(&global.0);
        match &import.name {
            Some(name) => here && (*name == symbol.name || exported.contains(name)) || files.iter().any(passes_on),
            None => here && exported_whole(project, global),
        }
    })
}

/// The word that the path of a module ends in.
fn stem(path: &RepoPath) -> &str {
    let name = path.file_name().split('.').next().unwrap_or_default();
    let folder = || path.as_str().rsplit('/').nth(1).unwrap_or_default();
    if name == "index" { folder() } else { name }
}

/// Whether an occurrence gives the symbol another name for files that do not mention its own one.
fn renames(project: &Project<'_>, symbol: &Symbol, occurrence: &Occurrence) -> bool {
    let Occurrence { place, .. } = occurrence;
    let home = symbol.declarations.iter().any(|(path, _)| *path == place.path);
    let Some(text) = project.files().text(&place.path) else { return false };
    let language = deepcoder_syntax::Language::program(&place.path);
    let Some(tree) = language.and_then(|language| deepcoder_syntax::tree(language, &text)) else { return false };
    let node = tree.root_node().named_descendant_for_byte_range(place.at.start as usize, place.at.end as usize);
    let renamed = |up: Node<'_>| match up.kind() {
        "export_specifier" => !home && up.child_by_field_name("alias").is_some(),
        "use_as_clause" => {
            up.parent().is_some_and(|up| text.get(up.byte_range()).unwrap_or_default().starts_with("pub"))
        }
        _ => false,
    };
    let mut up = node.and_then(|node| node.parent());
    while let Some(node) = up {
        if renamed(node) {
            return true;
        }
        up = node.parent().filter(|up| up.kind().contains("identifier") || up.kind() == "use_as_clause");
    }
    // A Python module that takes a name over under another one gives it to others.
    let python = language == Some(deepcoder_syntax::Language::Python) && occurrence.role == Role::Imports;
    python && {
        let aliased =
            node.and_then(|node| node.parent()).and_then(|up| up.parent()).filter(|up| up.kind() == "aliased_import");
        let alias =
            aliased.and_then(|up| up.child_by_field_name("alias")).and_then(|alias| text.get(alias.byte_range()));
        alias.is_some_and(|alias| project.files().mentions(alias).iter().any(|other| *other != place.path))
    }
}
