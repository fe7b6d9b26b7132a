//! Arms of a `match`: two as one, one as two, and `matches!`.

use super::site::{Draft, Site, child, field, is_comment, parts};
use super::{ConvertError, Kind, RUST};
use crate::grammar::source::{range, walk};
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;
use std::collections::BTreeSet;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "merge-match-arms",
        title: "merge the arms with the same body",
        languages: RUST,
        applies: arm_at,
        rewrite: merge,
    },
    Kind {
        name: "split-match-arm",
        title: "make two arms of the patterns",
        languages: RUST,
        applies: bar_at,
        rewrite: split,
    },
    Kind {
        name: "match-to-matches",
        title: "make `matches!` of the `match`",
        languages: RUST,
        applies: match_head_at,
        rewrite: to_matches,
    },
];

/// The `match` whose head the cursor is in.
pub(super) fn match_head_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let found = site.around(&["match_expression"])?;
    let body = field(found, "body")?;
    let whole = range(found) == site.at;
    (whole || site.at.end <= range(body).start).then_some(found)
}

fn arm_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    match site.around(&["match_arm", "match_block"])? {
        arm if arm.kind() == "match_arm" => Some(arm),
        block => parts(block).into_iter().find(|arm| range(*arm).start >= site.at.start),
    }
}

/// An arm's patterns, guard and body.
#[derive(Clone, Copy)]
pub(super) struct Arm<'t> {
    pub(super) pattern: Node<'t>,
    pub(super) guard: Option<Node<'t>>,
    pub(super) value: Node<'t>,
}

pub(super) fn arm<'t>(node: Node<'t>) -> Option<Arm<'t>> {
    let whole = field(node, "pattern")?;
    let guard = field(whole, "condition");
    let pattern = parts(whole).into_iter().next().unwrap_or(whole);
    Some(Arm { pattern, guard, value: field(node, "value")? })
}

/// The text of an arm's patterns without its guard.
pub(super) fn pattern_text<'s>(site: &'s Site<'_>, node: Node<'_>) -> Option<&'s str> {
    let whole = field(node, "pattern")?;
    let end = child(whole, "if").map_or(range(whole).end, |guard| range(guard).start);
    Some(site.text_between(range(whole).start, end).trim())
}

/// The names that a pattern binds, as far as the text tells: names in small letters that are no fields.
pub(super) fn bound(site: &Site<'_>, pattern: TextRange) -> BTreeSet<String> {
    let declares = site.source.bindings.references.iter().filter(|r| {
        r.role == deepcoder_resolve::Role::Declares && pattern.start <= r.at.start && r.at.end <= pattern.end
    });
    declares.map(|r| r.name.clone()).collect()
}

fn tokens(site: &Site<'_>, node: Node<'_>) -> Vec<String> {
    let mut found = Vec::new();
    walk(node, |at| {
        if at.child_count() == 0 {
            found.push(site.text(at).to_owned());
        }
        true
    });
    found
}

fn merge(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let none = || ConvertError::Because("the next arm has another body");
    let first = arm(node).ok_or(ConvertError::Broken)?;
    let mut arms = vec![node];
    let mut at = node;
    while let Some(next) = at.next_named_sibling().filter(|next| next.kind() == "match_arm") {
        let other = arm(next).ok_or(ConvertError::Broken)?;
        // A selection in one arm is meant as a cursor.
        let selected = site.at.end <= range(node).end || range(next).start < site.at.end;
        if !selected || tokens(site, other.value) != tokens(site, first.value) {
            break;
        }
        arms.push(next);
        at = next;
    }
    if arms.len() < 2 {
        return Err(none());
    }
    let mut texts = Vec::new();
    let names = bound(site, range(first.pattern));
    let mut every = Vec::new();
    for one in &arms {
        let parsed = arm(*one).ok_or(ConvertError::Broken)?;
        if parsed.guard.is_some() {
            return Err(ConvertError::Because("an arm has a condition"));
        }
        if bound(site, range(parsed.pattern)) != names {
            return Err(ConvertError::Because("the patterns bind other names"));
        }
        every.push(modes(site, *one, &names));
        texts.push(pattern_text(site, *one).ok_or(ConvertError::Broken)?);
    }
    if every.iter().any(|modes| *modes != every[0]) {
        return Err(ConvertError::Because("the patterns bind names in other ways"));
    }
    let last = arms.last().copied().ok_or(ConvertError::Broken)?;
    let wildcard = texts.contains(&"_");
    let mut draft = Draft::default();
    let pattern = field(node, "pattern").ok_or(ConvertError::Broken)?;
    draft.replace(pattern, if wildcard { "_".to_owned() } else { texts.join(" | ") });
    let comma = if site.text(node).ends_with(',') { "" } else { "," };
    draft.put(TextRange::new(range(node).end, range(last).end), comma);
    if wildcard && !names.is_empty() {
        return Err(ConvertError::Because("a pattern binds names"));
    }
    if !names.is_empty() {
        draft.doubt(node, "a name must have the same type in all patterns");
    }
    Ok(draft)
}

/// How each name is bound: `ref`, `mut`, and where the pattern puts it, for names that are no fields.
fn modes(site: &Site<'_>, node: Node<'_>, names: &BTreeSet<String>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Some(pattern) = field(node, "pattern") else { return found };
    walk(pattern, |at| {
        if matches!(at.kind(), "ref_pattern" | "mut_pattern" | "reference_pattern") {
            found.push((at.kind().to_owned(), site.text(at).to_owned()));
        }
        true
    });
    let bare = pattern_text(site, node).unwrap_or_default();
    let shape = bare.starts_with('(') && !names.is_empty();
    if shape {
        found.push(("tuple".to_owned(), bare.to_owned()));
    }
    let mut nested = Vec::new();
    walk(pattern, |at| {
        let leaf = at.child_count() == 0 && names.contains(site.text(at));
        if leaf && at.parent().is_some_and(|parent| parent.kind() != "field_pattern") {
            nested.push(site.text(at).to_owned());
        }
        true
    });
    // Names of positions stand in the same order, so that each keeps its type as far as the text tells.
    found.push(("order".to_owned(), nested.join(",")));
    found
}

fn bar_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let bar = site.token(&["|"])?;
    let mut top = bar.parent().filter(|parent| parent.kind() == "or_pattern")?;
    while let Some(parent) = top.parent().filter(|parent| parent.kind() == "or_pattern") {
        top = parent;
    }
    top.parent().filter(|parent| parent.kind() == "match_pattern").map(|_| bar)
}

fn split(site: &Site<'_>, bar: Node<'_>) -> Result<Draft, ConvertError> {
    let mut pattern = bar.parent().ok_or(ConvertError::Broken)?;
    while pattern.kind() != "match_pattern" {
        pattern = pattern.parent().ok_or(ConvertError::Broken)?;
    }
    let node = pattern.parent().ok_or(ConvertError::Broken)?;
    let whole = pattern_text(site, node).ok_or(ConvertError::Broken)?;
    let start = range(pattern).start;
    let end = start + u32::try_from(whole.len()).unwrap_or(0);
    let before = site.text_between(start, range(bar).start).trim();
    let after = site.text_between(range(bar).end, end).trim();
    if before.trim_matches('|').is_empty() || after.is_empty() {
        return Err(ConvertError::Because("there are not two patterns around this `|`"));
    }
    let rest = site.text_between(end, range(node).end);
    if site.has_comment(range(node)) {
        return Err(ConvertError::Comment);
    }
    let value = field(node, "value").ok_or(ConvertError::Broken)?;
    let comma = if rest.ends_with(',') || value.kind() == "block" { "" } else { "," };
    let indentation = site.indentation(node);
    let text = format!("{before}{rest}{comma}\n{indentation}{after}{rest}");
    let draft = Draft::of(node, text);
    Ok(if whole.starts_with('|') { draft.doubted(node, "the patterns begin with `|`") } else { draft })
}

fn to_matches(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let value = field(node, "value").ok_or(ConvertError::Broken)?;
    let body = field(node, "body").ok_or(ConvertError::Broken)?;
    let [first, second] = parts(body)[..] else {
        return Err(ConvertError::Because("there are not two arms"));
    };
    let mut cursor = body.walk();
    if body.named_children(&mut cursor).any(is_comment) {
        return Err(ConvertError::Comment);
    }
    let (one, two) = arm(first).zip(arm(second)).ok_or(ConvertError::Broken)?;
    let last = site.text(two.value).trim();
    if pattern_text(site, second) != Some("_") || two.guard.is_some() {
        return Err(ConvertError::Because("the second arm does not stand for all others"));
    }
    let pattern = pattern_text(site, first).ok_or(ConvertError::Broken)?;
    let guard = one.guard.map(|guard| site.text(guard));
    let expression = site.text(one.value);
    let subject = site.text(value);
    let (not, guard) = match (expression, last) {
        ("true", "true") | ("false", "false") => {
            return Err(ConvertError::Because("the arms are not `true` and `false`"));
        }
        ("true", "false") => ("", guard.map(str::to_owned)),
        ("false", "true") => ("!", guard.map(str::to_owned)),
        (_, "false") if one.value.kind() != "block" => {
            let strength = super::logic::Strength::And;
            let own = Site::wrapped(expression, site.strength(one.value), strength);
            match guard.zip(one.guard) {
                Some((guard, node)) => {
                    let guard = Site::wrapped(guard, site.strength(node), strength);
                    ("", Some(format!("{guard} && {own}")))
                }
                None => ("", Some(expression.to_owned())),
            }
        }
        _ => return Err(ConvertError::Because("the arms are not `true` and `false`")),
    };
    let plain = matches!(expression, "true" | "false");
    let guard = guard.map(|guard| format!(" if {guard}")).unwrap_or_default();
    let draft = Draft::of(node, format!("{not}matches!({subject}, {pattern}{guard})"));
    Ok(if plain { draft } else { draft.doubted(one.value, "the value must be `bool`, and moves into a condition") })
}
