//! Variables of statements and patterns.

use super::super::names::{child, children, range};
use super::walk::{Source, Walk, What};
use crate::{DeclarationKind as Kind, Role, ScopeId, ScopeKind};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// How far a condition is followed outwards: each step costs the depth of the tree.
const CLIMB: u32 = 64;

impl<'t> Walk<'t> {
    pub(super) fn locals(&mut self, node: Node<'t>, scope: ScopeId) {
        let of = node.child_by_field_name("type");
        for part in children(node) {
            if part.kind() != "variable_declarator" {
                self.push(part, scope);
                continue;
            }
            let value = part.child_by_field_name("value");
            if let Some(name) = part.child_by_field_name("name").filter(|name| name.kind() == "identifier") {
                let id = self.local(name, Kind::Variable, scope, node);
                if let (Some(of), None) = (of, part.child_by_field_name("dimensions")) {
                    self.typed(id, of, value, scope);
                }
            }
            self.stack.extend(value.map(|value| (value, scope, Role::Reads)));
        }
    }

    pub(super) fn enhanced_for(&mut self, node: Node<'t>, scope: ScopeId) {
        let inner = self.names.scope(ScopeKind::Block, scope, node);
        let name = node.child_by_field_name("name");
        for part in children(node) {
            if Some(part) == name {
                if part.kind() == "identifier" {
                    let id = self.local(part, Kind::Variable, inner, node);
                    if let Some(of) = node.child_by_field_name("type") {
                        self.typed(id, of, None, inner);
                    }
                }
            } else if Some(part) == node.child_by_field_name("value") {
                self.push(part, scope);
            } else {
                self.push(part, inner);
            }
        }
    }

    pub(super) fn catch(&mut self, node: Node<'t>, scope: ScopeId) {
        let inner = self.names.scope(ScopeKind::Block, scope, node);
        if let Some(parameter) = child(node, "catch_formal_parameter") {
            let name = parameter.child_by_field_name("name").filter(|name| name.kind() == "identifier");
            let types = child(parameter, "catch_type").map(children).unwrap_or_default();
            if let Some(name) = name {
                let id = self.declare(name, Kind::Parameter, inner, parameter);
                if let [only] = types.as_slice() {
                    self.source(id, Source::Type(*only), inner);
                }
            }
            let rest: Vec<Node<'t>> = children(parameter).into_iter().filter(|part| Some(*part) != name).collect();
            self.push_all(&rest, inner);
        }
        self.push_field(node, "body", inner);
    }

    pub(super) fn resource(&mut self, node: Node<'t>, scope: ScopeId) {
        let name = node.child_by_field_name("name").filter(|name| name.kind() == "identifier");
        if let Some(name) = name {
            let id = self.local(name, Kind::Variable, scope, node);
            if let Some(of) = node.child_by_field_name("type") {
                self.typed(id, of, node.child_by_field_name("value"), scope);
            }
        }
        let rest: Vec<Node<'t>> = children(node).into_iter().filter(|part| Some(*part) != name).collect();
        self.push_all(&rest, scope);
    }

    /// `x instanceof T t`: `t` is in scope where the test is known to have come out true. Certain is what follows in the
    /// condition, joined by `&&`, and what is done if it holds.
    pub(super) fn instance_of(&mut self, node: Node<'t>, scope: ScopeId) {
        if let Some(name) = node.child_by_field_name("name") {
            let id = self.local(name, Kind::Variable, scope, node);
            if let Some(of) = node.child_by_field_name("right") {
                self.source(id, Source::Type(of), scope);
            }
            self.patterns.insert(id, certain(node));
        }
        let name = node.child_by_field_name("name");
        let rest: Vec<Node<'t>> = children(node).into_iter().filter(|part| Some(*part) != name).collect();
        self.push_all(&rest, scope);
    }

    /// The variable of a pattern with a type.
    pub(super) fn pattern(&mut self, node: Node<'t>, scope: ScopeId) {
        let parts = children(node);
        let name = parts.last().filter(|name| parts.len() > 1 && name.kind() == "identifier").copied();
        if let Some(name) = name {
            let id = self.local(name, Kind::Variable, scope, node);
            if let Some(of) = parts.iter().rev().nth(1) {
                self.typed(id, *of, None, scope);
            }
            let mut around = node;
            while let Some(next) =
                around.parent().filter(|_| !matches!(around.kind(), "instanceof_expression" | "switch_label"))
            {
                around = next;
            }
            let found = match around.kind() {
                "instanceof_expression" => certain(around),
                _ => around.parent().map(range).into_iter().collect(),
            };
            self.patterns.insert(id, found);
        }
        let rest: Vec<Node<'t>> = parts.into_iter().filter(|part| Some(*part) != name).collect();
        self.push_all(&rest, scope);
    }

    pub(super) fn record_pattern(&mut self, node: Node<'t>, scope: ScopeId) {
        for part in children(node) {
            match part.kind() {
                "identifier" => self.later(part, scope, Role::Reads, What::Type),
                _ => self.push(part, scope),
            }
        }
    }

    pub(super) fn switch_label(&mut self, node: Node<'t>, scope: ScopeId) {
        let mut switch = node;
        while let Some(next) = switch.parent().filter(|_| switch.kind() != "switch_expression") {
            switch = next;
        }
        let condition = switch.child_by_field_name("condition");
        for part in children(node) {
            match condition {
                Some(condition) if part.kind() == "identifier" => {
                    self.later(part, scope, Role::Reads, What::Case(condition))
                }
                _ => self.push(part, scope),
            }
        }
    }
}

/// Where a test is certain to have come out true.
fn certain(test: Node<'_>) -> Vec<TextRange> {
    let mut found = vec![range(test)];
    let mut node = test;
    for _ in 0..CLIMB {
        let Some(parent) = node.parent() else { break };
        let operator = parent.child_by_field_name("operator").map(|operator| operator.kind());
        match parent.kind() {
            "parenthesized_expression" => {}
            "binary_expression" if operator == Some("&&") => {
                if parent.child_by_field_name("left") == Some(node) {
                    found.extend(parent.child_by_field_name("right").map(range));
                }
            }
            "if_statement" | "ternary_expression" if parent.child_by_field_name("condition") == Some(node) => {
                found.extend(parent.child_by_field_name("consequence").map(range));
                break;
            }
            "while_statement" if parent.child_by_field_name("condition") == Some(node) => {
                found.extend(parent.child_by_field_name("body").map(range));
                break;
            }
            _ => break,
        }
        node = parent;
    }
    found
}
