//! Rust.

mod types;

use super::{
    ATOM, Declare, Grammar, NEVER_MEMBER, NEVER_METHOD, NEVER_NAME, NEVER_TARGET, NOWHERE_ERROR, NOWHERE_IMPORT,
    NOWHERE_PATTERN, NOWHERE_TYPE, Step, Steps, is_field, looked_up,
};
use crate::grammar::source::{Source, range};
use deepcoder_syntax::Node;
pub(crate) use types::{INTEGER, is_copy, settled, type_of, variable_type};

pub(super) static RUST: Grammar = Grammar {
    expressions: &[
        "identifier",
        "self",
        "scoped_identifier",
        "field_expression",
        "index_expression",
        "call_expression",
        "macro_invocation",
        "binary_expression",
        "unary_expression",
        "reference_expression",
        "try_expression",
        "await_expression",
        "type_cast_expression",
        "range_expression",
        "tuple_expression",
        "array_expression",
        "struct_expression",
        "unit_expression",
        "parenthesized_expression",
        "closure_expression",
        "boolean_literal",
        "char_literal",
        "float_literal",
        "integer_literal",
        "string_literal",
        "raw_string_literal",
        "if_expression",
        "match_expression",
        "loop_expression",
        "block",
        "unsafe_block",
    ],
    blocks: &["block"],
    functions: &["function_item", "closure_expression", "async_block", "impl_item", "trait_item", "mod_item"],
    loops: &["for_expression", "while_expression", "loop_expression"],
    makers: &["array_expression", "struct_expression", "closure_expression", "macro_invocation"],
    accesses: &["field_expression", "index_expression"],
    effects: &[
        "call_expression",
        "macro_invocation",
        "try_expression",
        "await_expression",
        "assignment_expression",
        "compound_assignment_expr",
        "return_expression",
        "break_expression",
        "continue_expression",
        "yield_expression",
    ],
    strings: &["string_literal", "raw_string_literal"],
    bracketed: &[
        "parenthesized_expression",
        "tuple_expression",
        "array_expression",
        "block",
        "string_literal",
        "raw_string_literal",
    ],
    line_ends: false,
    loose: false,
    precedence,
    slot,
    step,
    declared,
    declare,
    doubt,
    doubt_inlined,
    empty: None,
};

const POSTFIX: u8 = 90;

fn operator(node: Node<'_>) -> u8 {
    match node.child_by_field_name("operator").map(|operator| operator.kind()) {
        Some("||") => 20,
        Some("&&") => 25,
        Some("==" | "!=" | "<" | ">" | "<=" | ">=") => 30,
        Some("|") => 40,
        Some("^") => 45,
        Some("&") => 50,
        Some("<<" | ">>") => 55,
        Some("+" | "-") => 60,
        Some("*" | "/" | "%") => 65,
        _ => 0,
    }
}

fn precedence(node: Node<'_>) -> u8 {
    match node.kind() {
        "closure_expression" | "return_expression" | "break_expression" => 2,
        "assignment_expression" | "compound_assignment_expr" => 5,
        "range_expression" => 10,
        "binary_expression" => operator(node),
        "type_cast_expression" => 70,
        "unary_expression" | "reference_expression" => 75,
        // In the head of a statement braces would begin its block; at its start they would end it.
        "struct_expression" | "if_expression" | "match_expression" | "block" | "unsafe_block" => POSTFIX - 2,
        "integer_literal" | "float_literal" => ATOM,
        _ => ATOM,
    }
}

fn slot(parent: Node<'_>, child: Node<'_>) -> u8 {
    match parent.kind() {
        "let_declaration"
        | "arguments"
        | "parenthesized_expression"
        | "tuple_expression"
        | "array_expression"
        | "field_initializer"
        | "expression_statement"
        | "block"
        | "return_expression" => 0,
        "match_arm" => 0,
        "index_expression" if parent.named_child(0).is_none_or(|first| first.id() != child.id()) => 0,
        "binary_expression" => match operator(parent) {
            // Comparisons do not chain.
            30 => 31,
            strength => strength + u8::from(!is_field(parent, child, "left")),
        },
        "type_cast_expression" => 70,
        "unary_expression" | "reference_expression" => 75,
        "assignment_expression" | "compound_assignment_expr" if is_field(parent, child, "right") => 5,
        "range_expression" => 20,
        "if_expression" | "while_expression" | "for_expression" | "match_expression" => 2,
        "let_condition" => 26,
        "field_expression" | "call_expression" | "index_expression" | "try_expression" | "await_expression" => POSTFIX,
        "closure_expression" => POSTFIX,
        _ => ATOM,
    }
}

static STEPS: Steps = &[
    ("assignment_expression", "left", NEVER_TARGET),
    ("compound_assignment_expr", "left", NEVER_TARGET),
    ("let_declaration", "pattern", NEVER_NAME),
    ("let_declaration", "type", NOWHERE_TYPE),
    ("let_declaration", "alternative", Step::Maybe),
    ("let_condition", "pattern", NOWHERE_PATTERN),
    ("match_arm", "pattern", NOWHERE_PATTERN),
    ("match_pattern", "*", NOWHERE_PATTERN),
    ("match_arm", "value", Step::Nowhere("it is a match arm without a block")),
    ("for_expression", "pattern", NOWHERE_PATTERN),
    ("for_expression", "body", Step::Often),
    ("while_expression", "*", Step::Often),
    ("loop_expression", "*", Step::Often),
    ("field_expression", "field", NEVER_MEMBER),
    ("field_initializer", "field", NEVER_MEMBER),
    ("shorthand_field_initializer", "*", NEVER_MEMBER),
    ("struct_expression", "name", NOWHERE_TYPE),
    ("scoped_identifier", "*", Step::Never("it is part of a path")),
    ("generic_function", "*", Step::Never("it is part of a path")),
    ("type_cast_expression", "type", NOWHERE_TYPE),
    ("type_arguments", "*", NOWHERE_TYPE),
    ("parameters", "*", NOWHERE_TYPE),
    ("closure_parameters", "*", NOWHERE_PATTERN),
    ("closure_expression", "*", Step::Nowhere("it is a closure without a block")),
    ("use_declaration", "*", NOWHERE_IMPORT),
    ("attribute_item", "*", Step::Nowhere("it is in an attribute")),
    ("const_item", "*", Step::Nowhere("a constant needs a constant value")),
    ("static_item", "*", Step::Nowhere("a constant needs a constant value")),
    ("array_type", "*", NOWHERE_TYPE),
    ("macro_invocation", "*", Step::Nowhere("it is in a macro")),
    ("token_tree", "*", Step::Nowhere("it is in a macro")),
    ("if_expression", "consequence", Step::Maybe),
    ("else_clause", "*", Step::Maybe),
    ("let_chain", "*", Step::Maybe),
    ("function_item", "*", Step::Later),
    ("async_block", "*", Step::Later),
    ("ERROR", "*", NOWHERE_ERROR),
];

fn step(parent: Node<'_>, child: Node<'_>) -> Step {
    match parent.kind() {
        "binary_expression" if is_field(parent, child, "right") && matches!(operator(parent), 20 | 25) => Step::Maybe,
        "call_expression" if is_field(parent, child, "function") && child.kind() == "field_expression" => NEVER_METHOD,
        "reference_expression" if is_lent(parent) && is_place(child) => Step::Never("it is borrowed to be changed"),
        "array_expression" if is_field(parent, child, "length") => Step::Nowhere("a length needs a constant value"),
        _ => looked_up(STEPS, parent, child),
    }
}

fn declared(statement: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    if statement.kind() != "let_declaration" || statement.child_by_field_name("alternative").is_some() {
        return None;
    }
    let name = statement.child_by_field_name("pattern").filter(|pattern| pattern.kind() == "identifier")?;
    let mut cursor = statement.walk();
    let mutable = statement.children(&mut cursor).any(|child| child.kind() == "mutable_specifier");
    let value = statement.child_by_field_name("value")?;
    (!mutable).then_some((name, value))
}

fn is_place(expression: Node<'_>) -> bool {
    matches!(expression.kind(), "identifier" | "self" | "field_expression" | "index_expression")
        || expression.kind() == "unary_expression" && expression.child(0).is_some_and(|o| o.kind() == "*")
}

/// Whether a parent borrows a child to change it.
fn is_lent(parent: Node<'_>) -> bool {
    parent.kind() == "reference_expression" && parent.child(1).is_some_and(|word| word.kind() == "mutable_specifier")
}

/// A value that something changes gets a variable that can change, and a place is borrowed as the method of this file that is
/// called on it asks for.
fn declare(source: &Source<'_>, expression: Node<'_>, name: &str) -> Option<Declare> {
    let parent = expression.parent();
    let method = parent.filter(|up| up.kind() == "field_expression").filter(|up| {
        up.parent().is_some_and(|call| call.kind() == "call_expression" && is_field(call, *up, "function"))
    });
    let method = method.and_then(|up| up.child_by_field_name("field")).map(|field| source.text_of(range(field)));
    let takes = |this: &str| method.is_some_and(|name| source.text.contains(&format!("fn {name}({this}")));
    let place = is_place(expression) && expression.kind() != "identifier" && expression.kind() != "self";
    let kind = type_of(source, expression).unwrap_or_default();
    let (word, lent) = match () {
        () if place && takes("&mut self") => ("let", "&mut "),
        () if place && takes("&self") => ("let", "&"),
        () if !is_place(expression) && takes("&mut self") && !kind.starts_with('&') => ("let mut", ""),
        () if !is_place(expression) && parent.is_some_and(is_lent) => ("let mut", ""),
        () => ("let", ""),
    };
    Some(Declare { before: format!("{word} {name} = {lent}"), after: ";", doubt: None })
}

/// A name for a place takes the value out of it.
fn doubt(expression: Node<'_>) -> Option<&'static str> {
    let place = matches!(expression.kind(), "identifier" | "self" | "field_expression" | "index_expression")
        || expression.kind() == "unary_expression" && expression.child(0).is_some_and(|o| o.kind() == "*");
    if place {
        return Some("the name may take the value out of its place");
    }
    let parent = expression.parent()?;
    let literal = expression.kind().ends_with("_literal");
    let borrowed = parent.kind() == "field_expression" || parent.kind() == "reference_expression";
    (borrowed && !literal).then_some("it is borrowed here, perhaps to be changed")
}

fn doubt_inlined(_: &Source<'_>, statement: Node<'_>, value: Node<'_>, at: Node<'_>) -> Option<&'static str> {
    if statement.child_by_field_name("type").is_some() {
        return Some("the declaration gives the value a type");
    }
    let parent = at.parent()?;
    let borrowed = matches!(parent.kind(), "reference_expression" | "field_expression");
    let literal = value.kind().ends_with("_literal") || value.kind() == "reference_expression";
    (borrowed && !literal).then_some("it is borrowed here")
}
