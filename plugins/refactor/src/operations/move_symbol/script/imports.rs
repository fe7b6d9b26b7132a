//! The imports of both files.

use super::lines::{ends, insert, line};
use super::{Plan, outer, prologue, specifier};
use crate::grammar::source::{Source, holds, range};
use crate::operations::move_symbol::{MoveError, folder, relative};
use crate::operations::organise_imports::script::parts::{self, Part};
use crate::operations::organise_imports::{remove_statements, without};
use crate::{Changes, Refusal};
use deepcoder_resolve::{DeclarationId, Reference, Role, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use std::collections::BTreeSet;

/// One import that the new place of the text needs.
struct Needed {
    module: String,
    /// What stands in the braces; or the whole statement.
    names: Vec<String>,
    whole: Option<String>,
    is_type: bool,
}

impl<'s> Plan<'s, '_> {
    /// Whether a declaration is used outside of what moves.
    fn stays_used(&self, id: DeclarationId) -> bool {
        let moved = |at: TextRange| self.ranges.iter().any(|range| holds(*range, at));
        let uses = |r: &Reference| {
            !matches!(r.role, Role::Declares | Role::Imports)
                && !moved(r.at)
                && matches!(&r.target, Target::Declaration(of) if *of == id)
        };
        let react = || self.source.bindings.declaration(id).is_some_and(|d| d.name == "React");
        let shown = || {
            let root = self.source.tree.root_node();
            let mut cursor = root.walk();
            root.named_children(&mut cursor).any(|node| !moved(range(node)) && super::shows(node))
        };
        self.source.bindings.references.iter().any(uses) || react() && shown()
    }

    fn id_at(&self, at: TextRange) -> Option<DeclarationId> {
        self.source.bindings.ids().find(|(_, d)| d.at == at && d.import.is_some()).map(|(id, _)| id)
    }

    /// The imports that a statement declares.
    fn imported_by(&self, at: TextRange) -> Vec<DeclarationId> {
        let own = self.source.bindings.ids().filter(|(_, d)| d.import.is_some() && holds(at, d.at));
        own.map(|(id, _)| id).collect()
    }

    /// Takes away what only the moved text needed, and imports what it gives back.
    pub(super) fn old_imports(&self, changes: &mut Changes) {
        let source = self.source;
        let gone = |at: TextRange| self.id_at(at).is_some_and(|id| self.needs.contains(&id) && !self.stays_used(id));
        let mut whole = Vec::new();
        for mut part in parts::of(source).into_iter().filter(|part| !part.is_export && part.has_clause) {
            let before = (part.default, part.namespace);
            part.default = part.default.filter(|at| !gone(*at));
            part.namespace = part.namespace.filter(|at| !gone(*at));
            let mut cut = Vec::new();
            if let Some(list) = &mut part.list {
                for specifier in &mut list.specifiers {
                    specifier.gone = gone(specifier.declares);
                    cut.push(specifier.gone);
                }
                part.emptied = !cut.is_empty() && cut.iter().all(|gone| *gone);
            }
            let heads = before != (part.default, part.namespace);
            let some = heads || cut.contains(&true);
            let none = part.default.is_none() && part.namespace.is_none() && (part.list.is_none() || part.emptied);
            if some && none {
                whole.push(part.at);
            } else if heads || part.emptied {
                changes.replace(&source.path, part.at, parts::written(source, &part));
            } else if let Some(list) = part.list.as_ref().filter(|_| some) {
                let items: Vec<TextRange> = list.specifiers.iter().map(|s| s.at).collect();
                for at in without(source, &items, &cut) {
                    changes.remove(&source.path, at);
                }
            }
        }
        // Imports of other forms go as a whole.
        for node in self.other_imports() {
            let own = self.imported_by(range(node));
            if own.iter().all(|id| self.needs.contains(id) && !self.stays_used(*id)) {
                whole.push(range(node));
            }
        }
        let doubts = changes.doubts.len();
        remove_statements(source, &whole, changes);
        changes.doubts.truncate(doubts);
        if !self.gives.is_empty() {
            let (default, names) = self.clauses(&self.gives);
            let module = specifier(source, &source.path, &self.to);
            let line = line(default.as_deref(), &names, &module, (self.quote, ends(source)));
            insert(source, &module, &line, changes, &whole);
        }
    }

    /// What an import of some declarations of the file says before `from`.
    fn clauses(&self, ids: &BTreeSet<DeclarationId>) -> (Option<String>, Vec<String>) {
        let (mut default, mut names) = (None, Vec::new());
        for id in ids {
            let Some(declaration) = self.source.bindings.declaration(*id) else { continue };
            match outer(self.source, *id) {
                Some(outer) if outer == "default" => default = Some(declaration.name.clone()),
                Some(outer) if outer != declaration.name => names.push(format!("{outer} as {}", declaration.name)),
                _ => names.push(declaration.name.clone()),
            }
        }
        (default, names)
    }

    /// `import a = require("m")` and `const a = require("m")`, where the moved text needs them.
    fn other_imports(&self) -> Vec<Node<'s>> {
        let source: &'s Source<'_> = self.source;
        let parts: BTreeSet<usize> = parts::of(source).iter().map(|part| part.node.id()).collect();
        let root = source.tree.root_node();
        let mut cursor = root.walk();
        let needed = |node: &Node<'_>| {
            !node.is_extra()
                && !parts.contains(&node.id())
                && self.imported_by(range(*node)).iter().any(|id| self.needs.contains(id))
        };
        root.named_children(&mut cursor).filter(needed).collect()
    }

    /// The imports that the moved text needs in its new place.
    fn needed(&self) -> Result<Vec<Needed>, Refusal> {
        let source = self.source;
        let mut out: Vec<Needed> = Vec::new();
        let wants = |at: TextRange| self.id_at(at).is_some_and(|id| self.needs.contains(&id));
        for part in parts::of(source).iter().filter(|part| !part.is_export) {
            let Some(old) = &part.module else { continue };
            let default = part.default.filter(|at| wants(*at));
            let space = part.namespace.filter(|at| wants(*at));
            let all = part.list.iter().flat_map(|list| &list.specifiers);
            let wanted: Vec<_> = all.filter(|specifier| wants(specifier.declares)).collect();
            if default.is_none() && space.is_none() && wanted.is_empty() {
                continue;
            }
            if source.project.module_files(&source.path, old).first() == Some(&self.to) {
                let same = wanted.iter().all(|s| s.alias.as_ref().is_none_or(|alias| *alias == s.name));
                if default.is_some() || space.is_some() || !same {
                    return Err(source.refuse(&MoveError::Import(old.clone()), part.at));
                }
                continue;
            }
            let module = self.moved_module(old);
            let plain = default.is_none() && space.is_none() && part.attributes.is_empty();
            let names: Vec<String> = wanted.iter().map(|s| source.text_of(s.at).to_owned()).collect();
            let whole = (!plain).then(|| {
                let mut kept: Part<'_> = part.clone();
                (kept.default, kept.namespace) = (default, space);
                if let Some(list) = &mut kept.list {
                    list.specifiers.retain(|s| wants(s.declares));
                    if list.specifiers.is_empty() {
                        kept.list = None;
                    }
                }
                let text = parts::written(source, &kept);
                ['"', '\''].iter().fold(text, |text, quote| {
                    text.replacen(&format!("{quote}{old}{quote}"), &format!("{quote}{module}{quote}"), 1)
                })
            });
            out.push(Needed { module, names, whole, is_type: part.is_type });
        }
        for node in self.other_imports() {
            let own = self.imported_by(range(node));
            let import = own.iter().find_map(|id| source.bindings.declaration(*id)?.import.clone());
            let module = import.map(|import| import.module).unwrap_or_default();
            let all = own.iter().all(|id| self.needs.contains(id));
            if !all || self.moved_module(&module) != module {
                return Err(source.refuse(&MoveError::Import(module), range(node)));
            }
            let whole = Some(source.text_of(range(node)).to_owned());
            out.push(Needed { module, names: Vec::new(), whole, is_type: false });
        }
        Ok(out)
    }

    /// A module as the new file names it.
    fn moved_module(&self, module: &str) -> String {
        let (here, there) = (folder(self.source.path.as_str()), folder(self.to.as_str()));
        if !module.starts_with('.') || here == there {
            return module.to_owned();
        }
        let mut parts: Vec<&str> = here.split('/').filter(|part| !part.is_empty()).collect();
        for part in module.split('/') {
            match part {
                "" | "." => {}
                ".." => _ = parts.pop(),
                part => parts.push(part),
            }
        }
        let path = relative(there, &parts.join("/"));
        if path.starts_with("..") { path } else { format!("./{path}") }
    }

    /// The moved text in its new place.
    pub(super) fn new_file(&self, body: &str, changes: &mut Changes) -> Result<(), Refusal> {
        let source = self.source;
        let style = (self.quote, ends(source));
        let mut needed = self.needed()?;
        if !self.takes.is_empty() {
            let (default, names) = self.clauses(&self.takes);
            let module = specifier(source, &self.to, &source.path);
            let whole = default.map(|name| line(Some(&name), &names, &module, style));
            needed.push(Needed { module, names, whole, is_type: false });
        }
        let written = |needed: &Needed| {
            let text = || line(None, &needed.names, &needed.module, style);
            let text = needed.whole.clone().unwrap_or_else(text);
            if needed.is_type && needed.whole.is_none() { text.replacen("import ", "import type ", 1) } else { text }
        };
        let Some(there) = self.destination() else {
            let lines = prologue(source).into_iter().map(|directive| source.text_of(range(directive)).to_owned());
            let lines: Vec<String> = lines.chain(needed.iter().map(written)).collect();
            let head = if lines.is_empty() { String::new() } else { lines.join("\n") + "\n\n" };
            changes.created.insert(self.to.clone(), head + body);
            return Ok(());
        };
        let there = there?;
        let all = parts::of(&there);
        let from_here = |part: &&Part<'_>| {
            let files = part.module.as_deref().map(|module| there.project.module_files(&there.path, module));
            files.is_some_and(|files| files.first() == Some(&source.path))
        };
        // What it took from here is its own then.
        for part in all.iter().filter(from_here).filter(|part| !part.is_export) {
            self.lose(&there, part, changes)?;
        }
        needed.sort_by(|a, b| a.module.cmp(&b.module));
        for one in &needed {
            let same = || all.iter().filter(|p| !p.is_export && p.module.as_deref() == Some(&one.module));
            let new: Vec<&String> = {
                let has = |name: &&String| {
                    same()
                        .flat_map(|p| &p.list)
                        .flat_map(|l| &l.specifiers)
                        .any(|s| there.text_of(s.at) == name.as_str())
                };
                one.names.iter().filter(|name| !has(name)).collect()
            };
            let known = match &one.whole {
                Some(whole) => there.text.contains(whole.as_str()),
                None => new.is_empty(),
            };
            if known {
                continue;
            }
            let fits = |p: &&Part<'_>| p.is_type == one.is_type && one.whole.is_none();
            let last = same().filter(fits).find_map(|p| p.list.as_ref()?.specifiers.last());
            match last {
                Some(last) => {
                    let names: Vec<&str> = new.iter().map(|name| name.as_str()).collect();
                    changes.insert(&there.path, last.at.end, format!(", {}", names.join(", ")));
                }
                None => insert(&there, &one.module, &written(one), changes, &[]),
            }
        }
        let end = u32::try_from(there.text.len()).unwrap_or(u32::MAX);
        let gap = if there.text.is_empty() || there.text.ends_with('\n') { "" } else { "\n" };
        changes.insert(&there.path, end, format!("{gap}{body}"));
        Ok(())
    }

    /// Takes what moves out of an import.
    fn lose(&self, there: &Source<'_>, part: &Part<'_>, changes: &mut Changes) -> Result<(), Refusal> {
        let moves = |name: &str| self.names.iter().any(|(outer, _)| outer == name);
        let refuse = || Err(there.refuse(&MoveError::Import(part.module.clone().unwrap_or_default()), part.at));
        if part.default.is_some() && moves("default") {
            return refuse();
        }
        let Some(list) = &part.list else { return Ok(()) };
        let cut: Vec<bool> = list.specifiers.iter().map(|s| moves(&s.name)).collect();
        if list.specifiers.iter().zip(&cut).any(|(s, cut)| *cut && s.alias.is_some()) {
            return refuse();
        }
        if !cut.is_empty() && cut.iter().all(|cut| *cut) && part.default.is_none() {
            remove_statements(there, &[part.at], changes);
            return Ok(());
        }
        let items: Vec<TextRange> = list.specifiers.iter().map(|s| s.at).collect();
        for at in without(there, &items, &cut) {
            changes.remove(&there.path, at);
        }
        Ok(())
    }
}
