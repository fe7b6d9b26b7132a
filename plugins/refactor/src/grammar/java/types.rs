//! The types of Java's variables and expressions, where the text of the file tells them.

use crate::grammar::is_field;
use crate::grammar::source::{Source, range, walk};
use deepcoder_resolve::{Resolution, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// How far values are followed: what is deeper costs twice as much with each step, and has no known type.
const DEPTH: u32 = 14;

/// What methods of well-known types of the JDK give, by the type without its arguments.
const LIBRARY: &[(&[&str], &[&str], &str)] = &[
    (COLLECTIONS, &["size", "indexOf", "lastIndexOf"], "int"),
    (COLLECTIONS, &["isEmpty", "contains", "containsKey", "containsAll", "containsValue"], "boolean"),
    (&["String", "StringBuilder", "StringBuffer", "CharSequence"], &["length", "indexOf", "lastIndexOf"], "int"),
    (&["String", "StringBuilder", "StringBuffer", "CharSequence"], &["charAt"], "char"),
    (&["String", "StringBuilder", "StringBuffer", "CharSequence"], &["substring", "toString"], "String"),
    (
        &["String"],
        &["trim", "toLowerCase", "toUpperCase", "concat", "replace", "replaceAll", "repeat", "strip", "intern"],
        "String",
    ),
    (
        &["String"],
        &["isEmpty", "startsWith", "endsWith", "contains", "matches", "equalsIgnoreCase", "isBlank"],
        "boolean",
    ),
    (&["String"], &["split"], "String[]"),
    (&["String"], &["compareTo"], "int"),
    (&["String"], &["toCharArray"], "char[]"),
    (&["Iterator"], &["hasNext"], "boolean"),
    (&["Integer"], &["intValue"], "int"),
    (&["Integer", "Math"], &["parseInt"], "int"),
    (&["String"], &["valueOf", "format", "join"], "String"),
    (&["Math"], &["random", "sqrt", "pow", "floor", "ceil"], "double"),
    (&["Class"], &["getName", "getSimpleName"], "String"),
    (&["System"], &["currentTimeMillis", "nanoTime"], "long"),
];

const COLLECTIONS: &[&str] = &[
    "List",
    "ArrayList",
    "LinkedList",
    "Collection",
    "Set",
    "HashSet",
    "TreeSet",
    "Map",
    "HashMap",
    "TreeMap",
    "Vector",
    "Queue",
    "Deque",
];

/// The type of the variable that is declared at a place, with the brackets behind its name.
pub(crate) fn variable_type(source: &Source<'_>, at: TextRange) -> Option<String> {
    variable(source, source.node_at(at)?, 0)
}

fn variable(source: &Source<'_>, name: Node<'_>, depth: u32) -> Option<String> {
    let at = range(name);
    let mut node = name;
    let mut dimensions = String::new();
    loop {
        node = node.parent()?;
        let brackets =
            |node: Node<'_>| node.child_by_field_name("dimensions").map(|d| source.text_of(range(d)).to_owned());
        match node.kind() {
            "variable_declarator" | "variable_declarator_id" => {
                if let Some(own) = brackets(node) {
                    dimensions = own;
                }
            }
            "local_variable_declaration"
            | "field_declaration"
            | "constant_declaration"
            | "formal_parameter"
            | "enhanced_for_statement"
            | "resource" => {
                if let Some(own) = brackets(node) {
                    dimensions = own;
                }
                let kind = node.child_by_field_name("type")?;
                let text = source.text_of(range(kind));
                if text == "var" {
                    let mut cursor = node.walk();
                    let declarator = node
                        .children_by_field_name("declarator", &mut cursor)
                        .find(|d| d.child_by_field_name("name").is_some_and(|n| range(n) == at))?;
                    return type_in(source, declarator.child_by_field_name("value")?, depth + 1);
                }
                return Some(format!("{text}{}", dimensions.split_whitespace().collect::<String>()));
            }
            "spread_parameter" => {
                let kind = node
                    .named_children(&mut node.walk())
                    .find(|c| c.kind().ends_with("type") || c.kind().ends_with("type_identifier"))?;
                return Some(format!("{}[]", source.text_of(range(kind))));
            }
            "catch_formal_parameter" => {
                let kind = node.named_children(&mut node.walk()).find(|c| c.kind() == "catch_type")?;
                return (kind.named_child_count() == 1).then(|| source.text_of(range(kind)).to_owned());
            }
            "inferred_parameters" | "lambda_expression" => {
                let lambda = if node.kind() == "lambda_expression" { node } else { node.parent()? };
                let parameters = lambda.child_by_field_name("parameters")?;
                let place = if range(parameters) == at {
                    0
                } else {
                    parameters.named_children(&mut parameters.walk()).position(|p| range(p) == at)?
                };
                return lambda_type(source, lambda)?.0.get(place).cloned();
            }
            "instanceof_expression" | "type_pattern" => {
                let kind = node.child_by_field_name("right").or_else(|| node.named_child(0))?;
                return Some(source.text_of(range(kind)).to_owned());
            }
            kind if kind.ends_with("body") || kind.ends_with("statement") || kind == "block" => return None,
            _ => {}
        }
    }
}

/// The parameters and the result of the only method of the interface that a lambda implements, where it is in this file.
pub(crate) fn lambda_type(source: &Source<'_>, lambda: Node<'_>) -> Option<(Vec<String>, String)> {
    let declarator = lambda.parent().filter(|parent| parent.kind() == "variable_declarator")?;
    let kind = declarator.parent()?.child_by_field_name("type")?;
    let name = source.text_of(range(kind));
    let mut found = None;
    walk(source.tree.root_node(), |node| {
        let named = node.kind() == "interface_declaration"
            && node.child_by_field_name("name").is_some_and(|own| source.text_of(range(own)) == name);
        if named {
            found = node.child_by_field_name("body");
        }
        found.is_none()
    });
    let body = found?;
    let mut cursor = body.walk();
    let mut methods = body
        .named_children(&mut cursor)
        .filter(|member| member.kind() == "method_declaration" && member.child_by_field_name("body").is_none());
    let (only, None) = (methods.next()?, methods.next()) else { return None };
    let text = |node: Node<'_>| source.text_of(range(node)).to_owned();
    let parameters = only.child_by_field_name("parameters")?;
    let types: Vec<String> = parameters
        .named_children(&mut parameters.walk())
        .filter_map(|parameter| parameter.child_by_field_name("type").map(text))
        .collect();
    // The interface's own type parameters mean nothing here.
    (found?.parent()?.child_by_field_name("type_parameters").is_none())
        .then_some((types, text(only.child_by_field_name("type")?)))
}

/// The type of an expression.
pub(crate) fn type_of(source: &Source<'_>, expression: Node<'_>) -> Option<String> {
    type_in(source, expression, 0)
}

fn type_in(source: &Source<'_>, expression: Node<'_>, depth: u32) -> Option<String> {
    if depth > DEPTH {
        return None;
    }
    let mut node = expression;
    let text = |node: Node<'_>| source.text_of(range(node)).to_owned();
    let mut promoted = false;
    // A bounded number of brackets and signs.
    for _ in 0..16 {
        let inner = match node.kind() {
            "parenthesized_expression" => node.named_children(&mut node.walk()).find(|child| !child.is_extra())?,
            "unary_expression" => {
                if source.text_of(range(node)).starts_with('!') {
                    return Some("boolean".to_owned());
                }
                promoted = true;
                node.child_by_field_name("operand")?
            }
            "update_expression" => node.named_child(0)?,
            _ => break,
        };
        node = inner;
    }
    let next = |node: Node<'_>| type_in(source, node, depth + 1);
    let known = match node.kind() {
        "string_literal" => "String".to_owned(),
        "true" | "false" | "instanceof_expression" => "boolean".to_owned(),
        "character_literal" => "char".to_owned(),
        "decimal_integer_literal" | "hex_integer_literal" | "octal_integer_literal" | "binary_integer_literal" => {
            let long = text(node).ends_with(['l', 'L']);
            if long { "long".to_owned() } else { "int".to_owned() }
        }
        "decimal_floating_point_literal" | "hex_floating_point_literal" => {
            let single = text(node).ends_with(['f', 'F']);
            if single { "float".to_owned() } else { "double".to_owned() }
        }
        "object_creation_expression" => {
            let anonymous = node.named_children(&mut node.walk()).any(|c| c.kind() == "class_body");
            let kind = text(node.child_by_field_name("type")?);
            if kind.contains("<>")
                || anonymous && kind.contains('<')
                || node.named_child(0).is_some_and(|c| c.kind() == "identifier")
            {
                return None;
            }
            kind
        }
        "array_creation_expression" => {
            let kind = text(node.child_by_field_name("type")?);
            let mut cursor = node.walk();
            let dimensions: usize =
                node.children_by_field_name("dimensions", &mut cursor).map(|d| text(d).matches('[').count()).sum();
            format!("{kind}{}", "[]".repeat(dimensions))
        }
        "cast_expression" => text(node.child_by_field_name("type")?),
        "assignment_expression" => next(node.child_by_field_name("left")?)?,
        "array_access" => {
            let array = next(node.child_by_field_name("array")?)?;
            array.strip_suffix("[]")?.to_owned()
        }
        "class_literal" => format!("Class<{}>", text(node.named_child(0)?)),
        "this" => class_of(source, node)?,
        "ternary_expression" => {
            let (one, other) = (node.child_by_field_name("consequence")?, node.child_by_field_name("alternative")?);
            match (one.kind(), other.kind()) {
                ("null_literal", _) => next(other)?,
                (_, "null_literal") => next(one)?,
                _ => next(one).filter(|one| next(other).as_deref() == Some(one.as_str()))?,
            }
        }
        "identifier" => declared(source, node, depth)?,
        "field_access" => {
            let field = node.child_by_field_name("field")?;
            let object = node.child_by_field_name("object")?;
            if text(field) == "length" && next(object).is_some_and(|of| of.ends_with("[]")) {
                "int".to_owned()
            } else {
                declared(source, field, depth)?
            }
        }
        "method_invocation" => {
            let name = node.child_by_field_name("name")?;
            match declared(source, name, depth) {
                Some(known) => known,
                None => library(source, node, depth)?,
            }
        }
        "binary_expression" => binary(source, node, depth)?,
        _ => return None,
    };
    let known = if promoted && matches!(known.as_str(), "byte" | "short" | "char") { "int".to_owned() } else { known };
    (known != "var" && known != "void").then_some(known)
}

/// What a method of the JDK gives, where the type of its object is written in this file.
fn library(source: &Source<'_>, call: Node<'_>, depth: u32) -> Option<String> {
    let method = source.text_of(range(call.child_by_field_name("name")?));
    match method {
        "hashCode" => return Some("int".to_owned()),
        "equals" => return Some("boolean".to_owned()),
        _ => {}
    }
    let object = call.child_by_field_name("object")?;
    let of = type_in(source, object, depth + 1)
        .or_else(|| (object.kind() == "identifier").then(|| source.text_of(range(object)).to_owned()))?;
    let raw = of.split('<').next().unwrap_or_default();
    let raw = raw.rsplit('.').next().unwrap_or(raw);
    if method == "toString" && call.child_by_field_name("arguments").is_some_and(|a| a.named_child_count() == 0) {
        return Some("String".to_owned());
    }
    let fits = |(types, methods, _): &&(&[&str], &[&str], &str)| types.contains(&raw) && methods.contains(&method);
    if let Some((.., gives)) = LIBRARY.iter().find(fits) {
        return Some((*gives).to_owned());
    }
    // An element of a collection.
    if raw == of && COLLECTIONS.contains(&raw) && method == "get" {
        return Some("Object".to_owned());
    }
    let arguments = of.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>'))?;
    let bound = arguments.strip_prefix("? extends ").or_else(|| arguments.strip_prefix("? super ").map(|_| "Object"));
    if let (Some(bound), "get" | "next") = (bound, method) {
        return Some(bound.to_owned());
    }
    let plain = !arguments.contains([',', '<', '?']);
    match (raw, method) {
        ("List" | "ArrayList" | "LinkedList" | "Vector", "get" | "remove") if plain => Some(arguments.to_owned()),
        ("Iterator", "next") if plain => Some(arguments.to_owned()),
        ("List" | "ArrayList" | "LinkedList" | "Set" | "HashSet" | "Collection", "iterator")
            if !arguments.contains('?') =>
        {
            Some(format!("Iterator<{arguments}>"))
        }
        ("Class", "newInstance" | "cast") if plain => Some(arguments.to_owned()),
        _ => None,
    }
}

/// The name of the class around a node, where it has no type parameters.
fn class_of(source: &Source<'_>, node: Node<'_>) -> Option<String> {
    let mut at = node.parent()?;
    while !matches!(
        at.kind(),
        "class_declaration" | "enum_declaration" | "interface_declaration" | "record_declaration"
    ) {
        if at.kind() == "class_body" && at.parent().is_some_and(|up| up.kind() == "object_creation_expression") {
            return None;
        }
        at = at.parent()?;
    }
    let name = source.text_of(range(at.child_by_field_name("name")?));
    let Some(parameters) = at.child_by_field_name("type_parameters") else { return Some(name.to_owned()) };
    let mut cursor = parameters.walk();
    let names: Vec<&str> = parameters
        .named_children(&mut cursor)
        .filter_map(|parameter| parameter.named_child(0).map(|name| source.text_of(range(name))))
        .collect();
    Some(format!("{name}<{}>", names.join(", ")))
}

/// The type that the declaration of a name in this file writes.
fn declared(source: &Source<'_>, name: Node<'_>, depth: u32) -> Option<String> {
    let reference = source.references(range(name)).iter().find(|r| r.at == range(name))?;
    if let Target::Declaration(id) = reference.target {
        return of_declaration(source, source.bindings.declaration(id)?.at, depth);
    }
    let Resolution::Exact(symbol) = source.project.resolve(&source.path, reference) else { return None };
    let mut types = symbol.declarations.iter().map(|(path, id)| {
        let declaration = source.bindings.declaration(*id).filter(|_| *path == source.path)?;
        of_declaration(source, declaration.at, depth)
    });
    let first = types.next()??;
    types.all(|other| other.as_deref() == Some(first.as_str())).then_some(first)
}

fn of_declaration(source: &Source<'_>, at: TextRange, depth: u32) -> Option<String> {
    let node = source.node_at(at)?;
    let parent = node.parent()?;
    if parent.kind() == "method_declaration" && is_field(parent, node, "name") {
        // Its own type parameters mean other types at other places.
        if parent.child_by_field_name("type_parameters").is_some() || parent.child_by_field_name("dimensions").is_some()
        {
            return None;
        }
        return Some(source.text_of(range(parent.child_by_field_name("type")?)).to_owned());
    }
    variable(source, node, depth)
}

/// The type of an operator's result.
fn binary(source: &Source<'_>, node: Node<'_>, depth: u32) -> Option<String> {
    let operator = node.child_by_field_name("operator")?.kind();
    let side = |field: &str| node.child_by_field_name(field).and_then(|node| type_in(source, node, depth + 1));
    let (left, right) = match operator {
        "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" => return Some("boolean".to_owned()),
        "+" => match (side("left"), side("right")) {
            (Some(one), _) | (_, Some(one)) if one == "String" => return Some(one),
            (left, right) => (left?, right?),
        },
        _ => (side("left")?, side("right")?),
    };
    let plain = |kind: &str| match kind {
        "Integer" | "int" | "short" | "byte" | "char" | "Short" | "Byte" | "Character" => Some("int"),
        "Long" | "long" => Some("long"),
        "Float" | "float" => Some("float"),
        "Double" | "double" => Some("double"),
        "boolean" | "Boolean" => Some("boolean"),
        _ => None,
    };
    let (left, right) = (plain(&left)?, plain(&right)?);
    if matches!(operator, "<<" | ">>" | ">>>") {
        return Some(left.to_owned());
    }
    if left == "boolean" || right == "boolean" {
        return (left == right && matches!(operator, "&" | "|" | "^")).then(|| left.to_owned());
    }
    ["double", "float", "long"]
        .into_iter()
        .find(|kind| left == *kind || right == *kind)
        .or(Some("int"))
        .map(str::to_owned)
}

/// The type that the place of an expression has: what is declared with it, what it is given to, what it is returned as.
pub(crate) fn expected_type(source: &Source<'_>, expression: Node<'_>) -> Option<String> {
    let parent = expression.parent()?;
    let known = match parent.kind() {
        "parenthesized_expression" => return expected_type(source, parent),
        "variable_declarator" => variable_type(source, range(parent.child_by_field_name("name")?))?,
        "assignment_expression" if is_field(parent, expression, "right") => {
            type_of(source, parent.child_by_field_name("left")?)?
        }
        "return_statement" => {
            let mut at = parent.parent()?;
            while at.kind() != "method_declaration" {
                if matches!(at.kind(), "lambda_expression" | "class_body") {
                    return None;
                }
                at = at.parent()?;
            }
            source.text_of(range(at.child_by_field_name("type")?)).to_owned()
        }
        "if_statement" | "while_statement" | "do_statement" => "boolean".to_owned(),
        _ => return None,
    };
    (known != "var" && known != "void").then_some(known)
}
