//! The grammar of the annotations of one Python signature: its own tokens, with a type wherever one may be missing.

use super::Hole;
use super::uses::{Kind, Uses, read};
use crate::units::Unit;
use deepcoder_syntax::{Kept, Language, Token, TokenKind, import_statements, tokens};
use deepcoder_types::{Form, Free};
use std::collections::BTreeSet;
use std::ops::Range;

/// Types that are always there, or that `typing` has, from which they are imported then.
const PLAIN: &str = "int|str|float|bool|bytes|object|None|Any|Callable|list|dict|set|tuple";
const OF_ONE: &str = "list|set|List|Set|Sequence|Iterable|Iterator|Optional";
const OF_TWO: &str = "dict|Dict|Mapping";
const OF_SOME: &str = "tuple|Tuple|Union";

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
    let (names, read) = (Names::at(text, unit, all), read(text, unit));
    let free = missing.into_iter().map(|place| {
        let uses = place.name.as_ref().and_then(|name| read.parameters.get(name));
        let regex = match place.kind {
            Place::Parameter => format!(": {}", names.of(uses)),
            Place::Default => format!(": {} = ", names.of(uses)),
            Place::Result => format!(" -> {}", names.result(read.result)),
        };
        Free { start: place.at.start, end: place.at.end, regex }
    });
    let form = Form::Scope { text: signature.to_owned(), free: free.collect() };
    let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let prefill =
        if text[line..range.start].trim().is_empty() { text[line..range.start].to_owned() } else { String::new() };
    Some(Hole { range, prefill, short: form.clone(), form })
}

/// A type that the file defines or imports.
struct Named {
    /// As an annotation has it.
    written: String,
    /// Its members, where all of them are known.
    members: Option<BTreeSet<String>>,
}

/// The types that code at one place may name besides the usual ones.
struct Names(Vec<Named>);

impl Names {
    /// The classes that are there, and what is imported and looks like one.
    fn at(text: &str, unit: &Unit, all: &[Unit]) -> Self {
        let classes = all.iter().filter(|other| other.kind == "class" && other.qualified == other.name).take(12);
        let mut names: Vec<Named> = classes
            .map(|class| {
                // A class is no name yet within itself and before it.
                let there = class.range.end <= unit.range.start;
                let written = if there { class.name.clone() } else { format!("\"{}\"", class.name) };
                Named { written, members: members(text, class, all) }
            })
            .collect();
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
            let types = bound.map(|name| name.trim_matches(['(', ')'])).filter(is_type).take(8);
            names.extend(types.map(|name| Named { written: name.to_owned(), members: None }));
        }
        names.truncate(26);
        Self(names)
    }

    /// The types of a parameter that is used like this.
    fn of(&self, uses: Option<&Uses>) -> String {
        match uses.and_then(Uses::given) {
            Some(Kind::None) => {
                let inner = self.types(&|name| uses.is_none_or(|uses| uses.allow(name) != Some(false)), uses);
                format!("(Optional\\[{inner}\\]|Any)")
            }
            // An integer is a usual default of what may be a fraction.
            Some(Kind::Int) => "(int|float)".to_owned(),
            Some(kind) => match kind.pattern(false) {
                Some(one) => one,
                None => self.types(&|name| kind.heads().contains(&name), None),
            },
            None => {
                let fits = |name: &str| match uses {
                    Some(uses) if matches!(name, "Optional" | "Union") => uses.is_empty(),
                    Some(uses) => uses.allow(name) != Some(false),
                    None => true,
                };
                self.types(&fits, uses)
            }
        }
    }

    /// The types of a result.
    fn result(&self, read: Option<(Kind, bool)>) -> String {
        let Some((kind, maybe)) = read else { return self.types(&|_| true, None) };
        if let Some(one) = kind.pattern(maybe) {
            return one;
        }
        let one = self.types(&|name| kind.heads().contains(&name), None);
        if maybe { format!("Optional\\[{one}\\]") } else { one }
    }

    /// A pattern of the types whose outermost name fits.
    fn types(&self, fits: &dyn Fn(&str) -> bool, uses: Option<&Uses>) -> String {
        let own = |named: &&Named| match (uses, &named.members) {
            (Some(uses), Some(members)) => uses.allow_members(|member| members.contains(member)),
            _ => true,
        };
        let list = |names: &str| names.split('|').filter(|name| fits(name)).map(str::to_owned).collect::<Vec<_>>();
        let every = |names: Vec<String>| format!("({})", names.join("|"));
        let all = PLAIN.split('|').map(str::to_owned).chain(self.0.iter().map(|named| named.written.clone()));
        let inner = every(all.collect());
        let deep = format!(
            "({inner}|({OF_ONE})\\[{inner}\\]|({OF_TWO})\\[{inner}, {inner}\\]|({OF_SOME})\\[{inner}(, {inner})*\\])"
        );
        let mut forms = list(PLAIN);
        // A restricted container is none of the file's classes.
        if fits("object") || uses.is_some() {
            let classes: Vec<String> = self.0.iter().filter(own).map(|named| named.written.clone()).collect();
            // What only such a class can do says more than that it may be anything.
            if !classes.is_empty() && uses.is_some_and(|uses| !uses.is_empty()) && forms == ["Any"] {
                forms.clear();
            }
            forms.extend(classes);
        }
        for (names, arguments) in [
            (list(OF_ONE), deep.clone()),
            (list(OF_TWO), format!("{inner}, {deep}")),
            (list(OF_SOME), format!("{deep}(, {deep})*")),
        ] {
            if !names.is_empty() {
                forms.push(format!("{}\\[{arguments}\\]", every(names)));
            }
        }
        every(forms)
    }
}

/// The members of a class without bases: what it defines, and what its methods set.
fn members(text: &str, class: &Unit, all: &[Unit]) -> Option<BTreeSet<String>> {
    let (signature, body) = (text.get(class.signature.clone())?, text.get(class.range.clone())?);
    if signature.contains('(') || text.get(class.range.start..class.signature.start)?.contains('@') {
        return None;
    }
    let prefix = format!("{}.", class.qualified);
    let defined = all.iter().filter_map(|unit| unit.qualified.strip_prefix(&prefix)).map(str::to_owned);
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let set = body.split("self.").skip(1).map(word);
    let fields = body.lines().map(|line| word(line.trim_start())).filter(|name| !name.is_empty());
    Some(defined.chain(set).chain(fields).collect())
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
    /// The parameter; none for a result, nor for `*args`, which is a tuple of its type.
    name: Option<String>,
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
    let (mut depth, mut at, mut begins, mut first, mut starred) = (0_usize, open, false, true, false);
    while at < real.len() {
        match said(at) {
            "(" | "[" | "{" => {
                depth += 1;
                begins = at == open;
            }
            ")" if depth == 1 => break,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "," if depth == 1 => {
                (begins, first, starred) = (true, false, false);
            }
            "*" | "**" | "/" if depth == 1 && begins => starred = true,
            name if depth == 1 && begins => {
                begins = false;
                let end = real[at].range.end as usize;
                let own = method && first && matches!(name, "self" | "cls" | "mcs");
                let named = name.chars().all(|c| c.is_alphanumeric() || c == '_');
                let known = Some(name.to_owned()).filter(|_| !starred);
                match said(at + 1) {
                    _ if own || !named => {}
                    "," | ")" => found.push(Missing { at: end..end, kind: Place::Parameter, name: known }),
                    "=" => {
                        let equals = real[at + 1].range.end as usize;
                        let after = real.get(at + 2)?.range.start as usize;
                        let blank = code.get(equals..after)?.trim().is_empty();
                        let at = end..if blank { after } else { equals };
                        found.push(Missing { at, kind: Place::Default, name: known });
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
        found.push(Missing { at: end..end, kind: Place::Result, name: None });
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

/// Whether an annotation says nothing: it may be anything.
pub(super) fn says_nothing(signature: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '[');
    [": Any", "-> Any"].iter().any(|any| signature.split(any).skip(1).any(ends))
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

    /// Protects people from hints that look like types and tell none.
    #[test]
    fn hints_that_say_nothing_are_told() {
        for (signature, nothing) in [
            ("def f(a: Any) -> int:", true),
            ("def f(a: Any = None):", true),
            ("def f(a) -> Any:", true),
            ("def f(a: Anything, b: list[Any]) -> AnyStr:", false),
        ] {
            assert_eq!(says_nothing(signature), nothing, "{signature}");
        }
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
