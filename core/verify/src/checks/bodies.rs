//! Bodies of functions that an edit makes empty, constant, or deaf to a parameter.

use super::{Context, File, line_of};
use crate::policy::{Finding, Severity};
use deepcoder_syntax::{Kept, Language, RawSymbol, TokenKind, is_test, tokens};
use std::collections::{HashMap, HashSet};

/// A body with fewer tokens did next to nothing before.
const MIN_TOKENS: usize = 4;

/// Files with more definitions are not compared.
const MOST: usize = 3_000;

/// Tokens around the statements of a body.
const FRAME: &[&str] = &["{", "}", ":", ";", "=>", "="];

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for file in context.files.iter().filter(|file| file.sound() && !is_test(file.path) && file.before().len() <= MOST) {
        if let (Some(language), Some(old), Some(new)) = (file.language, file.old, file.new) {
            compare(context, file, (language, old, new), findings);
        }
    }
}

fn compare(
    context: &Context<'_>,
    file: &File<'_>,
    (language, old, new): (Language, &str, &str),
    findings: &mut Vec<Finding>,
) {
    let (Some(before), Some(after)) = (Words::of(language, old), Words::of(language, new)) else { return };
    let names = |all: &'_ [RawSymbol]| all.iter().map(|symbol| symbol.name.clone()).collect::<HashSet<String>>();
    let (had, has) = (names(file.before()), names(file.after()));
    let gone: HashSet<&str> = had.difference(&has).map(String::as_str).collect();
    let mut now: HashMap<&str, Vec<&RawSymbol>> = HashMap::new();
    for symbol in functions(file.after()) {
        now.entry(&symbol.qualified).or_default().push(symbol);
    }
    let mut then: HashMap<&str, usize> = HashMap::new();
    for symbol in functions(file.before()) {
        *then.entry(&symbol.qualified).or_default() += 1;
    }
    for symbol in functions(file.before()) {
        // Which of several definitions of one name became which is not known.
        let Some([same]) = now.get(symbol.qualified.as_str()).map(Vec::as_slice) else { continue };
        if then.get(symbol.qualified.as_str()) != Some(&1) {
            continue;
        }
        let (was, is) = (before.body(symbol), after.body(same));
        if was.len() < MIN_TOKENS || was == is || is_stub(&was) {
            continue;
        }
        let line = line_of(new, same.signature_start);
        let name = &symbol.qualified;
        if is_stub(&is) {
            let message = format!("line {line}: the body of `{name}` is gone, and nothing but a placeholder is left");
            findings.push(match context.names(&symbol.name) {
                true => Finding::review(file.path, message),
                false => Finding::error(file.path, message),
            });
            continue;
        }
        // A file that is reviewed anyway needs no weaker reason.
        if findings.iter().any(|f| f.path == *file.path && f.severity != Severity::Warning) {
            continue;
        }
        let (old_signature, new_signature) = (before.signature(symbol), after.signature(same));
        // What it gave the parameter to is gone.
        if was.iter().any(|word| gone.contains(word)) {
            continue;
        }
        let uses = |body: &[&str], name: &str| body.iter().any(|word| is_use(word, name));
        let used: Vec<&str> = parameters(&old_signature).into_iter().filter(|name| uses(&was, name)).collect();
        if !used.is_empty() && is_constant(&is) && !is_constant(&was) {
            let message = format!("line {line}: `{name}` does nothing now but return a constant");
            findings.push(Finding::review(file.path, message));
            continue;
        }
        let still: HashSet<&str> = parameters(&new_signature).into_iter().collect();
        let deaf = used
            .into_iter()
            .filter(|name| still.contains(name) && !uses(&is, name) && !takes_all(&is))
            .find(|name| !context.prompt.has_word(name));
        if let Some(parameter) = deaf {
            let message = format!("line {line}: `{name}` no longer uses its parameter `{parameter}`");
            findings.push(Finding::review(file.path, message));
        }
    }
}

fn functions(all: &[RawSymbol]) -> impl Iterator<Item = &RawSymbol> {
    all.iter().filter(|symbol| matches!(symbol.kind, "function" | "method"))
}

/// A text with its tokens that run.
struct Words<'t> {
    text: &'t str,
    all: Vec<(u32, &'t str)>,
    annotated: bool,
}

impl<'t> Words<'t> {
    fn of(language: Language, text: &'t str) -> Option<Self> {
        let code = tokens(language, text, Kept::Code)?.code;
        let said = code.iter().filter(|token| matches!(token.kind, TokenKind::Code | TokenKind::Quote));
        let all = said.filter_map(|token| Some((token.range.start, text.get(token.range.as_range())?))).collect();
        Some(Self { text, all, annotated: language == Language::Python })
    }

    fn within(&self, from: u32, to: u32) -> Vec<&'t str> {
        let start = self.all.partition_point(|(at, _)| *at < from);
        self.all[start..].iter().take_while(|(at, _)| *at < to).map(|(_, word)| *word).collect()
    }

    fn signature(&self, symbol: &RawSymbol) -> Vec<&'t str> {
        self.within(symbol.signature_start, symbol.signature_end)
    }

    /// The tokens of the body, without the signs that frame it.
    fn body(&self, symbol: &RawSymbol) -> Vec<&'t str> {
        // In Python, the signature may end before the colon that opens the block.
        let head = self.text.get(symbol.signature_end as usize..).unwrap_or_default();
        let skipped = if self.annotated { head.len() - head.trim_start_matches([' ', ':']).len() } else { 0 };
        let from = symbol.signature_end.saturating_add(u32::try_from(skipped).unwrap_or(0));
        let words = self.within(from, symbol.range.end);
        let inner = words.iter().position(|word| !FRAME.contains(word)).unwrap_or(words.len());
        let end = words.iter().rposition(|word| !matches!(*word, "}" | ";" | ",")).map_or(inner, |at| at + 1);
        words.get(inner..end.max(inner)).unwrap_or_default().to_vec()
    }
}

/// Whether a token uses `name`: as itself, or inside a string that is filled in (`f"{name}"`, `"{name}"` of Rust).
fn is_use(word: &str, name: &str) -> bool {
    word == name
        || (word.len() > name.len()
            && word.match_indices(name).any(|(at, _)| {
                let part = |c: char| c.is_alphanumeric() || c == '_';
                !word[..at].ends_with(part) && !word[at + name.len()..].starts_with(part)
            }))
}

/// Whether a body takes its parameters without naming them.
fn takes_all(body: &[&str]) -> bool {
    body.iter().any(|word| matches!(*word, "locals" | "arguments" | "eval" | "super"))
}

/// Whether a body stands for one that is still to be written.
fn is_stub(body: &[&str]) -> bool {
    let text: String = body.concat().to_lowercase();
    let unwritten =
        ["notimplemented", "notimplementedexception", "unsupportedoperationexception", "notimplementederror"];
    match body.first() {
        None => true,
        Some(&("pass" | "..." | "todo" | "unimplemented")) if body.len() <= 6 => true,
        Some(&("raise" | "throw" | "panic")) if body.len() <= 14 => {
            unwritten.iter().any(|word| text.contains(word))
                || text.contains("not implemented")
                || text.contains("notimplemented")
                || text.contains("todo")
        }
        _ => false,
    }
}

/// Whether a body is one constant that it returns.
fn is_constant(body: &[&str]) -> bool {
    let value = match body {
        ["return", rest @ ..] => rest,
        rest => rest,
    };
    let value: Vec<&&str> = value.iter().filter(|word| !matches!(**word, ";" | "-" | "(" | ")")).collect();
    let plain = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_digit())
            || matches!(
                word,
                "None" | "True" | "False" | "null" | "nil" | "true" | "false" | "undefined" | "[]" | "{}" | "\"\""
            )
    };
    match value.as_slice() {
        [] => true,
        [word] => plain(word),
        [open, close] => matches!((**open, **close), ("[", "]") | ("{", "}") | ("\"", "\"") | ("'", "'")),
        _ => false,
    }
}

/// The names of the parameters in a signature, as far as they can be told from types.
fn parameters<'t>(signature: &[&'t str]) -> Vec<&'t str> {
    let Some(open) = signature.iter().position(|word| *word == "(") else { return Vec::new() };
    // A Go method has its receiver first.
    let open = match (signature.first(), signature[open..].iter().position(|word| *word == ")")) {
        (Some(&"func"), Some(close)) if open == 1 => {
            match signature[open + close..].iter().position(|word| *word == "(") {
                Some(next) => open + close + next,
                None => return Vec::new(),
            }
        }
        _ => open,
    };
    // Types follow the names in Go, without a sign between them.
    let bare = signature.first() == Some(&"func");
    let mut depth = 0usize;
    let mut found = Vec::new();
    for (at, word) in signature.iter().enumerate().skip(open) {
        match *word {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth <= 1 => break,
            ")" | "]" | "}" => depth -= 1,
            name if depth == 1 => {
                let last = at.checked_sub(1).and_then(|at| signature.get(at)).copied().unwrap_or_default();
                let next = signature.get(at + 1).copied().unwrap_or_default();
                let identifier = name.starts_with(|c: char| c.is_lowercase())
                    && name.chars().all(|c| c.is_alphanumeric() || c == '_')
                    && !matches!(name, "self" | "this" | "cls" | "mut" | "int" | "string" | "bool" | "error" | "any");
                let named = matches!(next, "," | ")" | ":" | "=" | "?")
                    && !matches!(last, ":" | "->" | "." | "<" | "|" | "&" | "=" | "::" | "]" | "'" | "+" | "?");
                if identifier && (named && !bare || bare && matches!(last, "(" | ",")) {
                    found.push(name);
                }
            }
            _ => {}
        }
    }
    found
}
