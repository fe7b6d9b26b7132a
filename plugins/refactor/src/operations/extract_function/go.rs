//! Go: a function beside the one around the selection.

use super::{ExtractError, Extraction, Written};
use crate::grammar::go::{declared_results, receiver, type_of, variable_type};
use crate::grammar::source::{holds, range};
use crate::operations::extract_function::flow::Variable;
use deepcoder_resolve::{Role, Target};

pub(super) fn write(of: &Extraction<'_, '_>) -> Result<Written, ExtractError> {
    let Extraction { source, selection, home, function, flow, control, name, method, .. } = of;
    let mut written = Written { end: "}", ..Written::default() };
    let at = selection.at;
    let typed = |variable: &Variable| {
        variable_type(source, variable.at).ok_or_else(|| ExtractError::Type(variable.name.clone()))
    };
    let first_use = |variable: &Variable| {
        let mut uses = source.references(at).iter().filter(|r| r.target == Target::Declaration(variable.id));
        uses.next().map_or(0, |r| r.at.start)
    };
    let own = receiver(source, *home).filter(|_| *method);
    let mut comings: Vec<&Variable> = flow.parameters.iter().chain(&flow.inner).collect();
    comings.sort_by_key(|variable| (first_use(variable), variable.at.start));
    let mut parameters = Vec::new();
    let mut arguments = Vec::new();
    let mut received = false;
    for variable in comings {
        if own.as_ref().is_some_and(|(name, _)| *name == variable.name) {
            received = true;
            continue;
        }
        let kind = typed(variable)?;
        let context = kind == "context.Context";
        let place = if context { 0 } else { parameters.len() };
        parameters.insert(place, format!("{} {kind}", variable.name));
        arguments.insert(place, variable.name.clone());
    }
    let mut results: Vec<&Variable> = flow.results.iter().collect();
    results.sort_by_key(|variable| (first_use(variable), variable.at.start));
    let names: Vec<&str> = results.iter().map(|variable| variable.name.as_str()).collect();
    if (selection.is_expression || control.valued) && !names.is_empty() {
        return Err(ExtractError::Results(names.join(", ")));
    }
    let types = match () {
        () if control.valued => {
            let function = function.ok_or(ExtractError::NoType)?;
            declared_results(source, function)
        }
        () if selection.is_expression => {
            let statement = selection.first.parent().is_some_and(|up| up.kind() == "expression_statement");
            match type_of(source, selection.first) {
                Some(known) => vec![known],
                None if statement => Vec::new(),
                None => return Err(ExtractError::NoType),
            }
        }
        () => results.iter().map(|variable| typed(variable)).collect::<Result<Vec<String>, ExtractError>>()?,
    };
    for variable in &flow.outer {
        written.before.push(format!("var {} {}", variable.name, typed(variable)?));
    }
    let callee = match &own {
        Some((name_of, _)) => format!("{name_of}.{name}"),
        None => name.clone(),
    };
    let call = format!("{callee}({})", arguments.join(", "));
    let new = results.iter().any(|variable| variable.inside);
    written.call = match () {
        () if selection.is_expression => call,
        () if control.valued => format!("return {call}"),
        () if names.is_empty() => call,
        () => format!("{} {} {call}", names.join(", "), if new { ":=" } else { "=" }),
    };
    if selection.is_expression {
        written.around.0 = if types.is_empty() { String::new() } else { "return ".to_owned() };
    } else if !names.is_empty() {
        written.last.push(format!("return {}", names.join(", ")));
    }
    let result = match types.as_slice() {
        [] => String::new(),
        [only] => format!(" {only}"),
        all => format!(" ({})", all.join(", ")),
    };
    let before = match &own {
        Some((name, kind)) if received => format!("({name} {kind}) "),
        Some((_, kind)) => format!("({kind}) "),
        None => String::new(),
    };
    written.head = format!("func {before}{name}({}){result} {{", parameters.join(", "));
    if home.child_by_field_name("type_parameters").is_some() {
        return Err(ExtractError::Local("a type parameter".to_owned()));
    }
    // A variable whose address something keeps is another one in the new function.
    let addressed = |variable: &Variable| {
        source.bindings.references.iter().filter(|r| r.target == Target::Declaration(variable.id)).any(|r| {
            let parent = source.node_at(r.at).and_then(|node| node.parent());
            parent.is_some_and(|up| up.kind() == "unary_expression" && source.text_of(range(up)).starts_with('&'))
                || parent.is_some_and(|up| {
                    up.kind() == "selector_expression"
                        && up.parent().is_some_and(|call| call.kind() == "call_expression")
                }) && holds(at, r.at)
                    && r.role == Role::Reads
                    && variable.later
                    && variable_type(source, variable.at)
                        .is_none_or(|kind| !kind.starts_with('*') && !kind.contains('.'))
        })
    };
    for variable in flow.parameters.iter().filter(|variable| addressed(variable)) {
        written.doubts.push((variable.at, "a method or something with its address may change it".into()));
    }
    Ok(written)
}
