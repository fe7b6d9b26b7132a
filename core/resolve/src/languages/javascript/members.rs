//! Names of members: after a dot, in brackets, in the attributes of a tag.

use super::build::Mode;
use super::build::{Builder, Meaning, UNKNOWN};
use super::hint::{Ctx, Hint, HintId};
use crate::{Form, Role, ScopeId};
use deepcoder_syntax::Node;

impl<'t> Builder<'t> {
    /// `a.b`
    pub(super) fn access(&mut self, node: Node<'t>, scope: ScopeId, role: Role) {
        let (Some(object), Some(property)) = (node.child_by_field_name("object"), node.child_by_field_name("property"))
        else {
            return self.push_children(node, scope);
        };
        let meaning = if property.kind() == "private_property_identifier" {
            Meaning::Private
        } else {
            let of = self.hint(Hint::Value(object, scope));
            Meaning::Member(of)
        };
        if property.start_byte() < property.end_byte() {
            self.refer(property, scope, role, Form::Plain, meaning);
        }
        self.push_as(Some(object), scope, Mode::Plain(Ctx::Own));
    }

    pub(super) fn subscript(&mut self, node: Node<'t>, scope: ScopeId, role: Role) {
        let (Some(object), Some(index)) = (node.child_by_field_name("object"), node.child_by_field_name("index"))
        else {
            return self.push_children(node, scope);
        };
        if index.kind() == "string" {
            let of = self.hint(Hint::Value(object, scope));
            self.quoted(index, scope, role, Meaning::Member(of));
        } else {
            self.computed.push((index, scope));
            self.push(Some(index), scope);
        }
        self.push(Some(object), scope);
    }

    pub(super) fn quoted(&mut self, string: Node<'t>, scope: ScopeId, role: Role, meaning: Meaning) {
        let name = self.inner(string);
        if super::words::is_word(name) {
            self.refer_at(Self::inner_range(string), name, scope, role, Form::Plain, meaning);
        }
    }

    /// A tag of JSX with its attributes. One in lower case is an element that `JSX.IntrinsicElements` declares.
    pub(super) fn tag(&mut self, node: Node<'t>, scope: ScopeId) {
        let from = self.stack.len();
        let mut cursor = node.walk();
        let name = node.child_by_field_name("name");
        let element = name.filter(|name| {
            name.kind() == "identifier" && self.str(*name).starts_with(|first: char| first.is_ascii_lowercase())
        });
        let mut of = UNKNOWN;
        if let Some(element) = element {
            let elements = self.hint(Hint::Elements(scope));
            of = self.hint(Hint::Member(elements, self.str(element).to_owned()));
            self.refer(element, scope, Role::Reads, Form::Plain, Meaning::Member(elements));
        }
        for child in node.named_children(&mut cursor) {
            if child.kind() == "jsx_attribute" {
                self.attribute(child, scope, of);
            } else if Some(child) != element {
                self.push(Some(child), scope);
            }
        }
        self.stack.get_mut(from..).unwrap_or_default().reverse();
    }

    fn attribute(&mut self, node: Node<'t>, scope: ScopeId, of: HintId) {
        let mut cursor = node.walk();
        for (index, child) in node.named_children(&mut cursor).enumerate() {
            if index == 0 && child.kind() == "property_identifier" && !self.str(child).contains('-') {
                self.refer(child, scope, Role::Keyword, Form::Plain, Meaning::Member(of));
            } else {
                self.push(Some(child), scope);
            }
        }
    }
}
