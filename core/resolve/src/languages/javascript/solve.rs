//! What the names mean, once every declaration is known.

use super::super::GLOBAL;
use super::build::{ANY, Builder, Meaning, UNKNOWN, VALUE, range};
use super::hint::Hint;
use super::modules::WHOLE;
use crate::{Bindings, DeclarationId, DeclarationKind, Form, HazardKind, Known, Reference, Role, Target, Why};
use deepcoder_syntax::Language;
use std::collections::HashMap;

/// The bindings of a file that was read.
pub(super) fn solve(mut builder: Builder<'_>, language: Language) -> Bindings {
    if !builder.typescript {
        builder.assigned_fields();
        builder.hoist();
    }
    builder.export();
    builder.documented();
    let targets: Vec<Target> = (0..builder.pending.len()).map(|index| builder.target(index)).collect();
    for (pending, target) in builder.pending.iter().zip(&targets) {
        let Target::Declaration(id) = target else { continue };
        let Some(draft) = builder.drafts.get_mut(id.0 as usize) else { continue };
        match pending.role {
            Role::Writes => draft.writes += 1,
            Role::Declares if pending.at.start < draft.declaration.at.start => draft.declaration.at = pending.at,
            _ => {}
        }
    }
    let values: Vec<(Known, Vec<Known>)> = (0..builder.drafts.len()).map(|index| builder.facts(index)).collect();
    builder.reflection();
    let Builder { scopes, drafts, pending, mut hazards, wildcards, text, is_module, is_commonjs, .. } = builder;
    let is_module = is_module || is_commonjs;
    // Declarations in the order of the text.
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|index| drafts.get(*index).map_or(0, |draft| draft.declaration.at.start));
    let mut new = vec![DeclarationId(0); drafts.len()];
    for (place, old) in order.iter().enumerate() {
        if let Some(slot) = new.get_mut(*old) {
            *slot = DeclarationId(u32::try_from(place).unwrap_or(u32::MAX));
        }
    }
    let moved = |id: DeclarationId| new.get(id.0 as usize).copied().unwrap_or(id);
    let mut made: HashMap<usize, _> = HashMap::new();
    for (index, (draft, (value, bases))) in drafts.into_iter().zip(values).enumerate() {
        let mut declaration = draft.declaration;
        declaration.value = renumber(value, &moved);
        declaration.bases = bases.into_iter().map(|base| renumber(base, &moved)).collect();
        made.insert(index, declaration);
    }
    let declarations = order.iter().filter_map(|index| made.remove(index)).collect();
    let mut references: Vec<Reference> = pending
        .into_iter()
        .zip(targets)
        .map(|(pending, target)| Reference {
            at: pending.at,
            name: pending.name.to_owned(),
            role: pending.role,
            form: pending.form,
            scope: pending.scope,
            target: match target {
                Target::Declaration(id) => Target::Declaration(moved(id)),
                Target::Several(ids, why) => Target::Several(ids.into_iter().map(&moved).collect(), why),
                Target::Member(known) => Target::Member(renumber(known, &moved)),
                other => other,
            },
        })
        .collect();
    references.sort_by_key(|reference| (reference.at.start, matches!(reference.form, Form::Second(_))));
    hazards.sort_by_key(|hazard| hazard.at.start);
    let mut bindings = Bindings::empty(language, u32::try_from(text.len()).unwrap_or(u32::MAX));
    bindings.scopes = scopes;
    for scope in &mut bindings.scopes {
        scope.owner = scope.owner.map(&moved);
    }
    bindings.declarations = declarations;
    bindings.references = references;
    bindings.hazards = hazards;
    bindings.wildcards = wildcards;
    if !is_module {
        bindings.package = GLOBAL.to_owned();
    }
    bindings
}

/// Declarations are sorted after their values are known. No value is deep: see [`super::hints`].
fn renumber(known: Known, moved: &impl Fn(DeclarationId) -> DeclarationId) -> Known {
    match known {
        Known::Itself(id) => Known::Itself(moved(id)),
        Known::Instance(of) => Known::Instance(Box::new(renumber(*of, moved))),
        Known::Member(of, name) => Known::Member(Box::new(renumber(*of, moved)), name),
        Known::Called(of) => Known::Called(Box::new(renumber(*of, moved))),
        Known::Element(of) => Known::Element(Box::new(renumber(*of, moved))),
        Known::Either(all) => Known::Either(all.into_iter().map(|one| renumber(one, moved)).collect()),
        known => known,
    }
}

fn declared(index: usize) -> Target {
    Target::Declaration(DeclarationId(u32::try_from(index).unwrap_or(u32::MAX)))
}

impl Builder<'_> {
    /// In JavaScript a class without bases declares the fields that its methods assign to `this`.
    fn assigned_fields(&mut self) {
        for index in 0..self.pending.len() {
            let Some(pending) = self.pending.get(index) else { continue };
            let Meaning::Member(of) = pending.meaning else { continue };
            let Some(Hint::Value(node, scope)) = self.hints.get(of.0 as usize) else { continue };
            if pending.role != Role::Writes || node.kind() != "this" {
                continue;
            }
            let Some((class, is_static)) = self.this(*scope) else { continue };
            let owner = self.scopes.get(class.0 as usize).and_then(|scope| scope.owner);
            let bases = owner.and_then(|owner| self.drafts.get(owner.0 as usize)).is_none_or(|d| !d.bases.is_empty());
            if bases {
                continue;
            }
            let (name, at) = (pending.name, pending.at);
            let member = self.member(class, name, is_static, DeclarationKind::Field, at, at);
            if let Some(pending) = self.pending.get_mut(index) {
                pending.meaning = Meaning::Draft(member);
                let first = self.drafts.get(member).is_some_and(|draft| draft.declaration.at == at);
                pending.role = if first { Role::Declares } else { Role::Writes };
            }
        }
    }

    /// Functions in blocks of sloppy code are variables of the function around them, unless that has the name.
    fn hoist(&mut self) {
        for (name, vars, index) in std::mem::take(&mut self.hoisted) {
            if self.is_module {
                continue;
            }
            if let Some(inside) = self.inside(vars) {
                let all = inside.names.entry(name).or_default();
                if all.is_empty() {
                    all.push(index);
                }
            }
        }
    }

    /// What one name of the file is to all others.
    fn export(&mut self) {
        for (name, scope, outer) in std::mem::take(&mut self.exports) {
            let Some(index) = self.lookup(name, scope, ANY, u32::MAX) else { continue };
            let Some(draft) = self.drafts.get_mut(index) else { continue };
            if outer == WHOLE {
                draft.declaration.exported_as.push("default".to_owned());
            }
            draft.declaration.exported_as.push(outer.to_owned());
        }
    }

    fn target(&self, index: usize) -> Target {
        let Some(pending) = self.pending.get(index) else { return Target::Outside };
        let found = match pending.meaning {
            Meaning::Draft(index) => Some(index),
            Meaning::Name(flags) => self.lookup(pending.name, pending.scope, flags, pending.at.start),
            Meaning::Label => self.label_of(pending.name, pending.scope),
            Meaning::Private => self.private(pending.name, pending.scope),
            Meaning::Member(of) => match self.hints.get(of.0 as usize) {
                Some(Hint::Value(node, scope)) if self.is_exports(*node, *scope) => {
                    match self.exported_members.get(pending.name) {
                        Some(index) => Some(*index),
                        None => return Target::Member(Known::Unknown),
                    }
                }
                _ if of == UNKNOWN => return Target::Member(Known::Unknown),
                _ => return Target::Member(self.known(of, 0)),
            },
        };
        match found {
            Some(index) => declared(index),
            None if matches!(pending.meaning, Meaning::Private) => Target::Dynamic(Why::Syntax),
            None => Target::Outside,
        }
    }

    fn label_of(&self, name: &str, scope: crate::ScopeId) -> Option<usize> {
        let mut next = Some(scope);
        while let Some(id) = next {
            if let Some(index) = self.inside.get(id.0 as usize)?.labels.get(name) {
                return Some(*index);
            }
            next = self.scopes.get(id.0 as usize)?.parent;
        }
        None
    }

    fn private(&self, name: &str, scope: crate::ScopeId) -> Option<usize> {
        let key = (name.to_owned(), false);
        let mut next = Some(scope);
        while let Some(id) = next {
            if let Some(index) = self.inside.get(id.0 as usize)?.members.get(&key) {
                return Some(*index);
            }
            next = self.scopes.get(id.0 as usize)?.parent;
        }
        None
    }

    /// What is known of a declaration: its value and its bases.
    fn facts(&self, index: usize) -> (Known, Vec<Known>) {
        let Some(draft) = self.drafts.get(index) else { return (Known::Unknown, Vec::new()) };
        let bases = draft.bases.iter().map(|base| self.known(*base, 0)).collect();
        let typed = matches!(self.hints.get(draft.hint.0 as usize), Some(Hint::Type(..) | Hint::Named(..)));
        let once = draft.writes <= 1 || typed;
        let value = if draft.hint != UNKNOWN {
            if once { self.known(draft.hint, 0) } else { Known::Unknown }
        } else {
            let mut all: Vec<Known> = draft.returns.iter().map(|value| self.known(*value, 0)).collect();
            all.dedup();
            if all.len() == 1 { all.pop().unwrap_or_default() } else { Known::Unknown }
        };
        // What stands for itself tells nothing.
        let own = Known::Itself(DeclarationId(u32::try_from(index).unwrap_or(u32::MAX)));
        (if value == own { Known::Unknown } else { value }, bases)
    }

    /// Members that are named by what an expression gives.
    fn reflection(&mut self) {
        let found: Vec<_> = self
            .computed
            .iter()
            .filter(|(index, scope)| !self.is_index(*index, *scope))
            .map(|(index, _)| crate::Hazard { at: range(*index), kind: HazardKind::Reflection, name: None })
            .collect();
        self.hazards.extend(found);
    }

    fn is_index(&self, node: deepcoder_syntax::Node<'_>, scope: crate::ScopeId) -> bool {
        match node.kind() {
            "number" | "update_expression" => true,
            "binary_expression" => {
                node.child_by_field_name("operator").is_some_and(|operator| operator.kind() != "+")
                    || node.child_by_field_name("right").is_some_and(|right| right.kind() == "number")
                        && node
                            .child_by_field_name("left")
                            .is_some_and(|left| left.kind() == "identifier" && self.is_index(left, scope))
            }
            "identifier" => {
                let found = self.lookup(self.str(node), scope, VALUE, range(node).start);
                let draft = found.and_then(|index| self.drafts.get(index));
                draft.is_some_and(|draft| {
                    let typed = match self.hints.get(draft.hint.0 as usize) {
                        Some(Hint::Value(value, _)) => value.kind() == "number",
                        _ => false,
                    };
                    typed || self.known(draft.hint, 0) == Known::Builtin("number")
                })
            }
            // `Symbol.iterator` and other symbols are no names.
            "member_expression" => self.str(node).starts_with("Symbol."),
            _ => false,
        }
    }
}
