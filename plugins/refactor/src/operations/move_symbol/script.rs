//! JavaScript and TypeScript: whole statements go to another file or to a new one beside theirs.

mod importers;
mod imports;
mod lines;

use super::check::{Moved, same_meanings};
use super::{MoveError, Piece, declared_in, folder, piece, relative, used, with_blanks};
use crate::grammar::source::{Source, range, walk};
use crate::operations::organise_imports::has_word;
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{Bindings, DeclarationId, Form, Role};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeSet;

/// Extensions that an import goes without.
const SILENT: &[&str] = &[".d.ts", ".tsx", ".ts", ".jsx", ".js"];

/// What moves, and what it has to do with the rest of its file.
pub(super) struct Plan<'s, 'p> {
    source: &'s Source<'p>,
    pieces: Vec<Piece<'s>>,
    ranges: Vec<TextRange>,
    to: RepoPath,
    /// The names that others know what moves by: outside, inside.
    names: Vec<(String, String)>,
    /// Imports of the file that the moved text needs.
    needs: BTreeSet<DeclarationId>,
    /// Other declarations of the file that it needs.
    takes: BTreeSet<DeclarationId>,
    /// Moved declarations that the rest of the file needs.
    gives: BTreeSet<DeclarationId>,
    quote: char,
}

pub(super) fn move_to(source: &Source<'_>, at: TextRange, to: Option<&RepoPath>) -> Result<Changes, Refusal> {
    let pieces = chosen(source, at).ok_or_else(|| source.refuse(&MoveError::NoDeclaration, at))?;
    let ranges: Vec<TextRange> = pieces.iter().map(|piece| piece.at).collect();
    let moved = declared_in(source, &ranges);
    let name = moved.first().and_then(|id| source.bindings.declaration(*id)).map(|d| d.name.clone());
    let to = match to {
        Some(to) => to.clone(),
        None => new_path(source, &name.unwrap_or_else(|| "newFile".into()))
            .ok_or_else(|| source.refuse(&MoveError::NoModule, at))?,
    };
    let there = source.project.bindings(&to);
    let is_module = |bindings: &Bindings| bindings.package.is_empty();
    let modules = is_module(&source.bindings) || there.as_deref().is_some_and(is_module);
    let inside = used(source, &ranges, true);
    let outside = used(source, &ranges, false);
    let import = |id: &DeclarationId| source.bindings.declaration(*id).is_some_and(|d| d.import.is_some());
    let code = |r: &deepcoder_resolve::Reference| r.form != Form::Quoted;
    let own: Vec<_> = inside.iter().filter(|(r, id)| code(r) && !moved.contains(id)).collect();
    let mut needs: BTreeSet<DeclarationId> = own.iter().filter(|(_, id)| import(id)).map(|(_, id)| *id).collect();
    if pieces.iter().any(|piece| shows(piece.node)) {
        let react = source.bindings.ids().filter(|(_, d)| d.import.is_some() && d.name == "React");
        needs.extend(react.map(|(id, _)| id));
    }
    let takes: BTreeSet<DeclarationId> =
        own.iter().filter(|(_, id)| modules && !import(id)).map(|(_, id)| *id).collect();
    let back: Vec<_> = outside.iter().filter(|(r, id)| code(r) && modules && moved.contains(id)).collect();
    let gives: BTreeSet<DeclarationId> = back.iter().map(|(_, id)| *id).collect();
    for (reference, id) in own.iter().filter(|(_, id)| takes.contains(id)).chain(&back) {
        if reference.role == Role::Writes {
            let name = source.bindings.declaration(*id).map(|d| d.name.clone()).unwrap_or_default();
            return Err(source.refuse(&MoveError::Written(name), reference.at));
        }
    }
    let mut names = Vec::new();
    for id in &moved {
        let Some(declaration) = source.bindings.declaration(*id) else { continue };
        if let Some(there) = &there
            && there.declarations.iter().any(|d| d.name == declaration.name && d.scope.0 == 0 && d.import.is_none())
        {
            let error = MoveError::Taken { name: declaration.name.clone(), path: to.clone() };
            return Err(source.refuse(&error, declaration.at));
        }
        names.extend(outer(source, *id).map(|outer| (outer, declaration.name.clone())));
    }
    for id in needs.iter().chain(&takes) {
        let Some(declaration) = source.bindings.declaration(*id) else { continue };
        let taken = |d: &&deepcoder_resolve::Declaration| {
            let same = d.import.is_some() == declaration.import.is_some() && declaration.import.is_some();
            d.name == declaration.name && d.scope.0 == 0 && !same
        };
        let other = there.iter().flat_map(|there| &there.declarations).find(taken);
        let own = |d: &deepcoder_resolve::Declaration| {
            // What it imports from the other file is that file's own, and the other way round.
            let of = declaration
                .import
                .as_ref()
                .map(|i| (&source.path, i, &to))
                .or(d.import.as_ref().map(|i| (&to, i, &source.path)));
            of.is_some_and(|(from, import, file)| {
                source.project.module_files(from, &import.module).first() == Some(file)
                    && import.name.as_ref() == Some(&declaration.name)
            })
        };
        if other.is_some_and(|other| !own(other)) {
            let error = MoveError::Taken { name: declaration.name.clone(), path: to.clone() };
            return Err(source.refuse(&error, declaration.at));
        }
    }
    let quote =
        if source.text.matches("from '").count() + source.text.matches("require('").count() > 0 { '\'' } else { '"' };
    let plan = Plan { source, pieces, ranges, to, names, needs, takes, gives, quote };
    plan.changes(&moved)
}

/// Whether a statement has JSX, which may need React.
pub(super) fn shows(node: Node<'_>) -> bool {
    let mut found = false;
    walk(node, |node| {
        found |= node.kind().starts_with("jsx_");
        !found
    });
    found
}

/// The name by which other files know a declaration, where they do.
fn outer(source: &Source<'_>, id: DeclarationId) -> Option<String> {
    let declaration = source.bindings.declaration(id)?;
    match declaration.exported_as.first() {
        Some(name) => Some(name.clone()),
        None => declaration.public.then(|| declaration.name.clone()),
    }
}

/// The statements of a selection, or the one at the cursor, but for imports and directives.
fn chosen<'s>(source: &'s Source<'_>, at: TextRange) -> Option<Vec<Piece<'s>>> {
    let root = source.tree.root_node();
    let mut cursor = root.walk();
    let all: Vec<Node<'s>> = root.named_children(&mut cursor).filter(|node| !node.is_extra()).collect();
    let function = |node: Node<'_>| {
        let inner = node.child_by_field_name("declaration").unwrap_or(node);
        let overloads = matches!(inner.kind(), "function_signature" | "function_declaration");
        inner.child_by_field_name("name").filter(|_| overloads).map(|name| source.text_of(range(name)).to_owned())
    };
    let end_of = |node: &Node<'_>| range(*node).end;
    let mut first = all.iter().position(|node| end_of(node) > at.start)?;
    let mut last = all.iter().position(|node| end_of(node) >= at.end).unwrap_or(all.len() - 1).max(first);
    if last > first && at.end <= range(all[last]).start {
        last -= 1;
    }
    let alike = |a: usize, b: usize| function(all[a]).is_some() && function(all[a]) == function(all[b]);
    while first > 0 && alike(first - 1, first) {
        first -= 1;
    }
    while last + 1 < all.len() && alike(last, last + 1) {
        last += 1;
    }
    let directives = prologue(source);
    let stays = |node: &Node<'_>| {
        node.kind() == "import_statement"
            || directives.iter().any(|d| d.id() == node.id())
            || range(*node).start == range(*node).end
    };
    let pieces: Vec<Piece<'s>> =
        all[first..=last].iter().filter(|node| !stays(node)).map(|node| piece(source, *node)).collect();
    (!pieces.is_empty()).then_some(pieces)
}

/// `"use strict"` and its like at the top.
pub(super) fn prologue<'s>(source: &'s Source<'_>) -> Vec<Node<'s>> {
    let root = source.tree.root_node();
    let mut cursor = root.walk();
    let all: Vec<Node<'s>> = root.named_children(&mut cursor).filter(|node| !node.is_extra()).collect();
    let directive = |node: &Node<'s>| {
        node.kind() == "expression_statement" && node.named_child(0).is_some_and(|value| value.kind() == "string")
    };
    all.into_iter().take_while(directive).collect()
}

/// A file beside the source that is not there yet.
fn new_path(source: &Source<'_>, name: &str) -> Option<RepoPath> {
    let path = source.path.as_str();
    let file = path.rsplit('/').next().unwrap_or(path);
    let ending = file.find('.').map_or("", |dot| &file[dot..]);
    let folder = folder(path);
    let slash = if folder.is_empty() { "" } else { "/" };
    let names = std::iter::once(name.to_owned()).chain((1..1000).map(|number| format!("{name}.{number}")));
    let mut paths = names.filter_map(|name| RepoPath::new(format!("{folder}{slash}{name}{ending}")).ok());
    paths.find(|path| !source.project.files().exists(path))
}

/// How a file names another one in an import.
pub(super) fn specifier(source: &Source<'_>, from: &RepoPath, to: &RepoPath) -> String {
    let silent = SILENT.iter().find_map(|ending| to.as_str().strip_suffix(ending));
    let written = source.text.contains(".js'") || source.text.contains(".js\"");
    let path = match silent {
        Some(bare) if written && !to.as_str().ends_with(".d.ts") => format!("{bare}.js"),
        Some(bare) => bare.to_owned(),
        None => to.to_string(),
    };
    let path = relative(folder(from.as_str()), &path);
    if path.starts_with("..") { path } else { format!("./{path}") }
}

impl Plan<'_, '_> {
    fn changes(&self, moved: &[DeclarationId]) -> Result<Changes, Refusal> {
        let source = self.source;
        let mut changes = Changes::default();
        let at = self.ranges.first().copied().unwrap_or(TextRange::new(0, 0));
        let es = source.text.contains("import ")
            || source.text.contains("export ")
            || source.language != Language::JavaScript;
        let asks = !self.takes.is_empty() || !self.gives.is_empty();
        if !es
            && (asks
                || has_word(&source.text, "exports")
                    && self.pieces.iter().any(|p| source.text_of(p.at).contains("exports"))
                    && importers::any(source))
        {
            return Err(source.refuse(&MoveError::CommonJs, at));
        }
        // The moved text, with exports for what the rest needs.
        let exported = self.statements_of(&self.gives, moved);
        let mut body = String::new();
        let mut pieces: Vec<(TextRange, usize)> = Vec::new();
        for piece in &self.pieces {
            let node = range(piece.node);
            if body.len() > 1 && !body.ends_with('\n') {
                body.push('\n');
            }
            pieces.push((TextRange::new(piece.at.start, node.start), body.len()));
            body.push_str(source.text_of(TextRange::new(piece.at.start, node.start)));
            if exported.contains(&piece.node.id()) {
                body.push_str("export ");
            }
            pieces.push((TextRange::new(node.start, piece.at.end), body.len()));
            body.push_str(source.text_of(TextRange::new(node.start, piece.at.end)));
        }
        if !body.ends_with('\n') {
            body.push('\n');
        }
        // Two insertions in one place stay in this order.
        self.old_imports(&mut changes);
        for node in self.nodes(&self.takes) {
            if node.kind() != "export_statement" && self.unexported(node) {
                changes.insert(&source.path, range(node).start, "export ");
            }
        }
        self.remove(&mut changes);
        let length = body.len();
        self.new_file(&body, &mut changes)?;
        importers::change(self, &mut changes)?;
        let kind = |path: &RepoPath| {
            path.extension().filter(|e| matches!(*e, "mts" | "cts" | "mjs" | "cjs")).map(|e| e.starts_with('m'))
        };
        if kind(&source.path) != kind(&self.to) {
            changes.doubt(
                &source.path,
                at,
                "the other file is a module of another kind, which may not import the same",
            );
        }
        if !self.gives.is_empty() && !self.takes.is_empty() {
            changes.doubt(
                &source.path,
                at,
                "both files import each other then: what runs when they are loaded may come too early",
            );
        }
        changes.settle(source.project.files());
        let texts = changes.apply(source.project.files()).map_err(|error| Refusal::of(&error))?;
        let text = texts.get(&self.to).map_or("", String::as_str);
        let start = text.len().saturating_sub(length);
        let short = |offset: usize| u32::try_from(start + offset).unwrap_or(u32::MAX);
        let moved = Moved {
            from: source.path.clone(),
            to: self.to.clone(),
            pieces: pieces.into_iter().map(|(at, offset)| (at, short(offset))).collect(),
            whole: false,
            names: self.names.iter().map(|(outer, _)| outer.clone()).chain(self.local_names(moved)).collect(),
        };
        same_meanings(source.project, &mut changes, &moved)?;
        Ok(changes)
    }

    fn local_names(&self, ids: &[DeclarationId]) -> Vec<String> {
        ids.iter().filter_map(|id| self.source.bindings.declaration(*id)).map(|d| d.name.clone()).collect()
    }

    /// The statements that declare some names and do not export them yet.
    fn statements_of(&self, ids: &BTreeSet<DeclarationId>, _moved: &[DeclarationId]) -> BTreeSet<usize> {
        let nodes = self.nodes(ids).into_iter();
        nodes.filter(|node| node.kind() != "export_statement" && self.unexported(*node)).map(|node| node.id()).collect()
    }

    /// The statements of the file that declare some names.
    fn nodes(&self, ids: &BTreeSet<DeclarationId>) -> Vec<Node<'_>> {
        let root = self.source.tree.root_node();
        let mut cursor = root.walk();
        let declares = |node: &Node<'_>| {
            let at = range(*node);
            self.source.references(at).iter().any(|r| {
                r.role == Role::Declares
                    && matches!(r.target, deepcoder_resolve::Target::Declaration(id) if ids.contains(&id))
            })
        };
        root.named_children(&mut cursor).filter(|node| !node.is_extra() && declares(node)).collect()
    }

    /// Whether no other statement exports what this one declares.
    fn unexported(&self, node: Node<'_>) -> bool {
        let at = range(node);
        let here =
            self.source.bindings.ids().filter(|(_, d)| d.scope.0 == 0 && at.start <= d.at.start && d.at.end <= at.end);
        here.into_iter().all(|(id, _)| outer(self.source, id).is_none())
    }

    /// Takes the moved text away, and one of two blank lines that meet then.
    fn remove(&self, changes: &mut Changes) {
        let source = self.source;
        let mut runs: Vec<TextRange> = Vec::new();
        for at in &self.ranges {
            match runs.last_mut() {
                Some(last) if source.text_of(TextRange::new(last.end, at.start)).trim().is_empty() => last.end = at.end,
                _ => runs.push(*at),
            }
        }
        for at in runs {
            changes.remove(&source.path, with_blanks(source, at));
        }
    }

    /// The source of the file that the text goes to, where it is there.
    fn destination(&self) -> Option<Result<Source<'_>, Refusal>> {
        let project = self.source.project;
        project
            .files()
            .exists(&self.to)
            .then(|| Source::of(project, &Target { path: self.to.clone(), range: TextRange::new(0, 0) }))
    }
}
