//! Patterns: `if let`, `match` and `let … else` for each other.

use super::arms::{arm, bound, match_head_at, pattern_text};
use super::site::{Draft, Site, child, field, is_comment, parts};
use super::{ConvertError, Kind, RUST};
use crate::grammar::source::{range, walk};
use deepcoder_syntax::Node;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "if-let-to-match",
        title: "make a `match` of the `if let`",
        languages: RUST,
        applies: if_at,
        rewrite: to_match,
    },
    Kind {
        name: "match-to-if-let",
        title: "make an `if let` of the `match`",
        languages: RUST,
        applies: match_head_at,
        rewrite: to_if_let,
    },
    Kind {
        name: "match-to-let-else",
        title: "make a `let … else` of the `match`",
        languages: RUST,
        applies: let_match_at,
        rewrite: to_let_else,
    },
    Kind {
        name: "let-else-to-match",
        title: "make a `match` of the `let … else`",
        languages: RUST,
        applies: let_else_at,
        rewrite: let_else_to_match,
    },
];

const TEMPORARIES: &str = "what the condition makes for the time of its evaluation lives longer in a `match`";

fn if_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let found = site.around(&["if_expression"])?;
    let then = field(found, "consequence")?;
    let whole = range(found) == site.at;
    let mut at = found;
    // The whole chain of `else if`.
    while let Some(parent) =
        at.parent().filter(|parent| parent.kind() == "else_clause").and_then(|clause| clause.parent())
    {
        at = parent;
    }
    (whole || at.id() == found.id() && site.at.end <= range(then).start).then_some(found)
}

/// One branch of a chain: what is matched, the pattern, the other conditions, the block.
struct Branch<'t> {
    value: String,
    pattern: String,
    node: Option<Node<'t>>,
    guard: Option<String>,
    block: Node<'t>,
}

fn branch<'t>(site: &Site<'_>, node: Node<'t>) -> Result<Branch<'t>, ConvertError> {
    let condition = field(node, "condition").ok_or(ConvertError::Broken)?;
    let block = field(node, "consequence").ok_or(ConvertError::Broken)?;
    let first =
        if condition.kind() == "let_chain" { condition.child(0).ok_or(ConvertError::Broken)? } else { condition };
    if first.kind() == "let_condition" {
        let (pattern, value) = field(first, "pattern").zip(field(first, "value")).ok_or(ConvertError::Broken)?;
        let rest = site.text_between(range(first).end, range(condition).end).trim();
        let guard = rest.strip_prefix("&&").map(|rest| rest.trim().to_owned());
        return Ok(Branch {
            value: site.text(value).to_owned(),
            pattern: site.text(pattern).trim_start_matches('|').trim().to_owned(),
            node: Some(pattern),
            guard,
            block,
        });
    }
    let text = site.text(condition);
    let inside = text.strip_prefix("matches!(").and_then(|rest| rest.strip_suffix(')'));
    if let Some((value, pattern)) = inside.and_then(top_comma) {
        let (pattern, guard) = match pattern.split_once(" if ") {
            Some((pattern, guard)) => (pattern, Some(guard.trim().to_owned())),
            None => (pattern, None),
        };
        let pattern = pattern.trim().trim_end_matches(',').to_owned();
        return Ok(Branch { value: value.trim().to_owned(), pattern, node: None, guard, block });
    }
    Ok(Branch { value: text.to_owned(), pattern: "true".to_owned(), node: None, guard: None, block })
}

/// A text at its first comma outside of brackets.
fn top_comma(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0i32;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            '"' => return None,
            _ => {}
        }
    }
    None
}

/// A block as the body of an arm.
fn body_text(site: &Site<'_>, block: Node<'_>, indentation: &str) -> String {
    let from = site.indentation(block);
    if let [only] = parts(block)[..] {
        let mut cursor = block.walk();
        let quiet = !block.named_children(&mut cursor).any(is_comment);
        let statement =
            site.text(only).ends_with(';') || only.kind() == "let_declaration" || only.kind().ends_with("_item");
        let expression = if only.kind() == "expression_statement" { parts(only).pop().unwrap_or(only) } else { only };
        if quiet && !statement && !site.text(expression).contains('\n') && expression.kind() != "block" {
            return format!("{},", site.text(expression));
        }
    }
    site.moved(range(block), from, indentation)
}

/// What stands for all other values where the pattern is of `Option` or `Result`.
fn others(site: &Site<'_>, pattern: Option<Node<'_>>, text: &str) -> Option<&'static str> {
    if text == "None" {
        return Some("Some(_)");
    }
    let (name, inside) = text.split_once('(')?;
    let inside = inside.strip_suffix(')')?.trim();
    let other = match name {
        "Some" => "None",
        "Ok" => "Err(_)",
        "Err" => "Ok(_)",
        _ => return None,
    };
    irrefutable(site, pattern, inside).then_some(other)
}

/// Whether a pattern fits every value: a name, `_`, or a struct of this file with such patterns.
fn irrefutable(site: &Site<'_>, pattern: Option<Node<'_>>, text: &str) -> bool {
    let bare = text.trim().trim_start_matches("ref ").trim_start_matches("mut ").trim();
    let word = !bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || c == '_');
    if word && bare.starts_with(|c: char| c.is_lowercase() || c == '_') {
        return true;
    }
    let Some(pattern) = pattern else { return false };
    if text.starts_with('(') && text.ends_with(')') {
        let inside = &text[1..text.len() - 1];
        return inside.split(',').all(|part| part.trim().is_empty() || irrefutable(site, None, part));
    }
    // A struct has one form, and a path to a variant of an enum has `::`.
    let Some((name, fields)) = text.split_once('{') else { return false };
    let declared = site.source.text.contains(&format!("struct {} ", name.trim()))
        || site.source.text.contains(&format!("struct {}<", name.trim()));
    let mut nested = false;
    walk(pattern, |node| {
        nested |= node.kind().ends_with("_literal") || node.kind() == "range_pattern";
        true
    });
    let simple = fields.trim_end_matches('}').split(',').all(|part| {
        let part = part.trim();
        part.is_empty() || part == ".." || !part.contains(':') && irrefutable(site, None, part)
    });
    declared && !name.contains("::") && !nested && simple
}

fn to_match(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let mut branches = Vec::new();
    let mut last = None;
    let mut at = node;
    loop {
        branches.push(branch(site, at)?);
        let Some(clause) = field(at, "alternative") else { break };
        match parts(clause)[..] {
            [next] if next.kind() == "if_expression" => at = next,
            [block] => {
                last = Some(block);
                break;
            }
            _ => return Err(ConvertError::Broken),
        }
    }
    let first = branches.first().ok_or(ConvertError::Broken)?;
    let plain = branches.iter().any(|branch| branch.node.is_none() && branch.pattern == "true");
    if plain && branches.len() > 1 {
        return Err(ConvertError::Because("a chain of conditions matches no one value"));
    }
    if branches.iter().any(|branch| branch.value != first.value) {
        return Err(ConvertError::Because("the branches look at several values"));
    }
    let indentation = site.indentation(node);
    let inner = format!("{indentation}{}", site.unit());
    let mut text = format!("match {} {{\n", first.value);
    for branch in &branches {
        let guard = branch
            .guard
            .as_ref()
            .map(|guard| format!(" if {}", shifted(guard, site.indentation(branch.block), &inner)));
        let body = body_text(site, branch.block, &inner);
        text.push_str(&format!("{inner}{}{} => {body}\n", branch.pattern, guard.unwrap_or_default()));
    }
    let rest = if plain {
        "false"
    } else if branches.len() == 1 && last.is_some() && first.guard.is_none() {
        others(site, first.node, &first.pattern).unwrap_or("_")
    } else {
        "_"
    };
    let body = last.map_or_else(|| "(),".to_owned(), |block| body_text(site, block, &inner));
    text.push_str(&format!("{inner}{rest} => {body}\n{indentation}}}"));
    let mut draft = Draft::of(node, text).doubted(node, TEMPORARIES);
    if first.guard.is_some() {
        draft.doubt(node, "a pattern in the condition of an arm needs a new compiler");
    }
    Ok(draft)
}

fn shifted(text: &str, from: &str, to: &str) -> String {
    let mut lines = text.split('\n');
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        match line.strip_prefix(from) {
            Some(rest) => out.push_str(&format!("{to}{rest}")),
            None => out.push_str(line),
        }
    }
    out
}

/// The body of an arm as a block.
fn block_text(site: &Site<'_>, value: Node<'_>, indentation: &str) -> String {
    let from = site.indentation(value).to_owned();
    if value.kind() == "block" {
        return site.moved(range(value), &from, indentation);
    }
    let inner = format!("{indentation}{}", site.unit());
    format!("{{\n{inner}{}\n{indentation}}}", site.moved(range(value), &from, &inner))
}

fn is_empty(site: &Site<'_>, value: Node<'_>) -> bool {
    let text = site.text(value);
    text == "()" || text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).is_some_and(|t| t.trim().is_empty())
}

fn to_if_let(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let value = field(node, "value").ok_or(ConvertError::Broken)?;
    let body = field(node, "body").ok_or(ConvertError::Broken)?;
    let mut arms = parts(body);
    if arms.len() < 2 || arms.iter().any(|arm| arm.kind() != "match_arm") {
        return Err(ConvertError::Because("there are not two arms"));
    }
    let text = |node: &Node<'_>| pattern_text(site, *node).unwrap_or_default().to_owned();
    let names = |node: &Node<'_>| field(*node, "pattern").map(|p| bound(site, range(p))).unwrap_or_default();
    if let [first, second] = arms[..] {
        let parsed = arm(first).zip(arm(second)).ok_or(ConvertError::Broken)?;
        let (one, two) = parsed;
        let whole = |node: &Node<'_>| {
            let pattern = text(node);
            pattern != "_" && names(node).contains(&pattern)
        };
        if whole(&first) || whole(&second) {
            return Err(ConvertError::Because("an arm gives a name to the whole value"));
        }
        let general = |node: &Node<'_>| matches!(text(node).as_str(), "_" | "None");
        if general(&second) || general(&first) {
            if general(&first) && !general(&second) && one.guard.is_none() && text(&first) != "_" {
                arms.reverse();
            }
        } else if names(&first).is_empty() != names(&second).is_empty() && one.guard.or(two.guard).is_none() {
            // The arm with names is the condition.
            if names(&first).is_empty() {
                arms.reverse();
            }
        } else if one.guard.or(two.guard).is_none() && is_empty(site, one.value) != is_empty(site, two.value) {
            if is_empty(site, one.value) {
                arms.reverse();
            }
        } else {
            return Err(ConvertError::Because("both arms bind names, or neither stands for all others"));
        }
        let last = text(&arms[1]);
        let other = arm(arms[1]).ok_or(ConvertError::Broken)?;
        let used = site.source.references(range(other.value)).iter().any(|r| names(&arms[1]).contains(&r.name));
        if used || !last.contains(['_', '(', '{', ':']) && last != "None" && last.starts_with(char::is_lowercase) {
            return Err(ConvertError::Because("the other arm uses a name of its pattern"));
        }
    }
    let last = arms.pop().ok_or(ConvertError::Broken)?;
    let indentation = site.indentation(node);
    let mut out = String::new();
    for one in &arms {
        let parsed = arm(*one).ok_or(ConvertError::Broken)?;
        let guard = parsed.guard.map(|guard| {
            let lets = super::conditions::has_let(guard);
            let junction = matches!(guard.kind(), "binary_expression")
                && site.sides(guard).is_some_and(|(_, sign, _)| matches!(sign.kind(), "&&" | "||"));
            let text = site.text(guard);
            if junction && !lets { format!("({text})") } else { text.to_owned() }
        });
        let pattern = text(one);
        let head = match (pattern.as_str(), guard) {
            ("_", Some(guard)) => guard.trim_start_matches('(').to_owned(),
            ("_", None) => return Err(ConvertError::Because("an arm for all others has others behind it")),
            ("true", None) => site.text(value).to_owned(),
            ("false", None) => site.opposite(value, false, &mut Vec::new()).text,
            (_, Some(guard)) => format!("let {pattern} = {} && {guard}", site.text(value)),
            (_, None) => format!("let {pattern} = {}", site.text(value)),
        };
        let start = if out.is_empty() { "if " } else { " else if " };
        out.push_str(&format!("{start}{head} {}", block_text(site, parsed.value, indentation)));
    }
    let rest = arm(last).ok_or(ConvertError::Broken)?;
    if rest.guard.is_some() {
        return Err(ConvertError::Because("the last arm has a condition"));
    }
    if !is_empty(site, rest.value) {
        out.push_str(&format!(" else {}", block_text(site, rest.value, indentation)));
    }
    let mut draft = Draft::of(node, out).doubted(node, "the order in which values are dropped may differ");
    if arms.len() > 1 {
        let pure = site.source.value(value).reads < crate::effects::Reads::State;
        if !pure {
            draft.doubt(value, "the value is computed once for each branch");
        }
    }
    Ok(draft)
}

fn let_match_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let found = site.around(&["let_declaration"])?;
    let value = field(found, "value").filter(|value| value.kind() == "match_expression")?;
    let body = field(value, "body")?;
    (site.at.end <= range(body).start || range(found) == site.at).then_some(found)
}

fn to_let_else(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    if field(node, "alternative").is_some() {
        return Err(ConvertError::Because("there is an `else` already"));
    }
    let target = field(node, "pattern").ok_or(ConvertError::Broken)?;
    let mutable = child(node, "mutable_specifier").is_some();
    let matched = field(node, "value").ok_or(ConvertError::Broken)?;
    let (value, body) = field(matched, "value").zip(field(matched, "body")).ok_or(ConvertError::Broken)?;
    let [one, two] = parts(body)[..] else { return Err(ConvertError::Because("there are not two arms")) };
    let leaves = |node: Node<'_>| {
        arm(node).is_some_and(|arm| {
            let text = site.text(arm.value).trim_start_matches(['{', ' ', '\n', '\t']);
            let words = ["return", "break", "continue", "panic!", "unreachable!"];
            words.iter().any(|word| text.starts_with(word)) || leaves_late(site, arm.value)
        })
    };
    let (kept, left) = match (leaves(one), leaves(two)) {
        (false, true) => (one, two),
        (true, false) => (two, one),
        _ => return Err(ConvertError::Because("not exactly one of the arms leaves")),
    };
    let (kept_arm, left_arm) = arm(kept).zip(arm(left)).ok_or(ConvertError::Broken)?;
    if kept_arm.guard.is_some() || left_arm.guard.is_some() {
        return Err(ConvertError::Because("an arm has a condition"));
    }
    if !bound(site, field(left, "pattern").map(range).ok_or(ConvertError::Broken)?).is_empty() {
        return Err(ConvertError::Because("the arm that leaves uses its pattern"));
    }
    let name = site.text(kept_arm.value);
    if !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Err(ConvertError::Because("the arm does not give back what it binds"));
    }
    let whole = field(kept, "pattern").ok_or(ConvertError::Broken)?;
    if bound(site, range(whole)).into_iter().collect::<Vec<_>>() != [name.to_owned()] {
        return Err(ConvertError::Because("the pattern binds other names"));
    }
    let target_text = if mutable { format!("mut {}", site.text(target)) } else { site.text(target).to_owned() };
    let mut pattern = String::new();
    let mut at = range(whole).start;
    let references = site.source.references(range(whole));
    for reference in references.iter().filter(|r| r.name == name && r.role == deepcoder_resolve::Role::Declares) {
        let owner = site.source.node_at(reference.at);
        let field_name = owner.and_then(|owner| owner.parent()).filter(|parent| parent.kind() == "field_pattern");
        if field_name.is_some() || owner.is_some_and(|owner| owner.kind() == "shorthand_field_identifier") {
            if target_text != name {
                pattern.push_str(site.text_between(at, reference.at.start));
                let short = owner.is_some_and(|owner| owner.kind() == "shorthand_field_identifier");
                pattern.push_str(&if short { format!("{name}: {target_text}") } else { target_text.clone() });
                at = reference.at.end;
            }
            continue;
        }
        pattern.push_str(site.text_between(at, reference.at.start));
        pattern.push_str(&target_text);
        at = reference.at.end;
    }
    pattern.push_str(site.text_between(at, range(whole).end));
    let indentation = site.indentation(node);
    let pattern = shifted(&pattern, site.indentation(kept), indentation);
    let leaving = if left_arm.value.kind() == "block" {
        site.moved(range(left_arm.value), site.indentation(left), indentation)
    } else {
        format!("{{ {} }}", site.text(left_arm.value))
    };
    let annotated = field(node, "type").is_some();
    if annotated {
        return Err(ConvertError::Because("the variable has a written type"));
    }
    let text = format!("let {pattern} = {} else {leaving};", site.text(value));
    Ok(Draft::of(node, text).doubted(node, "the order in which values are dropped may differ"))
}

/// Whether the last thing in a block leaves it.
fn leaves_late(site: &Site<'_>, value: Node<'_>) -> bool {
    if value.kind() == "call_expression" {
        // A function of this file that never returns.
        let name = field(value, "function").map(|f| site.text(f)).unwrap_or_default();
        let text = &site.source.text;
        return text.lines().any(|line| line.contains(&format!("fn {name}(")) && line.contains("-> !"));
    }
    let Some(last) = parts(value).pop().filter(|_| value.kind() == "block") else { return false };
    let text = site.text(last);
    ["return", "break", "continue", "panic!", "unreachable!"].iter().any(|word| text.starts_with(word))
}

fn let_else_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let word = site.token(&["else"])?;
    let found = word.parent()?;
    let found = if found.kind() == "let_declaration" { found } else { found.parent()? };
    (found.kind() == "let_declaration").then_some(found)
}

fn let_else_to_match(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let pattern = field(node, "pattern").ok_or(ConvertError::Broken)?;
    let value = field(node, "value").ok_or(ConvertError::Broken)?;
    let block = field(node, "alternative").ok_or(ConvertError::Broken)?;
    let mut macros = false;
    walk(pattern, |at| {
        macros |= at.kind() == "macro_invocation";
        true
    });
    if macros {
        return Err(ConvertError::Because("a macro in the pattern may bind names"));
    }
    let names: Vec<String> = bound(site, range(pattern)).into_iter().collect();
    let indentation = site.indentation(node);
    let inner = format!("{indentation}{}", site.unit());
    let leaving = body_text(site, block, &inner);
    let mutable = site.text(pattern).contains("mut ");
    if mutable {
        return Err(ConvertError::Because("a name in the pattern can be changed"));
    }
    let (head, kept, tail) = match names.as_slice() {
        [] => (String::new(), "{}".to_owned(), ""),
        [one] => (format!("let {one} = "), format!("{one},"), ";"),
        many => {
            let all = format!("({})", many.join(", "));
            (format!("let {all} = "), format!("{all},"), ";")
        }
    };
    let text = format!(
        "{head}match {} {{\n{inner}{} => {kept}\n{inner}_ => {leaving}\n{indentation}}}{tail}",
        site.text(value),
        site.text(pattern)
    );
    Ok(Draft::of(node, text).doubted(node, TEMPORARIES))
}
