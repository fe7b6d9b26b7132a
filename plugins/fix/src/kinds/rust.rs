//! Findings of rustc, clippy and rust-analyzer.

use super::Ask;
use super::nodes::{all, around, at, children, insert, put, text, up};
use crate::Fix;
use crate::read::source::range;
use deepcoder_syntax::Node;
use deepcoder_types::{RepoPath, TextEdit, TextRange};

/// The place, or nothing.
fn node_at<'t>(ask: &Ask<'t>, kinds: &[&str]) -> Option<Node<'t>> {
    let place = ask.place?;
    let wide = TextRange::new(
        place.start,
        place.end.max((place.start + 1).min(u32::try_from(ask.text.len()).unwrap_or(u32::MAX))),
    );
    let node = around(ask.tree.root_node(), wide).or_else(|| around(ask.tree.root_node(), place))?;
    up(node, kinds).or_else(|| {
        // A caret may stand right behind what is meant.
        let before = TextRange::new(place.start.saturating_sub(1), place.start);
        around(ask.tree.root_node(), before).and_then(|node| up(node, kinds))
    })
}

/// The value of a `return` at the end of a function.
pub(super) fn trailing_return(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(node) = node_at(ask, &["return_expression"]) else { return Vec::new() };
    let statement = node.parent().filter(|parent| parent.kind() == "expression_statement");
    let whole = statement.unwrap_or(node);
    let value = children(node).into_iter().next();
    let kept = match value {
        Some(value) => ask.text.get(value.start_byte()..node.end_byte()).unwrap_or_default().to_owned(),
        None => {
            let own = ask.text.get(node.start_byte()..whole.end_byte()).unwrap_or_default();
            own.trim_start_matches("return").trim_end_matches(';').to_owned()
        }
    };
    vec![Fix::of(ask.path, vec![put(whole, kept.trim())])]
}

/// `unsafe` around an expression.
pub(super) fn missing_unsafe(ask: &Ask<'_>) -> Vec<Fix> {
    let kinds = ["call_expression", "unary_expression", "identifier", "field_expression", "macro_invocation"];
    let Some(mut node) = node_at(ask, &kinds) else { return Vec::new() };
    while let Some(parent) = node.parent() {
        let wider = match parent.kind() {
            "call_expression" => parent.child_by_field_name("function") == Some(node),
            "field_expression"
            | "try_expression"
            | "await_expression"
            | "reference_expression"
            | "index_expression" => true,
            _ => false,
        };
        if !wider {
            break;
        }
        node = parent;
    }
    let fix =
        Fix::of(ask.path, vec![insert(node.start_byte(), concat!("unsafe", " { ")), insert(node.end_byte(), " }")]);
    vec![fix.doubted("`unsafe` is a promise of its author")]
}

/// `drop(x)` for `x.drop()`.
pub(super) fn explicit_drop(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(call) = node_at(ask, &["call_expression"]) else { return Vec::new() };
    let Some(function) = call.child_by_field_name("function") else { return Vec::new() };
    let arguments = call.child_by_field_name("arguments").map(children).unwrap_or_default();
    let given = match (function.kind(), arguments.as_slice()) {
        ("field_expression", []) => function.child_by_field_name("value").map(|value| text(value, ask.text)),
        ("scoped_identifier", [one]) if text(function, ask.text).ends_with("::drop") => {
            text(*one, ask.text).strip_prefix("&mut ").map(str::trim)
        }
        _ => None,
    };
    given.map(|given| Fix::of(ask.path, vec![put(call, format!("drop({given})"))])).into_iter().collect()
}

/// The statements of an `else` behind a block that leaves.
pub(super) fn redundant_else(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(clause) = node_at(ask, &["else_clause"]) else { return Vec::new() };
    let Some(block) = children(clause).into_iter().find(|child| child.kind() == "block") else { return Vec::new() };
    let Some(outer) = clause
        .parent()
        .filter(|outer| outer.parent().is_some_and(|p| matches!(p.kind(), "expression_statement" | "block")))
    else {
        return Vec::new();
    };
    let line = ask.text.get(..outer.start_byte()).and_then(|t| t.rsplit('\n').next()).unwrap_or_default();
    let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    let inner = ask.text.get(block.start_byte() + 1..block.end_byte() - 1).unwrap_or_default();
    let lines: Vec<String> = inner
        .trim()
        .lines()
        .map(|line| {
            format!(
                "{indent}{}",
                line.strip_prefix("    ")
                    .filter(|_| line.starts_with(' '))
                    .map_or(line.trim_start(), |rest| rest.strip_prefix(&indent).unwrap_or(rest))
            )
        })
        .collect();
    let Some(consequence) = outer.child_by_field_name("consequence") else { return Vec::new() };
    let edit = TextEdit {
        range: range(consequence.end_byte(), clause.end_byte()),
        replacement: format!("\n{}", lines.join("\n")),
    };
    vec![Fix::of(ask.path, vec![edit])]
}

/// The default that is written for a type.
fn default_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "bool" => "false",
        "f32" | "f64" => "0.0",
        "char" => "'\\x00'",
        "&str" | "&'static str" => "\"\"",
        "String" => "String::new()",
        "()" => "()",
        _ if kind.starts_with("Option<") => "None",
        _ if kind.starts_with("Vec<") => "vec![]",
        _ if ["i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"]
            .contains(&kind) =>
        {
            "0"
        }
        _ => return None,
    })
}

/// The fields that a literal leaves out, each with the default of its type.
pub(super) fn missing_fields(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(literal) = node_at(ask, &["struct_expression"]) else { return Vec::new() };
    let (Some(name), Some(body)) = (literal.child_by_field_name("name"), literal.child_by_field_name("body")) else {
        return Vec::new();
    };
    let root = ask.tree.root_node();
    let mut name = text(name, ask.text).rsplit("::").next().unwrap_or_default();
    if name == "Self" {
        let own = up(literal, &["impl_item"]).and_then(|block| block.child_by_field_name("type"));
        name = own.map_or("", |own| text(own, ask.text));
    }
    let declared: Vec<Node<'_>> = all(root)
        .into_iter()
        .filter(|n| {
            n.kind() == "struct_item" && n.child_by_field_name("name").is_some_and(|n| text(n, ask.text) == name)
        })
        .collect();
    let [declared] = declared.as_slice() else { return Vec::new() };
    let Some(fields) = declared.child_by_field_name("body").filter(|b| b.kind() == "field_declaration_list") else {
        return Vec::new();
    };
    let given: Vec<&str> = children(body)
        .into_iter()
        .filter_map(|f| f.child_by_field_name("field").or_else(|| f.named_child(0)))
        .map(|f| text(f, ask.text))
        .collect();
    let mut new = Vec::new();
    for field in children(fields).into_iter().filter(|f| f.kind() == "field_declaration") {
        let (Some(field_name), Some(kind)) = (field.child_by_field_name("name"), field.child_by_field_name("type"))
        else {
            continue;
        };
        let field_name = text(field_name, ask.text);
        if !given.contains(&field_name) {
            let Some(value) = default_of(text(kind, ask.text)) else { return Vec::new() };
            new.push(format!("{field_name}: {value}"));
        }
    }
    if new.is_empty() {
        return Vec::new();
    }
    let inner = ask.text.get(body.start_byte() + 1..body.end_byte() - 1).unwrap_or_default();
    let inner = inner.trim().trim_end_matches(',');
    let lead = if inner.is_empty() { String::new() } else { format!("{inner}, ") };
    vec![
        Fix::of(ask.path, vec![put(body, format!("{{ {lead}{} }}", new.join(", ")))])
            .doubted("the values are placeholders"),
    ]
}

/// A value of another type than is asked for: wrapped, borrowed, or a statement without a value.
pub(super) fn mismatch(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(place) = ask.place else { return Vec::new() };
    let root = ask.tree.root_node();
    let Some(function) = around(root, place).and_then(|node| up(node, &["function_item", "closure_expression"])) else {
        return Vec::new();
    };
    let Some(kind) = function.child_by_field_name("return_type").map(|kind| text(kind, ask.text)) else {
        return borrowed(ask, place);
    };
    let Some(body) = function.child_by_field_name("body") else { return Vec::new() };
    let last = children(body).into_iter().last();
    let wrapper = if kind.contains("Option<") {
        "Some"
    } else if kind.contains("Result<") {
        "Ok"
    } else {
        return borrowed(ask, place);
    };
    let doubt = "the types of the expression are not known";
    let Some(last) = last.filter(|last| !last.kind().ends_with("statement") && !last.kind().ends_with("declaration"))
    else {
        return Vec::new();
    };
    if place.start < at(last).start || place.start > at(last).end {
        return borrowed(ask, place);
    }
    let edits = vec![insert(last.start_byte(), format!("{wrapper}(")), insert(last.end_byte(), ")")];
    vec![Fix::of(ask.path, edits).doubted(doubt)]
}

/// A reference of an argument where the parameter of the function in this file asks for one.
fn borrowed(ask: &Ask<'_>, place: TextRange) -> Vec<Fix> {
    let root = ask.tree.root_node();
    let Some(list) = around(root, place).and_then(|node| up(node, &["arguments", "let_declaration"])) else {
        return Vec::new();
    };
    let doubt = "the type of the expression is not known";
    let wanted_and_value = if list.kind() == "let_declaration" {
        list.child_by_field_name("type")
            .zip(list.child_by_field_name("value"))
            .map(|(kind, value)| (text(kind, ask.text), value))
    } else {
        called(ask, list, place)
    };
    let Some((kind, value)) = wanted_and_value else { return Vec::new() };
    let own = text(value, ask.text);
    if let Some(inner) = own.strip_prefix('&').filter(|own| kind.starts_with("&mut ") && !own.starts_with("mut ")) {
        return vec![Fix::of(ask.path, vec![put(value, format!("&mut {inner}"))]).doubted(doubt)];
    }
    let mark = if kind.starts_with("&mut ") {
        "&mut "
    } else if kind.starts_with('&') {
        "&"
    } else {
        return Vec::new();
    };
    if own.starts_with('&') {
        return Vec::new();
    }
    let value = if value.kind() == "parenthesized_expression" { value.named_child(0).unwrap_or(value) } else { value };
    vec![Fix::of(ask.path, vec![insert(value.start_byte(), mark)]).doubted(doubt)]
}

/// The type of the parameter and the argument at a place.
fn called<'t>(ask: &Ask<'t>, list: Node<'t>, place: TextRange) -> Option<(&'t str, Node<'t>)> {
    let arguments = children(list);
    let index = arguments.iter().position(|a| at(*a).start <= place.start && place.start < at(*a).end)?;
    let call = list.parent()?;
    let function = call.child_by_field_name("function")?;
    let name = text(function, ask.text).rsplit(['.', ':']).next()?.trim();
    let found: Vec<Node<'_>> = all(ask.tree.root_node())
        .into_iter()
        .filter(|n| {
            matches!(n.kind(), "function_item" | "function_signature_item")
                && n.child_by_field_name("name").is_some_and(|n| text(n, ask.text) == name)
        })
        .collect();
    let [declared] = found.as_slice() else { return None };
    let parameters = children(declared.child_by_field_name("parameters")?);
    let parameters: Vec<Node<'_>> = parameters.into_iter().filter(|p| p.kind() == "parameter").collect();
    let kind = parameters.get(index)?.child_by_field_name("type")?;
    Some((text(kind, ask.text), *arguments.get(index)?))
}

/// `mod name;` in the file that would own a file without one.
pub(super) fn unlinked(ask: &Ask<'_>) -> Vec<Fix> {
    let Some((folder, mut name)) = owner(ask.path) else { return Vec::new() };
    if KEYWORDS.contains(&name.as_str()) {
        name = format!("r#{name}");
    }
    let mut owners: Vec<String> = Vec::new();
    if folder.is_empty() || folder == "src" {
        let root = |file: &str| if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
        owners.extend([root("main.rs"), root("lib.rs")]);
    } else {
        owners.extend([format!("{folder}.rs"), format!("{folder}/mod.rs")]);
    }
    let owners: Vec<RepoPath> =
        owners.into_iter().filter_map(|path| RepoPath::new(path).ok()).filter(|path| ask.files.exists(path)).collect();
    let [owner] = owners.as_slice() else { return Vec::new() };
    let Some(text_of) = ask.files.text(owner) else { return Vec::new() };
    let Some(tree) = deepcoder_syntax::tree(ask.language, &text_of) else { return Vec::new() };
    let items = children(tree.root_node());
    let modules: Vec<&Node<'_>> =
        items.iter().filter(|n| n.kind() == "mod_item" && n.child_by_field_name("body").is_none()).collect();
    let inner = items.iter().take_while(|n| n.kind() == "inner_attribute_item").last();
    let edit = match (modules.last(), inner, items.first()) {
        (Some(last), ..) => insert(last.end_byte(), format!("\nmod {name};")),
        (None, Some(attribute), _) => insert(attribute.end_byte(), format!("\n\nmod {name};")),
        (None, None, Some(first)) => insert(first.start_byte(), format!("mod {name};\n\n")),
        (None, None, None) => insert(text_of.len(), format!("mod {name};\n")),
    };
    vec![Fix::of(owner, vec![edit]).doubted("the file may be left out on purpose")]
}

/// The words that no module can have as its name, unless it says `r#`.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The folder of the module that a file belongs to, and the name of its own.
fn owner(path: &RepoPath) -> Option<(String, String)> {
    let path = path.as_str().strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    Some((folder.to_owned(), name.to_owned()))
}

/// A struct or a variant without the brackets that hold nothing.
pub(super) fn empty_brackets(ask: &Ask<'_>) -> Vec<Fix> {
    let Some(place) = ask.place else { return Vec::new() };
    let Some(item) = around(ask.tree.root_node(), place).and_then(|node| up(node, &["struct_item", "enum_variant"]))
    else {
        return Vec::new();
    };
    let Some(body) = item.child_by_field_name("body").filter(|body| children(*body).is_empty()) else {
        return Vec::new();
    };
    let before = ask.text.get(..body.start_byte()).unwrap_or_default().trim_end().len();
    let braces = item.kind() == "struct_item" && body.kind() == "field_declaration_list";
    let new = if braces { ";" } else { "" };
    vec![Fix::one(ask.path, range(before, body.end_byte()), new)]
}
