//! Types with members, enumerations, namespaces.

use super::super::names::{child, children, range};
use super::declarator::path;
use super::walk::{FILE, Walk, What};
use crate::{Declaration, DeclarationId, DeclarationKind as Kind, Known, Role, ScopeId, ScopeKind, Space};
use deepcoder_syntax::Node;

impl<'t> Walk<'t> {
    pub(super) fn class(&mut self, node: Node<'t>, scope: ScopeId) {
        let name = node.child_by_field_name("name");
        let body = node.child_by_field_name("body");
        let id = match (name, body) {
            (None, None) => return,
            (None, Some(_)) => {
                let at = deepcoder_types::TextRange::new(range(node).start, range(node).start);
                let home = self.around_types(scope);
                let mut found = Declaration::new("", (Kind::Class, Space::Tag), home, (at, range(node)));
                found.public = false;
                let id = self.names.hide(found);
                self.anonymous.insert(node.id(), id);
                id
            }
            (Some(name), Some(_)) if name.kind() == "type_identifier" => {
                let home = self.around_types(scope);
                self.once(name, (Kind::Class, Space::Tag), home, node, 0)
            }
            // A specialisation, or a nested type outside of the one around it.
            (Some(name), Some(body)) => {
                let parts = path(name);
                self.qualified_parts(name, &parts, scope, Role::Reads);
                let inner = self.outer_scope(&parts, scope, node);
                self.push_all(&children(body), inner);
                if let Some(clause) = child(node, "base_class_clause") {
                    self.push(clause, scope);
                }
                return;
            }
            (Some(_), None) => return self.mention(node, scope),
        };
        let Some(body) = body else { return };
        let inner = self.body(id, body, scope);
        self.push_all(&children(body), inner);
        for base in child(node, "base_class_clause").map(children).unwrap_or_default() {
            if matches!(base.kind(), "type_identifier" | "qualified_identifier" | "template_type") {
                self.bases.push((id, base, scope));
            }
            self.push(base, scope);
        }
    }

    /// The scope of a type's members.
    fn body(&mut self, id: DeclarationId, body: Node<'t>, scope: ScopeId) -> ScopeId {
        let inner = self.names.scope(ScopeKind::Class, scope, body);
        if let Some(found) = self.names.bindings.scopes.get_mut(inner.0 as usize) {
            found.owner = Some(id);
        }
        inner
    }

    /// `struct s;`
    pub(super) fn forward(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child_by_field_name("name") else { return };
        if name.kind() != "type_identifier" {
            return self.push(name, scope);
        }
        let kind = if node.kind() == "enum_specifier" { Kind::Enum } else { Kind::Class };
        let home = self.around_types(scope);
        self.once(name, (kind, Space::Tag), home, node, 0);
    }

    /// `struct s` in the place of a type: in C the first one in a file declares it.
    fn mention(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let after = self.names.text.get(node.end_byte()..).unwrap_or("");
        let alone = after.trim_start().starts_with(';');
        if alone {
            return self.forward(node, scope);
        }
        if name.kind() != "type_identifier" {
            return self.push(name, scope);
        }
        if self.cpp {
            return self.later(name, scope, Role::Reads, What::Tag);
        }
        match self.tag(self.names.of(name), scope) {
            Some(id) => self.later(name, scope, Role::Reads, What::Is(id)),
            None => {
                let kind = if node.kind() == "enum_specifier" { Kind::Enum } else { Kind::Class };
                self.once(name, (kind, Space::Tag), FILE, node, 0);
            }
        }
    }

    /// The tag that a name means in C.
    pub(super) fn tag(&self, name: &'t str, mut scope: ScopeId) -> Option<DeclarationId> {
        loop {
            if let Some(id) = self.names.here(scope, Space::Tag, name).first() {
                return Some(*id);
            }
            scope = self.names.parent(scope)?;
        }
    }

    pub(super) fn enumeration(&mut self, node: Node<'t>, scope: ScopeId) {
        let name = node.child_by_field_name("name");
        let Some(body) = node.child_by_field_name("body") else { return self.mention(node, scope) };
        let home = self.around_types(scope);
        let id = match name {
            Some(name) if name.kind() == "type_identifier" => {
                Some(self.once(name, (Kind::Enum, Space::Tag), home, node, 0))
            }
            Some(name) => {
                self.push(name, scope);
                None
            }
            None => None,
        };
        let scoped = child(node, "class").or_else(|| child(node, "struct")).is_some();
        let inner = match id {
            Some(id) if scoped => self.body(id, body, scope),
            _ => home,
        };
        self.push_field(node, "base", scope);
        self.push_all(&children(body), inner);
    }

    pub(super) fn enumerator(&mut self, node: Node<'t>, scope: ScopeId) {
        if let Some(name) = node.child_by_field_name("name") {
            let home = self.home(scope);
            let id = self.once(name, (Kind::EnumMember, Space::Value), home, node, 0);
            if let Some(found) = self.names.declaration(id) {
                found.value = Known::Builtin("int");
            }
        }
        self.push_field(node, "value", scope);
    }

    pub(super) fn namespace(&mut self, node: Node<'t>, scope: ScopeId) {
        let mut parts = Vec::new();
        let mut next = node.child_by_field_name("name");
        while let Some(part) = next {
            if part.kind() == "namespace_identifier" {
                parts.push(part);
                break;
            }
            let inner = children(part);
            parts.extend(inner.iter().copied().filter(|part| part.kind() == "namespace_identifier"));
            next = inner.into_iter().find(|part| part.kind() == "nested_namespace_specifier");
        }
        parts.sort_by_key(Node::start_byte);
        let mut home = scope;
        for part in parts {
            let id = self.once(part, (Kind::Module, Space::Value), home, node, 0);
            home = self.names.scope(ScopeKind::Module, home, node);
            if let Some(found) = self.names.bindings.scopes.get_mut(home.0 as usize) {
                found.owner = Some(id);
            }
        }
        if let Some(body) = node.child_by_field_name("body") {
            self.push_all(&children(body), home);
        }
    }

    pub(super) fn namespace_alias(&mut self, node: Node<'t>, scope: ScopeId) {
        let name = node.child_by_field_name("name");
        if let Some(name) = name {
            // It is a namespace of another name: what is in it is not followed.
            self.once(name, (Kind::TypeAlias, Space::Value), scope, node, 0);
        }
        for part in children(node).into_iter().filter(|part| Some(*part) != name) {
            self.push(part, scope);
        }
    }

    /// The scope of members that are defined outside of their type, which these names mean.
    pub(super) fn outer_scope(&mut self, parts: &[Node<'t>], scope: ScopeId, node: Node<'t>) -> ScopeId {
        let names: Vec<Node<'t>> = parts.iter().map(|part| part.child_by_field_name("name").unwrap_or(*part)).collect();
        let text: Vec<&str> = names.iter().map(|name| self.names.of(*name)).collect();
        let key = (scope, text.join("::"));
        if names.is_empty() {
            return scope;
        }
        if let Some(known) = self.outer.get(&key) {
            return *known;
        }
        let inner = self.names.scope(ScopeKind::Class, scope, node);
        let whole = self.names.bindings.scope(FILE).map(|file| file.range);
        if let (Some(found), Some(whole)) = (self.names.bindings.scopes.get_mut(inner.0 as usize), whole) {
            found.range = whole;
        }
        self.outer.insert(key, inner);
        self.owners.push((inner, names));
        inner
    }
}
