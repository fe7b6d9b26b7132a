//! Python: a definition at the top of a module goes to another module.

use super::check::{Moved, same_meanings};
use super::{MoveError, declared_in, piece, used};
use crate::grammar::source::{Source, holds, range};
use crate::operations::organise_imports::python::top;
use crate::operations::organise_imports::{children, remove_statements, without};
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{DeclarationId, Form, Reference, Role, Target as Meant};
use deepcoder_syntax::Node;
use deepcoder_types::{RepoPath, TextRange};
use std::collections::BTreeSet;

const IMPORTS: &[&str] = &["import_statement", "import_from_statement", "future_import_statement"];

pub(super) fn move_to(
    source: &Source<'_>,
    at: TextRange,
    to: Option<&RepoPath>,
    qualified: bool,
) -> Result<Changes, Refusal> {
    let none = || source.refuse(&MoveError::NoDeclaration, at);
    let root = source.tree.root_node();
    let mut cursor = root.walk();
    let own = |node: &Node<'_>| range(*node).start <= at.start && at.end <= range(*node).end && !node.is_extra();
    let node = root.named_children(&mut cursor).find(own).ok_or_else(none)?;
    let piece = piece(source, node);
    let moved = declared_in(source, &[range(node)]);
    let [id] = moved.as_slice() else { return Err(none()) };
    let declaration = source.bindings.declaration(*id).ok_or_else(none)?.clone();
    // A place in its body is not about the whole.
    let names = source
        .references(range(node))
        .iter()
        .any(|r| r.at.start <= at.start && at.end <= r.at.end && r.target == Meant::Declaration(*id));
    if !names && at.start >= declaration.at.end {
        return Err(none());
    }
    let name = declaration.name.clone();
    let writes =
        |r: &&Reference| matches!(r.role, Role::Writes | Role::Declares) && r.target == Meant::Declaration(*id);
    if source.bindings.references.iter().filter(writes).any(|r| !holds(range(node), r.at)) {
        return Err(source.refuse(&MoveError::Written(name), declaration.at));
    }
    let to = match to {
        Some(to) => to.clone(),
        None => {
            let folder = super::folder(source.path.as_str());
            let slash = if folder.is_empty() { "" } else { "/" };
            RepoPath::new(format!("{folder}{slash}{}.py", name.to_lowercase())).map_err(|_| none())?
        }
    };
    let ranges = [piece.at];
    let plan = Plan { source, to, name, ranges, id: *id, qualified };
    plan.changes()
}

struct Plan<'s, 'p> {
    source: &'s Source<'p>,
    to: RepoPath,
    name: String,
    ranges: [TextRange; 1],
    id: DeclarationId,
    qualified: bool,
}

/// The dotted name of a module's file, from the folder that holds its top package.
fn module(source: &Source<'_>, path: &RepoPath) -> String {
    let bare = path.as_str().trim_end_matches(".pyi").trim_end_matches(".py");
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

impl Plan<'_, '_> {
    fn changes(&self) -> Result<Changes, Refusal> {
        let source = self.source;
        let piece = self.ranges[0];
        let mut changes = Changes::default();
        let inside = used(source, &self.ranges, true);
        let import = |id: &DeclarationId| source.bindings.declaration(*id).is_some_and(|d| d.import.is_some());
        let needs: BTreeSet<DeclarationId> = inside.iter().filter(|(_, id)| import(id)).map(|(_, id)| *id).collect();
        let takes: BTreeSet<DeclarationId> =
            inside.iter().filter(|(_, id)| !import(id) && *id != self.id).map(|(_, id)| *id).collect();
        let outside = used(source, &self.ranges, false);
        let back: Vec<&Reference> =
            outside.iter().filter(|(r, id)| *id == self.id && r.role != Role::Declares).map(|(r, _)| *r).collect();
        if back.iter().any(|r| r.form == Form::Quoted || r.role == Role::Exports) {
            changes.doubt(&source.path, piece, "a string of this module names it");
        }
        let mut lines = self.needed(&needs)?;
        let own = module(source, &source.path);
        let names: Vec<String> =
            takes.iter().filter_map(|id| source.bindings.declaration(*id)).map(|d| d.name.clone()).collect();
        if !names.is_empty() {
            lines.push(format!("from {own} import {}", names.join(", ")));
        }
        if !back.is_empty() && !names.is_empty() {
            changes.doubt(
                &source.path,
                piece,
                "both modules import each other then, which may fail when they are loaded",
            );
        }
        self.lose_imports(&needs, &mut changes);
        changes.remove(&source.path, piece);
        self.importers(&back, &mut changes)?;
        let body = source.text_of(piece).trim_end().to_owned() + "\n";
        self.arrive(&body, &lines, &mut changes)?;
        changes.settle(source.project.files());
        let texts = changes.apply(source.project.files()).map_err(|error| Refusal::of(&error))?;
        let start = texts.get(&self.to).and_then(|text| text.rfind(&body)).unwrap_or(0);
        let moved = Moved {
            from: source.path.clone(),
            to: self.to.clone(),
            pieces: vec![(piece, u32::try_from(start).unwrap_or(u32::MAX))],
            whole: false,
            names: std::iter::once(self.name.clone()).collect(),
        };
        same_meanings(source.project, &mut changes, &moved)?;
        Ok(changes)
    }

    /// The imports that the moved text needs, as lines.
    fn needed(&self, needs: &BTreeSet<DeclarationId>) -> Result<Vec<String>, Refusal> {
        let source = self.source;
        let mut out: Vec<String> = Vec::new();
        for (declaration, at) in needs.iter().filter_map(|id| source.bindings.declaration(*id)).map(|d| (d, d.at)) {
            let statement = source.node_at(at).and_then(|node| {
                let mut node = node;
                while !IMPORTS.contains(&node.kind()) {
                    node = node.parent()?;
                }
                Some(node)
            });
            let refuse = || source.refuse(&MoveError::Import(declaration.name.clone()), at);
            let statement =
                statement.filter(|s| s.parent().is_some_and(|p| p.kind() == "module")).ok_or_else(refuse)?;
            let path = statement.child_by_field_name("module_name");
            let items = children(statement, &["dotted_name", "aliased_import"]);
            let item = items
                .iter()
                .filter(|item| Some(**item) != path)
                .find(|item| holds(range(**item), at))
                .ok_or_else(refuse)?;
            let item = source.text_of(range(*item));
            let line = match path {
                _ if statement.kind() == "future_import_statement" => continue,
                None => {
                    // A module beside this one, as Python 2 finds it.
                    let first = item.split(['.', ' ']).next().unwrap_or_default();
                    let beside = RepoPath::new(format!("{}/{first}.py", super::folder(source.path.as_str())));
                    let known = !source.project.module_files(&source.path, first).is_empty();
                    if !known && beside.is_ok_and(|beside| source.project.files().exists(&beside)) {
                        return Err(refuse());
                    }
                    format!("import {item}")
                }
                Some(path) => {
                    let module_name = source.text_of(range(path));
                    if module_name.starts_with('.') {
                        let file = source.project.module_files(&source.path, module_name);
                        let file = file.first().ok_or_else(refuse)?;
                        format!("from {} import {item}", module(source, file))
                    } else {
                        format!("from {module_name} import {item}")
                    }
                }
            };
            // What it needs of the other module is there.
            let of_it = declaration
                .import
                .as_ref()
                .is_some_and(|i| source.project.module_files(&source.path, &i.module).first() == Some(&self.to));
            if of_it {
                if declaration.import.as_ref().and_then(|i| i.name.as_ref()) != Some(&declaration.name) {
                    return Err(refuse());
                }
            } else if !out.contains(&line) {
                out.push(line);
            }
        }
        Ok(out)
    }

    /// Takes imports away that only the moved text needed.
    fn lose_imports(&self, needs: &BTreeSet<DeclarationId>, changes: &mut Changes) {
        let source = self.source;
        let piece = self.ranges[0];
        let lost = |at: TextRange| {
            let id = needs.iter().find(|id| source.bindings.declaration(**id).is_some_and(|d| holds(at, d.at)));
            let used = |id: &DeclarationId| {
                source.bindings.references.iter().any(|r| {
                    r.target == Meant::Declaration(*id)
                        && !matches!(r.role, Role::Declares | Role::Imports)
                        && !holds(piece, r.at)
                })
            };
            id.is_some_and(|id| !used(id))
        };
        let mut whole = Vec::new();
        for statement in children(source.tree.root_node(), &IMPORTS[..2]) {
            let path = statement.child_by_field_name("module_name");
            let items = children(statement, &["dotted_name", "aliased_import"]);
            let items: Vec<TextRange> = items.into_iter().filter(|item| Some(*item) != path).map(range).collect();
            let gone: Vec<bool> = items.iter().map(|at| lost(*at)).collect();
            if !gone.is_empty() && gone.iter().all(|gone| *gone) {
                whole.push(range(statement));
            } else {
                for at in without(source, &items, &gone) {
                    changes.remove(&source.path, at);
                }
            }
        }
        remove_statements(source, &whole, changes);
    }

    /// Puts the moved text behind what its new module has.
    fn arrive(&self, body: &str, lines: &[String], changes: &mut Changes) -> Result<(), Refusal> {
        let source = self.source;
        if !source.project.files().exists(&self.to) {
            let head = if lines.is_empty() { String::new() } else { lines.join("\n") + "\n\n\n" };
            changes.created.insert(self.to.clone(), head + body);
            return Ok(());
        }
        let there = Source::of(source.project, &Target { path: self.to.clone(), range: TextRange::new(0, 0) })?;
        let taken = |name: &str| {
            there.bindings.declarations.iter().find(|d| d.name == name && d.scope.0 == 0).filter(|d| {
                let import = d.import.as_ref();
                import.is_none_or(|i| source.project.module_files(&self.to, &i.module).first() != Some(&source.path))
            })
        };
        if taken(&self.name).is_some() {
            let error = MoveError::Taken { name: self.name.clone(), path: self.to.clone() };
            return Err(source.refuse(&error, self.ranges[0]));
        }
        let statements = children(there.tree.root_node(), IMPORTS);
        let last = statements.last().map(|node| there.line_end(range(*node).end));
        let new: Vec<&str> = lines
            .iter()
            .map(String::as_str)
            .filter(|line| !there.text.lines().any(|l| l.trim_end() == *line))
            .collect();
        for line in &new {
            let bound = line.rsplit([' ', ',']).next().unwrap_or_default().split('.').next().unwrap_or_default();
            if there.bindings.declarations.iter().any(|d| d.name == bound && d.scope.0 == 0 && d.import.is_none()) {
                let error = MoveError::Taken { name: bound.to_owned(), path: self.to.clone() };
                return Err(source.refuse(&error, self.ranges[0]));
            }
        }
        if !new.is_empty() {
            let at = last.unwrap_or_else(|| top(&there));
            let gap = if last.is_some() || there.text.trim().is_empty() { "" } else { "\n\n" };
            changes.insert(&self.to, at, format!("{}\n{gap}", new.join("\n")));
        }
        // Before the first code that needs it when the module is loaded.
        let uses = there
            .bindings
            .references
            .iter()
            .find(|r| r.name == self.name && !matches!(r.role, Role::Imports | Role::Declares));
        let root = there.tree.root_node();
        let mut cursor = root.walk();
        let first = uses.and_then(|r| root.named_children(&mut cursor).find(|node| holds(range(*node), r.at)));
        let end = u32::try_from(there.text.len()).unwrap_or(u32::MAX);
        match first {
            Some(node) => changes.insert(&self.to, there.line_start(range(node).start), format!("{body}\n\n")),
            None => {
                let gap = if there.text.is_empty() {
                    ""
                } else if there.text.ends_with('\n') {
                    "\n\n"
                } else {
                    "\n\n\n"
                };
                changes.insert(&self.to, end, format!("{gap}{body}"));
            }
        }
        Ok(())
    }

    /// Lets those who use it take it from its new module; its own old module among them.
    fn importers(&self, back: &[&Reference], changes: &mut Changes) -> Result<(), Refusal> {
        let source = self.source;
        let new = module(source, &self.to);
        if !back.is_empty() {
            let line =
                if self.qualified { format!("import {new}") } else { format!("from {new} import {}", self.name) };
            if self.qualified {
                for reference in back {
                    changes.insert(&source.path, reference.at.start, format!("{new}."));
                }
            }
            self.add_line(source, &line, changes);
        }
        for path in source.project.files().mentions(&self.name) {
            if path == source.path || deepcoder_syntax::Language::program(&path) != Some(source.language) {
                continue;
            }
            let target = Target { path: path.clone(), range: TextRange::new(0, 0) };
            let Ok(there) = Source::of(source.project, &target) else { continue };
            self.importer(&there, &new, changes)?;
        }
        Ok(())
    }

    fn importer(&self, there: &Source<'_>, new: &str, changes: &mut Changes) -> Result<(), Refusal> {
        let source = self.source;
        let of_old = |node: Node<'_>| {
            let name: String = there.text_of(range(node)).split_whitespace().collect();
            there.project.module_files(&there.path, &name).first() == Some(&source.path)
        };
        for statement in children(there.tree.root_node(), &["import_from_statement"]) {
            let Some(path) = statement.child_by_field_name("module_name").filter(|path| of_old(*path)) else {
                continue;
            };
            let items: Vec<Node<'_>> = children(statement, &["dotted_name", "aliased_import"])
                .into_iter()
                .filter(|item| *item != path)
                .collect();
            let is_it =
                |item: &Node<'_>| there.text_of(range(item.child_by_field_name("name").unwrap_or(*item))) == self.name;
            let Some(item) = items.iter().find(|item| is_it(item)) else { continue };
            let alias = item.kind() == "aliased_import";
            if there.path == self.to {
                if alias {
                    return Err(there.refuse(&MoveError::Import(self.name.clone()), range(*item)));
                }
                self.drop_item(there, statement, &items, *item, changes);
                continue;
            }
            if self.qualified && !alias {
                let uses = there.bindings.references.iter().filter(|r| {
                    r.name == self.name && r.role == Role::Reads && matches!(r.target, Meant::Declaration(_))
                });
                for reference in uses {
                    changes.insert(&there.path, reference.at.start, format!("{new}."));
                }
                if items.len() == 1 {
                    changes.replace(&there.path, range(statement), format!("import {new}"));
                } else {
                    self.drop_item(there, statement, &items, *item, changes);
                    self.add_line(there, &format!("import {new}"), changes);
                }
                continue;
            }
            if items.len() == 1 {
                changes.replace(&there.path, range(path), new);
            } else {
                let line = format!("from {new} import {}", there.text_of(range(*item)));
                self.drop_item(there, statement, &items, *item, changes);
                self.add_line(there, &line, changes);
            }
        }
        self.members(there, new, changes)
    }

    /// `old.name` where the module itself is imported.
    fn members(&self, there: &Source<'_>, new: &str, changes: &mut Changes) -> Result<(), Refusal> {
        let source = self.source;
        let declared = source.bindings.declaration(self.id).map(|d| d.at);
        let mut found = false;
        for reference in there
            .bindings
            .references
            .iter()
            .filter(|r| r.name == self.name && matches!(r.target, Meant::Member(_)) && r.role != Role::Imports)
        {
            let means = there.project.meant(&there.path, reference);
            if !means.iter().any(|place| place.path == source.path && Some(place.at) == declared) {
                continue;
            }
            let object = there
                .node_at(reference.at)
                .and_then(|node| node.parent())
                .and_then(|parent| parent.child_by_field_name("object"));
            let Some(object) = object else {
                return Err(there.refuse(&MoveError::Import(self.name.clone()), reference.at));
            };
            if there.path == self.to {
                changes.remove(&there.path, TextRange::new(range(object).start, reference.at.start));
            } else {
                changes.replace(&there.path, range(object), new);
                found = true;
            }
        }
        if found {
            if new.contains('.') {
                changes.doubt(&there.path, TextRange::new(0, 0), "it could be imported in another form");
            }
            self.replace_module(there, new, changes);
        }
        Ok(())
    }

    /// Imports the new module, in the place of the old one where nothing else needs that.
    fn replace_module(&self, there: &Source<'_>, new: &str, changes: &mut Changes) {
        let line = format!("import {new}");
        let edits: Vec<TextRange> = changes.edits.get(&there.path).into_iter().flatten().map(|(at, _)| *at).collect();
        for statement in children(there.tree.root_node(), &["import_statement"]) {
            let items = children(statement, &["dotted_name"]);
            let [item] = items.as_slice() else { continue };
            let name: String = there.text_of(range(*item)).split_whitespace().collect();
            if there.project.module_files(&there.path, &name).first() != Some(&self.source.path) || name.contains('.') {
                continue;
            }
            let left = there
                .bindings
                .references
                .iter()
                .any(|r| r.name == name && r.role == Role::Reads && !edits.iter().any(|edit| holds(*edit, r.at)));
            if !left {
                changes.replace(&there.path, range(statement), line);
                return;
            }
        }
        self.add_line(there, &line, changes);
    }

    fn drop_item(
        &self,
        there: &Source<'_>,
        statement: Node<'_>,
        items: &[Node<'_>],
        item: Node<'_>,
        changes: &mut Changes,
    ) {
        if items.len() == 1 {
            remove_statements(there, &[range(statement)], changes);
            return;
        }
        let ranges: Vec<TextRange> = items.iter().map(|item| range(*item)).collect();
        let gone: Vec<bool> = items.iter().map(|other| *other == item).collect();
        for at in without(there, &ranges, &gone) {
            changes.remove(&there.path, at);
        }
    }

    /// Puts an import behind those of a file.
    fn add_line(&self, there: &Source<'_>, line: &str, changes: &mut Changes) {
        if there.text.lines().any(|l| l.trim_end() == line) {
            return;
        }
        let statements = children(there.tree.root_node(), IMPORTS);
        let moves = |node: &Node<'_>| there.path == self.source.path && holds(self.ranges[0], range(*node));
        let last = statements.iter().rfind(|statement| !moves(statement));
        let at = last.map_or_else(|| top(there), |node| there.line_end(range(*node).end));
        // Where the last import goes, the new one takes its place.
        let edits = changes.edits.get(&there.path).map(Vec::as_slice).unwrap_or_default();
        let gone = edits.iter().find(|(edit, text)| text.is_empty() && edit.start < at && at <= edit.end);
        let at = gone.map_or(at, |(edit, _)| edit.start);
        changes.insert(&there.path, at, format!("{line}\n"));
    }
}
