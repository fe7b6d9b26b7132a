//! Which nodes of which grammar define something, and under what name.

use crate::Language;
use tree_sitter::Node;

/// What a node defines.
pub(crate) struct Definition {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// The type that it belongs to, where the definition itself says so (Go receivers, `Foo::bar` in C++).
    pub(crate) owner: Option<String>,
    /// Where its body begins.
    pub(crate) body: Option<usize>,
    /// Counts only at the level of a file, module or class.
    pub(crate) only_outside_functions: bool,
}

/// Comments, attributes and decorators that stand before a definition and belong to it.
pub(crate) fn leads(node: Node<'_>, text: &str) -> bool {
    match node.kind() {
        "attribute_item" | "decorator" | "attribute_declaration" => true,
        "comment" | "line_comment" | "block_comment" => {
            // Inner doc comments and shebangs belong to the file.
            let body = &text[node.byte_range()];
            !["//!", "/*!", "#!"].iter().any(|inner| body.starts_with(inner))
        }
        _ => false,
    }
}

/// Whether `outer` is only a shell around the one definition in it, so that its text belongs to the definition.
pub(crate) fn wraps(outer: Node<'_>) -> bool {
    match outer.kind() {
        "decorated_definition"
        | "export_statement"
        | "ambient_declaration"
        | "template_declaration"
        | "expression_statement"
        | "field_declaration" => true,
        "lexical_declaration"
        | "variable_declaration"
        | "type_declaration"
        | "const_declaration"
        | "var_declaration" => outer.named_child_count() == 1,
        _ => false,
    }
}

/// What `node` defines, if anything.
pub(crate) fn of(language: Language, node: Node<'_>, text: &str) -> Option<Definition> {
    use Language as L;
    let kind = node.kind();
    match language {
        L::Python => python(node, kind, text),
        L::Rust => rust(node, kind, text),
        L::JavaScript | L::TypeScript | L::Tsx => script(node, kind, text),
        L::Go => go(node, kind, text),
        L::Java => java(node, kind, text),
        L::C | L::Cpp => c_family(node, kind, text),
    }
}

fn python(node: Node<'_>, kind: &str, text: &str) -> Option<Definition> {
    match kind {
        "function_definition" | "class_definition" => {
            // The grammar has comments between the colon and the block outside the block.
            let mut cursor = node.walk();
            let colon = node.children(&mut cursor).find(|child| child.kind() == ":").map(|child| child.end_byte());
            let kind = if kind == "class_definition" { "class" } else { "function" };
            named(kind, node, text).map(|d| Definition { body: colon.or(d.body), ..d })
        }
        "assignment" => {
            let left = node.child_by_field_name("left").filter(|n| n.kind() == "identifier")?;
            let name = slice(left, text);
            let constant = name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase);
            Some(outside(if constant { "constant" } else { "variable" }, name, None))
        }
        _ => None,
    }
}

fn rust(node: Node<'_>, kind: &str, text: &str) -> Option<Definition> {
    let kind = match kind {
        "function_item" | "function_signature_item" => "function",
        "struct_item" => "struct",
        "enum_item" => "enum",
        "union_item" => "union",
        "trait_item" => "trait",
        "mod_item" => "module",
        "const_item" | "static_item" => {
            let mut item = named("constant", node, text)?;
            item.only_outside_functions = true;
            return Some(item);
        }
        "type_item" | "associated_type" => "type",
        "macro_definition" => "macro",
        "impl_item" => {
            let name = bare(slice(node.child_by_field_name("type")?, text));
            return Some(Definition { owner: None, ..new("impl", name, field_start(node, "body")) });
        }
        _ => return None,
    };
    named(kind, node, text)
}

fn script(node: Node<'_>, kind: &str, text: &str) -> Option<Definition> {
    let kind = match kind {
        "function_declaration" | "generator_function_declaration" | "function_signature" => "function",
        "class_declaration" | "abstract_class_declaration" => "class",
        "method_definition" | "method_signature" | "abstract_method_signature" => "method",
        "interface_declaration" => "interface",
        "enum_declaration" => "enum",
        "type_alias_declaration" => "type",
        "internal_module" | "module" => "module",
        "variable_declarator" | "public_field_definition" | "field_definition" => {
            return script_value(node, kind, text);
        }
        _ => return None,
    };
    named(kind, node, text)
}

/// `const f = () => …` is a function for everybody who reads it.
fn script_value(node: Node<'_>, kind: &str, text: &str) -> Option<Definition> {
    let name = node.child_by_field_name("name").or_else(|| node.child_by_field_name("property"))?;
    if name.kind().ends_with("_pattern") {
        return None;
    }
    let field = kind != "variable_declarator";
    let value = node.child_by_field_name("value");
    let name = slice(name, text);
    match value.map(|v| (v.kind(), v)) {
        Some(("arrow_function" | "function_expression" | "generator_function", v)) => {
            Some(new(if field { "method" } else { "function" }, name, field_start(v, "body")))
        }
        Some(("class", v)) => Some(new("class", name, field_start(v, "body"))),
        _ => Some(outside(if field { "field" } else { "constant" }, name, None)),
    }
}

fn go(node: Node<'_>, kind: &str, text: &str) -> Option<Definition> {
    match kind {
        "function_declaration" => named("function", node, text),
        "method_declaration" => {
            // `(s *Server[T])` → `Server`.
            let receiver = slice(node.child_by_field_name("receiver")?, text);
            let owner = receiver.trim_matches(['(', ')', ' ']).rsplit([' ', '*']).find(|p| !p.is_empty());
            let owner = owner.map(|o| o.split('[').next().unwrap_or(o).to_owned());
            named("method", node, text).map(|d| Definition { owner, ..d })
        }
        "type_spec" | "type_alias" => {
            let value = node.child_by_field_name("type");
            let kind = match value.map(|v| v.kind()) {
                Some("struct_type") => "struct",
                Some("interface_type") => "interface",
                _ => "type",
            };
            let brace = value
                .filter(|_| kind != "type")
                .and_then(|v| text[v.byte_range()].find('{').map(|at| v.start_byte() + at));
            named(kind, node, text).map(|d| Definition { body: brace, ..d })
        }
        "const_spec" | "var_spec" => {
            let name = slice(node.child_by_field_name("name")?, text);
            Some(outside(if kind == "const_spec" { "constant" } else { "variable" }, name, None))
        }
        _ => None,
    }
}

fn java(node: Node<'_>, kind: &str, text: &str) -> Option<Definition> {
    let kind = match kind {
        "class_declaration" | "record_declaration" => "class",
        "interface_declaration" | "annotation_type_declaration" => "interface",
        "enum_declaration" => "enum",
        "method_declaration" | "constructor_declaration" | "compact_constructor_declaration" => "method",
        "field_declaration" => {
            let name = node.child_by_field_name("declarator")?.child_by_field_name("name")?;
            return Some(outside("field", slice(name, text), None));
        }
        _ => return None,
    };
    named(kind, node, text)
}

fn c_family(node: Node<'_>, kind: &str, text: &str) -> Option<Definition> {
    let with_body = |kind| named(kind, node, text).filter(|d| d.body.is_some());
    match kind {
        "struct_specifier" => with_body("struct"),
        "union_specifier" => with_body("union"),
        "enum_specifier" => with_body("enum"),
        "class_specifier" => with_body("class"),
        "namespace_definition" => named("module", node, text),
        "alias_declaration" | "concept_definition" => named("type", node, text),
        "preproc_def" | "preproc_function_def" => named("macro", node, text),
        "type_definition" => {
            let name = declared(node.child_by_field_name("declarator")?)?;
            Some(new("type", slice(name, text), None))
        }
        "function_definition" => {
            let declarator = node.child_by_field_name("declarator")?;
            function("function", declarator, field_start(node, "body"), text)
        }
        "declaration" | "field_declaration" => {
            let declarator = node.child_by_field_name("declarator")?;
            // `void (*f)(int);` is a variable that holds a function.
            let is_function = innermost(declarator, |n| n.kind() == "function_declarator")
                .and_then(|n| n.child_by_field_name("declarator"))
                .is_some_and(|n| n.kind() != "parenthesized_declarator");
            if is_function {
                return function("function", declarator, None, text)
                    .map(|d| Definition { only_outside_functions: true, ..d });
            }
            let kind = if kind == "declaration" { "variable" } else { "field" };
            Some(outside(kind, slice(declared(declarator)?, text), None))
        }
        _ => None,
    }
}

fn function(kind: &'static str, declarator: Node<'_>, body: Option<usize>, text: &str) -> Option<Definition> {
    let mut name = declared(declarator)?;
    let mut owner: Vec<String> = Vec::new();
    while name.kind() == "qualified_identifier" && owner.len() < 64 {
        owner.extend(name.child_by_field_name("scope").map(|s| bare(slice(s, text))));
        name = name.child_by_field_name("name")?;
    }
    let kind = if owner.is_empty() { kind } else { "method" };
    Some(Definition { owner: (!owner.is_empty()).then(|| owner.join(".")), ..new(kind, slice(name, text), body) })
}

/// The name at the bottom of a C declarator such as `*(*f)(int)[3]`.
fn declared(declarator: Node<'_>) -> Option<Node<'_>> {
    innermost(declarator, |n| {
        matches!(
            n.kind(),
            "identifier"
                | "field_identifier"
                | "type_identifier"
                | "qualified_identifier"
                | "operator_name"
                | "destructor_name"
                | "operator_cast"
                | "primitive_type"
                | "template_function"
        )
    })
}

fn innermost<'t>(declarator: Node<'t>, stop: impl Fn(Node<'t>) -> bool) -> Option<Node<'t>> {
    let mut node = declarator;
    // Hostile nesting is cut off; no program has this much.
    for _ in 0..64 {
        if stop(node) {
            return Some(node);
        }
        let last = u32::try_from(node.named_child_count()).ok()?.checked_sub(1);
        node = node.child_by_field_name("declarator").or_else(|| node.named_child(last?))?;
    }
    None
}

fn named(kind: &'static str, node: Node<'_>, text: &str) -> Option<Definition> {
    let name = slice(node.child_by_field_name("name")?, text);
    Some(new(kind, name, field_start(node, "body")))
}

fn outside(kind: &'static str, name: &str, body: Option<usize>) -> Definition {
    Definition { only_outside_functions: true, ..new(kind, name, body) }
}

fn new(kind: &'static str, name: impl Into<String>, body: Option<usize>) -> Definition {
    let name = name.into().trim_matches(['"', '\'']).to_owned();
    Definition { kind, name, owner: None, body, only_outside_functions: false }
}

fn field_start(node: Node<'_>, field: &str) -> Option<usize> {
    node.child_by_field_name(field).map(|n| n.start_byte())
}

fn slice<'s>(node: Node<'_>, text: &'s str) -> &'s str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// Without type arguments: `Vec<T>` → `Vec`.
fn bare(text: &str) -> String {
    text.split(['<', ' ', '\n']).next().unwrap_or(text).to_owned()
}
