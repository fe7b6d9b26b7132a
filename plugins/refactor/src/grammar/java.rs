//! Java.

mod types;

use super::{
    ATOM, Declare, Grammar, NEVER_MEMBER, NEVER_NAME, NEVER_TARGET, NOWHERE_ERROR, NOWHERE_FIELD, NOWHERE_IMPORT,
    NOWHERE_PATTERN, NOWHERE_TYPE, Step, Steps, is_field, looked_up, operator,
};
use crate::grammar::source::{Source, range};
use deepcoder_syntax::Node;
pub(crate) use types::{expected_type, lambda_type, type_of, variable_type};

pub(super) static JAVA: Grammar = Grammar {
    expressions: &[
        "identifier",
        "field_access",
        "array_access",
        "method_invocation",
        "object_creation_expression",
        "array_creation_expression",
        "binary_expression",
        "unary_expression",
        "ternary_expression",
        "assignment_expression",
        "update_expression",
        "cast_expression",
        "instanceof_expression",
        "lambda_expression",
        "method_reference",
        "parenthesized_expression",
        "string_literal",
        "character_literal",
        "decimal_integer_literal",
        "hex_integer_literal",
        "octal_integer_literal",
        "binary_integer_literal",
        "decimal_floating_point_literal",
        "hex_floating_point_literal",
        "true",
        "false",
        "null_literal",
        "this",
        "class_literal",
        "switch_expression",
    ],
    blocks: &["block", "constructor_body", "switch_block_statement_group"],
    functions: &[
        "method_declaration",
        "constructor_declaration",
        "lambda_expression",
        "class_body",
        "class_declaration",
    ],
    loops: &["for_statement", "enhanced_for_statement", "while_statement", "do_statement"],
    makers: &["array_creation_expression", "lambda_expression", "method_reference", "array_initializer"],
    accesses: &["field_access", "array_access"],
    effects: &[
        "method_invocation",
        "object_creation_expression",
        "assignment_expression",
        "update_expression",
        "explicit_constructor_invocation",
        "throw_statement",
    ],
    strings: &["string_literal"],
    bracketed: &["parenthesized_expression", "string_literal"],
    line_ends: false,
    loose: true,
    precedence,
    slot,
    step,
    declared,
    declare,
    doubt: |_| None,
    doubt_inlined,
    empty: None,
};

const POSTFIX: u8 = 90;

fn precedence(node: Node<'_>) -> u8 {
    match node.kind() {
        "assignment_expression" | "lambda_expression" => 5,
        "ternary_expression" => 10,
        "binary_expression" => operator(node),
        "instanceof_expression" => 50,
        "unary_expression" | "cast_expression" => 75,
        "update_expression" => 76,
        "switch_expression" | "array_creation_expression" => POSTFIX - 1,
        _ => ATOM,
    }
}

fn slot(parent: Node<'_>, child: Node<'_>) -> u8 {
    match parent.kind() {
        "parenthesized_expression"
        | "expression_statement"
        | "return_statement"
        | "throw_statement"
        | "variable_declarator"
        | "argument_list"
        | "array_initializer"
        | "assignment_expression"
        | "dimensions_expr"
        | "for_statement"
        | "enhanced_for_statement"
        | "lambda_expression"
        | "yield_statement"
        | "assert_statement" => 0,
        "array_access" if is_field(parent, child, "index") => 0,
        "ternary_expression" => {
            if is_field(parent, child, "condition") {
                11
            } else {
                10
            }
        }
        "binary_expression" => operator(parent) + u8::from(!is_field(parent, child, "left")),
        "instanceof_expression" => 50,
        "unary_expression" | "cast_expression" => 75,
        "method_invocation" | "field_access" | "array_access" | "method_reference" => POSTFIX,
        _ => ATOM,
    }
}

const BARE: Step = Step::Nowhere("it is a body without braces");

static STEPS: Steps = &[
    ("assignment_expression", "left", NEVER_TARGET),
    ("update_expression", "*", NEVER_TARGET),
    ("variable_declarator", "name", NEVER_NAME),
    ("local_variable_declaration", "type", NOWHERE_TYPE),
    ("cast_expression", "type", NOWHERE_TYPE),
    ("instanceof_expression", "right", NOWHERE_TYPE),
    ("instanceof_expression", "pattern", NOWHERE_PATTERN),
    ("instanceof_expression", "name", NEVER_NAME),
    ("object_creation_expression", "type", NOWHERE_TYPE),
    ("array_creation_expression", "type", NOWHERE_TYPE),
    ("class_literal", "*", NOWHERE_TYPE),
    ("type_arguments", "*", NOWHERE_TYPE),
    ("method_invocation", "name", NEVER_MEMBER),
    ("field_access", "field", NEVER_MEMBER),
    ("formal_parameter", "*", NEVER_NAME),
    ("annotation", "*", Step::Nowhere("it is in an annotation")),
    ("marker_annotation", "*", Step::Nowhere("it is in an annotation")),
    ("field_declaration", "*", NOWHERE_FIELD),
    ("constant_declaration", "*", NOWHERE_FIELD),
    ("enum_constant", "*", NOWHERE_FIELD),
    ("explicit_constructor_invocation", "*", Step::Nowhere("no statement may come before it")),
    ("import_declaration", "*", NOWHERE_IMPORT),
    ("package_declaration", "*", NOWHERE_IMPORT),
    ("switch_label", "*", Step::Nowhere("a case needs a constant")),
    ("switch_rule", "*", Step::Maybe),
    ("resource", "*", Step::Maybe),
    ("for_statement", "condition", Step::Often),
    ("for_statement", "update", Step::Often),
    ("for_statement", "body", BARE),
    ("enhanced_for_statement", "body", BARE),
    ("enhanced_for_statement", "name", NEVER_NAME),
    ("while_statement", "body", BARE),
    ("do_statement", "body", BARE),
    ("while_statement", "*", Step::Often),
    ("do_statement", "*", Step::Often),
    ("if_statement", "consequence", BARE),
    ("if_statement", "alternative", Step::Maybe),
    ("ternary_expression", "consequence", Step::Maybe),
    ("ternary_expression", "alternative", Step::Maybe),
    ("assert_statement", "*", Step::Maybe),
    ("lambda_expression", "*", Step::Later),
    ("class_body", "*", Step::Later),
    ("labeled_statement", "*", Step::Once),
    ("ERROR", "*", NOWHERE_ERROR),
];

fn step(parent: Node<'_>, child: Node<'_>) -> Step {
    match parent.kind() {
        "if_statement" if is_field(parent, child, "alternative") && child.kind() != "if_statement" => BARE,
        "binary_expression" if is_field(parent, child, "right") && matches!(operator(parent), 20 | 25) => Step::Maybe,
        _ => looked_up(STEPS, parent, child),
    }
}

fn declared(statement: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    if statement.kind() != "local_variable_declaration" {
        return None;
    }
    let mut cursor = statement.walk();
    let mut declarators = statement.children_by_field_name("declarator", &mut cursor);
    let (only, None) = (declarators.next()?, declarators.next()) else { return None };
    let value = only.child_by_field_name("value")?;
    let plain = only.child_by_field_name("dimensions").is_none();
    plain.then_some((only.child_by_field_name("name")?, value))
}

fn declare(source: &Source<'_>, expression: Node<'_>, name: &str) -> Option<Declare> {
    if matches!(expression.kind(), "lambda_expression" | "method_reference" | "null_literal") {
        return None;
    }
    let known = type_of(source, expression);
    let placed = known.is_none().then(|| expected_type(source, expression)).flatten();
    let doubt = match (&known, &placed) {
        (Some(_), _) => None,
        (_, Some(_)) => Some("the type is the one that its place has"),
        _ => Some("its type is not known, and `var` needs Java 10"),
    };
    let kind = known.or(placed).unwrap_or_else(|| "var".to_owned());
    Some(Declare { before: format!("{kind} {name} = "), after: ";", doubt })
}

fn doubt_inlined(source: &Source<'_>, statement: Node<'_>, value: Node<'_>, at: Node<'_>) -> Option<&'static str> {
    let declared = source.text_of(range(statement.child_by_field_name("type")?));
    let known = type_of(source, value);
    if declared == "var" || known.as_deref() == Some(declared) {
        return None;
    }
    let receiver = at.parent().is_some_and(|p| is_field(p, at, "object") || p.kind() == "variable_declarator");
    let number = matches!(declared, "double" | "float" | "long" | "short" | "byte" | "char");
    if number
        || known.is_some()
        || !receiver
        || !matches!(value.kind(), "identifier" | "method_invocation" | "field_access")
    {
        return Some("the declaration gives the value a type that it may not have itself");
    }
    None
}
