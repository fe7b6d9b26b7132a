//! A call: what is called, on what, with what.

use super::InlineError;
use super::callee::{Callee, Parameter};
use crate::grammar::source::{Source, range};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// A call of a function.
pub(super) struct Call<'s> {
    pub(super) node: Node<'s>,
    /// The value that the function is called on.
    pub(super) receiver: Option<Node<'s>>,
    arguments: Vec<Node<'s>>,
}

/// What a parameter gets.
#[derive(Debug, Clone)]
pub(super) enum Argument<'s> {
    One(Node<'s>),
    /// All further arguments, for a parameter that takes any number.
    Rest(Vec<Node<'s>>),
}

/// The name of what a call calls.
pub(super) fn name_of(call: Node<'_>) -> Option<Node<'_>> {
    if call.kind() == "method_invocation" {
        return call.child_by_field_name("name");
    }
    let mut function = call.child_by_field_name("function")?;
    if function.kind() == "generic_function" {
        function = function.child_by_field_name("function")?;
    }
    match function.kind() {
        "identifier" => Some(function),
        "attribute" => function.child_by_field_name("attribute"),
        "member_expression" => function.child_by_field_name("property"),
        "selector_expression" | "field_expression" => function.child_by_field_name("field"),
        "scoped_identifier" => function.child_by_field_name("name"),
        _ => None,
    }
}

impl<'s> Call<'s> {
    /// The call whose function has its name at a place.
    pub(super) fn named(source: &'s Source<'_>, at: TextRange) -> Option<Self> {
        let name = source.node_at(at).filter(|node| range(*node) == at)?;
        let mut node = name.parent()?;
        for _ in 0..4 {
            let called = node.child_by_field_name("arguments").is_some();
            if called && name_of(node).is_some_and(|found| found.id() == name.id()) {
                let function = node.child_by_field_name("function");
                let object = |function: Node<'s>| {
                    ["object", "operand", "value"].iter().find_map(|field| function.child_by_field_name(field))
                };
                let receiver = match function {
                    None => node.child_by_field_name("object"),
                    Some(function) if function.kind() == "generic_function" => {
                        function.child_by_field_name("function").and_then(object)
                    }
                    Some(function) => object(function),
                };
                let list = node.child_by_field_name("arguments")?;
                let mut cursor = list.walk();
                let arguments = list.named_children(&mut cursor).filter(|child| !child.is_extra()).collect();
                return Some(Self { node, receiver, arguments });
            }
            node = node.parent()?;
        }
        None
    }

    /// What each parameter gets.
    pub(super) fn bound(
        &self,
        source: &Source<'_>,
        callee: &Callee<'s>,
    ) -> Result<Vec<(Parameter<'s>, Argument<'s>)>, InlineError> {
        let wrong = || InlineError::Arguments(callee.name.clone());
        let mut out: Vec<(Parameter<'s>, Argument<'s>)> = Vec::new();
        let keyword = |node: &Node<'_>| node.kind() == "keyword_argument";
        let mut plain = self.arguments.iter().copied().filter(|node| !keyword(node)).peekable();
        let spread = ["list_splat", "dictionary_splat", "spread_element", "variadic_argument"];
        if self.arguments.iter().any(|node| spread.contains(&node.kind())) {
            return Err(wrong());
        }
        for parameter in &callee.parameters {
            if parameter.spread {
                let rest: Vec<Node<'s>> = plain.by_ref().collect();
                let array = match rest.as_slice() {
                    [only] => crate::grammar::java::type_of(source, *only).map(|kind| kind.ends_with("[]")),
                    _ => Some(false),
                };
                match (array, rest.first()) {
                    (Some(true), Some(only)) => out.push((parameter.clone(), Argument::One(*only))),
                    (Some(false), _) => out.push((parameter.clone(), Argument::Rest(rest))),
                    _ => return Err(wrong()),
                }
                continue;
            }
            let named = self.arguments.iter().find(|node| {
                keyword(node)
                    && node
                        .child_by_field_name("name")
                        .is_some_and(|name| source.text_of(range(name)) == parameter.name)
            });
            let value = match named.and_then(|node| node.child_by_field_name("value")) {
                Some(value) => value,
                None => match plain.next() {
                    Some(value) => value,
                    None => parameter.default.ok_or_else(wrong)?,
                },
            };
            out.push((parameter.clone(), Argument::One(value)));
        }
        let known = |node: &Node<'_>| {
            node.child_by_field_name("name")
                .is_some_and(|name| callee.parameters.iter().any(|p| p.name == source.text_of(range(name))))
        };
        let stray = self.arguments.iter().filter(|node| keyword(node)).any(|node| !known(node));
        if plain.peek().is_some() || stray { Err(wrong()) } else { Ok(out) }
    }
}
