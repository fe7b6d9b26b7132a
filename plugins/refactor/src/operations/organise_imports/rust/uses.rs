//! Whether anything uses what a `use` brings in. The text decides: macros, derives and methods of traits name no import.

use super::tree::{End, Leaf};
use crate::Changes;
use crate::grammar::source::{Source, holds, range, walk};
use deepcoder_resolve::{DeclarationKind, Global, Reference, Resolution, Role, Target};
use deepcoder_syntax::{Language, Node, comments};
use deepcoder_types::TextRange;

/// Whether the module that an import stands in, or one that sees its names, uses what it takes.
pub(super) fn is_used(source: &Source<'_>, node: Node<'_>, leaf: &Leaf, changes: &mut Changes) -> bool {
    let scope = scope(node);
    if seen_elsewhere(source, leaf) {
        return true;
    }
    let meant = meant(source, leaf);
    let traits: Vec<&Global> =
        meant.iter().flatten().filter(|g| kind(source, g) == Some(DeclarationKind::Interface)).collect();
    if leaf.end == End::Glob {
        return glob_is_used(source, scope, leaf);
    }
    if leaf.local().is_some_and(|name| is_named(source, scope, name, meant.as_deref().unwrap_or_default())) {
        return true;
    }
    let methods: Vec<String> = traits.iter().flat_map(|global| members(source, global)).collect();
    if methods.iter().any(|name| is_called(source, scope, name)) {
        return true;
    }
    let hidden = matches!(&leaf.end, End::As(alias) if alias == "_");
    match meant {
        Some(_) => false,
        None if hidden => true,
        None => {
            let name = leaf.path.last().map(String::as_str).unwrap_or_default();
            if name.starts_with(char::is_uppercase) {
                changes.doubt(
                    &source.path,
                    leaf.at,
                    "nothing names it, and it may be a trait whose methods are called",
                );
            }
            false
        }
    }
}

/// The module or the block that an import stands in.
fn scope(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    while let Some(parent) = at.parent() {
        at = parent;
        if matches!(at.kind(), "mod_item" | "block" | "source_file") {
            break;
        }
    }
    at
}

/// What it imports, where that is in the tree.
fn meant(source: &Source<'_>, leaf: &Leaf) -> Option<Vec<Global>> {
    let references = source.references(leaf.at);
    let imports = references.iter().filter(|r| matches!(r.role, Role::Imports | Role::Reads | Role::Declares));
    let mut found: Vec<Global> = Vec::new();
    for reference in imports.filter(|r| leaf.path.last() == Some(&r.name)) {
        if let Resolution::Exact(symbol) = source.project.resolve(&source.path, reference) {
            found.extend(symbol.declarations);
        }
    }
    found.retain(|global| kind(source, global) != Some(DeclarationKind::Import));
    (!found.is_empty()).then_some(found)
}

fn kind(source: &Source<'_>, global: &Global) -> Option<DeclarationKind> {
    source.project.declaration(global).map(|d| d.kind)
}

/// The names of a type's members.
fn members(source: &Source<'_>, (path, id): &Global) -> Vec<String> {
    let Some(bindings) = source.project.bindings(path) else { return Vec::new() };
    let of_type = |d: &&deepcoder_resolve::Declaration| bindings.scope(d.scope).is_some_and(|s| s.owner == Some(*id));
    bindings.declarations.iter().filter(of_type).map(|d| d.name.clone()).collect()
}

/// The places in a scope that hold a word outside of imports and comments, and of modules within it that cannot see it.
fn words(source: &Source<'_>, scope: Node<'_>, name: &str) -> Vec<TextRange> {
    let mut skipped = comments(Language::Rust, &source.text);
    let own = range(scope);
    walk(scope, |node| {
        let inner = node.kind() == "mod_item" && node.id() != scope.id();
        let skips = node.kind() == "use_declaration" || inner && !source.text_of(range(node)).contains("super");
        if skips {
            skipped.push(range(node));
        }
        !skips
    });
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    let text = source.text_of(own);
    let at = |offset: usize| own.start + u32::try_from(offset).unwrap_or(0);
    text.match_indices(name)
        .filter(|(at, _)| !text[..*at].ends_with(of_name) && !text[at + name.len()..].starts_with(of_name))
        .map(|(offset, _)| TextRange::new(at(offset), at(offset + name.len())))
        .filter(|word| !skipped.iter().any(|skipped| holds(*skipped, *word)))
        .collect()
}

/// Whether a scope names something that no other declaration has there.
fn is_named(source: &Source<'_>, scope: Node<'_>, name: &str, meant: &[Global]) -> bool {
    words(source, scope, name).into_iter().any(|word| {
        let before = source.text_of(TextRange::new(0, word.start)).trim_end();
        if before.ends_with('.')
            || before.ends_with("::") && !before.ends_with("super::") && !before.ends_with("self::")
        {
            return false;
        }
        let other = |r: &Reference| match r.target {
            Target::Declaration(id) => {
                let is_meant = meant.contains(&(source.path.clone(), id));
                !is_meant && source.bindings.declaration(id).is_some_and(|d| d.import.is_none())
            }
            _ => false,
        };
        let here: Vec<&Reference> = source.references(word).iter().filter(|r| r.at == word).collect();
        here.is_empty() || !here.iter().any(|r| other(r))
    })
}

/// Whether a scope calls something of this name as a member.
fn is_called(source: &Source<'_>, scope: Node<'_>, name: &str) -> bool {
    words(source, scope, name).into_iter().any(|word| {
        let before = source.text_of(TextRange::new(0, word.start)).trim_end();
        before.ends_with('.') || before.ends_with("::")
    })
}

/// Whether names that the file does not declare may come from an import of all names.
fn glob_is_used(source: &Source<'_>, scope: Node<'_>, leaf: &Leaf) -> bool {
    let own = range(scope);
    let mut calls = false;
    walk(scope, |node| {
        calls |= matches!(node.kind(), "macro_invocation" | "field_expression" | "attribute_item");
        !calls
    });
    let outside = |r: &&Reference| {
        !holds(leaf.at, r.at)
            && r.role != Role::Declares
            && matches!(r.target, Target::Outside | Target::Dynamic(_) | Target::Several(..))
    };
    calls || source.references(own).iter().any(|r| outside(&r))
}

/// Whether a module below this one takes over all of its names, and uses this one.
fn seen_elsewhere(source: &Source<'_>, leaf: &Leaf) -> bool {
    let Some(name) = leaf.local() else { return false };
    source.project.files().mentions(name).iter().filter(|path| **path != source.path).any(|path| {
        let Some(bindings) = source.project.bindings(path) else { return false };
        bindings.wildcards.iter().any(|(_, import)| import.module.starts_with("super"))
            || source.project.files().text(path).is_some_and(|text| text.contains(&format!("super::{name}")))
    })
}
