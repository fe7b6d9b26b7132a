//! What the text tells of types and values.

use super::collect::{Base, Binder, Implementation, Path, SelfType, Value, children, offset};
use crate::{DeclarationId, DeclarationKind, Known, ScopeId, Space};
use deepcoder_syntax::Node;

/// Longer chains of calls and paths are not followed.
const MAX_DEPTH: u32 = 16;

impl<'t> Binder<'t> {
    /// What a type stands for.
    pub(super) fn type_of(&mut self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        if depth > MAX_DEPTH {
            return Known::Unknown;
        }
        match node.kind() {
            "type_identifier" if self.of(node) == "Self" => self.self_known(scope, depth),
            "type_identifier" | "identifier" => {
                let found = self.lookup(scope, offset(node.start_byte()), self.name(node), Space::Type);
                if found.is_empty() { Known::Outside(self.name(node).to_owned()) } else { one(&found) }
            }
            "scoped_type_identifier" | "scoped_identifier" => {
                let (base, segments) = self.segments(node, scope, &mut Vec::new());
                self.known_path(&Path { base, segments, scope, space: Space::Type, items: false }, false, depth)
            }
            "reference_type" => self.inner_type(node, "type", scope, depth),
            "generic_type" => {
                let Some(of) = node.child_by_field_name("type") else { return Known::Unknown };
                if self.of(of) == "Box" && self.lookup(scope, offset(of.start_byte()), "Box", Space::Type).is_empty() {
                    let inner =
                        node.child_by_field_name("type_arguments").and_then(|arguments| arguments.named_child(0));
                    return inner.map_or(Known::Unknown, |inner| self.type_of(inner, scope, depth + 1));
                }
                self.type_of(of, scope, depth + 1)
            }
            "dynamic_type" | "abstract_type" => self.inner_type(node, "trait", scope, depth),
            "bounded_type" | "trait_bounds" => {
                let parts = children(node).into_iter().filter(|part| part.kind() != "lifetime");
                Known::Either(parts.map(|part| self.type_of(part, scope, depth + 1)).collect())
            }
            _ => Known::Unknown,
        }
    }

    fn inner_type(&mut self, node: Node<'t>, field: &str, scope: ScopeId, depth: u32) -> Known {
        node.child_by_field_name(field).map_or(Known::Unknown, |inner| self.type_of(inner, scope, depth + 1))
    }

    pub(super) fn self_known(&mut self, scope: ScopeId, depth: u32) -> Known {
        match self.written_self(scope) {
            Some(SelfType::Declared(id)) => Known::Itself(id),
            Some(SelfType::Written(node, at)) => self.type_of(node, at, depth + 1),
            None => Known::Unknown,
        }
    }

    /// What a path stands for; `prefix`: more segments follow.
    pub(super) fn known_path(&mut self, path: &Path<'t>, prefix: bool, depth: u32) -> Known {
        if path.segments.len() > MAX_DEPTH as usize {
            return Known::Unknown;
        }
        let mut known = match &path.base {
            Base::Scope => Known::Unknown,
            Base::SelfType => self.self_known(path.scope, depth),
            Base::Module(scope) => match self.out.scope(*scope).and_then(|scope| scope.owner) {
                Some(owner) => Known::Itself(owner),
                None => Known::Module("self".to_owned()),
            },
            Base::Outer(module) if module == "::" => Known::Unknown,
            Base::Outer(module) => Known::Module(module.clone()),
            Base::Type(node) => self.type_of(*node, path.scope, depth + 1),
        };
        let id = self.paths.len();
        self.paths.push(path.clone());
        for (index, segment) in path.segments.iter().enumerate() {
            let space = if index + 1 == path.segments.len() { path.space } else { Space::Type };
            self.refuel();
            let found = self.segment(id, index, space, &mut Vec::new());
            let name = self.name(*segment);
            known = match found.as_slice() {
                [one] => Known::Itself(*one),
                [] if index > 0 || !matches!(path.base, Base::Scope) => Known::Member(Box::new(known), name.to_owned()),
                // Another crate, unless something brings in names that this file does not show.
                [] if (prefix || index + 1 < path.segments.len()) && !self.globs_around(path.scope) => {
                    Known::Module(name.to_owned())
                }
                [] => Known::Outside(name.to_owned()),
                _ => Known::Unknown,
            };
        }
        self.paths.pop();
        known
    }

    /// Whether an import of all names of another file is visible in a scope.
    fn globs_around(&self, scope: ScopeId) -> bool {
        let mut next = Some(scope);
        while let Some(id) = next {
            if self.out.wildcards.iter().any(|(scope, _)| *scope == id) {
                return true;
            }
            next = self.parent(id);
        }
        false
    }

    /// What the value of an expression is.
    pub(super) fn value_of(&mut self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        if depth > MAX_DEPTH {
            return Known::Unknown;
        }
        match node.kind() {
            "self" => instance(self.self_known(scope, depth)),
            "identifier" => {
                let found = self.lookup(scope, offset(node.start_byte()), self.name(node), Space::Value);
                match found.as_slice() {
                    [only] => self.constructed(*only),
                    _ => Known::Unknown,
                }
            }
            "scoped_identifier" => {
                let (base, segments) = self.segments(node, scope, &mut Vec::new());
                match self.known_path(&Path { base, segments, scope, space: Space::Value, items: false }, false, depth)
                {
                    Known::Itself(id) => self.constructed(id),
                    known => known,
                }
            }
            "generic_function" => self.inner_value(node, "function", scope, depth),
            "field_expression" => {
                let field = node.child_by_field_name("field").filter(|field| field.kind() == "field_identifier");
                match (self.inner_value(node, "value", scope, depth), field) {
                    (Known::Unknown, _) | (_, None) => Known::Unknown,
                    (of, Some(field)) => Known::Member(Box::new(of), self.name(field).to_owned()),
                }
            }
            "call_expression" => {
                let Some(function) = node.child_by_field_name("function") else { return Known::Unknown };
                match self.value_of(function, scope, depth + 1) {
                    Known::Unknown => Known::Unknown,
                    // The constructor of a tuple struct or variant, which alone is a value already.
                    Known::Instance(of) if function.kind().ends_with("identifier") => Known::Instance(of),
                    of => Known::Called(Box::new(of)),
                }
            }
            "struct_expression" => match node.child_by_field_name("name") {
                Some(name) => {
                    let known = self.type_of(name, scope, depth + 1);
                    let known = if let Known::Itself(id) = known { self.constructed_type(id) } else { known };
                    instance(known)
                }
                None => Known::Unknown,
            },
            "parenthesized_expression" => {
                node.named_child(0).map_or(Known::Unknown, |inner| self.value_of(inner, scope, depth + 1))
            }
            "reference_expression" => self.inner_value(node, "value", scope, depth),
            _ => Known::Unknown,
        }
    }

    fn inner_value(&mut self, node: Node<'t>, field: &str, scope: ScopeId, depth: u32) -> Known {
        node.child_by_field_name(field).map_or(Known::Unknown, |inner| self.value_of(inner, scope, depth + 1))
    }

    /// The enum of a variant; another type itself.
    fn constructed_type(&self, id: DeclarationId) -> Known {
        let variant = self.out.declaration(id).filter(|found| found.kind == DeclarationKind::EnumMember);
        let owner = variant.and_then(|found| self.out.scope(found.scope)).and_then(|scope| scope.owner);
        Known::Itself(owner.unwrap_or(id))
    }

    /// The value that a name stands for: a struct or a variant makes one of its type.
    fn constructed(&self, id: DeclarationId) -> Known {
        match self.out.declaration(id).map(|found| found.kind) {
            Some(DeclarationKind::EnumMember | DeclarationKind::Class) => instance(self.constructed_type(id)),
            _ => Known::Itself(id),
        }
    }

    /// Fills in the values of declarations, the types of implementations and the bases of types.
    pub(super) fn fill(&mut self) {
        for (id, scope, value) in std::mem::take(&mut self.values) {
            let known = match value {
                Value::Type(node) => instance(self.type_of(node, scope, 0)),
                Value::Open(node) => match self.type_of(node, scope, 0) {
                    known if self.replaceable(node, &known) => Known::Unknown,
                    known => instance(known),
                },
                Value::Alias(node) | Value::Bounds(node) => self.type_of(node, scope, 0),
                Value::Expression(node) => self.value_of(node, scope, 0),
                Value::Variant(of) => Known::Instance(Box::new(Known::Itself(of))),
            };
            if let Some(found) = self.declaration(id) {
                found.value = match (std::mem::take(&mut found.value), known) {
                    (Known::Unknown, known) => known,
                    // Bounds of a type parameter in both places.
                    (before, known) => Known::Either(vec![before, known]),
                };
            }
        }
        for (id, scope, bounds) in std::mem::take(&mut self.supertraits) {
            let bases: Vec<Known> = children(bounds).into_iter().map(|bound| self.type_of(bound, scope, 0)).collect();
            if let Some(found) = self.declaration(id) {
                found.bases.extend(bases);
            }
        }
        for Implementation { body, scope, id, implemented, of } in std::mem::take(&mut self.implementations) {
            let of = self.type_of(of, scope, 0);
            if let Some(implemented) = implemented {
                let implemented = self.type_of(implemented, scope, 0);
                if let Known::Itself(id) = &of
                    && let Some(found) = self.declaration(*id)
                    && !found.bases.contains(&implemented)
                {
                    found.bases.push(implemented.clone());
                }
                if let Some(found) = self.declaration(id) {
                    found.bases.push(implemented);
                }
            }
            if let Some(scope) = self.out.scopes.get_mut(body.0 as usize) {
                scope.of = Some(of);
            }
        }
    }

    /// Whether another type may stand there for others: a type parameter, `Self` in a trait.
    fn replaceable(&self, node: Node<'t>, known: &Known) -> bool {
        let kind = |id: &DeclarationId| self.out.declaration(*id).map(|found| found.kind);
        match known {
            Known::Itself(id) => match kind(id) {
                Some(DeclarationKind::TypeParameter) => true,
                Some(DeclarationKind::Interface) => self.of(node).contains("Self"),
                _ => false,
            },
            _ => false,
        }
    }
}

fn one(found: &[DeclarationId]) -> Known {
    match found {
        [only] => Known::Itself(*only),
        _ => Known::Unknown,
    }
}

fn instance(known: Known) -> Known {
    if known == Known::Unknown { known } else { Known::Instance(Box::new(known)) }
}
