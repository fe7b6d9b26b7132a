//! Extract function: statements or an expression become a function of their own, and a call takes their place.
//!
//! What the selection reads and the function around it declares becomes a parameter; what it writes and the code after it
//! reads becomes a result.

mod control;
mod flow;
mod go;
mod java;
mod javascript;
mod python;
mod rust;
mod select;

use crate::carried::{Meaning, Moved, Moves};
use crate::grammar::paths::Paths;
use crate::grammar::source::{Source, range};
use crate::names::{self, NameError};
use crate::request::Visibility;
use crate::{Changes, Refusal, Target};
use control::Control;
use deepcoder_resolve::{Project, Reference};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{Hint, TextRange};
use flow::Flow;
use select::select;

/// Why code cannot become a function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ExtractError {
    #[error("the selection is neither whole statements nor an expression")]
    Partial,
    #[error("it cannot be taken out of its place: {0}")]
    Place(&'static str),
    #[error("it returns in some cases only")]
    Returns,
    #[error("it leaves a loop that is not selected")]
    Leaves,
    #[error("it holds `{0}`, which belongs to the function around it")]
    Bound(&'static str),
    #[error("it writes `{0}`, which is a variable of another function")]
    Outer(String),
    #[error("`{0}` is used in a function inside")]
    Captured(String),
    #[error("it uses `{0}`, which only the function around it has")]
    Local(String),
    #[error("it gives values to several variables that are used later: {0}")]
    Results(String),
    #[error("the type of `{0}` is not known")]
    Type(String),
    #[error("the type of its value is not known")]
    NoType,
    #[error("it stands in no function or class that a new one could stand beside")]
    NoHome,
    #[error("it is in a method that has no `self`")]
    NoSelf,
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Hint for ExtractError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Partial => Some("select whole statements or a whole expression".into()),
            Self::Name(error) => error.hint(),
            Self::Type(_) | Self::NoType => Some("write the type in the declaration first".into()),
            _ => None,
        }
    }
}

/// What is selected.
struct Selected<'t> {
    /// The first and the last statement; for an expression itself.
    first: Node<'t>,
    last: Node<'t>,
    /// The text that moves, with the comments at its ends.
    at: TextRange,
    is_expression: bool,
}

/// What the languages need to write the new function and its call.
struct Extraction<'s, 'p> {
    source: &'s Source<'p>,
    selection: &'s Selected<'s>,
    /// The function, member or statement that the new function stands beside.
    home: Node<'s>,
    /// The innermost function around the selection, perhaps a lambda.
    function: Option<Node<'s>>,
    flow: Flow,
    control: Control,
    name: String,
    visibility: Option<Visibility>,
    /// Whether it becomes a method where the language lets one choose (Go).
    method: bool,
}

/// A new function and what takes the selection's place.
#[derive(Default)]
struct Written {
    /// The lines of the function without its indentation before the body and after it.
    head: String,
    /// Lines at the beginning of the body.
    first: Vec<String>,
    /// The part of the selection that moves, if not all.
    inner: Option<TextRange>,
    /// What stands before and after an expression that is the body.
    around: (String, String),
    /// Lines at the end of the body.
    last: Vec<String>,
    end: &'static str,
    /// Lines before the call.
    before: Vec<String>,
    /// What replaces parts of the selection.
    replaced: Vec<(TextRange, String)>,
    call: String,
    /// Where the function stands, if not beside `home`.
    home: Option<TextRange>,
    doubts: Vec<(TextRange, String)>,
    /// Declarations that go away around the selection.
    removed: Vec<TextRange>,
}

/// The changes that make a function of the selection.
pub(crate) fn extract_function(
    project: &Project<'_>,
    target: &Target,
    name: Option<&str>,
    visibility: Option<Visibility>,
    method: bool,
) -> Result<Changes, Refusal> {
    let source = Source::of(project, target)?;
    let refuse = |error: ExtractError| source.refuse(&error, target.range);
    let selection = select(&source, target.range).map_err(refuse)?;
    let paths = Paths::of(source.language).ok_or_else(|| refuse(ExtractError::Partial))?;
    if source.language == Language::Python {
        return python::extract(&source, &selection, target, name);
    }
    let home = home(&source, paths, selection.first).ok_or_else(|| refuse(ExtractError::NoHome))?;
    let control = control::control(&source, paths, &selection, home).map_err(refuse)?;
    let flow = flow::flow(&source, paths, &selection, home).map_err(refuse)?;
    let whole = TextRange::new(0, u32::try_from(source.text.len()).unwrap_or(u32::MAX));
    let name = match name {
        Some(name) => {
            names::check(&source, name, whole).map_err(|error| refuse(error.into()))?;
            name.to_owned()
        }
        None => names::free(&source, names::function(source.language, method), whole),
    };
    let function = crate::paths::function_around(paths, selection.first);
    let extraction =
        Extraction { source: &source, selection: &selection, home, function, flow, control, name, visibility, method };
    let written = match source.language {
        Language::Java => java::write(&extraction),
        Language::Go => go::write(&extraction),
        Language::Rust => rust::write(&extraction),
        _ => javascript::write(&extraction),
    };
    put(&extraction, written.map_err(refuse)?, target)
}

/// The changes that put the new function and its call into the file.
fn put(extraction: &Extraction<'_, '_>, written: Written, target: &Target) -> Result<Changes, Refusal> {
    let Extraction { source, selection, home, .. } = extraction;
    let mut changes = Changes::default();
    for (at, why) in written.doubts {
        changes.doubt(&source.path, at, why);
    }
    if target.range.start == target.range.end {
        changes.doubt(&source.path, selection.at, "a cursor does not say how much is meant");
    }
    let mut beside = written.home.unwrap_or(range(*home));
    // Several statements of a file are no function.
    beside.end = beside.end.max(range(selection.last).end);
    let indent = source.indentation(beside.start).to_owned();
    let inner = format!("{indent}{}", unit(source, Some(*home)));
    let mut text = Moved::new(format!("{indent}{}\n", written.head));
    for line in &written.first {
        text.push(&format!("{inner}{line}\n"));
    }
    text.push(&inner);
    text.push(&written.around.0);
    let (moved, place) = brackets(source, selection);
    let moved = written.inner.unwrap_or(moved);
    let replaced: Vec<(TextRange, Moved)> =
        written.replaced.iter().map(|(at, new)| (*at, Moved::new(new.clone()))).collect();
    text.lines(source, moved, &inner, &replaced);
    text.push(&written.around.1);
    for line in &written.last {
        text.push(&format!("\n{inner}{line}"));
    }
    text.push(&format!("\n{indent}{}\n", written.end));
    let mut edits = Moves::default();
    let end = source.line_end(beside.end.saturating_sub(1).max(beside.start));
    let rest = source.text_of(TextRange::new(beside.end.min(end), end));
    let mut after = Moved::default();
    // What follows in the same line stays where it is.
    let end = if rest.trim().is_empty() || rest.trim_start().starts_with("//") { end } else { beside.end };
    let closed = source.text_of(TextRange::new(0, end)).ends_with('\n');
    after.push(if closed { "\n" } else { "\n\n" });
    after.append(text);
    for at in written.removed {
        edits.write(at, "");
    }
    let gap = format!("\n{}", source.indentation(selection.at.start));
    let before: String = written.before.iter().map(|line| format!("{line}{gap}")).collect();
    edits.put(place, Moved::new(before + &written.call));
    edits.put(TextRange::new(end, end), after);
    let own = |r: &Reference| match r.target {
        deepcoder_resolve::Target::Declaration(id) if extraction.flow.own.contains(&id) => Meaning::New,
        _ => Meaning::Same,
    };
    edits.finish(source, &mut changes, &own)?;
    Ok(changes)
}

/// The text of an expression without the brackets that its place needs, and the text that the call replaces.
fn brackets(source: &Source<'_>, selection: &Selected<'_>) -> (TextRange, TextRange) {
    let (mut moved, mut place) = (selection.at, selection.at);
    if !selection.is_expression || source.language != Language::Java {
        return (moved, place);
    }
    let mut node = selection.first;
    while node.kind() == "parenthesized_expression" {
        let mut cursor = node.walk();
        let Some(inner) = node.named_children(&mut cursor).find(|child| !child.is_extra()) else { break };
        moved = range(inner);
        node = inner;
    }
    let mut node = selection.first;
    while let Some(parent) = node.parent().filter(|parent| parent.kind() == "parenthesized_expression") {
        let outer = parent.parent().map_or("", |outer| outer.kind());
        if outer.ends_with("statement") || outer.starts_with("switch") || outer == "catch_clause" {
            break;
        }
        place = range(parent);
        node = parent;
    }
    (moved, place)
}

/// The member of a type, or the function of a file or a module, that holds a node.
fn home<'t>(source: &Source<'_>, paths: &Paths, node: Node<'t>) -> Option<Node<'t>> {
    let mut at = node;
    loop {
        let parent = at.parent()?;
        let kind = parent.kind();
        let top = parent.parent().is_none();
        if paths.types.contains(&kind) || top {
            let code = !top || matches!(source.language, Language::JavaScript | Language::TypeScript | Language::Tsx);
            return (code || paths.named.contains(&at.kind())).then_some(at);
        }
        at = parent;
    }
}

/// One step of indentation.
fn unit(source: &Source<'_>, function: Option<Node<'_>>) -> String {
    let body = function.and_then(|function| function.child_by_field_name("body"));
    let deeper = body.zip(function).and_then(|(body, function)| {
        // The body itself in Python; its first statement where it has braces.
        let braces = source.text_of(range(body)).starts_with('{');
        let first = if braces { body.named_child(0)? } else { body };
        let inner = source.indentation(range(first).start).to_owned();
        inner.strip_prefix(source.indentation(range(function).start)).map(str::to_owned)
    });
    deeper.filter(|unit| !unit.is_empty()).unwrap_or_else(|| "    ".to_owned())
}
