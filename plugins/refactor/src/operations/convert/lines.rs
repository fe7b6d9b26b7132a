//! Lists in one line or with a line for each element.

use super::site::{Draft, Site, is_comment, parts};
use super::{ConvertError, GO, Kind};
use crate::grammar::source::range;
use deepcoder_syntax::Node;
use deepcoder_types::TextRange;

pub(super) const KINDS: &[Kind] = &[
    Kind { name: "split-lines", title: "put each element in a line", languages: GO, applies: list_at, rewrite: split },
    Kind { name: "join-lines", title: "put all elements in one line", languages: GO, applies: list_at, rewrite: join },
];

fn list_at<'s>(site: &'s Site<'_>) -> Option<Node<'s>> {
    site.around(&["argument_list", "parameter_list", "literal_value"])
}

/// The elements with what stands beside each up to its comma.
fn elements<'s>(site: &'s Site<'_>, list: Node<'_>) -> Vec<&'s str> {
    let mut found = Vec::new();
    let mut start = range(list).start + 1;
    let mut cursor = list.walk();
    for child in list.children(&mut cursor).filter(|child| child.kind() == ",") {
        found.push(site.text_between(start, range(child).start).trim());
        start = range(child).end;
    }
    found.push(site.text_between(start, range(list).end - 1).trim());
    found.retain(|element| !element.is_empty());
    found
}

fn inside(list: Node<'_>) -> TextRange {
    TextRange::new(range(list).start + 1, range(list).end - 1)
}

fn has_line_comment(site: &Site<'_>, list: Node<'_>) -> bool {
    let mut cursor = list.walk();
    list.children(&mut cursor).any(|child| is_comment(child) && site.text(child).starts_with("//"))
}

fn split(site: &Site<'_>, list: Node<'_>) -> Result<Draft, ConvertError> {
    let all = elements(site, list);
    if all.is_empty() {
        return Err(ConvertError::Because("there are no elements"));
    }
    if has_line_comment(site, list) || site.source.text_of(inside(list)).starts_with('\n') && parts(list).len() < 2 {
        return Err(ConvertError::Because("the elements stand in lines of their own"));
    }
    let indentation = site.indentation(list);
    let mut text = String::new();
    for element in all {
        text.push_str(&format!("\n{indentation}\t{element},"));
    }
    let mut draft = Draft::default();
    let whole = format!("{text}\n{indentation}");
    if site.source.text_of(inside(list)) == whole {
        return Err(ConvertError::Because("the elements stand in lines of their own"));
    }
    draft.put(inside(list), whole);
    if site.source.text_of(inside(list)).contains('\n') {
        draft.doubt(list, "some elements stand in lines of their own, or have several");
    }
    Ok(draft)
}

fn join(site: &Site<'_>, list: Node<'_>) -> Result<Draft, ConvertError> {
    if has_line_comment(site, list) {
        return Err(ConvertError::Comment);
    }
    let all = elements(site, list);
    let text = all.join(", ");
    if !site.source.text_of(inside(list)).contains('\n') {
        return Err(ConvertError::Because("the elements stand in one line"));
    }
    let mut draft = Draft::default();
    if text.contains('\n') || text.contains("/*") {
        draft.doubt(list, "an element has several lines or a comment");
    }
    draft.put(inside(list), text);
    Ok(draft)
}
