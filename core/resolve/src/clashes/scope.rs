//! Declarations of one scope that cannot have one name (Rust, JavaScript and TypeScript).

use super::{Clash, clash};
use crate::{DeclarationKind as Kind, Global, Project, ScopeKind, Space, Symbol};
use deepcoder_syntax::Language;

const TAKEN: &str = "the scope has this name already";

/// Whether names of two spaces are one: a unit struct is a value and a type.
fn meet(one: Space, other: Space) -> bool {
    let both = |a: Space, b: Space| a == Space::Both && matches!(b, Space::Value | Space::Type | Space::Both);
    one == other || both(one, other) || both(other, one)
}

pub(super) fn clashes(project: &Project<'_>, symbol: &Symbol, new: &str) -> Vec<Clash> {
    symbol.declarations.iter().flat_map(|global| of(project, global, new)).collect()
}

fn of(project: &Project<'_>, global: &Global, new: &str) -> Vec<Clash> {
    let (Some(bindings), Some(own)) = (project.bindings(&global.0), project.declaration(global)) else {
        return Vec::new();
    };
    let rust = bindings.language == Language::Rust;
    let mut found = Vec::new();
    // A variable of Rust may hide another one; what uses it is compared.
    let hides = |kind: Kind| rust && matches!(kind, Kind::Variable | Kind::Parameter | Kind::Label | Kind::Lifetime);
    for (id, other) in bindings.ids().filter(|(_, other)| other.name == new && other.scope == own.scope) {
        let member = |kind: Kind| matches!(kind, Kind::Method | Kind::Function | Kind::Constant);
        // A field and a method of Rust are told apart by how they are used.
        let apart =
            rust && (own.kind == Kind::Field) != (other.kind == Kind::Field) && member(other.kind) | member(own.kind);
        let one =
            meet(own.space, other.space) && own.is_static == other.is_static || rust && meet(own.space, other.space);
        if one && !apart && !(hides(own.kind) && hides(other.kind)) {
            found.extend(clash(project, &(global.0.clone(), id), true, TAKEN));
        }
    }
    // The functions of a type are written in several places.
    let class = bindings.scope(own.scope).filter(|scope| rust && scope.kind == ScopeKind::Class);
    if let Some(known) = class.and_then(|scope| scope.of.as_ref()).filter(|_| own.kind != Kind::Field) {
        let members = project.types_of(&global.0, known).into_iter().flat_map(|of| project.own_members(&of, new));
        for member in members.filter(|member| project.declaration(member).is_some_and(|d| d.kind != Kind::Field)) {
            if !found.iter().any(|clash| clash.place.path == member.0) {
                found.extend(clash(project, &member, false, "the type has a function of this name"));
            }
        }
    }
    found
}
