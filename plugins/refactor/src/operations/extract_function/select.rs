//! What a selection means: whole statements of one block, or an expression.

use super::{ExtractError, Selected};
use crate::grammar::Step;
use crate::grammar::source::{Source, holds, range};
use crate::operations::extract_variable::selected;
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// Whole statements of one block, or an expression.
pub(super) fn select<'s>(source: &'s Source<'_>, selection: TextRange) -> Result<Selected<'s>, ExtractError> {
    let at = source.trimmed(selection);
    if selection.start == selection.end {
        return expression(source, selection);
    }
    if at.start == at.end {
        return Err(ExtractError::Partial);
    }
    let code = source.without_comments(at);
    let mut node = source.node_at(code).ok_or(ExtractError::Partial)?;
    // The block that holds all of it.
    while !source.grammar.blocks.contains(&node.kind()) {
        match node.parent() {
            Some(parent) if range(node) == code || !source.grammar.is_statement(node) => node = parent,
            _ => break,
        }
    }
    let mut cursor = node.walk();
    let inside: Vec<Node<'_>> = if source.grammar.blocks.contains(&node.kind()) {
        let overlaps = |child: &Node<'_>| range(*child).start < code.end && range(*child).end > code.start;
        node.named_children(&mut cursor).filter(|child| !child.is_extra() && overlaps(child)).collect()
    } else {
        Vec::new()
    };
    if let (Some(first), Some(last)) = (inside.first(), inside.last()) {
        let whole = range(*first).start == code.start && ends(source, *last, code.end);
        let string = inside.len() == 1 && first.named_child(0).is_some_and(|c| c.kind() == "string");
        let string = string && source.grammar.line_ends;
        let tail = inside.len() == 1 && source.grammar.expressions.contains(&first.kind());
        if whole && !string && !tail && source.grammar.is_statement(*first) {
            if !source.around(*first, source.tree.root_node(), &["ERROR"]).is_empty() {
                return Err(ExtractError::Place("the code around it does not parse"));
            }
            return Ok(Selected { first: *first, last: *last, at, is_expression: false });
        }
    }
    if let Some(node) = source.node_at(code).filter(|node| range(*node) == code && BLOCKS.contains(&node.kind())) {
        let value = node.parent().is_some_and(|up| {
            !matches!(up.kind(), "function_item" | "expression_statement" | "if_expression" | "else_clause")
        });
        if source.language == deepcoder_syntax::Language::Rust && value {
            return Ok(Selected { first: node, last: node, at, is_expression: true });
        }
    }
    let mut found = expression(source, code)?;
    found.at = if source.grammar.line_ends { found.at } else { at };
    Ok(found)
}

/// Expressions of Rust that are statements in other languages.
const BLOCKS: &[&str] = &[
    "block",
    "if_expression",
    "match_expression",
    "loop_expression",
    "unsafe_block",
    "for_expression",
    "while_expression",
];

/// Whether a statement ends at an offset, its semicolon apart.
fn ends(source: &Source<'_>, last: Node<'_>, end: u32) -> bool {
    let own = range(last);
    own.end == end || own.end < end && source.text_of(TextRange::new(own.end, end)).trim() == ";"
}

/// One expression.
fn expression<'s>(source: &'s Source<'_>, selection: TextRange) -> Result<Selected<'s>, ExtractError> {
    let expression = selected(source, selection).map_err(|_| ExtractError::Partial)?;
    let at = range(expression);
    if source.language != deepcoder_syntax::Language::Python {
        let root = source.tree.root_node();
        if let Step::Never(why) | Step::Nowhere(why) = source.steps_of_function(expression, root) {
            return Err(ExtractError::Place(why));
        }
        return Ok(Selected { first: expression, last: expression, at, is_expression: true });
    }
    let statement = source.statement(expression).ok_or(ExtractError::Partial)?;
    if let Step::Never(why) | Step::Nowhere(why) = source.steps(expression, statement) {
        return Err(ExtractError::Place(why));
    }
    if super::python::around(expression).is_none_or(|function| !holds(range(function), range(statement))) {
        // Beside the statement, which must not be in a class.
        if !source.around(expression, source.tree.root_node(), &["class_definition"]).is_empty() {
            return Err(ExtractError::Place("it is a part of a class and of no method"));
        }
    }
    Ok(Selected { first: expression, last: expression, at, is_expression: true })
}
