//! The parameters and the declared result of a function.

use super::{Gives, Parameter, Signature, said};
use deepcoder_syntax::{Language, Node};

pub(super) fn read(language: Language, text: &str, node: Node<'_>, signature: &mut Signature) {
    let list = node.child_by_field_name("parameters");
    if let Some(list) = list {
        let mut cursor = list.walk();
        for child in list.named_children(&mut cursor) {
            one(language, text, child, signature);
        }
    } else if let Some(only) = node.child_by_field_name("parameter") {
        one(language, text, only, signature);
    }
    if language == Language::Python && takes_receiver(text, node) && !signature.parameters.is_empty() {
        signature.parameters.remove(0);
    }
    result(language, text, node, signature);
}

/// Whether the first parameter is the object or the class: that of a method which is not static.
fn takes_receiver(text: &str, node: Node<'_>) -> bool {
    let holder = node.parent().filter(|parent| parent.kind() == "decorated_definition");
    let block = holder.unwrap_or(node).parent();
    let in_class = block.and_then(|block| block.parent()).is_some_and(|outer| outer.kind() == "class_definition");
    let decorated = |holder: Node<'_>| {
        let mut cursor = holder.walk();
        holder.children(&mut cursor).any(|c| c.kind() == "decorator" && said(text, c).contains("staticmethod"))
    };
    in_class && !holder.is_some_and(decorated)
}

fn one(language: Language, text: &str, node: Node<'_>, signature: &mut Signature) {
    let field = |name: &str| node.child_by_field_name(name);
    let annotation = field("type").map(|node| said(text, node).trim_start_matches(':').trim().to_owned());
    let mut put = |name: String, optional: bool, rest: bool| {
        signature.parameters.push(Parameter { name, annotation: annotation.clone(), optional, rest });
    };
    match node.kind() {
        "comment"
        | "line_comment"
        | "block_comment"
        | "attribute_item"
        | "self_parameter"
        | "receiver_parameter"
        | "keyword_separator"
        | "positional_separator" => {}
        "identifier" => put(said(text, node), false, false),
        "default_parameter" | "typed_default_parameter" => {
            put(field("name").map(|name| name_of(text, name)).unwrap_or_default(), true, false);
        }
        "list_splat_pattern" => put(name_of(text, node), true, true),
        "dictionary_splat_pattern" => {
            put(name_of(text, node), true, true);
            signature.open = true;
        }
        "typed_parameter" => {
            let Some(inner) = node.named_child(0) else { return };
            let names = inner.kind() == "dictionary_splat_pattern";
            let rest = names || inner.kind() == "list_splat_pattern";
            put(name_of(text, inner), rest, rest);
            signature.open |= names;
        }
        "assignment_pattern" => put(field("left").map(|left| name_of(text, left)).unwrap_or_default(), true, false),
        "rest_pattern" => put(name_of(text, node), true, true),
        "required_parameter" | "optional_parameter" => {
            let Some(pattern) = field("pattern") else { return };
            if pattern.kind() != "this" {
                let optional = node.kind() == "optional_parameter" || field("value").is_some();
                let rest = pattern.kind() == "rest_pattern";
                put(name_of(text, pattern), optional || rest, rest);
            }
        }
        "parameter" => put(field("pattern").map(|pattern| name_of(text, pattern)).unwrap_or_default(), false, false),
        "formal_parameter" => put(field("name").map(|name| said(text, name)).unwrap_or_default(), false, false),
        "spread_parameter" => put(name_of(text, node), true, true),
        "parameter_declaration" | "optional_parameter_declaration" | "variadic_parameter_declaration"
            if language.is_c() =>
        {
            let optional = node.kind() == "optional_parameter_declaration";
            match field("declarator") {
                Some(declarator) => put(innermost(text, declarator), optional, false),
                None if annotation.as_deref() == Some("void") => {}
                None => put(String::new(), optional, false),
            }
        }
        "parameter_declaration" | "variadic_parameter_declaration" => {
            let rest = node.kind() == "variadic_parameter_declaration";
            let mut cursor = node.walk();
            let names: Vec<String> =
                node.children_by_field_name("name", &mut cursor).map(|name| said(text, name)).collect();
            if names.is_empty() {
                put(String::new(), rest, rest);
            }
            names.into_iter().for_each(|name| put(name, rest, rest));
        }
        _ => put(String::new(), true, node.kind().contains("variadic")),
    }
}

/// The name in a pattern that has exactly one; empty otherwise.
fn name_of(text: &str, node: Node<'_>) -> String {
    match node.kind() {
        "identifier" => said(text, node),
        "object_pattern"
        | "array_pattern"
        | "tuple_pattern"
        | "tuple_struct_pattern"
        | "struct_pattern"
        | "slice_pattern" => String::new(),
        "variable_declarator" => node.child_by_field_name("name").map(|name| said(text, name)).unwrap_or_default(),
        _ => {
            let mut cursor = node.walk();
            let named: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
            named.iter().rev().map(|inner| name_of(text, *inner)).find(|name| !name.is_empty()).unwrap_or_default()
        }
    }
}

/// The name that a declarator of C declares.
fn innermost(text: &str, mut node: Node<'_>) -> String {
    for _ in 0..16 {
        if matches!(node.kind(), "identifier" | "field_identifier") {
            return said(text, node);
        }
        let next = node.child_by_field_name("declarator").or_else(|| node.named_child(0));
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    String::new()
}

/// The declared result. What the body says of it is read later.
fn result(language: Language, text: &str, node: Node<'_>, signature: &mut Signature) {
    let field = |name: &str| node.child_by_field_name(name).map(|node| said(text, node));
    let declared = match language {
        Language::Python | Language::Rust => field("return_type"),
        Language::Go => field("result"),
        Language::Java if node.kind() == "constructor_declaration" => Some("void".to_owned()),
        Language::Java => field("type"),
        language if language.is_c() => of_c(text, node),
        _ => field("return_type").map(|kind| kind.trim_start_matches(':').trim().to_owned()),
    };
    let declared = declared.map(|kind| kind.trim_start_matches("->").trim().to_owned());
    let constructs = language.is_script() && field("name").as_deref() == Some("constructor");
    let nothing = |kind: &str| {
        matches!(
            kind,
            "None" | "void" | "()" | "!" | "never" | "undefined" | "NoReturn" | "Promise<void>" | "Promise<undefined>"
        ) || kind == "typing.NoReturn"
    };
    signature.gives = match declared.as_deref() {
        Some(kind) if nothing(kind) => Gives::Nothing,
        Some(_) => Gives::Something,
        None if matches!(language, Language::Rust | Language::Go) || constructs => Gives::Nothing,
        None => Gives::Unknown,
    };
    signature.result = declared.filter(|kind| !nothing(kind));
}

/// The type of what a function of C gives: that of its declaration, with the stars between.
fn of_c(text: &str, node: Node<'_>) -> Option<String> {
    let (mut outer, mut stars) = (node.parent()?, String::new());
    while outer.child_by_field_name("type").is_none() {
        if outer.kind() == "pointer_declarator" {
            stars.push('*');
        } else if outer.kind() == "reference_declarator" {
            stars.push('&');
        } else if !outer.kind().ends_with("declarator") {
            // A constructor or a destructor.
            return Some("void".to_owned());
        }
        outer = outer.parent()?;
    }
    let kind = outer.child_by_field_name("type").map(|kind| said(text, kind))?;
    Some(if stars.is_empty() { kind } else { format!("{kind} {stars}") })
}
