//! JavaScript and TypeScript: a function of the file, or a method where the selection names `this`.

use super::{ExtractError, Extraction, Written};
use crate::grammar::source::{Source, range};
use crate::operations::extract_function::flow::Variable;
use crate::request::Visibility;
use deepcoder_syntax::Language;
use deepcoder_types::TextRange;

pub(super) fn write(of: &Extraction<'_, '_>) -> Result<Written, ExtractError> {
    let Extraction { source, selection, home, flow, control, name, visibility, .. } = of;
    let typed = source.language != Language::JavaScript;
    let mut written = Written { end: "}", ..Written::default() };
    let names: Vec<&str> = flow.results.iter().map(|variable| variable.name.as_str()).collect();
    if (selection.is_expression || control.valued) && !names.is_empty() {
        return Err(ExtractError::Results(names.join(", ")));
    }
    let mut parameters = Vec::new();
    for variable in &flow.parameters {
        match annotation(source, variable.at).filter(|_| typed) {
            Some(kind) => parameters.push(format!("{}{kind}", variable.name)),
            None => {
                if typed {
                    written.doubts.push((variable.at, "the text does not tell its type".into()));
                }
                parameters.push(variable.name.clone());
            }
        }
    }
    for variable in &flow.inner {
        let kind = annotation(source, variable.at).filter(|_| typed).unwrap_or_default();
        written.first.push(format!("let {}{kind};", variable.name));
    }
    let in_class = home.parent().is_some_and(|up| up.kind() == "class_body");
    let fixed = source.text_of(range(*home)).starts_with("static ");
    if control.this && (!in_class || home.kind() != "method_definition") {
        return Err(ExtractError::Bound("this"));
    }
    if in_class && !control.this {
        // Beside the class.
        let mut at = *home;
        while let Some(parent) = at.parent().filter(|parent| parent.parent().is_some()) {
            at = parent;
        }
        written.home = Some(range(at));
    }
    let arguments: Vec<&str> = flow.parameters.iter().map(|variable| variable.name.as_str()).collect();
    let callee = if control.this { format!("this.{name}") } else { name.clone() };
    let waits = if control.awaits { "await " } else { "" };
    let call = format!("{waits}{callee}({})", arguments.join(", "));
    let end = if semicolons(source, selection.at) { ";" } else { "" };
    for variable in &flow.outer {
        let kind = annotation(source, variable.at).filter(|_| typed).unwrap_or_default();
        written.before.push(format!("let {}{kind}{end}", variable.name));
    }
    let statement =
        selection.is_expression && selection.first.parent().is_some_and(|up| up.kind() == "expression_statement");
    written.call = match flow.results.as_slice() {
        _ if selection.is_expression => call,
        _ if control.valued => format!("return {call}{end}"),
        [] => format!("{call}{end}"),
        [only] if only.inside => format!("{} {} = {call}{end}", word(source, only), only.name),
        [only] => format!("{} = {call}{end}", only.name),
        several if several.iter().all(|variable| variable.inside) => {
            let fixed = several.iter().all(|variable| word(source, variable) == "const");
            format!("{} {{ {} }} = {call}{end}", if fixed { "const" } else { "let" }, names.join(", "))
        }
        several if several.iter().all(|variable| !variable.inside) => {
            format!("({{ {} }} = {call}){end}", names.join(", "))
        }
        _ => return Err(ExtractError::Results(names.join(", "))),
    };
    if selection.is_expression {
        written.around = (if statement { "" } else { "return " }.to_owned(), ";".to_owned());
    } else {
        match names.as_slice() {
            [] => {}
            [only] => written.last.push(format!("return {only};")),
            several => written.last.push(format!("return {{ {} }};", several.join(", "))),
        }
        if !source.text_of(selection.at).ends_with([';', '}']) {
            written.around.1 = ";".to_owned();
        }
    }
    written.replaced.extend(control.continues.iter().map(|at| (*at, "return;".to_owned())));
    if source.text_of(selection.at).contains("/*") {
        written.doubts.push((selection.at, "comments stand inside of it".into()));
    }
    let asynchronous = if control.awaits { "async " } else { "" };
    let seen = match visibility.unwrap_or(Visibility::Private) {
        Visibility::Private if typed => "private ",
        Visibility::Protected if typed => "protected ",
        _ => "",
    };
    written.head = if control.this {
        let fixed = if fixed { "static " } else { "" };
        format!("{seen}{fixed}{asynchronous}{name}({}) {{", parameters.join(", "))
    } else {
        format!("{asynchronous}function {name}({}) {{", parameters.join(", "))
    };
    if home.child_by_field_name("type_parameters").is_some() && typed {
        written.doubts.push((selection.at, "it may need the type parameters of the function around".into()));
    }
    Ok(written)
}

/// The annotation of a variable, with its colon.
fn annotation(source: &Source<'_>, at: TextRange) -> Option<String> {
    let name = source.node_at(at)?;
    let kind = name.parent()?.child_by_field_name("type")?;
    Some(source.text_of(range(kind)).to_owned())
}

/// The word that declares a variable.
fn word(source: &Source<'_>, variable: &Variable) -> &'static str {
    let statement =
        source.node_at(variable.at).and_then(|node| node.parent()).and_then(|declarator| declarator.parent());
    let kind = statement.and_then(|statement| statement.child(0)).map_or("", |word| word.kind());
    if kind == "const" { "const" } else { "let" }
}

/// Whether the statements of the selection end with semicolons.
fn semicolons(source: &Source<'_>, at: TextRange) -> bool {
    source.text_of(at).contains(';') || source.text.contains(';') || !source.text.contains('\n')
}
