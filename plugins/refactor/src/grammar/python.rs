//! Python.

use super::{ATOM, Declare, Grammar, Step, is_field};
use deepcoder_syntax::Node;

pub(super) static PYTHON: Grammar = Grammar {
    expressions: &[
        "identifier",
        "attribute",
        "subscript",
        "call",
        "binary_operator",
        "unary_operator",
        "boolean_operator",
        "not_operator",
        "comparison_operator",
        "conditional_expression",
        "lambda",
        "list",
        "tuple",
        "dictionary",
        "set",
        "list_comprehension",
        "dictionary_comprehension",
        "set_comprehension",
        "generator_expression",
        "integer",
        "float",
        "string",
        "concatenated_string",
        "true",
        "false",
        "none",
        "ellipsis",
        "await",
        "parenthesized_expression",
        "expression_list",
    ],
    blocks: &["module", "block"],
    functions: &["function_definition", "lambda", "class_definition"],
    loops: &[
        "for_statement",
        "while_statement",
        "list_comprehension",
        "dictionary_comprehension",
        "set_comprehension",
        "generator_expression",
    ],
    makers: &[
        "list",
        "dictionary",
        "set",
        "list_comprehension",
        "dictionary_comprehension",
        "set_comprehension",
        "generator_expression",
        "lambda",
    ],
    accesses: &["attribute", "subscript"],
    effects: &[
        "call",
        "await",
        "yield",
        "named_expression",
        "assignment",
        "augmented_assignment",
        "delete_statement",
        "import_statement",
        "import_from_statement",
        "exec_statement",
        "print_statement",
        "raise_statement",
        "with_statement",
        "decorator",
    ],
    strings: &["string"],
    bracketed: &[
        "list",
        "tuple",
        "dictionary",
        "set",
        "list_comprehension",
        "dictionary_comprehension",
        "set_comprehension",
        "generator_expression",
        "parenthesized_expression",
        "string",
    ],
    line_ends: true,
    loose: false,
    precedence,
    slot,
    step,
    declared,
    declare: |_, _, name| Some(Declare { before: format!("{name} = "), after: "", doubt: None }),
    doubt: |_| None,
    doubt_inlined: |_, _, _, _| None,
    empty: Some("pass"),
};

const CHOICE: u8 = 10;
const OR: u8 = 20;
const BIT_OR: u8 = 50;
const UNARY: u8 = 75;
const POWER: u8 = 80;
const POSTFIX: u8 = 90;

/// How strongly an operator binds.
fn operator(node: Node<'_>) -> u8 {
    match node.child_by_field_name("operator").map(|operator| operator.kind()) {
        Some("or") => OR,
        Some("and") => 25,
        Some("|") => BIT_OR,
        Some("^") => 55,
        Some("&") => 60,
        Some("<<" | ">>") => 65,
        Some("+" | "-") => 70,
        Some("*" | "/" | "//" | "%" | "@") => 73,
        Some("**") => POWER,
        _ => 0,
    }
}

fn precedence(node: Node<'_>) -> u8 {
    match node.kind() {
        "expression_list" | "yield" | "named_expression" => 0,
        "lambda" => 5,
        "conditional_expression" => CHOICE,
        "boolean_operator" | "binary_operator" => operator(node),
        "not_operator" => 30,
        "comparison_operator" => 40,
        "unary_operator" => UNARY,
        "await" => 85,
        "call" | "attribute" | "subscript" => POSTFIX,
        // `1.real` is no attribute of 1.
        "integer" | "float" => POSTFIX - 1,
        // Strings side by side would join with others beside them.
        "concatenated_string" => POSTFIX,
        _ => ATOM,
    }
}

fn slot(parent: Node<'_>, child: Node<'_>) -> u8 {
    match parent.kind() {
        "expression_statement" | "return_statement" | "parenthesized_expression" | "augmented_assignment" => 0,
        "assignment" if is_field(parent, child, "right") => 0,
        "for_statement" if is_field(parent, child, "right") => 0,
        "argument_list"
        | "list"
        | "tuple"
        | "set"
        | "pair"
        | "default_parameter"
        | "typed_default_parameter"
        | "keyword_argument"
        | "with_item"
        | "assert_statement"
        | "raise_statement"
        | "if_statement"
        | "elif_clause"
        | "while_statement"
        | "match_statement"
        | "list_comprehension"
        | "set_comprehension"
        | "generator_expression"
        | "dictionary_comprehension"
        | "slice"
        | "decorator"
        | "expression_list"
        | "format_expression"
        | "case_clause" => 5,
        "subscript" if !is_field(parent, child, "value") => 5,
        // A lambda's colon would end the expression.
        "interpolation" => CHOICE,
        "lambda" if is_field(parent, child, "body") => 5,
        "conditional_expression" => {
            if parent.named_child(2).is_some_and(|last| last.id() == child.id()) {
                5
            } else {
                OR
            }
        }
        "for_in_clause" | "if_clause" => OR,
        "boolean_operator" => operator(parent) + u8::from(!is_field(parent, child, "left")),
        "binary_operator" => {
            let left = is_field(parent, child, "left");
            match operator(parent) {
                POWER if left => POWER + 1,
                // The exponent takes a sign.
                POWER => UNARY,
                strength => strength + u8::from(!left),
            }
        }
        "not_operator" => 30,
        "comparison_operator" => BIT_OR,
        "unary_operator" => UNARY,
        "list_splat" | "dictionary_splat" => BIT_OR,
        "await" => POSTFIX,
        "call" | "attribute" | "subscript" => POSTFIX,
        "named_expression" => 5,
        _ => ATOM,
    }
}

/// Whether `child` is where the value of an assignment, a loop or a deletion goes to.
fn is_target(parent: Node<'_>, child: Node<'_>) -> bool {
    match parent.kind() {
        "assignment" | "augmented_assignment" | "for_statement" | "for_in_clause" => is_field(parent, child, "left"),
        "named_expression" => is_field(parent, child, "name"),
        "delete_statement" | "pattern_list" | "tuple_pattern" | "list_pattern" | "list_splat_pattern"
        | "as_pattern_target" | "global_statement" | "nonlocal_statement" => true,
        // `del a, b`: the list is what is deleted.
        "expression_list" => parent.parent().is_some_and(|up| up.kind() == "delete_statement"),
        _ => false,
    }
}

fn step(parent: Node<'_>, child: Node<'_>) -> Step {
    if is_target(parent, child) {
        return Step::Never("a value is given to it");
    }
    match parent.kind() {
        "keyword_argument" if is_field(parent, child, "name") => Step::Never("it names a parameter"),
        "attribute" if is_field(parent, child, "attribute") => Step::Never("it names a member"),
        "type" | "type_alias_statement" | "type_parameter" | "generic_type" => Step::Nowhere("it is a type"),
        "import_statement"
        | "import_from_statement"
        | "future_import_statement"
        | "dotted_name"
        | "aliased_import"
        | "relative_import" => Step::Nowhere("it is part of an import"),
        "case_pattern" | "class_pattern" | "dict_pattern" | "keyword_pattern" | "splat_pattern" | "union_pattern"
        | "as_pattern"
            if !is_with(parent, child) =>
        {
            Step::Nowhere("it is a pattern")
        }
        "concatenated_string" => Step::Never("it is a part of a string"),
        "parameters" | "lambda_parameters" | "typed_parameter" => Step::Never("it is a parameter"),
        "default_parameter" | "typed_default_parameter" | "function_definition" | "class_definition"
            if is_field(parent, child, "name") =>
        {
            Step::Never("it is declared here")
        }
        "function_definition" if is_field(parent, child, "body") => Step::Later,
        "call" if is_field(parent, child, "arguments") && child.kind() != "argument_list" => {
            Step::Never("it has no brackets of its own")
        }
        "format_specifier" | "format_expression" | "type_conversion" => Step::Nowhere("it is a part of a string"),
        // The first argument of the operator is always evaluated.
        "boolean_operator" if !is_field(parent, child, "left") => Step::Maybe,
        "conditional_expression" => {
            if parent.named_child(1).is_some_and(|test| test.id() == child.id()) {
                Step::Once
            } else {
                Step::Maybe
            }
        }
        // The third value of a chain is evaluated where the first two compare.
        "comparison_operator" => {
            let first = parent.named_child(0).is_some_and(|first| first.id() == child.id());
            let second = parent.named_child(1).is_some_and(|second| second.id() == child.id());
            if first || second { Step::Once } else { Step::Maybe }
        }
        "assert_statement" => {
            if parent.named_child(0).is_some_and(|test| test.id() == child.id()) {
                Step::Once
            } else {
                Step::Maybe
            }
        }
        "elif_clause" | "except_clause" | "except_group_clause" | "case_clause" | "if_clause" => Step::Maybe,
        "while_statement" => Step::Often,
        "lambda" => Step::Later,
        "list_comprehension" | "dictionary_comprehension" | "set_comprehension" | "generator_expression" => {
            // The first thing that is iterated over is evaluated once, before all else.
            let first = parent.named_child(1).is_some_and(|clause| clause.id() == child.id());
            if first { Step::Once } else { Step::Often }
        }
        "for_in_clause" => {
            let first = parent.parent().and_then(|whole| whole.named_child(1)).is_some_and(|it| it.id() == parent.id());
            if first && is_field(parent, child, "right") { Step::Once } else { Step::Often }
        }
        "ERROR" => Step::Nowhere("the code around it does not parse"),
        _ => Step::Once,
    }
}

/// Whether an `as_pattern` is the one of a `with` or an `except`, whose first part is an expression.
fn is_with(parent: Node<'_>, child: Node<'_>) -> bool {
    let first = parent.named_child(0).is_some_and(|first| first.id() == child.id());
    let up = parent.parent().map(|up| up.kind());
    parent.kind() == "as_pattern" && first && matches!(up, Some("with_item" | "except_clause"))
}

fn declared(statement: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let assignment = match statement.kind() {
        "expression_statement" if statement.named_child_count() == 1 => statement.named_child(0)?,
        _ => return None,
    };
    let name = assignment.child_by_field_name("left")?;
    let value = assignment.child_by_field_name("right")?;
    let plain = assignment.kind() == "assignment" && name.kind() == "identifier" && value.kind() != "assignment";
    plain.then_some((name, value))
}
