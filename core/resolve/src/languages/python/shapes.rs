//! What the text tells of the values of expressions and annotations.

use super::facts::Shape;
use super::statements::deeper;
use super::walk::Walk;
use super::words::{is_name, normal};
use deepcoder_syntax::Node;

/// Longer expressions are not followed.
const MAX_DEPTH: u32 = 12;

impl<'t> Walk<'t, '_> {
    /// What an expression can be.
    pub(super) fn shape(&self, node: Node<'t>, scope: usize) -> Shape {
        self.shape_within(node, scope, MAX_DEPTH)
    }

    fn shape_within(&self, node: Node<'t>, scope: usize, depth: u32) -> Shape {
        if depth == 0 {
            return Shape::Unknown;
        }
        let inner = |field: &str| {
            node.child_by_field_name(field).map(|inner| self.shape_within(inner, scope, depth - 1)).unwrap_or_default()
        };
        let either = |nodes: [Option<Node<'t>>; 2]| {
            let all = nodes.into_iter().flatten().map(|node| self.shape_within(node, scope, depth / 2));
            join(all.collect())
        };
        match node.kind() {
            "identifier" => Shape::Name(scope, self.name(node, scope)),
            "attribute" => {
                let name = node.child_by_field_name("attribute").map(|name| self.name(name, scope));
                name.map(|name| Shape::Member(Box::new(inner("object")), name)).unwrap_or_default()
            }
            "dotted_name" => {
                let mut cursor = node.walk();
                let mut of = Shape::Unknown;
                for (index, part) in node.named_children(&mut cursor).enumerate().take(MAX_DEPTH as usize) {
                    let name = self.name(part, scope);
                    of = if index == 0 { Shape::Name(scope, name) } else { Shape::Member(Box::new(of), name) };
                }
                of
            }
            "call" => match node.child_by_field_name("function") {
                Some(function) if self.text(function) == "super" && function.kind() == "identifier" => {
                    self.facts.class_of(scope).map(Shape::Super).unwrap_or_default()
                }
                _ => deeper(inner("function"), Shape::Called),
            },
            "subscript" => deeper(inner("value"), Shape::Element),
            "parenthesized_expression" => {
                node.named_child(0).map(|node| self.shape_within(node, scope, depth - 1)).unwrap_or_default()
            }
            "named_expression" => inner("value"),
            "conditional_expression" => either([node.named_child(0), node.named_child(2)]),
            "boolean_operator" => either([node.child_by_field_name("left"), node.child_by_field_name("right")]),
            "string" | "concatenated_string" => Shape::Literal("str"),
            "integer" | "float" => Shape::Literal("int"),
            "true" | "false" | "not_operator" => Shape::Literal("bool"),
            "none" => Shape::Literal("None"),
            "list" | "list_comprehension" => Shape::Literal("list"),
            "dictionary" | "dictionary_comprehension" => Shape::Literal("dict"),
            "set" | "set_comprehension" => Shape::Literal("set"),
            "tuple" | "expression_list" => Shape::Literal("tuple"),
            "generator_expression" => Shape::Literal("generator"),
            _ => Shape::Unknown,
        }
    }

    /// The values that an annotation allows.
    pub(super) fn annotation(&self, node: Node<'t>, scope: usize) -> Shape {
        self.annotation_within(node, scope, MAX_DEPTH)
    }

    fn annotation_within(&self, node: Node<'t>, scope: usize, depth: u32) -> Shape {
        if depth == 0 {
            return Shape::Unknown;
        }
        let again = |node: Option<Node<'t>>| {
            node.map(|node| self.annotation_within(node, scope, depth - 1)).unwrap_or_default()
        };
        match node.kind() {
            "type" | "parenthesized_expression" => again(node.named_child(0)),
            "none" => Shape::Literal("None"),
            "identifier" if self.text(node) == "Self" => {
                self.facts.class_of(scope).map(Shape::Class).unwrap_or_default()
            }
            "identifier" if matches!(self.text(node), "Any" | "object" | "type") => Shape::Unknown,
            "identifier" | "attribute" => deeper(self.shape(node, scope), Shape::Instance),
            "member_type" => {
                let name = node.named_child(1).map(|name| self.name(name, scope)).unwrap_or_default();
                match again(node.named_child(0)) {
                    Shape::Instance(of) => Shape::Instance(Box::new(Shape::Member(of, name))),
                    _ => Shape::Unknown,
                }
            }
            "binary_operator" | "union_type" => {
                let parts = [node.named_child(0), node.named_child(1)];
                join(
                    parts
                        .into_iter()
                        .map(|part| part.map(|p| self.annotation_within(p, scope, depth / 2)).unwrap_or_default())
                        .collect(),
                )
            }
            "string" => {
                let content = node.named_child(1).map(|content| self.text(content)).unwrap_or_default();
                let mut names = content.split('.').map(str::trim).take(MAX_DEPTH as usize);
                let simple = |name: &str| is_name(name);
                let Some(first) = names.next().filter(|name| simple(name)) else { return Shape::Unknown };
                let mut of = Shape::Name(scope, normal(first));
                for name in names {
                    if !simple(name) {
                        return Shape::Unknown;
                    }
                    of = Shape::Member(Box::new(of), normal(name));
                }
                Shape::Instance(Box::new(of))
            }
            "generic_type" | "subscript" => {
                let Some(of) = node.named_child(0) else { return Shape::Unknown };
                let argument = node.named_child(1);
                let argument = match argument {
                    Some(list) if list.kind() == "type_parameter" => list.named_child(0),
                    argument => argument,
                };
                match self.text(of.child_by_field_name("attribute").unwrap_or(of)) {
                    "Optional" => join(vec![again(argument), Shape::Literal("None")]),
                    "Annotated" | "ClassVar" | "Final" | "Required" | "NotRequired" => again(argument),
                    "Type" | "type" => match again(argument) {
                        Shape::Instance(of) => *of,
                        _ => Shape::Unknown,
                    },
                    "Union" | "Literal" => Shape::Unknown,
                    _ => deeper(self.shape(of, scope), Shape::Instance),
                }
            }
            _ => Shape::Unknown,
        }
    }
}

/// One of these.
pub(super) fn join(shapes: Vec<Shape>) -> Shape {
    const MAX: usize = 8;
    let mut all: Vec<Shape> = Vec::new();
    for shape in shapes {
        let parts = match shape {
            Shape::Either(parts) => parts,
            shape => vec![shape],
        };
        for part in parts {
            if !all.contains(&part) {
                all.push(part);
            }
        }
    }
    if all.len() > MAX || all.iter().all(|shape| *shape == Shape::Unknown) {
        return Shape::Unknown;
    }
    if all.len() == 1 { all.remove(0) } else { Shape::Either(all) }
}
