//! What the body of a function says of its results and its errors.

use super::{Gives, Signature, said};
use deepcoder_syntax::{Language, Node};

/// The body of a function.
pub(super) fn node(language: Language, node: Node<'_>) -> Option<Node<'_>> {
    let mut holder = node;
    if language.is_c() {
        while holder.kind().ends_with("declarator") {
            holder = holder.parent()?;
        }
    }
    holder.child_by_field_name("body")
}

pub(super) fn read(language: Language, text: &str, function: Node<'_>, signature: &mut Signature) {
    if language == Language::Java {
        let mut cursor = function.walk();
        for child in function.children(&mut cursor).filter(|child| child.kind() == "throws") {
            let mut inner = child.walk();
            signature.raises.extend(child.named_children(&mut inner).map(|name| last(&said(text, name))));
        }
    }
    let Some(body) = node(language, function) else { return };
    let block = matches!(body.kind(), "block" | "statement_block" | "compound_statement" | "constructor_body");
    if !block {
        // An arrow function with an expression.
        signature.has_code = true;
        signature.may_raise_more = true;
        if signature.gives == Gives::Unknown {
            signature.gives = Gives::Something;
        }
        return;
    }
    let found = walk(text, body, signature);
    signature.has_code = !is_stub(text, body);
    if signature.gives == Gives::Unknown {
        signature.gives = match (found.returns || signature.yields, signature.has_code) {
            (true, _) => Gives::Something,
            // An empty body, or one that only raises, is for others to fill.
            (false, true) => Gives::Nothing,
            (false, false) => Gives::Unknown,
        };
    }
}

struct Found {
    returns: bool,
}

fn walk(text: &str, body: Node<'_>, signature: &mut Signature) -> Found {
    let mut found = Found { returns: false };
    let mut cursor = body.walk();
    loop {
        let node = cursor.node();
        let own = match node.kind() {
            // Functions and classes inside speak for themselves.
            "function_definition"
            | "class_definition"
            | "lambda"
            | "function_declaration"
            | "function_expression"
            | "arrow_function"
            | "generator_function"
            | "generator_function_declaration"
            | "method_definition"
            | "class_declaration"
            | "closure_expression"
            | "function_item"
            | "func_literal"
            | "lambda_expression"
            | "class_body" => false,
            "return_statement" => {
                found.returns |= node.named_child(0).is_some_and(|value| !value.kind().ends_with("comment"));
                true
            }
            "yield" | "yield_expression" => {
                signature.yields = true;
                true
            }
            "raise_statement" | "throw_statement" => {
                raised(text, node, signature);
                // What is called there makes the error.
                false
            }
            "call"
            | "call_expression"
            | "method_invocation"
            | "new_expression"
            | "object_creation_expression"
            | "await_expression"
            | "await"
            | "with_statement"
            | "for_statement"
            | "for_in_statement" => {
                signature.may_raise_more = true;
                true
            }
            _ => true,
        };
        if own && cursor.goto_first_child() {
            continue;
        }
        loop {
            if cursor.node() == body {
                return found;
            }
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}

/// The name of the error that a statement raises.
fn raised(text: &str, node: Node<'_>, signature: &mut Signature) {
    let Some(mut value) = node.named_child(0) else {
        // Raises again what it caught.
        signature.may_raise_more = true;
        return;
    };
    for _ in 0..4 {
        let inner = ["function", "constructor", "type"].iter().find_map(|field| value.child_by_field_name(field));
        match inner {
            Some(inner) => value = inner,
            None => break,
        }
    }
    let name = last(&said(text, value));
    let names_a_type = name.starts_with(char::is_uppercase) && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !names_a_type {
        signature.may_raise_more = true;
    } else if !signature.raises.contains(&name) {
        signature.raises.push(name);
    }
}

/// The last part of a dotted name.
fn last(name: &str) -> String {
    let name = name.split(['<', '(']).next().unwrap_or_default();
    name.rsplit(['.', ':']).next().unwrap_or_default().trim().to_owned()
}

/// Whether a body only holds a place: nothing but its documentation, `pass`, `...`, or one error that says so.
fn is_stub(text: &str, body: Node<'_>) -> bool {
    let mut cursor = body.walk();
    body.named_children(&mut cursor).all(|statement| {
        let words = said(text, statement);
        statement.kind().ends_with("comment")
            || statement.kind() == "pass_statement"
            || (statement.kind() == "expression_statement"
                && statement.named_child(0).is_some_and(|c| matches!(c.kind(), "string" | "ellipsis")))
            || (statement.kind() == "raise_statement" && words.contains("NotImplemented"))
            || (statement.kind() == "throw_statement")
    })
}
