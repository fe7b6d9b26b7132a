//! Optional chains of scripts.

use super::site::{Draft, Site, field};
use super::{ConvertError, Kind, SCRIPTS};
use crate::grammar::source::{holds, range};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) const KINDS: &[Kind] = &[Kind {
    name: "optional-chain",
    title: "make an optional chain",
    languages: SCRIPTS,
    applies: chain_at,
    rewrite: to_chain,
}];

fn is_and(node: Node<'_>) -> bool {
    node.kind() == "binary_expression" && field(node, "operator").is_some_and(|operator| operator.kind() == "&&")
}

fn chain_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let start = site.source.node_at(site.at)?;
    let start = if site.at.start == site.at.end { site.tokens().into_iter().next().unwrap_or(start) } else { start };
    let mut at = start;
    let mut best = None;
    loop {
        let fits = is_and(at) || at.kind() == "ternary_expression";
        if fits {
            best = Some(at);
            // A selection means the smallest expression around it.
            if site.at.start < site.at.end && holds(range(at), site.at) {
                break;
            }
        } else if best.is_some() || matches!(at.kind(), "statement_block" | "program") {
            break;
        }
        at = at.parent()?;
    }
    best.or_else(|| {
        // The selected statement, or the word before the value.
        let statement =
            site.around(&["expression_statement", "return_statement", "variable_declarator", "lexical_declaration"])?;
        let mut inner = statement.named_child(0)?;
        if let Some(value) = field(inner, "value").or_else(|| field(statement, "value")) {
            inner = value;
        }
        (is_and(inner) || inner.kind() == "ternary_expression").then_some(inner)
    })
}

/// What a chain reads one after the other: `a.b().c` as `a`, `.b`, `()`, `.c`.
fn links<'t>(node: Node<'t>) -> Option<Vec<Node<'t>>> {
    let mut found = vec![node];
    let mut at = node;
    loop {
        at = match at.kind() {
            "member_expression" | "subscript_expression" | "non_null_expression" => {
                field(at, "object").or_else(|| at.named_child(0))?
            }
            "call_expression" => field(at, "function")?,
            "identifier" | "this" => break,
            _ => return None,
        };
        found.push(at);
    }
    found.reverse();
    Some(found)
}

/// The chain in the last operand: itself, or a side of a comparison.
fn last_chain<'t>(node: Node<'t>) -> Option<Node<'t>> {
    if links(node).is_some() {
        return Some(node);
    }
    let side = field(node, "left").filter(|_| node.kind() == "binary_expression")?;
    let sign = field(node, "operator")?.kind();
    (matches!(sign, "===" | "==" | ">" | "<" | ">=" | "<=" | "!==" | "!=") && links(side).is_some()).then_some(side)
}

const TRUTH: &str = "other values than `null` and `undefined` are false: `0`, `\"\"`, `NaN`, `false`";

fn to_chain(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    if node.kind() == "ternary_expression" {
        let (condition, then, other) =
            (field(node, "condition"), field(node, "consequence"), field(node, "alternative"));
        let (Some(condition), Some(then), Some(other)) = (condition, then, other) else {
            return Err(ConvertError::Broken);
        };
        let text = joined(site, &[condition], then)?;
        if annotated_null(site, then) {
            return Err(ConvertError::Because("the value may be `null` itself"));
        }
        let strong = matches!(
            other.kind(),
            "binary_expression" | "ternary_expression" | "arrow_function" | "assignment_expression"
        );
        let rest = if strong { format!("({})", site.text(other)) } else { site.text(other).to_owned() };
        return Ok(Draft::of(node, format!("{text} ?? {rest}"))
            .doubted(node, TRUTH)
            .doubted(then, "the other value is taken where this one is `null` or `undefined`, too"));
    }
    let mut operands = Vec::new();
    let mut at = node;
    while is_and(at) {
        operands.push(field(at, "right").ok_or(ConvertError::Broken)?);
        at = field(at, "left").ok_or(ConvertError::Broken)?;
    }
    operands.push(at);
    operands.reverse();
    // Only the operands in the selection count.
    if operands.iter().filter(|operand| holds(site.at, range(**operand))).count() > 1 {
        operands.retain(|operand| holds(site.at, range(*operand)));
    }
    let last = operands.pop().ok_or(ConvertError::Because("there is no chain"))?;
    let chain = last_chain(last).ok_or(ConvertError::Because("the last part is no member of another"))?;
    let mut tests = Vec::new();
    let mut of = chain;
    while let Some(test) = operands.last().copied().filter(|test| prefix(site, *test, of).is_some()) {
        tests.insert(0, test);
        of = test;
        operands.pop();
    }
    if tests.is_empty()
        || !operands.is_empty() && site.at.start < site.at.end && operands.iter().all(|o| holds(site.at, range(*o)))
    {
        return Err(ConvertError::Because("the parts are not tests of one chain in its order"));
    }
    let text = joined(site, &tests, chain)?;
    let at = TextRange::new(range(tests[0]).start, range(chain).end);
    let mut draft = Draft::default();
    draft.put(at, text);
    draft.doubt(tests[0], TRUTH);
    Ok(draft)
}

/// Whether the text says that a value of this name may be `null`.
fn annotated_null(site: &Site<'_>, then: Node<'_>) -> bool {
    let Some(name) = field(then, "property").map(|property| site.text(property)) else { return false };
    let text: String = site.source.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let declared = |mark: &str| {
        text.match_indices(&format!("{name}{mark}")).any(|(at, _)| {
            let rest = &text[at..];
            rest[..rest.find([';', ',', '}']).unwrap_or(rest.len())].contains("null")
        })
    };
    declared("?: ") || declared(": ")
}

/// The link of a chain that a test is, if it is one before the last.
fn prefix<'t>(site: &Site<'_>, test: Node<'_>, chain: Node<'t>) -> Option<Node<'t>> {
    let plain = |node: Node<'_>| site.text(node).split_whitespace().collect::<String>();
    let wanted = plain(test);
    let calls = links(test)?.iter().any(|link| link.kind() == "call_expression");
    let all = links(chain)?;
    all.iter().take(all.len() - 1).copied().find(|link| plain(*link) == wanted && !calls)
}

fn joined(site: &Site<'_>, tests: &[Node<'_>], chain: Node<'_>) -> Result<String, ConvertError> {
    let mut cuts = Vec::new();
    for test in tests {
        let link = prefix(site, *test, chain).ok_or(ConvertError::Because("the test is no part of the chain"))?;
        cuts.push(range(link).end);
    }
    let mut out = String::new();
    let mut at = range(chain).start;
    for cut in cuts {
        out.push_str(site.text_between(at, cut));
        let rest = site.text_between(cut, range(chain).end).trim_start();
        at = range(chain).end - u32::try_from(rest.len()).unwrap_or(0);
        if rest.starts_with("?.") {
            continue;
        }
        if rest.starts_with('.') {
            out.push('?');
        } else {
            out.push_str("?.");
        }
    }
    out.push_str(site.text_between(at, range(chain).end));
    Ok(out)
}
