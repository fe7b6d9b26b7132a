//! `then` of a truth value, and the brackets of macros.

use super::site::{Draft, Site, child, field, parts};
use super::{ConvertError, Kind, RUST};
use crate::grammar::source::{range, walk};
use deepcoder_syntax::Node;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "if-to-bool-then",
        title: "make `then` of the `if`",
        languages: RUST,
        applies: if_at,
        rewrite: to_then,
    },
    Kind {
        name: "bool-then-to-if",
        title: "make an `if` of `then`",
        languages: RUST,
        applies: then_at,
        rewrite: to_if,
    },
    Kind {
        name: "macro-brackets",
        title: "give the macro other brackets",
        languages: RUST,
        applies: brackets_at,
        rewrite: other_brackets,
    },
];

fn if_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.owner(&["if"], &["if_expression"])
}

/// The only expression of a block.
fn only(block: Node<'_>) -> Option<Node<'_>> {
    let [one] = parts(block)[..] else { return None };
    (one.kind() != "expression_statement" && one.kind() != "let_declaration").then_some(one)
}

fn to_then(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    const FORM: ConvertError = ConvertError::Because("the branches are not `Some(…)` and `None`");
    if node.parent().is_some_and(|parent| parent.kind() == "else_clause") {
        return Err(ConvertError::Because("it is a part of a longer chain"));
    }
    let condition = field(node, "condition").ok_or(ConvertError::Broken)?;
    if super::conditions::has_let(condition) {
        return Err(ConvertError::Because("a pattern is no truth value"));
    }
    let then = field(node, "consequence").and_then(only).ok_or(FORM)?;
    let other = field(node, "alternative").and_then(|clause| parts(clause).into_iter().next());
    let other = other.filter(|other| other.kind() == "block").and_then(only).ok_or(FORM)?;
    let some = |value: Node<'_>| {
        let arguments = field(value, "arguments").filter(|_| value.kind() == "call_expression")?;
        let called = field(value, "function").is_some_and(|function| site.text(function) == "Some");
        let inner = parts(arguments).into_iter().next()?;
        called.then(|| (site.text(inner).to_owned(), range(inner)))
    };
    let mut doubts = Vec::new();
    let (test, value) = match (some(then), some(other)) {
        (Some((value, _)), None) if site.text(other) == "None" => {
            (Site::wrapped(site.text(condition), site.strength(condition), super::logic::Strength::Operand), value)
        }
        (None, Some((value, _))) if site.text(then) == "None" => {
            let opposite = site.opposite(condition, false, &mut doubts);
            let negated = opposite.text.starts_with('!') || opposite.strength < super::logic::Strength::Operand;
            (if negated { format!("({})", opposite.text) } else { opposite.text }, value)
        }
        _ => return Err(FORM),
    };
    let mut leaves = false;
    walk(node, |at| {
        leaves |= matches!(
            at.kind(),
            "return_expression" | "break_expression" | "continue_expression" | "try_expression" | "await_expression"
        );
        true
    });
    if leaves {
        return Err(ConvertError::Because("a branch leaves the code around it"));
    }
    let draft = Draft::of(node, format!("{test}.then(|| {value})")).with(doubts);
    Ok(draft.doubted(node, "the value becomes a closure, which borrows what it uses"))
}

fn then_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let name = site.token(&["field_identifier"]).filter(|name| site.text(*name) == "then")?;
    name.parent()?.parent().filter(|call| call.kind() == "call_expression")
}

fn to_if(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let function = field(node, "function").ok_or(ConvertError::Broken)?;
    let value = field(function, "value").ok_or(ConvertError::Broken)?;
    let arguments = field(node, "arguments").map(parts).unwrap_or_default();
    let [closure] = arguments[..] else { return Err(ConvertError::Because("there is no one closure")) };
    let body = field(closure, "body").filter(|_| closure.kind() == "closure_expression");
    let body = body.ok_or(ConvertError::Because("there is no one closure"))?;
    let mut inner = body;
    if body.kind() == "block" {
        inner = only(body).ok_or(ConvertError::Because("the closure does more than to give a value"))?;
    }
    let branches = matches!(
        inner.kind(),
        "loop_expression"
            | "if_expression"
            | "match_expression"
            | "block"
            | "expression_statement"
            | "return_expression"
    );
    if branches {
        return Err(ConvertError::Because("the closure gives its value in several places"));
    }
    let indentation = site.indentation(node);
    let deeper = format!("{indentation}{}", site.unit());
    let bare = site.bare(value);
    let text = format!(
        "if {} {{\n{deeper}Some({})\n{indentation}}} else {{\n{deeper}None\n{indentation}}}",
        site.text(bare),
        site.text(inner)
    );
    let inside = node.parent().is_some_and(|parent| {
        matches!(parent.kind(), "field_expression" | "binary_expression" | "try_expression" | "unary_expression")
    });
    let draft = Draft::of(node, if inside { format!("({text})") } else { text });
    Ok(draft.doubted(value, "only the name says that the value is a `bool`"))
}

fn brackets_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let tree = site.owner(&["(", ")", "[", "]", "{", "}"], &["token_tree"])?;
    tree.parent().filter(|parent| parent.kind() == "macro_invocation")
}

fn other_brackets(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let tree = child(node, "token_tree").ok_or(ConvertError::Broken)?;
    let text = site.text(tree);
    let inside = text.get(1..text.len().saturating_sub(1)).ok_or(ConvertError::Broken)?;
    let (open, close) = match text.chars().next() {
        Some('(') => ("{", "}"),
        Some('{') => ("[", "]"),
        _ => ("(", ")"),
    };
    let at = range(node);
    let statement = node.parent().filter(|parent| parent.kind() == "expression_statement");
    let around = statement.unwrap_or(node);
    let next = site.source.text.get(at.end as usize..).unwrap_or_default();
    let item = around.parent().is_some_and(|parent| matches!(parent.kind(), "source_file" | "declaration_list"));
    let mut draft = Draft::default();
    let semicolon = next.trim_start().starts_with(';');
    let last = around.next_named_sibling().is_none();
    let place = around.parent().is_some_and(|parent| parent.kind() == "block");
    match open {
        // Braces end a statement, other brackets need a semicolon.
        "[" if !semicolon && (item || place && !last) => draft.put(range(tree), format!("{open}{inside}{close};")),
        "{" if semicolon && item => {
            let end = at.end + u32::try_from(next.len() - next.trim_start().len() + 1).unwrap_or(1);
            draft.put(deepcoder_types::TextRange::new(range(tree).start, end), format!("{open}{inside}{close}"));
        }
        _ => draft.replace(tree, format!("{open}{inside}{close}")),
    }
    if place && last && !semicolon && open == "{" {
        return Err(ConvertError::Because("braces would make a statement of the value"));
    }
    Ok(draft.doubted(node, "a statement that begins with a macro in braces ends there"))
}
