//! One call becomes the body of its function.

use super::InlineError;
use super::call::Call;
use super::callee::Callee;
use super::parts::Plan;
use super::plan::{end_of, glued, plan};
use crate::Changes;
use crate::carried::{Moved, Moves};
use crate::effects::Reads;
use crate::grammar::paths::Paths;
use crate::grammar::source::{Source, holds, range};
use crate::grammar::{Step, is_field};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// Puts the body of a function in the place of a call.
pub(super) fn put(
    source: &Source<'_>,
    paths: &'static Paths,
    callee: &Callee<'_>,
    call: &Call<'_>,
    edits: &mut Moves,
    changes: &mut Changes,
) -> Result<(), InlineError> {
    let rust = source.language == Language::Rust;
    let holder = holder(source, call.node);
    let block = block_of(call.node, holder);
    let plan = plan(source, paths, callee, call, block, changes)?;
    let Plan { declared, mut replaced } = plan;
    replaced.sort_by_key(|(at, _)| (at.start, at.end));
    let whole = holder.filter(|holder| {
        holder.kind() == "expression_statement" && holder.named_child(0).is_some_and(|c| c.id() == call.node.id())
    });
    let (spot, wrapped) = hugged(source, whole.unwrap_or(call.node), call.node);
    if wrapped {
        changes.doubt(&source.path, spot, "the comments around the call go with it");
    }
    let mut lines: Vec<Moved> = declared;
    if rust {
        return put_block(source, callee, call, (lines, &replaced), edits);
    }
    let base = holder.map_or(spot.start, |holder| range(holder).start);
    let indent = source.indentation(base).to_owned();
    let braces = |holder: Node<'_>| !source.grammar.is_statement(holder) && source.grammar.empty.is_none();
    let returned = holder.filter(|holder| {
        paths.returns.contains(&holder.kind())
            && call.node.parent().is_some_and(|up| up.id() == holder.id() || up.kind() == "expression_list")
    });
    if let Some(body) = callee.body() {
        let mut text = Moved::default();
        let mut all = replaced.clone();
        all.retain(|(at, _)| holds(body, *at));
        let bare = holder.is_some_and(braces);
        text.lines(source, body, &if bare { format!("{indent}    ") } else { indent.clone() }, &all);
        lines.push(text);
    }
    if callee.returns {
        let Some(holder) =
            returned.filter(|_| callee.value.is_none() || callee.node.child_by_field_name("body").is_some())
        else {
            return Err(InlineError::Returns(callee.name.clone()));
        };
        if let Some(value) = callee.value {
            let mut last = Moved::new("return ");
            last.expression_with(source, range(value), false, &replaced);
            last.push(end_of(source));
            lines.push(last);
        }
        edits.put(range(holder), joined(lines, &indent));
        return Ok(());
    }
    if let Some(holder) = whole {
        if let Some(value) = callee.value {
            let effects = source.value(value).reads == Reads::Effects;
            let statement = matches!(
                value.kind(),
                "method_invocation"
                    | "call_expression"
                    | "call"
                    | "assignment_expression"
                    | "update_expression"
                    | "object_creation_expression"
                    | "await_expression"
            );
            if effects && statement {
                let mut last = Moved::default();
                last.expression_with(source, range(value), false, &replaced);
                last.push(end_of(source));
                lines.push(last);
            } else if effects {
                changes.doubt(&source.path, spot, "the value is not computed any more");
            }
        }
        let bare = braces(holder);
        match lines.len() {
            0 if bare => edits.write(spot, ";"),
            0 => {
                let (gone, rest) = gone(source, spot);
                edits.write(gone, rest);
            }
            count => {
                // An `else` would belong to a choice in the body.
                let parent = holder.parent();
                let dangling = parent.is_some_and(|up| up.child_by_field_name("alternative").is_some())
                    && callee.statements.iter().any(|statement| statement.kind() != "expression_statement");
                let several = count > 1 || callee.statements.len() > 1 || dangling;
                let text = if bare && several {
                    let mut text = Moved::new("{\n");
                    let deeper = format!("{indent}    ");
                    text.push(&deeper);
                    text.append(joined(lines, &deeper));
                    text.push(&format!("\n{indent}}}"));
                    text
                } else {
                    joined(lines, &indent)
                };
                edits.put(spot, text);
            }
        }
        return Ok(());
    }
    // The value in the place of the call.
    let mut text = Moved::default();
    match callee.value {
        Some(value) => {
            let brackets = source.grammar.needs_brackets(value, call.node) || glued(value, call.node);
            text.expression_with(source, range(value), brackets, &replaced);
            typed(source, callee, call, value, changes);
        }
        None if source.language == Language::Python => text.push("None"),
        None => return Err(InlineError::NoValue(callee.name.clone())),
    }
    if !lines.is_empty() {
        let holder = holder.ok_or(InlineError::NoStatement)?;
        if source.steps(call.node, holder) != Step::Once
            || paths.lambdas.contains(&call.node.parent().map_or("", |up| up.kind()))
        {
            return Err(InlineError::NoStatement);
        }
        let before = TextRange::new(range(holder).start, range(call.node).start);
        if source.acts(holder, before, Some(range(call.node))) {
            changes.doubt(
                &source.path,
                range(call.node),
                "the body runs before calls that come first in the statement",
            );
        }
        let start = range(holder).start;
        if braces(holder) {
            let mut inner = Moved::new("{\n");
            let deeper = format!("{indent}    ");
            inner.push(&deeper);
            inner.append(joined(lines, &deeper));
            inner.push(&format!("\n{deeper}"));
            edits.put(TextRange::new(start, start), inner);
            let end = range(holder).end;
            edits.write(TextRange::new(end, end), format!("\n{indent}}}"));
        } else {
            let mut before = joined(lines, &indent);
            before.push(&format!("\n{indent}"));
            edits.put(TextRange::new(start, start), before);
        }
    }
    edits.put(spot, text);
    Ok(())
}

/// Rust has blocks that are values: the body stays one.
fn put_block(
    source: &Source<'_>,
    callee: &Callee<'_>,
    call: &Call<'_>,
    (declared, replaced): (Vec<Moved>, &[(TextRange, Moved)]),
    edits: &mut Moves,
) -> Result<(), InlineError> {
    let at = range(call.node);
    if callee.returns {
        return Err(InlineError::Returns(callee.name.clone()));
    }
    let indent = source.indentation(at.start).to_owned();
    let deeper = format!("{indent}    ");
    if let (true, true, Some(value)) = (declared.is_empty(), callee.statements.is_empty(), callee.value) {
        let mut text = Moved::default();
        text.expression_with(source, range(value), source.grammar.needs_brackets(value, call.node), replaced);
        edits.put(at, text);
        return Ok(());
    }
    let mut lines = declared;
    if let Some(body) = callee.body() {
        let mut text = Moved::default();
        text.lines(source, body, &deeper, replaced);
        lines.push(text);
    }
    if let Some(value) = callee.value {
        let mut text = Moved::default();
        text.lines(source, range(value), &deeper, replaced);
        lines.push(text);
    }
    let operand = call.node.parent().is_some_and(|up| {
        matches!(
            up.kind(),
            "binary_expression" | "field_expression" | "try_expression" | "await_expression" | "index_expression"
        )
    });
    let mut text = Moved::new(if operand { "({\n" } else { "{\n" });
    text.push(&deeper);
    text.append(joined(lines, &deeper));
    text.push(&format!("\n{indent}}}"));
    if operand {
        text.push(")");
    }
    // A block at the end of a function that gives nothing is a statement.
    edits.put(at, text);
    Ok(())
}

fn joined(lines: Vec<Moved>, indent: &str) -> Moved {
    let mut out = Moved::default();
    for (index, line) in lines.into_iter().enumerate() {
        if index > 0 {
            out.push(&format!("\n{indent}"));
        }
        out.append(line);
    }
    out
}

/// The statement that holds a call: one of a block, or the body of a loop or a choice without braces.
fn holder<'t>(source: &Source<'_>, call: Node<'t>) -> Option<Node<'t>> {
    let mut at = call;
    loop {
        let parent = at.parent()?;
        if source.grammar.is_statement(at) {
            return Some(at);
        }
        let kind = at.kind();
        let bare = kind.ends_with("_statement") || kind.ends_with("_declaration");
        let body = ["body", "consequence", "alternative"].iter().any(|field| is_field(parent, at, field))
            || parent.kind() == "else_clause"
            || parent.kind() == "labeled_statement";
        if bare && body {
            return Some(at);
        }
        if source.grammar.functions.contains(&kind) || kind.ends_with("body") {
            return None;
        }
        at = parent;
    }
}

/// The text in which a name that is declared at a call is visible.
fn block_of(call: Node<'_>, holder: Option<Node<'_>>) -> TextRange {
    holder.and_then(|holder| holder.parent()).map_or(range(call), range)
}

/// The statement or the call, with the comments between which it stands directly.
fn hugged(source: &Source<'_>, statement: Node<'_>, call: Node<'_>) -> (TextRange, bool) {
    let at = range(statement);
    for at in [at, range(call)] {
        let before = source.text_of(TextRange::new(0, at.start));
        let after = source.text.get(at.end as usize..).unwrap_or_default();
        let after_statement = after.strip_prefix(';').unwrap_or(after);
        let length = |text: &str| u32::try_from(text.len()).unwrap_or(0);
        // The second comment may stand before the semicolon.
        let inner = source.text_of(at).strip_suffix(';').is_some_and(|text| text.trim_end().ends_with("*/"));
        if before.ends_with("*/") && inner {
            let open = before.rfind("/*").map_or(at.start, |open| u32::try_from(open).unwrap_or(at.start));
            return (TextRange::new(open, at.end), true);
        }
        if before.ends_with("*/") && after_statement.starts_with("/*") && at == range(statement) {
            let open = before.rfind("/*").map_or(at.start, |open| u32::try_from(open).unwrap_or(at.start));
            let skipped = length(after) - length(after_statement);
            let close = after_statement
                .find("*/")
                .map_or(at.end, |close| at.end + skipped + u32::try_from(close + 2).unwrap_or(0));
            if skipped == 0 {
                return (TextRange::new(open, close), true);
            }
        }
    }
    (at, false)
}

/// A statement without anything left of it, with its line.
fn gone(source: &Source<'_>, at: TextRange) -> (TextRange, String) {
    let end = source.line_end(at.end);
    let rest = source.text_of(TextRange::new(at.end, end));
    if source.begins_line(at.start) && rest.trim().is_empty() {
        return (
            TextRange::new(source.line_start(at.start), end),
            source.grammar.empty.map(|_| String::new()).unwrap_or_default(),
        );
    }
    (at, String::new())
}

/// A doubt where the function gave its value another type than the value has itself.
fn typed(source: &Source<'_>, callee: &Callee<'_>, call: &Call<'_>, value: Node<'_>, changes: &mut Changes) {
    if source.language != Language::Java {
        return;
    }
    let declared = callee.node.child_by_field_name("type").map(|kind| source.text_of(range(kind)).to_owned());
    let known = crate::grammar::java::type_of(source, value);
    let safe = call
        .node
        .parent()
        .is_some_and(|up| matches!(up.kind(), "variable_declarator" | "assignment_expression" | "return_statement"));
    let variable = call.node.parent().filter(|up| up.kind() == "variable_declarator").and_then(|up| up.parent());
    let inferred =
        variable.and_then(|up| up.child_by_field_name("type")).is_some_and(|kind| source.text_of(range(kind)) == "var");
    if inferred {
        changes.doubt(&source.path, range(call.node), "the variable has the type of the value");
    }
    if known != declared && !(safe && known.is_some()) {
        changes.doubt(&source.path, range(call.node), "the function gave the value a type that it may not have itself");
    }
}
