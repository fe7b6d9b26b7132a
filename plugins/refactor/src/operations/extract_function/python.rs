//! Python: functions take what they read, return what is read after them, and stand after the function around them.

mod flow;

use super::{ExtractError, Selected, unit};
use crate::carried::{Meaning, Moved, Moves};
use crate::grammar::source::{Source, holds, range, walk};
use crate::names;
use crate::{Changes, Refusal, Target};
use deepcoder_resolve::{HazardKind, Reference};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use flow::{flow, shadows};

/// The changes that make a function of the selection.
pub(super) fn extract(
    source: &Source<'_>,
    selection: &Selected<'_>,
    target: &Target,
    name: Option<&str>,
) -> Result<Changes, Refusal> {
    let refuse = |error: ExtractError| source.refuse(&error, target.range);
    let function = around(selection.first);
    let mut changes = Changes::default();
    let returns = control(source, selection).map_err(refuse)?;
    let flow = flow(source, selection, function, returns).map_err(refuse)?;
    let method = function.map(|function| method(source, function)).transpose().map_err(refuse)?.flatten();
    for hazard in &source.bindings.hazards {
        let near = function.is_none_or(|function| holds(range(function), hazard.at));
        if near && matches!(hazard.kind, HazardKind::Eval | HazardKind::Scope) {
            changes.doubt(&source.path, hazard.at, "code here may use the variables by their names");
        }
    }
    for at in &flow.perhaps {
        changes.doubt(&source.path, *at, "the variable has no value in every case, which the new function returns");
    }
    for id in &flow.globals {
        let declaration = source.bindings.declaration(*id).filter(|d| !flow.results.contains(&d.name));
        if let Some(declaration) = declaration {
            changes.doubt(&source.path, declaration.at, "the variable is no longer one of the file");
        }
    }
    if target.range.start == target.range.end {
        changes.doubt(&source.path, selection.at, "a cursor does not say how much is meant");
    }
    for reference in source.references(selection.at) {
        if shadows(source, &flow, reference) {
            changes.doubt(&source.path, reference.at, "a function inside has a variable of the same name");
        }
    }
    let whole = TextRange::new(0, u32::try_from(source.text.len()).unwrap_or(u32::MAX));
    let name = match name {
        Some(name) => {
            names::check(source, name, whole).map_err(|error| refuse(error.into()))?;
            name.to_owned()
        }
        None => names::free(source, "extracted", whole),
    };
    if method.is_some() && source.text.contains(&format!(".{name}")) {
        changes.doubt(&source.path, selection.at, "a member of this name is used");
    }
    // The statement that the new function stands beside.
    let beside = function.map_or(selection.first, |function| {
        function.parent().filter(|parent| parent.kind() == "decorated_definition").unwrap_or(function)
    });
    let beside = source.statement(beside).ok_or_else(|| refuse(ExtractError::Partial))?;
    let start = range(beside).start;
    if !source.begins_line(start) || !source.begins_line(selection.at.start) && !selection.is_expression {
        return Err(refuse(ExtractError::Partial));
    }
    let indent = source.indentation(start).to_owned();
    let unit = unit(source, function);
    let this = method.as_ref().and_then(|method| method.this.clone());
    let mut parameters: Vec<String> = this.iter().cloned().collect();
    parameters.extend(flow.parameters.iter().filter(|p| Some(*p) != this.as_ref()).cloned());
    let mut text = Moved::default();
    if let Some(decorator) = method.as_ref().and_then(|method| method.decorator) {
        text.push(&format!("{indent}{decorator}\n"));
    }
    text.push(&format!("{indent}def {name}({}):\n{indent}{unit}", parameters.join(", ")));
    if selection.is_expression {
        text.push("return ");
        text.expression(source, selection.at, false, false);
    } else {
        text.lines(source, selection.at, &format!("{indent}{unit}"), &[]);
        if !flow.results.is_empty() {
            text.push(&format!("\n{indent}{unit}return {}", flow.results.join(", ")));
        }
    }
    text.push("\n");
    let arguments: Vec<&str> = parameters.iter().skip(usize::from(this.is_some())).map(String::as_str).collect();
    let callee = method.as_ref().map_or(name.clone(), |method| format!("{}.{name}", method.receiver));
    let call = format!("{callee}({})", arguments.join(", "));
    let call = match () {
        () if returns => format!("return {call}"),
        () if flow.results.is_empty() => call,
        () => format!("{} = {call}", flow.results.join(", ")),
    };
    let mut edits = Moves::default();
    let top = function.is_some_and(|function| around(function).is_none());
    if top {
        let end = source.line_end(range(beside).end.saturating_sub(1).max(start));
        let mut after = Moved::default();
        let closed = source.text_of(TextRange::new(0, end)).ends_with('\n');
        after.push(if closed { "\n" } else { "\n\n" });
        after.append(text);
        edits.put(selection.at, Moved::new(call));
        edits.put(TextRange::new(end, end), after);
    } else {
        text.push("\n");
        let line = source.line_start(start);
        edits.put(TextRange::new(line, line), text);
        edits.put(selection.at, Moved::new(call));
    }
    let own = |r: &Reference| match r.target {
        deepcoder_resolve::Target::Declaration(id) if flow.own.contains(&id) => Meaning::New,
        _ => Meaning::Same,
    };
    edits.finish(source, &mut changes, &own)?;
    Ok(changes)
}

/// The function around a node.
pub(super) fn around(node: Node<'_>) -> Option<Node<'_>> {
    let mut at = node.parent();
    while let Some(node) = at {
        if node.kind() == "function_definition" {
            return Some(node);
        }
        at = node.parent();
    }
    None
}

/// Whether the selection ends with the only `return` in it; refuses what the selection cannot take along.
fn control(source: &Source<'_>, selection: &Selected<'_>) -> Result<bool, ExtractError> {
    let mut error = None;
    let mut returns = 0;
    let mut last = false;
    walk(source.tree.root_node(), |node| {
        let here = range(node);
        if error.is_some() || here.end <= selection.at.start || here.start >= selection.at.end {
            return false;
        }
        if !holds(selection.at, here) {
            return true;
        }
        let inner = |kinds: &[&str]| {
            source
                .around(node, source.tree.root_node(), kinds)
                .first()
                .is_some_and(|outer| holds(selection.at, range(*outer)))
        };
        let own = !inner(&["function_definition", "lambda"]);
        match node.kind() {
            "return_statement" if own => {
                returns += 1;
                last |= node.id() == selection.last.id();
            }
            "break_statement" | "continue_statement" if own && !inner(&["for_statement", "while_statement"]) => {
                error = Some(ExtractError::Leaves);
            }
            "yield" if own => error = Some(ExtractError::Bound("yield")),
            "await" if own => error = Some(ExtractError::Bound("await")),
            "for_statement" | "with_statement" | "list_comprehension" | "generator_expression"
                if own && source.text_of(here).contains("async ") =>
            {
                error = Some(ExtractError::Bound("async"));
            }
            "global_statement" | "nonlocal_statement" if own => error = Some(ExtractError::Bound("global")),
            "delete_statement" if own => error = Some(ExtractError::Bound("del")),
            "import_from_statement" if source.text_of(here).contains('*') => error = Some(ExtractError::Bound("*")),
            "identifier" if matches!(source.text_of(here), "super" | "__class__" | "locals" | "vars") => {
                error = Some(ExtractError::Bound("super"));
            }
            _ => {}
        }
        true
    });
    match error {
        Some(error) => Err(error),
        None if returns == 0 => Ok(false),
        None if returns == 1 && last => Ok(true),
        None => Err(ExtractError::Returns),
    }
}

/// How the new function of a method is declared and called.
struct Method {
    /// Its decorator, with the `@`.
    decorator: Option<&'static str>,
    /// Its first parameter.
    this: Option<String>,
    /// What stands before the dot of the call.
    receiver: String,
}

/// What a function in a class is; `None` for a function outside of classes.
fn method(source: &Source<'_>, function: Node<'_>) -> Result<Option<Method>, ExtractError> {
    let outer = function.parent().filter(|parent| parent.kind() == "decorated_definition").unwrap_or(function);
    let class = outer.parent().and_then(|block| block.parent()).filter(|up| up.kind() == "class_definition");
    let Some(class) = class else { return Ok(None) };
    let mut cursor = outer.walk();
    let decorators: Vec<&str> = outer
        .named_children(&mut cursor)
        .filter(|child| child.kind() == "decorator")
        .map(|child| source.text_of(range(child)))
        .collect();
    let first = function.child_by_field_name("parameters").and_then(|parameters| parameters.named_child(0));
    let this = first.filter(|first| first.kind() == "identifier").map(|first| source.text_of(range(first)).to_owned());
    if decorators.contains(&"@staticmethod") {
        let name = class.child_by_field_name("name").ok_or(ExtractError::NoSelf)?;
        // Only a class of the file has a name that the method can use.
        if source.statement(class).and_then(|statement| statement.parent()).is_none_or(|up| up.kind() != "module") {
            return Err(ExtractError::NoSelf);
        }
        let receiver = source.text_of(range(name)).to_owned();
        return Ok(Some(Method { decorator: Some("@staticmethod"), this: None, receiver }));
    }
    let this = this.ok_or(ExtractError::NoSelf)?;
    let of_class = decorators.contains(&"@classmethod");
    if !of_class && this != "self" {
        return Err(ExtractError::NoSelf);
    }
    let receiver = this.clone();
    Ok(Some(Method { decorator: of_class.then_some("@classmethod"), this: Some(this), receiver }))
}
