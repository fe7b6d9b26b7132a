//! Conditions: their branches the other way round, De Morgan's laws, two `if`s as one.

use super::logic::{Strength, opposite_junction};
use super::site::{Draft, Site, field, parts};
use super::{ConvertError, Kind};
use crate::grammar::source::range;
use deepcoder_syntax::{Language, Node};
use deepcoder_types::TextRange;

const WITH_IF: &[Language] = &[
    Language::Rust,
    Language::Go,
    Language::Python,
    Language::Java,
    Language::JavaScript,
    Language::TypeScript,
    Language::Tsx,
];

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "invert-if",
        title: "invert the condition and swap the branches",
        languages: WITH_IF,
        applies: if_or_else_at,
        rewrite: invert,
    },
    Kind {
        name: "de-morgan",
        title: "apply De Morgan's law",
        languages: WITH_IF,
        applies: junction_at,
        rewrite: de_morgan,
    },
    Kind {
        name: "merge-nested-if",
        title: "make one condition of two nested ones",
        languages: WITH_IF,
        applies: if_at,
        rewrite: merge_nested,
    },
];

fn if_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.owner(&["if"], &["if_expression", "if_statement"])
}

fn if_or_else_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    if_at(site).or_else(|| {
        let word = site.token(&["else"])?.parent()?;
        let found = if word.kind() == "else_clause" { word.parent()? } else { word };
        matches!(found.kind(), "if_expression" | "if_statement").then_some(found)
    })
}

/// What stands for an `else`: the block of it, or `None` where another `if` follows.
fn else_block(node: Node<'_>) -> Option<Node<'_>> {
    let other = field(node, "alternative")?;
    match other.kind() {
        "else_clause" => {
            let body = field(other, "body").or_else(|| parts(other).into_iter().next())?;
            matches!(body.kind(), "block" | "statement_block").then_some(body)
        }
        "block" => Some(other),
        _ => None,
    }
}

fn invert(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let condition = field(node, "condition").ok_or(ConvertError::Broken)?;
    if has_let(condition) {
        return Err(ConvertError::Because("a pattern has no opposite"));
    }
    let then = field(node, "consequence").ok_or(ConvertError::Broken)?;
    if field(node, "alternative").is_none() {
        return Err(ConvertError::Because("there is no `else` to swap with"));
    }
    let other = else_block(node).ok_or(ConvertError::Because("another `if` follows the `else`"))?;
    let python = site.source.language == Language::Python;
    if !python && !matches!(then.kind(), "block" | "statement_block") {
        return Err(ConvertError::Because("a branch has no braces"));
    }
    let mut doubts = Vec::new();
    // Go's tools push the negation into the parts.
    let deep = site.source.language == Language::Go;
    let scripts = matches!(condition.kind(), "parenthesized_expression") && !python;
    let inner = if python || site.source.language == Language::Rust || site.source.language == Language::Go {
        condition
    } else {
        site.bare(condition)
    };
    let opposite = site.opposite(inner, deep, &mut doubts);
    let mut draft = Draft::default().with(doubts);
    if scripts && inner.id() != condition.id() {
        draft.put(range(inner), opposite.text);
    } else {
        draft.put(range(condition), opposite.text);
    }
    if python {
        let (first, second) = (suite(site, then)?, suite(site, other)?);
        if first.1 || second.1 {
            return Err(ConvertError::Because("a branch stands in the line of its condition"));
        }
        draft.put(first.0, site.source.text_of(second.0));
        draft.put(second.0, site.source.text_of(first.0));
    } else if site.source.language == Language::Go && leaves(other) && lone(node) {
        // After a branch that leaves there is no `else`.
        let (from, to) = (format!("{}\t", site.indentation(node)), site.indentation(node).to_owned());
        let inside = TextRange::new(range(then).start + 1, range(then).end.saturating_sub(1));
        let rest = site.moved(inside, &from, &to);
        draft.replace(then, site.text(other));
        let end = TextRange::new(range(then).end, range(other).end);
        draft.put(end, format!("\n\n{to}{}", rest.trim()));
        draft.doubt(node, "the names of the branch live until the end of the block");
    } else {
        draft.replace(then, site.text(other));
        draft.replace(other, site.text(then));
    }
    Ok(draft)
}

/// Whether a block of Go ends with a `return`.
fn leaves(block: Node<'_>) -> bool {
    let list = parts(block).pop();
    let last = list.and_then(|list| if list.kind() == "statement_list" { parts(list).pop() } else { Some(list) });
    last.is_some_and(|last| last.kind() == "return_statement")
}

/// Whether an `if` is a statement of its own without one before its condition.
fn lone(node: Node<'_>) -> bool {
    field(node, "initializer").is_none() && node.parent().is_some_and(|parent| parent.kind() != "if_statement")
}

/// The lines of a branch in Python with the comments before them, and whether it stands behind its colon.
fn suite(site: &Site<'_>, block: Node<'_>) -> Result<(TextRange, bool), ConvertError> {
    let mut before = block.prev_sibling();
    while before.is_some_and(|node| node.kind() != ":") {
        before = before.and_then(|node| node.prev_sibling());
    }
    let colon = before.ok_or(ConvertError::Broken)?;
    let start = site.source.line_end(range(colon).end);
    let at = range(block);
    let rest = site.text_between(range(colon).end, start.max(range(colon).end));
    if start > at.start || rest.contains('#') {
        return Ok((at, true));
    }
    // A comment behind the last statement that belongs to the block by its indentation would stay.
    let end = site.source.line_end(at.end.saturating_sub(u32::from(site.text(block).ends_with('\n'))));
    let next = site.source.text.get(end as usize..).unwrap_or_default();
    let comment =
        next.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| line.trim_start().starts_with('#'));
    if comment {
        return Err(ConvertError::Because("a comment behind the branch belongs to no statement"));
    }
    let text = site.text_between(start, end);
    let end = start + u32::try_from(text.trim_end().len()).unwrap_or(0);
    Ok((TextRange::new(start, end), false))
}

pub(super) fn has_let(condition: Node<'_>) -> bool {
    let mut found = false;
    crate::grammar::source::walk(condition, |node| {
        found |= matches!(node.kind(), "let_condition" | "let_chain");
        !found && !matches!(node.kind(), "block" | "closure_expression")
    });
    found
}

fn junction_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let of = |token: &Node<'s>| {
        let parent = token.parent()?;
        let junction = matches!(parent.kind(), "binary_expression" | "boolean_operator");
        (junction && opposite_junction(token.kind()).is_some()).then_some(parent)
    };
    let tokens = site.tokens();
    if let Some(found) = tokens.iter().find_map(of) {
        return Some(top(found));
    }
    // On the negation before brackets.
    let not = tokens.iter().find(|token| matches!(token.kind(), "!" | "not"))?.parent()?;
    let inner = site.bare(site.negated(not)?);
    site.sides(inner).filter(|(_, sign, _)| opposite_junction(sign.kind()).is_some()).map(|_| inner)
}

/// The whole chain of one operator.
fn top(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    while let Some(parent) = at.parent().filter(|parent| parent.kind() == at.kind() && sign(*parent) == sign(at)) {
        at = parent;
    }
    at
}

fn sign<'t>(node: Node<'t>) -> Option<&'t str> {
    field(node, "operator").map(|operator| operator.kind())
}

fn operands<'t>(site: &Site<'_>, node: Node<'t>, sign: &str, found: &mut Vec<Node<'t>>) {
    match site.sides(node) {
        Some((left, operator, right)) if operator.kind() == sign => {
            operands(site, left, sign, found);
            operands(site, right, sign, found);
        }
        _ => found.push(node),
    }
}

fn de_morgan(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let (_, operator, _) = site.sides(node).ok_or(ConvertError::Broken)?;
    let sign = operator.kind();
    let other = opposite_junction(sign).ok_or(ConvertError::Broken)?;
    let mut found = Vec::new();
    operands(site, node, sign, &mut found);
    if found.iter().any(|operand| has_let(*operand)) {
        return Err(ConvertError::Because("a pattern has no opposite"));
    }
    let strength = if matches!(other, "||" | "or") { Strength::Or } else { Strength::And };
    let mut doubts = Vec::new();
    let mut texts = Vec::new();
    for operand in &found {
        let opposite = site.opposite(*operand, false, &mut doubts);
        // A chain of the other operator that was in brackets keeps them.
        if opposite.strength < Strength::Comparison || site.text(*operand).starts_with('(') {
            doubts.push((range(*operand), "the brackets here group the operands in another way"));
        }
        let least = if opposite.strength < Strength::Comparison { Strength::Comparison } else { strength };
        texts.push(Site::wrapped(&opposite.text, opposite.strength, least));
    }
    let joined = texts.join(&format!(" {other} "));
    // `a || b` is a value in these languages, and `!(…)` is a truth value.
    let values = !matches!(site.source.language, Language::Rust | Language::Go | Language::Java);
    let mut outer = node;
    while let Some(parent) = outer.parent().filter(|parent| parent.kind() == "parenthesized_expression") {
        if parent.parent().is_some_and(|head| field(head, "condition").is_some_and(|c| c.id() == parent.id())) && values
        {
            break;
        }
        outer = parent;
    }
    let negation = outer.parent().filter(|parent| site.negated(*parent).is_some());
    let (place, text) = match negation {
        Some(not) => {
            let operand = not.parent().is_some_and(|parent| {
                let kinds = [
                    "unary_expression",
                    "await_expression",
                    "as_expression",
                    "satisfies_expression",
                    "type_cast_expression",
                    "binary_operator",
                    "comparison_operator",
                ];
                site.sides(parent).is_some() || site.negated(parent).is_some() || kinds.contains(&parent.kind())
            });
            (not, if operand { format!("({joined})") } else { joined })
        }
        None if site.source.language == Language::Python => (outer, format!("not ({joined})")),
        None => (outer, format!("!({joined})")),
    };
    let mut draft = Draft::of(place, text).with(doubts);
    if values && !is_condition(place) {
        draft.doubt(place, "the value of this expression becomes a truth value");
    }
    Ok(draft)
}

/// Whether only the truth of an expression counts.
fn is_condition(node: Node<'_>) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent() {
        match parent.kind() {
            "parenthesized_expression" => at = parent,
            "binary_expression" | "boolean_operator" => {
                if field(parent, "operator").is_none_or(|operator| opposite_junction(operator.kind()).is_none()) {
                    return false;
                }
                at = parent;
            }
            "not_operator" => return true,
            "unary_expression" => return field(parent, "operator").is_some_and(|o| o.kind() == "!"),
            _ => return field(parent, "condition").is_some_and(|condition| condition.id() == at.id()),
        }
    }
    false
}

fn merge_nested(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    if field(node, "alternative").is_some() {
        return Err(ConvertError::Because("the outer `if` has an `else`"));
    }
    let block = field(node, "consequence").ok_or(ConvertError::Broken)?;
    let inner = match parts(block).as_slice() {
        [only] if only.kind() == "expression_statement" => parts(*only).into_iter().next(),
        [only] if only.kind() == "statement_list" => {
            parts(*only).into_iter().next().filter(|_| parts(*only).len() == 1)
        }
        [only] => Some(*only),
        _ => None,
    };
    let inner = inner
        .filter(|inner| inner.kind() == node.kind())
        .ok_or(ConvertError::Because("there is more than one `if` in it"))?;
    if field(inner, "alternative").is_some() {
        return Err(ConvertError::Because("the inner `if` has an `else`"));
    }
    if field(inner, "initializer").is_some() {
        return Err(ConvertError::Because("the inner `if` begins with a statement"));
    }
    let (outer_condition, inner_condition) =
        field(node, "condition").zip(field(inner, "condition")).ok_or(ConvertError::Broken)?;
    let body = field(inner, "consequence").ok_or(ConvertError::Broken)?;
    let own = |condition: Node<'_>| {
        let scripts = !matches!(site.source.language, Language::Rust | Language::Go | Language::Python);
        let bare = if scripts { site.bare(condition) } else { condition };
        let chain = matches!(bare.kind(), "let_condition" | "let_chain");
        let strength = if chain { Strength::And } else { site.strength(bare) };
        (Site::wrapped(site.text(bare), strength, Strength::And), scripts)
    };
    let ((first, scripts), (second, _)) = (own(outer_condition), own(inner_condition));
    let and = if site.source.language == Language::Python { "and" } else { "&&" };
    let whole = if scripts { format!("({first} {and} {second})") } else { format!("{first} {and} {second}") };
    let mut draft = Draft::of(outer_condition, whole);
    if has_let(outer_condition) || has_let(inner_condition) {
        draft.doubt(inner, "`let` in a chain of conditions needs the edition of 2024");
    }
    let (from, to) = (site.indentation(inner).to_owned(), site.indentation(node).to_owned());
    draft.replace(block, site.moved(range(body), &from, &to));
    Ok(draft)
}
