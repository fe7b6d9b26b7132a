//! Rewrites of Python: f-strings, conditional expressions.

use super::site::{Draft, Site, field, is_comment, parts};
use super::{ConvertError, Kind, PYTHON};
use crate::grammar::source::{range, walk};
use deepcoder_syntax::Node;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "format-to-f-string",
        title: "make an f-string of `format`",
        languages: PYTHON,
        applies: format_at,
        rewrite: from_format,
    },
    Kind {
        name: "if-to-ternary",
        title: "make one statement with a conditional expression",
        languages: PYTHON,
        applies: if_at,
        rewrite: to_ternary,
    },
    Kind {
        name: "ternary-to-if",
        title: "make an `if` statement of the conditional expression",
        languages: PYTHON,
        applies: ternary_at,
        rewrite: to_if,
    },
];

/// `"…".format(…)` around the cursor.
fn format_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let mut at = site.source.node_at(site.at)?;
    loop {
        let function = field(at, "function").filter(|f| at.kind() == "call" && f.kind() == "attribute");
        if let Some(function) = function {
            let text = field(function, "object").filter(|object| object.kind() == "string");
            if text.is_some() && field(function, "attribute").is_some_and(|name| site.text(name) == "format") {
                return Some(at);
            }
        }
        at = at.parent()?;
    }
}

fn from_format(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    const FORM: ConvertError = ConvertError::Because("a field of the text is not one of the arguments as it is");
    let function = field(node, "function").ok_or(ConvertError::Broken)?;
    let text = field(function, "object").map(|object| site.text(object)).ok_or(ConvertError::Broken)?;
    let open = text.find(['"', '\'']).ok_or(ConvertError::Broken)?;
    let (prefix, body) = text.split_at(open);
    if prefix.to_lowercase().contains(['b', 'f', 't', 'u']) {
        return Err(ConvertError::Because("the text has a prefix of its own"));
    }
    // `.format` sees the brace that an escape writes, and an f-string does not.
    let escapes = body
        .match_indices('\\')
        .any(|(at, _)| body[at + 1..].starts_with(|c: char| matches!(c, 'x' | 'u' | 'U' | 'N' | '0'..='7')));
    if escapes && !prefix.to_lowercase().contains('r') {
        return Err(ConvertError::Because("an escape of the text may write a brace"));
    }
    let quote = body.chars().next().ok_or(ConvertError::Broken)?;
    let mut by_place = Vec::new();
    let mut by_name = Vec::new();
    for argument in field(node, "arguments").map(parts).unwrap_or_default() {
        match argument.kind() {
            "list_splat" | "dictionary_splat" => return Err(FORM),
            "keyword_argument" => {
                let (name, value) =
                    field(argument, "name").zip(field(argument, "value")).ok_or(ConvertError::Broken)?;
                by_name.push((site.text(name), value, 0));
            }
            _ => by_place.push((argument, 0)),
        }
    }
    let mut out = String::new();
    let mut rest = body;
    let mut next = 0;
    let mut order = Vec::new();
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            out.push_str(&rest[..2]);
            rest = &rest[2..];
            continue;
        }
        let (inside, tail) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).ok_or(FORM)?;
        let end = inside.find([':', '!']).unwrap_or(inside.len());
        let (name, form) = inside.split_at(end);
        if form.contains(['{', '\\']) {
            return Err(FORM);
        }
        let value = if name.is_empty() || name.chars().all(|c| c.is_ascii_digit()) {
            let index = if name.is_empty() { next } else { name.parse().map_err(|_| FORM)? };
            next += 1;
            let (value, uses) = by_place.get_mut(index).ok_or(FORM)?;
            *uses += 1;
            *value
        } else {
            let (_, value, uses) = by_name.iter_mut().find(|(own, ..)| *own == name).ok_or(FORM)?;
            *uses += 1;
            *value
        };
        let written = site.text(value);
        // Before Python 3.12 neither the quotes of the text, nor a backslash or a comment could stand in a field.
        if written.contains([quote, '\\', '#', '\n']) || written.contains(['"', '\'']) && body.starts_with("\"\"\"") {
            return Err(ConvertError::Because("an argument has quotes, a backslash or a line break in it"));
        }
        let brackets = matches!(value.kind(), "lambda" | "named_expression" | "yield" | "generator_expression");
        let space = if written.starts_with('{') { " " } else { "" };
        let written = if brackets { format!("({written})") } else { format!("{space}{written}") };
        out.push_str(&format!("{{{written}{form}}}"));
        order.push(range(value).start);
        rest = tail;
    }
    out.push_str(rest);
    let used = by_place.iter().map(|(_, uses)| *uses).chain(by_name.iter().map(|(.., uses)| *uses));
    let mut draft = Draft::of(node, format!("f{prefix}{out}"));
    for uses in used {
        match uses {
            0 => return Err(ConvertError::Because("an argument is not used, and would not be evaluated")),
            1 => {}
            _ => draft.doubt(node, "an argument is evaluated more than once"),
        }
    }
    if order.windows(2).any(|pair| pair[0] > pair[1]) {
        draft.doubt(node, "the arguments are evaluated in another order");
    }
    let plain = |value: Node<'_>| matches!(value.kind(), "identifier" | "string" | "integer" | "float");
    if !by_place.iter().map(|(value, _)| *value).chain(by_name.iter().map(|(_, value, _)| *value)).all(plain) {
        draft.doubt(node, "an argument is formatted before the next one is evaluated");
    }
    Ok(draft)
}

fn if_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.owner(&["if"], &["if_statement"])
}

/// The only statement of a block without comments.
fn only(block: Node<'_>) -> Option<Node<'_>> {
    let [one] = parts(block)[..] else { return None };
    if one.kind() == "expression_statement" { parts(one).into_iter().next() } else { Some(one) }
}

/// What gets the value of an assignment without a written type.
fn target(assignment: Node<'_>) -> Option<Node<'_>> {
    field(assignment, "left").filter(|_| field(assignment, "type").is_none())
}

fn to_ternary(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    const FORM: ConvertError =
        ConvertError::Because("the branches are not two values for one variable, and no two `return`s");
    let condition = field(node, "condition").ok_or(ConvertError::Broken)?;
    let then = field(node, "consequence").and_then(only).ok_or(FORM)?;
    let clauses: Vec<Node<'_>> = parts(node).into_iter().filter(|part| part.kind().ends_with("_clause")).collect();
    let [clause] = clauses[..] else { return Err(FORM) };
    let other = field(clause, "body").filter(|_| clause.kind() == "else_clause").and_then(only).ok_or(FORM)?;
    let mut comments = false;
    walk(node, |at| {
        comments |= is_comment(at);
        true
    });
    if comments {
        return Err(ConvertError::Comment);
    }
    let weak = |value: Node<'_>| {
        let brackets = matches!(
            value.kind(),
            "conditional_expression" | "lambda" | "named_expression" | "expression_list" | "yield" | "assignment"
        );
        if brackets { format!("({})", site.text(value)) } else { site.text(value).to_owned() }
    };
    let (head, first, second) = match (then.kind(), other.kind()) {
        ("return_statement", "return_statement") => {
            let (one, two) = parts(then).pop().zip(parts(other).pop()).ok_or(FORM)?;
            ("return ".to_owned(), one, two)
        }
        ("assignment", "assignment") => {
            let (one, two) = target(then).zip(target(other)).ok_or(FORM)?;
            if one.kind() != "identifier" || site.text(one) != site.text(two) {
                return Err(FORM);
            }
            let (first, second) = field(then, "right").zip(field(other, "right")).ok_or(FORM)?;
            if first.kind() == "assignment" || second.kind() == "assignment" {
                return Err(FORM);
            }
            (format!("{} = ", site.text(one)), first, second)
        }
        _ => return Err(FORM),
    };
    Ok(Draft::of(node, format!("{head}{} if {} else {}", weak(first), weak(condition), weak(second))))
}

fn ternary_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let found = site.owner(&["if", "else"], &["conditional_expression"])?;
    let parent = found.parent()?;
    let statement = match parent.kind() {
        "return_statement" => parent,
        "assignment" => parent.parent()?,
        _ => return None,
    };
    let direct = matches!(statement.kind(), "return_statement" | "expression_statement");
    (direct && site.source.begins_line(range(statement).start)).then_some(found)
}

fn to_if(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let [first, condition, second] = parts(node)[..] else { return Err(ConvertError::Broken) };
    let parent = node.parent().ok_or(ConvertError::Broken)?;
    let (statement, head) = match parent.kind() {
        "return_statement" => (parent, "return ".to_owned()),
        _ => {
            let left = field(parent, "left").filter(|left| left.kind() == "identifier");
            let left = left.ok_or(ConvertError::Because("what gets the value is no variable"))?;
            if field(parent, "type").is_some() {
                return Err(ConvertError::Because("the variable has a written type"));
            }
            (parent.parent().ok_or(ConvertError::Broken)?, format!("{} = ", site.text(left)))
        }
    };
    let after = site.text_between(range(statement).end, site.source.line_end(range(statement).end));
    if !after.trim().is_empty() && !after.trim().starts_with('#') || after.contains('#') {
        return Err(ConvertError::Because("something stands behind the statement in its line"));
    }
    if site.text(statement).contains('\n') {
        return Err(ConvertError::Because("the statement has several lines"));
    }
    let (indentation, unit) = (site.indentation(statement), site.unit());
    let text = format!(
        "if {}:\n{indentation}{unit}{head}{}\n{indentation}else:\n{indentation}{unit}{head}{}",
        site.text(condition),
        site.text(first),
        site.text(second)
    );
    Ok(Draft::of(statement, text))
}
