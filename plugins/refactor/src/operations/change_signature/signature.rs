//! The parameters of a function as its definition writes them.

use super::SignatureError;
use crate::grammar::source::{Source, range};
use deepcoder_resolve::{Declaration, DeclarationKind};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

/// Definitions with parameters.
pub(super) const FUNCTIONS: &[&str] = &[
    "function_definition",
    "function_declaration",
    "generator_function_declaration",
    "function_expression",
    "generator_function",
    "arrow_function",
    "method_definition",
    "method_signature",
    "function_signature",
    "abstract_method_signature",
    "method_declaration",
    "constructor_declaration",
    "method_elem",
    "function_item",
    "function_signature_item",
];

/// How a parameter gets its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// By position, or by name where the language has that.
    Plain,
    /// By position only (Python).
    Positional,
    /// By name only (Python).
    Keyword,
    /// All further arguments by position.
    Rest,
    /// All further arguments by name (Python).
    KeywordRest,
    /// What the method is called on.
    Receiver,
    /// The type of what the function is called on: no argument stands for it.
    This,
    /// A mark between parameters (Python): `*`, `/`.
    Mark,
}

/// A parameter.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// Its whole text; only its name where several share a type (Go).
    pub(super) at: TextRange,
    pub(super) name_at: Option<TextRange>,
    pub(super) type_at: Option<TextRange>,
    pub(super) default: Option<TextRange>,
    pub(super) kind: Kind,
    /// It may be left out and has no default (TypeScript).
    pub(super) optional: bool,
    /// It is more than a parameter: a field, or decorated.
    pub(super) modified: bool,
}

/// A definition.
pub(super) struct Definition<'s> {
    pub(super) node: Node<'s>,
    /// Between the brackets.
    pub(super) inner: TextRange,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Node<'s>>,
}

pub(super) const fn is_script(language: Language) -> bool {
    matches!(language, Language::JavaScript | Language::TypeScript | Language::Tsx)
}

/// The function with this text.
pub(super) fn node_of<'s>(source: &'s Source<'_>, at: TextRange) -> Option<Node<'s>> {
    let mut node = source.node_at(at)?;
    while !(FUNCTIONS.contains(&node.kind()) && range(node) == at) {
        node = node.parent().filter(|node| range(*node) == at)?;
    }
    Some(node)
}

/// The function that a declaration declares.
pub(super) fn of_declaration<'s>(source: &'s Source<'_>, declaration: &Declaration) -> Option<Node<'s>> {
    let callable = matches!(
        declaration.kind,
        DeclarationKind::Function
            | DeclarationKind::Method
            | DeclarationKind::Field
            | DeclarationKind::Variable
            | DeclarationKind::Constant
    );
    if !callable {
        return None;
    }
    if declaration.at.start == declaration.at.end {
        let mut node = source.node_at(declaration.extent)?;
        loop {
            if FUNCTIONS.contains(&node.kind()) {
                return Some(node);
            }
            let mut cursor = node.walk();
            let next = node.named_children(&mut cursor).find(|child| FUNCTIONS.contains(&child.kind()));
            node = next.filter(|_| range(node) == declaration.extent || node.kind() == "export_statement")?;
        }
    }
    let name = source.node_at(declaration.at)?;
    let parent = name.parent()?;
    if FUNCTIONS.contains(&parent.kind()) && parent.child_by_field_name("name").is_some_and(|n| n.id() == name.id()) {
        return Some(parent);
    }
    let value = parent.child_by_field_name("value").filter(|_| parent.kind() == "variable_declarator")?;
    FUNCTIONS.contains(&value.kind()).then_some(value)
}

/// The function that has its name at a place.
pub(super) fn defined_at<'s>(source: &'s Source<'_>, at: TextRange) -> Option<Node<'s>> {
    let name = source.node_at(at).filter(|name| range(*name) == at)?;
    let parent = name.parent().filter(|up| FUNCTIONS.contains(&up.kind()))?;
    parent.child_by_field_name("name").filter(|own| own.id() == name.id()).map(|_| parent)
}

/// The constructor of a class, where it has just one.
pub(super) fn constructor(source: &Source<'_>, declaration: &Declaration) -> Option<TextRange> {
    if declaration.kind != DeclarationKind::Class {
        return None;
    }
    let name = source.node_at(declaration.at)?;
    let body = name.parent()?.child_by_field_name("body")?;
    let mut cursor = body.walk();
    let mut found = body.named_children(&mut cursor).filter_map(|member| {
        let member = match member.kind() {
            "decorated_definition" => member.child_by_field_name("definition")?,
            _ => member,
        };
        is_constructor(source, member).then(|| range(member))
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Whether a function makes the values of a class.
pub(super) fn is_constructor(source: &Source<'_>, function: Node<'_>) -> bool {
    let name = function.child_by_field_name("name").map(|name| source.text_of(range(name)));
    match function.kind() {
        "constructor_declaration" => true,
        "method_definition" => name == Some("constructor"),
        "function_definition" => name == Some("__init__") && class_of(function).is_some(),
        _ => false,
    }
}

/// The class that a function is a member of.
pub(super) fn class_of(function: Node<'_>) -> Option<Node<'_>> {
    let mut up = function.parent()?;
    if up.kind() == "decorated_definition" {
        up = up.parent()?;
    }
    let class = up.parent()?;
    let body = matches!(up.kind(), "block" | "class_body" | "enum_body" | "enum_body_declarations" | "interface_body");
    let kinds = [
        "class_definition",
        "class_declaration",
        "class",
        "abstract_class_declaration",
        "enum_declaration",
        "interface_declaration",
        "record_declaration",
    ];
    (body && kinds.contains(&class.kind())).then_some(class)
}

/// The decorators of a function (Python), without `@`.
pub(super) fn decorators<'s>(source: &'s Source<'_>, function: Node<'_>) -> Vec<(&'s str, TextRange)> {
    let Some(parent) = function.parent().filter(|parent| parent.kind() == "decorated_definition") else {
        return Vec::new();
    };
    let mut cursor = parent.walk();
    let decorators = parent.named_children(&mut cursor).filter(|child| child.kind() == "decorator").map(range);
    decorators.map(|at| (source.text_of(at).trim_start_matches('@').trim(), at)).collect()
}

impl<'s> Definition<'s> {
    /// The parameters of a function.
    pub(super) fn of(source: &'s Source<'_>, node: Node<'s>) -> Result<Self, SignatureError> {
        let list = node.child_by_field_name("parameters").ok_or(SignatureError::Parameters)?;
        let inner = TextRange::new(range(list).start + 1, range(list).end.saturating_sub(1).max(range(list).start + 1));
        if list.has_error() || !source.text_of(range(list)).starts_with('(') {
            return Err(SignatureError::Parameters);
        }
        let mut parameters = Vec::new();
        let mut cursor = list.walk();
        for child in list.named_children(&mut cursor).filter(|child| !child.is_extra()) {
            read(source, child, &mut parameters)?;
        }
        if let Some(mark) = parameters.iter().position(|p| p.kind == Kind::Mark && source.text_of(p.at) == "/") {
            parameters[..mark].iter_mut().filter(|p| p.kind == Kind::Plain).for_each(|p| p.kind = Kind::Positional);
        }
        let any = |p: &Parameter| p.kind == Kind::Rest || p.kind == Kind::Mark && source.text_of(p.at) == "*";
        if let Some(rest) = parameters.iter().position(any).filter(|_| source.language == Language::Python) {
            parameters[rest..].iter_mut().filter(|p| p.kind == Kind::Plain).for_each(|p| p.kind = Kind::Keyword);
        }
        let is_method = source.language == Language::Python
            && class_of(node).is_some()
            && !decorators(source, node).iter().any(|(name, _)| *name == "staticmethod");
        if let Some(first) = parameters.first_mut().filter(|_| is_method) {
            if !matches!(first.kind, Kind::Plain | Kind::Positional) {
                return Err(SignatureError::Parameters);
            }
            first.kind = Kind::Receiver;
        }
        Ok(Self { node, inner, parameters, body: node.child_by_field_name("body") })
    }
}

fn read(source: &Source<'_>, node: Node<'_>, out: &mut Vec<Parameter>) -> Result<(), SignatureError> {
    let field = |name: &str| node.child_by_field_name(name);
    let text = |at: Node<'_>| source.text_of(range(at)).to_owned();
    let plain = |name: Option<Node<'_>>, kind: Kind| Parameter {
        name: name.map(text).unwrap_or_default(),
        at: range(node),
        name_at: name.map(range),
        type_at: field("type").map(range),
        default: field("value").or_else(|| field("right")).map(range),
        kind,
        optional: false,
        modified: false,
    };
    let inner = |node: Node<'_>| -> Option<(TextRange, String)> {
        let name = node.named_child(0)?;
        Some((range(name), text(name)))
    };
    let splat = |node: Node<'_>, kind: Kind, mut parameter: Parameter| {
        if let Some((at, name)) = inner(node) {
            (parameter.name, parameter.name_at, parameter.kind) = (name, Some(at), kind);
        }
        parameter
    };
    let parameter = match node.kind() {
        "identifier" => plain(Some(node), Kind::Plain),
        "default_parameter" | "typed_default_parameter" | "formal_parameter" => plain(field("name"), Kind::Plain),
        "typed_parameter" => match node.named_child(0) {
            Some(first) if first.kind() == "list_splat_pattern" => splat(first, Kind::Rest, plain(None, Kind::Rest)),
            Some(first) if first.kind() == "dictionary_splat_pattern" => {
                splat(first, Kind::KeywordRest, plain(None, Kind::KeywordRest))
            }
            first => plain(first, Kind::Plain),
        },
        "list_splat_pattern" | "rest_pattern" => splat(node, Kind::Rest, plain(None, Kind::Rest)),
        "dictionary_splat_pattern" => splat(node, Kind::KeywordRest, plain(None, Kind::KeywordRest)),
        "keyword_separator" | "positional_separator" => plain(None, Kind::Mark),
        "assignment_pattern" => plain(field("left").filter(|left| left.kind() == "identifier"), Kind::Plain),
        "object_pattern" | "array_pattern" => plain(None, Kind::Plain),
        "required_parameter" | "optional_parameter" => {
            let pattern = field("pattern").ok_or(SignatureError::Parameters)?;
            let mut cursor = node.walk();
            let modified = node.children(&mut cursor).any(|child| {
                matches!(child.kind(), "accessibility_modifier" | "decorator" | "override_modifier" | "readonly")
            });
            let found = match pattern.kind() {
                "this" => plain(None, Kind::This),
                "rest_pattern" => splat(pattern, Kind::Rest, plain(None, Kind::Rest)),
                "identifier" => plain(Some(pattern), Kind::Plain),
                _ => plain(None, Kind::Plain),
            };
            Parameter { optional: node.kind() == "optional_parameter", modified, ..found }
        }
        "parameter_declaration" => {
            let mut cursor = node.walk();
            let names: Vec<Node<'_>> = node.children_by_field_name("name", &mut cursor).collect();
            for name in &names {
                out.push(Parameter { at: range(*name), ..plain(Some(*name), Kind::Plain) });
            }
            if !names.is_empty() {
                return Ok(());
            }
            plain(None, Kind::Plain)
        }
        "variadic_parameter_declaration" => plain(field("name"), Kind::Rest),
        "spread_parameter" => {
            let mut cursor = node.walk();
            let declarator = node.named_children(&mut cursor).find(|child| child.kind() == "variable_declarator");
            plain(declarator.and_then(|declarator| declarator.child_by_field_name("name")), Kind::Rest)
        }
        "receiver_parameter" => plain(None, Kind::This),
        "self_parameter" => Parameter { name: "self".to_owned(), ..plain(None, Kind::Receiver) },
        "parameter" => {
            let pattern = field("pattern").ok_or(SignatureError::Parameters)?;
            let name = match pattern.kind() {
                "mut_pattern" | "ref_pattern" => {
                    pattern.named_child(pattern.named_child_count().saturating_sub(1) as _)
                }
                _ => Some(pattern),
            };
            plain(name.filter(|name| name.kind() == "identifier"), Kind::Plain)
        }
        _ => return Err(SignatureError::Parameters),
    };
    out.push(parameter);
    Ok(())
}
