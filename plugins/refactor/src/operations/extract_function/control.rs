//! How the selection ends: what it returns, where it jumps to, and what of it belongs to the function around it.

use super::{ExtractError, Selected};
use crate::grammar::paths::Paths;
use crate::grammar::source::{Source, holds, range, walk};
use crate::paths::{completes, direct, function_around, is_tail, target};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// The ends of the selected code.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Its own `return` statements.
    pub(super) returns: Vec<TextRange>,
    /// Whether they give a value.
    pub(super) valued: bool,
    /// Whether code after it may run once it has.
    pub(super) completes: bool,
    /// Whether nothing follows it in the function.
    pub(super) tail: bool,
    /// Jumps that are returns of the new function.
    pub(super) continues: Vec<TextRange>,
    /// Whether it returns an error of something that it calls (`?`).
    pub(super) tried: bool,
    /// Whether it waits for something (`await`).
    pub(super) awaits: bool,
    /// Whether it names the value that a method was called on.
    pub(super) this: bool,
}

/// The ends of the selection; refuses what it cannot take along.
pub(super) fn control(
    source: &Source<'_>,
    paths: &Paths,
    selection: &Selected<'_>,
    home: Node<'_>,
) -> Result<Control, ExtractError> {
    let at = selection.at;
    let mut control = Control::default();
    let mut error = None;
    let mut outward: Vec<Node<'_>> = Vec::new();
    let lambda = |node: Node<'_>| source.language == Language::JavaScript && node.kind() == "arrow_function";
    walk(home, |node| {
        let here = range(node);
        if error.is_some() || here.end <= at.start || here.start >= at.end {
            return false;
        }
        if !holds(at, here) {
            return true;
        }
        let kind = node.kind();
        let own = direct(paths, node, at);
        match kind {
            _ if own && paths.returns.contains(&kind) && !is_value(selection, node) => {
                control.valued |= node.named_child_count() > 0;
                control.returns.push(here);
            }
            _ if own && (paths.breaks.contains(&kind) || paths.continues.contains(&kind)) => {
                if leaves(source, paths, node, at) {
                    outward.push(node);
                }
            }
            "await_expression" if own => control.awaits = true,
            "this" | "self" => control.this |= own || !lambda(node),
            "goto_statement" if own => {
                let label = node.named_child(0).map(|label| source.text_of(range(label)));
                let inside = label.is_some_and(|label| source.text_of(at).contains(&format!("{label}:")));
                if !inside {
                    error = Some(ExtractError::Leaves);
                }
            }
            _ if kind.starts_with("import_") || kind.starts_with("export_") && source.language != Language::Go => {
                error = Some(ExtractError::Bound("an import or export"));
            }
            "ERROR" => error = Some(ExtractError::Place("the code around it does not parse")),
            "super" if source.language != Language::Rust => error = Some(ExtractError::Bound("super")),
            "try_expression" if own => control.tried = true,
            "identifier" if source.text_of(here) == "arguments" && source.language == Language::JavaScript => {
                error = Some(ExtractError::Bound("arguments"));
            }
            _ => {
                if let Some((_, word)) = paths.bound.iter().find(|(of, _)| *of == kind && own) {
                    error = Some(ExtractError::Bound(word));
                }
            }
        }
        true
    });
    if let Some(error) = error {
        return Err(error);
    }
    // A bare `return` has nothing to take along.
    if control.returns.len() == 1 && !control.valued && control.returns.first() == Some(&range(selection.first)) {
        return Err(ExtractError::Returns);
    }
    let body = function_around(paths, selection.first).unwrap_or(home);
    control.tail = is_tail(source, paths, selection.last, body);
    control.completes = selection.is_expression || between(selection).all(|node| completes(source, paths, node, 0));
    let loops = source.around(selection.first, home, source.grammar.loops);
    for jump in &outward {
        let labelled = jump.named_child(0).map(|label| source.text_of(range(label)).to_owned());
        let to = match &labelled {
            None => target(source, paths, *jump),
            Some(label) => loops.iter().copied().find(|to| {
                to.parent().is_some_and(|up| {
                    paths.labelled.contains(&up.kind()) && source.text_of(range(up)).starts_with(label.as_str())
                })
            }),
        };
        let innermost = loops.first().map(|first| first.id());
        let again = paths.continues.contains(&jump.kind())
            && matches!(source.language, Language::Java | Language::JavaScript | Language::TypeScript | Language::Tsx)
            && control.returns.is_empty()
            && to.is_some_and(|to| Some(to.id()) == innermost && last_of(source, paths, selection.last, to));
        if !again {
            return Err(ExtractError::Leaves);
        }
        control.continues.push(range(*jump));
    }
    let refused = control.tried
        && !selection.is_expression
        && control.returns.iter().all(|at| {
            let text = source.text_of(*at).trim_start_matches("return").trim();
            text == "None" || text.starts_with("Err(")
        });
    if refused {
        return Ok(control);
    }
    if !control.returns.is_empty() && control.completes && (control.valued || !control.tail) {
        return Err(ExtractError::Returns);
    }
    if !control.returns.is_empty() && !control.completes && !control.valued && !control.tail {
        return Err(ExtractError::Returns);
    }
    Ok(control)
}

/// The selected statements.
pub(super) fn between<'t>(selection: &Selected<'t>) -> impl Iterator<Item = Node<'t>> {
    let end = selection.last.end_byte();
    std::iter::successors(Some(selection.first), |node| node.next_named_sibling())
        .take_while(move |node| node.start_byte() < end)
        .filter(|node| !node.is_extra())
}

/// Whether a `return` is the selected expression itself.
fn is_value(selection: &Selected<'_>, node: Node<'_>) -> bool {
    selection.is_expression && node.id() == selection.first.id()
}

/// Whether a jump goes out of the selection.
fn leaves(source: &Source<'_>, paths: &Paths, jump: Node<'_>, at: TextRange) -> bool {
    let label =
        jump.named_child(0).filter(|label| label.kind().contains("identifier") || label.kind().contains("label"));
    match label {
        None => target(source, paths, jump).is_none_or(|to| !holds(at, range(to))),
        Some(label) => {
            let name = source.text_of(range(label));
            let mut up = jump.parent();
            while let Some(node) = up.filter(|node| holds(at, range(*node))) {
                if source.text_of(range(node)).starts_with(name) {
                    return false;
                }
                up = node.parent();
            }
            true
        }
    }
}

/// Whether nothing of a loop's body follows the selection.
fn last_of(source: &Source<'_>, paths: &Paths, last: Node<'_>, to: Node<'_>) -> bool {
    to.child_by_field_name("body").is_some_and(|body| {
        let mut cursor = body.walk();
        let end = body.named_children(&mut cursor).filter(|child| !child.is_extra()).last();
        holds(range(body), range(last))
            && (range(body) == range(last)
                || end.is_some_and(|end| end.id() == last.id() || holds(range(end), range(last)))
                    && is_tail(source, paths, last, body))
    })
}
