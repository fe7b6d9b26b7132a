//! The types of Rust's variables and expressions, where the text of the file tells them.

use crate::grammar::source::{Source, range};
use deepcoder_resolve::{Resolution, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// How far values are followed: what is deeper costs twice as much with each step, and has no known type.
const DEPTH: u32 = 10;

/// A number without a type of its own, before its place gives it one.
pub(crate) const INTEGER: &str = "{integer}";
pub(crate) const FLOAT: &str = "{float}";

/// The type of the variable that is declared at a place.
pub(crate) fn variable_type(source: &Source<'_>, at: TextRange) -> Option<String> {
    variable(source, source.node_at(at)?, 0)
}

/// The type of an expression.
pub(crate) fn type_of(source: &Source<'_>, expression: Node<'_>) -> Option<String> {
    type_in(source, expression, 0)
}

/// A type as it is written: numbers without one are `i32` and `f64`.
pub(crate) fn settled(kind: &str) -> String {
    kind.replace(INTEGER, "i32").replace(FLOAT, "f64")
}

/// Whether values of a type are copied, as far as the file tells.
pub(crate) fn is_copy(source: &Source<'_>, kind: &str) -> bool {
    let kind = settled(kind);
    let plain = [
        "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64", "bool",
        "char", "()",
    ];
    if plain.contains(&kind.as_str()) || kind.starts_with('&') && !kind.starts_with("&mut") {
        return true;
    }
    if let Some(parts) = kind.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return !parts.contains(['(', '<', '[']) && parts.split(',').all(|part| plain.contains(&part.trim()));
    }
    // A type of the file that derives it.
    let named = source.bindings.declarations.iter().find(|d| d.name == kind);
    named.and_then(|d| source.node_at(d.at)).and_then(|name| name.parent()).is_some_and(|item| {
        let mut at = item.prev_named_sibling();
        while let Some(attribute) = at.filter(|node| node.kind() == "attribute_item") {
            if source.text_of(range(attribute)).contains("Copy") {
                return true;
            }
            at = attribute.prev_named_sibling();
        }
        let wanted = format!("impl Copy for {kind}");
        source.text.contains(&wanted)
    })
}

fn variable(source: &Source<'_>, name: Node<'_>, depth: u32) -> Option<String> {
    let parent = name.parent()?;
    match parent.kind() {
        "let_declaration" => match parent.child_by_field_name("type") {
            Some(kind) => plain(source, kind),
            None => type_in(source, parent.child_by_field_name("value")?, depth + 1),
        },
        "parameter" => plain(source, parent.child_by_field_name("type")?),
        "mut_pattern" => variable(source, parent, depth),
        "tuple_pattern" => {
            let place = parent.named_children(&mut parent.walk()).position(|child| child.id() == name.id())?;
            let whole = variable(source, parent, depth + 1)?;
            let inner = whole.strip_prefix('(')?.strip_suffix(')')?;
            (!inner.contains(['(', '<', '[']))
                .then(|| inner.split(',').nth(place).map(|part| part.trim().to_owned()))?
        }
        "tuple_struct_pattern" => {
            let of = parent.child_by_field_name("type")?;
            let place = parent.named_children(&mut parent.walk()).skip(1).position(|child| child.id() == name.id())?;
            let item = declaration(source, of)?;
            let fields =
                item.child_by_field_name("body").filter(|body| body.kind() == "ordered_field_declaration_list")?;
            let mut cursor = fields.walk();
            let mut types = fields
                .named_children(&mut cursor)
                .filter(|c| c.kind() != "visibility_modifier" && c.kind() != "attribute_item");
            plain(source, types.nth(place)?)
        }
        "for_expression" => {
            let value = parent.child_by_field_name("value")?;
            if value.kind() == "range_expression" {
                return type_in(source, value.named_child(0)?, depth + 1);
            }
            None
        }
        _ => None,
    }
}

/// A type as the text writes it; none that only its place tells.
fn plain(source: &Source<'_>, node: Node<'_>) -> Option<String> {
    let text = source.text_of(range(node));
    let open = text.contains("impl ")
        || text.contains('_') && text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "_");
    (!open).then(|| text.to_owned())
}

/// The item that declares what a name means, in this file.
fn declaration<'s>(source: &'s Source<'_>, name: Node<'_>) -> Option<Node<'s>> {
    let reference = source.references(range(name)).iter().rfind(|r| r.at.end == range(name).end)?;
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

fn type_in(source: &Source<'_>, node: Node<'_>, depth: u32) -> Option<String> {
    if depth > DEPTH {
        return None;
    }
    let text = || source.text_of(range(node));
    let next = |node: Node<'_>| type_in(source, node, depth + 1);
    let field = |name: &str| node.child_by_field_name(name);
    Some(match node.kind() {
        "integer_literal" => suffix(text(), &["i", "u"]).unwrap_or(INTEGER).to_owned(),
        "float_literal" => suffix(text(), &["f"]).unwrap_or(FLOAT).to_owned(),
        "string_literal" | "raw_string_literal" if !text().starts_with('b') => "&str".to_owned(),
        "boolean_literal" => "bool".to_owned(),
        "char_literal" if !text().starts_with('b') => "char".to_owned(),
        "unit_expression" => "()".to_owned(),
        "parenthesized_expression" => next(node.named_child(0)?)?,
        "let_condition" | "let_chain" => "bool".to_owned(),
        "binary_expression" => match field("operator")?.kind() {
            "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" => "bool".to_owned(),
            _ => {
                let (left, right) = (next(field("left")?), field("right").and_then(next));
                match (left, right) {
                    (Some(left), Some(right)) if (left == INTEGER || left == FLOAT) && is_number(&right) => right,
                    (Some(left), Some(right))
                        if is_number(&left) && (right == INTEGER || right == FLOAT || right == left) =>
                    {
                        left
                    }
                    (Some(left), None) if is_number(&left) && left != INTEGER => left,
                    _ => return None,
                }
            }
        },
        "unary_expression" => {
            let inner = next(node.named_child(0)?)?;
            match node.child(0)?.kind() {
                "*" => inner.strip_prefix("&mut ").or_else(|| inner.strip_prefix('&'))?.to_owned(),
                _ => inner,
            }
        }
        "reference_expression" => {
            let inner = next(field("value")?)?;
            let exclusive = node.child(1).is_some_and(|word| word.kind() == "mutable_specifier");
            format!("{}{inner}", if exclusive { "&mut " } else { "&" })
        }
        "type_cast_expression" => plain(source, field("type")?)?,
        "tuple_expression" => {
            let parts: Option<Vec<String>> = node.named_children(&mut node.walk()).map(next).collect();
            format!("({})", parts?.join(", "))
        }
        "array_expression" => {
            let first = next(node.named_child(0)?)?;
            match field("length") {
                Some(length) => format!("[{first}; {}]", source.text_of(range(length))),
                None => format!("[{first}; {}]", node.named_child_count()),
            }
        }
        "struct_expression" => {
            let name = field("name")?;
            let item = declaration(source, name)?;
            if item.child_by_field_name("type_parameters").is_some() {
                return None;
            }
            source.text_of(range(name)).to_owned()
        }
        "identifier" => {
            let reference = source.references(range(node)).iter().find(|r| r.at == range(node))?;
            let Target::Declaration(id) = reference.target else { return None };
            let at = source.bindings.declaration(id)?.at;
            let declared = source.node_at(at)?;
            let parent = declared.parent()?;
            match parent.kind() {
                "const_item" | "static_item" => plain(source, parent.child_by_field_name("type")?)?,
                "struct_item" => source.text_of(at).to_owned(),
                _ => variable(source, declared, depth + 1)?,
            }
        }
        "field_expression" => {
            let name = field("field")?;
            let item = declaration(source, name)?;
            if item.kind() != "field_declaration" {
                return tuple_field(source, node, depth);
            }
            plain(source, item.child_by_field_name("type")?)?
        }
        "index_expression" => {
            let whole = next(node.named_child(0)?)?;
            let inner = whole.trim_start_matches("&mut ").trim_start_matches('&');
            match (inner.strip_prefix('['), inner.strip_prefix("Vec<")) {
                (Some(rest), _) => rest.split([';', ']']).next()?.trim().to_owned(),
                (_, Some(rest)) => rest.strip_suffix('>')?.to_owned(),
                _ => return None,
            }
        }
        "call_expression" => {
            let function = field("function")?;
            let name = match function.kind() {
                "field_expression" => function.child_by_field_name("field")?,
                "generic_function" => return None,
                _ => function,
            };
            if let "Some" | "Ok" | "Err" | "None" = source.text_of(range(name)) {
                let inner = next(field("arguments")?.named_child(0)?)?;
                return (source.text_of(range(name)) == "Some").then(|| format!("Option<{inner}>"));
            }
            let item = declaration(source, name)?;
            match item.kind() {
                "struct_item" => source.text_of(range(name)).to_owned(),
                "function_item" | "function_signature_item"
                    if item.child_by_field_name("type_parameters").is_none() =>
                {
                    match item.child_by_field_name("return_type") {
                        None => "()".to_owned(),
                        Some(kind) => {
                            let kind = plain(source, kind)?;
                            if kind.split(|c: char| !c.is_alphanumeric()).any(|word| word == "Self") {
                                own_type(source, item)?
                            } else {
                                kind
                            }
                        }
                    }
                }
                _ => return None,
            }
        }
        "try_expression" => {
            let whole = next(node.named_child(0)?)?;
            let inner = whole.strip_prefix("Option<").or_else(|| whole.strip_prefix("Result<"))?.strip_suffix('>')?;
            let first = if whole.starts_with("Option") { inner } else { inner.split(',').next()? };
            (!first.contains('<')).then(|| first.trim().to_owned())?
        }
        "await_expression" => next(node.named_child(0)?)?,
        "macro_invocation" => match source.text_of(range(field("macro")?)) {
            "format" => "String".to_owned(),
            "println" | "print" | "eprintln" | "eprint" | "assert" | "assert_eq" | "assert_ne" | "debug_assert" => {
                "()".to_owned()
            }
            "matches" => "bool".to_owned(),
            _ => return None,
        },
        "expression_statement" => {
            let inner = node.named_child(0)?;
            if text().ends_with(';') { "()".to_owned() } else { next(inner)? }
        }
        "block" | "unsafe_block" => {
            if node.kind() == "unsafe_block" {
                return next(node.named_child(0)?);
            }
            let last = node.named_children(&mut node.walk()).filter(|child| !child.is_extra()).last();
            match last {
                None => "()".to_owned(),
                Some(last) if last.kind().ends_with("_declaration") || last.kind().ends_with("_item") => {
                    "()".to_owned()
                }
                Some(last) => next(last)?,
            }
        }
        "if_expression" => match field("alternative") {
            None => "()".to_owned(),
            Some(_) => next(field("consequence")?)?,
        },
        "match_expression" => {
            let body = field("body")?;
            let mut cursor = body.walk();
            let arms: Vec<Node<'_>> =
                body.named_children(&mut cursor).filter_map(|arm| arm.child_by_field_name("value")).collect();
            arms.into_iter().find_map(next)?
        }
        "loop_expression" => {
            let mut value = None;
            crate::grammar::source::walk(field("body")?, |inner| {
                if inner.kind() == "break_expression" && value.is_none() {
                    value = Some(inner.named_child(0).map_or(Some("()".to_owned()), next));
                }
                !matches!(
                    inner.kind(),
                    "loop_expression" | "while_expression" | "for_expression" | "closure_expression"
                )
            });
            value.flatten()?
        }
        "while_expression" | "for_expression" | "assignment_expression" | "compound_assignment_expr" => "()".to_owned(),
        "self" => {
            let mut at = node;
            while at.kind() != "function_item" {
                at = at.parent()?;
            }
            let own = own_type(source, at)?;
            let receiver = at.child_by_field_name("parameters")?.named_child(0)?;
            let word = source.text_of(range(receiver));
            match word {
                "&self" => format!("&{own}"),
                "&mut self" => format!("&mut {own}"),
                _ => own,
            }
        }
        _ => return None,
    })
}

fn is_number(kind: &str) -> bool {
    kind == INTEGER
        || kind == FLOAT
        || kind.len() <= 5 && kind.starts_with(['i', 'u', 'f']) && kind[1..].chars().all(|c| c.is_ascii_digit())
        || kind.ends_with("size")
}

fn suffix<'t>(text: &'t str, letters: &[&str]) -> Option<&'t str> {
    let at = letters.iter().filter_map(|letter| text.rfind(letter)).max()?;
    let hex = text.starts_with("0x") && at < text.len() - 4 && !text.contains('_');
    (at > 0 && !hex && is_number(&text[at..]) && text[at..].len() > 1).then(|| &text[at..])
}

/// The field of a tuple struct by its number.
fn tuple_field(source: &Source<'_>, node: Node<'_>, depth: u32) -> Option<String> {
    let whole = type_in(source, node.child_by_field_name("value")?, depth + 1)?;
    let name = whole.trim_start_matches("&mut ").trim_start_matches('&');
    let place: usize = source.text_of(range(node.child_by_field_name("field")?)).parse().ok()?;
    let item = source.bindings.declarations.iter().find(|d| d.name == name)?;
    let item =
        source.node_at(item.at)?.parent().filter(|item| item.child_by_field_name("type_parameters").is_none())?;
    let fields = item.child_by_field_name("body").filter(|body| body.kind() == "ordered_field_declaration_list")?;
    let mut cursor = fields.walk();
    let types: Vec<Node<'_>> = fields.children_by_field_name("type", &mut cursor).collect();
    plain(source, *types.get(place)?)
}

/// The type that an implementation around a function is of.
pub(crate) fn own_type(source: &Source<'_>, function: Node<'_>) -> Option<String> {
    let implementation = function.parent()?.parent().filter(|up| up.kind() == "impl_item")?;
    plain(source, implementation.child_by_field_name("type")?)
}
