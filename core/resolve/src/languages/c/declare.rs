//! Declarations: declarators, variables, functions, parameters, other names of types.

use super::super::names::{child, children, fields, offset, range};
use super::declarator::{Declarator, is_declarator, is_function, path};
use super::walk::{Aggregate, FILE, Source, Walk, What};
use crate::{Declaration, DeclarationId, DeclarationKind as Kind, HazardKind, Role, ScopeId, ScopeKind, Space, Target};
use deepcoder_syntax::Node;

impl<'t> Walk<'t> {
    /// Declares a name; several declarations of one name in a scope are one.
    pub(super) fn once(
        &mut self,
        name: Node<'t>,
        (kind, space): (Kind, Space),
        scope: ScopeId,
        extent: Node<'t>,
        from: usize,
    ) -> DeclarationId {
        let text = self.names.of(name);
        let known = self.names.here(scope, space, text).first().copied();
        let id = known.unwrap_or_else(|| {
            let mut found = Declaration::new(text, (kind, space), scope, (range(name), range(extent)));
            if matches!(self.names.kind(scope), ScopeKind::Function | ScopeKind::Block) && kind != Kind::Label {
                found.from = offset(from);
            }
            found.public = !matches!(self.names.kind(scope), ScopeKind::Function | ScopeKind::Block);
            self.names.declare(text, found)
        });
        let whole = matches!(extent.kind(), "function_definition" | "init_declarator")
            || extent.child_by_field_name("body").is_some();
        let external = child(extent, "storage_class_specifier").is_some_and(|found| self.names.of(found) == "extern");
        if let Some(found) = self.names.declaration(id).filter(|_| known.is_some()) {
            let variable = matches!(found.kind, Kind::Variable) && !external;
            if whole || variable {
                found.extent = range(extent);
            }
            if whole && found.kind != kind && kind == Kind::Enum {
                found.kind = kind;
            }
        }
        let form = if kind == Kind::Function && self.names.of(name) == "main" {
            crate::Form::Fixed
        } else {
            crate::Form::Plain
        };
        self.names.form(range(name), scope, Role::Declares, Target::Declaration(id), form);
        id
    }

    fn has_word(&self, node: Node<'t>, word: &str) -> bool {
        children(node).iter().any(|found| found.kind() == "storage_class_specifier" && self.names.of(*found) == word)
    }

    pub(super) fn declaration(&mut self, node: Node<'t>, scope: ScopeId) {
        let of = node.child_by_field_name("type");
        let declarators = fields(node, "declarator");
        let member = self.names.kind(self.home(scope)) == ScopeKind::Class;
        if let (true, Some(of)) = (declarators.is_empty(), of) {
            let named = of.child_by_field_name("name").is_some();
            match of.child_by_field_name("body") {
                // The members of a type without a name and without a member of it are those of the type around.
                Some(body) if member && !named && of.kind() != "enum_specifier" => {
                    return self.push_all(&children(body), scope);
                }
                None if named && is_tagged(of) => return self.forward(of, scope),
                _ => {}
            }
        }
        let values: Vec<Node<'t>> =
            ["default_value", "value"].iter().filter_map(|name| node.child_by_field_name(name)).collect();
        for part in children(node).iter().rev() {
            if Some(*part) != of && !declarators.contains(part) && !values.contains(part) {
                self.push(*part, scope);
            }
        }
        for declarator in declarators.iter().rev() {
            let found = Declarator::of(*declarator);
            let named = of.is_some_and(|of| matches!(of.kind(), "type_identifier" | "macro_type_specifier"));
            if found.looks_called() && named {
                continue;
            }
            let value = declarator.child_by_field_name("value").or_else(|| values.first().copied());
            let kind = if member { Kind::Field } else { Kind::Variable };
            self.variable(*declarator, of, value, scope, (kind, declarator_end(*declarator)), node);
        }
        if let Some(of) = of {
            self.push(of, scope);
        }
    }

    /// What a declarator declares, with its value.
    pub(super) fn variable(
        &mut self,
        declarator: Node<'t>,
        of: Option<Node<'t>>,
        value: Option<Node<'t>>,
        scope: ScopeId,
        (kind, from): (Kind, usize),
        extent: Node<'t>,
    ) {
        let found = Declarator::of(declarator);
        let is_auto = of.is_some_and(|of| matches!(of.kind(), "placeholder_type_specifier" | "auto"));
        match value {
            Some(value) if value.kind() == "initializer_list" => {
                let of = of.filter(|_| found.has_type());
                let of = of.map(|of| Aggregate { of, members: Vec::new(), arrays: found.arrays() });
                self.literal(value, scope, of);
            }
            Some(value) => self.push(value, scope),
            None => {}
        }
        self.declarator_parts(&found, scope, None);
        let Some(name) = found.name else { return };
        let home = self.home(scope);
        let inner = self.names.kind(home);
        match name.kind() {
            "identifier" | "field_identifier" | "type_identifier" | "primitive_type" => {}
            "structured_binding_declarator" => {
                for name in children(name) {
                    self.once(name, (kind, Space::Value), home, extent, from);
                }
                return;
            }
            _ => return self.odd_name(name, scope),
        }
        let text = self.names.of(name);
        if self.class_name(home) == Some(text) {
            return self.later(name, scope, Role::Reads, What::Name);
        }
        let local = matches!(inner, ScopeKind::Function | ScopeKind::Block);
        let function = found.function();
        let (kind, home) = match function {
            Some(_) if inner == ScopeKind::Class => (Kind::Method, home),
            // A prototype in a block is that of the file's function; in C++ it may be a variable with arguments.
            Some(function) if local && self.cpp => {
                if !function.child_by_field_name("parameters").is_some_and(|list| only_names(list)) {
                    self.names.hazard(range(name), HazardKind::Syntax, Some(text));
                }
                (kind, home)
            }
            Some(_) if local => (Kind::Function, FILE),
            Some(_) => (Kind::Function, home),
            None if local && self.has_word(extent, "extern") => (kind, FILE),
            None => (kind, home),
        };
        let id = self.once(name, (kind, Space::Value), home, extent, from);
        if let Some(function) = function {
            self.overload(id, function, text);
        }
        let internal = self.has_word(extent, "static");
        if let Some(found) = self.names.declaration(id) {
            if inner == ScopeKind::Class {
                found.is_static |= internal;
            } else {
                found.public &= !internal;
            }
        }
        match (of, value) {
            (_, Some(value)) if is_auto => _ = self.sources.insert(id, (Source::Value(value), scope)),
            (Some(of), _) if found.has_type() => _ = self.sources.insert(id, (Source::Type(of), scope)),
            _ => {}
        }
    }

    /// What is declared under no plain name: a member outside of its type, an operator, a destructor.
    fn odd_name(&mut self, name: Node<'t>, scope: ScopeId) {
        if matches!(name.kind(), "operator_name" | "operator_cast")
            && self.names.kind(self.home(scope)) == ScopeKind::Class
        {
            let mut found = Declaration::new(
                "operator",
                (Kind::Method, Space::Value),
                self.home(scope),
                (range(name), range(name)),
            );
            found.public = true;
            self.names.hide(found);
        }
        self.push(name, scope);
    }

    /// The name of the class whose body a scope is.
    pub(super) fn class_name(&self, scope: ScopeId) -> Option<&'t str> {
        let found = self.names.bindings.scope(scope).filter(|found| found.kind == ScopeKind::Class && self.cpp)?;
        let owner = self.names.bindings.declaration(found.owner?)?;
        Some(self.names.slice(owner.at)).filter(|name| !name.is_empty())
    }

    /// Two functions of one name and other parameters.
    fn overload(&mut self, id: DeclarationId, function: Node<'t>, name: &str) {
        if !self.cpp {
            return;
        }
        let mut signature = String::new();
        for parameter in function.child_by_field_name("parameters").map(children).unwrap_or_default() {
            let declarator = parameter.child_by_field_name("declarator");
            let value = parameter.child_by_field_name("default_value");
            for part in children(parameter).into_iter().filter(|part| Some(*part) != declarator && Some(*part) != value)
            {
                signature.extend(self.names.of(part).split_whitespace());
            }
            let marks = declarator.map_or("", |declarator| self.names.of(declarator));
            signature.extend(marks.chars().filter(|c| matches!(c, '*' | '&' | '[' | '(')));
            signature.push(',');
        }
        let constant = children(function).iter().any(|part| part.kind() == "type_qualifier");
        signature.push_str(if constant { "const" } else { "" });
        match self.signatures.get(&id) {
            Some(known) if *known != signature => {
                let at = range(function);
                self.names.hazard(at, HazardKind::Overload, Some(name));
            }
            Some(_) => {}
            None => _ = self.signatures.insert(id, signature),
        }
    }

    /// The parameters and the sizes in a declarator. Those of `main` are declared in the scope, others in one of their own.
    pub(super) fn declarator_parts(&mut self, found: &Declarator<'t>, scope: ScopeId, main: Option<Node<'t>>) {
        for wrapper in &found.wrappers {
            let is_main = Some(*wrapper) == main;
            let inner = match is_function(wrapper) && !is_main {
                true => self.names.scope(ScopeKind::Function, scope, *wrapper),
                false => scope,
            };
            let declarator = wrapper.child_by_field_name("declarator");
            for part in children(*wrapper).into_iter().rev().filter(|part| Some(*part) != declarator) {
                match part.kind() {
                    "parameter_list" => {
                        for parameter in children(part).into_iter().rev() {
                            match parameter.kind() {
                                "identifier" if is_main => {
                                    let from = parameter.end_byte();
                                    self.once(parameter, (Kind::Parameter, Space::Value), inner, parameter, from);
                                }
                                _ => self.push(parameter, inner),
                            }
                        }
                    }
                    _ if is_declarator(&part) && !wrapper.kind().ends_with("array_declarator") => {}
                    _ => self.push(part, inner),
                }
            }
        }
    }

    pub(super) fn parameter(&mut self, node: Node<'t>, scope: ScopeId) {
        let of = node.child_by_field_name("type");
        let declarator = node.child_by_field_name("declarator");
        let value = node.child_by_field_name("default_value");
        for part in children(node).iter().rev() {
            if Some(*part) != of && Some(*part) != declarator {
                self.push(*part, scope);
            }
        }
        if let Some(declarator) = declarator {
            let found = Declarator::of(declarator);
            self.declarator_parts(&found, scope, None);
            if let Some(name) = found.name.filter(|name| name.kind() == "identifier") {
                let from = value.map_or(declarator.end_byte(), |value| value.end_byte());
                let id = self.once(name, (Kind::Parameter, Space::Value), scope, node, from);
                if let Some(of) = of.filter(|_| found.any_function().is_none()) {
                    self.sources.insert(id, (Source::Type(of), scope));
                }
            }
        }
        if let Some(of) = of {
            self.push(of, scope);
        }
    }

    pub(super) fn function(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(declarator) = node.child_by_field_name("declarator") else {
            return self.push_all(&children(node), scope);
        };
        let found = Declarator::of(declarator);
        let of = node.child_by_field_name("type");
        let body = node.child_by_field_name("body");
        let function = found.function();
        let mut outside = scope;
        let mut named = found.name;
        if let Some(name) = named.filter(|name| name.kind() == "qualified_identifier") {
            let parts = path(name);
            let (last, before) =
                parts.split_last().map_or((name, Vec::new()), |(last, before)| (*last, before.to_vec()));
            let plain = matches!(last.kind(), "identifier" | "field_identifier");
            let constructor = before.last().is_some_and(|owner| {
                let owner = owner.child_by_field_name("name").unwrap_or(*owner);
                self.names.of(owner) == self.names.of(last)
            });
            outside = self.outer_scope(&before, scope, node);
            named = Some(last).filter(|_| plain && !constructor && !before.is_empty());
            let shown = if named.is_some() { before.as_slice() } else { parts.as_slice() };
            self.qualified_parts(name, shown, scope, Role::Reads);
        }
        let inner = self.names.scope(ScopeKind::Function, outside, node);
        let home = self.home(outside);
        if let Some(name) = named {
            let text = self.names.of(name);
            let plain = matches!(name.kind(), "identifier" | "field_identifier" | "primitive_type" | "type_identifier");
            if !plain {
                if name.kind() != "qualified_identifier" {
                    self.odd_name(name, outside);
                }
            } else if self.class_name(home) == Some(text) {
                self.later(name, outside, Role::Reads, What::Name);
            } else {
                let kind = if self.names.kind(home) == ScopeKind::Class { Kind::Method } else { Kind::Function };
                let id = self.once(name, (kind, Space::Value), home, node, name.end_byte());
                if let Some(function) = function {
                    self.overload(id, function, text);
                }
                let internal = self.has_word(node, "static");
                if let Some(found) = self.names.declaration(id) {
                    if kind == Kind::Method {
                        found.is_static |= internal;
                    } else {
                        found.public &= !internal;
                    }
                }
                if let Some(of) = of.filter(|_| found.has_type() && function.is_some()) {
                    self.sources.insert(id, (Source::Type(of), scope));
                }
                if let Some(inner) = self.names.bindings.scopes.get_mut(inner.0 as usize) {
                    inner.owner = Some(id);
                }
            }
        }
        match body.filter(|body| body.kind() == "compound_statement") {
            // Parameters cannot be declared again in the body.
            Some(body) => self.push_all(&children(body), inner),
            None => self.push_all(&body.into_iter().collect::<Vec<_>>(), inner),
        }
        for part in children(node).iter().rev() {
            if Some(*part) != of && Some(*part) != body && *part != declarator {
                self.push(*part, inner);
            }
        }
        self.declarator_parts(&found, inner, function.or(found.any_function()));
        if let Some(of) = of {
            self.push(of, scope);
        }
    }

    pub(super) fn type_definition(&mut self, node: Node<'t>, scope: ScopeId) {
        let of = node.child_by_field_name("type");
        for declarator in fields(node, "declarator") {
            let found = Declarator::of(declarator);
            self.declarator_parts(&found, scope, None);
            let Some(name) = found.name else { continue };
            let home = self.home(scope);
            let id = self.once(name, (Kind::TypeAlias, Space::Value), home, node, declarator.end_byte());
            if let Some(of) = of.filter(|_| found.any_function().is_none()) {
                self.sources.insert(id, (Source::Alias(of), scope));
            }
        }
        if let Some(of) = of {
            self.push(of, scope);
        }
    }

    pub(super) fn alias(&mut self, node: Node<'t>, scope: ScopeId) {
        let of = node.child_by_field_name("type");
        if let Some(name) = node.child_by_field_name("name") {
            let home = self.home(scope);
            let id = self.once(name, (Kind::TypeAlias, Space::Value), home, node, node.end_byte());
            if let Some(of) = of {
                self.sources.insert(id, (Source::Alias(of), scope));
            }
        }
        if let Some(of) = of {
            self.push(of, scope);
        }
    }

    pub(super) fn type_parameter(&mut self, node: Node<'t>, scope: ScopeId) {
        let name = node.child_by_field_name("name").or_else(|| child(node, "type_identifier"));
        for part in children(node) {
            if Some(part) == name {
                self.once(part, (Kind::TypeParameter, Space::Value), scope, node, 0);
            } else {
                self.push(part, scope);
            }
        }
    }
}

fn declarator_end(declarator: Node<'_>) -> usize {
    declarator
        .child_by_field_name("declarator")
        .filter(|_| declarator.kind() == "init_declarator")
        .unwrap_or(declarator)
        .end_byte()
}

/// A type with a tag.
fn is_tagged(node: Node<'_>) -> bool {
    matches!(node.kind(), "struct_specifier" | "union_specifier" | "class_specifier" | "enum_specifier")
}

/// Parameters that may be arguments: names only.
fn only_names(list: Node<'_>) -> bool {
    let parameters = children(list);
    let name = |parameter: &Node<'_>| {
        parameter.child_by_field_name("declarator").is_none()
            && parameter.child_by_field_name("type").is_some_and(|of| of.kind() == "type_identifier")
    };
    !parameters.is_empty() && parameters.iter().all(name)
}
