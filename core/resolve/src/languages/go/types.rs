//! Functions, methods, types and their members.

use super::super::names::{child, children, fields, range};
use super::walk::{Source, Walk};
use crate::{DeclarationId, DeclarationKind as Kind, HazardKind, ScopeId, ScopeKind};
use deepcoder_syntax::Node;

/// Methods by which values fulfil interfaces of the standard library: another name changes what programs do.
const EXPECTED: &[&str] = &[
    "As",
    "Bytes",
    "Close",
    "Done",
    "Err",
    "Error",
    "Flush",
    "Format",
    "GoString",
    "Is",
    "Len",
    "Less",
    "Lock",
    "MarshalBinary",
    "MarshalJSON",
    "MarshalText",
    "MarshalXML",
    "MarshalYAML",
    "Open",
    "Pop",
    "Push",
    "Read",
    "ReadAt",
    "ReadByte",
    "ReadFrom",
    "RoundTrip",
    "Scan",
    "Seek",
    "ServeHTTP",
    "Set",
    "String",
    "Swap",
    "Timeout",
    "Unlock",
    "UnmarshalBinary",
    "UnmarshalJSON",
    "UnmarshalText",
    "UnmarshalXML",
    "UnmarshalYAML",
    "Unwrap",
    "Value",
    "Write",
    "WriteAt",
    "WriteByte",
    "WriteString",
    "WriteTo",
];

impl<'t> Walk<'t> {
    /// The scope and the parts of a function. The names of a signature are visible in its body only, and declared in the
    /// same block as those of the body.
    pub(super) fn function(&mut self, node: Node<'t>, scope: ScopeId, id: Option<DeclarationId>) -> ScopeId {
        let inner = self.names.scope(ScopeKind::Function, scope, node);
        if let Some(found) = self.names.bindings.scopes.get_mut(inner.0 as usize) {
            found.owner = id;
        }
        let body = node.child_by_field_name("body");
        let from = body.map_or(node.end_byte(), |body| body.start_byte());
        if let Some(body) = body {
            self.push_all(&children(body), inner);
        }
        self.signature(node, inner, from);
        if let Some(result) = node.child_by_field_name("result") {
            self.source(id, Source::Result(result), inner);
        }
        inner
    }

    pub(super) fn signature(&mut self, node: Node<'t>, inner: ScopeId, from: usize) {
        if let Some(result) = node.child_by_field_name("result") {
            if result.kind() == "parameter_list" {
                self.parameters(result, inner, from)
            } else {
                self.push(result, inner)
            }
        }
        if let Some(list) = node.child_by_field_name("parameters") {
            self.parameters(list, inner, from);
        }
        self.type_parameters(node, inner);
    }

    fn type_parameters(&mut self, node: Node<'t>, inner: ScopeId) {
        let list = node.child_by_field_name("type_parameters").map(children).unwrap_or_default();
        for parameter in list {
            for name in fields(parameter, "name") {
                self.declare(name, Kind::TypeParameter, inner, parameter, 0);
            }
            self.push_field(parameter, "type", inner);
        }
    }

    fn parameters(&mut self, list: Node<'t>, inner: ScopeId, from: usize) {
        for parameter in children(list) {
            let of = parameter.child_by_field_name("type");
            for name in fields(parameter, "name") {
                let id = self.declare(name, Kind::Parameter, inner, parameter, from);
                let several = parameter.kind() == "variadic_parameter_declaration";
                if let Some(of) = of {
                    // A variadic parameter is a slice: the node of the whole parameter stands for it.
                    self.source(id, Source::Type(if several { parameter } else { of }), inner);
                }
            }
            match of {
                Some(of) => self.push(of, inner),
                None => self.push_all(&children(parameter), inner),
            }
        }
    }

    pub(super) fn method(&mut self, node: Node<'t>, scope: ScopeId) {
        let class = self.names.scope(ScopeKind::Class, scope, node);
        let name = node.child_by_field_name("name");
        let id = name.and_then(|name| self.declare(name, Kind::Method, class, node, 0));
        self.document(id, node);
        if let Some(name) = name {
            self.expected(name);
        }
        let inner = self.function(node, class, id);
        let receiver = node.child_by_field_name("receiver").map(children).unwrap_or_default();
        let Some(parameter) = receiver.first() else { return };
        let Some(of) = parameter.child_by_field_name("type") else { return };
        self.receivers.push((class, of));
        let from = node.child_by_field_name("body").map_or(node.end_byte(), |body| body.start_byte());
        for name in fields(*parameter, "name") {
            let id = self.declare(name, Kind::Parameter, inner, *parameter, from);
            self.source(id, Source::Type(of), inner);
        }
        // `func (m *Map[K, V])` declares K and V.
        let mut named = of;
        while let "pointer_type" | "parenthesized_type" = named.kind() {
            let Some(next) = children(named).first().copied() else { break };
            named = next;
        }
        if named.kind() != "generic_type" {
            self.push(of, inner);
            return;
        }
        self.push_field(named, "type", inner);
        let arguments = named.child_by_field_name("type_arguments").map(children).unwrap_or_default();
        for argument in arguments {
            if let [name] = children(argument).as_slice() {
                self.declare(*name, Kind::TypeParameter, inner, argument, 0);
            }
        }
    }

    fn expected(&mut self, name: Node<'t>) {
        let text = self.names.of(name);
        if EXPECTED.contains(&text) {
            self.names.hazard(range(name), HazardKind::Reflection, Some(text));
        }
    }

    pub(super) fn type_spec(&mut self, node: Node<'t>, scope: ScopeId) {
        let (Some(name), Some(of)) = (node.child_by_field_name("name"), node.child_by_field_name("type")) else {
            return;
        };
        let alias = node.kind() == "type_alias";
        let kind = match of.kind() {
            _ if alias => Kind::TypeAlias,
            "interface_type" => Kind::Interface,
            _ => Kind::Class,
        };
        let id = self.declare(name, kind, scope, node, name.start_byte());
        self.document(id, node);
        self.source(id, if alias { Source::Alias(of) } else { Source::Defined(of) }, scope);
        let inner = match node.child_by_field_name("type_parameters") {
            Some(_) => self.names.scope(ScopeKind::TypeParameters, scope, node),
            None => scope,
        };
        match of.kind() {
            "struct_type" | "interface_type" => self.body(of, inner, id),
            kind => {
                if let (false, Some(id), "type_identifier" | "qualified_type" | "generic_type") = (alias, id, kind) {
                    self.bases.push((id, of, inner));
                }
                self.push(of, inner);
            }
        }
        if inner != scope {
            self.type_parameters(node, inner);
        }
    }

    /// The members of a struct or an interface.
    pub(super) fn body(&mut self, node: Node<'t>, scope: ScopeId, owner: Option<DeclarationId>) {
        let class = self.names.scope(ScopeKind::Class, scope, node);
        if let Some(found) = self.names.bindings.scopes.get_mut(class.0 as usize) {
            found.owner = owner;
        }
        self.bodies.insert(node.id(), class);
        let list = child(node, "field_declaration_list").unwrap_or(node);
        let mut rest = Vec::new();
        for member in children(list) {
            match member.kind() {
                "field_declaration" => {
                    let of = member.child_by_field_name("type");
                    let named = fields(member, "name");
                    for name in &named {
                        let id = self.declare(*name, Kind::Field, class, member, 0);
                        self.document(id, member);
                        if let Some(of) = of {
                            self.source(id, Source::Type(of), class);
                        }
                    }
                    if let (true, Some(owner), Some(of)) = (named.is_empty(), owner, of) {
                        self.bases.push((owner, of, class));
                    }
                    if let (true, None, Some(of)) = (named.is_empty(), owner, of) {
                        self.embedded.entry(class).or_default().push((of, class));
                    }
                    rest.extend(of);
                }
                "method_elem" => {
                    let name = member.child_by_field_name("name");
                    let id = name.and_then(|name| self.declare(name, Kind::Method, class, member, 0));
                    self.document(id, member);
                    let inner = self.names.scope(ScopeKind::Function, class, member);
                    self.signature(member, inner, member.end_byte());
                    if let Some(result) = member.child_by_field_name("result") {
                        self.source(id, Source::Result(result), inner);
                    }
                }
                "type_elem" => {
                    if let (Some(owner), [of]) = (owner, children(member).as_slice())
                        && matches!(of.kind(), "type_identifier" | "qualified_type" | "generic_type")
                    {
                        self.bases.push((owner, *of, class));
                    }
                    rest.push(member);
                }
                _ => rest.push(member),
            }
        }
        self.push_all(&rest, class);
    }
}
