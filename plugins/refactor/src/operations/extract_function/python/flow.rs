//! What code reads and writes of the variables around it.

use crate::grammar::Step;
use crate::grammar::source::{Source, holds, range};
use crate::operations::extract_function::{ExtractError, Selected};
use deepcoder_resolve::{Declaration, DeclarationId, DeclarationKind, Reference, Role, ScopeId, ScopeKind, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use std::collections::BTreeSet;

/// The variables that go into the new function and come out of it.
#[derive(Default)]
pub(super) struct Flow {
    pub(super) parameters: Vec<String>,
    pub(super) results: Vec<String>,
    /// Declarations that mean the new function's own ones.
    pub(super) own: BTreeSet<DeclarationId>,
    /// Variables of the file that are given a value.
    pub(super) globals: Vec<DeclarationId>,
    /// Results that may have no value after the selection.
    pub(super) perhaps: Vec<TextRange>,
}

/// The function that a scope belongs to; comprehensions and classes have their own.
fn owner(source: &Source<'_>, scope: ScopeId) -> ScopeId {
    let mut at = scope;
    while let Some(scope) = source.bindings.scope(at) {
        match (scope.kind, scope.parent) {
            (ScopeKind::Block | ScopeKind::TypeParameters, Some(parent)) => at = parent,
            _ => break,
        }
    }
    at
}

/// What goes in and out.
pub(super) fn flow(
    source: &Source<'_>,
    selection: &Selected<'_>,
    function: Option<Node<'_>>,
    returns: bool,
) -> Result<Flow, ExtractError> {
    let at = selection.at;
    let mut flow = Flow::default();
    let here = source
        .bindings
        .scopes
        .iter()
        .position(|scope| {
            let wanted = if function.is_some() { ScopeKind::Function } else { ScopeKind::File };
            scope.kind == wanted
                && function.is_none_or(|function| holds(range(function), scope.range) && holds(scope.range, at))
        })
        .and_then(|index| u32::try_from(index).ok())
        .map(ScopeId)
        .ok_or(ExtractError::Partial)?;
    let references = &source.bindings.references;
    let looped = source.around(selection.first, function.unwrap_or(source.tree.root_node()), source.grammar.loops);
    let mut written: Vec<(u32, DeclarationId)> = Vec::new();
    let mut ids: BTreeSet<DeclarationId> = BTreeSet::new();
    for r in source.references(at) {
        if let Target::Declaration(id) = r.target {
            ids.insert(id);
        }
    }
    let mut parameters: Vec<(u32, String)> = Vec::new();
    for id in ids {
        let Some(declaration) = source.bindings.declaration(id) else { continue };
        let all: Vec<&Reference> = references.iter().filter(|r| r.target == Target::Declaration(id)).collect();
        let gives = |r: &&&Reference| matches!(r.role, Role::Writes | Role::Declares | Role::Imports);
        let inside: Vec<&&Reference> = all.iter().filter(|r| holds(at, r.at)).collect();
        let writes = inside.iter().filter(|r| gives(r)).count() > 0;
        let scope = owner(source, declaration.scope);
        // A class has members, which are written through `self`.
        let member = source.bindings.scope(scope).is_some_and(|scope| scope.kind == ScopeKind::Class);
        if member {
            continue;
        }
        if scope != here {
            let within = source.bindings.scope(scope).is_some_and(|scope| holds(at, scope.range));
            if writes && !within {
                return Err(ExtractError::Outer(declaration.name.clone()));
            }
            continue;
        }
        let outside: Vec<&&Reference> = all.iter().filter(|r| !holds(at, r.at)).collect();
        if function.is_none() && !writes {
            // A variable of the file is read as it is.
            continue;
        }
        if inside.iter().all(|r| !gives(r)) && outside.is_empty() {
            continue;
        }
        flow.own.insert(id);
        let captured =
            all.iter().any(|r| owner(source, r.scope) != here && comprehension(source, r.scope, here).is_none());
        if writes && captured && !outside.is_empty() {
            return Err(ExtractError::Captured(declaration.name.clone()));
        }
        let given_before = outside.iter().any(&gives) || declaration.kind == DeclarationKind::Parameter;
        let definite = inside.iter().filter(|r| gives(r) && definite(source, selection, r)).map(|r| r.at.start).min();
        let needs = inside
            .iter()
            .filter(|r| !gives(r) || augmented(source, r))
            .any(|r| definite.is_none_or(|first| reads_first(source, r, first)));
        let read_after = !returns
            && outside.iter().any(|r| {
                !gives(r)
                    && (r.at.start >= at.end || function.is_none() || looped.iter().any(|l| holds(range(*l), r.at)))
                    || gives(r) && augmented(source, r) && r.at.start >= at.end
            });
        let killed = overwritten(source, selection, &outside, looped.is_empty());
        let again = looped.iter().any(|_| needs && writes);
        if function.is_none() && writes {
            flow.globals.push(id);
        }
        let result = writes && (read_after && !killed || again && !returns);
        if result {
            written.push((inside.iter().filter(|r| gives(r)).map(|r| r.at.start).min().unwrap_or(0), id));
        }
        if given_before && (needs || result && definite.is_none()) {
            parameters.push((declaration.at.start, declaration.name.clone()));
        } else if result && definite.is_none() {
            flow.perhaps.push(declaration.at);
        } else if needs && !given_before && !inside.iter().any(&gives) {
            parameters.push((declaration.at.start, declaration.name.clone()));
        }
    }
    written.sort();
    parameters.sort();
    flow.parameters = parameters.into_iter().map(|(_, name)| name).collect();
    let name = |id: &DeclarationId| source.bindings.declaration(*id).map(|d: &Declaration| d.name.clone());
    flow.results = written.iter().filter_map(|(_, id)| name(id)).collect();
    Ok(flow)
}

/// Whether code inside the selection declares a variable of its own with the name of one that is declared around it.
pub(super) fn shadows(source: &Source<'_>, flow: &Flow, reference: &Reference) -> bool {
    let Target::Declaration(id) = reference.target else { return false };
    let Some(own) = source.bindings.declaration(id).filter(|_| reference.role == Role::Declares) else { return false };
    let same = |(other, declaration): (DeclarationId, &Declaration)| {
        other != id && declaration.name == own.name && !flow.own.contains(&id) && declaration.at.start < own.at.start
    };
    source.bindings.ids().any(same)
}

/// Whether a variable gets another value right after the selection, before anything reads it.
fn overwritten(source: &Source<'_>, selection: &Selected<'_>, outside: &[&&Reference], straight: bool) -> bool {
    let Some(next) = outside.iter().find(|r| r.at.start >= selection.at.end).filter(|_| straight) else { return false };
    let Some(statement) = source.node_at(next.at).and_then(|node| source.statement(node)) else { return false };
    let reads = |r: &&&&Reference| holds(range(statement), r.at) && r.role == Role::Reads;
    matches!(next.role, Role::Writes | Role::Declares)
        && !augmented(source, next)
        && definite(source, selection, next)
        && outside.iter().find(reads).is_none()
}

/// Whether a scope is a comprehension directly in the function.
fn comprehension(source: &Source<'_>, scope: ScopeId, function: ScopeId) -> Option<()> {
    let mut at = owner(source, scope);
    while at != function {
        let scope = source.bindings.scope(at).filter(|scope| scope.kind == ScopeKind::Comprehension)?;
        at = owner(source, scope.parent?);
    }
    Some(())
}

/// Whether a written name gets its value whenever the selection runs: in a selected statement that is a plain assignment, an
/// import or a definition, or in the head of a `with`.
fn definite(source: &Source<'_>, selection: &Selected<'_>, reference: &Reference) -> bool {
    let Some(node) = source.node_at(reference.at) else { return false };
    let Some(statement) = source.statement(node) else { return false };
    let top = statement.parent().map(|parent| parent.id()) == selection.first.parent().map(|parent| parent.id());
    let plain = matches!(
        statement.kind(),
        "expression_statement"
            | "import_statement"
            | "import_from_statement"
            | "function_definition"
            | "class_definition"
            | "with_statement"
            | "decorated_definition"
    );
    top && plain && source.steps(node, statement) != Step::Maybe
}

/// Whether a name is read before it is written in an augmented assignment.
fn augmented(source: &Source<'_>, reference: &Reference) -> bool {
    let parent = source.node_at(reference.at).and_then(|node| node.parent());
    parent.is_some_and(|parent| parent.kind() == "augmented_assignment")
}

/// Whether a read comes before the first certain write: also within the same statement, whose value comes first.
fn reads_first(source: &Source<'_>, read: &Reference, write: u32) -> bool {
    let at = TextRange::new(write, write + 1);
    let statement = source.node_at(at).and_then(|node| source.statement(node)).map(range);
    read.at.start < write || statement.is_some_and(|statement| holds(statement, read.at))
}
