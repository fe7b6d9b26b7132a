//! Rust: a function beside the one around the selection, or a method where it names `self`.

use super::{ExtractError, Extraction, Written};
use crate::grammar::paths::RUST;
use crate::grammar::rust::{INTEGER, is_copy, settled, type_of, variable_type};
use crate::grammar::source::{Source, holds, range, walk};
use crate::operations::extract_function::flow::Variable;
use deepcoder_resolve::{Form, Reference, Role, Target};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

/// How a variable goes into the new function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Value,
    Mutable,
    Shared,
    Exclusive,
}

pub(super) fn write(of: &Extraction<'_, '_>) -> Result<Written, ExtractError> {
    let Extraction { source, selection, home, flow, control, name, .. } = of;
    let mut written = Written { end: "}", ..Written::default() };
    let at = selection.at;
    if source.around(selection.first, *home, &["closure_expression", "async_block"]).iter().any(|_| control.valued) {
        return Err(ExtractError::Returns);
    }
    let tail = Tail::of(source, of);
    // What is declared outside and changed inside goes in by reference instead of coming out.
    let results: Vec<&Variable> = flow.results.iter().chain(&flow.outer).filter(|v| v.inside).collect();
    let mut comings: Vec<&Variable> =
        flow.parameters.iter().chain(&flow.inner).chain(flow.results.iter().filter(|v| !v.inside)).collect();
    comings.sort_by_key(|v| v.at.start);
    comings.dedup_by_key(|v| v.at.start);
    let returned = home.child_by_field_name("return_type").map(|kind| source.text_of(range(kind)).to_owned());
    let mut result = match () {
        () if !results.is_empty() => {
            if tail.value.is_some() && !tail.unit {
                return Err(ExtractError::Results(
                    results.iter().map(|v| v.name.clone()).collect::<Vec<_>>().join(", "),
                ));
            }
            let types: Result<Vec<String>, ExtractError> = results
                .iter()
                .map(|v| variable_type(source, v.at).ok_or_else(|| ExtractError::Type(v.name.clone())))
                .collect();
            let types = types?;
            if let [only] = types.as_slice() { only.clone() } else { format!("({})", types.join(", ")) }
        }
        () if tail.whole && (control.tried || !control.returns.is_empty()) => {
            returned.clone().unwrap_or_else(|| "()".to_owned())
        }
        () if control.valued => returned.clone().ok_or(ExtractError::NoType)?,
        () => match tail.value {
            None => "()".to_owned(),
            Some(value) => match type_of(source, value) {
                Some(known) => known,
                None if tail.whole => returned.clone().unwrap_or_else(|| "()".to_owned()),
                None => {
                    let call = matches!(value.kind(), "call_expression" | "macro_invocation" | "await_expression");
                    if !call || !tail.statement {
                        return Err(ExtractError::NoType);
                    }
                    "()".to_owned()
                }
            },
        },
    };
    // Numbers without a type take the one that the function gives.
    let mut number = "i32".to_owned();
    if tail.whole
        && result.contains(INTEGER)
        && let Some(returned) = &returned
    {
        number.clone_from(returned);
        result.clone_from(returned);
    }
    let settle = |kind: &str| settled(&kind.replace(INTEGER, &number));
    let mut parameters = Vec::new();
    let mut arguments = Vec::new();
    for variable in comings {
        let kind = variable_type(source, variable.at).ok_or_else(|| ExtractError::Type(variable.name.clone()))?;
        let uses: Vec<&Reference> = uses(source, variable, at);
        let looped = !source.around(selection.first, *home, source.grammar.loops).is_empty();
        let later = variable.later && (looped || used_after(source, variable, at));
        let changed = uses.iter().any(|r| changes(source, r));
        let reference = kind.starts_with('&');
        let pass = match () {
            () if reference => Pass::Value,
            () if changed && later => Pass::Exclusive,
            () if changed => Pass::Mutable,
            () if later && !is_copy(source, &kind) => Pass::Shared,
            () => Pass::Value,
        };
        if matches!(pass, Pass::Exclusive | Pass::Shared) {
            for r in &uses {
                follow(source, r, pass, &mut written)?;
            }
        }
        if !reference && later && !is_copy(source, &kind) && kind.contains(char::is_uppercase) && pass == Pass::Shared {
            written.doubts.push((variable.at, "the text does not tell whether it is borrowed".into()));
        }
        let (name, kind) = (&variable.name, settle(&kind));
        let (parameter, argument) = match pass {
            Pass::Value => (format!("{name}: {kind}"), name.clone()),
            Pass::Mutable => (format!("mut {name}: {kind}"), name.clone()),
            Pass::Shared => (format!("{name}: &{kind}"), format!("&{name}")),
            Pass::Exclusive => (format!("{name}: &mut {kind}"), format!("&mut {name}")),
        };
        parameters.push(parameter);
        arguments.push(argument);
    }
    let implementation =
        home.parent().and_then(|list| list.parent()).filter(|up| up.kind() == "impl_item" || up.kind() == "trait_item");
    let mut callee = name.clone();
    if control.this {
        let Some(implementation) = implementation else { return Err(ExtractError::NoSelf) };
        if implementation.kind() == "trait_item" || implementation.child_by_field_name("trait").is_some() {
            return Err(ExtractError::NoHome);
        }
        let receiver = home.child_by_field_name("parameters").and_then(|list| list.named_child(0));
        let receiver = receiver.filter(|receiver| receiver.kind() == "self_parameter").ok_or(ExtractError::NoSelf)?;
        let mut own = source.text_of(range(receiver)).to_owned();
        if own == "&mut self" && !own_changes(of) {
            "&self".clone_into(&mut own);
        }
        if !own.starts_with('&') {
            written.doubts.push((at, "it may take `self` out of its place".into()));
        }
        parameters.insert(0, own);
        callee = format!("self.{name}");
    } else if let Some(implementation) = implementation {
        written.home = Some(range(implementation));
        if implementation.child_by_field_name("type_parameters").is_some() || source.text_of(at).contains("Self") {
            return Err(ExtractError::NoHome);
        }
    }
    let waits = if control.awaits { ".await" } else { "" };
    let asked = control.tried && !tail.whole;
    let mut wrapped = "";
    if control.tried && selection.is_expression {
        written.doubts.push((at, "it may return before its value is there".into()));
    }
    if asked {
        let outer = returned.as_deref().unwrap_or_default();
        let inner = if result == "()" { "()".to_owned() } else { settle(&result) };
        if outer.starts_with("Option<") {
            (result, wrapped) = (format!("Option<{inner}>"), "Some");
        } else if let Some(error) =
            outer.strip_prefix("Result<").and_then(|rest| rest.strip_suffix('>')).and_then(|rest| rest.rsplit_once(','))
        {
            (result, wrapped) = (format!("Result<{inner}, {}>", error.1.trim()), "Ok");
        } else {
            return Err(ExtractError::Bound("?"));
        }
        if tail.value.is_some() && results.is_empty() && !tail.unit {
            written.around = (format!("{wrapped}("), ")".to_owned());
        }
    }
    let call = format!("{callee}({}){waits}{}", arguments.join(", "), if asked { "?" } else { "" });
    let names: Vec<&str> = results.iter().map(|v| v.name.as_str()).collect();
    let joined = if let [only] = names.as_slice() { (*only).to_owned() } else { format!("({})", names.join(", ")) };
    let wrap = |value: String| if wrapped.is_empty() { value } else { format!("{wrapped}({value})") };
    if names.is_empty() {
        if asked && (tail.value.is_none() || tail.unit) {
            written.last.push(format!("{wrapped}(())"));
        }
    } else {
        written.last.push(wrap(joined));
        if selection.is_expression {
            return Err(ExtractError::Partial);
        }
    }
    let unit = result == "()";
    written.call = match () {
        () if !names.is_empty() => {
            let patterns: Vec<String> = results.iter().map(|v| pattern(source, v, at)).collect();
            let pattern =
                if let [only] = patterns.as_slice() { only.clone() } else { format!("({})", patterns.join(", ")) };
            format!("let {pattern} = {call};")
        }
        () if selection.is_expression => match tail.place {
            Place::Tail if unit => format!("{call};"),
            Place::Arm => format!("{call},"),
            _ => call,
        },
        () if tail.value.is_some() && !unit && tail.statement && !tail.semicolon => call,
        () if control.valued && !tail.whole => format!("return {call};"),
        () => format!("{call};"),
    };
    let generics = generics(source, of, &parameters, &result);
    let words = source.text_of(TextRange::new(
        range(*home).start,
        home.child_by_field_name("name").map_or(range(*home).start, |n| range(n).start),
    ));
    let has = |word: &str| words.split_whitespace().any(|own| own == word);
    let mut words = String::new();
    if has("const") {
        words.push_str("const ");
    }
    if control.awaits {
        words.push_str("async ");
    }
    if has("unsafe") {
        words.push_str("unsafe ");
        written.doubts.push((at, "the function around it is `unsafe`".into()));
    }
    let (kinds, bounds) = generics;
    // The place of a caller is that of the caller's caller.
    let mut attribute = home.prev_named_sibling();
    let mut attributes = String::new();
    while let Some(node) = attribute.filter(|node| node.kind() == "attribute_item") {
        if source.text_of(range(node)).contains("track_caller") {
            attributes = format!("#[track_caller]\n{}", source.indentation(range(*home).start));
        }
        attribute = node.prev_named_sibling();
    }
    let arrow = if unit { String::new() } else { format!(" -> {}", settle(&result)) };
    written.head = format!("{attributes}{words}fn {name}{kinds}({}){arrow}{bounds} {{", parameters.join(", "));
    if let Some(block) = selection.is_expression.then_some(selection.first).filter(|node| node.kind() == "block") {
        let mut cursor = block.walk();
        let inner: Vec<Node<'_>> = block.named_children(&mut cursor).collect();
        if let (Some(first), Some(last)) = (inner.first(), inner.last()) {
            written.inner = Some(TextRange::new(range(*first).start, range(*last).end));
        }
    }
    if source.text_of(at).contains('!') {
        written.doubts.push((at, "a macro may use more than the text shows".into()));
    }
    Ok(written)
}

/// Where the value of the selection goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the value of a block.
    Tail,
    /// It is the value of an arm that has no comma.
    Arm,
    Other,
}

/// What the selection gives as its value.
struct Tail<'t> {
    value: Option<Node<'t>>,
    /// Whether it is the value of the whole function.
    whole: bool,
    unit: bool,
    statement: bool,
    semicolon: bool,
    place: Place,
}

impl<'t> Tail<'t> {
    fn of(source: &Source<'_>, of: &Extraction<'t, '_>) -> Self {
        let selection = of.selection;
        let last = selection.last;
        let parent = last.parent();
        let in_block = parent.is_some_and(|parent| parent.kind() == "block");
        let mut next = last.next_named_sibling();
        while next.is_some_and(|node| node.is_extra()) {
            next = next.and_then(|node| node.next_named_sibling());
        }
        let end = in_block && next.is_none();
        let arm = parent.filter(|parent| parent.kind() == "match_arm");
        let comma = arm.is_none_or(|arm| source.text_of(range(arm)).trim_end().ends_with(','));
        let closes = selection.first.kind().ends_with("block");
        let last_arm = arm.is_some_and(|arm| arm.next_named_sibling().is_none());
        let place = match () {
            () if end => Place::Tail,
            () if arm.is_some() && !comma && (closes || !last_arm) => Place::Arm,
            () => Place::Other,
        };
        let function = crate::paths::function_around(&RUST, last).is_some_and(|f| f.id() == of.home.id());
        let whole = end && function && crate::paths::is_tail(source, &RUST, last, of.home)
            || selection.is_expression
                && end
                && function
                && parent.and_then(|block| block.parent()).is_some_and(|up| up.id() == of.home.id());
        let text = source.text_of(range(last));
        let (value, semicolon) = match () {
            () if selection.is_expression => (Some(selection.first), false),
            () if last.kind() == "expression_statement" && !text.ends_with(';') => (last.named_child(0), false),
            () if last.kind() == "expression_statement" || last.kind() == "let_declaration" => (None, true),
            () if last.kind().ends_with("_item") => (None, true),
            () => (Some(last), false),
        };
        let kind = value.map_or("", |value| value.kind());
        let unit = matches!(
            kind,
            "while_expression" | "for_expression" | "assignment_expression" | "compound_assignment_expr"
        ) || kind == "if_expression"
            && value.is_some_and(|v| v.child_by_field_name("alternative").is_none())
            || matches!(kind, "loop_expression" | "match_expression" | "if_expression")
                && !end
                && !selection.is_expression;
        Self { value, whole: whole && !semicolon, unit, statement: end, semicolon, place }
    }
}

/// The uses of a variable in the selection.
fn uses<'s>(source: &'s Source<'_>, variable: &Variable, at: TextRange) -> Vec<&'s Reference> {
    source.references(at).iter().filter(|r| r.target == Target::Declaration(variable.id) && holds(at, r.at)).collect()
}

fn used_after(source: &Source<'_>, variable: &Variable, at: TextRange) -> bool {
    source.bindings.references.iter().any(|r| r.target == Target::Declaration(variable.id) && r.at.start >= at.end)
}

/// The place that a name stands in with its fields and elements.
fn place<'t>(node: Node<'t>) -> Node<'t> {
    let mut at = node;
    while let Some(parent) = at.parent() {
        let first = parent.named_child(0).is_some_and(|first| first.id() == at.id());
        if !first || !matches!(parent.kind(), "field_expression" | "index_expression") {
            break;
        }
        if parent.kind() == "field_expression"
            && parent.parent().is_some_and(|up| {
                up.kind() == "call_expression"
                    && up.child_by_field_name("function").is_some_and(|f| f.id() == parent.id())
            })
        {
            break;
        }
        at = parent;
    }
    at
}

/// Whether a use changes the variable or lends it to something that may.
fn changes(source: &Source<'_>, r: &Reference) -> bool {
    if r.role == Role::Writes {
        return true;
    }
    let Some(node) = source.node_at(r.at) else { return true };
    let place = place(node);
    let Some(parent) = place.parent() else { return false };
    match parent.kind() {
        "assignment_expression" | "compound_assignment_expr" => {
            parent.child_by_field_name("left").is_some_and(|left| left.id() == place.id())
        }
        "reference_expression" => parent.child(1).is_some_and(|word| word.kind() == "mutable_specifier"),
        "field_expression" => {
            // A method of this file that takes it exclusively.
            let method = parent.child_by_field_name("field");
            method.is_some_and(|method| {
                let name = source.text_of(range(method));
                source.text.contains(&format!("fn {name}(&mut self")) || EXCLUSIVE.contains(&name)
            })
        }
        _ => false,
    }
}

/// Well-known methods that change what they are called on.
const EXCLUSIVE: &[&str] = &[
    "push", "push_str", "insert", "remove", "clear", "pop", "extend", "sort", "append", "truncate", "drain", "retain",
    "iter_mut", "next", "resize",
];

/// What a use of a variable becomes that comes in by reference.
fn follow(source: &Source<'_>, r: &Reference, pass: Pass, written: &mut Written) -> Result<(), ExtractError> {
    let node = source
        .node_at(r.at)
        .filter(|node| range(*node) == r.at && r.form == Form::Plain)
        .ok_or(ExtractError::Partial)?;
    let parent = node.parent().ok_or(ExtractError::Partial)?;
    match parent.kind() {
        "field_expression" | "index_expression"
            if parent.named_child(0).is_some_and(|first| first.id() == node.id()) => {}
        "reference_expression" => {
            let exclusive = parent.child(1).is_some_and(|word| word.kind() == "mutable_specifier");
            if exclusive || pass == Pass::Shared {
                written.replaced.push((range(parent), r.name.clone()));
                // The name is carried with the rest.
            } else {
                written.replaced.push((TextRange::new(r.at.start, r.at.start), "*".to_owned()));
            }
        }
        "token_tree" if pass == Pass::Shared => {}
        "token_tree" => return Err(ExtractError::Bound("a macro")),
        _ if pass == Pass::Exclusive => written.replaced.push((TextRange::new(r.at.start, r.at.start), "*".to_owned())),
        _ => return Err(ExtractError::Bound("a value that is used later")),
    }
    Ok(())
}

/// Whether the selection may change `self`.
fn own_changes(of: &Extraction<'_, '_>) -> bool {
    let at = of.selection.at;
    let mut found = false;
    walk(of.home, |node| {
        let here = range(node);
        if found || here.end <= at.start || here.start >= at.end {
            return false;
        }
        if node.kind() == "self" && holds(at, here) {
            let place = place(node);
            found |= place.parent().is_some_and(|parent| match parent.kind() {
                "assignment_expression" | "compound_assignment_expr" => {
                    parent.child_by_field_name("left").is_some_and(|left| left.id() == place.id())
                }
                "field_expression" | "reference_expression" | "arguments" | "call_expression" => true,
                _ => false,
            });
        }
        true
    });
    found
}

/// How a result is declared: mutable where the code after the selection changes it.
fn pattern(source: &Source<'_>, variable: &Variable, at: TextRange) -> String {
    let later = source
        .bindings
        .references
        .iter()
        .filter(|r| r.target == Target::Declaration(variable.id) && r.at.start >= at.end)
        .any(|r| changes(source, r));
    if later { format!("mut {}", variable.name) } else { variable.name.clone() }
}

/// The type parameters and bounds of the function around that the new one needs.
fn generics(source: &Source<'_>, of: &Extraction<'_, '_>, parameters: &[String], result: &str) -> (String, String) {
    let Some(list) = of.home.child_by_field_name("type_parameters") else { return Default::default() };
    let text = format!("{} {result} {}", parameters.join(" "), source.text_of(of.selection.at));
    let uses = |text: &str, name: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    let mut kept = Vec::new();
    let mut names = Vec::new();
    let mut cursor = list.walk();
    for parameter in list.named_children(&mut cursor) {
        let name = parameter.child_by_field_name("name").or_else(|| parameter.named_child(0)).unwrap_or(parameter);
        let name = source.text_of(range(name)).trim_start_matches('\'');
        if uses(&text, name) {
            kept.push(source.text_of(range(parameter)));
            names.push(name);
        }
    }
    let mut bounds = Vec::new();
    let mut cursor = of.home.walk();
    for clause in of.home.named_children(&mut cursor).filter(|child| child.kind() == "where_clause") {
        let mut cursor = clause.walk();
        for predicate in clause.named_children(&mut cursor) {
            let text = source.text_of(range(predicate));
            if names.iter().any(|name| uses(text.split(':').next().unwrap_or_default(), name)) {
                bounds.push(text);
            }
        }
    }
    let kinds = if kept.is_empty() { String::new() } else { format!("<{}>", kept.join(", ")) };
    let bounds = if bounds.is_empty() { String::new() } else { format!(" where {}", bounds.join(", ")) };
    (kinds, bounds)
}
