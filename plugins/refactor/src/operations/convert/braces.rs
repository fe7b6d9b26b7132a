//! Brackets and braces that may be there or not.

use super::site::{Draft, Site, child, field, is_comment, parts};
use super::{ConvertError, Kind, RUST, SCRIPTS};
use crate::grammar::source::{range, walk};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "remove-parentheses",
        title: "remove the parentheses",
        languages: RUST,
        applies: parentheses_at,
        rewrite: remove_parentheses,
    },
    Kind {
        name: "add-braces",
        title: "put the expression in braces",
        languages: RUST,
        applies: body_at,
        rewrite: add_braces,
    },
    Kind {
        name: "add-braces",
        title: "put the body of the arrow function in braces",
        languages: SCRIPTS,
        applies: arrow_at,
        rewrite: add_arrow_braces,
    },
    Kind {
        name: "remove-braces",
        title: "remove the braces around the body of the arrow function",
        languages: SCRIPTS,
        applies: arrow_at,
        rewrite: remove_arrow_braces,
    },
    Kind {
        name: "unwrap-block",
        title: "take the expression out of its block",
        languages: RUST,
        applies: arm_block_at,
        rewrite: unwrap_arm,
    },
];

fn parentheses_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let cursor = site.at.start == site.at.end;
    // In front of `(` and behind `)`, or on either.
    site.tokens()
        .into_iter()
        .filter(|token| match token.kind() {
            "(" => !cursor || range(*token).start == site.at.start || range(*token).end == site.at.start,
            ")" => true,
            _ => false,
        })
        .filter_map(|token| token.parent())
        .find(|parent| parent.kind() == "parenthesized_expression")
}

fn remove_parentheses(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    const NEEDED: ConvertError = ConvertError::Because("the parentheses are needed");
    let inner = parts(node).into_iter().next().ok_or(ConvertError::Broken)?;
    let parent = node.parent().ok_or(ConvertError::Broken)?;
    if !matches!(parent.kind(), "parenthesized_expression") {
        // `(a.b)(c)` calls what a field holds; without brackets it would be a method.
        let field_call = parent.kind() == "call_expression" && inner.kind() == "field_expression";
        let chained = super::conditions::has_let(node) || parent.kind() == "let_condition";
        let open = matches!(
            inner.kind(),
            "return_expression" | "break_expression" | "closure_expression" | "yield_expression"
        );
        let last = open && ends_all(node);
        if parent.kind() == "let_declaration" && field(parent, "alternative").is_some() {
            return Err(NEEDED);
        }
        if field_call || chained && parent.kind() == "let_condition" || macro_pattern(inner) {
            return Err(NEEDED);
        }
        if !last && site.source.grammar.needs_brackets(inner, node) {
            return Err(NEEDED);
        }
        if braced_start(inner) && starts_statement(node) || struct_in(inner) && in_head(node) {
            return Err(NEEDED);
        }
    }
    let mut draft = Draft::default();
    let (outer, inside) = (range(node), range(inner));
    // A word before the parenthesis must not run into the expression.
    let before = site.source.text.get(..outer.start as usize).unwrap_or_default();
    let after = site.text(inner).chars().next();
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let joins = before.chars().next_back().is_some_and(|c| word(c) || c == '=' || c == '>');
    let space = joins && after.is_some_and(|c| word(c) || c == '(');
    draft.put(TextRange::new(outer.start, inside.start), if space { " " } else { "" });
    draft.put(TextRange::new(inside.end, outer.end), "");
    if site.has_comment(outer) {
        return Err(ConvertError::Comment);
    }
    Ok(draft)
}

/// Whether nothing that is part of an expression follows, so that an expression without an end of its own may stand here.
fn ends_all(node: Node<'_>) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent() {
        let open = parent.kind().ends_with("_expression")
            && !matches!(
                parent.kind(),
                "parenthesized_expression"
                    | "tuple_expression"
                    | "array_expression"
                    | "struct_expression"
                    | "range_expression"
            );
        if parent.kind() == "range_expression" || open && parent.end_byte() != node.end_byte() {
            return false;
        }
        if !open {
            return true;
        }
        at = parent;
    }
    true
}

fn macro_pattern(inner: Node<'_>) -> bool {
    matches!(inner.kind(), "assignment_expression" | "compound_assignment_expr" | "range_expression")
}

/// Whether an expression begins with a block that would end its statement.
fn braced_start(expression: Node<'_>) -> bool {
    let mut at = expression;
    loop {
        if matches!(
            at.kind(),
            "block"
                | "if_expression"
                | "match_expression"
                | "loop_expression"
                | "while_expression"
                | "for_expression"
                | "unsafe_block"
                | "async_block"
                | "const_block"
        ) {
            return at.id() != expression.id();
        }
        match at.child(0).filter(|first| first.is_named()) {
            Some(first) => at = first,
            None => return false,
        }
    }
}

fn starts_statement(node: Node<'_>) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent() {
        if matches!(parent.kind(), "block" | "expression_statement" | "match_arm" | "source_file") {
            return true;
        }
        if parent.start_byte() != node.start_byte() {
            return false;
        }
        at = parent;
    }
    false
}

fn struct_in(expression: Node<'_>) -> bool {
    let mut found = false;
    walk(expression, |node| {
        found |= node.kind() == "struct_expression";
        !matches!(node.kind(), "block" | "arguments" | "parenthesized_expression" | "match_block")
    });
    found
}

fn in_head(node: Node<'_>) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent() {
        let head = |name: &str| field(parent, name).is_some_and(|child| child.id() == at.id());
        match parent.kind() {
            "if_expression" | "while_expression" if head("condition") => return true,
            "for_expression" | "match_expression" if head("value") => return true,
            "block" | "arguments" | "parenthesized_expression" | "function_item" => return false,
            _ => at = parent,
        }
    }
    false
}

fn body_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.owner(&["=>", "|"], &["match_arm", "closure_parameters"]).and_then(|found| match found.kind() {
        "closure_parameters" => found.parent(),
        _ => Some(found),
    })
}

fn add_braces(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let body = field(node, if node.kind() == "match_arm" { "value" } else { "body" }).ok_or(ConvertError::Broken)?;
    if body.kind() == "block" {
        return Err(ConvertError::Because("there are braces"));
    }
    let indentation = site.indentation(node);
    let unit = site.unit();
    let text = site.moved(range(body), indentation, &format!("{indentation}{unit}"));
    Ok(Draft::of(body, format!("{{\n{indentation}{unit}{text}\n{indentation}}}")))
}

fn arrow_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let kinds = ["arrow_function"];
    let found =
        site.owner(&["=>", "(", ")"], &["arrow_function", "formal_parameters"]).map(|found| match found.kind() {
            "formal_parameters" => found.parent().unwrap_or(found),
            _ => found,
        });
    let found = found.or_else(|| site.around(&kinds))?;
    let body = field(found, "body")?;
    let arrow = child(found, "=>")?;
    let in_body = range(arrow).end < site.at.start && site.at.end <= range(body).end;
    (found.kind() == "arrow_function" && !in_body).then_some(found)
}

/// The only thing that a body returns.
pub(super) fn returned<'t>(body: Node<'t>) -> Option<Node<'t>> {
    let [only] = parts(body)[..] else { return None };
    let mut cursor = body.walk();
    if body.named_children(&mut cursor).any(is_comment) {
        return None;
    }
    let [value] = parts(only)[..] else { return None };
    (only.kind() == "return_statement").then_some(value)
}

fn add_arrow_braces(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let body = field(node, "body").filter(|body| body.kind() != "statement_block");
    let body = body.ok_or(ConvertError::Because("there are braces"))?;
    let value = site.bare(body);
    let text = if value.kind() == "object" { site.text(value) } else { site.text(body) };
    let indentation = site.indentation(node);
    let unit = site.unit();
    Ok(Draft::of(body, format!("{{\n{indentation}{unit}return {text};\n{indentation}}}")))
}

fn remove_arrow_braces(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let body = field(node, "body").filter(|body| body.kind() == "statement_block");
    let body = body.ok_or(ConvertError::Because("there are no braces"))?;
    let value = returned(body).ok_or(ConvertError::Because("the body does more than to return a value"))?;
    Ok(Draft::of(body, value_text(site, value)))
}

/// An expression as the body of an arrow function.
pub(super) fn value_text(site: &Site<'_>, value: Node<'_>) -> String {
    let text = site.text(value);
    let first = text.starts_with('{');
    if first || value.kind() == "sequence_expression" { format!("({text})") } else { text.to_owned() }
}

fn arm_block_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.owner(&["{"], &["block"]).filter(|block| block.parent().is_some_and(|arm| arm.kind() == "match_arm"))
}

fn unwrap_arm(site: &Site<'_>, block: Node<'_>) -> Result<Draft, ConvertError> {
    let [only] = parts(block)[..] else {
        return Err(ConvertError::Because("there is more than one expression in the block"));
    };
    let statement = matches!(only.kind(), "let_declaration" | "empty_statement") || only.kind().ends_with("_item");
    if statement || site.text(only).ends_with(';') {
        return Err(ConvertError::Because("there is a statement in the block"));
    }
    let expression = if only.kind() == "expression_statement" { parts(only).pop().unwrap_or(only) } else { only };
    let braced = expression.child_count() > 0
        && site.text(expression).ends_with('}')
        && expression.kind() != "struct_expression"
        && expression.kind() != "macro_invocation";
    let arm = block.parent().ok_or(ConvertError::Broken)?;
    if braced_start(expression) {
        return Err(ConvertError::Because("the expression begins with a block, which would end the arm"));
    }
    let comma = site.text(arm).ends_with(',') || braced;
    let (from, to) = (site.indentation(only).to_owned(), site.indentation(arm).to_owned());
    let text = site.moved(range(only), &from, &to);
    Ok(Draft::of(block, if comma { text } else { format!("{text},") }))
}
