//! Names that an edit defines once more in a file that has them already.

use super::{Context, NAMES, line_of};
use crate::policy::Finding;
use deepcoder_syntax::{Language, RawSymbol};
use std::collections::HashMap;

/// Decorators that only wrap: what they stand above is a definition like any other.
const WRAPS: &[&str] =
    &["dataclass", "dataclasses", "cache", "lru_cache", "functools", "contextmanager", "contextlib", "total_ordering"];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in context.files.iter().filter(|file| file.sound()) {
        if let (Some(language), Some(new)) = (file.language, file.new) {
            let before = definitions(language, file.old.unwrap_or_default(), file.before());
            let mut again: Vec<&RawSymbol> = definitions(language, new, file.after())
                .into_iter()
                .filter(|(key, all)| all.len() > before.get(key).map_or(1, |was| was.len().max(1)))
                .filter_map(|(_, all)| all.get(1).copied())
                .collect();
            again.sort_by_key(|symbol| symbol.signature_start);
            for symbol in again.iter().take(NAMES) {
                let line = line_of(new, symbol.signature_start);
                findings.push(Finding::review(file.path, format!("line {line} defines `{}` again", symbol.name)));
            }
        }
    }
}

/// The key that no second definition may have: the namespace, the name, and the parameters where overloads exist.
type Key = (&'static str, String, String);

fn definitions<'s>(language: Language, text: &str, symbols: &'s [RawSymbol]) -> HashMap<Key, Vec<&'s RawSymbol>> {
    let mut definitions: HashMap<Key, Vec<&RawSymbol>> = HashMap::new();
    let conditional = conditional_ranges(language, text);
    for symbol in symbols {
        let at = symbol.signature_start as usize;
        let unconditional = !conditional.iter().any(|(start, end)| *start <= at && at < *end);
        if is_outermost(text, symbol)
            && unconditional
            && counts(language, text, symbol)
            && let Some(key) = key(language, text, symbol)
        {
            definitions.entry(key).or_default().push(symbol);
        }
    }
    definitions
}

/// Whether it stands in no block: a condition chooses which of several definitions there is.
fn is_outermost(text: &str, symbol: &RawSymbol) -> bool {
    let at = symbol.signature_start as usize;
    symbol.qualified == symbol.name && (at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n'))
}

fn key(language: Language, text: &str, symbol: &RawSymbol) -> Option<Key> {
    let namespace = language.namespace(symbol.kind)?;
    let signature = text.get(symbol.signature_start as usize..symbol.signature_end as usize)?;
    let signature = if language == Language::Cpp { signature.split_whitespace().collect() } else { String::new() };
    Some((namespace, symbol.name.clone(), signature))
}

/// Whether it is a definition by itself, rather than one of several that belong together.
fn counts(language: Language, text: &str, symbol: &RawSymbol) -> bool {
    use Language as L;
    let slice = |from: u32, to: u32| text.get(from as usize..to as usize).unwrap_or_default();
    if symbol.name == "_" {
        return false;
    }
    let lead = slice(symbol.range.start, symbol.signature_start);
    let code = slice(symbol.signature_start, symbol.range.end);
    let has_body = symbol.signature_end < symbol.range.end && code.trim_end().ends_with(['}', ';']);
    match language {
        L::Python if symbol.kind == "constant" => {
            // `PATH = PATH / "x"` goes on from what there is.
            let value = code.split_once('=').map_or("", |(_, value)| value);
            !value.split(|c| !super::prompt::is_word(c)).any(|word| word == symbol.name)
        }
        L::Python => decorators(lead, code).all(|decorator| {
            let name = decorator.trim_start_matches('@').split(['(', '.', ' ']).next().unwrap_or_default();
            WRAPS.contains(&name) && !decorator.contains("singledispatch")
        }),
        L::Rust => !lead.contains("#["),
        // A signature without a body is an overload's; `var` may be repeated.
        script if script.is_script() => {
            !code.starts_with("var ")
                && !code.starts_with("export var ")
                && !code.starts_with("declare ")
                && !code.starts_with("export declare ")
                && (symbol.kind != "function" || has_body)
        }
        L::Go => symbol.name != "init",
        c if c.is_c() => symbol.kind != "function" || has_body && code.trim_end().ends_with('}'),
        _ => true,
    }
}

/// The decorators of a Python definition, which are before the signature or a part of it.
fn decorators<'t>(lead: &'t str, code: &'t str) -> impl Iterator<Item = &'t str> {
    let begins = |line: &str| ["def ", "class ", "async "].iter().any(|word| line.starts_with(word));
    let own = code.lines().take_while(move |line| !begins(line));
    lead.lines().chain(own).map(str::trim).filter(|line| line.starts_with('@'))
}

/// The ranges that the preprocessor may leave out.
fn conditional_ranges(language: Language, text: &str) -> Vec<(usize, usize)> {
    if !language.is_c() {
        return Vec::new();
    }
    let (mut ranges, mut open, mut at) = (Vec::new(), Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        let directive = line.trim_start().strip_prefix('#').map(str::trim_start).unwrap_or_default();
        if directive.starts_with("if") {
            open.push(at);
        } else if directive.starts_with("endif")
            && let Some(start) = open.pop()
        {
            ranges.push((start, at));
        }
        at += line.len();
    }
    ranges.extend(open.into_iter().map(|start| (start, text.len())));
    ranges
}
