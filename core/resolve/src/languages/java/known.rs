//! What the text tells of values and types, and what each name means.

use super::super::names::{children, range};
use super::walk::{FILE, Source, Walk, What};
use crate::{DeclarationId, DeclarationKind, Known, Members, Role, ScopeId, ScopeKind, Space, Target, Why};
use deepcoder_syntax::Node;

/// How far chains of calls and fields are followed.
const DEPTH: u32 = 48;

/// How many types of a file are searched for what a class inherits.
const INHERITED: usize = 64;

impl<'t> Walk<'t> {
    /// Gives every name its target and every declaration its value.
    pub(super) fn resolve(&mut self) {
        let scopes = (0..).map(ScopeId).zip(&self.names.bindings.scopes);
        let bodies = scopes.filter(|(_, scope)| scope.kind == ScopeKind::Class);
        self.bodies = bodies.filter_map(|(id, scope)| Some((scope.owner?, id))).collect();
        // What a class inherits decides what names in it mean.
        for (id, node, scope) in std::mem::take(&mut self.bases) {
            let outside = self.names.parent(scope).unwrap_or(FILE);
            let base = self.of_type(node, if self.names.kind(scope) == ScopeKind::Class { outside } else { scope });
            if let Some(found) = self.names.declaration(id) {
                found.bases.push(base);
            }
        }
        for pending in std::mem::take(&mut self.pending) {
            let (node, scope) = (pending.node, pending.scope);
            let name = self.names.of(node);
            let at = range(node).start;
            let target = match pending.what {
                What::Value { qualifier } => self.value_name(name, scope, at, qualifier),
                What::Type => self.type_name(name, scope, at),
                What::Label => self.label_name(name, scope),
                What::Field(object) => within(self.receiver(object, scope), Members::Values),
                What::Nested(outer) => within(self.outer(outer, scope), Members::Types),
                What::Method(Some(object), count) => within(self.receiver(object, scope), Members::Methods(count)),
                What::Method(None, count) => self.method_name(name, scope, count),
                What::Element(annotation) => {
                    within(instance(self.of_type(annotation, scope)), Members::Methods(Some(0)))
                }
                What::Case(condition) => self.case(name, condition, scope, at),
            };
            let role = if name == "length" && pending.role == Role::Writes { Role::Reads } else { pending.role };
            self.names.refer(range(node), scope, role, target);
        }
        let sources: Vec<_> = self.sources.iter().map(|(id, (source, scope))| (*id, *source, *scope)).collect();
        for (id, source, scope) in sources {
            let value = match source {
                Source::Type(node) => instance(self.of_type(node, scope)),
                Source::Value(node) => self.known(node, scope, 0),
                Source::Instance(class) => instance(Known::Itself(class)),
            };
            if let Some(found) = self.names.declaration(id) {
                found.value = value;
            }
        }
    }

    /// The class whose body a scope is in.
    pub(super) fn class(&self, mut scope: ScopeId) -> Option<DeclarationId> {
        loop {
            let found = self.names.bindings.scope(scope)?;
            if found.kind == ScopeKind::Class {
                return found.owner;
            }
            scope = found.parent?;
        }
    }

    /// The class, if it may inherit a member of this name: from a type of another file, or from one of this file that has it.
    fn inherits(&self, class: Option<DeclarationId>, space: Space, name: &'t str) -> Option<DeclarationId> {
        let mut next = vec![class?];
        let mut seen = Vec::new();
        while let Some(id) = next.pop() {
            for base in &self.names.bindings.declaration(id)?.bases {
                let Known::Itself(base) = base else { return class };
                let Some(body) = self.bodies.get(base) else { return class };
                if seen.len() > INHERITED || !self.names.here(*body, space, name).is_empty() {
                    return class;
                }
                if !seen.contains(base) {
                    seen.push(*base);
                    next.push(*base);
                }
            }
        }
        None
    }

    /// Looks a name up outwards: what the scopes declare, and what their classes may inherit before it is found.
    fn outwards(
        &self,
        space: Space,
        name: &'t str,
        mut scope: ScopeId,
        at: u32,
    ) -> (Vec<DeclarationId>, Option<(DeclarationId, ScopeId)>) {
        let mut inherited = Vec::new();
        loop {
            if let Some(id) = self.names.visible(scope, space, name, at) {
                return (inherited, Some((id, scope)));
            }
            let Some(found) = self.names.bindings.scope(scope) else { return (inherited, None) };
            if found.kind == ScopeKind::Class {
                inherited.extend(self.inherits(found.owner, space, name));
            }
            match found.parent {
                Some(parent) => scope = parent,
                None => return (inherited, None),
            }
        }
    }

    pub(super) fn type_name(&self, name: &'t str, scope: ScopeId, at: u32) -> Target {
        let (inherited, found) = self.outwards(Space::Type, name, scope, at);
        lookup(inherited, Members::Types, found.map_or(Target::Outside, |(id, _)| Target::Declaration(id)))
    }

    pub(super) fn value_name(&self, name: &'t str, scope: ScopeId, at: u32, qualifier: bool) -> Target {
        let (inherited, found) = self.outwards(Space::Value, name, scope, at);
        match found {
            Some((id, home)) => {
                let certain = self
                    .patterns
                    .get(&id)
                    .is_none_or(|ranges| ranges.iter().any(|sure| sure.start <= at && at < sure.end));
                if certain {
                    return lookup(inherited, Members::Values, Target::Declaration(id));
                }
                // Where the variable of a pattern is not in scope, its name is that of a field.
                let (fields, outer) = self
                    .names
                    .parent(home)
                    .map_or((Vec::new(), None), |parent| self.outwards(Space::Value, name, parent, at));
                match outer {
                    Some((outer, _)) => Target::Several(vec![id, outer], Why::SeveralDeclarations),
                    None if !fields.is_empty() => Target::Several(vec![id], Why::SeveralDeclarations),
                    None => Target::Declaration(id),
                }
            }
            // By convention such a name is a type's; a field of that name is a constant and has no small letters.
            None if qualifier && is_type_name(name) => self.type_name(name, scope, at),
            None => {
                let rest = if qualifier { self.type_name(name, scope, at) } else { Target::Outside };
                lookup(inherited, Members::Values, rest)
            }
        }
    }

    fn label_name(&self, name: &'t str, mut scope: ScopeId) -> Target {
        loop {
            if let Some(id) = self.names.visible(scope, Space::Label, name, u32::MAX) {
                return Target::Declaration(id);
            }
            match self.names.parent(scope) {
                Some(parent) if self.names.kind(scope) != ScopeKind::Function => scope = parent,
                _ => return Target::Dynamic(Why::Syntax),
            }
        }
    }

    /// A method without an object: of the innermost class that has one of this name, with this number of arguments.
    fn method_name(&self, name: &'t str, mut scope: ScopeId, count: Option<u32>) -> Target {
        let mut of = Vec::new();
        loop {
            let here = self.names.here(scope, Space::Method, name);
            let Some(found) = self.names.bindings.scope(scope) else { break };
            let class = found.owner.filter(|_| found.kind == ScopeKind::Class);
            if !here.is_empty() && (scope == FILE || self.inherits(class, Space::Method, name).is_none()) {
                return lookup(of, Members::Methods(count), self.overload(here, count));
            }
            of.extend(self.inherits(class, Space::Method, name));
            if !here.is_empty() {
                // What it inherits may be called as well as its own.
                return lookup(of, Members::Methods(count), Target::Dynamic(Why::SeveralDeclarations));
            }
            let Some(parent) = found.parent else { break };
            scope = parent;
        }
        lookup(of, Members::Methods(count), Target::Outside)
    }

    fn overload(&self, all: &[DeclarationId], count: Option<u32>) -> Target {
        let takes = |id: &&DeclarationId| {
            let parameters = self.names.bindings.declaration(**id).and_then(|found| found.parameters);
            parameters.is_none() || count.is_none() || parameters == count
        };
        match all.iter().filter(takes).copied().collect::<Vec<_>>().as_slice() {
            [only] => Target::Declaration(*only),
            [] => Target::Several(all.to_vec(), Why::SeveralDeclarations),
            several => Target::Several(several.to_vec(), Why::SeveralDeclarations),
        }
    }

    /// A name after `case`: a constant of an enumeration, where that is switched on.
    fn case(&self, name: &'t str, condition: Node<'t>, scope: ScopeId, at: u32) -> Target {
        let lexical = self.value_name(name, scope, at, false);
        match self.known(condition, scope, 0) {
            Known::Builtin(_) => lexical,
            of => Target::Lookup { of: vec![of], members: Members::Values, otherwise: Box::new(lexical) },
        }
    }

    fn outer(&self, node: Node<'t>, scope: ScopeId) -> Known {
        match node.kind() {
            "type_identifier" | "scoped_type_identifier" | "generic_type" | "scoped_identifier" => {
                self.of_type(node, scope)
            }
            "identifier" => match self.value_name(self.names.of(node), scope, range(node).start, true) {
                Target::Declaration(id) => Known::Itself(id),
                _ => self.of_type(node, scope),
            },
            _ => self.known(node, scope, 0),
        }
    }

    /// What stands before a member: of `Outer.super.m` it is what `Outer` inherits.
    fn receiver(&self, object: Node<'t>, scope: ScopeId) -> Known {
        let above = object.next_named_sibling().is_some_and(|next| next.kind() == "super");
        let known = if above { self.of_type(object, scope) } else { self.known(object, scope, 0) };
        match known {
            Known::Itself(id) if above => match self.names.bindings.declaration(id).map(|found| found.kind) {
                Some(DeclarationKind::Interface) => instance(Known::Itself(id)),
                Some(DeclarationKind::Class) => self.inherited(id),
                _ => Known::Unknown,
            },
            _ if above => Known::Unknown,
            known => known,
        }
    }

    /// A value of what a class inherits.
    fn inherited(&self, class: DeclarationId) -> Known {
        let bases = self.names.bindings.declaration(class).map(|class| &class.bases);
        match bases.map_or(&[][..], Vec::as_slice) {
            [] => Known::Builtin("Object"),
            [only] => instance(only.clone()),
            several => Known::Either(several.iter().cloned().map(instance).collect()),
        }
    }

    /// What a target is known as. Targets are three deep at most.
    fn meant(&self, name: &str, target: Target) -> Known {
        match target {
            Target::Declaration(id) => Known::Itself(id),
            Target::Outside => Known::Outside(name.to_owned()),
            // By convention no class inherits a type that has the name of another one in use.
            Target::Lookup { members: Members::Types, otherwise, .. } => self.meant(name, *otherwise),
            // An inherited field; where there is none, a type or a package.
            Target::Lookup { of, otherwise, .. } => {
                let rest = self.meant(name, *otherwise);
                let inherited = of.into_iter().map(|of| Known::Member(Box::new(of), name.to_owned()));
                let mut all: Vec<Known> = inherited.chain([rest]).collect();
                match all.len() {
                    1 => all.pop().unwrap_or_default(),
                    _ => Known::Either(all),
                }
            }
            _ => Known::Unknown,
        }
    }

    /// A type itself.
    pub(super) fn of_type(&self, node: Node<'t>, scope: ScopeId) -> Known {
        self.of_type_within(node, scope, 0)
    }

    fn of_type_within(&self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        if depth > DEPTH {
            return Known::Unknown;
        }
        let name = self.names.of(node);
        match node.kind() {
            "type_identifier" | "identifier" => self.meant(name, self.type_name(name, scope, range(node).start)),
            "scoped_type_identifier" | "scoped_identifier" => {
                let parts = children(node);
                let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Known::Unknown };
                match self.of_type_within(*first, scope, depth + 1) {
                    Known::Unknown => Known::Unknown,
                    outer => Known::Member(Box::new(outer), self.names.of(*last).to_owned()),
                }
            }
            "generic_type" => {
                children(node).first().map_or(Known::Unknown, |of| self.of_type_within(*of, scope, depth + 1))
            }
            "annotated_type" => {
                children(node).last().map_or(Known::Unknown, |of| self.of_type_within(*of, scope, depth + 1))
            }
            "array_type" => Known::Builtin("array"),
            "integral_type" | "floating_point_type" => {
                let primitives = ["int", "long", "double", "byte", "short", "char", "float"];
                primitives.into_iter().find(|word| *word == name).map_or(Known::Unknown, Known::Builtin)
            }
            "boolean_type" => Known::Builtin("boolean"),
            "void_type" => Known::Builtin("void"),
            _ => Known::Unknown,
        }
    }

    /// The value of an expression.
    fn known(&self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        if depth > DEPTH {
            return Known::Unknown;
        }
        let member = |of: Known, name: &str| match of {
            Known::Unknown => Known::Unknown,
            of => Known::Member(Box::new(of), name.to_owned()),
        };
        match node.kind() {
            "identifier" => {
                let name = self.names.of(node);
                self.meant(name, self.value_name(name, scope, range(node).start, true))
            }
            "type_identifier" | "scoped_type_identifier" | "generic_type" => self.of_type(node, scope),
            "this" => self.class(scope).map_or(Known::Unknown, |class| instance(Known::Itself(class))),
            "super" => self.class(scope).map_or(Known::Unknown, |class| self.inherited(class)),
            "parenthesized_expression" => {
                children(node).first().map_or(Known::Unknown, |inner| self.known(*inner, scope, depth + 1))
            }
            "field_access" => {
                let (Some(object), Some(field)) =
                    (node.child_by_field_name("object"), node.child_by_field_name("field"))
                else {
                    return Known::Unknown;
                };
                if field.kind() == "this" {
                    return instance(self.known(object, scope, depth + 1));
                }
                member(self.known(object, scope, depth + 1), self.names.of(field))
            }
            "method_invocation" => {
                let Some(name) = node.child_by_field_name("name").map(|name| self.names.of(name)) else {
                    return Known::Unknown;
                };
                let count =
                    node.child_by_field_name("arguments").and_then(|list| u32::try_from(children(list).len()).ok());
                let called = match node.child_by_field_name("object") {
                    Some(object) => member(self.known(object, scope, depth + 1), name),
                    None => match self.method_name(name, scope, count) {
                        Target::Declaration(id) => Known::Itself(id),
                        Target::Lookup { of, .. } if of.len() == 1 => {
                            member(of.into_iter().next().unwrap_or_default(), name)
                        }
                        _ => Known::Unknown,
                    },
                };
                match called {
                    Known::Unknown => called,
                    called => Known::Called(Box::new(called)),
                }
            }
            "object_creation_expression" => match (node.child_by_field_name("type"), children(node).first()) {
                (Some(of), Some(first)) if *first == of || first.kind() != "identifier" => {
                    instance(self.of_type(of, scope))
                }
                _ => Known::Unknown,
            },
            "cast_expression" => match node.child_by_field_name("type") {
                Some(of) => instance(self.of_type(of, scope)),
                None => Known::Unknown,
            },
            "array_access" => {
                node.child_by_field_name("array").map_or(Known::Unknown, |array| self.element(array, scope))
            }
            "assignment_expression" => {
                node.child_by_field_name("left").map_or(Known::Unknown, |left| self.known(left, scope, depth + 1))
            }
            "string_literal" => Known::Builtin("String"),
            "decimal_integer_literal" | "hex_integer_literal" | "decimal_floating_point_literal" => {
                Known::Builtin("number")
            }
            "character_literal" => Known::Builtin("char"),
            "true" | "false" => Known::Builtin("boolean"),
            "array_creation_expression" => Known::Builtin("array"),
            "class_literal" => Known::Builtin("Class"),
            _ => Known::Unknown,
        }
    }

    /// An element of an array whose type is written here.
    fn element(&self, array: Node<'t>, scope: ScopeId) -> Known {
        let name = self.names.of(array);
        let Target::Declaration(id) = self.value_name(name, scope, range(array).start, false) else {
            return Known::Unknown;
        };
        let Some((Source::Type(of), home)) = self.sources.get(&id).filter(|_| array.kind() == "identifier") else {
            return Known::Unknown;
        };
        let flat = of
            .child_by_field_name("dimensions")
            .is_some_and(|dimensions| self.names.of(dimensions).matches('[').count() == 1);
        match of.child_by_field_name("element").filter(|_| flat) {
            Some(element) => instance(self.of_type(element, *home)),
            None => Known::Unknown,
        }
    }

    /// Whether a declaration is a type.
    pub(super) fn is_type(&self, id: DeclarationId) -> bool {
        use DeclarationKind::{Class, Enum, Import, Interface, TypeParameter};
        self.names
            .bindings
            .declaration(id)
            .is_some_and(|found| matches!(found.kind, Class | Enum | Interface | TypeParameter | Import))
    }
}

fn is_type_name(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && name.chars().any(char::is_lowercase)
}

pub(super) fn instance(of: Known) -> Known {
    match of {
        Known::Unknown | Known::Builtin(_) => of,
        of => Known::Instance(Box::new(of)),
    }
}

pub(super) fn within(of: Known, members: Members) -> Target {
    Target::Lookup { of: vec![of], members, otherwise: Box::new(Target::Dynamic(Why::UnknownReceiver)) }
}

fn lookup(classes: Vec<DeclarationId>, members: Members, otherwise: Target) -> Target {
    // In another file only members of the right kind are meant.
    if classes.is_empty() && (otherwise != Target::Outside || members == Members::Types) {
        return otherwise;
    }
    let of = classes.into_iter().map(|class| instance(Known::Itself(class))).collect();
    Target::Lookup { of, members, otherwise: Box::new(otherwise) }
}
