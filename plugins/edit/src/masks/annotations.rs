//! The grammar of the annotations of one Python signature: its own tokens, with a type wherever one may be missing.

use super::Hole;
use crate::units::Unit;
use deepcoder_syntax::{Kept, Language, Token, TokenKind, import_statements, tokens};
use deepcoder_types::{Form, Free};
use std::ops::Range;

/// Types that are always there, or that `typing` has, from which they are imported then.
const PLAIN: &str = "int|str|float|bool|bytes|object|None|Any|Callable|list|dict|set|tuple";
const OF_ONE: &str = "(list|set|List|Set|Sequence|Iterable|Iterator|Optional)";
const OF_TWO: &str = "(dict|Dict|Mapping)";
const OF_SOME: &str = "(tuple|Tuple|Union)";

/// The signature of `unit` with a free range for each annotation that is missing.
pub(super) fn hole(language: Language, text: &str, unit: &Unit, all: &[Unit]) -> Option<Hole> {
    if language != Language::Python || !unit.is_function() {
        return None;
    }
    let range = unit.signature.clone();
    let signature = &text[range.clone()];
    let missing = missing(signature, unit.kind == "method")?;
    if missing.is_empty() || signature.contains('\r') {
        return None;
    }
    let ty = types(text, unit, all);
    let free = missing.into_iter().map(|place| {
        let regex = match place.kind {
            Place::Parameter => format!(": {ty}"),
            Place::Default => format!(": {ty} = "),
            Place::Result => format!(" -> {ty}"),
        };
        Free { start: place.at.start, end: place.at.end, regex }
    });
    let form = Form::Scope { text: signature.to_owned(), free: free.collect() };
    let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let prefill =
        if text[line..range.start].trim().is_empty() { text[line..range.start].to_owned() } else { String::new() };
    Some(Hole { range, prefill, short: form.clone(), form })
}

/// The types that code at `unit` may name: a few usual ones, and the classes that are there before it.
fn types(text: &str, unit: &Unit, all: &[Unit]) -> String {
    let mut names: Vec<String> = PLAIN.split('|').map(str::to_owned).collect();
    let classes = all.iter().filter(|other| other.kind == "class" && other.qualified == other.name);
    for class in classes.take(12) {
        // A class is no name yet within itself and before it.
        let there = class.range.end <= unit.range.start;
        names.push(if there { class.name.clone() } else { format!("\"{}\"", class.name) });
    }
    let imports = import_statements(Language::Python, text);
    for import in imports.iter().filter_map(|range| text.get(range.as_range())).filter(|i| i.starts_with("from ")) {
        let (_, list) = import.split_once(" import ").unwrap_or_default();
        let bound = list.split(',').filter_map(|item| item.split_whitespace().next_back());
        let is_type = |name: &&str| {
            name.starts_with(char::is_uppercase)
                && name.contains(char::is_lowercase)
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
                // What needs arguments is in the patterns below.
                && !import.contains("typing") && !import.contains("collections")
        };
        names.extend(bound.map(|name| name.trim_matches(['(', ')'])).filter(is_type).take(8).map(str::to_owned));
    }
    names.truncate(40);
    let t0 = format!("({})", names.join("|"));
    let t1 = format!("({t0}|{OF_ONE}\\[{t0}\\]|{OF_TWO}\\[{t0}, {t0}\\]|{OF_SOME}\\[{t0}(, {t0})*\\])");
    format!("({t1}|{OF_ONE}\\[{t1}\\]|{OF_TWO}\\[{t0}, {t1}\\]|{OF_SOME}\\[{t1}(, {t1})*\\])")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Parameter,
    Default,
    Result,
}

#[derive(Debug, PartialEq, Eq)]
struct Missing {
    at: Range<usize>,
    kind: Place,
}

/// The places in a signature, which ends with its colon, where an annotation is missing. `None` where it is no signature.
fn missing(signature: &str, method: bool) -> Option<Vec<Missing>> {
    let code = format!("{signature} pass\n");
    let all = tokens(Language::Python, &code, Kept::All)?.code;
    let real: Vec<&Token> =
        all.iter().filter(|t| t.range.start < t.range.end && t.kind != TokenKind::Comment).collect();
    let said = |at: usize| real.get(at).and_then(|t| code.get(t.range.as_range())).unwrap_or_default();
    let open = (0..real.len()).find(|at| said(*at) == "(")?;
    let mut found = Vec::new();
    let (mut depth, mut at, mut begins, mut first) = (0_usize, open, false, true);
    while at < real.len() {
        match said(at) {
            "(" | "[" | "{" => {
                depth += 1;
                begins = at == open;
            }
            ")" if depth == 1 => break,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "," if depth == 1 => {
                begins = true;
                first = false;
            }
            "*" | "**" | "/" if depth == 1 && begins => {}
            name if depth == 1 && begins => {
                begins = false;
                let end = real[at].range.end as usize;
                let own = method && first && matches!(name, "self" | "cls" | "mcs");
                let named = name.chars().all(|c| c.is_alphanumeric() || c == '_');
                match said(at + 1) {
                    _ if own || !named => {}
                    "," | ")" => found.push(Missing { at: end..end, kind: Place::Parameter }),
                    "=" => {
                        let equals = real[at + 1].range.end as usize;
                        let after = real.get(at + 2)?.range.start as usize;
                        let blank = code.get(equals..after)?.trim().is_empty();
                        found.push(Missing { at: end..if blank { after } else { equals }, kind: Place::Default });
                    }
                    _ => {}
                }
            }
            _ => begins = false,
        }
        at += 1;
    }
    if said(at + 1) == ":" {
        let end = real.get(at)?.range.end as usize;
        found.push(Missing { at: end..end, kind: Place::Result });
    }
    found.iter().all(|m| m.at.end <= signature.len()).then_some(found)
}

/// The signature of an answer, if it is the old one with annotations.
pub(super) fn fitting(old: &str, name: &str, answer: &str) -> Option<String> {
    let head = answer.find(&format!("def {name}")).map(|at| {
        let line = answer[..at].rfind('\n').map_or(0, |n| n + 1);
        if answer[line..at].trim() == "async" {
            line + (answer[line..at].len() - answer[line..at].trim_start().len())
        } else {
            at
        }
    })?;
    let rest = &answer[head..];
    // The colon that ends it is outside of brackets.
    let mut depth = 0_usize;
    let end = rest.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return Some(at + 1),
            _ => {}
        }
        None
    })?;
    let new = &rest[..end];
    (bare(new)? == bare(old)?).then(|| new.to_owned())
}

/// The tokens of a signature without its annotations.
fn bare(signature: &str) -> Option<Vec<String>> {
    let code = format!("{signature} pass\n");
    let all = tokens(Language::Python, &code, Kept::Untyped)?.code;
    Some(all.iter().filter_map(|t| code.get(t.range.as_range())).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(signature: &str, method: bool) -> String {
        let mut out = signature.to_owned();
        for missing in missing(signature, method).expect("a signature").into_iter().rev() {
            out.replace_range(missing.at, "~");
        }
        out
    }

    /// Protects code from an instruction about type hints: only places of annotations are free.
    #[test]
    fn only_missing_annotations_are_free() {
        assert_eq!(holes("def f(a, b=1, *c, d: int, **e):", false), "def f(a~, b~1, *c~, d: int, **e~)~:");
        assert_eq!(holes("def f(self, x = (1, 2), *, y) -> int:", true), "def f(self, x~(1, 2), *, y~) -> int:");
        assert_eq!(holes("async def f(a=lambda x, y: {x: y}):", false), "async def f(a~lambda x, y: {x: y})~:");
        assert_eq!(
            holes("def f(\n    a,\n    b,  # the second\n):", false),
            "def f(\n    a~,\n    b~,  # the second\n)~:"
        );
    }

    /// Protects code from a model that no grammar holds: an answer with another signature is none.
    #[test]
    fn another_signature_does_not_fit() {
        let old = "def f(a, b=1):";
        let new = "def f(a: int, b: int = 1) -> Dict[str, int]:";
        assert_eq!(fitting(old, "f", &format!("{new}\n    return a\n")).as_deref(), Some(new));
        assert_eq!(fitting(old, "f", "def f(a: int, b: int = 2) -> int:"), None);
        assert_eq!(fitting(old, "f", "def f(a: int) -> int:"), None);
        assert_eq!(fitting(old, "f", "nothing"), None);
    }
}
