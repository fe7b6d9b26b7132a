//! Go.

mod types;

use super::{
    ATOM, Declare, Grammar, NEVER_MEMBER, NEVER_NAME, NEVER_TARGET, NOWHERE_ERROR, NOWHERE_IMPORT, NOWHERE_TYPE, Step,
    Steps, is_field, looked_up,
};
use crate::grammar::source::Source;
use deepcoder_syntax::Node;
pub(crate) use types::{declared_results, receiver, type_of, variable_type};

pub(super) static GO: Grammar = Grammar {
    expressions: &[
        "identifier",
        "selector_expression",
        "index_expression",
        "slice_expression",
        "call_expression",
        "binary_expression",
        "unary_expression",
        "composite_literal",
        "func_literal",
        "int_literal",
        "float_literal",
        "imaginary_literal",
        "rune_literal",
        "interpreted_string_literal",
        "raw_string_literal",
        "true",
        "false",
        "parenthesized_expression",
        "type_assertion_expression",
        "type_conversion_expression",
    ],
    blocks: &["statement_list"],
    functions: &["function_declaration", "method_declaration", "func_literal"],
    loops: &["for_statement"],
    makers: &["composite_literal", "func_literal"],
    accesses: &["selector_expression", "index_expression", "slice_expression"],
    effects: &[
        "call_expression",
        "assignment_statement",
        "inc_statement",
        "dec_statement",
        "send_statement",
        "receive_statement",
        "go_statement",
        "defer_statement",
        "type_assertion_expression",
    ],
    strings: &["interpreted_string_literal", "raw_string_literal"],
    bracketed: &["parenthesized_expression", "composite_literal", "interpreted_string_literal", "raw_string_literal"],
    line_ends: true,
    loose: false,
    precedence,
    slot,
    step,
    declared,
    declare: |_, _, name| Some(Declare { before: format!("{name} := "), after: "", doubt: None }),
    doubt,
    doubt_inlined,
    empty: None,
};

const POSTFIX: u8 = 90;

fn operator(node: Node<'_>) -> u8 {
    match node.child_by_field_name("operator").map(|operator| operator.kind()) {
        Some("||") => 20,
        Some("&&") => 25,
        Some("==" | "!=" | "<" | ">" | "<=" | ">=") => 50,
        Some("+" | "-" | "|" | "^") => 70,
        Some("*" | "/" | "%" | "<<" | ">>" | "&" | "&^") => 73,
        _ => 0,
    }
}

fn precedence(node: Node<'_>) -> u8 {
    match node.kind() {
        "binary_expression" => operator(node),
        "unary_expression" => 75,
        // In the head of a statement its braces would begin the block.
        "composite_literal" => POSTFIX - 1,
        "call_expression" | "selector_expression" | "index_expression" | "slice_expression" => POSTFIX,
        _ => ATOM,
    }
}

fn slot(parent: Node<'_>, child: Node<'_>) -> u8 {
    match parent.kind() {
        "parenthesized_expression"
        | "expression_list"
        | "argument_list"
        | "literal_element"
        | "send_statement"
        | "expression_statement" => 0,
        "binary_expression" => operator(parent) + u8::from(!is_field(parent, child, "left")),
        "unary_expression" => 75,
        "index_expression" | "slice_expression" if !is_field(parent, child, "operand") => 0,
        "call_expression"
        | "selector_expression"
        | "index_expression"
        | "slice_expression"
        | "type_assertion_expression" => POSTFIX,
        "if_statement" | "for_statement" | "expression_switch_statement" | "range_clause" | "for_clause" => 0,
        _ => ATOM,
    }
}

static STEPS: Steps = &[
    ("short_var_declaration", "left", NEVER_TARGET),
    ("assignment_statement", "left", NEVER_TARGET),
    ("range_clause", "left", NEVER_TARGET),
    ("inc_statement", "*", NEVER_TARGET),
    ("dec_statement", "*", NEVER_TARGET),
    ("var_spec", "name", NEVER_NAME),
    ("const_spec", "*", Step::Nowhere("a constant needs a constant value")),
    ("var_spec", "type", NOWHERE_TYPE),
    ("selector_expression", "field", NEVER_MEMBER),
    ("keyed_element", "key", NEVER_MEMBER),
    ("composite_literal", "type", NOWHERE_TYPE),
    ("type_conversion_expression", "type", NOWHERE_TYPE),
    ("type_assertion_expression", "type", NOWHERE_TYPE),
    ("type_arguments", "*", NOWHERE_TYPE),
    ("type_declaration", "*", NOWHERE_TYPE),
    ("array_type", "*", NOWHERE_TYPE),
    ("parameter_list", "*", NOWHERE_TYPE),
    ("import_spec", "*", NOWHERE_IMPORT),
    ("import_declaration", "*", NOWHERE_IMPORT),
    ("for_statement", "body", Step::Often),
    ("for_clause", "condition", Step::Often),
    ("for_clause", "update", Step::Often),
    ("if_statement", "initializer", Step::Once),
    ("expression_case", "value", Step::Maybe),
    ("communication_case", "communication", Step::Nowhere("it is the head of a case")),
    ("type_case", "type", NOWHERE_TYPE),
    ("go_statement", "*", Step::Never("it is what the statement calls")),
    ("defer_statement", "*", Step::Never("it is what the statement calls")),
    ("labeled_statement", "label", NEVER_NAME),
    ("func_literal", "*", Step::Later),
    ("function_declaration", "*", Step::Later),
    ("method_declaration", "*", Step::Later),
    ("ERROR", "*", NOWHERE_ERROR),
];

fn step(parent: Node<'_>, child: Node<'_>) -> Step {
    match parent.kind() {
        "expression_list" => {
            let Some(up) = parent.parent() else { return Step::Once };
            let target = matches!(up.kind(), "short_var_declaration" | "assignment_statement" | "range_clause")
                && is_field(up, parent, "left");
            let several = up.child_by_field_name("left").is_some_and(|left| left.named_child_count() > 1);
            match () {
                () if target => NEVER_TARGET,
                () if several && parent.named_child_count() == 1 => Step::Never("it gives several values"),
                () => Step::Once,
            }
        }
        "unary_expression" if parent.child(0).is_some_and(|operator| operator.kind() == "&") => {
            Step::Never("its address is taken")
        }
        "literal_element"
            if parent.parent().is_some_and(|up| up.kind() == "keyed_element" && is_field(up, parent, "key")) =>
        {
            NEVER_MEMBER
        }
        "binary_expression" if is_field(parent, child, "right") && matches!(operator(parent), 20 | 25) => Step::Maybe,
        // The condition of a loop without other parts.
        "for_statement" if !matches!(child.kind(), "for_clause" | "range_clause") => Step::Often,
        "if_statement" => {
            let initialised = parent.child_by_field_name("initializer").is_some();
            let first = is_field(parent, child, "initializer");
            if first || !initialised && is_field(parent, child, "condition") { Step::Once } else { Step::Maybe }
        }
        _ => looked_up(STEPS, parent, child),
    }
}

fn declared(statement: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let (names, values) = match statement.kind() {
        "short_var_declaration" => (statement.child_by_field_name("left")?, statement.child_by_field_name("right")?),
        "var_declaration" => {
            let spec = statement.named_child(0).filter(|spec| spec.kind() == "var_spec")?;
            let mut cursor = spec.walk();
            if spec.children_by_field_name("name", &mut cursor).count() != 1 {
                return None;
            }
            (spec.child_by_field_name("name")?, spec.child_by_field_name("value")?)
        }
        _ => return None,
    };
    let only = |list: Node<'_>| list.kind() != "expression_list" || list.named_child_count() == 1;
    if !only(names) || !only(values) {
        return None;
    }
    let name = if names.kind() == "expression_list" { names.named_child(0)? } else { names };
    let value = if values.kind() == "expression_list" { values.named_child(0)? } else { values };
    (name.kind() == "identifier").then_some((name, value))
}

/// What is doubtful about a name for an expression: constants take the type that their place needs.
fn doubt(expression: Node<'_>) -> Option<&'static str> {
    let parent = expression.parent();
    let number = matches!(expression.kind(), "int_literal" | "float_literal" | "rune_literal" | "imaginary_literal");
    let alone = parent.is_some_and(|parent| {
        let sole = parent.kind() == "expression_list";
        sole && parent.parent().is_some_and(|up| up.kind() == "short_var_declaration")
    });
    if number && !alone {
        return Some("a constant takes the type that its place needs, a variable does not");
    }
    let operand = parent.is_some_and(|p| p.kind() == "selector_expression");
    let holds =
        matches!(expression.kind(), "selector_expression" | "index_expression" | "identifier" | "unary_expression");
    (operand && holds).then_some("a method may change the value, and would change a copy of it")
}

fn doubt_inlined(_: &Source<'_>, statement: Node<'_>, value: Node<'_>, at: Node<'_>) -> Option<&'static str> {
    let typed = statement.named_child(0).is_some_and(|spec| spec.child_by_field_name("type").is_some());
    if typed {
        return Some("the declaration gives the value a type");
    }
    let parent = at.parent()?;
    if parent.kind() == "selector_expression" {
        return Some("a method may change the variable, and would change a copy of it");
    }
    let number = matches!(value.kind(), "int_literal" | "float_literal" | "rune_literal" | "binary_expression");
    let typeless = number && value.named_child_count() == 0;
    (typeless && parent.kind() != "expression_list" && parent.kind() != "expression_statement")
        .then_some("a constant takes the type that its place needs, a variable does not")
}
