//! Patterns: those that declare, and those that give values to what is declared elsewhere.

use super::build::{ANY, Binding, Builder, Meaning, Mode, UNKNOWN, VALUE, nth, range};
use super::hint::{Ctx, Hint, HintId};
use crate::{DeclarationKind, Form, Import, Role, ScopeId};
use deepcoder_syntax::Node;

impl<'t> Builder<'t> {
    /// Declares one name; `None` where the node is no name.
    pub(super) fn bind_name(&mut self, node: Node<'t>, _scope: ScopeId, binding: Binding<'t>) -> Option<usize> {
        if !matches!(node.kind(), "identifier" | "shorthand_property_identifier_pattern") {
            return None;
        }
        let required = binding.required;
        let kind = if required.is_some() { DeclarationKind::Import } else { binding.kind };
        let flags = if required.is_some() { ANY } else { VALUE };
        let index = match binding.field {
            Some(class) => {
                let field = DeclarationKind::Field;
                let index = self.member(class, self.str(node), false, field, range(node), range(binding.extent));
                let name = self.str(node);
                if let Some(inside) = self.inside(binding.into) {
                    inside.names.entry(name).or_default().push(index);
                }
                self.refer(node, binding.into, Role::Declares, Form::Plain, Meaning::Draft(index));
                if let Some(draft) = self.drafts.get_mut(index) {
                    draft.flags |= VALUE;
                }
                index
            }
            None => self.declare(node, binding.into, kind, flags, binding.merge, binding.extent),
        };
        if let Some(draft) = self.drafts.get_mut(index) {
            if draft.hint == UNKNOWN {
                draft.hint = binding.hint;
            }
            draft.writes += u32::from(binding.hint != UNKNOWN);
            draft.declaration.public |= binding.public;
            if let Some(module) = required
                && draft.declaration.import.is_none()
            {
                draft.declaration.import = Some(Import { module: module.to_owned(), name: None });
                draft.flags |= ANY;
            }
        }
        Some(index)
    }

    pub(super) fn bind(&mut self, node: Node<'t>, scope: ScopeId, binding: Binding<'t>) {
        if self.bind_name(node, scope, binding).is_some() {
            return;
        }
        // A field is one name.
        let binding = Binding { field: None, ..binding };
        let again = |hint: HintId| Mode::Bind(Binding { hint, required: None, field: None, ..binding });
        match node.kind() {
            "object_pattern" => {
                let mut cursor = node.walk();
                let children: Vec<_> = node.named_children(&mut cursor).collect();
                for child in children.into_iter().rev() {
                    self.bind_property(child, scope, binding);
                }
            }
            "array_pattern" => {
                let hint = self.hint(Hint::Element(binding.hint));
                self.push_patterns(node, scope, again(hint));
            }
            "rest_pattern" => self.push_patterns(node, scope, again(UNKNOWN)),
            "assignment_pattern" => {
                let default = node.child_by_field_name("right");
                let ctx = if binding.hint == UNKNOWN { Ctx::Own } else { Ctx::Of(binding.hint) };
                self.push_as(default, scope, Mode::Plain(ctx));
                self.push_as(node.child_by_field_name("left"), scope, Mode::Bind(binding));
            }
            "this" | "undefined" => {}
            _ => self.push(Some(node), scope),
        }
    }

    fn push_patterns(&mut self, node: Node<'t>, scope: ScopeId, mode: Mode<'t>) {
        let from = self.stack.len();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            self.push_as(Some(child), scope, mode);
        }
        self.stack.get_mut(from..).unwrap_or_default().reverse();
    }

    fn bind_property(&mut self, child: Node<'t>, scope: ScopeId, binding: Binding<'t>) {
        match child.kind() {
            "shorthand_property_identifier_pattern" => self.bind_shorthand(child, scope, binding),
            "object_assignment_pattern" => {
                self.push(child.child_by_field_name("right"), scope);
                if let Some(left) = child.child_by_field_name("left") {
                    self.bind_shorthand(left, scope, binding);
                }
            }
            "pair_pattern" => {
                let (Some(key), Some(value)) = (child.child_by_field_name("key"), child.child_by_field_name("value"))
                else {
                    return;
                };
                let local =
                    if value.kind() == "assignment_pattern" { value.child_by_field_name("left") } else { Some(value) };
                let plain = local.filter(|local| local.kind() == "identifier");
                if let (Some(module), Some(local), "property_identifier") = (binding.required, plain, key.kind()) {
                    if value.kind() == "assignment_pattern" {
                        self.push(value.child_by_field_name("right"), scope);
                    }
                    if let Some(index) = self.bind_name(local, scope, binding) {
                        self.take(index, module, self.str(key));
                        let of = self.of_module(module);
                        self.refer(key, scope, Role::Imports, Form::Plain, of);
                    }
                    return;
                }
                let hint = self.key(key, scope, binding.hint, Role::Reads);
                let next = Binding { hint, required: None, field: None, ..binding };
                self.push_as(Some(value), scope, Mode::Bind(next));
            }
            "rest_pattern" => {
                let next = Binding { hint: UNKNOWN, required: None, field: None, ..binding };
                self.push_as(Some(child), scope, Mode::Bind(next));
            }
            _ => self.push(Some(child), scope),
        }
    }

    fn bind_shorthand(&mut self, node: Node<'t>, scope: ScopeId, binding: Binding<'t>) {
        let name = self.str(node);
        let (first, second) = (Form::First(": "), Form::Second(": "));
        let hint = self.hint(Hint::Member(binding.hint, name.to_owned()));
        let hint = if binding.hint == UNKNOWN { UNKNOWN } else { hint };
        let next = Binding { hint, ..binding };
        if let Some(index) = self.bind_name(node, scope, next) {
            if let Some(last) = self.pending.last_mut() {
                last.form = second;
            }
            if let Some(module) = binding.required {
                self.take(index, module, name);
                let of = self.of_module(module);
                self.refer(node, scope, Role::Imports, first, of);
            } else {
                self.refer(node, scope, Role::Reads, first, Meaning::Member(binding.hint));
            }
        } else {
            self.push_as(Some(node), scope, Mode::Bind(binding));
        }
    }

    pub(super) fn take(&mut self, index: usize, module: &str, name: &str) {
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.import = Some(Import { module: module.to_owned(), name: Some(name.to_owned()) });
            draft.hint = UNKNOWN;
        }
    }

    /// The key of a pair: names a member of what the pattern takes apart. Gives what is known of the member.
    pub(super) fn key(&mut self, key: Node<'t>, scope: ScopeId, of: HintId, role: Role) -> HintId {
        let member = |builder: &mut Self, name: &str| match of {
            UNKNOWN => UNKNOWN,
            of => builder.hint(Hint::Member(of, name.to_owned())),
        };
        match key.kind() {
            "property_identifier" => {
                self.refer(key, scope, role, Form::Plain, Meaning::Member(of));
                member(self, self.str(key))
            }
            "string" => {
                self.quoted(key, scope, role, Meaning::Member(of));
                member(self, self.inner(key))
            }
            "computed_property_name" if nth(key, 0).is_some_and(|inner| inner.kind() == "string") => {
                match nth(key, 0) {
                    Some(inner) => self.key(inner, scope, of, role),
                    None => UNKNOWN,
                }
            }
            "computed_property_name" => {
                if let Some(inner) = nth(key, 0) {
                    self.computed.push((inner, scope));
                }
                self.push_children(key, scope);
                UNKNOWN
            }
            _ => UNKNOWN,
        }
    }

    /// What an assignment gives a value to.
    pub(super) fn assign(&mut self, node: Node<'t>, scope: ScopeId, hint: HintId) {
        match node.kind() {
            "identifier" => self.refer(node, scope, Role::Writes, Form::Plain, Meaning::Name(VALUE)),
            "member_expression" => self.access(node, scope, Role::Writes),
            "subscript_expression" => self.subscript(node, scope, Role::Writes),
            "parenthesized_expression" | "non_null_expression" => {
                self.push_patterns(node, scope, Mode::Assign(hint));
            }
            "object_pattern" | "object" => {
                let mut cursor = node.walk();
                let children: Vec<_> = node.named_children(&mut cursor).collect();
                for child in children.into_iter().rev() {
                    self.assign_property(child, scope, hint);
                }
            }
            "array_pattern" | "array" => {
                let element = self.hint(Hint::Element(hint));
                self.push_patterns(node, scope, Mode::Assign(element));
            }
            "rest_pattern" | "spread_element" => self.push_patterns(node, scope, Mode::Assign(UNKNOWN)),
            "assignment_pattern" | "assignment_expression" => {
                let ctx = if hint == UNKNOWN { Ctx::Own } else { Ctx::Of(hint) };
                self.push_as(node.child_by_field_name("right"), scope, Mode::Plain(ctx));
                self.push_as(node.child_by_field_name("left"), scope, Mode::Assign(hint));
            }
            "undefined" => {}
            _ => self.push(Some(node), scope),
        }
    }

    fn assign_property(&mut self, child: Node<'t>, scope: ScopeId, hint: HintId) {
        match child.kind() {
            "shorthand_property_identifier_pattern" | "shorthand_property_identifier" => {
                self.refer(child, scope, Role::Reads, Form::First(": "), Meaning::Member(hint));
                self.refer(child, scope, Role::Writes, Form::Second(": "), Meaning::Name(VALUE));
            }
            "object_assignment_pattern" => {
                self.push(child.child_by_field_name("right"), scope);
                match child.child_by_field_name("left") {
                    Some(left) if left.kind().starts_with("shorthand") => self.assign_property(left, scope, hint),
                    left => self.push_as(left, scope, Mode::Assign(UNKNOWN)),
                }
            }
            "pair_pattern" | "pair" => {
                let (Some(key), Some(value)) = (child.child_by_field_name("key"), child.child_by_field_name("value"))
                else {
                    return;
                };
                let next = self.key(key, scope, hint, Role::Reads);
                self.push_as(Some(value), scope, Mode::Assign(next));
            }
            "rest_pattern" | "spread_element" => self.push_as(Some(child), scope, Mode::Assign(UNKNOWN)),
            _ => self.push(Some(child), scope),
        }
    }
}
