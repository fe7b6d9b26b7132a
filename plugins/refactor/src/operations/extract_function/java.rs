//! Java: a method of the class around the selection, with the types that the text writes.

use super::{ExtractError, Extraction, Written};
use crate::grammar::java::{expected_type, lambda_type, type_of, variable_type};
use crate::grammar::source::{Source, holds, range, walk};
use crate::operations::extract_function::flow::Variable;
use crate::request::Visibility;
use deepcoder_resolve::{DeclarationKind, Role, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use std::collections::BTreeSet;

pub(super) fn write(of: &Extraction<'_, '_>) -> Result<Written, ExtractError> {
    let Extraction { source, selection, home, function, flow, control, name, visibility, .. } = of;
    let mut written = Written { end: "}", ..Written::default() };
    if flow.results.len() > 1 || (control.valued || selection.is_expression) && !flow.results.is_empty() {
        let names: Vec<&str> = flow.results.iter().map(|v| v.name.as_str()).collect();
        return Err(ExtractError::Results(names.join(", ")));
    }
    if !control.continues.is_empty() && !flow.results.is_empty() {
        return Err(ExtractError::Leaves);
    }
    let typed = |variable: &Variable| {
        let kind = variable_type(source, variable.at).ok_or_else(|| ExtractError::Type(variable.name.clone()))?;
        Ok::<String, ExtractError>(kind)
    };
    let mut parameters = Vec::new();
    for parameter in &flow.parameters {
        let fixed = if is_final(source, parameter.at) { "final " } else { "" };
        let mut kind = typed(parameter)?;
        // A parameter that takes any number of values stays one where it is the last.
        let last = flow.parameters.last().is_some_and(|last| last.id == parameter.id);
        if last && source.node_at(parameter.at).is_some_and(|node| is_spread(node)) {
            kind = kind.trim_end_matches("[]").to_owned() + "...";
        }
        parameters.push(format!("{fixed}{kind} {}", parameter.name));
    }
    for variable in &flow.inner {
        written.first.push(format!("{} {};", typed(variable)?, variable.name));
        if !variable.later {
            written.removed.extend(alone(source, variable.at));
        }
    }
    let statement =
        selection.is_expression && selection.first.parent().is_some_and(|up| up.kind() == "expression_statement");
    let mut placed = false;
    let result = match () {
        () if selection.is_expression && statement => {
            let known = type_of(source, selection.first);
            if known.is_none() && !gives_nothing(source, selection.first) {
                written.doubts.push((selection.at, "the type of its value is not known".into()));
            }
            known.unwrap_or_else(|| "void".to_owned())
        }
        () if selection.is_expression => {
            let known = type_of(source, selection.first);
            placed = known.is_none();
            known.or_else(|| expected_type(source, selection.first)).ok_or(ExtractError::NoType)?
        }
        () if control.valued => result_of(source, *function).ok_or(ExtractError::NoType)?,
        () => flow.results.first().map(typed).transpose()?.unwrap_or_else(|| "void".to_owned()),
    };
    if placed {
        written.doubts.push((selection.at, "the type is the one that its place has".into()));
    }
    let arguments: Vec<&str> = flow.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let call = format!("{name}({})", arguments.join(", "));
    for variable in &flow.outer {
        written.before.push(format!("{} {};", typed(variable)?, variable.name));
    }
    written.call = match flow.results.first() {
        _ if selection.is_expression => call,
        _ if control.valued => format!("return {call};"),
        None => format!("{call};"),
        Some(result) if result.inside => {
            let fixed = if is_final(source, result.at) { "final " } else { "" };
            let kind = if is_var(source, result.at) { "var".to_owned() } else { typed(result)? };
            format!("{fixed}{kind} {} = {call};", result.name)
        }
        Some(result) => format!("{} = {call};", result.name),
    };
    if selection.is_expression {
        let prefix = if result == "void" { "" } else { "return " };
        written.around = (prefix.to_owned(), ";".to_owned());
    } else if let Some(result) = flow.results.first() {
        written.last.push(format!("return {};", result.name));
    } else if !control.completes && control.returns.is_empty() && !control.valued {
        written
            .doubts
            .push((selection.at, "code after it is not reached, which the call does not tell the compiler".into()));
    }
    written.replaced.extend(control.continues.iter().map(|at| (*at, "return;".to_owned())));
    let modifiers = modifiers(source, selection.first, *home, *visibility);
    let generics = generics(source, *home, of)?;
    let throws = throws(source, of, &mut written);
    written.head = format!(
        "{}{generics}{result} {name}({}){throws} {{",
        if modifiers.is_empty() { String::new() } else { format!("{modifiers} ") },
        parameters.join(", ")
    );
    doubts(source, of, &mut written);
    Ok(written)
}

/// Whether a parameter takes any number of values.
fn is_spread(name: Node<'_>) -> bool {
    let parent = name.parent();
    let outer = parent.and_then(|parent| parent.parent());
    [parent, outer].into_iter().flatten().any(|node| node.kind() == "spread_parameter")
}

/// Whether the type of a variable is left to its value.
fn is_var(source: &Source<'_>, at: TextRange) -> bool {
    let declaration = source.node_at(at).and_then(|node| node.parent()).and_then(|declarator| declarator.parent());
    let kind = declaration.and_then(|declaration| declaration.child_by_field_name("type"));
    kind.is_some_and(|kind| source.text_of(range(kind)) == "var")
}

/// Whether a call is one of a method of this file without a value.
fn gives_nothing(source: &Source<'_>, call: Node<'_>) -> bool {
    let Some(name) = call.child_by_field_name("name") else { return false };
    let Some(reference) = source.references(range(name)).iter().find(|r| r.at == range(name)) else { return false };
    let deepcoder_resolve::Resolution::Exact(symbol) = source.project.resolve(&source.path, reference) else {
        return false;
    };
    symbol.declarations.iter().all(|(path, id)| {
        let declaration = source.bindings.declaration(*id).filter(|_| *path == source.path);
        let method = declaration.and_then(|d| source.node_at(d.at)).and_then(|node| node.parent());
        method.and_then(|method| method.child_by_field_name("type")).is_some_and(|kind| kind.kind() == "void_type")
    })
}

/// The type that the function around the selection gives.
fn result_of(source: &Source<'_>, function: Option<Node<'_>>) -> Option<String> {
    let function = function?;
    if function.kind() == "lambda_expression" {
        return lambda_type(source, function).map(|(_, result)| result).filter(|result| result != "void");
    }
    let kind = source.text_of(range(function.child_by_field_name("type")?)).to_owned();
    let dimensions = function.child_by_field_name("dimensions").map(|d| source.text_of(range(d)));
    Some(kind + dimensions.unwrap_or_default())
}

/// Whether a variable is declared `final`.
fn is_final(source: &Source<'_>, at: TextRange) -> bool {
    let mut node = source.node_at(at).and_then(|node| node.parent());
    for _ in 0..3 {
        let Some(here) = node else { return false };
        let mut cursor = here.walk();
        let found = here.named_children(&mut cursor).find(|child| child.kind() == "modifiers");
        if let Some(modifiers) = found {
            return source.text_of(range(modifiers)).split_whitespace().any(|word| word == "final");
        }
        if here.kind().ends_with("declaration") || here.kind().ends_with("statement") {
            return false;
        }
        node = here.parent();
    }
    false
}

/// A declaration of nothing else, whose value does nothing: with its line break and the empty lines behind it.
fn alone(source: &Source<'_>, at: TextRange) -> Option<TextRange> {
    let statement = source.statement(source.node_at(at)?)?;
    if statement.kind() != "local_variable_declaration" {
        return None;
    }
    let mut cursor = statement.walk();
    let mut declarators = statement.children_by_field_name("declarator", &mut cursor);
    let (only, None) = (declarators.next()?, declarators.next()) else { return None };
    let plain = only.child_by_field_name("value").is_none_or(|value| value.child_count() == 0);
    let here = range(statement);
    let end = source.line_end(here.end);
    let rest = source.text_of(TextRange::new(here.end, end));
    (plain && rest.trim().is_empty() && source.begins_line(here.start))
        .then(|| TextRange::new(source.line_start(here.start), end))
}

/// The words before the type: where it can be called from.
fn modifiers(source: &Source<'_>, first: Node<'_>, home: Node<'_>, visibility: Option<Visibility>) -> String {
    let mut cursor = home.walk();
    let own = home.named_children(&mut cursor).find(|child| child.kind() == "modifiers");
    let words: Vec<&str> = own.map(|own| source.text_of(range(own)).split_whitespace().collect()).unwrap_or_default();
    let fixed = words.contains(&"static")
        || home.kind() == "static_initializer"
        || !source.around(first, home, &["explicit_constructor_invocation"]).is_empty();
    let interface = home.parent().is_some_and(|body| matches!(body.kind(), "interface_body" | "annotation_type_body"));
    if interface {
        let field = matches!(home.kind(), "constant_declaration" | "field_declaration");
        let words: Vec<&str> =
            words.into_iter().filter(|word| matches!(*word, "public" | "default" | "static")).collect();
        return if fixed || field { "static".to_owned() } else { words.join(" ") };
    }
    let seen = match visibility.unwrap_or(Visibility::Private) {
        Visibility::Public => "public",
        Visibility::Protected => "protected",
        Visibility::Package => "",
        Visibility::Private => "private",
    };
    let fixed = if fixed { "static" } else { "" };
    [seen, fixed].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The type parameters of the method around that the new one needs.
fn generics(source: &Source<'_>, home: Node<'_>, of: &Extraction<'_, '_>) -> Result<String, ExtractError> {
    let Some(parameters) = home.child_by_field_name("type_parameters") else { return Ok(String::new()) };
    let mut used: Vec<&str> = Vec::new();
    let declared: Vec<TextRange> = of
        .flow
        .parameters
        .iter()
        .chain(&of.flow.inner)
        .map(|variable| source.node_at(variable.at).and_then(|node| node.parent()).map_or(variable.at, range))
        .chain(std::iter::once(of.selection.at))
        .collect();
    let result = home.child_by_field_name("type").filter(|_| of.control.valued).map(range);
    let mut cursor = parameters.walk();
    for parameter in parameters.named_children(&mut cursor) {
        let Some(name) = parameter.named_child(0).map(range) else { continue };
        let id = source.bindings.ids().find(|(_, d)| d.at == name && d.kind == DeclarationKind::TypeParameter);
        let Some((id, _)) = id else { continue };
        let own = |at: &TextRange| {
            let wider = source.node_at(*at).and_then(|node| node.parent()).map_or(*at, |up| match up.kind() {
                "variable_declarator" | "local_variable_declaration" | "formal_parameter" => {
                    up.parent().map_or(range(up), range)
                }
                _ => *at,
            });
            let wider = if holds(of.selection.at, *at) { *at } else { wider };
            source.references(wider).iter().any(|r| r.target == Target::Declaration(id))
        };
        if declared.iter().chain(&result).any(own) {
            used.push(source.text_of(range(parameter)));
        }
    }
    Ok(if used.is_empty() { String::new() } else { format!("<{}> ", used.join(", ")) })
}

/// Exceptions that need not be declared.
const UNCHECKED: &[&str] = &[
    "RuntimeException",
    "Error",
    "AssertionError",
    "NullPointerException",
    "IllegalArgumentException",
    "IllegalStateException",
    "IndexOutOfBoundsException",
    "ArrayIndexOutOfBoundsException",
    "UnsupportedOperationException",
    "ClassCastException",
    "ArithmeticException",
    "NumberFormatException",
    "ConcurrentModificationException",
    "NoSuchElementException",
    "UncheckedIOException",
];

/// The exceptions that leave the selection, as far as the text tells.
fn throws(source: &Source<'_>, of: &Extraction<'_, '_>, written: &mut Written) -> String {
    let at = of.selection.at;
    let mut found: Vec<String> = Vec::new();
    let mut unknown = false;
    let mut add = |name: &str, node: Node<'_>| {
        let simple = name.rsplit('.').next().unwrap_or(name);
        if UNCHECKED.contains(&simple) || caught(source, node, at, name) || found.iter().any(|known| known == name) {
            return;
        }
        found.push(name.to_owned());
    };
    // Only where something around could take an exception may one leave it.
    let outlet = of.function.is_some_and(|function| {
        let mut cursor = function.walk();
        let declared = function.named_children(&mut cursor).any(|child| child.kind() == "throws");
        let tried =
            !source.around(of.selection.first, function, &["try_statement", "try_with_resources_statement"]).is_empty();
        declared || tried
    });
    if !outlet {
        return String::new();
    }
    walk(of.home, |node| {
        let here = range(node);
        if here.end <= at.start || here.start >= at.end {
            return false;
        }
        if !holds(at, here) {
            return true;
        }
        if matches!(node.kind(), "lambda_expression" | "class_body") {
            return false;
        }
        match node.kind() {
            "throw_statement" => match node.named_child(0) {
                Some(made) if made.kind() == "object_creation_expression" => {
                    if let Some(kind) = made.child_by_field_name("type") {
                        add(source.text_of(range(kind)), node);
                    }
                }
                _ => unknown = true,
            },
            "method_invocation" | "object_creation_expression" | "explicit_constructor_invocation" => {
                match declared_throws(source, node) {
                    Some(names) => names.iter().for_each(|name| add(name, node)),
                    None => unknown |= !caught(source, node, at, "Exception"),
                }
            }
            "try_with_resources_statement" => unknown = true,
            _ => {}
        }
        true
    });
    if unknown {
        written.doubts.push((at, "the text does not tell which exceptions it throws".into()));
    }
    if found.is_empty() { String::new() } else { format!(" throws {}", found.join(", ")) }
}

/// What the called method or constructor declares to throw; `None`: it is not of this file.
fn declared_throws(source: &Source<'_>, call: Node<'_>) -> Option<Vec<String>> {
    let name = call.child_by_field_name("name").or_else(|| call.child_by_field_name("type"))?;
    let reference = source.references(range(name)).iter().find(|r| r.at == range(name))?;
    let deepcoder_resolve::Resolution::Exact(symbol) = source.project.resolve(&source.path, reference) else {
        return None;
    };
    let mut names = BTreeSet::new();
    for (path, id) in &symbol.declarations {
        let declaration = source.bindings.declaration(*id).filter(|_| *path == source.path)?;
        if !matches!(declaration.kind, DeclarationKind::Method | DeclarationKind::Function) {
            if declaration.import.is_some() {
                return None;
            }
            // A constructor is no declaration of its own here.
            return (!source.text_of(declaration.extent).contains("throws")).then(Vec::new);
        }
        let method = source.node_at(declaration.at)?.parent()?;
        let mut cursor = method.walk();
        for clause in method.named_children(&mut cursor).filter(|child| child.kind() == "throws") {
            let mut cursor = clause.walk();
            names.extend(clause.named_children(&mut cursor).map(|kind| source.text_of(range(kind)).to_owned()));
        }
    }
    Some(names.into_iter().collect())
}

/// Whether a `try` inside of the selection takes an exception.
fn caught(source: &Source<'_>, node: Node<'_>, within: TextRange, name: &str) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent().filter(|parent| holds(within, range(*parent))) {
        let tried = matches!(parent.kind(), "try_statement" | "try_with_resources_statement")
            && crate::grammar::is_field(parent, at, "body");
        if tried {
            let mut cursor = parent.walk();
            let takes =
                parent.named_children(&mut cursor).filter(|child| child.kind() == "catch_clause").any(|clause| {
                    let head = clause.named_child(0).map(|parameter| source.text_of(range(parameter)).to_owned());
                    head.is_some_and(|head| {
                        head.split(|c: char| !c.is_alphanumeric() && c != '.')
                            .any(|word| matches!(word, "Exception" | "Throwable") || word == name)
                    })
                });
            if takes {
                return true;
            }
        }
        at = parent;
    }
    false
}

/// What a person should look at.
fn doubts(source: &Source<'_>, of: &Extraction<'_, '_>, written: &mut Written) {
    let at = of.selection.at;
    if of.function.is_some_and(|function| function.kind() == "lambda_expression") {
        written.doubts.push((at, "it is in a lambda, whose types its place decides".into()));
    }
    let nested = source.around(of.home, source.tree.root_node(), &["class_body", "interface_body", "enum_body"]);
    if nested.len() > 1 {
        written.doubts.push((at, "the new method could also belong to a type around this one".into()));
    }
    if repeated(source, at) {
        written.doubts.push((at, "the same code stays elsewhere".into()));
    }
    // A name that the class has already in another form is an overload.
    let taken = source.bindings.declarations.iter().any(|d| d.name == of.name);
    if taken {
        written.doubts.push((at, "a member of this name exists".into()));
    }
    let writes = |r: &deepcoder_resolve::Reference| {
        r.role == Role::Writes
            && matches!(r.target, Target::Declaration(id) if source.bindings.declaration(id).is_some_and(|d| d.kind == DeclarationKind::Field))
    };
    // A constructor gives `final` fields their values.
    if of.home.kind().contains("constructor") && source.references(at).iter().any(writes) {
        written.doubts.push((at, "it writes fields, which may be final".into()));
    }
}

/// Whether code of the same form as the selection is elsewhere in the file: the same tokens, whatever the variables are called.
fn repeated(source: &Source<'_>, at: TextRange) -> bool {
    let variable = |r: &&deepcoder_resolve::Reference| {
        let Target::Declaration(id) = r.target else { return false };
        source
            .bindings
            .declaration(id)
            .is_some_and(|d| matches!(d.kind, DeclarationKind::Variable | DeclarationKind::Parameter))
    };
    let variables: BTreeSet<TextRange> = source.bindings.references.iter().filter(variable).map(|r| r.at).collect();
    let mut all: Vec<(TextRange, &str)> = Vec::new();
    walk(source.tree.root_node(), |node| {
        let whole = node.child_count() == 0 || source.grammar.strings.contains(&node.kind());
        if whole && !node.is_extra() && node.start_byte() < node.end_byte() {
            let here = range(node);
            all.push((here, if variables.contains(&here) { "\u{1}" } else { source.text_of(here) }));
        }
        !whole
    });
    let wanted: Vec<&str> = all.iter().filter(|(here, _)| holds(at, *here)).map(|(_, text)| *text).collect();
    if wanted.is_empty() {
        return false;
    }
    // A declared variable's type may be another one.
    all.windows(wanted.len()).any(|window| {
        let apart = window.iter().all(|(here, _)| !holds(at, *here));
        apart && window.iter().zip(&wanted).all(|((_, text), wanted)| text == wanted)
    })
}
