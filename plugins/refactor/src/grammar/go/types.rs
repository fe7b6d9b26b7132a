//! The types of Go's variables and expressions, where the text of the file tells them.

use crate::grammar::source::{Source, range};
use deepcoder_resolve::{Resolution, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// How far values are followed: what is deeper costs twice as much with each step, and has no known type.
const DEPTH: u32 = 10;

/// What well-known functions give.
const LIBRARY: &[(&str, &[&str])] = &[
    ("fmt.Sprintf", &["string"]),
    ("fmt.Sprint", &["string"]),
    ("fmt.Errorf", &["error"]),
    ("errors.New", &["error"]),
    ("json.Marshal", &["[]byte", "error"]),
    ("os.ReadFile", &["[]byte", "error"]),
    ("io.ReadAll", &["[]byte", "error"]),
    ("strconv.Atoi", &["int", "error"]),
    ("strconv.Itoa", &["string"]),
    ("strings.Contains", &["bool"]),
    ("strings.ContainsFunc", &["bool"]),
    ("strings.HasPrefix", &["bool"]),
    ("strings.HasSuffix", &["bool"]),
    ("strings.Split", &["[]string"]),
    ("strings.Fields", &["[]string"]),
    ("strings.Join", &["string"]),
    ("strings.TrimSpace", &["string"]),
    ("strings.ToLower", &["string"]),
    ("strings.ToUpper", &["string"]),
    ("len", &["int"]),
    ("cap", &["int"]),
];

const BASIC: &[&str] = &[
    "bool",
    "byte",
    "complex128",
    "error",
    "float32",
    "float64",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "rune",
    "string",
    "uint",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uintptr",
];

/// The type of the variable that is declared at a place.
pub(crate) fn variable_type(source: &Source<'_>, at: TextRange) -> Option<String> {
    variable(source, source.node_at(at)?, 0)
}

fn variable(source: &Source<'_>, name: Node<'_>, depth: u32) -> Option<String> {
    let parent = name.parent()?;
    let text = |node: Node<'_>| source.text_of(range(node)).to_owned();
    match parent.kind() {
        "parameter_declaration" => Some(text(parent.child_by_field_name("type")?)),
        "variadic_parameter_declaration" => Some(format!("[]{}", text(parent.child_by_field_name("type")?))),
        "var_spec" | "const_spec" => match parent.child_by_field_name("type") {
            Some(kind) => Some(text(kind)),
            None => {
                let mut cursor = parent.walk();
                let place = parent.children_by_field_name("name", &mut cursor).position(|n| n.id() == name.id())?;
                value(source, parent.child_by_field_name("value")?, place, depth)
            }
        },
        "expression_list" => {
            let up = parent.parent()?;
            let place = parent.named_children(&mut parent.walk()).position(|n| n.id() == name.id())?;
            match up.kind() {
                "short_var_declaration" => value(source, up.child_by_field_name("right")?, place, depth),
                "range_clause" => {
                    let over = type_in(source, up.child_by_field_name("right")?, depth + 1)?;
                    match (place, over.as_str()) {
                        (0, "string") => Some("int".to_owned()),
                        (1, "string") => Some("rune".to_owned()),
                        (0, over) if over.starts_with('[') || over == "int" => Some("int".to_owned()),
                        (1, over) => over.strip_prefix("[]").map(str::to_owned),
                        _ => None,
                    }
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The type of one of several values.
fn value(source: &Source<'_>, list: Node<'_>, place: usize, depth: u32) -> Option<String> {
    let count = list.named_child_count();
    if list.kind() == "expression_list" && count == 1 || list.kind() != "expression_list" {
        let only = if list.kind() == "expression_list" { list.named_child(0)? } else { list };
        if only.kind() == "call_expression" {
            return results(source, only, depth)?.get(place).cloned();
        }
        return match place {
            0 => type_in(source, only, depth + 1),
            1 => Some("bool".to_owned()),
            _ => None,
        };
    }
    type_in(source, list.named_child(u32::try_from(place).ok()?)?, depth + 1)
}

/// The types that a function gives, by its declaration.
pub(crate) fn declared_results(source: &Source<'_>, function: Node<'_>) -> Vec<String> {
    let Some(result) = function.child_by_field_name("result") else { return Vec::new() };
    if result.kind() != "parameter_list" {
        return vec![source.text_of(range(result)).to_owned()];
    }
    let mut types = Vec::new();
    let mut cursor = result.walk();
    for parameter in result.named_children(&mut cursor) {
        let Some(kind) = parameter.child_by_field_name("type") else { continue };
        let mut cursor = parameter.walk();
        let names = parameter.children_by_field_name("name", &mut cursor).count().max(1);
        types.extend(std::iter::repeat_n(source.text_of(range(kind)).to_owned(), names));
    }
    types
}

/// What a call gives.
fn results(source: &Source<'_>, call: Node<'_>, depth: u32) -> Option<Vec<String>> {
    let function = call.child_by_field_name("function")?;
    let text = source.text_of(range(function));
    if let Some((_, types)) = LIBRARY.iter().find(|(name, _)| *name == text) {
        return Some(types.iter().map(|kind| (*kind).to_owned()).collect());
    }
    let first = || call.child_by_field_name("arguments").and_then(|arguments| arguments.named_child(0));
    if BASIC.contains(&text) {
        return Some(vec![text.to_owned()]);
    }
    match text {
        "append" => return Some(vec![type_in(source, first()?, depth + 1)?]),
        "make" => return Some(vec![source.text_of(range(first()?)).to_owned()]),
        "new" => return Some(vec![format!("*{}", source.text_of(range(first()?)))]),
        _ => {}
    }
    let name = match function.kind() {
        "selector_expression" => function.child_by_field_name("field")?,
        "identifier" => function,
        "func_literal" => return Some(declared_results(source, function)),
        _ => return None,
    };
    let item = declaration(source, name)?;
    match item.kind() {
        "function_declaration" if item.child_by_field_name("type_parameters").is_none() => {
            Some(declared_results(source, item))
        }
        "method_declaration" => Some(declared_results(source, item)),
        "type_spec" => Some(vec![source.text_of(range(name)).to_owned()]),
        _ => None,
    }
}

/// What declares a name in this file.
fn declaration<'s>(source: &'s Source<'_>, name: Node<'_>) -> Option<Node<'s>> {
    let reference = source.references(range(name)).iter().find(|r| r.at == range(name))?;
    let at = match &reference.target {
        Target::Declaration(id) => source.bindings.declaration(*id)?.at,
        _ => {
            let Resolution::Exact(symbol) = source.project.resolve(&source.path, reference) else { return None };
            let [(path, id)] = symbol.declarations.as_slice() else { return None };
            source.bindings.declaration(*id).filter(|_| *path == source.path)?.at
        }
    };
    source.node_at(at)?.parent()
}

/// The type of an expression.
pub(crate) fn type_of(source: &Source<'_>, expression: Node<'_>) -> Option<String> {
    type_in(source, expression, 0)
}

fn type_in(source: &Source<'_>, node: Node<'_>, depth: u32) -> Option<String> {
    if depth > DEPTH {
        return None;
    }
    let next = |node: Node<'_>| type_in(source, node, depth + 1);
    let field = |name: &str| node.child_by_field_name(name);
    Some(match node.kind() {
        "int_literal" => "int".to_owned(),
        "float_literal" => "float64".to_owned(),
        "rune_literal" => "rune".to_owned(),
        "interpreted_string_literal" | "raw_string_literal" => "string".to_owned(),
        "true" | "false" => "bool".to_owned(),
        "composite_literal" => {
            let kind = source.text_of(range(field("type")?));
            (!kind.contains("...")).then(|| kind.to_owned())?
        }
        "parenthesized_expression" => next(node.named_child(0)?)?,
        "type_conversion_expression" | "type_assertion_expression" => source.text_of(range(field("type")?)).to_owned(),
        "func_literal" => {
            let end = range(field("body")?).start;
            source.text_of(TextRange::new(range(node).start, end)).trim().to_owned()
        }
        "unary_expression" => {
            let inner = next(field("operand")?)?;
            match field("operator")?.kind() {
                "&" => format!("*{inner}"),
                "*" => inner.strip_prefix('*')?.to_owned(),
                "<-" => inner.strip_prefix("chan ")?.to_owned(),
                _ => inner,
            }
        }
        "binary_expression" => match field("operator")?.kind() {
            "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" => "bool".to_owned(),
            _ => {
                let (left, right) = (field("left")?, field("right")?);
                let literal = |node: Node<'_>| node.kind().ends_with("_literal");
                if literal(left) && !literal(right) { next(right)? } else { next(left)? }
            }
        },
        "identifier" => {
            let reference = source.references(range(node)).iter().find(|r| r.at == range(node))?;
            let Target::Declaration(id) = reference.target else { return None };
            variable(source, source.node_at(source.bindings.declaration(id)?.at)?, depth + 1)?
        }
        "selector_expression" => {
            let item = declaration(source, field("field")?)?;
            (item.kind() == "field_declaration")
                .then(|| item.child_by_field_name("type"))
                .flatten()
                .map(|kind| source.text_of(range(kind)).to_owned())?
        }
        "index_expression" => {
            let whole = next(field("operand")?)?;
            match (whole.strip_prefix("[]"), whole.strip_prefix("map[")) {
                (Some(element), _) => element.to_owned(),
                (_, Some(rest)) => rest.split_once(']')?.1.to_owned(),
                _ => return None,
            }
        }
        "slice_expression" => next(field("operand")?)?,
        "call_expression" => match results(source, node, depth)?.as_slice() {
            [only] => only.clone(),
            _ => return None,
        },
        _ => return None,
    })
}

/// The receiver of a method: its name and its type as it is written.
pub(crate) fn receiver(source: &Source<'_>, method: Node<'_>) -> Option<(String, String)> {
    let list = method.child_by_field_name("receiver")?;
    let parameter = list.named_child(0)?;
    let kind = parameter.child_by_field_name("type")?;
    let name = parameter.child_by_field_name("name").map(|name| source.text_of(range(name)).to_owned());
    Some((name.unwrap_or_default(), source.text_of(range(kind)).to_owned()))
}
