//! Definitions that change beside those that the instruction names.

use super::prompt::parts;
use super::{Context, File, asked, list};
use crate::policy::Finding;
use deepcoder_syntax::{Kept, RawSymbol, TokenKind, Tokens, tokens};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Words that widen an instruction to definitions that it does not name.
const WIDE: &[&str] = &[
    "all",
    "every",
    "each",
    "everywhere",
    "throughout",
    "both",
    "others",
    "callers",
    "caller",
    "usages",
    "uses",
    "rename",
    "renamed",
    "into",
    "extract",
    "restructure",
];

/// Files with more definitions are not compared: each definition is looked for among all.
const MOST: usize = 3_000;

pub(crate) fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // Constraints have a check of their own.
    if context.constraint.is_some() || WIDE.iter().any(|word| context.prompt.has_word(word)) {
        return;
    }
    for file in context.files.iter().filter(|file| file.sound()) {
        if file.before().len() > MOST {
            continue;
        }
        // The finding about the named definition says it already.
        let still = |finding: &Finding| finding.path == *file.path && finding.message.ends_with(asked::STILL);
        if findings.iter().any(still) {
            continue;
        }
        let changed = beside(context, file);
        if changed.is_empty() {
            continue;
        }
        let (verb, them) = if changed.len() == 1 { ("is", "it") } else { ("are", "them") };
        let message = format!("{} {verb} changed, and the instruction does not name {them}", list(&changed));
        findings.push(Finding::review(file.path, message));
    }
}

/// A text with its tokens that run.
struct Source<'t> {
    text: &'t str,
    tokens: Tokens,
}

impl<'t> Source<'t> {
    fn of(file: &File<'_>, text: &'t str) -> Option<Self> {
        Some(Self { text, tokens: tokens(file.language?, text, Kept::Code)? })
    }

    /// The tokens of a definition, without comments and docstrings.
    fn said(&self, symbol: &RawSymbol) -> Vec<&'t str> {
        let all = &self.tokens.code;
        let from = all.partition_point(|token| token.range.start < symbol.range.start);
        let inside = all[from..].iter().take_while(|token| token.range.start < symbol.range.end);
        let word = |token: &deepcoder_syntax::Token| match token.kind {
            TokenKind::BlockEnd => Some("\u{0}"),
            TokenKind::StatementEnd | TokenKind::Comment => None,
            // Which quotation marks a string has is layout.
            TokenKind::Quote => Some("\""),
            TokenKind::Code => self.text.get(token.range.as_range()),
        };
        inside.filter_map(word).collect()
    }
}

/// The definitions that differ, where the instruction names another one of the file.
fn beside<'f>(context: &Context<'_>, file: &'f File<'_>) -> Vec<&'f str> {
    let (Some(old), Some(new)) = (file.old, file.new) else { return Vec::new() };
    let named: Vec<&RawSymbol> =
        file.before().iter().filter(|symbol| is_named(context, file.before(), symbol)).collect();
    if named.is_empty() || old == new {
        return Vec::new();
    }
    let (Some(before), Some(after)) = (Source::of(file, old), Source::of(file, new)) else { return Vec::new() };
    let mut left: HashMap<&str, Vec<Vec<&str>>> = HashMap::new();
    for symbol in file.after() {
        left.entry(&symbol.qualified).or_default().push(after.said(symbol));
    }
    // An instruction may name a definition only as a reference: `add a test for total()`.
    let stays = |s: &&RawSymbol| left.get(s.qualified.as_str()).is_some_and(|now| now.contains(&before.said(s)));
    // The users of a type change along with it.
    let types = |s: &&RawSymbol| !matches!(s.kind, "function" | "method" | "macro" | "constant");
    if (named.iter().all(stays) || named.iter().all(types)) && !named.iter().any(|s| context.prompt.is_subject(&s.name))
    {
        return Vec::new();
    }
    // A private helper of the named one is a part of it.
    let used: HashSet<&str> = named.iter().flat_map(|s| before.said(s)).filter(|word| word.starts_with('_')).collect();
    let allowed = Allowed::of(file, &named, (old, new));
    let mut changed: BTreeSet<(u32, &str)> = BTreeSet::new();
    for symbol in file.before().iter().filter(|symbol| is_unit(file.before(), symbol)) {
        // Definitions that are gone are told by another check.
        let Some(now) = left.get(symbol.qualified.as_str()) else { continue };
        let was = before.said(symbol);
        if now.contains(&was) || used.contains(symbol.name.as_str()) || allowed.names(context, symbol) {
            continue;
        }
        if !now.iter().any(|now| allowed.follows(&was, now)) {
            changed.insert((symbol.range.start, symbol.qualified.as_str()));
        }
    }
    changed.into_iter().map(|(_, name)| name).collect()
}

/// Whether the instruction is about this definition. `Cart.total` names the method, not all of the class.
fn is_named(context: &Context<'_>, all: &[RawSymbol], symbol: &RawSymbol) -> bool {
    let members = || all.iter().filter_map(|s| s.qualified.strip_prefix(&format!("{}.", symbol.qualified)));
    context.prompt.names_plainly(&symbol.name)
        && !members().any(|member| {
            let whole = format!("{}.{member}", symbol.name);
            context.prompt.has_word(&whole)
        })
}

/// Whether it counts by itself: a function or method with all that is in it, and a type or constant without any.
fn is_unit(all: &[RawSymbol], symbol: &RawSymbol) -> bool {
    let inside = |inner: &RawSymbol, outer: &RawSymbol| {
        inner.range != outer.range && outer.range.start <= inner.range.start && inner.range.end <= outer.range.end
    };
    let is_code = |s: &RawSymbol| matches!(s.kind, "function" | "method");
    // Tests change along with what they test; another check counts what they assert.
    let is_test =
        |name: &str| matches!(name, "tests" | "test") || name.starts_with("test_") || name.starts_with("Test");
    if symbol.qualified.split('.').any(is_test) || all.iter().any(|outer| is_code(outer) && inside(symbol, outer)) {
        return false;
    }
    match symbol.kind {
        "function" | "method" | "macro" => true,
        "constant" => !symbol.name.chars().any(char::is_lowercase),
        "struct" | "enum" | "union" | "class" | "interface" | "type" => {
            !all.iter().any(|inner| is_code(inner) && inside(inner, symbol))
        }
        _ => false,
    }
}

/// Definitions that may change along with the named ones.
struct Allowed<'f> {
    named: &'f [&'f RawSymbol],
    /// Named functions that are called otherwise now.
    resigned: HashSet<&'f str>,
    /// Named definitions that are no longer there.
    gone: HashSet<&'f str>,
}

impl<'f> Allowed<'f> {
    fn of(file: &'f File<'_>, named: &'f [&'f RawSymbol], (old, new): (&str, &str)) -> Self {
        let signature = |text: &'_ str, symbol: &RawSymbol| -> String {
            let range = symbol.signature_start as usize..symbol.signature_end as usize;
            text.get(range).unwrap_or_default().split_whitespace().collect()
        };
        let mut allowed = Self { named, resigned: HashSet::new(), gone: HashSet::new() };
        for symbol in named {
            let mut now = file.after().iter().filter(|after| after.qualified == symbol.qualified).peekable();
            if now.peek().is_none() {
                allowed.gone.insert(&symbol.name);
            } else if !now.any(|after| signature(new, after) == signature(old, symbol)) {
                allowed.resigned.insert(&symbol.name);
            }
        }
        allowed
    }

    /// Whether the instruction names `symbol` in some way, or it belongs to what it names: a member of a class, what makes
    /// the object that has a method.
    fn names(&self, context: &Context<'_>, symbol: &RawSymbol) -> bool {
        let said = |name: &str| {
            context.prompt.names_plainly(name) || {
                let parts = parts(name);
                parts.len() > 1 && parts.iter().all(|part| context.prompt.speaks_of(part))
            }
        };
        if said(&symbol.name) || self.named.iter().any(|named| named.qualified == symbol.qualified) {
            return true;
        }
        self.named.iter().any(|named| {
            let member = symbol.qualified.starts_with(&format!("{}.", named.qualified));
            let Some((owner, _)) = named.qualified.rsplit_once('.') else { return member };
            let maker =
                matches!(symbol.name.as_str(), "__init__" | "constructor" | "new" | "New") || owner == symbol.name;
            let same = symbol.qualified == owner || symbol.qualified.starts_with(&format!("{owner}."));
            member || (maker && same)
        })
    }

    /// Whether a definition differs only since what it uses is called otherwise, or is no longer there.
    fn follows(&self, was: &[&str], now: &[&str]) -> bool {
        if was.iter().any(|word| self.gone.contains(word)) {
            return true;
        }
        !self.resigned.is_empty() && self.without_calls(was) == self.without_calls(now)
    }

    /// The tokens without the arguments of calls of what has another signature.
    fn without_calls<'w>(&self, said: &[&'w str]) -> Vec<&'w str> {
        let mut out = Vec::with_capacity(said.len());
        let mut at = 0;
        while at < said.len() {
            let word = said[at];
            at += 1;
            // A function that has become asynchronous, or may fail.
            if matches!(word, "await" | "async" | "?") {
                continue;
            }
            out.push(word);
            if self.resigned.contains(word) && said.get(at) == Some(&"(") {
                let mut depth = 0usize;
                while at < said.len() {
                    match said[at] {
                        "(" | "[" | "{" => depth += 1,
                        ")" | "]" | "}" => depth -= 1,
                        _ => {}
                    }
                    at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
        out
    }
}
