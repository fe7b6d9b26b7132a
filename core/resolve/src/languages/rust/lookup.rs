//! What a name means in its scopes.

use super::collect::{Base, Binder, Border, SelfType};
use crate::{DeclarationId, DeclarationKind, ScopeId, ScopeKind, Space};
use std::collections::HashMap;

/// Longer chains of imports are not followed.
const MAX_IMPORTS: usize = 12;

/// A name whose meaning takes more steps, through scopes and imports of imports, is not found.
const MAX_STEPS: u32 = 4_000;

/// Imports of everything may bring in the modules of each other so many times.
const GLOB_ROUNDS: u32 = 3;

fn fits(declared: Space, wanted: Space) -> bool {
    declared == wanted || (declared == Space::Both && matches!(wanted, Space::Value | Space::Type))
}

impl<'t> Binder<'t> {
    /// Gives the next look-up its steps.
    pub(super) fn refuel(&self) {
        self.fuel.set(MAX_STEPS);
    }

    /// What a name means at an offset, in the innermost scope that declares it; several where the scope does so twice.
    pub(super) fn lookup(&self, scope: ScopeId, at: u32, name: &str, space: Space) -> Vec<DeclarationId> {
        self.refuel();
        self.lookup_in(scope, at, name, (space, false), &mut Vec::new())
    }

    /// The same for a value, as if one declaration were not there.
    pub(super) fn lookup_besides(&self, id: DeclarationId, scope: ScopeId, at: u32, name: &str) -> Vec<DeclarationId> {
        self.refuel();
        self.lookup_in(scope, at, name, (Space::Value, false), &mut vec![id])
    }

    fn lookup_in(
        &self,
        scope: ScopeId,
        at: u32,
        name: &str,
        (space, mut items): (Space, bool),
        through: &mut Vec<DeclarationId>,
    ) -> Vec<DeclarationId> {
        let mut next = Some(scope);
        while let Some(id) = next {
            if self.kind(id) != ScopeKind::Class {
                let found = self.declared(id, at, name, space, items, through);
                if !found.is_empty() {
                    return found;
                }
            }
            match self.borders.get(id.0 as usize) {
                Some(Border::Item) => items = true,
                Some(Border::Module) if space != Space::Macro => break,
                _ => {}
            }
            next = self.parent(id);
        }
        Vec::new()
    }

    /// What a scope itself declares, or brings in with everything of another one.
    fn declared(
        &self,
        scope: ScopeId,
        at: u32,
        name: &str,
        space: Space,
        items: bool,
        through: &mut Vec<DeclarationId>,
    ) -> Vec<DeclarationId> {
        let Some(left) = self.fuel.get().checked_sub(1) else { return Vec::new() };
        self.fuel.set(left);
        let own = self.index.get(&(scope, name)).map_or(&[][..], Vec::as_slice);
        let mut variables = Vec::new();
        let mut definite = Vec::new();
        let mut imported = Vec::new();
        for id in own {
            let Some(found) = self.out.declaration(*id) else { continue };
            if self.dead.contains(id) || through.contains(id) {
                continue;
            }
            let local = matches!(
                found.kind,
                DeclarationKind::Variable
                    | DeclarationKind::Parameter
                    | DeclarationKind::TypeParameter
                    | DeclarationKind::Lifetime
                    | DeclarationKind::Label
            );
            if items && local {
                continue;
            }
            if found.kind == DeclarationKind::Import {
                imported.push(*id);
            } else if !fits(found.space, space) {
            } else if matches!(found.kind, DeclarationKind::Variable | DeclarationKind::Parameter) {
                if found.from <= at {
                    variables.push((found.from, *id));
                }
            } else if found.kind == DeclarationKind::Macro && found.from > at {
                // A macro is known after its definition; before it, a path or an attribute may still know it.
            } else {
                definite.push(*id);
            }
        }
        if !variables.is_empty() {
            variables.sort();
            let mut all: Vec<DeclarationId> = Vec::new();
            for (_, id) in variables.iter().rev() {
                all.push(*id);
                if !self.conditional.contains(id) {
                    break;
                }
            }
            return all;
        }
        if space == Space::Macro {
            definite = definite.pop().into_iter().collect();
        }
        if !definite.is_empty() {
            return definite;
        }
        for id in imported {
            let alias =
                self.imports.get(&id).and_then(|path| self.paths.get(*path)).and_then(|path| path.segments.last());
            let alias = alias.is_some_and(|last| self.name(*last) != name);
            let origin = self.origin(id, space, through);
            match origin {
                // Another name is a declaration of its own.
                Origin::Here(_) if alias => definite.push(id),
                Origin::Here(all) => {
                    definite.extend(all.into_iter().filter(|one| !definite.contains(one)).collect::<Vec<_>>())
                }
                Origin::Elsewhere => definite.push(id),
                Origin::OtherSpace => {}
            }
        }
        if definite.is_empty() && through.len() < MAX_IMPORTS {
            for body in self.glob_scopes.get(&scope).into_iter().flatten() {
                // Modules may take over everything of each other.
                let active = DeclarationId(u32::MAX - body.0);
                if *body == scope || through.contains(&active) {
                    continue;
                }
                through.push(active);
                let found = self.declared(*body, u32::MAX, name, space, true, through);
                through.pop();
                definite.extend(found.into_iter().filter(|one| !definite.contains(one)).collect::<Vec<_>>());
            }
        }
        definite
    }

    /// Finds the scopes of this file whose every name others take over.
    pub(super) fn resolve_globs(&mut self) {
        for _ in 0..GLOB_ROUNDS {
            let mut found: HashMap<ScopeId, Vec<ScopeId>> = HashMap::new();
            for (scope, path) in &self.globs {
                self.refuel();
                found.entry(*scope).or_default().extend(self.glob_bodies(*path, &mut Vec::new()));
            }
            if found == self.glob_scopes {
                return;
            }
            self.glob_scopes = found;
        }
    }

    /// The scopes of this file whose every name a path brings in.
    pub(super) fn glob_bodies(&self, path: usize, through: &mut Vec<DeclarationId>) -> Vec<ScopeId> {
        let Some(of) = self.paths.get(path) else { return Vec::new() };
        if of.segments.is_empty() {
            return match of.base {
                Base::Module(scope) => vec![scope],
                _ => Vec::new(),
            };
        }
        let found = self.segment(path, of.segments.len() - 1, Space::Type, through);
        found.iter().filter_map(|id| self.bodies.get(id)).copied().collect()
    }

    /// What an import of this file means, as far as the file itself declares it.
    pub(super) fn origin(&self, import: DeclarationId, space: Space, through: &mut Vec<DeclarationId>) -> Origin {
        let Some(path) = self.imports.get(&import) else { return Origin::Elsewhere };
        let Some(of) = self.paths.get(*path) else { return Origin::Elsewhere };
        if through.len() >= MAX_IMPORTS || of.segments.is_empty() {
            return Origin::Elsewhere;
        }
        through.push(import);
        let last = of.segments.len() - 1;
        let found = self.segment(*path, last, space, through);
        let others = [Space::Value, Space::Type, Space::Macro].into_iter().filter(|other| *other != space);
        let origin = if !found.is_empty() {
            Origin::Here(found)
        } else if others.into_iter().any(|other| !self.segment(*path, last, other, through).is_empty()) {
            Origin::OtherSpace
        } else {
            Origin::Elsewhere
        };
        through.pop();
        origin
    }

    /// What a segment of a path means within this file; none where that is not known.
    pub(super) fn segment(
        &self,
        path: usize,
        index: usize,
        space: Space,
        through: &mut Vec<DeclarationId>,
    ) -> Vec<DeclarationId> {
        let Some(of) = self.paths.get(path) else { return Vec::new() };
        let mut at: Vec<DeclarationId> = Vec::new();
        for (position, node) in of.segments.iter().enumerate().take(index + 1) {
            let wanted = if position == index { space } else { Space::Type };
            let name = self.name(*node);
            let offset = super::collect::offset(node.start_byte());
            at = if position == 0 {
                match &of.base {
                    Base::Scope => self.lookup_in(of.scope, offset, name, (wanted, of.items), through),
                    Base::Module(scope) => self.declared(*scope, u32::MAX, name, wanted, true, through),
                    Base::SelfType => {
                        let own: Vec<_> = self.self_type(of.scope, through).into_iter().collect();
                        self.inner(&own, name, wanted, through)
                    }
                    Base::Outer(_) | Base::Type(_) => Vec::new(),
                }
            } else {
                self.inner(&at, name, wanted, through)
            };
            if at.is_empty() {
                break;
            }
        }
        at
    }

    /// The names of modules and the variants of enums, which nothing else can bring in.
    fn inner(
        &self,
        of: &[DeclarationId],
        name: &str,
        space: Space,
        through: &mut Vec<DeclarationId>,
    ) -> Vec<DeclarationId> {
        let mut found = Vec::new();
        for id in of {
            let Some(declared) = self.out.declaration(*id) else { continue };
            let Some(body) = self.bodies.get(id) else { continue };
            match declared.kind {
                DeclarationKind::Module => found.extend(self.declared(*body, u32::MAX, name, space, true, through)),
                DeclarationKind::Enum => found.extend(self.declared(*body, u32::MAX, name, space, true, through)),
                _ => {}
            }
        }
        found
    }

    /// The declaration of this file that `Self` is.
    pub(super) fn self_type(&self, scope: ScopeId, through: &mut Vec<DeclarationId>) -> Option<DeclarationId> {
        match self.written_self(scope)? {
            SelfType::Declared(id) => Some(id),
            SelfType::Written(node, at) => {
                let node = if node.kind() == "generic_type" { node.child_by_field_name("type")? } else { node };
                if node.kind() != "type_identifier" || through.len() >= MAX_IMPORTS {
                    return None;
                }
                let name = self.name(node);
                let found =
                    self.lookup_in(at, super::collect::offset(node.start_byte()), name, (Space::Type, true), through);
                match found.as_slice() {
                    [one] => Some(*one),
                    _ => None,
                }
            }
        }
    }

    pub(super) fn written_self(&self, scope: ScopeId) -> Option<SelfType<'t>> {
        let mut next = Some(scope);
        while let Some(id) = next {
            if let Some(found) = self.selves.get(&id) {
                return Some(*found);
            }
            if self.borders.get(id.0 as usize) == Some(&Border::Module) {
                return None;
            }
            next = self.parent(id);
        }
        None
    }
}

/// Where an import comes from.
pub(super) enum Origin {
    /// These declarations of the file.
    Here(Vec<DeclarationId>),
    /// The file declares its name in another space only.
    OtherSpace,
    /// Another file.
    Elsewhere,
}
