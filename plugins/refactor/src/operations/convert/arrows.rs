//! Functions of scripts in other forms: arrow functions, function expressions, declarations.

use super::braces::{returned, value_text};
use super::site::{Draft, Site, child, field, is_comment, parts};
use super::{ConvertError, Kind, SCRIPTS};
use crate::grammar::source::{holds, range, walk};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "function-to-arrow",
        title: "make an arrow function of the function expression",
        languages: SCRIPTS,
        applies: expression_at,
        rewrite: to_arrow,
    },
    Kind {
        name: "arrow-to-function",
        title: "make a function expression of the arrow function",
        languages: SCRIPTS,
        applies: arrow_at,
        rewrite: to_function,
    },
    Kind {
        name: "arrow-to-named-function",
        title: "make a function declaration of the variable",
        languages: SCRIPTS,
        applies: declared_at,
        rewrite: to_named,
    },
];

const FUNCTIONS: &[&str] = &["arrow_function", "function_expression", "generator_function"];

/// The function whose head the selection is in, or which the variable of the selection gets.
fn function_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    // The selected character is behind the cursor, so that only its token counts.
    let mut at = site.source.node_at(site.at)?;
    if site.at.start == site.at.end {
        at = site.tokens().into_iter().next()?;
    }
    loop {
        if FUNCTIONS.contains(&at.kind()) {
            let body = range(field(at, "body")?);
            let here = site.at.start >= body.start
                && site.at.start < body.end.max(body.start + 1)
                && !holds(site.at, range(at));
            return (!here).then_some(at);
        }
        if matches!(at.kind(), "variable_declarator" | "lexical_declaration" | "variable_declaration") {
            return value_of(at);
        }
        if matches!(at.kind(), "statement_block" | "arguments" | "call_expression" | "class_body" | "program") {
            return None;
        }
        at = at.parent()?;
    }
}

/// The function that a declaration of one variable gives.
fn value_of(declaration: Node<'_>) -> Option<Node<'_>> {
    let declarator = match declaration.kind() {
        "variable_declarator" => declaration,
        _ => match parts(declaration)[..] {
            [only] => only,
            _ => return None,
        },
    };
    field(declarator, "value").filter(|value| FUNCTIONS.contains(&value.kind()))
}

fn expression_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    function_at(site).filter(|found| found.kind() == "function_expression")
}

fn arrow_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    function_at(site).filter(|found| found.kind() == "arrow_function" && !of_variable(site, *found))
}

fn declared_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    // In the head of a function expression only that expression is meant.
    let meant = |found: &Node<'s>| found.kind() == "arrow_function" || of_variable(site, *found);
    function_at(site)
        .filter(|found| found.parent().is_some_and(|parent| parent.kind() == "variable_declarator"))
        .filter(meant)
}

/// Whether the selection is on the variable and not in the function that it gets.
fn of_variable(site: &Site<'_>, function: Node<'_>) -> bool {
    site.at.start < range(function).start
}

/// Whether a function uses `this`, `arguments`, `super` or `new.target` of its own.
fn own_words(site: &Site<'_>, function: Node<'_>) -> bool {
    let mut found = false;
    walk(function, |node| {
        let word = matches!(node.kind(), "this" | "super" | "meta_property")
            || node.kind() == "identifier" && site.text(node) == "arguments"
            || node.kind() == "this_type";
        found |= word;
        // Classes and functions have words of their own; arrow functions have not.
        let inner = node.id() != function.id()
            && matches!(
                node.kind(),
                "function_expression"
                    | "function_declaration"
                    | "generator_function"
                    | "class"
                    | "class_declaration"
                    | "method_definition"
                    | "generator_function_declaration"
            );
        !inner
    });
    found
}

fn words_within(site: &Site<'_>, function: Node<'_>) -> bool {
    let mut found = false;
    walk(function, |node| {
        found |=
            matches!(node.kind(), "this" | "super") || site.text(node) == "arguments" && node.kind() == "identifier";
        true
    });
    found
}

fn is_async(node: Node<'_>) -> &'static str {
    if child(node, "async").is_some() { "async " } else { "" }
}

/// The head of a function from its type parameters to its result type.
fn head(site: &Site<'_>, node: Node<'_>) -> Result<(String, String, String), ConvertError> {
    let text = |name: &str| field(node, name).map(|part| site.text(part).to_owned()).unwrap_or_default();
    let parameters = match (field(node, "parameters"), field(node, "parameter")) {
        (Some(list), _) => spaced(site, list),
        (None, Some(one)) => format!("({})", site.text(one)),
        _ => return Err(ConvertError::Broken),
    };
    Ok((text("type_parameters"), parameters, text("return_type")))
}

/// A list of parameters with a blank behind each comma.
fn spaced(site: &Site<'_>, list: Node<'_>) -> String {
    let mut cursor = list.walk();
    if list.named_children(&mut cursor).any(is_comment) || site.text(list).contains('\n') {
        return site.text(list).to_owned();
    }
    let all: Vec<&str> = parts(list).into_iter().map(|part| site.text(part)).collect();
    format!("({})", all.join(", "))
}

const NEW: &str = "an arrow function can neither be called with `new` nor be bound to another `this`";

fn to_arrow(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    if own_words(site, node) {
        return Err(ConvertError::Because("`this` or `arguments` of the function would be others"));
    }
    let body = field(node, "body").ok_or(ConvertError::Broken)?;
    if let Some(name) = field(node, "name") {
        let text = site.text(name);
        let used = site.source.references(range(node)).iter().any(|r| r.name == text && r.at != range(name));
        if used {
            return Err(ConvertError::Because("the function uses its own name"));
        }
    }
    if child(node, "*").is_some() {
        return Err(ConvertError::Because("there are no arrow functions that are generators"));
    }
    let (types, parameters, result) = head(site, node)?;
    let value = returned(body).map(|value| value_text(site, value)).filter(|text| !text.contains('\n'));
    let body_text = value.unwrap_or_else(|| site.text(body).to_owned());
    let function = format!("{}{types}{parameters}{result} => {body_text}", is_async(node));
    let brackets = node.parent().is_some_and(|parent| {
        matches!(
            parent.kind(),
            "binary_expression"
                | "unary_expression"
                | "member_expression"
                | "await_expression"
                | "as_expression"
                | "satisfies_expression"
                | "ternary_expression"
                | "subscript_expression"
                | "non_null_expression"
        ) || parent.kind() == "call_expression" && field(parent, "function").is_some_and(|f| f.id() == node.id())
    });
    let text = if brackets { format!("({function})") } else { function };
    Ok(Draft::of(node, text).doubted(node, NEW))
}

/// The body of an arrow function in braces; its comments come before the value.
fn braced(site: &Site<'_>, node: Node<'_>) -> Result<String, ConvertError> {
    let body = field(node, "body").ok_or(ConvertError::Broken)?;
    if body.kind() == "statement_block" {
        return Ok(site.text(body).to_owned());
    }
    let indentation = site.indentation(node);
    let unit = site.unit();
    let arrow = child(node, "=>").ok_or(ConvertError::Broken)?;
    let between = site.text_between(range(arrow).end, range(body).start).trim();
    let comment = if between.is_empty() { String::new() } else { format!("{between}\n{indentation}{unit}") };
    let value = site.bare(body);
    let text = if value.kind() == "object" { site.text(value) } else { site.text(body) };
    Ok(format!("{{\n{indentation}{unit}{comment}return {text};\n{indentation}}}"))
}

fn to_function(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    if own_words(site, node) {
        return Err(ConvertError::Because("`this` or `arguments` of the function would be others"));
    }
    let (types, parameters, result) = head(site, node)?;
    let text = format!("{}function{types}{parameters}{result} {}", is_async(node), braced(site, node)?);
    let first = node.parent().is_some_and(|parent| parent.kind() == "expression_statement");
    let text = if first { format!("({text})") } else { text };
    Ok(Draft::of(node, text).doubted(node, "a function can be called with `new` and has a prototype"))
}

fn to_named(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    if node.kind() == "arrow_function" && words_within(site, node) && own_words(site, node) {
        return Err(ConvertError::Because("`this` or `arguments` of the function would be others"));
    }
    let declarator = node.parent().ok_or(ConvertError::Broken)?;
    let declaration = declarator.parent().ok_or(ConvertError::Broken)?;
    if !matches!(declaration.kind(), "lexical_declaration" | "variable_declaration") {
        return Err(ConvertError::Broken);
    }
    if field(declarator, "type").is_some() {
        return Err(ConvertError::Because("the variable has a written type"));
    }
    let name = field(declarator, "name").filter(|name| name.kind() == "identifier");
    let name = name.ok_or(ConvertError::Because("the variable is a pattern"))?;
    if let Some(own) = field(node, "name") {
        let used = site.source.references(range(node)).iter().any(|r| r.name == site.text(own) && r.at != range(own));
        if used && site.text(own) != site.text(name) {
            return Err(ConvertError::Because("the function uses its own name"));
        }
    }
    let text = site.text(name);
    let writes = |r: &&deepcoder_resolve::Reference| {
        r.name == text && r.role == deepcoder_resolve::Role::Writes && r.at != range(name)
    };
    if site.source.bindings.references.iter().any(|r| writes(&r)) {
        return Err(ConvertError::Because("the variable gets other values"));
    }
    let (types, parameters, result) = head(site, node)?;
    let star = if node.kind() == "generator_function" || child(node, "*").is_some() { "*" } else { "" };
    let body = if node.kind() == "arrow_function" {
        braced(site, node)?
    } else {
        field(node, "body").map(|body| site.text(body).to_owned()).ok_or(ConvertError::Broken)?
    };
    let function = format!("{}function{star} {text}{types}{parameters}{result} {body}", is_async(node));
    let all = parts(declaration);
    let doubt = "a declaration can be used before its line, and can be called with `new`";
    if all.len() == 1 {
        return Ok(Draft::of(declaration, function).doubted(declarator, doubt));
    }
    if declaration.parent().is_some_and(|parent| matches!(parent.kind(), "export_statement" | "for_statement")) {
        return Err(ConvertError::Because("the declaration has other variables"));
    }
    let rest: Vec<&str> = all.iter().filter(|d| d.id() != declarator.id()).map(|d| site.text(*d)).collect();
    let word = declaration.child(0).map(|word| site.text(word)).unwrap_or_default();
    let semicolon = if site.text(declaration).ends_with(';') { ";" } else { "" };
    let indentation = site.indentation(declaration);
    let text = format!("{word} {}{semicolon}\n{indentation}{function}", rest.join(", "));
    let at = range(declaration);
    let mut draft = Draft::default();
    draft.put(TextRange::new(at.start, at.end), text);
    Ok(draft.doubted(declarator, doubt))
}
