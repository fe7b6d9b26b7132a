//! The expression that a selection means.

use super::ExtractError;
use crate::grammar::Step;
use crate::grammar::source::{Source, range};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// Statements and jumps that stand for the expression in them.
const AROUND: &[&str] = &["expression_statement", "return_expression", "break_expression"];

/// The expression that a selection covers, or the one around a cursor.
pub(crate) fn selected<'s>(source: &'s Source<'_>, selection: TextRange) -> Result<Node<'s>, ExtractError> {
    let grammar = source.grammar;
    let cursor = selection.start == selection.end;
    let mut at = source.trimmed(selection);
    if !cursor && source.language != Language::Python {
        at = source.without_comments(at);
        let text = source.text_of(at);
        let end = text.trim_end_matches([',', ';']).trim_end();
        if !grammar.line_ends && !end.is_empty() {
            at.end = at.start + u32::try_from(end.len()).unwrap_or(0);
        }
    }
    let node = source.node_at(at).ok_or(ExtractError::NoExpression)?;
    if cursor {
        return match around(source, node) {
            Ok(found) if found.kind() != "block" || grammar.line_ends => Ok(found),
            Err(error) if grammar.line_ends => Err(error),
            found => before(source, node, at.start).map_or(found, Ok),
        };
    }
    if at.start == at.end {
        return Err(ExtractError::NoExpression);
    }
    let mut node = node;
    if range(node) != at && AROUND.contains(&node.kind()) && range(node).start == at.start && !grammar.line_ends {
        // Without its semicolon.
        node = node.named_child(0).filter(|inner| range(*inner) == at).unwrap_or(node);
    }
    if range(node) != at {
        return Err(ExtractError::Cut);
    }
    if !grammar.line_ends {
        while let Some(inner) = node.named_child(0).filter(|_| AROUND.contains(&node.kind())) {
            node = inner;
        }
        if range(node) != at && grammar.expressions.contains(&node.kind()) {
            return Ok(node);
        }
    }
    // Of the nodes with this text the outermost expression.
    let mut best = grammar.expressions.contains(&node.kind()).then_some(node);
    while let Some(parent) = node.parent().filter(|parent| range(*parent) == at) {
        node = parent;
        if grammar.expressions.contains(&node.kind()) {
            best = Some(node);
        }
    }
    best.ok_or(if grammar.is_statement(node) { ExtractError::Statement } else { ExtractError::NoExpression })
}

/// The expression around a cursor.
fn around<'s>(source: &Source<'_>, cursor: Node<'s>) -> Result<Node<'s>, ExtractError> {
    let grammar = source.grammar;
    let mut node = cursor;
    while !grammar.expressions.contains(&node.kind()) {
        if grammar.is_statement(node) {
            return Err(ExtractError::NoExpression);
        }
        node = node.parent().ok_or(ExtractError::NoExpression)?;
    }
    // As far as it is one computation: not the list or the call that it is an argument of.
    while let Some(parent) = node.parent() {
        let part = (grammar.step)(parent, node);
        let name = matches!(part, Step::Never(_)) && parent.kind() == "attribute";
        let whole = grammar.bracketed.contains(&parent.kind()) || parent.kind() == "expression_list";
        if !grammar.expressions.contains(&parent.kind()) || whole || (matches!(part, Step::Never(_)) && !name) {
            break;
        }
        node = parent;
    }
    Ok(node)
}

/// The expression that ends right before a cursor, perhaps with a semicolon.
fn before<'s>(source: &Source<'_>, node: Node<'s>, cursor: u32) -> Option<Node<'s>> {
    let mut at = node;
    loop {
        let mut walker = at.walk();
        let found = at.named_children(&mut walker).find(|child| range(*child).end == cursor)?;
        at = found;
        if source.grammar.expressions.contains(&at.kind()) {
            return Some(at);
        }
        if AROUND.contains(&at.kind()) {
            return at.named_child(0).filter(|inner| source.grammar.expressions.contains(&inner.kind()));
        }
    }
}
