//! Texts that are put together: template strings of scripts.

use super::site::{Draft, Site, field, is_comment, parts};
use super::{ConvertError, Kind, SCRIPTS};
use crate::grammar::source::{range, walk};
use deepcoder_syntax::Node;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "concatenation-to-template",
        title: "make a template string",
        languages: SCRIPTS,
        applies: text_at,
        rewrite: to_template,
    },
    Kind {
        name: "template-to-concatenation",
        title: "make a concatenation of the template string",
        languages: SCRIPTS,
        applies: template_at,
        rewrite: to_concatenation,
    },
];

fn is_plus(node: Node<'_>) -> bool {
    node.kind() == "binary_expression" && field(node, "operator").is_some_and(|operator| operator.kind() == "+")
}

fn is_text(node: Node<'_>) -> bool {
    matches!(node.kind(), "string" | "template_string")
}

/// The operands of `a + b + c`, from the left.
fn operands(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut at = node;
    while is_plus(at) {
        let (Some(left), Some(right)) = (field(at, "left"), field(at, "right")) else { break };
        found.push(right);
        at = left;
    }
    found.push(at);
    found.reverse();
    found
}

fn text_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let mut at = site.around(&[
        "string",
        "binary_expression",
        "template_string",
        "parenthesized_expression",
        "number",
        "identifier",
    ])?;
    let mut best = is_text(at).then_some(at);
    if is_plus(at) && operands(at).into_iter().any(is_text) {
        best = Some(at);
    }
    while let Some(parent) = at.parent() {
        match parent.kind() {
            "parenthesized_expression" if best.is_some_and(|best| is_plus(best)) => break,
            "binary_expression"
            | "parenthesized_expression"
            | "template_string"
            | "string_fragment"
            | "string"
            | "template_substitution"
            | "member_expression" => at = parent,
            _ => break,
        }
        if is_plus(at) && operands(at).into_iter().any(is_text) {
            best = Some(at);
        } else if best.is_some() && !matches!(at.kind(), "binary_expression") {
            break;
        }
    }
    best.filter(|best| best.kind() != "template_string")
}

/// What a text is in a template.
fn inside(site: &Site<'_>, node: Node<'_>) -> Result<String, ConvertError> {
    let text = site.text(node);
    let written = text.get(1..text.len().saturating_sub(1)).ok_or(ConvertError::Broken)?;
    if node.kind() == "template_string" {
        return Ok(written.to_owned());
    }
    let bytes: Vec<char> = written.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(c) = bytes.get(at) {
        match (c, bytes.get(at + 1)) {
            // Octal escapes are errors in templates.
            ('\\', Some('0'..='9'))
                if bytes.get(at + 1) != Some(&'0') || bytes.get(at + 2).is_some_and(char::is_ascii_digit) =>
            {
                return Err(ConvertError::Because("a template cannot hold an octal escape"));
            }
            ('\\', Some(quote @ ('"' | '\''))) => out.push(*quote),
            ('\\', Some(next)) => out.extend(['\\', *next]),
            ('`', _) => {
                out.push_str("\\`");
                at += 1;
                continue;
            }
            ('$', Some('{')) => {
                out.push_str("\\$");
                at += 1;
                continue;
            }
            (c, _) => {
                out.push(*c);
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    Ok(out)
}

fn to_template(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let unfit = |parent: Node<'_>| {
        matches!(
            parent.kind(),
            "import_statement"
                | "export_statement"
                | "literal_type"
                | "pair"
                | "enum_assignment"
                | "jsx_attribute"
                | "property_signature"
                | "enum_body"
                | "import_require_clause"
                | "module"
                | "import_attribute"
                | "import_specifier"
                | "export_specifier"
                | "pair_pattern"
        ) && field(parent, "value").is_none_or(|value| value.id() != node.id())
            || field(parent, "name").or_else(|| field(parent, "key")).is_some_and(|name| name.id() == node.id())
            || parent.kind() == "jsx_attribute"
            || parent.kind() == "expression_statement" && node.kind() == "string"
    };
    if node.parent().is_some_and(unfit) {
        return Err(ConvertError::Because("only a plain text may stand here"));
    }
    let all = operands(node);
    let mut comments = false;
    walk(node, |at| {
        comments |= is_comment(at);
        true
    });
    if comments {
        return Err(ConvertError::Comment);
    }
    let first = all.iter().position(|operand| is_text(*operand)).ok_or(ConvertError::Broken)?;
    let mut out = String::from("`");
    let mut draft = Draft::default();
    let mut put = |draft: &mut Draft, text: &str, operand: Node<'_>, single: bool| {
        out.push_str(&format!("${{{text}}}"));
        let literal = matches!(operand.kind(), "number" | "string" | "template_string");
        if single && !literal {
            draft.doubt(
                operand,
                "a template calls `toString` first where `+` calls `valueOf`, and fails for a `Symbol`",
            );
        }
    };
    // What stands before the first text is added as it was.
    if first > 1 {
        let last = all.get(first - 1).ok_or(ConvertError::Broken)?;
        let head = site.text_between(range(all[0]).start, range(*last).end);
        let number = all.iter().take(first).all(|operand| only_numbers(*operand));
        put(&mut draft, head, node, !number);
    } else if first == 1 {
        let bare = site.bare(all[0]);
        put(&mut draft, site.text(bare), all[0], !only_numbers(all[0]));
    }
    for operand in all.iter().skip(first) {
        if is_text(*operand) {
            let text = inside(site, *operand)?;
            out.push_str(&text);
        } else {
            let bare = site.bare(*operand);
            out.push_str(&format!("${{{}}}", site.text(bare)));
            if !only_numbers(*operand) {
                draft.doubt(
                    *operand,
                    "a template calls `toString` first where `+` calls `valueOf`, and fails for a `Symbol`",
                );
            }
        }
    }
    out.push('`');
    draft.replace(node, out);
    Ok(draft)
}

/// Whether an expression has literals of numbers only, so that its text is the same either way.
fn only_numbers(node: Node<'_>) -> bool {
    let mut only = true;
    walk(node, |at| {
        let known = matches!(at.kind(), "number" | "binary_expression" | "parenthesized_expression") || !at.is_named();
        only &= known;
        only
    });
    only
}

fn template_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.around(&["template_string"])
        .filter(|found| found.parent().is_some_and(|parent| parent.kind() != "call_expression"))
}

fn to_concatenation(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let whole = range(node);
    let mut texts: Vec<String> = Vec::new();
    let mut at = whole.start + 1;
    let mut draft = Draft::default();
    let literal = |text: &str| -> Result<Option<String>, ConvertError> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.contains('\n') {
            return Err(ConvertError::Because("the text has several lines"));
        }
        Ok(Some(format!("\"{}\"", text.replace("\\`", "`").replace("\\$", "$").replace('"', "\\\""))))
    };
    let holes: Vec<Node<'_>> = parts(node).into_iter().filter(|part| part.kind() == "template_substitution").collect();
    for hole in &holes {
        let text = literal(site.text_between(at, range(*hole).start))?;
        // The first operand must be a text, or `+` would add.
        if texts.is_empty() && text.is_none() {
            texts.push("\"\"".to_owned());
        }
        texts.extend(text);
        let value = parts(*hole).into_iter().next().ok_or(ConvertError::Broken)?;
        let simple = matches!(
            value.kind(),
            "identifier"
                | "number"
                | "member_expression"
                | "call_expression"
                | "this"
                | "string"
                | "template_string"
                | "subscript_expression"
        );
        texts.push(if simple { site.text(value).to_owned() } else { format!("({})", site.text(value)) });
        if !only_numbers(value) && !is_text(value) {
            draft.doubt(value, "`+` calls `valueOf` where a template calls `toString`");
        }
        at = range(*hole).end;
    }
    texts.extend(literal(site.text_between(at, whole.end - 1))?);
    if texts.is_empty() {
        texts.push("\"\"".to_owned());
    }
    let joined = texts.join(" + ");
    let alone = texts.len() == 1
        || node.parent().is_some_and(|parent| {
            matches!(
                parent.kind(),
                "variable_declarator"
                    | "arguments"
                    | "return_statement"
                    | "assignment_expression"
                    | "pair"
                    | "parenthesized_expression"
            )
        });
    draft.replace(node, if alone { joined } else { format!("({joined})") });
    Ok(draft)
}
