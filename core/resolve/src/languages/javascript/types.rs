//! Classes, interfaces, enumerations, namespaces and other types.

use super::super::GLOBAL_MODULE;
use super::build::{ANY, Builder, FILE, Meaning, Merge, NAMESPACE, TYPE, This, UNKNOWN, VALUE, nth, range};
use super::hint::{Ctx, Hint, HintId};
use crate::{DeclarationKind, Form, Role, ScopeId, ScopeKind};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

impl<'t> Builder<'t> {
    pub(super) fn class_declaration(&mut self, node: Node<'t>, scope: ScopeId, public: bool) -> Option<usize> {
        let name = node.child_by_field_name("name")?;
        let index = self.declare(name, scope, DeclarationKind::Class, VALUE | TYPE, Merge::Once, node);
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.public |= public;
        }
        self.class(node, scope, index);
        Some(index)
    }

    /// A class as a value; `named` is the declaration that it belongs to where it has no name.
    pub(super) fn class_expression(&mut self, node: Node<'t>, scope: ScopeId, named: Option<usize>) {
        let (scope, index) = match (node.child_by_field_name("name"), named) {
            (Some(name), _) => {
                let own = self.scope(ScopeKind::Block, scope, node);
                (own, self.declare(name, own, DeclarationKind::Class, VALUE | TYPE, Merge::Once, node))
            }
            (None, Some(index)) => (scope, index),
            (None, None) => (scope, self.nameless(node, scope)),
        };
        self.anonymous.insert(node.id(), index);
        self.class(node, scope, index);
    }

    /// A type without a name.
    pub(super) fn nameless(&mut self, node: Node<'t>, scope: ScopeId) -> usize {
        let start = range(node).start;
        let at = TextRange::new(start, start);
        let index = self.draft("", DeclarationKind::Class, 0, Merge::Once, scope, (at, range(node)));
        self.anonymous.insert(node.id(), index);
        index
    }

    /// A decorator is told the name of its member, and may use it.
    fn decorated(&mut self, node: Node<'t>, key: Node<'t>) {
        let mut cursor = node.walk();
        let within = node.named_children(&mut cursor).find(|child| child.kind() == "decorator");
        let before = node.prev_named_sibling().filter(|before| before.kind() == "decorator");
        if let Some(decorator) = within.or(before) {
            self.hazard(decorator, crate::HazardKind::Reflection, Some(self.str(key).to_owned()));
        }
    }

    /// A scope for type parameters, where there are any.
    fn generic(&mut self, node: Node<'t>, scope: ScopeId) -> ScopeId {
        match node.child_by_field_name("type_parameters") {
            Some(parameters) => {
                let inner = self.scope(ScopeKind::TypeParameters, scope, node);
                self.push(Some(parameters), inner);
                inner
            }
            None => scope,
        }
    }

    fn class(&mut self, node: Node<'t>, scope: ScopeId, index: usize) {
        let scope = self.generic(node, scope);
        let mut bases = Vec::new();
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            match child.kind() {
                "decorator" => self.push(Some(child), scope),
                "class_heritage" => self.heritage(child, scope, &mut bases),
                _ => {}
            }
        }
        let alone = bases.is_empty();
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.bases.extend(bases);
        }
        let Some(body) = node.child_by_field_name("body") else { return };
        let class = self.scope_at(ScopeKind::Class, Some(scope), range(body), Some(index));
        let mut cursor = body.walk();
        let members: Vec<_> = body.named_children(&mut cursor).collect();
        for member in members.into_iter().rev() {
            match member.kind() {
                "method_definition" | "method_signature" | "abstract_method_signature" => {
                    let result = if alone { Ctx::Own } else { Ctx::None };
                    self.method(member, class, Self::has(member, "static"), result);
                }
                "public_field_definition" | "field_definition" => self.field(member, class),
                _ => self.push(Some(member), class),
            }
        }
    }

    fn heritage(&mut self, node: Node<'t>, scope: ScopeId, bases: &mut Vec<HintId>) {
        let mut cursor = node.walk();
        for clause in node.named_children(&mut cursor) {
            match clause.kind() {
                "extends_clause" => {
                    let mut values = clause.walk();
                    for value in clause.children_by_field_name("value", &mut values) {
                        bases.push(self.hint(Hint::Value(value, scope)));
                    }
                    self.push(Some(clause), scope);
                }
                "implements_clause" => {
                    let mut types = clause.walk();
                    for named in clause.named_children(&mut types) {
                        bases.push(self.hint(Hint::Named(named, scope)));
                    }
                    self.push(Some(clause), scope);
                }
                _ => {
                    bases.push(self.hint(Hint::Value(clause, scope)));
                    self.push(Some(clause), scope);
                }
            }
        }
    }

    /// A method or an accessor.
    pub(super) fn method(&mut self, node: Node<'t>, class: ScopeId, is_static: bool, result: Ctx) {
        let Some(key) = node.child_by_field_name("name") else { return self.push_children(node, class) };
        let this = if is_static { This::Class(class) } else { This::Instance(class) };
        let mut cursor = node.walk();
        for decorator in node.named_children(&mut cursor).filter(|child| child.kind() == "decorator") {
            self.push(Some(decorator), class);
        }
        if self.str(key) == "constructor" && !is_static {
            self.function_of(node, class, this, None, Ctx::None, Some(class));
            return;
        }
        self.decorated(node, key);
        let (get, set) = (Self::has(node, "get"), Self::has(node, "set"));
        let kind = if get || set { DeclarationKind::Field } else { DeclarationKind::Method };
        let index = self.declare_member(key, class, is_static, kind, node);
        self.function(node, class, this, index.filter(|_| !set), result);
    }

    fn field(&mut self, node: Node<'t>, class: ScopeId) {
        let key = node.child_by_field_name("name").or_else(|| node.child_by_field_name("property"));
        let Some(key) = key else { return self.push_children(node, class) };
        let is_static = Self::has(node, "static");
        self.decorated(node, key);
        let index = self.declare_member(key, class, is_static, DeclarationKind::Field, node);
        let mut cursor = node.walk();
        for decorator in node.named_children(&mut cursor).filter(|child| child.kind() == "decorator") {
            self.push(Some(decorator), class);
        }
        let (annotation, value) = (node.child_by_field_name("type"), node.child_by_field_name("value"));
        let inner = match value {
            Some(value) => {
                let inner = self.scope(ScopeKind::Block, class, value);
                if let Some(inside) = self.inside(inner) {
                    inside.this = if is_static { This::Class(class) } else { This::Instance(class) };
                    inside.vars = inner;
                }
                inner
            }
            None => class,
        };
        let hint = match (annotation, value) {
            (Some(annotation), _) => self.hint(Hint::Type(annotation, class)),
            (None, Some(value)) => self.hint(Hint::Value(value, inner)),
            (None, None) => UNKNOWN,
        };
        if let Some(draft) = index.and_then(|index| self.drafts.get_mut(index))
            && draft.hint == UNKNOWN
        {
            draft.hint = hint;
        }
        let ctx = if annotation.is_some() { Ctx::Of(hint) } else { Ctx::Own };
        self.initial(value, inner, ctx, index.filter(|_| annotation.is_none()));
        self.push(annotation, class);
    }

    pub(super) fn interface(&mut self, node: Node<'t>, scope: ScopeId, public: bool) -> Option<usize> {
        let name = node.child_by_field_name("name")?;
        let index = self.declare(name, scope, DeclarationKind::Interface, TYPE, Merge::Parts, node);
        let scope = self.generic(node, scope);
        let mut bases = Vec::new();
        let mut cursor = node.walk();
        for clause in node.named_children(&mut cursor).filter(|child| child.kind() == "extends_type_clause") {
            let mut types = clause.walk();
            for named in clause.named_children(&mut types) {
                bases.push(self.hint(Hint::Named(named, scope)));
            }
            self.push(Some(clause), scope);
        }
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.public |= public;
            draft.bases.extend(bases);
        }
        if let Some(body) = node.child_by_field_name("body") {
            self.type_members(body, scope, index);
        }
        Some(index)
    }

    /// The members that an interface or a type of objects lists.
    fn type_members(&mut self, body: Node<'t>, scope: ScopeId, index: usize) {
        let class = self.scope_at(ScopeKind::Class, Some(scope), range(body), Some(index));
        if let Some(inside) = self.inside(class) {
            inside.this = This::Instance(class);
        }
        let mut cursor = body.walk();
        let members: Vec<_> = body.named_children(&mut cursor).collect();
        for member in members.into_iter().rev() {
            match member.kind() {
                "method_signature" => self.method(member, class, false, Ctx::None),
                "property_signature" => {
                    let Some(key) = member.child_by_field_name("name") else { continue };
                    let declared = self.declare_member(key, class, false, DeclarationKind::Field, member);
                    let annotation = member.child_by_field_name("type");
                    if let (Some(declared), Some(annotation)) = (declared, annotation) {
                        let hint = self.hint(Hint::Type(annotation, class));
                        if let Some(draft) = self.drafts.get_mut(declared) {
                            draft.hint = hint;
                        }
                    }
                    self.push(annotation, class);
                }
                _ => self.push(Some(member), class),
            }
        }
    }

    pub(super) fn object_type(&mut self, node: Node<'t>, scope: ScopeId) {
        let index = self.nameless(node, scope);
        self.type_members(node, scope, index);
    }

    /// A type that has the members of all of its parts.
    pub(super) fn intersection(&mut self, node: Node<'t>, scope: ScopeId) {
        let index = self.nameless(node, scope);
        let mut cursor = node.walk();
        for part in node.named_children(&mut cursor) {
            let base = self.hint(Hint::Named(part, scope));
            if let Some(draft) = self.drafts.get_mut(index) {
                draft.bases.push(base);
            }
        }
        self.push_children(node, scope);
    }

    pub(super) fn alias(&mut self, node: Node<'t>, scope: ScopeId, public: bool) -> Option<usize> {
        let name = node.child_by_field_name("name")?;
        let index = self.declare(name, scope, DeclarationKind::TypeAlias, TYPE, Merge::Once, node);
        let inner = self.generic(node, scope);
        let value = node.child_by_field_name("value");
        let hint = match value {
            Some(value) => self.hint(Hint::Named(value, inner)),
            None => UNKNOWN,
        };
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.public |= public;
            if draft.hint == UNKNOWN {
                draft.hint = hint;
            }
        }
        self.push(value, inner);
        Some(index)
    }

    pub(super) fn enumeration(&mut self, node: Node<'t>, scope: ScopeId, public: bool) -> Option<usize> {
        let name = node.child_by_field_name("name")?;
        let index = self.declare(name, scope, DeclarationKind::Enum, ANY, Merge::Parts, node);
        if let Some(draft) = self.drafts.get_mut(index) {
            draft.declaration.public |= public;
        }
        let body = node.child_by_field_name("body")?;
        let class = self.scope_at(ScopeKind::Class, Some(scope), range(body), Some(index));
        if let Some(inside) = self.inside(class) {
            inside.is_enum = true;
        }
        let value = self.hint(Hint::Instance(index));
        let mut cursor = body.walk();
        for child in body.named_children(&mut cursor) {
            let key = if child.kind() == "enum_assignment" { child.child_by_field_name("name") } else { Some(child) };
            let Some(key) = key else { continue };
            let declared = self.declare_member(key, class, true, DeclarationKind::EnumMember, child);
            if let Some(draft) = declared.and_then(|declared| self.drafts.get_mut(declared)) {
                draft.hint = value;
                draft.flags = VALUE | TYPE;
            }
            self.push(child.child_by_field_name("value").filter(|_| child.kind() == "enum_assignment"), class);
        }
        Some(index)
    }

    pub(super) fn namespace(&mut self, node: Node<'t>, scope: ScopeId, public: bool) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let body = node.child_by_field_name("body");
        let mut names = Vec::new();
        let mut next = Some(name);
        while let Some(name) = next {
            match name.kind() {
                "nested_identifier" => {
                    names.extend(name.child_by_field_name("property"));
                    next = name.child_by_field_name("object");
                }
                "identifier" => {
                    names.push(name);
                    break;
                }
                _ => break,
            }
        }
        let mut scope = scope;
        for (level, name) in names.into_iter().rev().enumerate() {
            let flags = VALUE | NAMESPACE;
            let index = self.declare(name, scope, DeclarationKind::Module, flags, Merge::Parts, node);
            if let Some(draft) = self.drafts.get_mut(index) {
                draft.declaration.public |= public || level > 0;
            }
            scope = self.scope_at(ScopeKind::Module, Some(scope), range(body.unwrap_or(node)), Some(index));
        }
        if name.kind() == "string" {
            // The quotes tell a module from a namespace.
            let (kind, at) = (DeclarationKind::Module, range(name));
            let index = self.draft(
                &format!("\"{}\"", self.inner(name)),
                kind,
                NAMESPACE,
                Merge::Parts,
                FILE,
                (at, range(node)),
            );
            if let Some(draft) = self.drafts.get_mut(index) {
                draft.declaration.public = true;
            }
            scope = self.scope_at(ScopeKind::Module, Some(scope), range(body.unwrap_or(node)), Some(index));
        }
        if let Some(body) = body {
            self.push_children(body, scope);
        }
    }

    pub(super) fn ambient(&mut self, node: Node<'t>, scope: ScopeId, public: bool) {
        let mut cursor = node.walk();
        let children: Vec<_> = node.named_children(&mut cursor).collect();
        for child in children.into_iter().rev() {
            match child.kind() {
                // `declare global`
                "statement_block" => {
                    let kind = DeclarationKind::Module;
                    let at = TextRange::new(range(child).start, range(child).start);
                    let index = self.draft(GLOBAL_MODULE, kind, 0, Merge::Parts, FILE, (at, range(node)));
                    let inner = self.scope_at(ScopeKind::Module, Some(scope), range(child), Some(index));
                    self.globals.push(inner);
                    self.push_children(child, inner);
                }
                "property_identifier" => {}
                _ => {
                    self.declaration(child, scope, public);
                }
            }
        }
    }

    /// A declaration that may be exported; its index, where it has one name.
    pub(super) fn declaration(&mut self, node: Node<'t>, scope: ScopeId, public: bool) -> Option<usize> {
        match node.kind() {
            "variable_declaration" | "lexical_declaration" => {
                self.variables(node, scope, public);
                None
            }
            "function_declaration" | "generator_function_declaration" | "function_signature" => {
                self.function_declaration(node, scope, public)
            }
            "class_declaration" | "abstract_class_declaration" => self.class_declaration(node, scope, public),
            "interface_declaration" => self.interface(node, scope, public),
            "type_alias_declaration" => self.alias(node, scope, public),
            "enum_declaration" => self.enumeration(node, scope, public),
            "internal_module" | "module" => {
                self.namespace(node, scope, public);
                None
            }
            "ambient_declaration" => {
                self.ambient(node, scope, public);
                None
            }
            "import_alias" => {
                self.import_alias(node, scope, public);
                None
            }
            _ => {
                self.push(Some(node), scope);
                None
            }
        }
    }

    /// An object literal: a type of its own, or a value of the type that its place wants.
    pub(super) fn object(&mut self, node: Node<'t>, scope: ScopeId, ctx: Ctx) {
        let class = match ctx {
            Ctx::Own => {
                let index = self.nameless(node, scope);
                Some((self.scope_at(ScopeKind::Class, Some(scope), range(node), Some(index)), index))
            }
            _ => None,
        };
        let of = if let Ctx::Of(of) = ctx { of } else { UNKNOWN };
        let from = self.stack.len();
        let mut cursor = node.walk();
        let children: Vec<_> = node.named_children(&mut cursor).collect();
        for child in children {
            match (child.kind(), class) {
                ("shorthand_property_identifier", _) => {
                    match class {
                        Some((class, _)) => {
                            let (name, at) = (self.str(child), range(child));
                            let index = self.member(class, name, false, DeclarationKind::Field, at, at);
                            let hint = self.hint(Hint::Value(child, scope));
                            if let Some(draft) = self.drafts.get_mut(index) {
                                draft.hint = hint;
                            }
                            self.refer(child, scope, Role::Declares, Form::First(": "), Meaning::Draft(index));
                        }
                        None => {
                            self.refer(child, scope, Role::Keyword, Form::First(": "), Meaning::Member(of));
                        }
                    }
                    self.refer(child, scope, Role::Reads, Form::Second(": "), Meaning::Name(VALUE));
                }
                ("pair", Some((class, _))) => {
                    let (Some(key), value) = (child.child_by_field_name("key"), child.child_by_field_name("value"))
                    else {
                        continue;
                    };
                    let index = self.declare_member(key, class, false, DeclarationKind::Field, child);
                    if let (Some(index), Some(value)) = (index, value) {
                        let hint = self.hint(Hint::Value(value, scope));
                        if let Some(draft) = self.drafts.get_mut(index) {
                            draft.hint = hint;
                        }
                    }
                    self.initial(value, scope, Ctx::Own, index);
                }
                ("pair", None) => {
                    let (Some(key), value) = (child.child_by_field_name("key"), child.child_by_field_name("value"))
                    else {
                        continue;
                    };
                    let hint = self.key(key, scope, of, Role::Keyword);
                    let ctx = if hint == UNKNOWN { Ctx::None } else { Ctx::Of(hint) };
                    self.push_as(value, scope, super::build::Mode::Plain(ctx));
                }
                ("method_definition", Some((class, _))) => self.method(child, class, false, Ctx::Own),
                ("method_definition", None) => {
                    if let Some(key) = child.child_by_field_name("name") {
                        self.key(key, scope, of, Role::Keyword);
                    }
                    self.function(child, scope, This::Unknown, None, Ctx::None);
                }
                ("spread_element", Some((_, index))) => {
                    if let Some(value) = nth(child, 0) {
                        let base = self.hint(Hint::Value(value, scope));
                        if let Some(draft) = self.drafts.get_mut(index) {
                            draft.bases.push(base);
                        }
                    }
                    self.push(Some(child), scope);
                }
                _ => self.push(Some(child), scope),
            }
        }
        self.stack.get_mut(from..).unwrap_or_default().reverse();
    }
}
