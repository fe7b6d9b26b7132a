//! What the text tells of values and types, and what each name means.

use super::super::names::{children, range};
use super::walk::{Source, Walk, What};
use crate::{DeclarationId, DeclarationKind, Known, Members, ScopeId, ScopeKind, Space, Target, Why};
use deepcoder_syntax::Node;

/// How far chains of selectors, calls and declarations are followed.
const DEPTH: u32 = 48;

const PREDECLARED: &[&str] = &[
    "any",
    "bool",
    "byte",
    "comparable",
    "complex128",
    "complex64",
    "error",
    "float32",
    "float64",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "rune",
    "string",
    "uint",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uintptr",
];

impl<'t> Walk<'t> {
    /// Gives every name its target and every declaration its value.
    pub(super) fn resolve(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            let name = self.names.slice(pending.at);
            let target = match pending.what {
                What::Name => self.name(name, pending.scope, pending.at.start),
                What::Label => {
                    let function = self.around(pending.scope);
                    let found = self.names.visible(function, Space::Label, name, pending.at.start);
                    found.map_or(Target::Dynamic(Why::Syntax), Target::Declaration)
                }
                What::Selected(operand) => self.selected(operand, name, pending.scope),
                What::Key(of) => self.key(of, name, pending.scope, pending.at.start),
            };
            self.names.form(pending.at, pending.scope, pending.role, target, pending.form);
        }
        let sources: Vec<_> = self.sources.iter().map(|(id, (source, scope))| (*id, *source, *scope)).collect();
        for (id, source, scope) in sources {
            let value = self.value(source, scope);
            if let Some(found) = self.names.declaration(id) {
                found.value = value;
            }
        }
        for (id, node, scope) in std::mem::take(&mut self.bases) {
            let base = self.of_type(node, scope);
            if let Some(found) = self.names.declaration(id) {
                found.bases.push(base);
            }
        }
        for (scope, node) in std::mem::take(&mut self.receivers) {
            let of = self.of_type(node, scope);
            if let Some(found) = self.names.bindings.scopes.get_mut(scope.0 as usize) {
                found.of = Some(of);
            }
        }
    }

    fn value(&self, source: Source<'t>, scope: ScopeId) -> Known {
        let part =
            |value: Known, index| if value == Known::Unknown { value } else { Known::Part(Box::new(value), index) };
        match source {
            Source::Type(node) => instance(self.of_type(node, scope)),
            Source::Value(node, None) => self.known(node, scope, 0),
            Source::Value(node, Some(index)) => match (node.kind(), index) {
                ("call_expression", _) => part(self.known(node, scope, 0), index),
                // `v, ok :=` of an assertion, a map, a channel
                (_, 0) => self.known(node, scope, 0),
                _ => Known::Builtin("bool"),
            },
            Source::Element(node) => self.element(node, scope, false),
            Source::Key(node) => self.element(node, scope, true),
            Source::Result(node) if node.kind() == "parameter_list" => {
                let mut results = Vec::new();
                for parameter in children(node) {
                    let of = parameter.child_by_field_name("type");
                    let of = of.map_or(Known::Unknown, |of| instance(self.of_type(of, scope)));
                    let named = super::super::names::fields(parameter, "name").len();
                    results.extend(std::iter::repeat_n(of, named.max(1)));
                }
                match results.as_slice() {
                    [only] => only.clone(),
                    _ => Known::Tuple(results),
                }
            }
            Source::Result(node) => instance(self.of_type(node, scope)),
            Source::Alias(node) => self.of_type(node, scope),
            Source::Defined(_) | Source::Switched(_) => Known::Unknown,
        }
    }

    /// The declaration that a name means; classes are no part of the scopes of their methods.
    pub(super) fn lookup(&self, name: &'t str, mut scope: ScopeId, at: u32) -> Option<DeclarationId> {
        loop {
            if self.names.kind(scope) != ScopeKind::Class
                && let Some(id) = self.names.visible(scope, Space::Value, name, at)
            {
                return Some(id);
            }
            scope = self.names.parent(scope)?;
        }
    }

    pub(super) fn name(&self, name: &'t str, scope: ScopeId, at: u32) -> Target {
        self.lookup(name, scope, at).map_or(Target::Outside, Target::Declaration)
    }

    fn of_name(&self, node: Node<'t>, scope: ScopeId) -> Known {
        let name = self.names.of(node);
        match self.lookup(name, scope, range(node).start) {
            Some(id) => Known::Itself(id),
            None => match PREDECLARED.iter().find(|known| **known == name) {
                Some(known) => Known::Builtin(known),
                None => Known::Outside(name.to_owned()),
            },
        }
    }

    /// A type itself; pointers to it have its members.
    pub(super) fn of_type(&self, mut node: Node<'t>, scope: ScopeId) -> Known {
        for _ in 0..DEPTH {
            match node.kind() {
                "type_identifier" | "identifier" => return self.of_name(node, scope),
                "qualified_type" => {
                    let package = node.child_by_field_name("package");
                    let name = node.child_by_field_name("name");
                    let (Some(package), Some(name)) = (package, name) else { return Known::Unknown };
                    return Known::Member(Box::new(self.of_name(package, scope)), self.names.of(name).to_owned());
                }
                "selector_expression" => return self.known(node, scope, 0),
                "generic_type" => match node.child_by_field_name("type") {
                    Some(next) => node = next,
                    None => return Known::Unknown,
                },
                "pointer_type" | "parenthesized_type" | "type_elem" => match children(node).as_slice() {
                    [next] => node = *next,
                    _ => return Known::Unknown,
                },
                "slice_type" | "array_type" | "implicit_length_array_type" | "variadic_parameter_declaration" => {
                    return Known::Builtin("slice");
                }
                "map_type" => return Known::Builtin("map"),
                "channel_type" => return Known::Builtin("chan"),
                "function_type" => return Known::Builtin("func"),
                _ => return Known::Unknown,
            }
        }
        Known::Unknown
    }

    /// The value of an expression.
    fn known(&self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        if depth > DEPTH {
            return Known::Unknown;
        }
        let next = |node: Option<Node<'t>>| node.map_or(Known::Unknown, |node| self.known(node, scope, depth + 1));
        match node.kind() {
            "identifier" | "package_identifier" | "type_identifier" => {
                let found = self.of_name(node, scope);
                match found {
                    Known::Itself(id) => self.switched(id, scope, depth).unwrap_or(found),
                    found => found,
                }
            }
            "selector_expression" => {
                let name = node.child_by_field_name("field").map(|field| self.names.of(field).to_owned());
                match (next(node.child_by_field_name("operand")), name) {
                    (Known::Unknown, _) | (_, None) => Known::Unknown,
                    (of, Some(name)) => Known::Member(Box::new(of), name),
                }
            }
            "parenthesized_expression" => next(children(node).first().copied()),
            "unary_expression" => {
                let operator = node.child_by_field_name("operator").map_or("", |operator| self.names.of(operator));
                match operator {
                    "&" | "*" => next(node.child_by_field_name("operand")),
                    "<-" => {
                        node.child_by_field_name("operand").map_or(Known::Unknown, |of| self.element(of, scope, false))
                    }
                    "!" => Known::Builtin("bool"),
                    _ => Known::Unknown,
                }
            }
            "call_expression" => {
                let Some(called) = node.child_by_field_name("function") else { return Known::Unknown };
                let argument = node.child_by_field_name("arguments").and_then(|list| children(list).first().copied());
                if let ("new" | "make", "identifier") = (self.names.of(called), called.kind())
                    && self.lookup(self.names.of(called), scope, range(called).start).is_none()
                {
                    return argument.map_or(Known::Unknown, |of| instance(self.of_type(of, scope)));
                }
                match self.known(called, scope, depth + 1) {
                    Known::Unknown => Known::Unknown,
                    found => Known::Called(Box::new(found)),
                }
            }
            "type_instantiation_expression" => {
                node.child_by_field_name("type").map_or(Known::Unknown, |of| self.of_type(of, scope))
            }
            "generic_type" | "qualified_type" | "pointer_type" => self.of_type(node, scope),
            "composite_literal" | "type_assertion_expression" | "type_conversion_expression" => {
                node.child_by_field_name("type").map_or(Known::Unknown, |of| instance(self.of_type(of, scope)))
            }
            "index_expression" => {
                let Some(operand) = node.child_by_field_name("operand") else { return Known::Unknown };
                // `f[int]` is the function, with a type argument.
                if let Known::Itself(id) = self.known(operand, scope, depth + 1)
                    && let Some(found) = self.names.bindings.declaration(id)
                    && matches!(found.kind, DeclarationKind::Function | DeclarationKind::Class)
                {
                    return Known::Itself(id);
                }
                self.element(operand, scope, false)
            }
            "func_literal" => Known::Builtin("func"),
            "int_literal" | "float_literal" | "imaginary_literal" | "rune_literal" => Known::Builtin("number"),
            "interpreted_string_literal" | "raw_string_literal" => Known::Builtin("string"),
            "true" | "false" => Known::Builtin("bool"),
            _ => Known::Unknown,
        }
    }

    /// The value of a type switch's variable in the clause around a scope.
    fn switched(&self, id: DeclarationId, mut scope: ScopeId, depth: u32) -> Option<Known> {
        let (Source::Switched(value), home) = self.sources.get(&id)? else { return None };
        loop {
            if self.names.parent(scope) == Some(*home) {
                return Some(match self.clauses.get(&scope) {
                    Some(of) => instance(self.of_type(*of, scope)),
                    None => self.known(*value, *home, depth + 1),
                });
            }
            scope = self.names.parent(scope)?;
        }
    }

    fn selected(&self, operand: Node<'t>, name: &'t str, scope: ScopeId) -> Target {
        if let Some((node, _)) = self.type_of(operand, scope, 0)
            && node.kind() == "struct_type"
            && let Some(body) = self.bodies.get(&node.id())
        {
            if let Some(id) = self.names.visible(*body, Space::Value, name, u32::MAX) {
                return Target::Declaration(id);
            }
            // An embedded type of a struct without a name.
            let embedded = self.embedded.get(body).into_iter().flatten();
            if let Some((of, scope)) = embedded.clone().find(|(of, _)| self.base_name(*of) == name) {
                return self.type_target(*of, *scope);
            }
            let all: Vec<Known> = embedded.map(|(of, scope)| instance(self.of_type(*of, *scope))).collect();
            return Target::Member(if all.is_empty() { Known::Unknown } else { Known::Either(all) });
        }
        Target::Member(self.known(operand, scope, 0))
    }

    /// The name by which an embedded type is a field.
    fn base_name(&self, mut node: Node<'t>) -> &'t str {
        while let "generic_type" | "pointer_type" | "qualified_type" | "parenthesized_type" = node.kind() {
            let next = match node.kind() {
                "qualified_type" => node.child_by_field_name("name"),
                "generic_type" => node.child_by_field_name("type"),
                _ => children(node).first().copied(),
            };
            let Some(next) = next else { break };
            node = next;
        }
        self.names.of(node)
    }

    fn type_target(&self, node: Node<'t>, scope: ScopeId) -> Target {
        match self.of_type(node, scope) {
            Known::Itself(id) => Target::Declaration(id),
            Known::Member(of, _) => Target::Member(*of),
            _ => Target::Outside,
        }
    }

    /// An element of a value whose type is written in this file.
    fn element(&self, node: Node<'t>, scope: ScopeId, key: bool) -> Known {
        let found = self.type_of(node, scope, 0).and_then(|(of, scope)| self.inside(of, scope, key));
        found.map_or(Known::Unknown, |(of, scope)| instance(self.of_type(of, scope)))
    }

    /// The type that a named type of this file is defined by, or that an alias means.
    fn underlying(&self, mut node: Node<'t>, mut scope: ScopeId) -> Option<(Node<'t>, ScopeId)> {
        for _ in 0..DEPTH {
            match node.kind() {
                "pointer_type" | "parenthesized_type" => node = *children(node).first()?,
                "generic_type" => node = node.child_by_field_name("type")?,
                "type_identifier" | "identifier" => {
                    let id = self.lookup(self.names.of(node), scope, range(node).start)?;
                    let (Source::Defined(next) | Source::Alias(next), home) = self.sources.get(&id)? else {
                        return None;
                    };
                    (node, scope) = (*next, *home);
                }
                "qualified_type" => return None,
                _ => return Some((node, scope)),
            }
        }
        None
    }

    fn inside(&self, node: Node<'t>, scope: ScopeId, key: bool) -> Option<(Node<'t>, ScopeId)> {
        let (node, scope) = self.underlying(node, scope)?;
        let found = match node.kind() {
            "map_type" if key => node.child_by_field_name("key"),
            "map_type" | "channel_type" => node.child_by_field_name("value"),
            "slice_type" | "array_type" | "implicit_length_array_type" if !key => node.child_by_field_name("element"),
            "variadic_parameter_declaration" if !key => node.child_by_field_name("type"),
            _ => None,
        };
        found.map(|found| (found, scope))
    }

    /// The written type of an expression, where it is in this file.
    fn type_of(&self, node: Node<'t>, scope: ScopeId, depth: u32) -> Option<(Node<'t>, ScopeId)> {
        if depth > DEPTH {
            return None;
        }
        match node.kind() {
            "identifier" => {
                let id = self.lookup(self.names.of(node), scope, range(node).start)?;
                let (source, home) = *self.sources.get(&id)?;
                match source {
                    Source::Type(of) => Some((of, home)),
                    Source::Value(value, None) => self.type_of(value, home, depth + 1),
                    Source::Element(value) | Source::Key(value) => {
                        let (of, scope) = self.type_of(value, home, depth + 1)?;
                        self.inside(of, scope, matches!(source, Source::Key(_)))
                    }
                    _ => None,
                }
            }
            "parenthesized_expression" => self.type_of(*children(node).first()?, scope, depth + 1),
            "unary_expression" => {
                let operator = node.child_by_field_name("operator").map(|operator| self.names.of(operator))?;
                let operand = node.child_by_field_name("operand")?;
                match operator {
                    "&" | "*" => self.type_of(operand, scope, depth + 1),
                    _ => None,
                }
            }
            "composite_literal" | "type_assertion_expression" | "type_conversion_expression" => {
                node.child_by_field_name("type").map(|of| (of, scope))
            }
            "call_expression" => {
                let called = node.child_by_field_name("function").filter(|called| called.kind() == "identifier")?;
                let name = self.names.of(called);
                let Some(id) = self.lookup(name, scope, range(called).start) else {
                    let argument =
                        node.child_by_field_name("arguments").and_then(|list| children(list).first().copied());
                    return argument.filter(|_| matches!(name, "new" | "make")).map(|of| (of, scope));
                };
                match *self.sources.get(&id)? {
                    (Source::Result(of), home) if of.kind() != "parameter_list" => Some((of, home)),
                    _ => None,
                }
            }
            "index_expression" => {
                let (of, scope) = self.type_of(node.child_by_field_name("operand")?, scope, depth + 1)?;
                self.inside(of, scope, false)
            }
            "selector_expression" => {
                let (of, scope) = self.type_of(node.child_by_field_name("operand")?, scope, depth + 1)?;
                let (of, _) = self.underlying(of, scope)?;
                let name = node.child_by_field_name("field").map(|field| self.names.of(field))?;
                let id = self.names.visible(*self.bodies.get(&of.id())?, Space::Value, name, u32::MAX)?;
                match *self.sources.get(&id)? {
                    (Source::Type(of), home) => Some((of, home)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A name before a colon in a literal: a field where the type is a struct, an expression in maps and slices.
    fn key(&self, of: Option<(Node<'t>, u32)>, name: &'t str, scope: ScopeId, at: u32) -> Target {
        let lexical = self.name(name, scope, at);
        let Some((node, depth)) = of else { return Target::Dynamic(Why::UnknownReceiver) };
        let (mut node, mut home) = (node, scope);
        for _ in 0..depth {
            match self.inside(node, home, false) {
                Some(next) => (node, home) = next,
                None => return Target::Dynamic(Why::UnknownReceiver),
            }
        }
        match self.underlying(node, home) {
            Some((body, _)) if body.kind() == "struct_type" => {
                let scope = self.bodies.get(&body.id());
                match scope.and_then(|scope| self.names.visible(*scope, Space::Value, name, u32::MAX)) {
                    Some(id) => Target::Declaration(id),
                    None => Target::Member(instance(self.of_type(node, home))),
                }
            }
            Some((body, _)) if body.kind().ends_with("_type") && body.kind() != "interface_type" => lexical,
            _ => Target::Lookup {
                of: vec![instance(self.of_type(node, home))],
                members: Members::Any,
                otherwise: Box::new(lexical),
            },
        }
    }
}

fn instance(of: Known) -> Known {
    match of {
        Known::Unknown | Known::Builtin(_) => of,
        of => Known::Instance(Box::new(of)),
    }
}
