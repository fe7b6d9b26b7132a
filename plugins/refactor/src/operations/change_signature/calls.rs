//! Calls: what is called, and which parameter each argument is for.

use super::signature::{Kind, Parameter};
use crate::grammar::source::{Source, holds, range};
use deepcoder_resolve::{DeclarationKind, Resolution};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// A call of a function.
pub(super) struct Site<'s> {
    pub(super) node: Node<'s>,
    /// Between the brackets.
    pub(super) inner: TextRange,
    pub(super) arguments: Vec<Argument>,
    /// Some argument stands for any number of them.
    pub(super) spread: bool,
    /// Whether what the method is called on stands before the dot, and is no argument.
    pub(super) bound: bool,
}

/// An argument.
#[derive(Debug, Clone)]
pub(super) struct Argument {
    pub(super) at: TextRange,
    pub(super) value: TextRange,
    /// The name that it is given by.
    pub(super) keyword: Option<String>,
}

/// Which arguments each parameter gets.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    /// For each parameter its argument.
    pub(super) of: Vec<Option<usize>>,
    /// Those for the parameter that takes any number.
    pub(super) rest: Vec<usize>,
    /// Those by names that no parameter has.
    pub(super) named: Vec<usize>,
}

const SPREAD: &[&str] =
    &["list_splat", "dictionary_splat", "parenthesized_list_splat", "spread_element", "variadic_argument"];

/// What stands before the dot, of a callee.
fn object(callee: Node<'_>) -> Option<Node<'_>> {
    let fields = ["object", "operand", "value", "path"];
    fields.iter().find_map(|field| callee.child_by_field_name(field))
}

/// Whether a callee is just this name, perhaps behind a dot.
fn ends_in(callee: Node<'_>, name: Node<'_>) -> bool {
    let mut at = callee;
    for _ in 0..8 {
        if at.id() == name.id() {
            return true;
        }
        let next = match at.kind() {
            "attribute" => at.child_by_field_name("attribute"),
            "member_expression" => at.child_by_field_name("property"),
            "selector_expression" | "field_expression" => at.child_by_field_name("field"),
            "scoped_identifier" | "scoped_type_identifier" | "qualified_type" => {
                at.child_by_field_name("name").or_else(|| at.named_child(at.named_child_count().saturating_sub(1) as _))
            }
            "generic_function" => at.child_by_field_name("function"),
            "generic_type" | "non_null_expression" | "instantiation_expression" | "type_instantiation_expression" => {
                at.named_child(0)
            }
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}

impl<'s> Site<'s> {
    /// The call whose callee has its name at a place. `method`: the first parameter stands for what it is called on.
    pub(super) fn named(source: &'s Source<'_>, at: TextRange, method: bool) -> Option<Self> {
        let name = source.node_at(at).filter(|node| range(*node) == at)?;
        let mut node = name.parent()?;
        for _ in 0..6 {
            let callee = ["function", "constructor", "type"].iter().find_map(|field| node.child_by_field_name(field));
            let list = node.child_by_field_name("arguments").or_else(|| node.child_by_field_name("argument_list"));
            let callee = match node.kind() {
                "method_invocation" => node.child_by_field_name("name"),
                "call" | "call_expression" | "new_expression" | "object_creation_expression" => callee,
                _ => None,
            };
            if let Some((callee, list)) = callee.zip(list).filter(|(callee, _)| ends_in(*callee, name)) {
                let mut callee = callee;
                if callee.kind() == "generic_function" {
                    callee = callee.child_by_field_name("function")?;
                }
                let before = object(if node.kind() == "method_invocation" { node } else { callee });
                let of_value = before.is_some_and(|before| !is_type(source, callee, before));
                return Self::with(source, node, list, method && of_value);
            }
            node = node.parent()?;
        }
        None
    }

    /// A call with this list of arguments.
    pub(super) fn with(source: &'s Source<'_>, node: Node<'s>, list: Node<'s>, bound: bool) -> Option<Self> {
        let text = source.text_of(range(list));
        if !text.starts_with('(') || !text.ends_with(')') || list.has_error() || list.kind() == "generator_expression" {
            return None;
        }
        let inner = TextRange::new(range(list).start + 1, range(list).end - 1);
        let mut arguments = Vec::new();
        let mut spread = false;
        let mut cursor = list.walk();
        for child in list.named_children(&mut cursor).filter(|child| !child.is_extra()) {
            spread |= SPREAD.contains(&child.kind());
            let named = child.kind() == "keyword_argument";
            let name = child.child_by_field_name("name").filter(|_| named);
            let value = child.child_by_field_name("value").filter(|_| named).unwrap_or(child);
            arguments.push(Argument {
                at: range(child),
                value: range(value),
                keyword: name.map(|name| source.text_of(range(name)).to_owned()),
            });
        }
        Some(Self { node, inner, arguments, spread, bound })
    }

    /// Which arguments the parameters get; `None` where they do not fit.
    pub(super) fn given(&self, parameters: &[Parameter]) -> Option<Given> {
        let mut given = Given { of: vec![None; parameters.len()], ..Given::default() };
        let takes =
            |p: &Parameter| matches!(p.kind, Kind::Plain | Kind::Positional) || p.kind == Kind::Receiver && !self.bound;
        let mut slots = (0..parameters.len()).filter(|at| takes(&parameters[*at]));
        let has = |kind: Kind| parameters.iter().any(|p| p.kind == kind);
        for (at, argument) in self.arguments.iter().enumerate() {
            match &argument.keyword {
                None => match slots.next() {
                    Some(slot) => given.of[slot] = Some(at),
                    None if has(Kind::Rest) => given.rest.push(at),
                    None => return None,
                },
                Some(name) => {
                    let named = |p: &Parameter| p.name == *name && matches!(p.kind, Kind::Plain | Kind::Keyword);
                    match parameters.iter().position(named) {
                        Some(slot) if given.of[slot].is_none() => given.of[slot] = Some(at),
                        None if has(Kind::KeywordRest) => given.named.push(at),
                        _ => return None,
                    }
                }
            }
        }
        let needed = |(at, p): (usize, &Parameter)| {
            let must = matches!(p.kind, Kind::Plain | Kind::Positional | Kind::Keyword);
            must && p.default.is_none() && !p.optional && given.of[at].is_none()
        };
        let lenient = self.node.kind() == "new_expression" || self.node.kind() == "call_expression";
        if !lenient && parameters.iter().enumerate().any(needed) { None } else { Some(given) }
    }
}

/// Whether a type stands before the dot, so that the method's value is an argument.
fn is_type(source: &Source<'_>, callee: Node<'_>, before: Node<'_>) -> bool {
    match source.language {
        Language::Rust => callee.kind() == "scoped_identifier",
        Language::Python | Language::Go => {
            let at = range(before);
            let last = source.references(at).iter().rfind(|r| r.at.end == at.end && holds(at, r.at));
            let Some(Resolution::Exact(symbol)) = last.map(|r| source.project.resolve(&source.path, r)) else {
                return false;
            };
            let types = [DeclarationKind::Class, DeclarationKind::Interface, DeclarationKind::TypeAlias];
            let first = symbol.declarations.first().and_then(|global| source.project.declaration(global));
            first.is_some_and(|declaration| types.contains(&declaration.kind))
        }
        _ => false,
    }
}

/// What a place does with the name of a class.
pub(super) enum Use<'s> {
    /// It has nothing to do with the constructor.
    Plain,
    /// A class that inherits calls the constructor in these places.
    Above(Vec<Site<'s>>),
    /// A class that inherits has this constructor.
    Inherited,
    /// The class is a value, which may be called.
    Value,
}

/// What a place does with the name of a class that it does not call.
pub(super) fn of_class<'s>(source: &'s Source<'_>, at: TextRange) -> Use<'s> {
    let Some(name) = source.node_at(at) else { return Use::Value };
    let mut up = name;
    for _ in 0..4 {
        let Some(parent) = up.parent() else { break };
        match parent.kind() {
            // The bases of a class of Python are arguments.
            "argument_list" if parent.parent().is_some_and(|class| class.kind() == "class_definition") => {
                let body = parent.parent().and_then(|class| class.child_by_field_name("body"));
                let own = body.is_some_and(|body| source.text_of(range(body)).contains("def __init__"));
                return if own { Use::Plain } else { Use::Inherited };
            }
            "extends_clause" | "class_heritage" | "superclass" => {
                let mut class = parent;
                while !class.kind().starts_with("class_decl")
                    && !matches!(class.kind(), "class" | "abstract_class_declaration")
                {
                    let Some(next) = class.parent() else { return Use::Value };
                    class = next;
                }
                return above(source, class);
            }
            "attribute" | "member_expression" | "field_access" | "method_invocation" => {
                let before = object(parent).is_some_and(|before| before.id() == up.id());
                if before {
                    return Use::Plain;
                }
            }
            "binary_expression" | "instanceof_expression" if source.text_of(range(parent)).contains("instanceof") => {
                return Use::Plain;
            }
            "type" | "type_annotation" | "except_clause" | "generic_type" | "type_arguments" | "implements_clause" => {
                return Use::Plain;
            }
            "argument_list" => {
                let call = parent.parent().and_then(|call| call.child_by_field_name("function"));
                let asks = call.is_some_and(|call| matches!(source.text_of(range(call)), "isinstance" | "issubclass"));
                return if asks { Use::Plain } else { Use::Value };
            }
            _ => {}
        }
        up = parent;
    }
    if name.kind() == "type_identifier" { Use::Plain } else { Use::Value }
}

/// The calls of the constructor above, in the constructor of a class.
fn above<'s>(source: &'s Source<'_>, class: Node<'s>) -> Use<'s> {
    let mut sites = Vec::new();
    let mut own = false;
    let mut read = true;
    let Some(body) = class.child_by_field_name("body") else { return Use::Inherited };
    crate::grammar::source::walk(body, |node| {
        let nested = node.id() != body.id() && matches!(node.kind(), "class_body" | "class");
        if node.kind() == "constructor_declaration" {
            own = true;
        }
        if node.kind() == "method_definition" {
            own |= node.child_by_field_name("name").is_some_and(|name| source.text_of(range(name)) == "constructor");
        }
        let callee = node.child_by_field_name("function").or_else(|| node.child_by_field_name("constructor"));
        let calls = matches!(node.kind(), "call_expression" | "explicit_constructor_invocation");
        if calls && callee.is_some_and(|callee| callee.kind() == "super") {
            let site = node.child_by_field_name("arguments").and_then(|list| Site::with(source, node, list, true));
            read &= site.is_some();
            sites.extend(site);
        }
        !nested
    });
    if own && read && !sites.is_empty() { Use::Above(sites) } else { Use::Inherited }
}
