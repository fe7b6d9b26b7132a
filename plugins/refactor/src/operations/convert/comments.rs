//! Comments in other forms.

use super::site::{Draft, Site, is_comment};
use super::{ConvertError, Kind, RUST};
use crate::grammar::source::range;
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "comment-style",
        title: "make a block of the lines of the comment, or lines of the block",
        languages: RUST,
        applies: comment_at,
        rewrite: change_style,
    },
    Kind {
        name: "comment-to-doc",
        title: "make documentation of the comment, or a comment of the documentation",
        languages: RUST,
        applies: comment_at,
        rewrite: change_doc,
    },
];

fn comment_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    let mut at = site.source.node_at(site.at)?;
    if !is_comment(at) && at.parent().is_none_or(|parent| !is_comment(parent)) {
        let touched = |token: &Node<'_>| is_comment(*token) || token.parent().is_some_and(is_comment);
        at = site.tokens().into_iter().find(touched).unwrap_or(at);
    }
    let before = site.at.start.saturating_sub(1);
    if !is_comment(at) && at.parent().is_none_or(|parent| !is_comment(parent)) {
        at = site.source.node_at(TextRange::new(before, site.at.start))?;
    }
    while !is_comment(at) {
        at = at.parent()?;
    }
    let start = range(at).start;
    site.source.begins_line(start).then_some(at)
}

/// The mark that a comment begins with.
fn mark(text: &str) -> &'static str {
    let marks = ["///", "//!", "//", "/**", "/*!", "/*"];
    let found = marks.into_iter().find(|mark| text.starts_with(mark)).unwrap_or("//");
    match found {
        "///" if text.starts_with("////") => "//",
        "/**" if text.starts_with("/**/") || text.starts_with("/***") => "/*",
        found => found,
    }
}

/// The text of a comment without a line break at its end.
fn whole<'s>(site: &'s Site<'_>, node: Node<'_>) -> &'s str {
    site.text(node).trim_end_matches(['\n', '\r'])
}

/// The comments in the lines around one that have its mark.
fn run<'s>(site: &'s Site<'_>, node: Node<'s>) -> Vec<Node<'s>> {
    let own = mark(whole(site, node));
    let fits = |before: Node<'_>, after: Node<'_>| {
        let end = range(before).start + u32::try_from(whole(site, before).len()).unwrap_or(0);
        let gap = site.text_between(end, range(after).start);
        gap.matches('\n').count() == 1
            && gap.trim().is_empty()
            && is_comment(before)
            && is_comment(after)
            && mark(whole(site, before)) == own
            && mark(whole(site, after)) == own
            && site.source.begins_line(range(before).start)
    };
    let mut found = vec![node];
    let mut at = node;
    while let Some(before) = at.prev_sibling().filter(|before| fits(*before, at)) {
        found.insert(0, before);
        at = before;
    }
    at = node;
    while let Some(after) = at.next_sibling().filter(|after| fits(at, *after)) {
        found.push(after);
        at = after;
    }
    found
}

fn extent(site: &Site<'_>, run: &[Node<'_>]) -> Option<TextRange> {
    let last = run.last()?;
    let end = range(*last).start + u32::try_from(whole(site, *last).len()).ok()?;
    Some(TextRange::new(range(*run.first()?).start, end))
}

fn change_style(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let text = whole(site, node);
    let own = mark(text);
    let indentation = site.indentation(node).to_owned();
    let mut draft = Draft::default().of_comments();
    if own.starts_with("/*") {
        let behind = range(node).end;
        let rest = site.text_between(behind, site.source.line_end(behind)).trim();
        if !rest.is_empty() {
            return Err(ConvertError::Because("code stands behind the comment"));
        }
        let new = match own {
            "/**" => "///",
            "/*!" => "//!",
            _ => "//",
        };
        let inside = text.strip_prefix(own).and_then(|text| text.strip_suffix("*/")).ok_or(ConvertError::Broken)?;
        let mut lines: Vec<&str> = inside.lines().collect();
        if lines.first().is_some_and(|line| line.trim().is_empty()) {
            lines.remove(0);
        }
        if lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        let mut out = Vec::new();
        for line in lines {
            let line = line.strip_prefix(indentation.as_str()).unwrap_or(line).trim_end();
            let line = line.strip_prefix(' ').unwrap_or(line);
            out.push(if line.is_empty() { new.to_owned() } else { format!("{new} {line}") });
        }
        let at = TextRange::new(range(node).start, range(node).start + u32::try_from(text.len()).unwrap_or(0));
        draft.put(at, out.join(&format!("\n{indentation}")));
        return Ok(documented(draft, node, own));
    }
    let all = run(site, node);
    let at = extent(site, &all).ok_or(ConvertError::Broken)?;
    let new = match own {
        "///" => "/**",
        "//!" => "/*!",
        _ => "/*",
    };
    let mut out = vec![new.to_owned()];
    for one in &all {
        let line = whole(site, *one).strip_prefix(own).unwrap_or_default();
        let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
        if line.contains("*/") || line.contains("/*") {
            return Err(ConvertError::Because("the text would end the block"));
        }
        out.push(if line.is_empty() { String::new() } else { format!("{indentation}{line}") });
    }
    out.push(format!("{indentation}*/"));
    draft.put(at, out.join("\n"));
    Ok(documented(draft, node, own))
}

fn documented(draft: Draft, node: Node<'_>, mark: &str) -> Draft {
    let documents = !matches!(mark, "//" | "/*");
    draft.doubted(
        node,
        if documents { "the documentation's blanks may differ" } else { "the comment's blanks may differ" },
    )
}

fn change_doc(site: &Site<'_>, node: Node<'_>) -> Result<Draft, ConvertError> {
    let text = whole(site, node);
    let own = mark(text);
    let all = run(site, node);
    let first = all.first().copied().unwrap_or(node);
    let top = site.source.text.get(..range(first).start as usize).unwrap_or_default().trim().is_empty();
    let outer = first.parent().is_none_or(|parent| parent.parent().is_none());
    // The first lines of a file speak of all of it.
    let module = top && outer && range(first).start == 0;
    let next = all.last().and_then(|last| last.next_named_sibling());
    let item = next.is_some_and(|next| {
        next.kind().ends_with("_item")
            || matches!(
                next.kind(),
                "use_declaration"
                    | "extern_crate_declaration"
                    | "attribute_item"
                    | "field_declaration"
                    | "enum_variant"
                    | "function_signature_item"
                    | "macro_definition"
            )
    });
    let new = match own {
        "///" | "//!" => "//",
        "/**" | "/*!" => "/*",
        "//" if module => "//!",
        "/*" if module => "/*!",
        "//" if item => "///",
        "/*" if item => "/**",
        _ => return Err(ConvertError::Because("nothing that can have documentation follows")),
    };
    let mut draft = Draft::default().of_comments();
    for one in &all {
        let start = range(*one).start;
        draft.put(TextRange::new(start, start + u32::try_from(own.len()).unwrap_or(0)), new);
    }
    Ok(draft.doubted(node, "the comment becomes a part of the documentation, or leaves it"))
}
