//! Which parts of a large file are to be written anew.

use crate::guard::{definitions, mentions, names};
use crate::target::Base;
use crate::units::{Unit, named, units, whole_lines};
use deepcoder_plugin_api::{Host, PluginError};
use deepcoder_types::{Instruction, RepoPath, TextRange};
use std::ops::Range;

/// Definitions that a file is asked for at most.
const MAX_SYMBOLS: u32 = 64;
/// Functions that are edited one by one at most.
const MAX_EACH: usize = 48;
/// Words of an instruction that are looked up at most.
const MAX_WORDS: usize = 24;

/// The parts that the instruction is about, as whole lines, from the last to the first: the selection, or else the
/// definitions that it names or the context points to. Empty when it is about none in particular.
pub(crate) fn find(
    instruction: &Instruction,
    path: &RepoPath,
    base: &Base,
    host: &dyn Host,
) -> Result<Vec<Range<usize>>, PluginError> {
    let is_first = instruction.targets.first().is_none_or(|first| first == path);
    let mut ranges: Vec<TextRange> = match instruction.selection {
        Some(selection) if is_first => vec![selection],
        _ => base.parts.clone(),
    };
    if ranges.is_empty() {
        let all = units(path, &base.text);
        let meant = named(&instruction.prompt, &all);
        ranges.extend(meant.iter().filter_map(|unit| text_range(&unit.range)));
        // What the units' names say is said, and `C` of `C.f` is no other name.
        let known = |word: &str| {
            let qualifier = [format!("{word}."), format!("{word}::")].iter().any(|q| instruction.prompt.contains(q));
            !meant.is_empty() && (qualifier || all.iter().any(|unit| unit.name == word))
        };
        let mut names = words(&instruction.prompt);
        names.extend(plain_names(&instruction.prompt, path, &base.text));
        names.dedup();
        for word in names.into_iter().filter(|word| !known(word)) {
            let found = host.search_symbols(word, MAX_SYMBOLS)?;
            ranges.extend(found.into_iter().filter(|s| s.path == *path && is_named(&s.name, word)).map(|s| s.range));
        }
    }
    let mut lines: Vec<Range<usize>> = ranges.iter().filter_map(|r| whole_lines(&base.text, *r)).collect();
    // Of nested ones the inner one is meant.
    lines.sort_by_key(|r| (r.len(), r.start));
    let mut out: Vec<Range<usize>> = Vec::new();
    for range in lines {
        if out.iter().all(|o| o.end <= range.start || range.end <= o.start) {
            out.push(range);
        }
    }
    out.sort_by_key(|r| std::cmp::Reverse(r.start));
    Ok(out)
}

fn text_range(range: &Range<usize>) -> Option<TextRange> {
    Some(TextRange::new(u32::try_from(range.start).ok()?, u32::try_from(range.end).ok()?))
}

/// All functions of the file, or all its classes, from the last to the first, when the instruction is about every one of
/// them: a small model does to one function what it cannot do to many at once. `None` where that is not so, or there are too
/// few or too many.
pub(crate) fn each(instruction: &Instruction, path: &RepoPath, base: &Base) -> Option<Vec<Range<usize>>> {
    let kind = every(&instruction.prompt)?;
    let units = units(path, &base.text);
    let is_kind = |unit: &&Unit| match kind {
        Every::Functions => unit.is_function(),
        Every::Methods => unit.kind == "method",
        Every::Classes => unit.is_type() && unit.kind != "impl",
    };
    // Of nested ones the outer one is meant, since the inner one is a part of it.
    let mut out: Vec<Range<usize>> = Vec::new();
    for unit in units.iter().filter(is_kind) {
        if out.last().is_none_or(|last| last.end <= unit.range.start) {
            out.push(unit.range.clone());
        }
    }
    out.reverse();
    (2..=MAX_EACH).contains(&out.len()).then_some(out)
}

/// What an instruction is about every one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Every {
    /// Functions, and methods.
    Functions,
    /// Methods.
    Methods,
    /// Types.
    Classes,
}

/// Words between `every` and what there are several of.
const BETWEEN: usize = 3;

/// The kind of definitions that the instruction is about every one of, one by one.
pub(crate) fn every(prompt: &str) -> Option<Every> {
    if mentions(prompt, &["file", "module", "rename", "move", "extract", "merge", "sort", "remove", "delete"]) {
        return None;
    }
    let words: Vec<String> = prompt
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let at = words.iter().position(|word| matches!(word.as_str(), "every" | "each" | "all"))?;
    words.iter().skip(at + 1).take(BETWEEN).find_map(|word| match word.as_str() {
        "function" | "functions" => Some(Every::Functions),
        "method" | "methods" => Some(Every::Methods),
        "class" | "classes" | "struct" | "structs" => Some(Every::Classes),
        _ => None,
    })
}

/// Whether the instruction has `every`, `each` or `all` in front of one of these words.
pub(crate) fn every_word(prompt: &str, of: &[&str]) -> bool {
    let lower = prompt.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let begins = |at: &usize| matches!(words[*at], "every" | "each" | "all");
    (0..words.len()).filter(begins).any(|at| words[at + 1..].iter().take(BETWEEN).any(|word| of.contains(word)))
}

/// A name, or the last part of a qualified one.
fn is_named(name: &str, word: &str) -> bool {
    name == word || name.rsplit(['.', ':']).next() == Some(word)
}

/// Words of the instruction that the file defines, but for those that instructions are made of anyway.
fn plain_names<'a>(prompt: &'a str, path: &RepoPath, text: &str) -> Vec<&'a str> {
    let defined = definitions(path, text);
    let words = prompt.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| word.len() > 3);
    words.filter(|word| defined.contains(*word) && names(prompt, word)).take(MAX_WORDS).collect()
}

/// The first word of the instruction that is written as a call: `f()`.
pub(crate) fn called(prompt: &str) -> Option<&str> {
    let end = prompt.find("()")?;
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    let start =
        prompt[..end].rfind(|c| !of_name(c)).map_or(0, |at| at + prompt[at..].chars().next().map_or(1, char::len_utf8));
    Some(&prompt[start..end]).filter(|name| !name.is_empty())
}

/// Words of the instruction that could be names: in backticks, before a parenthesis, or not a plain word.
fn words(prompt: &str) -> Vec<&str> {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut out: Vec<&str> = Vec::new();
    let mut at = 0;
    for word in prompt.split(|c| !of_name(c)) {
        let start = at;
        at += word.len() + prompt[start + word.len()..].chars().next().map_or(0, char::len_utf8);
        let marked = prompt[..start].ends_with('`') || prompt[start + word.len()..].starts_with('(');
        let inner = word.chars().skip(1).any(|c| c.is_uppercase() || c == '_' || c.is_ascii_digit());
        if !word.is_empty() && (marked || inner) && !out.contains(&word) && mentions(prompt, &[word]) {
            out.push(word);
        }
    }
    out.truncate(MAX_WORDS);
    out
}
