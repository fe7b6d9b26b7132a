//! Which declarations cannot have one name.

use super::{Clash, clash, elsewhere, same_arity, siblings};
use crate::{
    Bindings, Declaration, DeclarationId, DeclarationKind as Kind, Global, Project, Reference, ScopeId, ScopeKind,
    Symbol,
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
        for (other, _) in overridden.filter(|(_, of)| above.contains(of) && !types.contains(of)) {
            // What only asks for a method is fulfilled by renaming both; what has code of its own is another method.
            found.extend(match has_body(project, other) {
                true => elsewhere(project, other, "the method overrides this one"),
                false => clash(project, other, false, "the method overrides this one, which gets the new name too"),
            });
        }
    }
    found
}

fn has_body(project: &Project<'_>, method: &Global) -> bool {
    let text = project.files().text(&method.0);
    let extent = project.declaration(method).map(|declaration| declaration.extent.as_range());
    text.zip(extent).and_then(|(text, extent)| Some(text.get(extent)?.ends_with('}'))).unwrap_or(false)
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
    let text = project.files().text(&global.0);
    let alone =
        |at: u32| text.as_deref().and_then(|t| t.get(..at as usize)).is_some_and(|t| !t.trim_end().ends_with('.'));
    let mut around = bindings.scope(own.scope);
    while let Some(scope) = around.filter(|scope| scope.kind != ScopeKind::Function) {
        around = scope.parent.and_then(|parent| bindings.scope(parent));
    }
    let within = around.map(|scope| scope.range);
    // In a method that names the field, its reader would take one for the other.
    let used = within.is_some_and(|at| {
        let here = |r: &&Reference| r.name == new && at.start <= r.at.start && r.at.end <= at.end;
        bindings.references.iter().filter(here).any(|r| alone(r.at.start))
    });
    // A class within the method that inherits the field goes on to see it.
    let inner = within.is_some_and(|at| {
        let inside = |scope: &&crate::Scope| {
            scope.kind == ScopeKind::Class && at.start < scope.range.start && scope.range.end <= at.end
        };
        let owners = bindings.scopes.iter().filter(inside).filter_map(|scope| scope.owner);
        owners
            .into_iter()
            .any(|class| !project.inherited(&(global.0.clone(), class), new, crate::Members::Values).0.is_empty())
    });
    let used = used || inner;
    for class in classes(bindings, own.scope) {
        let (fields, _) = project.inherited(&(global.0.clone(), class), new, crate::Members::Values);
        found.extend(
            fields.iter().filter_map(|field| clash(project, field, used, "the variable would hide this field")),
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
            found.extend(clash(project, &(global.0.clone(), id), true, "one of the fields would hide the other"));
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
    let above = project.above(std::slice::from_ref(&of)).0;
    let below = project.below(&[of.clone()].into());
    for other in above.union(&below).filter(|other| **other != of) {
        // What is private in a base neither overrides nor is overridden; it may still be called by its name. A method that
        // overrides another one cannot be private.
        let hidden = |member: &Global| match below.contains(other) {
            true => !own.public,
            false => project.declaration(member).is_some_and(|other| !other.public),
        };
        for member in own_members(project, other, new, same) {
            found.extend(clash(project, &member, !hidden(&member), "one of the methods would override the other"));
        }
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
