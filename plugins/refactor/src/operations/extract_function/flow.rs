//! What code reads and writes of the variables around it, in languages whose blocks have variables of their own.

use super::{ExtractError, Selected};
use crate::grammar::paths::Paths;
use crate::grammar::source::{Source, holds, range};
use crate::operations::extract_function::control::between;
use crate::paths::{Ways, function_around};
use deepcoder_resolve::{Declaration, DeclarationId, DeclarationKind, Reference, Role, ScopeKind, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use std::collections::BTreeSet;

/// A variable that the selection and the code around it share.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    /// Where it is declared.
    pub(super) at: TextRange,
    pub(super) id: DeclarationId,
    /// Whether the selection declares it.
    pub(super) inside: bool,
    /// Whether it is used after the selection at all.
    pub(super) later: bool,
}

/// The variables that go into the new function and come out of it.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) parameters: Vec<Variable>,
    pub(super) results: Vec<Variable>,
    /// Those that the new function must declare: it writes them first.
    pub(super) inner: Vec<Variable>,
    /// Those that the code around must declare: it writes them first.
    pub(super) outer: Vec<Variable>,
    /// Declarations that mean the new function's own ones.
    pub(super) own: BTreeSet<DeclarationId>,
}

/// What goes in and out.
pub(super) fn flow(
    source: &Source<'_>,
    paths: &'static Paths,
    selection: &Selected<'_>,
    home: Node<'_>,
) -> Result<Flow, ExtractError> {
    let at = selection.at;
    let mut flow = Flow::default();
    let mut ids: BTreeSet<DeclarationId> = BTreeSet::new();
    for r in source.references(at) {
        match &r.target {
            Target::Declaration(id) => drop(ids.insert(*id)),
            Target::Lookup { otherwise, .. } => {
                if let Target::Declaration(id) = **otherwise {
                    ids.insert(id);
                }
            }
            _ => {}
        }
    }
    let function = function_around(paths, selection.first);
    let mut ids: Vec<(DeclarationId, &Declaration)> =
        ids.into_iter().filter_map(|id| Some((id, source.bindings.declaration(id)?))).collect();
    ids.sort_by_key(|(_, declaration)| declaration.at.start);
    for (id, declaration) in ids {
        let inside = holds(at, declaration.at);
        let scope = source.bindings.scope(declaration.scope).map(|scope| scope.kind);
        let file = matches!(scope, Some(ScopeKind::File | ScopeKind::Module));
        if !holds(range(home), declaration.at) || scope == Some(ScopeKind::Class) || file && !inside {
            continue;
        }
        let all: Vec<&Reference> =
            source.bindings.references.iter().filter(|r| r.target == Target::Declaration(id)).collect();
        let outside = || all.iter().filter(|r| !holds(at, r.at));
        let kind = declaration.kind;
        if !matches!(kind, DeclarationKind::Variable | DeclarationKind::Parameter | DeclarationKind::Constant) {
            let ours =
                matches!(kind, DeclarationKind::TypeParameter | DeclarationKind::Label | DeclarationKind::Lifetime);
            let own = declaration.at.start == range(home).start
                || home.child_by_field_name("name").is_some_and(|name| range(name) == declaration.at);
            if (!inside && !ours && !own) || inside && outside().next().is_some() {
                return Err(ExtractError::Local(declaration.name.clone()));
            }
            if kind == DeclarationKind::TypeParameter {
                flow.own.insert(id);
            }
            continue;
        }
        let gives = |r: &&&Reference| matches!(r.role, Role::Writes | Role::Declares | Role::Imports);
        let written = all.iter().any(|r| holds(at, r.at) && gives(&r));
        let later = outside().any(|r| r.at.start >= at.end || !inside && r.at != declaration.at);
        let ways = Ways::new(source, paths, id);
        let effect = ways.sequence(between(selection));
        let top = function.filter(|function| holds(range(*function), declaration.at)).unwrap_or(home);
        let captured = |r: &&Reference| {
            let around = source.node_at(r.at).and_then(|node| function_around(paths, node));
            around.is_some_and(|around| holds(range(top), range(around)) && around.id() != top.id())
        };
        if written && !inside && function.is_some_and(|function| !holds(range(function), declaration.at)) {
            return Err(ExtractError::Outer(declaration.name.clone()));
        }
        let shared = all.iter().any(captured) && function.is_some_and(|f| f.id() == top.id());
        if written && shared && (!inside || later) {
            let writes_later = all.iter().filter(|r| gives(r)).count() > usize::from(inside);
            if writes_later || !inside {
                return Err(ExtractError::Captured(declaration.name.clone()));
            }
        }
        let live = if file { later } else { ways.live_after(selection.last, top) };
        let variable = Variable { name: declaration.name.clone(), at: declaration.at, id, inside, later };
        flow.own.insert(id);
        let result = written && live;
        if !inside {
            if effect.reads || result && !effect.writes {
                flow.parameters.push(variable.clone());
            } else if written {
                flow.inner.push(variable.clone());
            }
        }
        if result {
            flow.results.push(variable);
        } else if inside && later {
            flow.outer.push(variable);
        }
    }
    Ok(flow)
}
