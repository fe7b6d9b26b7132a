//! Patterns: what they bind, and what they name.

use super::collect::{Binder, Pending, Value, Wanted, children, range};
use super::walk::Work;
use crate::{DeclarationId, DeclarationKind, Form, Role, ScopeId, Space};
use deepcoder_syntax::Node;
use std::collections::HashMap;

impl<'t> Binder<'t> {
    /// Declares what a pattern binds from an offset on. The alternatives of an or-pattern bind the same variables.
    pub(super) fn pattern(
        &mut self,
        root: Node<'t>,
        scope: ScopeId,
        from: u32,
        kind: DeclarationKind,
        value: Option<Value<'t>>,
        work: &mut Work<'t>,
    ) {
        let mut bound: HashMap<&'t str, DeclarationId> = HashMap::new();
        let mut left = vec![(root, false)];
        while let Some((node, certain)) = left.pop() {
            match node.kind() {
                "identifier" => {
                    let value =
                        if node == root || certain && children(root).contains(&node) { value.clone() } else { None };
                    self.bind_name(node, scope, (from, kind, certain), Form::Plain, value, &mut bound);
                }
                "mut_pattern" | "ref_pattern" => {
                    left.extend(children(node).into_iter().rev().map(|child| (child, child.kind() == "identifier")));
                }
                "captured_pattern" => {
                    let mut first = true;
                    for child in children(node) {
                        left.push((child, first && child.kind() == "identifier"));
                        first = false;
                    }
                }
                "scoped_identifier" | "generic_pattern" => _ = self.path(node, scope, Space::Value, work),
                "tuple_struct_pattern" => {
                    let of = node.child_by_field_name("type");
                    if let Some(of) = of {
                        _ = self.path(of, scope, Space::Value, work);
                    }
                    left.extend(children(node).into_iter().rev().filter(|c| Some(*c) != of).map(|c| (c, false)));
                }
                "struct_pattern" => self.struct_pattern(node, scope, (from, kind), &mut bound, &mut left, work),
                "tuple_pattern" | "slice_pattern" | "or_pattern" | "reference_pattern" | "match_pattern" => {
                    left.extend(children(node).into_iter().rev().map(|child| (child, false)));
                }
                "range_pattern" => {
                    for child in children(node) {
                        work.push((child, scope));
                    }
                }
                "mutable_specifier" | "remaining_field_pattern" => {}
                _ => work.push((node, scope)),
            }
        }
    }

    fn bind_name(
        &mut self,
        node: Node<'t>,
        scope: ScopeId,
        (from, kind, certain): (u32, DeclarationKind, bool),
        form: Form,
        value: Option<Value<'t>>,
        bound: &mut HashMap<&'t str, DeclarationId>,
    ) {
        let at = self.name_at(node);
        let name = self.slice(at);
        let id = match bound.get(name) {
            Some(id) => *id,
            None => {
                let mut declaration = self.plain(kind, Space::Value, scope, at, range(node));
                declaration.from = from;
                let id = self.add(declaration, name);
                bound.insert(name, id);
                if let Some(value) = value {
                    self.values.push((id, scope, value));
                }
                id
            }
        };
        let wanted = if certain { Wanted::Known(crate::Target::Declaration(id)) } else { Wanted::Pattern(id) };
        self.pending.push(Pending { at, scope, role: Role::Declares, form, wanted });
    }

    fn struct_pattern(
        &mut self,
        node: Node<'t>,
        scope: ScopeId,
        (from, kind): (u32, DeclarationKind),
        bound: &mut HashMap<&'t str, DeclarationId>,
        left: &mut Vec<(Node<'t>, bool)>,
        work: &mut Work<'t>,
    ) {
        let Some(of) = node.child_by_field_name("type") else { return };
        let path = self.path(of, scope, Space::Type, work);
        for field in children(node).into_iter().filter(|child| child.kind() == "field_pattern") {
            let Some(name) = field.child_by_field_name("name") else { continue };
            let at = self.name_at(name);
            if name.kind() == "shorthand_field_identifier" {
                // `ref a` cannot be written as `ref field: a`.
                let modified = field.start_byte() != name.start_byte();
                let first = if modified { Form::Fixed } else { self.shorthand(name, Form::First(": ")) };
                self.form(at, scope, Role::Keyword, first, Wanted::Field(path));
                let second = if modified { Form::Fixed } else { self.shorthand(name, Form::Second(": ")) };
                // A constant cannot stand here: the name of the field is bound.
                self.bind_name(name, scope, (from, kind, true), second, None, bound);
            } else {
                if name.kind() == "field_identifier" {
                    self.form(at, scope, Role::Keyword, Form::Plain, Wanted::Field(path));
                    self.pair(name, field.child_by_field_name("pattern"));
                }
                left.extend(field.child_by_field_name("pattern").map(|pattern| (pattern, false)));
            }
        }
    }
}
