//! Inline function: the body in the place of a call, or of all calls, and then the definition is gone.
//!
//! An argument takes the place of its parameter where that computes the same; otherwise the parameter becomes a variable.

mod call;
mod callee;
mod names;
mod parts;
mod plan;
mod put;
mod receiver;

use crate::carried::{Meaning, Moves};
use crate::grammar::paths::Paths;
use crate::grammar::source::{Source, holds, range};
use crate::{Changes, Refusal, Target};
use call::Call;
use callee::Callee;
use deepcoder_resolve::{DeclarationKind, Form, Project, Reference, Resolution, Role, Symbol};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{Hint, TextRange};

/// Why a call stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum InlineError {
    #[error("there is no function of this file here")]
    NoFunction,
    #[error("`{0}` has no body")]
    NoBody(String),
    #[error("`{0}` does not parse")]
    Syntax(String),
    #[error("`{0}` returns in several places")]
    Returns(String),
    #[error("`{0}` calls itself")]
    Recursive(String),
    #[error("`{0}` gives several values")]
    Several(String),
    #[error("it holds `{0}`, which belongs to the function")]
    Bound(&'static str),
    #[error("its parameters cannot be followed")]
    Parameters,
    #[error("the arguments do not fit the parameters of `{0}`")]
    Arguments(String),
    #[error("`{0}` is overridden, or overrides another one")]
    Overridden(String),
    #[error("`{0}` is used here, and not called")]
    NotCalled(String),
    #[error("`{0}` is used outside of this file")]
    Elsewhere(String),
    #[error("no statement can come before the call")]
    NoStatement,
    #[error("`{0}` gives no value")]
    NoValue(String),
    #[error("`{0}` is taken here")]
    Taken(String),
}

impl Hint for InlineError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoFunction => {
                Some("place the cursor on a call or on the name of a function: FILE:LINE:COLUMN".into())
            }
            _ => None,
        }
    }
}

/// The changes that put a function's body in the place of the call at the target; of all calls where `all` says so or the
/// target is the definition.
pub(crate) fn inline_function(project: &Project<'_>, target: &Target, all: bool) -> Result<Changes, Refusal> {
    let source = Source::of(project, target)?;
    let refuse = |error: InlineError| source.refuse(&error, target.range);
    let paths = Paths::of(source.language).ok_or_else(|| refuse(InlineError::NoFunction))?;
    let (symbol, declared, at) = function(&source, target.range).map_err(refuse)?;
    let name = source.node_at(declared).ok_or_else(|| refuse(InlineError::NoFunction))?;
    let node = name.parent().filter(|node| paths.named.contains(&node.kind()));
    let node = node.ok_or_else(|| refuse(InlineError::NoFunction))?;
    let callee = Callee::of(&source, paths, node).map_err(refuse)?;
    let all = all || at == declared;
    let mut changes = Changes::default();
    let mut calls: Vec<Call<'_>> = Vec::new();
    if all {
        let occurrences = project.occurrences(&symbol);
        for occurrence in &occurrences.found {
            let place = &occurrence.place;
            if place.path != source.path {
                return Err(refuse(InlineError::Elsewhere(symbol.name.clone())).at(&place.path, place.at));
            }
            if place.at == declared {
                continue;
            }
            let found = Call::named(&source, place.at)
                .filter(|_| occurrence.form == Form::Plain && occurrence.role == Role::Reads);
            let Some(call) = found else {
                return Err(source.refuse(&InlineError::NotCalled(symbol.name.clone()), place.at));
            };
            if let Some(why) = occurrence.doubt {
                changes.doubt(&source.path, place.at, format!("this may be another function ({why:?})"));
            }
            calls.push(call);
        }
        for (path, hazard) in &occurrences.hazards {
            changes.doubt(path, hazard.at, "code here may use the function by its name");
        }
    } else {
        let call =
            Call::named(&source, at).ok_or_else(|| source.refuse(&InlineError::NotCalled(symbol.name.clone()), at))?;
        calls.push(call);
    }
    let nested =
        calls.iter().any(|a| calls.iter().any(|b| a.node.id() != b.node.id() && holds(range(a.node), range(b.node))));
    if nested {
        return Err(refuse(InlineError::Arguments(symbol.name.clone())));
    }
    let mut edits = Moves::default();
    for call in &calls {
        put::put(&source, paths, &callee, call, &mut edits, &mut changes)
            .map_err(|error| source.refuse(&error, range(call.node)))?;
    }
    if all {
        let (gone, rest) = removal(&source, node);
        edits.write(gone, rest);
    }
    let locals = &callee.locals;
    let parameters = || callee.parameters.iter().chain(callee.this.iter());
    let meaning = |r: &Reference| match r.target {
        deepcoder_resolve::Target::Declaration(id)
            if locals.iter().any(|(local, ..)| *local == id) || parameters().any(|p| p.id == Some(id)) =>
        {
            Meaning::New
        }
        _ => Meaning::Same,
    };
    edits.finish(&source, &mut changes, &meaning)?;
    Ok(changes)
}

/// Whether a target is a function or a call of one, for the word `inline`.
pub(crate) fn is_function(project: &Project<'_>, target: &Target) -> bool {
    Source::of(project, target).is_ok_and(|source| function(&source, target.range).is_ok())
}

/// The function that is meant, where it is declared, and the name that stands for it.
fn function(source: &Source<'_>, selection: TextRange) -> Result<(Symbol, TextRange, TextRange), InlineError> {
    let at = source.without_comments(source.trimmed(selection));
    let mut wanted: Vec<TextRange> = Vec::new();
    if let Some(mut node) = source.node_at(at) {
        if selection.start == selection.end {
            wanted.extend(source.bindings.at(at.start).map(|r| r.at));
        }
        while let Some(inner) = node
            .named_child(0)
            .filter(|_| matches!(node.kind(), "expression_statement" | "await_expression" | "return_statement"))
        {
            node = inner;
        }
        wanted.extend(call::name_of(node).map(range));
    }
    wanted.extend(source.references(at).iter().map(|r| r.at));
    for at in wanted {
        for r in source.references(at).iter().filter(|r| r.at == at) {
            let Resolution::Exact(symbol) = source.project.resolve(&source.path, r) else { continue };
            let declarations: Vec<_> = symbol.declarations.iter().collect();
            let Some((path, id)) = declarations.first().copied() else { continue };
            let Some(declaration) = source.project.declaration(&(path.clone(), *id)) else { continue };
            if !matches!(declaration.kind, DeclarationKind::Function | DeclarationKind::Method) {
                continue;
            }
            if declarations.len() > 1 {
                return Err(InlineError::Overridden(symbol.name));
            }
            if *path != source.path {
                return Err(InlineError::Elsewhere(symbol.name));
            }
            return Ok((symbol, declaration.at, at));
        }
    }
    Err(InlineError::NoFunction)
}

/// What goes with the definition, and what stays in its place.
fn removal(source: &Source<'_>, function: Node<'_>) -> (TextRange, String) {
    let node = function
        .parent()
        .filter(|parent| matches!(parent.kind(), "decorated_definition" | "export_statement"))
        .unwrap_or(function);
    let mut at = range(node);
    // What documents it goes with it.
    let mut before = node.prev_sibling();
    while let Some(comment) =
        before.filter(|comment| comment.kind().contains("comment") || comment.kind() == "attribute_item")
    {
        let between = source.text_of(TextRange::new(range(comment).end, at.start));
        let documents = source.text_of(range(comment)).starts_with("/**")
            || comment.kind() == "attribute_item"
            || source.text_of(range(comment)).starts_with("///");
        if between.matches('\n').count() > 1 || !documents {
            break;
        }
        at.start = range(comment).start;
        before = comment.prev_sibling();
    }
    let mut cursor = node.walk();
    let alone = node.parent().is_some_and(|block| {
        block.kind() == "block" && block.named_children(&mut cursor).filter(|child| !child.is_extra()).count() == 1
    });
    if source.language == Language::Python && alone {
        return (at, "pass".to_owned());
    }
    let start = if source.begins_line(at.start) { source.line_start(at.start) } else { at.start };
    let mut end = source.line_end(at.end);
    if !source.text_of(TextRange::new(at.end, end)).trim().is_empty() {
        end = at.end;
    }
    while source.text_of(TextRange::new(end, source.line_end(end))).trim().is_empty() && source.line_end(end) > end {
        end = source.line_end(end);
    }
    (TextRange::new(start, end), String::new())
}
