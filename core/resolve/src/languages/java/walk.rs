//! The walk over a file: where each kind of node goes.

use super::super::names::{Names, child, children, offset, range};
use crate::{
    Bindings, Declaration, DeclarationId, DeclarationKind as Kind, Form, HazardKind, Import, Role, ScopeId, ScopeKind,
    Space, Target,
};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;
use std::collections::HashMap;

/// Where the value of a declaration can be read.
#[derive(Clone, Copy)]
pub(super) enum Source<'t> {
    /// It is of this type.
    Type(Node<'t>),
    /// It is this expression.
    Value(Node<'t>),
    /// It is a value of this class.
    Instance(DeclarationId),
}

/// A name to be looked up when all declarations are known.
pub(super) struct Pending<'t> {
    pub(super) node: Node<'t>,
    pub(super) scope: ScopeId,
    pub(super) role: Role,
    pub(super) what: What<'t>,
}

#[derive(Clone, Copy)]
pub(super) enum What<'t> {
    /// A variable, or a type where it stands before a dot.
    Value {
        qualifier: bool,
    },
    Type,
    Label,
    /// A field or a type of this.
    Field(Node<'t>),
    /// A type in this type or package.
    Nested(Node<'t>),
    /// A method of this, or of the classes around, with so many arguments.
    Method(Option<Node<'t>>, Option<u32>),
    /// An element of an annotation of this type.
    Element(Node<'t>),
    /// A constant of what this switches on.
    Case(Node<'t>),
}

pub(super) struct Walk<'t> {
    pub(super) names: Names<'t>,
    pub(super) sources: HashMap<DeclarationId, (Source<'t>, ScopeId)>,
    pub(super) pending: Vec<Pending<'t>>,
    pub(super) bases: Vec<(DeclarationId, Node<'t>, ScopeId)>,
    /// Where a pattern's variable is certain to be in scope.
    pub(super) patterns: HashMap<DeclarationId, Vec<TextRange>>,
    /// The scopes of definitions, by the offset where they begin.
    pub(super) documented: HashMap<usize, ScopeId>,
    /// The scopes of the bodies of types.
    pub(super) bodies: HashMap<DeclarationId, ScopeId>,
    pub(super) stack: Vec<(Node<'t>, ScopeId, Role)>,
}

pub(super) const FILE: ScopeId = ScopeId(0);

impl<'t> Walk<'t> {
    pub(super) fn new(language: Language, text: &'t str) -> Self {
        Self {
            names: Names::new(language, text),
            sources: HashMap::new(),
            pending: Vec::new(),
            bases: Vec::new(),
            patterns: HashMap::new(),
            documented: HashMap::new(),
            bodies: HashMap::new(),
            stack: Vec::new(),
        }
    }

    pub(super) fn run(&mut self, root: Node<'t>) {
        self.push(root, FILE);
        while let Some((node, scope, role)) = self.stack.pop() {
            self.visit(node, scope, role);
        }
    }

    pub(super) fn finish(mut self, root: Node<'t>) -> Bindings {
        self.resolve();
        self.comments(root);
        self.names.finish()
    }

    pub(super) fn push(&mut self, node: Node<'t>, scope: ScopeId) {
        self.stack.push((node, scope, Role::Reads));
    }

    pub(super) fn push_all(&mut self, nodes: &[Node<'t>], scope: ScopeId) {
        self.stack.extend(nodes.iter().rev().map(|node| (*node, scope, Role::Reads)));
    }

    pub(super) fn push_field(&mut self, node: Node<'t>, name: &str, scope: ScopeId) {
        if let Some(found) = node.child_by_field_name(name) {
            self.push(found, scope);
        }
    }

    pub(super) fn later(&mut self, node: Node<'t>, scope: ScopeId, role: Role, what: What<'t>) {
        self.pending.push(Pending { node, scope, role, what });
    }

    /// Declares what a node names.
    pub(super) fn declare(&mut self, node: Node<'t>, kind: Kind, scope: ScopeId, extent: Node<'t>) -> DeclarationId {
        self.declare_as(node, kind, scope, extent, |_| {})
    }

    pub(super) fn declare_as(
        &mut self,
        node: Node<'t>,
        kind: Kind,
        scope: ScopeId,
        extent: Node<'t>,
        change: impl FnOnce(&mut Declaration),
    ) -> DeclarationId {
        let name = self.names.of(node);
        let mut found = self.names.plain(kind, scope, range(node), range(extent));
        found.space = match kind {
            Kind::Method => Space::Method,
            Kind::Class | Kind::Interface | Kind::Enum | Kind::TypeParameter => Space::Type,
            Kind::Label => Space::Label,
            _ => Space::Value,
        };
        change(&mut found);
        let id = self.names.declare(name, found);
        self.names.refer(range(node), scope, Role::Declares, Target::Declaration(id));
        id
    }

    pub(super) fn source(&mut self, id: DeclarationId, source: Source<'t>, scope: ScopeId) {
        self.sources.insert(id, (source, scope));
    }

    /// A local variable; its scope begins with its name.
    pub(super) fn local(&mut self, name: Node<'t>, kind: Kind, scope: ScopeId, extent: Node<'t>) -> DeclarationId {
        let from = offset(name.start_byte());
        self.declare_as(name, kind, scope, extent, |found| found.from = from)
    }

    fn visit(&mut self, node: Node<'t>, scope: ScopeId, role: Role) {
        if node.is_error() || node.is_missing() {
            self.names.hazard(range(node), HazardKind::Syntax, None);
        }
        match node.kind() {
            "package_declaration" => {
                let name =
                    children(node).into_iter().find(|found| matches!(found.kind(), "identifier" | "scoped_identifier"));
                if let Some(name) = name {
                    self.names.bindings.package = self.names.of(name).split_whitespace().collect();
                }
                let notes: Vec<Node<'t>> = children(node).into_iter().filter(|found| Some(*found) != name).collect();
                self.push_all(&notes, scope);
            }
            "import_declaration" => self.import(node),
            // What a module provides, uses and opens is looked up by name.
            "module_declaration" => {
                let text = self.names.of(node);
                let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
                for word in words {
                    self.names.hazard(range(node), HazardKind::Reflection, Some(word));
                }
            }
            "class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "annotation_type_declaration" => {
                self.type_declaration(node, scope);
            }
            "method_declaration" | "annotation_type_element_declaration" => self.method(node, scope),
            "constructor_declaration" | "compact_constructor_declaration" => self.constructor(node, scope),
            "field_declaration" | "constant_declaration" => self.field(node, scope),
            "enum_constant" => self.enum_constant(node, scope),
            "object_creation_expression" => self.creation(node, scope),
            "lambda_expression" => self.lambda(node, scope),
            "local_variable_declaration" => self.locals(node, scope),
            "enhanced_for_statement" => self.enhanced_for(node, scope),
            "catch_clause" => self.catch(node, scope),
            "resource" => self.resource(node, scope),
            "instanceof_expression" => self.instance_of(node, scope),
            "type_pattern" | "record_pattern_component" => self.pattern(node, scope),
            "record_pattern" => self.record_pattern(node, scope),
            "switch_label" => self.switch_label(node, scope),
            "block"
            | "for_statement"
            | "try_with_resources_statement"
            | "try_statement"
            | "switch_block"
            | "switch_rule"
            | "static_initializer"
            | "constructor_body" => {
                let inner = self.names.scope(ScopeKind::Block, scope, node);
                self.push_all(&children(node), inner);
            }
            "labeled_statement" => self.label(node, scope),
            "break_statement" | "continue_statement" => {
                if let Some(name) = child(node, "identifier") {
                    self.later(name, scope, Role::Reads, What::Label);
                }
            }
            "field_access" => self.field_access(node, scope, role),
            "method_invocation" => self.call(node, scope),
            "method_reference" => self.method_reference(node, scope),
            "marker_annotation" | "annotation" => self.annotation(node, scope),
            "scoped_type_identifier" => self.scoped_type(node, scope),
            "assignment_expression" => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.stack.push((left, scope, Role::Writes));
                }
                self.push_field(node, "right", scope);
            }
            "update_expression" => {
                self.stack.extend(children(node).into_iter().map(|found| (found, scope, Role::Writes)));
            }
            "identifier" => self.later(node, scope, role, What::Value { qualifier: false }),
            "type_identifier" if self.names.of(node) == "var" => {}
            "type_identifier" => self.later(node, scope, role, What::Type),
            _ => self.push_all(&children(node), scope),
        }
    }

    /// Packages begin with a small letter and types do not: the part of an import from the first type on is a path of types.
    fn import(&mut self, node: Node<'t>) {
        let Some(path) =
            children(node).into_iter().find(|found| matches!(found.kind(), "identifier" | "scoped_identifier"))
        else {
            return;
        };
        let mut parts = Vec::new();
        let mut next = Some(path);
        while let Some(part) = next {
            parts.push(part.child_by_field_name("name").unwrap_or(part));
            next = part.child_by_field_name("scope");
        }
        parts.reverse();
        let all = child(node, "asterisk").is_some();
        let mut module = String::new();
        for (index, part) in parts.iter().enumerate() {
            let name = self.names.of(*part);
            let import = Import { module: module.clone(), name: Some(name.to_owned()) };
            let last = index + 1 == parts.len() && !all;
            if last || name.starts_with(char::is_uppercase) {
                let mut found = self.names.plain(Kind::Import, FILE, range(*part), range(node));
                found.import = Some(import);
                found.space = Space::Both;
                let id = self.names.hide(found);
                self.names.refer(range(*part), FILE, Role::Imports, Target::Declaration(id));
                if last {
                    let is_static = child(node, "static").is_some();
                    let spaces =
                        if is_static { &[Space::Value, Space::Method, Space::Type][..] } else { &[Space::Type] };
                    for space in spaces {
                        self.names.also(id, FILE, *space, name);
                    }
                }
            }
            if !module.is_empty() {
                module.push('.');
            }
            module.push_str(name);
        }
        if all {
            self.names.bindings.wildcards.push((FILE, Import { module, name: None }));
        }
    }

    fn field_access(&mut self, node: Node<'t>, scope: ScopeId, role: Role) {
        let Some(object) = node.child_by_field_name("object") else { return };
        if let Some(field) = node.child_by_field_name("field").filter(|field| field.kind() == "identifier") {
            self.later(field, scope, role, What::Field(object));
        }
        self.qualifier(object, scope);
    }

    /// What stands before a dot: a variable, a type or a package.
    pub(super) fn qualifier(&mut self, object: Node<'t>, scope: ScopeId) {
        match object.kind() {
            "identifier" => self.later(object, scope, Role::Reads, What::Value { qualifier: true }),
            _ => self.push(object, scope),
        }
    }

    fn call(&mut self, node: Node<'t>, scope: ScopeId) {
        let object = node.child_by_field_name("object");
        let arguments = node.child_by_field_name("arguments");
        let count = arguments.map(|list| offset(children(list).len()));
        if let Some(name) = node.child_by_field_name("name") {
            // `Outer.super.m()`: the type stands before `super`, which is no field of the node.
            self.later(name, scope, Role::Reads, What::Method(object, count));
            self.reflection(node, name, arguments);
        }
        self.push_all(&arguments.into_iter().collect::<Vec<_>>(), scope);
        self.push_field(node, "type_arguments", scope);
        if let Some(object) = object {
            self.qualifier(object, scope);
        }
    }

    fn method_reference(&mut self, node: Node<'t>, scope: ScopeId) {
        let parts = children(node);
        let name = parts.last().filter(|last| parts.len() > 1 && last.kind() == "identifier").copied();
        if let (Some(name), Some(object)) = (name, parts.first()) {
            self.later(name, scope, Role::Reads, What::Method(Some(*object), None));
        }
        for (index, part) in parts.iter().enumerate() {
            match part.kind() {
                _ if Some(*part) == name => {}
                "identifier" if index == 0 => self.qualifier(*part, scope),
                _ => self.push(*part, scope),
            }
        }
    }

    fn annotation(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child_by_field_name("name") else { return };
        self.annotation_name(name, scope);
        let list = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        for argument in list {
            if argument.kind() != "element_value_pair" {
                self.push(argument, scope);
                continue;
            }
            if let Some(key) = argument.child_by_field_name("key") {
                self.later(key, scope, Role::Keyword, What::Element(name));
            }
            self.push_field(argument, "value", scope);
        }
    }

    fn annotation_name(&mut self, name: Node<'t>, scope: ScopeId) {
        let mut next = name;
        while next.kind() == "scoped_identifier" {
            let (Some(outer), Some(last)) = (next.child_by_field_name("scope"), next.child_by_field_name("name"))
            else {
                return;
            };
            self.later(last, scope, Role::Reads, What::Nested(outer));
            next = outer;
        }
        self.later(next, scope, Role::Reads, What::Type);
    }

    fn scoped_type(&mut self, node: Node<'t>, scope: ScopeId) {
        let parts = children(node);
        let last = parts.iter().rposition(|part| part.kind() == "type_identifier");
        for (index, part) in parts.iter().enumerate() {
            match parts.first() {
                Some(first) if Some(index) == last && index > 0 => {
                    self.later(*part, scope, Role::Reads, What::Nested(*first))
                }
                _ => self.push(*part, scope),
            }
        }
    }

    fn reflection(&mut self, node: Node<'t>, name: Node<'t>, arguments: Option<Node<'t>>) {
        let called = self.names.of(name);
        if !matches!(
            called,
            "forName" | "getMethod" | "getDeclaredMethod" | "getField" | "getDeclaredField" | "loadClass"
        ) {
            return;
        }
        let first = arguments.and_then(|list| children(list).first().copied());
        let literal = first.filter(|first| first.kind() == "string_literal");
        let text = literal.map(|literal| self.names.of(literal).trim_matches('"'));
        let last = text.map(|text| text.rsplit(['.', '$']).next().unwrap_or(text));
        self.names.hazard(range(node), HazardKind::Reflection, last);
    }

    fn label(&mut self, node: Node<'t>, scope: ScopeId) {
        let name = child(node, "identifier");
        let inner = self.names.scope(ScopeKind::Block, scope, node);
        if let Some(name) = name {
            self.declare(name, Kind::Label, inner, node);
        }
        let rest: Vec<Node<'t>> = children(node).into_iter().filter(|found| Some(*found) != name).collect();
        self.push_all(&rest, inner);
    }

    /// A name that code outside of the text expects.
    pub(super) fn expected(&mut self, at: TextRange) {
        let name = self.names.slice(at);
        self.names.hazard(at, HazardKind::Reflection, Some(name));
    }

    pub(super) fn quoted(&mut self, at: TextRange, scope: ScopeId, target: Target) {
        self.names.form(at, scope, Role::Reads, target, Form::Quoted);
    }
}
