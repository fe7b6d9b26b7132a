//! Which declarations cannot have one name.

use super::{Clash, clash, same_arity, siblings};
use crate::{
    Bindings, Declaration, DeclarationId, DeclarationKind as Kind, Global, Project, ScopeId, ScopeKind, Symbol,
};
use std::collections::BTreeSet;

/// Methods of `Object` with the number of their parameters.
const OBJECT: &[(&str, u32)] = &[
    ("clone", 0),
    ("equals", 1),
    ("finalize", 0),
    ("getClass", 0),
    ("hashCode", 0),
    ("notify", 0),
    ("notifyAll", 0),
    ("toString", 0),
    ("wait", 0),
    ("wait", 1),
    ("wait", 2),
];

const TAKEN: &str = "it has this name already";

pub(super) fn clashes(project: &Project<'_>, chosen: &Global, symbol: &Symbol, new: &str) -> Vec<Clash> {
    let mut found = Vec::new();
    for global in &symbol.declarations {
        let (Some(bindings), Some(declaration)) = (project.bindings(&global.0), project.declaration(global)) else {
            continue;
        };
        match declaration.kind {
            Kind::Variable | Kind::Parameter => local(project, &bindings, global, &declaration, new, &mut found),
            Kind::Field | Kind::EnumMember => field(project, &bindings, global, &declaration, new, &mut found),
            Kind::Method => method(project, global, &declaration, new, &mut found),
            Kind::Class | Kind::Interface | Kind::Enum => {
                of_type(project, &bindings, global, &declaration, new, &mut found)
            }
            _ => {}
        }
    }
    if let (true, Some(own)) = (symbol.declarations.len() > 1, project.declaration(chosen)) {
        let types = owner(project, chosen, &own).into_iter().collect::<Vec<_>>();
        let above = project.above(&types).0;
        let others = symbol.declarations.iter().filter(|other| *other != chosen);
        let overridden = others.filter_map(|other| Some((other, owner(project, other, &project.declaration(other)?)?)));
        for (other, _) in overridden.filter(|(_, of)| above.contains(of)) {
            found.extend(clash(project, other, false, "the method overrides this one, which gets the new name too"));
        }
    }
    found
}

/// The classes around a scope, innermost first.
fn classes(bindings: &Bindings, scope: ScopeId) -> Vec<DeclarationId> {
    let mut found = Vec::new();
    let mut next = Some(scope);
    while let Some(scope) = next.and_then(|id| bindings.scope(id)) {
        found.extend(scope.owner.filter(|_| scope.kind == ScopeKind::Class));
        next = scope.parent;
    }
    found
}

fn owner(project: &Project<'_>, global: &Global, declaration: &Declaration) -> Option<Global> {
    let bindings = project.bindings(&global.0)?;
    let scope = bindings.scope(declaration.scope).filter(|scope| scope.kind == ScopeKind::Class)?;
    Some((global.0.clone(), scope.owner?))
}

/// Whether a scope is in another one of the same class.
fn within(bindings: &Bindings, inner: ScopeId, outer: ScopeId) -> bool {
    let mut next = Some(inner);
    while let Some(id) = next {
        if id == outer {
            return true;
        }
        next = bindings.scope(id).filter(|scope| scope.kind != ScopeKind::Class).and_then(|scope| scope.parent);
    }
    false
}

/// A local variable hides no other one.
fn local(
    project: &Project<'_>,
    bindings: &Bindings,
    global: &Global,
    own: &Declaration,
    new: &str,
    found: &mut Vec<Clash>,
) {
    for (id, other) in bindings.ids() {
        if other.name != new || !matches!(other.kind, Kind::Variable | Kind::Parameter) {
            continue;
        }
        let hides = |inner: &Declaration, outer: &Declaration| {
            within(bindings, inner.scope, outer.scope)
                && (outer.at.start < inner.at.start || inner.scope == outer.scope)
        };
        if hides(own, other) || hides(other, own) {
            found.extend(clash(project, &(global.0.clone(), id), true, TAKEN));
        }
    }
    for class in classes(bindings, own.scope) {
        let (fields, _) = project.inherited(&(global.0.clone(), class), new, crate::Members::Values);
        found.extend(
            fields.iter().filter_map(|field| clash(project, field, false, "the variable would hide this field")),
        );
    }
}

fn own_members(project: &Project<'_>, of: &Global, new: &str, test: impl Fn(&Declaration) -> bool) -> Vec<Global> {
    let members = project.own_members(of, new);
    members.into_iter().filter(|member| project.declaration(member).is_some_and(|member| test(&member))).collect()
}

fn is_field(declaration: &Declaration) -> bool {
    matches!(declaration.kind, Kind::Field | Kind::EnumMember)
}

fn field(
    project: &Project<'_>,
    bindings: &Bindings,
    global: &Global,
    own: &Declaration,
    new: &str,
    found: &mut Vec<Clash>,
) {
    let Some(of) = owner(project, global, own) else { return };
    for member in own_members(project, &of, new, is_field) {
        found.extend(clash(project, &member, true, TAKEN));
    }
    if own.parameters.is_some() {
        for member in own_members(project, &of, new, |other| other.kind == Kind::Method && same_arity(own, other)) {
            found.extend(clash(project, &member, true, TAKEN));
        }
    }
    let own_types: BTreeSet<Global> = [of.clone()].into();
    let mut related = project.above(std::slice::from_ref(&of)).0;
    related.extend(project.below(&own_types));
    related.remove(&of);
    for other in related.iter().flat_map(|other| own_members(project, other, new, is_field)) {
        found.extend(clash(project, &other, false, "one of the fields would hide the other"));
    }
    // Fields of classes around and within.
    let around = classes(bindings, own.scope);
    for (id, other) in bindings.ids().filter(|(_, other)| other.name == new && is_field(other)) {
        let inner = classes(bindings, other.scope);
        let nested = inner.contains(&of.1) || inner.first().is_some_and(|first| around.contains(first));
        if nested && other.scope != own.scope {
            found.extend(clash(project, &(global.0.clone(), id), false, "one of the fields would hide the other"));
        }
    }
}

fn method(project: &Project<'_>, global: &Global, own: &Declaration, new: &str, found: &mut Vec<Clash>) {
    let Some(of) = owner(project, global, own) else { return };
    let same =
        |other: &Declaration| (other.kind == Kind::Method || other.parameters.is_some()) && same_arity(own, other);
    for member in own_members(project, &of, new, same) {
        found.extend(clash(project, &member, true, TAKEN));
    }
    if OBJECT.iter().any(|(name, count)| *name == new && own.parameters.is_none_or(|own| own == *count)) {
        found.extend(clash(project, global, true, "every object has a method of this name"));
    }
    let own_types: BTreeSet<Global> = [of.clone()].into();
    let mut related = project.above(std::slice::from_ref(&of)).0;
    related.extend(project.below(&own_types));
    related.remove(&of);
    for other in related.iter().flat_map(|other| own_members(project, other, new, same)) {
        // What is private neither overrides nor is overridden; it may still be called by its name.
        let private = !own.public || project.declaration(&other).is_some_and(|other| !other.public);
        found.extend(clash(project, &other, !private, "one of the methods would override the other"));
    }
}

fn of_type(
    project: &Project<'_>,
    bindings: &Bindings,
    global: &Global,
    own: &Declaration,
    new: &str,
    found: &mut Vec<Clash>,
) {
    let is_type = |other: &Declaration| {
        matches!(other.kind, Kind::Class | Kind::Interface | Kind::Enum | Kind::TypeParameter | Kind::Import)
    };
    let around = classes(bindings, own.scope);
    for (id, other) in bindings.ids().filter(|(_, other)| other.name == new && is_type(other)) {
        let inside = own.extent.start <= other.at.start && other.at.end <= own.extent.end;
        if inside || other.scope == own.scope || around.contains(&id) {
            found.extend(clash(project, &(global.0.clone(), id), true, TAKEN));
        }
    }
    if own.scope == ScopeId(0) {
        for path in siblings(project, &global.0) {
            let Some(theirs) = project.bindings(&path) else { continue };
            for (id, _) in theirs.ids().filter(|(_, d)| d.scope == ScopeId(0) && d.name == new && is_type(d)) {
                found.extend(clash(project, &(path.clone(), id), true, "the package has this name already"));
            }
        }
    }
    if own.name.starts_with(char::is_uppercase) && !new.starts_with(char::is_uppercase) {
        found.extend(clash(project, global, false, "names of types begin with a capital letter"));
    }
}
