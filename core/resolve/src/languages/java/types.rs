//! Types and their members.

use super::super::names::{child, children, offset, range};
use super::walk::{FILE, Source, Walk};
use crate::{DeclarationId, DeclarationKind as Kind, HazardKind, Role, ScopeId, ScopeKind, Space, Target};
use deepcoder_syntax::Node;

/// Methods that every object has.
const OBJECT: &[&str] = &["toString", "equals", "hashCode", "clone", "finalize", "main", "readObject", "writeObject"];

impl<'t> Walk<'t> {
    fn modifier(&self, node: Node<'t>, word: &str) -> bool {
        child(node, "modifiers").is_some_and(|modifiers| child(modifiers, word).is_some())
    }

    fn modifiers(&mut self, node: Node<'t>, scope: ScopeId) {
        if let Some(modifiers) = child(node, "modifiers") {
            self.push_all(&children(modifiers), scope);
        }
    }

    fn own(&mut self, scope: ScopeId, id: DeclarationId) {
        if let Some(found) = self.names.bindings.scopes.get_mut(scope.0 as usize) {
            found.owner = Some(id);
        }
    }

    pub(super) fn type_declaration(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let kind = match node.kind() {
            "interface_declaration" | "annotation_type_declaration" => Kind::Interface,
            "enum_declaration" => Kind::Enum,
            _ => Kind::Class,
        };
        let member = scope == FILE || self.names.kind(scope) == ScopeKind::Class;
        let public = member && !self.modifier(node, "private");
        let id = self.declare_as(name, kind, scope, node, |found| {
            found.public = public;
            found.is_static = true;
        });
        let mut inner = scope;
        if let Some(list) = node.child_by_field_name("type_parameters") {
            inner = self.names.scope(ScopeKind::TypeParameters, scope, node);
            self.type_parameters(list, inner);
        }
        self.modifiers(node, scope);
        self.bases(node, id, inner);
        let Some(body) = node.child_by_field_name("body") else { return };
        let class = self.names.scope(ScopeKind::Class, inner, body);
        self.own(class, id);
        self.documented.insert(node.start_byte(), class);
        for component in node.child_by_field_name("parameters").map(children).unwrap_or_default() {
            // A component is a field, the method that reads it, and a parameter of the constructor.
            let Some(name) = parameter_name(component) else { continue };
            let found = self.declare_as(name, Kind::Field, class, component, |found| {
                found.public = true;
                found.parameters = Some(0);
            });
            self.names.also(found, class, Space::Method, self.names.of(name));
            if let Some(of) = component.child_by_field_name("type") {
                self.source(found, Source::Type(of), class);
                self.push(of, class);
            }
            self.modifiers(component, class);
        }
        self.push_all(&children(body), class);
    }

    fn bases(&mut self, node: Node<'t>, id: DeclarationId, scope: ScopeId) {
        for part in children(node) {
            match part.kind() {
                "superclass" | "super_interfaces" | "extends_interfaces" => {
                    for found in children(part) {
                        let listed = if found.kind() == "type_list" { children(found) } else { vec![found] };
                        self.bases.extend(listed.iter().map(|base| (id, *base, scope)));
                        self.push_all(&listed, scope);
                    }
                }
                "permits" => self.push_all(&children(part), scope),
                _ => {}
            }
        }
    }

    fn type_parameters(&mut self, list: Node<'t>, scope: ScopeId) {
        for parameter in children(list) {
            for part in children(parameter) {
                if part.kind() == "type_identifier" {
                    self.declare(part, Kind::TypeParameter, scope, parameter);
                } else {
                    self.push(part, scope);
                }
            }
        }
    }

    pub(super) fn method(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let (public, is_static) = (!self.modifier(node, "private"), self.modifier(node, "static"));
        let parameters = count(&list);
        let id = self.declare_as(name, Kind::Method, scope, node, |found| {
            found.public = public;
            found.is_static = is_static;
            found.parameters = parameters;
        });
        if OBJECT.contains(&self.names.of(name)) {
            self.expected(range(name));
        }
        if self.modifier(node, "native") {
            self.native(node, name, scope, &list);
        }
        let inner = self.names.scope(ScopeKind::Function, scope, node);
        self.own(inner, id);
        self.documented.insert(node.start_byte(), inner);
        if let Some(of) = node.child_by_field_name("type") {
            self.source(id, Source::Type(of), inner);
        }
        if let Some(list) = node.child_by_field_name("type_parameters") {
            self.type_parameters(list, inner);
        }
        let takes = list.iter().filter(|part| part.kind() != "receiver_parameter");
        let takes: Vec<Option<String>> = takes.map(|part| self.erased(*part, inner)).collect();
        if let Some(found) = self.names.declaration(id) {
            found.takes = takes;
        }
        self.modifiers(node, scope);
        self.parameters(&list, inner);
        let rest: Vec<Node<'t>> = children(node)
            .into_iter()
            .filter(|part| {
                *part != name && !matches!(part.kind(), "modifiers" | "type_parameters" | "formal_parameters" | "block")
            })
            .collect();
        self.push_all(&rest, inner);
        if let Some(body) = node.child_by_field_name("body") {
            self.push_all(&children(body), inner);
        }
    }

    /// The simple name of a parameter's type without type arguments; `None` for a type variable.
    fn erased(&self, parameter: Node<'t>, scope: ScopeId) -> Option<String> {
        let mut node = children(parameter)
            .into_iter()
            .find(|part| !matches!(part.kind(), "modifiers" | "identifier" | "variable_declarator"))?;
        let dimensions =
            |of: Node<'t>| child(of, "dimensions").map_or(0, |found| self.names.of(found).matches('[').count());
        let mut arrays = dimensions(parameter) + usize::from(parameter.kind() == "spread_parameter");
        loop {
            let parts = children(node);
            node = match node.kind() {
                "generic_type" => *parts.first()?,
                "annotated_type" | "scoped_type_identifier" => *parts.last()?,
                "array_type" => {
                    arrays += dimensions(node);
                    node.child_by_field_name("element")?
                }
                _ => break,
            };
        }
        let name = self.names.of(node);
        let mut around = Some(scope);
        while let Some(at) = around {
            let here = self.names.here(at, Space::Type, name).iter();
            let mut here = here.filter_map(|id| self.names.bindings.declaration(*id));
            if here.any(|found| found.kind == Kind::TypeParameter) {
                return None;
            }
            around = self.names.parent(at);
        }
        Some(format!("{name}{}", "[]".repeat(arrays)))
    }

    /// The code that a native method stands for has the names of the method, of its classes and of its parameters' types.
    fn native(&mut self, node: Node<'t>, name: Node<'t>, scope: ScopeId, list: &[Node<'t>]) {
        let mut reached = vec![self.names.of(name).to_owned()];
        let mut next = Some(scope);
        while let Some(found) = next.and_then(|id| self.names.bindings.scope(id)) {
            let owner = found.owner.and_then(|id| self.names.bindings.declaration(id));
            reached.extend(owner.map(|owner| owner.name.clone()));
            next = found.parent;
        }
        for of in list.iter().filter_map(|parameter| parameter.child_by_field_name("type")) {
            let words = self.names.of(of).split(|c: char| !c.is_alphanumeric() && c != '_');
            reached.extend(words.map(str::to_owned));
        }
        reached.retain(|name| !name.is_empty());
        for found in reached {
            self.names.hazard(range(node), HazardKind::Macro, Some(&found));
        }
    }

    pub(super) fn parameters(&mut self, list: &[Node<'t>], scope: ScopeId) {
        for parameter in list {
            self.modifiers(*parameter, scope);
            let of = children(*parameter)
                .into_iter()
                .find(|part| !matches!(part.kind(), "modifiers" | "identifier" | "variable_declarator"));
            if let Some(name) = parameter_name(*parameter) {
                let id = self.declare(name, Kind::Parameter, scope, *parameter);
                // An array of them, where there may be any number.
                if let (Some(of), "formal_parameter") = (of, parameter.kind())
                    && parameter.child_by_field_name("dimensions").is_none()
                {
                    self.typed(id, of, None, scope);
                }
            }
            if let Some(of) = of {
                self.push(of, scope);
            }
        }
    }

    /// A variable of this type; `var` takes the one of its value.
    pub(super) fn typed(&mut self, id: DeclarationId, of: Node<'t>, value: Option<Node<'t>>, scope: ScopeId) {
        if self.names.of(of) != "var" {
            self.source(id, Source::Type(of), scope);
        } else if let Some(value) = value {
            self.source(id, Source::Value(value), scope);
        }
    }

    pub(super) fn constructor(&mut self, node: Node<'t>, scope: ScopeId) {
        let class = self.names.bindings.scope(scope).and_then(|scope| scope.owner);
        if let (Some(name), Some(class)) = (node.child_by_field_name("name"), class) {
            let same = self.names.bindings.declaration(class).is_some_and(|found| found.name == self.names.of(name));
            let target = if same { Target::Declaration(class) } else { Target::Outside };
            self.names.refer(range(name), scope, Role::Declares, target);
        }
        let inner = self.names.scope(ScopeKind::Function, scope, node);
        self.documented.insert(node.start_byte(), inner);
        if let Some(list) = node.child_by_field_name("type_parameters") {
            self.type_parameters(list, inner);
        }
        self.modifiers(node, scope);
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        if self.canonical(node, &list, scope) {
            // Its parameters have the names of the components, and are renamed with them.
            for parameter in &list {
                if let Some(name) = parameter_name(*parameter)
                    && let Some(id) = self.names.here(scope, Space::Value, self.names.of(name)).first().copied()
                {
                    self.names.refer(range(name), inner, Role::Declares, Target::Declaration(id));
                }
                self.modifiers(*parameter, inner);
                self.push_field(*parameter, "type", inner);
            }
        } else {
            self.parameters(&list, inner);
        }
        if let Some(throws) = child(node, "throws") {
            self.push(throws, inner);
        }
        if let Some(body) = node.child_by_field_name("body") {
            self.push_all(&children(body), inner);
        }
    }

    /// Whether a constructor of a record takes exactly its components.
    fn canonical(&self, node: Node<'t>, list: &[Node<'t>], scope: ScopeId) -> bool {
        let Some(record) =
            node.parent().and_then(|body| body.parent()).filter(|record| record.kind() == "record_declaration")
        else {
            return false;
        };
        let components = record.child_by_field_name("parameters").map(children).unwrap_or_default();
        let same = |(left, right): (&Node<'t>, &Node<'t>)| match (parameter_name(*left), parameter_name(*right)) {
            (Some(left), Some(right)) => {
                let name = self.names.of(left);
                name == self.names.of(right) && !self.names.here(scope, Space::Value, name).is_empty()
            }
            _ => false,
        };
        components.len() == list.len() && components.iter().zip(list).all(same)
    }

    pub(super) fn field(&mut self, node: Node<'t>, scope: ScopeId) {
        let constant = node.kind() == "constant_declaration";
        let (public, is_static) = (!self.modifier(node, "private"), constant || self.modifier(node, "static"));
        let of = node.child_by_field_name("type");
        self.modifiers(node, scope);
        if let Some(of) = of {
            self.push(of, scope);
        }
        self.documented.insert(node.start_byte(), scope);
        for declarator in children(node).into_iter().filter(|part| part.kind() == "variable_declarator") {
            let Some(name) = declarator.child_by_field_name("name") else { continue };
            let id = self.declare_as(name, Kind::Field, scope, node, |found| {
                found.public = public;
                found.is_static = is_static;
            });
            if let (Some(of), None) = (of, declarator.child_by_field_name("dimensions")) {
                self.source(id, Source::Type(of), scope);
            }
            self.push_field(declarator, "value", scope);
        }
    }

    pub(super) fn enum_constant(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let owner = self.names.bindings.scope(scope).and_then(|scope| scope.owner);
        let id = self.declare_as(name, Kind::EnumMember, scope, node, |found| {
            found.public = true;
            found.is_static = true;
        });
        self.modifiers(node, scope);
        self.push_field(node, "arguments", scope);
        self.documented.insert(node.start_byte(), scope);
        if let Some(owner) = owner {
            self.source(id, Source::Instance(owner), scope);
        }
        if let Some(body) = node.child_by_field_name("body") {
            let class = self.anonymous(body, scope);
            if let (Some(owner), Some(found)) = (owner, self.names.declaration(class)) {
                found.bases.push(crate::Known::Itself(owner));
            }
        }
    }

    /// A class without a name.
    fn anonymous(&mut self, body: Node<'t>, scope: ScopeId) -> DeclarationId {
        let at = deepcoder_types::TextRange::new(offset(body.start_byte()), offset(body.start_byte()));
        let found = self.names.plain(Kind::Class, scope, at, range(body));
        let id = self.names.hide(found);
        let class = self.names.scope(ScopeKind::Class, scope, body);
        self.own(class, id);
        self.push_all(&children(body), class);
        id
    }

    pub(super) fn creation(&mut self, node: Node<'t>, scope: ScopeId) {
        let of = node.child_by_field_name("type");
        for part in children(node) {
            if part.kind() == "class_body" {
                let class = self.anonymous(part, scope);
                self.bases.extend(of.map(|of| (class, of, scope)));
            } else if Some(part) == of
                && children(node).first().is_some_and(|first| first.kind() == "identifier" || first.kind() == "this")
            {
                // `outer.new Inner()`: the class is looked up in the type of `outer`.
                let outer = children(node).first().copied().unwrap_or(part);
                self.later(part, scope, Role::Reads, super::walk::What::Nested(outer));
            } else {
                self.push(part, scope);
            }
        }
    }

    pub(super) fn lambda(&mut self, node: Node<'t>, scope: ScopeId) {
        let inner = self.names.scope(ScopeKind::Function, scope, node);
        if let Some(parameters) = node.child_by_field_name("parameters") {
            match parameters.kind() {
                "identifier" => _ = self.declare(parameters, Kind::Parameter, inner, parameters),
                "inferred_parameters" => {
                    for name in children(parameters) {
                        self.declare(name, Kind::Parameter, inner, name);
                    }
                }
                _ => self.parameters(&children(parameters), inner),
            }
        }
        self.push_field(node, "body", inner);
    }
}

/// The name of a parameter; `this` of a receiver parameter is none.
pub(super) fn parameter_name(parameter: Node<'_>) -> Option<Node<'_>> {
    let of = |node: Node<'_>| node.child_by_field_name("name").map(|found| found.id());
    match parameter.kind() {
        "spread_parameter" => {
            child(parameter, "variable_declarator").and_then(|found| found.child_by_field_name("name"))
        }
        "receiver_parameter" => None,
        _ => of(parameter).and_then(|_| parameter.child_by_field_name("name")),
    }
    .filter(|name| name.kind() == "identifier")
}

/// How many parameters there are; `None` where it may be any number.
fn count(list: &[Node<'_>]) -> Option<u32> {
    let any = list.iter().any(|parameter| parameter.kind() == "spread_parameter");
    (!any).then(|| offset(list.iter().filter(|parameter| parameter.kind() != "receiver_parameter").count()))
}
