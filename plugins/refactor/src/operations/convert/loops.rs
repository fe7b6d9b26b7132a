//! Loops in other forms.

use super::site::{Draft, Site, child, field};
use super::{ConvertError, Kind, RUST};
use crate::grammar::source::{range, walk};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "while-to-loop",
        title: "make a `loop` of the `while`",
        languages: RUST,
        applies: while_at,
        rewrite: to_loop,
    },
    Kind {
        name: "for-to-while-let",
        title: "make a `while let` of the `for`",
        languages: RUST,
        applies: for_at,
        rewrite: to_while_let,
    },
    Kind {
        name: "for-to-for-each",
        title: "make a `for_each` of the `for`",
        languages: RUST,
        applies: for_at,
        rewrite: to_for_each,
    },
];

fn head_at<'s>(site: &'s Site<'_>, kind: &str) -> Option<Node<'s>> {
    let found = site.around(&[kind])?;
    let body = field(found, "body")?;
    (site.at.end <= range(body).start || site.at == range(found)).then_some(found)
}

fn while_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    head_at(site, "while_expression")
}

fn for_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    head_at(site, "for_expression")
}

fn to_loop(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let condition = field(node, "condition").ok_or(ConvertError::Broken)?;
    let body = field(node, "body").ok_or(ConvertError::Broken)?;
    let word = child(node, "while").ok_or(ConvertError::Broken)?;
    let indentation = site.indentation(node).to_owned();
    let inner = format!("{indentation}{}", site.unit());
    let deeper = format!("{inner}{}", site.unit());
    let mut doubts = Vec::new();
    let at = TextRange::new(range(word).start, range(node).end);
    let mut draft = Draft::default();
    if super::conditions::has_let(condition) {
        let block = site.moved(range(body), &indentation, &inner);
        let text = format!(
            "loop {{\n{inner}if {} {block} else {{\n{deeper}break;\n{inner}}}\n{indentation}}}",
            site.text(condition)
        );
        draft.put(at, text);
        let end = draft.doubted(node, "the order in which values are dropped may differ");
        return Ok(end);
    }
    let opposite = site.opposite(condition, false, &mut doubts);
    let inside = site.text_between(range(body).start + 1, range(body).end - 1).trim();
    let rest = if inside.is_empty() { String::new() } else { format!("\n{inner}{inside}") };
    draft.put(at, format!("loop {{\n{inner}if {} {{\n{deeper}break;\n{inner}}}{rest}\n{indentation}}}", opposite.text));
    Ok(draft.with(doubts))
}

/// The calls that surely give an iterator.
const ITERATORS: &[&str] = &[
    "iter",
    "iter_mut",
    "into_iter",
    "chars",
    "bytes",
    "lines",
    "map",
    "filter",
    "take",
    "skip",
    "enumerate",
    "zip",
    "rev",
    "chain",
    "keys",
    "values",
    "split",
    "split_whitespace",
    "windows",
    "chunks",
    "drain",
    "cloned",
    "copied",
    "step_by",
    "filter_map",
    "flat_map",
    "take_while",
    "skip_while",
    "peekable",
    "char_indices",
    "cycle",
    "inspect",
];

/// The value of a `for` as an iterator, and whether that is certain.
fn iterator(site: &Site<'_>, value: Node<'_>) -> (String, bool) {
    let text = site.text(value);
    let inner = site.bare(value);
    match inner.kind() {
        "range_expression" => (site.text(inner).to_owned(), true),
        "call_expression" => {
            let method =
                field(inner, "function").filter(|f| f.kind() == "field_expression").and_then(|f| field(f, "field"));
            if method.is_some_and(|method| ITERATORS.contains(&site.text(method))) {
                return (text.to_owned(), true);
            }
            (format!("{text}.into_iter()"), false)
        }
        "reference_expression" => {
            let borrowed = field(inner, "value").map(|v| site.text(v)).unwrap_or_default();
            let mutable = child(inner, "mutable_specifier").is_some();
            let name = if mutable { "iter_mut" } else { "iter" };
            if site.source.text.contains(&format!("fn {name}(")) {
                return (format!("{borrowed}.{name}()"), false);
            }
            (format!("({text}).into_iter()"), false)
        }
        "identifier" | "field_expression" | "macro_invocation" | "index_expression" => {
            (format!("{text}.into_iter()"), false)
        }
        _ => (format!("({text}).into_iter()"), false),
    }
}

fn free(site: &Site<'_>, name: &str) -> bool {
    // A part of a path or a member is no variable.
    let plain = |at: TextRange| {
        let before = site.source.text.get(..at.start as usize).unwrap_or_default();
        let after = site.source.text.get(at.end as usize..).unwrap_or_default();
        !before.ends_with([':', '.']) && !after.starts_with("::")
    };
    !site.source.bindings.references.iter().any(|reference| reference.name == name && plain(reference.at))
}

fn to_while_let(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let (pattern, value) = field(node, "pattern").zip(field(node, "value")).ok_or(ConvertError::Broken)?;
    let word = child(node, "for").ok_or(ConvertError::Broken)?;
    let name =
        (0..10).map(|n| if n == 0 { "iter".to_owned() } else { format!("iter{n}") }).find(|name| free(site, name));
    let name = name.ok_or(ConvertError::Because("no name for the iterator is free"))?;
    let (iterator, _) = iterator(site, value);
    let mut first = node.parent().filter(|parent| parent.kind() == "expression_statement").unwrap_or(node);
    if first.parent().is_none_or(|parent| parent.kind() != "block") {
        return Err(ConvertError::Because("the loop is no statement of a block"));
    }
    while let Some(before) = first.prev_named_sibling().filter(|before| before.kind() == "attribute_item") {
        first = before;
    }
    let mut draft = Draft::default();
    let start = range(first).start;
    let indentation = site.indentation(node);
    draft.put(TextRange::new(start, start), format!("let mut {name} = {iterator};\n{indentation}"));
    let at = TextRange::new(range(word).start, range(value).end);
    draft.put(at, format!("while let Some({}) = {name}.next()", site.text(pattern)));
    Ok(draft.doubted(node, "the iterator lives until the end of the block"))
}

fn to_for_each(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let (pattern, value) = field(node, "pattern").zip(field(node, "value")).ok_or(ConvertError::Broken)?;
    let body = field(node, "body").ok_or(ConvertError::Broken)?;
    let mut leaves = child(node, "label").is_some();
    walk(body, |at| {
        leaves |= matches!(
            at.kind(),
            "break_expression"
                | "continue_expression"
                | "return_expression"
                | "try_expression"
                | "await_expression"
                | "yield_expression"
        );
        at.kind() != "closure_expression"
    });
    if leaves {
        return Err(ConvertError::Because("the body leaves the loop or the function"));
    }
    let (mut text, _) = iterator(site, value);
    if site.bare(value).kind() == "range_expression" {
        text = format!("({text})");
    }
    let statement = node.parent().filter(|parent| parent.kind() == "expression_statement");
    let semicolon = statement.is_none_or(|statement| !site.text(statement).ends_with(';'));
    let end = if semicolon { ";" } else { "" };
    let call = format!("{text}.for_each(|{}| {}){end}", site.text(pattern), site.text(body));
    Ok(Draft::of(node, call).doubted(node, "the body becomes a closure, which borrows what it uses"))
}
