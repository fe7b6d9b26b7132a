//! JavaScript and TypeScript.

use super::{
    ATOM, Declare, Grammar, NEVER_MEMBER, NEVER_METHOD, NEVER_NAME, NEVER_TARGET, NOWHERE_ERROR, NOWHERE_FIELD,
    NOWHERE_IMPORT, NOWHERE_PATTERN, NOWHERE_TYPE, Step, Steps, is_field, looked_up, operator,
};
use crate::grammar::source::Source;
use deepcoder_syntax::Node;

pub(super) static JAVASCRIPT: Grammar = Grammar {
    expressions: &[
        "identifier",
        "member_expression",
        "subscript_expression",
        "call_expression",
        "new_expression",
        "binary_expression",
        "unary_expression",
        "ternary_expression",
        "template_string",
        "string",
        "number",
        "regex",
        "true",
        "false",
        "null",
        "undefined",
        "this",
        "array",
        "object",
        "function_expression",
        "arrow_function",
        "class",
        "parenthesized_expression",
        "await_expression",
        "as_expression",
        "satisfies_expression",
        "type_assertion",
        "non_null_expression",
        "jsx_element",
        "jsx_self_closing_element",
    ],
    blocks: &["program", "statement_block", "switch_case", "switch_default"],
    functions: FUNCTIONS,
    loops: &["for_statement", "for_in_statement", "while_statement", "do_statement"],
    makers: &[
        "array",
        "object",
        "function_expression",
        "arrow_function",
        "class",
        "regex",
        "jsx_element",
        "jsx_self_closing_element",
    ],
    accesses: &["member_expression", "subscript_expression"],
    effects: &[
        "call_expression",
        "new_expression",
        "await_expression",
        "yield_expression",
        "assignment_expression",
        "augmented_assignment_expression",
        "update_expression",
        "throw_statement",
    ],
    strings: &["template_string", "string"],
    bracketed: &["array", "object", "parenthesized_expression", "template_string", "string"],
    line_ends: false,
    loose: true,
    precedence,
    slot,
    step,
    declared,
    declare: |_, _, name| Some(Declare { before: format!("const {name} = "), after: ";", doubt: None }),
    doubt,
    doubt_inlined,
    empty: None,
};

const FUNCTIONS: &[&str] = &[
    "function_declaration",
    "generator_function_declaration",
    "function_expression",
    "generator_function",
    "arrow_function",
    "method_definition",
    "class_declaration",
    "class",
    "abstract_class_declaration",
];

const POSTFIX: u8 = 90;

fn precedence(node: Node<'_>) -> u8 {
    match node.kind() {
        "sequence_expression" => 0,
        "arrow_function" | "yield_expression" | "assignment_expression" | "augmented_assignment_expression" => 5,
        "ternary_expression" => 10,
        "binary_expression" => operator(node),
        "as_expression" | "satisfies_expression" => 50,
        "unary_expression" | "await_expression" => 75,
        "update_expression" => 76,
        // In front of a statement they would begin a declaration or a block.
        "object" | "function_expression" | "class" | "generator_function" => POSTFIX - 1,
        "number" => POSTFIX - 1,
        "member_expression" => POSTFIX + 1,
        "new_expression" | "call_expression" | "subscript_expression" => POSTFIX,
        "non_null_expression" => POSTFIX,
        _ => ATOM,
    }
}

fn slot(parent: Node<'_>, child: Node<'_>) -> u8 {
    if constructed(child) {
        return POSTFIX + 1;
    }
    match parent.kind() {
        "parenthesized_expression" => 0,
        // A statement that begins with a bracket continues the one before where that has no semicolon.
        "expression_statement" => POSTFIX,
        "return_statement" | "throw_statement" | "template_substitution" | "jsx_expression" => 0,
        "variable_declarator"
        | "arguments"
        | "array"
        | "pair"
        | "spread_element"
        | "assignment_pattern"
        | "assignment_expression"
        | "augmented_assignment_expression"
        | "for_statement"
        | "field_definition"
        | "public_field_definition"
        | "computed_property_name"
        | "switch_case" => 5,
        "for_in_statement" if is_field(parent, child, "right") => 5,
        "subscript_expression" if is_field(parent, child, "index") => 0,
        "arrow_function" if is_field(parent, child, "body") => POSTFIX,
        "ternary_expression" => {
            if is_field(parent, child, "condition") {
                11
            } else {
                5
            }
        }
        // `??` does not mix with `||` and `&&`.
        "binary_expression" if parent.child_by_field_name("operator").is_some_and(|o| o.kind() == "??") => 30,
        "binary_expression" => match operator(parent) {
            80 if is_field(parent, child, "left") => 81,
            80 => 75,
            strength => strength + u8::from(!is_field(parent, child, "left")),
        },
        "as_expression" | "satisfies_expression" => 60,
        "unary_expression" | "await_expression" => 75,
        "call_expression" | "member_expression" | "subscript_expression" | "non_null_expression" => POSTFIX,
        "shorthand_property_identifier" | "object" => 5,
        _ => ATOM,
    }
}

const BARE: Step = Step::Nowhere("it is a body without braces");

static STEPS: Steps = &[
    ("assignment_expression", "left", NEVER_TARGET),
    ("augmented_assignment_expression", "left", NEVER_TARGET),
    ("update_expression", "*", NEVER_TARGET),
    ("for_in_statement", "left", NEVER_TARGET),
    ("for_in_statement", "body", BARE),
    ("for_statement", "condition", Step::Often),
    ("for_statement", "increment", Step::Often),
    ("for_statement", "body", BARE),
    ("while_statement", "body", BARE),
    ("do_statement", "body", BARE),
    ("while_statement", "*", Step::Often),
    ("do_statement", "*", Step::Often),
    ("if_statement", "consequence", BARE),
    ("else_clause", "*", Step::Maybe),
    ("switch_case", "value", Step::Maybe),
    ("ternary_expression", "consequence", Step::Maybe),
    ("ternary_expression", "alternative", Step::Maybe),
    ("member_expression", "property", NEVER_MEMBER),
    ("variable_declarator", "name", NEVER_NAME),
    ("pair", "key", NEVER_MEMBER),
    ("array_pattern", "*", NEVER_TARGET),
    ("object_pattern", "*", NEVER_TARGET),
    ("object_assignment_pattern", "left", NEVER_TARGET),
    ("assignment_pattern", "left", NEVER_TARGET),
    ("assignment_pattern", "right", Step::Maybe),
    ("object_assignment_pattern", "right", Step::Maybe),
    ("formal_parameters", "*", Step::Later),
    ("required_parameter", "pattern", NEVER_NAME),
    ("optional_parameter", "pattern", NEVER_NAME),
    ("import_statement", "*", NOWHERE_IMPORT),
    ("export_specifier", "*", NOWHERE_IMPORT),
    ("export_clause", "*", NOWHERE_IMPORT),
    ("export_statement", "source", NOWHERE_IMPORT),
    ("export_statement", "value", Step::Once),
    ("type_annotation", "*", NOWHERE_TYPE),
    ("type_arguments", "*", NOWHERE_TYPE),
    ("type_parameters", "*", NOWHERE_TYPE),
    ("interface_declaration", "*", NOWHERE_TYPE),
    ("type_alias_declaration", "*", NOWHERE_TYPE),
    ("enum_declaration", "*", NOWHERE_TYPE),
    ("enum_body", "*", NOWHERE_TYPE),
    ("as_expression", "type", NOWHERE_TYPE),
    ("field_definition", "*", NOWHERE_FIELD),
    ("public_field_definition", "*", NOWHERE_FIELD),
    ("decorator", "*", Step::Nowhere("it is in a decorator")),
    ("class_static_block", "*", Step::Later),
    ("jsx_element", "*", Step::Never("it is a part of markup")),
    ("jsx_opening_element", "*", Step::Never("it is a part of markup")),
    ("jsx_closing_element", "*", Step::Never("it is a part of markup")),
    ("jsx_self_closing_element", "*", Step::Never("it is a part of markup")),
    ("jsx_attribute", "*", Step::Never("it is a part of markup")),
    ("labeled_statement", "label", NEVER_NAME),
    ("ERROR", "*", NOWHERE_ERROR),
];

fn step(parent: Node<'_>, child: Node<'_>) -> Step {
    let kind = parent.kind();
    if FUNCTIONS.contains(&kind) {
        return match () {
            () if is_field(parent, child, "name") => NEVER_NAME,
            // What a class inherits from is evaluated with it.
            () if child.kind() == "class_heritage" => Step::Once,
            () => Step::Later,
        };
    }
    let member = matches!(child.kind(), "member_expression" | "subscript_expression");
    match kind {
        "call_expression" if is_field(parent, child, "function") && member => NEVER_METHOD,
        "call_expression" if is_field(parent, child, "function") && child.kind() == "super" => NOWHERE_PATTERN,
        "call_expression" if child.kind() == "template_string" => Step::Never("it belongs to its tag"),
        "new_expression" if is_field(parent, child, "constructor") => Step::Once,
        // `a?.b.c` as a whole is undefined where `a` is.
        "call_expression" | "member_expression" | "subscript_expression" if chained(child) => {
            Step::Never("it is a part of an optional chain")
        }
        "unary_expression" if parent.child(0).is_some_and(|o| matches!(o.kind(), "delete" | "typeof")) => {
            Step::Never("the operator takes it as it is written")
        }
        "binary_expression" if is_field(parent, child, "right") => {
            let lazy = parent.child_by_field_name("operator").is_some_and(|o| matches!(o.kind(), "&&" | "||" | "??"));
            if lazy { Step::Maybe } else { Step::Once }
        }
        "else_clause" if child.kind() != "if_statement" => BARE,
        _ => looked_up(STEPS, parent, child),
    }
}

/// What is doubtful about a name for an expression: a function as an argument has parameters of the types that it is called with.
fn doubt(expression: Node<'_>) -> Option<&'static str> {
    let function = matches!(expression.kind(), "arrow_function" | "function_expression");
    let argument = expression.parent().is_some_and(|parent| parent.kind() == "arguments");
    (function && argument).then_some("its parameters have the types of the place")
}

fn doubt_inlined(_: &Source<'_>, _: Node<'_>, _: Node<'_>, at: Node<'_>) -> Option<&'static str> {
    let name = at.parent().and_then(|parent| parent.child_by_field_name("name"));
    name.is_some_and(|name| name.kind().ends_with("_pattern")).then_some("the value is taken apart here")
}

/// Whether a node is in what `new` makes: a call there would take its arguments.
fn constructed(node: Node<'_>) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent() {
        match parent.kind() {
            "new_expression" => return is_field(parent, at, "constructor"),
            "member_expression" | "non_null_expression" => at = parent,
            _ => return false,
        }
    }
    false
}

/// Whether a chain of members and calls has an optional link.
fn chained(node: Node<'_>) -> bool {
    let mut at = Some(node);
    while let Some(node) = at {
        if !matches!(node.kind(), "call_expression" | "member_expression" | "subscript_expression") {
            return false;
        }
        let mut cursor = node.walk();
        if node.children(&mut cursor).any(|child| child.kind() == "optional_chain") {
            return true;
        }
        at = node.child_by_field_name("object").or_else(|| node.child_by_field_name("function"));
    }
    false
}

fn declared(statement: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    if !matches!(statement.kind(), "lexical_declaration" | "variable_declaration") {
        return None;
    }
    let mut cursor = statement.walk();
    let declarators: Vec<Node<'_>> =
        statement.named_children(&mut cursor).filter(|child| child.kind() == "variable_declarator").collect();
    let [only] = declarators.as_slice() else { return None };
    let name = only.child_by_field_name("name").filter(|name| name.kind() == "identifier")?;
    Some((name, only.child_by_field_name("value")?))
}
