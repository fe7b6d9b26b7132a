//! Early returns: an `if` around the rest of a body becomes a guard before it.

use super::site::{Draft, Site, field, parts};
use super::{ConvertError, Kind, RUST};
use crate::grammar::source::range;
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "guarded-return",
    title: "return early where the condition fails",
    languages: RUST,
    applies: if_at,
    rewrite: guard,
}];

fn if_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let found = site.owner(&["if"], &["if_expression"])?;
    found.parent().is_none_or(|parent| parent.kind() != "else_clause").then_some(found)
}

/// How the body that the `if` ends is left.
fn exit(site: &Site<'_>, block: Node<'_>) -> Result<&'static str, ConvertError> {
    let around = block.parent().ok_or(ConvertError::Broken)?;
    match around.kind() {
        "while_expression" | "loop_expression" | "for_expression" => Ok("continue"),
        "function_item" | "closure_expression" => {
            let Some(result) = field(around, "return_type") else { return Ok("return") };
            let text = site.text(result);
            if text.starts_with("Option<") {
                Ok("return None")
            } else if text == "()" {
                Ok("return")
            } else {
                Err(ConvertError::Because("the function gives back a value"))
            }
        }
        _ => Err(ConvertError::Because("the `if` is not in the body of a function or a loop")),
    }
}

/// Whether a block ends by leaving the code around it.
fn never(site: &Site<'_>, block: Node<'_>) -> bool {
    parts(block).pop().is_some_and(|last| {
        let text = site.text(last);
        ["return", "continue", "break", "panic!", "unreachable!"].iter().any(|word| text.starts_with(word))
    })
}

fn guard(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let statement = node.parent().filter(|parent| parent.kind() == "expression_statement").unwrap_or(node);
    let block = statement.parent().filter(|block| block.kind() == "block");
    let block = block.ok_or(ConvertError::Because("the `if` is no statement of a block"))?;
    let last = parts(block).pop().is_some_and(|last| last.id() == statement.id());
    let other = field(node, "alternative")
        .map(|clause| parts(clause).into_iter().next().filter(|other| other.kind() == "block" && never(site, *other)));
    if !last && !matches!(other, Some(Some(_))) {
        return Err(ConvertError::Because("other statements follow"));
    }
    let leave = match other {
        Some(Some(_)) => "return",
        Some(None) => return Err(ConvertError::Because("the `else` does not leave the body")),
        None => exit(site, block)?,
    };
    let other = other.flatten();
    let then = field(node, "consequence").ok_or(ConvertError::Broken)?;
    let inside = parts(then);
    let Some(first) = inside.first() else { return Err(ConvertError::Because("the `if` does nothing")) };
    if inside.len() == 1 {
        let text = site.text(*first).trim_end_matches(';').trim();
        if text.starts_with("return") || text.starts_with("continue") || text.starts_with("break") {
            return Err(ConvertError::Because("the branch leaves already"));
        }
    }
    let indentation = site.indentation(node).to_owned();
    let unit = site.unit();
    let condition = field(node, "condition").ok_or(ConvertError::Broken)?;
    let mut doubts = Vec::new();
    let mut guards = Vec::new();
    let conditions: Vec<Node<'_>> = if condition.kind() == "let_chain" { parts(condition) } else { vec![condition] };
    let mut tests: Vec<Node<'_>> = Vec::new();
    let close = |tests: &mut Vec<Node<'_>>, guards: &mut Vec<String>, doubts: &mut super::logic::Doubts| {
        let text = match tests.as_slice() {
            [] => return,
            [one] => site.opposite(*one, false, doubts).text,
            many => {
                let all: Vec<&str> = many.iter().map(|test| site.text(*test)).collect();
                format!("!({})", all.join(" && "))
            }
        };
        guards.push(match other {
            Some(other) => format!("if {text} {}", site.text(other)),
            None => format!("if {text} {{\n{indentation}{unit}{leave};\n{indentation}}}"),
        });
        tests.clear();
    };
    if other.is_some() && conditions.len() > 1 {
        return Err(ConvertError::Because("the `else` would stand more than once"));
    }
    let mut has_let = false;
    for one in conditions {
        if one.kind() == "let_condition" {
            close(&mut tests, &mut guards, &mut doubts);
            let (pattern, value) = field(one, "pattern").zip(field(one, "value")).ok_or(ConvertError::Broken)?;
            let leaving = other.map_or_else(|| format!("{{ {leave} }}"), |other| site.text(other).to_owned());
            guards.push(format!("let {} = {} else {leaving};", site.text(pattern), site.text(value)));
            has_let = true;
        } else {
            tests.push(one);
        }
    }
    close(&mut tests, &mut guards, &mut doubts);
    // What is between the braces, one step further out.
    let open = range(then).start + 1;
    let end = range(then).end - 1;
    let text = site.moved(TextRange::new(open, end), &format!("{indentation}{unit}"), &indentation);
    let body = text.trim();
    let mut draft = Draft::of(statement, format!("{}\n{indentation}{body}", guards.join(&format!("\n{indentation}"))));
    draft = draft.with(doubts);
    draft.doubt(node, "what the branch gives back must be `()`");
    if has_let {
        draft.doubt(node, "names of the pattern and their values live until the end of the body");
    }
    Ok(draft)
}
