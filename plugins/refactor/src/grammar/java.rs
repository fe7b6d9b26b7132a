//! Java.

use super::{
    ATOM, Declare, Grammar, NEVER_MEMBER, NEVER_NAME, NEVER_TARGET, NOWHERE_ERROR, NOWHERE_FIELD, NOWHERE_IMPORT,
    NOWHERE_PATTERN, NOWHERE_TYPE, Step, Steps, is_field, looked_up, operator,
};
use crate::grammar::source::{Source, range};
use deepcoder_resolve::Resolution;
use deepcoder_syntax::Node;

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
    let value = only.child_by_field_name("value").filter(|value| value.kind() != "array_initializer")?;
    let plain = only.child_by_field_name("dimensions").is_none();
    plain.then_some((only.child_by_field_name("name")?, value))
}

fn declare(source: &Source<'_>, expression: Node<'_>, name: &str) -> Option<Declare> {
    if matches!(expression.kind(), "lambda_expression" | "method_reference" | "null_literal") {
        return None;
    }
    let known = type_of(source, expression);
    let doubt = known.is_none().then_some("its type is not known, and `var` needs Java 10");
    let kind = known.unwrap_or_else(|| "var".to_owned());
    Some(Declare { before: format!("{kind} {name} = "), after: ";", doubt })
}

/// The type of an expression, where the text of this file tells it.
pub(super) fn type_of(source: &Source<'_>, expression: Node<'_>) -> Option<String> {
    let mut node = expression;
    // A bounded number of brackets and signs.
    for _ in 0..16 {
        let inner = match node.kind() {
            "parenthesized_expression" => node.named_child(0)?,
            "unary_expression" => node.child_by_field_name("operand")?,
            _ => break,
        };
        node = inner;
    }
    let text = |node: Node<'_>| source.text_of(range(node)).to_owned();
    let known = match node.kind() {
        "string_literal" => "String".to_owned(),
        "true" | "false" | "instanceof_expression" => "boolean".to_owned(),
        "character_literal" if node.id() == expression.id() => "char".to_owned(),
        "decimal_integer_literal" | "hex_integer_literal" | "octal_integer_literal" | "binary_integer_literal" => {
            let long = text(node).ends_with(['l', 'L']);
            if long { "long".to_owned() } else { "int".to_owned() }
        }
        "decimal_floating_point_literal" => {
            let single = text(node).ends_with(['f', 'F']);
            if single { "float".to_owned() } else { "double".to_owned() }
        }
        "object_creation_expression" if node.named_children(&mut node.walk()).all(|c| c.kind() != "class_body") => {
            let kind = text(node.child_by_field_name("type")?);
            if kind.contains("<>") {
                return None;
            }
            kind
        }
        "cast_expression" => text(node.child_by_field_name("type")?),
        "identifier" | "method_invocation" => {
            let name = node.child_by_field_name("name").unwrap_or(node);
            declared_type(source, name)?
        }
        "binary_expression" => binary(source, node)?,
        _ => return None,
    };
    (known != "var" && known != "void").then_some(known)
}

/// The type of an operator's result.
fn binary(source: &Source<'_>, node: Node<'_>) -> Option<String> {
    // A chain to the left is followed to its first operand.
    let mut operands: Vec<String> = Vec::new();
    let mut at = node;
    loop {
        match at.child_by_field_name("operator")?.kind() {
            "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" => {
                return (at.id() == node.id()).then(|| "boolean".to_owned());
            }
            "<<" | ">>" | ">>>" => return None,
            _ => {}
        }
        let right = at.child_by_field_name("right").filter(|right| right.kind() != "binary_expression")?;
        operands.push(simple(source, right)?);
        at = at.child_by_field_name("left")?;
        if at.kind() != "binary_expression" {
            operands.push(simple(source, at)?);
            break;
        }
        if operands.len() > 64 {
            return None;
        }
    }
    let has = |kind: &str| operands.iter().any(|operand| operand == kind);
    let plus = node.child_by_field_name("operator").is_some_and(|operator| operator.kind() == "+");
    if has("String") {
        return plus.then(|| "String".to_owned());
    }
    let numbers = ["double", "float", "long", "int", "short", "byte", "char"];
    if !operands.iter().all(|operand| numbers.contains(&operand.as_str())) {
        return None;
    }
    ["double", "float", "long"].into_iter().find(|kind| has(kind)).or(Some("int")).map(str::to_owned)
}

/// The type of an operand that is no operator itself.
fn simple(source: &Source<'_>, node: Node<'_>) -> Option<String> {
    (!matches!(node.kind(), "parenthesized_expression" | "unary_expression")).then(|| type_of(source, node)).flatten()
}

/// The type that the declaration of a name in this file writes.
fn declared_type(source: &Source<'_>, name: Node<'_>) -> Option<String> {
    let reference = source.references(range(name)).iter().find(|r| r.at == range(name))?;
    let Resolution::Exact(symbol) = source.project.resolve(&source.path, reference) else {
        return None;
    };
    let [(path, id)] = symbol.declarations.as_slice() else { return None };
    let declaration = source.bindings.declaration(*id).filter(|_| *path == source.path)?;
    let mut node = source.node_at(declaration.at)?;
    while !matches!(
        node.kind(),
        "local_variable_declaration"
            | "field_declaration"
            | "formal_parameter"
            | "method_declaration"
            | "enhanced_for_statement"
            | "resource"
    ) {
        node = node.parent().filter(|parent| !parent.kind().ends_with("body"))?;
    }
    // Type parameters mean other types at other places, and so may types that are declared inside.
    if node.child_by_field_name("type_parameters").is_some() || node.child_by_field_name("dimensions").is_some() {
        return None;
    }
    let declarator = node.child_by_field_name("declarator");
    if declarator.is_some_and(|declarator| declarator.child_by_field_name("dimensions").is_some()) {
        return None;
    }
    Some(source.text_of(range(node.child_by_field_name("type")?)).to_owned())
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
