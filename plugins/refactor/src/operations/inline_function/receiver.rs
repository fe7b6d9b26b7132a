//! Members that a body names alone, at a call on another value.

use super::InlineError;
use super::call::Call;
use super::callee::Callee;
use super::names::Names;
use super::parts::Plan;
use crate::Changes;
use crate::carried::Moved;
use crate::effects::Reads;
use crate::grammar::is_field;
use crate::grammar::source::{Source, holds, range};
use deepcoder_resolve::{DeclarationKind, Role, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// Members that the body names alone belong to the value that the function was called on.
pub(super) fn receiver<'s>(
    source: &'s Source<'_>,
    callee: &Callee<'s>,
    call: &Call<'s>,
    names: &mut Names<'_, '_>,
    plan: &mut Plan,
    changes: &mut Changes,
) -> Result<(), InlineError> {
    let object = call.receiver.filter(|node| !matches!(node.kind(), "this" | "super"));
    let body = callee.node.child_by_field_name("body").map_or_else(|| range(callee.node), range);
    let mut members: Vec<(TextRange, bool, String)> = Vec::new();
    let mut this: Vec<TextRange> = Vec::new();
    crate::grammar::source::walk(source.tree.root_node(), |node| {
        let here = range(node);
        if here.end <= body.start || here.start >= body.end {
            return false;
        }
        if node.kind() == "this" && holds(body, here) {
            this.push(here);
        }
        true
    });
    for r in source.references(body) {
        let Some(node) = source.node_at(r.at).filter(|node| range(*node) == r.at) else { continue };
        let Some(parent) = node.parent() else { continue };
        let qualified = parent.kind() == "field_access" && is_field(parent, node, "field")
            || parent.kind() == "method_invocation"
                && is_field(parent, node, "name")
                && parent.child_by_field_name("object").is_some()
            || parent.kind() == "method_reference";
        if qualified || matches!(r.role, Role::Declares) {
            continue;
        }
        let deepcoder_resolve::Resolution::Exact(symbol) = source.project.resolve(&source.path, r) else {
            if matches!(r.target, Target::Lookup { .. }) && parent.kind() == "method_invocation" && object.is_some() {
                members.push((r.at, false, String::new()));
            }
            continue;
        };
        let Some(declaration) = symbol.declarations.first().and_then(|global| source.project.declaration(global))
        else {
            continue;
        };
        if !matches!(declaration.kind, DeclarationKind::Field | DeclarationKind::Method) {
            continue;
        }
        let owner = source
            .bindings
            .scope(declaration.scope)
            .and_then(|scope| scope.owner)
            .and_then(|id| source.bindings.declaration(id));
        members.push((r.at, declaration.is_static, owner.map(|owner| owner.name.clone()).unwrap_or_default()));
    }
    let fixed = super::callee::is_static(source, callee.node);
    if fixed {
        // Static members are named with their class where that is another one.
        let own = |node: Node<'_>| {
            source
                .around(node, source.tree.root_node(), &["class_body", "interface_body", "enum_body"])
                .first()
                .map(|body| body.id())
        };
        if own(call.node) != own(callee.node) {
            for (at, is_static, owner) in members {
                if is_static && !owner.is_empty() {
                    plan.replaced.push((TextRange::new(at.start, at.start), Moved::new(format!("{owner}."))));
                }
            }
        }
        return Ok(());
    }
    let Some(object) = object else { return Ok(()) };
    let uses = this.len() + members.iter().filter(|(_, is_static, _)| !is_static).count();
    let value = source.value(object);
    let mut text = Moved::default();
    let brackets = source.grammar.needs_brackets(object, call.node)
        || matches!(object.kind(), "object_creation_expression" | "cast_expression");
    text.expression(source, range(object), brackets && object.kind() == "cast_expression", false);
    if !(value.single && value.reads < Reads::State || uses == 1 && members.len() + this.len() == 1) {
        if uses == 0 && value.reads < Reads::Effects {
            return Ok(());
        }
        let kind = crate::grammar::java::type_of(source, object).ok_or(InlineError::NoStatement)?;
        let name = names.free("r");
        let mut declared = Moved::new(format!("{kind} {name} = "));
        declared.append(text);
        declared.push(";");
        plan.declared.insert(0, declared);
        text = Moved::new(name);
        changes.doubt(&source.path, range(object), "the value that it is called on gets a name");
    }
    for at in this {
        plan.replaced.push((at, text.clone()));
    }
    for (at, is_static, owner) in members {
        let mut before = if is_static { Moved::new(owner) } else { text.clone() };
        before.push(".");
        plan.replaced.push((TextRange::new(at.start, at.start), before));
    }
    Ok(())
}
