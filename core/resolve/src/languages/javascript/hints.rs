//! What the text tells of values and types, read after every declaration is known.

use super::build::{ANY, Builder, NAMESPACE, TYPE, VALUE, nth, range};
use super::hint::{Hint, HintId};
use crate::{DeclarationId, DeclarationKind, Known, ScopeId};
use deepcoder_syntax::Node;

/// Deeper expressions are not read.
const MAX_DEPTH: u32 = 16;

/// Objects of the language whose members are not a program's.
const GLOBALS: &[&str] = &[
    "Array",
    "ArrayBuffer",
    "Atomics",
    "BigInt",
    "Boolean",
    "Buffer",
    "DataView",
    "Date",
    "Error",
    "Infinity",
    "Int32Array",
    "Intl",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "Reflect",
    "RegExp",
    "Set",
    "String",
    "Symbol",
    "TypeError",
    "RangeError",
    "SyntaxError",
    "Uint8Array",
    "WeakMap",
    "WeakSet",
    "console",
    "document",
    "navigator",
    "performance",
    "process",
    "Function",
    "isNaN",
    "parseFloat",
    "parseInt",
];

fn itself(index: usize) -> Known {
    Known::Itself(DeclarationId(u32::try_from(index).unwrap_or(u32::MAX)))
}

fn instance(of: Known) -> Known {
    match of {
        Known::Unknown => Known::Unknown,
        Known::Builtin(name) => Known::Builtin(name),
        of => Known::Instance(Box::new(of)),
    }
}

fn member(of: Known, name: &str) -> Known {
    match of {
        Known::Unknown => Known::Unknown,
        of => Known::Member(Box::new(of), name.to_owned()),
    }
}

fn either(all: Vec<Known>) -> Known {
    let mut out: Vec<Known> = Vec::new();
    for one in all {
        if !out.contains(&one) {
            out.push(one);
        }
    }
    match out.len() {
        0 => Known::Unknown,
        1 => out.pop().unwrap_or_default(),
        _ if out.contains(&Known::Unknown) => Known::Unknown,
        _ => Known::Either(out),
    }
}

/// What `typeof` asks for in a type.
fn query(node: Node<'_>) -> Option<Node<'_>> {
    let node = if node.kind() == "type_annotation" { nth(node, 0)? } else { node };
    if node.kind() == "type_query" { nth(node, 0) } else { None }
}

impl<'t> Builder<'t> {
    pub(super) fn known(&self, id: HintId, depth: u32) -> Known {
        if depth > MAX_DEPTH {
            return Known::Unknown;
        }
        match self.hints.get(id.0 as usize) {
            None | Some(Hint::Unknown) => Known::Unknown,
            Some(Hint::Value(node, scope)) => self.value(*node, *scope, depth + 1),
            Some(Hint::Type(node, scope)) => match query(*node) {
                Some(of) => self.value(of, *scope, depth + 1),
                None => instance(self.type_itself(*node, *scope, depth + 1)),
            },
            Some(Hint::Named(node, scope)) => self.type_itself(*node, *scope, depth + 1),
            Some(Hint::Any(node, scope)) => {
                let found = self.lookup(self.str(*node), *scope, ANY, u32::MAX);
                found.map_or(Known::Unknown, itself)
            }
            Some(Hint::Member(of, name)) => member(self.known(*of, depth + 1), name),
            Some(Hint::Element(of)) => self.element(*of, depth + 1),
            Some(Hint::Instance(index)) => instance(itself(*index)),
            Some(Hint::Argument(function, index, scope)) => self.argument(*function, *index, *scope, depth + 1),
            Some(Hint::Builtin(name)) => Known::Builtin(name),
            Some(Hint::Elements(scope)) => {
                let space = match self.lookup("JSX", *scope, NAMESPACE, u32::MAX) {
                    Some(index) => itself(index),
                    None => Known::Outside("JSX".to_owned()),
                };
                instance(member(space, "IntrinsicElements"))
            }
            Some(Hint::Module(module)) => Known::Module(module.clone()),
        }
    }

    /// What a value of the written type is made of: an element of an array.
    fn element(&self, of: HintId, depth: u32) -> Known {
        if depth > MAX_DEPTH {
            return Known::Unknown;
        }
        match self.hints.get(of.0 as usize) {
            Some(Hint::Type(node, scope)) => self.element_of_type(*node, *scope, depth + 1),
            Some(Hint::Value(node, scope)) => match node.kind() {
                "identifier" => {
                    let found = self.lookup(self.str(*node), *scope, VALUE, range(*node).start);
                    match found.and_then(|index| self.drafts.get(index)) {
                        Some(draft) => self.element(draft.hint, depth + 1),
                        None => Known::Unknown,
                    }
                }
                "parenthesized_expression" | "non_null_expression" => Known::Unknown,
                "array" => {
                    let mut cursor = node.walk();
                    let all: Vec<Known> = node
                        .named_children(&mut cursor)
                        .take(16)
                        .map(|child| self.value(child, *scope, depth + 1))
                        .collect();
                    either(all)
                }
                _ => Known::Unknown,
            },
            _ => Known::Unknown,
        }
    }

    fn element_of_type(&self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        match node.kind() {
            "type_annotation" | "readonly_type" | "parenthesized_type" if depth < MAX_DEPTH => {
                nth(node, 0).map_or(Known::Unknown, |inner| self.element_of_type(inner, scope, depth + 1))
            }
            "array_type" => {
                let inner = nth(node, 0);
                inner.map_or(Known::Unknown, |inner| instance(self.type_itself(inner, scope, depth + 1)))
            }
            "generic_type" => {
                let name = node.child_by_field_name("name").map(|name| self.str(name)).unwrap_or_default();
                let arguments = node.child_by_field_name("type_arguments");
                let first = arguments.and_then(|arguments| nth(arguments, 0));
                match (name, first) {
                    ("Array" | "ReadonlyArray" | "Set" | "Iterable", Some(first)) => {
                        instance(self.type_itself(first, scope, depth + 1))
                    }
                    _ => Known::Unknown,
                }
            }
            _ => Known::Unknown,
        }
    }

    fn argument(&self, function: Node<'t>, index: usize, scope: ScopeId, depth: u32) -> Known {
        if function.kind() != "identifier" {
            return Known::Unknown;
        }
        let found = self.lookup(self.str(function), scope, VALUE, range(function).start);
        let found = found.filter(|found| {
            self.drafts.get(*found).is_some_and(|draft| draft.declaration.kind == DeclarationKind::Function)
        });
        let hint = found.and_then(|found| self.parameters.get(&found)).and_then(|all| all.get(index));
        hint.map_or(Known::Unknown, |hint| self.known(*hint, depth + 1))
    }

    /// What an expression is.
    fn value(&self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        if depth > MAX_DEPTH {
            return Known::Unknown;
        }
        let field = |name: &str| node.child_by_field_name(name);
        let of = |node: Option<Node<'t>>| node.map_or(Known::Unknown, |node| self.value(node, scope, depth + 1));
        match node.kind() {
            "identifier" | "shorthand_property_identifier" => {
                let name = self.str(node);
                match self.lookup(name, scope, VALUE, range(node).start) {
                    Some(index) => itself(index),
                    None => {
                        GLOBALS.iter().find(|global| **global == name).map_or(Known::Unknown, |g| Known::Builtin(g))
                    }
                }
            }
            "this" => self.this_value(scope),
            "super" => match self.this(scope) {
                Some((class, is_static)) => {
                    let owner = self.scopes.get(class.0 as usize).and_then(|scope| scope.owner);
                    let draft = owner.and_then(|owner| self.drafts.get(owner.0 as usize));
                    let base = draft.and_then(|draft| draft.bases.first());
                    let base = base.map_or(Known::Unknown, |base| self.known(*base, depth + 1));
                    if is_static { base } else { instance(base) }
                }
                None => Known::Unknown,
            },
            "member_expression" => {
                let name = field("property").map(|property| self.str(property)).unwrap_or_default();
                let object = field("object");
                // The prototype of a class has its members.
                match (of(object), name) {
                    (known, "prototype") => instance(known),
                    (known, name) => member(known, name),
                }
            }
            "subscript_expression" => match field("index").filter(|index| index.kind() == "string") {
                Some(index) => member(of(field("object")), self.inner(index)),
                None => match field("object") {
                    Some(object) if object.kind() == "identifier" => {
                        let found = self.lookup(self.str(object), scope, VALUE, range(object).start);
                        let draft = found.and_then(|index| self.drafts.get(index));
                        draft.map_or(Known::Unknown, |draft| self.element(draft.hint, depth + 1))
                    }
                    _ => Known::Unknown,
                },
            },
            "call_expression" => match of(field("function")) {
                Known::Unknown => Known::Unknown,
                Known::Builtin(_) => Known::Unknown,
                function => Known::Called(Box::new(function)),
            },
            "new_expression" => match of(field("constructor")) {
                Known::Builtin(name) => Known::Builtin(name),
                constructor => instance(constructor),
            },
            "parenthesized_expression" | "non_null_expression" | "satisfies_expression" => of(nth(node, 0)),
            "as_expression" => match nth(node, 1) {
                Some(to) => instance(self.type_itself(to, scope, depth + 1)),
                None => of(nth(node, 0)),
            },
            "type_assertion" => {
                let to = nth(node, 0).and_then(|arguments| nth(arguments, 0));
                to.map_or(Known::Unknown, |to| instance(self.type_itself(to, scope, depth + 1)))
            }
            "object" => self.anonymous.get(&node.id()).map_or(Known::Unknown, |index| instance(itself(*index))),
            "class" => self.anonymous.get(&node.id()).map_or(Known::Unknown, |index| itself(*index)),
            "ternary_expression" => either(vec![of(field("consequence")), of(field("alternative"))]),
            "assignment_expression" => of(field("right")),
            "binary_expression" => match field("operator").map(|operator| self.str(operator)) {
                Some("||" | "??") => either(vec![of(field("left")), of(field("right"))]),
                Some("-" | "*" | "/" | "%" | "**" | "&" | "|" | "^" | "<<" | ">>" | ">>>") => Known::Builtin("number"),
                Some("+") => match (of(field("left")), of(field("right"))) {
                    (Known::Builtin("number"), Known::Builtin("number")) => Known::Builtin("number"),
                    _ => Known::Builtin("string"),
                },
                Some("&&") => Known::Unknown,
                _ => Known::Builtin("boolean"),
            },
            "update_expression" | "number" => Known::Builtin("number"),
            "string" | "template_string" => Known::Builtin("string"),
            "true" | "false" => Known::Builtin("boolean"),
            "array" => Known::Builtin("Array"),
            "regex" => Known::Builtin("RegExp"),
            "null" | "undefined" => Known::Builtin("undefined"),
            _ => Known::Unknown,
        }
    }

    fn this_value(&self, scope: ScopeId) -> Known {
        let Some((class, is_static)) = self.this(scope) else { return Known::Unknown };
        let owner = self.scopes.get(class.0 as usize).and_then(|scope| scope.owner);
        match owner {
            Some(owner) if is_static => Known::Itself(owner),
            Some(owner) => instance(Known::Itself(owner)),
            None => Known::Unknown,
        }
    }

    /// The type that a text names.
    fn type_itself(&self, node: Node<'t>, scope: ScopeId, depth: u32) -> Known {
        if depth > MAX_DEPTH {
            return Known::Unknown;
        }
        let start = range(node).start;
        match node.kind() {
            "type_annotation" | "parenthesized_type" | "readonly_type" | "constraint" => {
                nth(node, 0).map_or(Known::Unknown, |inner| self.type_itself(inner, scope, depth + 1))
            }
            "type_identifier" => {
                let name = self.str(node);
                match self.lookup(name, scope, TYPE, start) {
                    Some(index) => itself(index),
                    None => {
                        GLOBALS.iter().find(|global| **global == name).map_or(Known::Unknown, |g| Known::Builtin(g))
                    }
                }
            }
            "identifier" => self.lookup(self.str(node), scope, NAMESPACE, start).map_or(Known::Unknown, itself),
            "nested_type_identifier" => {
                let module = node.child_by_field_name("module");
                let module = module.map_or(Known::Unknown, |module| self.type_itself(module, scope, depth + 1));
                let name = node.child_by_field_name("name").map(|name| self.str(name)).unwrap_or_default();
                member(module, name)
            }
            "nested_identifier" => {
                let object = node.child_by_field_name("object");
                let object = object.map_or(Known::Unknown, |object| self.type_itself(object, scope, depth + 1));
                let name = node.child_by_field_name("property").map(|name| self.str(name)).unwrap_or_default();
                member(object, name)
            }
            "generic_type" => {
                let name = node.child_by_field_name("name");
                match name.map(|name| self.str(name)) {
                    // What these make of a type has the type's members.
                    Some("Partial" | "Required" | "Readonly") => {
                        let arguments = node.child_by_field_name("type_arguments");
                        let first = arguments.and_then(|arguments| nth(arguments, 0));
                        first.map_or(Known::Unknown, |first| self.type_itself(first, scope, depth + 1))
                    }
                    _ => name.map_or(Known::Unknown, |name| self.type_itself(name, scope, depth + 1)),
                }
            }
            "object_type" | "interface_body" => self.anonymous.get(&node.id()).map_or(Known::Unknown, |i| itself(*i)),
            "intersection_type" => self.anonymous.get(&node.id()).map_or(Known::Unknown, |i| itself(*i)),
            "predefined_type" => match self.str(node) {
                "string" => Known::Builtin("string"),
                "number" => Known::Builtin("number"),
                "boolean" => Known::Builtin("boolean"),
                "void" | "undefined" => Known::Builtin("undefined"),
                _ => Known::Unknown,
            },
            "array_type" | "tuple_type" => Known::Builtin("Array"),
            "literal_type" => match nth(node, 0).map(|inner| inner.kind()) {
                Some("null" | "undefined") => Known::Builtin("undefined"),
                _ => Known::Builtin("literal"),
            },
            "union_type" => {
                let mut parts = Vec::new();
                let mut left = vec![node];
                while let Some(next) = left.pop() {
                    if next.kind() == "union_type" && parts.len() < 64 {
                        let mut cursor = next.walk();
                        left.extend(next.named_children(&mut cursor).take(16));
                    } else {
                        parts.push(self.type_itself(next, scope, depth + 4));
                    }
                }
                parts.retain(|part| *part != Known::Builtin("undefined"));
                either(parts)
            }
            "this_type" => match self.this(scope) {
                Some((class, _)) => {
                    let owner = self.scopes.get(class.0 as usize).and_then(|scope| scope.owner);
                    owner.map_or(Known::Unknown, Known::Itself)
                }
                None => Known::Unknown,
            },
            _ => Known::Unknown,
        }
    }
}
