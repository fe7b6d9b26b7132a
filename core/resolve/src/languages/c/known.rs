//! What the text tells of values and types, and what each name means.

use super::super::names::{children, range};
use super::walk::{Aggregate, FILE, Pending, Source, Walk, What};
use crate::{Known, Members, ScopeId, ScopeKind, Space, Target, Why};
use deepcoder_syntax::Node;

/// How far chains of members and calls are followed.
const DEPTH: u32 = 32;

impl<'t> Walk<'t> {
    /// Gives every name its target and every declaration its value.
    pub(super) fn resolve(&mut self) {
        for (scope, parts) in std::mem::take(&mut self.owners) {
            let outside = self.names.parent(scope).unwrap_or(FILE);
            let of = self.path(&parts, outside);
            if let Some(found) = self.names.bindings.scopes.get_mut(scope.0 as usize) {
                found.of = Some(of);
            }
        }
        for (id, node, scope) in std::mem::take(&mut self.bases) {
            let base = self.of_type(node, scope, 0);
            if let Some(found) = self.names.declaration(id) {
                found.bases.push(base);
            }
        }
        for pending in std::mem::take(&mut self.pending) {
            let target = self.target(&pending);
            self.names.refer(pending.at, pending.scope, pending.role, target);
        }
        let sources: Vec<_> = self.sources.iter().map(|(id, (source, scope))| (*id, *source, *scope)).collect();
        for (id, source, scope) in sources {
            let value = match source {
                Source::Type(node) => instance(self.of_type(node, scope, 0)),
                Source::Alias(node) => self.of_type(node, scope, 0),
                Source::Value(node) => self.known(node, scope, 0),
            };
            if let Some(found) = self.names.declaration(id) {
                found.value = value;
            }
        }
    }

    fn target(&self, pending: &Pending<'t>) -> Target {
        let (name, scope, at) = (self.names.slice(pending.at), pending.scope, pending.at.start);
        match &pending.what {
            What::Name => self.name(name, scope, at),
            What::Tag => match self.tag(name, scope) {
                Some(id) => Target::Declaration(id),
                None => self.name(name, scope, at),
            },
            What::Macro => {
                let found = self.names.here(FILE, Space::Macro, name).first();
                found.map_or(Target::Outside, |id| Target::Declaration(*id))
            }
            What::Label => {
                let found = self.names.here(self.around(scope), Space::Label, name).first();
                found.map_or(Target::Dynamic(Why::Macro), |id| Target::Declaration(*id))
            }
            What::Field(of) => Target::Member(self.known(*of, scope, 0)),
            What::Of(of) => Target::Member(instance(self.of_type(*of, scope, 0))),
            What::Designator(None) => Target::Member(Known::Unknown),
            What::Designator(Some(Aggregate { of, members, .. })) => {
                let of = instance(self.of_type(*of, scope, 0));
                let member = |of, name: &&str| Known::Member(Box::new(of), (*name).to_owned());
                Target::Member(members.iter().fold(of, member))
            }
            What::Path(parts) => match self.path(parts, scope) {
                // What is in the standard library is none of ours.
                Known::Outside(root) if root == "std" => Target::Dynamic(Why::OutsideTree),
                known => Target::Member(known),
            },
            What::Expanded => Target::Expanded,
            // A base and the class itself are initialised by their names.
            What::Own => Target::Lookup {
                of: vec![self.this(scope)],
                members: Members::Any,
                otherwise: Box::new(self.name(name, scope, at)),
            },
            What::Is(id) => Target::Declaration(*id),
        }
    }

    /// What these names mean, each in the one before.
    fn path(&self, parts: &[Node<'t>], scope: ScopeId) -> Known {
        let Some((first, rest)) = parts.split_first() else { return Known::Unknown };
        let first = self.of_name(self.names.of(*first), scope, range(*first).start);
        rest.iter()
            .take(DEPTH as usize)
            .fold(first, |of, part| Known::Member(Box::new(of), self.names.of(*part).to_owned()))
    }

    /// A value of the class that a scope is in.
    fn this(&self, mut scope: ScopeId) -> Known {
        while let Some(found) = self.names.bindings.scope(scope) {
            match (&found.of, found.owner) {
                (Some(of), _) => return instance(of.clone()),
                (None, Some(owner)) if found.kind == ScopeKind::Class => return instance(Known::Itself(owner)),
                _ => {}
            }
            let Some(parent) = found.parent else { break };
            scope = parent;
        }
        Known::Unknown
    }

    /// Looks a name up outwards. What may be a member of a type or a namespace that other files have more of is looked up
    /// there first.
    pub(super) fn name(&self, name: &'t str, scope: ScopeId, at: u32) -> Target {
        let mut of = Vec::new();
        let mut next = Some(scope);
        let mut found = None;
        while let Some(scope) = next {
            next = self.names.parent(scope);
            let Some(here) = self.names.bindings.scope(scope) else { break };
            if here.kind == ScopeKind::Class && !self.cpp {
                continue;
            }
            let value = self.names.visible(scope, Space::Value, name, at);
            found = value.or_else(|| self.names.visible(scope, Space::Tag, name, at).filter(|_| self.cpp));
            if found.is_some() {
                break;
            }
            match (here.kind, &here.of, here.owner) {
                (ScopeKind::Class, Some(known), _) => of.push(known.clone()),
                (ScopeKind::Class, None, Some(owner)) => {
                    let inherits = self.names.bindings.declaration(owner).is_some_and(|class| !class.bases.is_empty());
                    of.extend(inherits.then_some(Known::Itself(owner)));
                }
                (ScopeKind::Module, _, Some(owner)) => of.push(Known::Itself(owner)),
                _ => {}
            }
        }
        let otherwise = match (found, self.names.here(FILE, Space::Macro, name).first()) {
            (Some(found), None) => Target::Declaration(found),
            (Some(found), Some(defined)) => Target::Several(vec![found, *defined], Why::Macro),
            (None, Some(defined)) => Target::Declaration(*defined),
            (None, None) => Target::Outside,
        };
        match of.is_empty() {
            true => otherwise,
            false => Target::Lookup { of, members: Members::Any, otherwise: Box::new(otherwise) },
        }
    }

    fn of_name(&self, name: &'t str, scope: ScopeId, at: u32) -> Known {
        match self.name(name, scope, at) {
            Target::Declaration(id) => Known::Itself(id),
            Target::Outside => Known::Outside(name.to_owned()),
            Target::Lookup { of, otherwise, .. } => {
                let mut members = of.into_iter().map(|of| Known::Member(Box::new(of), name.to_owned()));
                match (*otherwise, members.next()) {
                    (Target::Outside, Some(member)) if members.len() == 0 => member,
                    (Target::Declaration(id), Some(member)) => Known::Either(vec![member, Known::Itself(id)]),
                    (_, Some(member)) => Known::Either(std::iter::once(member).chain(members).collect()),
                    (_, None) => Known::Unknown,
                }
            }
            _ => Known::Unknown,
        }
    }

    /// A type itself; pointers to it, its elements and what it is returned by have its members.
    pub(super) fn of_type(&self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        if depth > DEPTH {
            return Known::Unknown;
        }
        let at = range(node).start;
        match node.kind() {
            "type_identifier" | "identifier" | "namespace_identifier" => self.of_name(self.names.of(node), scope, at),
            "primitive_type" | "sized_type_specifier" => Known::Builtin("int"),
            "struct_specifier" | "union_specifier" | "class_specifier" | "enum_specifier" => {
                if let Some(id) = self.anonymous.get(&node.id()) {
                    return Known::Itself(*id);
                }
                let Some(name) = node.child_by_field_name("name") else { return Known::Builtin("int") };
                match self.tag(self.names.of(name), scope) {
                    Some(id) => Known::Itself(id),
                    None => self.of_type(name, scope, depth + 1),
                }
            }
            "qualified_identifier" => {
                let parts: Vec<Node<'t>> = super::declarator::path(node);
                let names: Vec<Node<'t>> =
                    parts.iter().map(|part| part.child_by_field_name("name").unwrap_or(*part)).collect();
                self.path(&names, scope)
            }
            "template_type" => {
                node.child_by_field_name("name").map_or(Known::Unknown, |of| self.of_type(of, scope, depth + 1))
            }
            "dependent_type" => children(node).first().map_or(Known::Unknown, |of| self.of_type(*of, scope, depth + 1)),
            "type_descriptor" => {
                let declarator = node.child_by_field_name("declarator");
                if declarator.is_some_and(|found| super::declarator::Declarator::of(found).any_function().is_some()) {
                    return Known::Unknown;
                }
                node.child_by_field_name("type").map_or(Known::Unknown, |of| self.of_type(of, scope, depth + 1))
            }
            _ => Known::Unknown,
        }
    }

    /// The value of an expression.
    pub(super) fn known(&self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        if depth > DEPTH {
            return Known::Unknown;
        }
        let field = |name: &str| node.child_by_field_name(name);
        let inner = |found: Option<Node<'t>>| found.map_or(Known::Unknown, |found| self.known(found, scope, depth + 1));
        match node.kind() {
            "identifier" => self.of_name(self.names.of(node), scope, range(node).start),
            "field_expression" => match field("field").filter(|name| name.kind() == "field_identifier") {
                Some(name) => Known::Member(Box::new(inner(field("argument"))), self.names.of(name).to_owned()),
                None => Known::Unknown,
            },
            "call_expression" => {
                let Some(callee) = field("function") else { return Known::Unknown };
                let cast = callee.child_by_field_name("name").map(|name| self.names.of(name));
                if matches!(cast, Some("static_cast" | "reinterpret_cast" | "const_cast" | "dynamic_cast")) {
                    let to = callee.child_by_field_name("arguments").and_then(|list| children(list).first().copied());
                    return to.map_or(Known::Unknown, |to| instance(self.of_type(to, scope, depth + 1)));
                }
                match self.known(callee, scope, depth + 1) {
                    Known::Unknown => Known::Unknown,
                    known => Known::Called(Box::new(known)),
                }
            }
            "parenthesized_expression" | "extension_expression" => match children(node).as_slice() {
                [only] => self.known(*only, scope, depth + 1),
                _ => Known::Unknown,
            },
            "comma_expression" => inner(field("right")),
            "assignment_expression" => inner(field("left")),
            "pointer_expression" | "update_expression" => inner(field("argument")),
            "subscript_expression" => inner(field("argument")),
            "cast_expression" | "compound_literal_expression" | "new_expression" => {
                field("type").map_or(Known::Unknown, |of| instance(self.of_type(of, scope, depth + 1)))
            }
            "conditional_expression" => Known::Either(vec![inner(field("consequence")), inner(field("alternative"))]),
            "binary_expression" if matches!(field("operator").map(|found| found.kind()), Some("+" | "-")) => {
                Known::Either(vec![inner(field("left")), inner(field("right"))])
            }
            "binary_expression" | "unary_expression" if self.cpp => Known::Unknown,
            "binary_expression"
            | "unary_expression"
            | "number_literal"
            | "char_literal"
            | "string_literal"
            | "concatenated_string"
            | "sizeof_expression"
            | "alignof_expression"
            | "offsetof_expression"
            | "true"
            | "false"
            | "null" => Known::Builtin("int"),
            "this" => self.this(scope),
            "qualified_identifier" => self.of_type(node, scope, depth + 1),
            _ => Known::Unknown,
        }
    }
}

fn instance(known: Known) -> Known {
    match known {
        Known::Unknown | Known::Builtin(_) => known,
        known => Known::Instance(Box::new(known)),
    }
}
