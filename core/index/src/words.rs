//! The words of a text: parts of names, without their endings, and names that are more than one word.

use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Longer names are no names: encoded data, hashes.
const MAX_NAME: usize = 64;

/// A file has at most this many different words that count: more are data.
const MAX_WORDS: usize = 4_000;

/// Words before the name of a definition in some language.
const DEFINING: &[&str] = &[
    "def",
    "fn",
    "func",
    "function",
    "fun",
    "class",
    "struct",
    "enum",
    "trait",
    "interface",
    "type",
    "module",
    "mod",
    "const",
    "let",
    "var",
    "val",
    "macro_rules",
    "record",
    "object",
    "namespace",
    "union",
    "impl",
    "sub",
];

/// A word or a name, as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term(pub(crate) u64);

impl Term {
    /// A part of names and of sentences, in whatever form: `discounts` and `Discount` are one word.
    #[must_use]
    pub fn word(word: &str) -> Self {
        Self(xxh3_64_with_seed(stem(&word.to_lowercase()).as_bytes(), 0))
    }

    /// A name as it is written, where a program has it whole.
    #[must_use]
    pub fn name(name: &str) -> Self {
        Self(xxh3_64_with_seed(name.as_bytes(), 1))
    }

    /// A word of [`DEFINING`], which is a name in some languages and counts for nothing else.
    fn defining(name: &str) -> Self {
        Self(xxh3_64_with_seed(name.as_bytes(), 2))
    }
}

/// The terms that a text with this word has, as far as the index knows them.
pub(crate) fn terms_of(word: &str) -> Vec<Term> {
    let is_known = |name: &&str| name.len() <= MAX_NAME && parts_of(name).next().is_some();
    let term = |name: &str| if DEFINING.contains(&name) { Term::defining(name) } else { Term::name(name) };
    names(word).filter(is_known).map(term).collect()
}

/// Whether `text` holds `word` with no letter, digit or `_` beside it.
pub(crate) fn holds(text: &str, word: &str) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !before.is_some_and(of_name) && !after.is_some_and(of_name)
        })
}

/// How often a file has a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hit {
    /// In its text, definitions included.
    pub text: u8,
    /// In the names that it defines.
    pub defined: u8,
    /// In its path.
    pub path: u8,
}

/// The terms of a file, and its length in words.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) hits: HashMap<u64, Hit>,
    pub(crate) length: u32,
    /// Some words are not counted.
    pub(crate) cut: bool,
}

impl Counts {
    /// Counts a path and a text; only the terms that `wanted` says.
    pub(crate) fn of(path: &str, text: &str, wanted: &dyn Fn(u64) -> bool) -> Self {
        let mut counts = Self::default();
        for name in names(path) {
            counts.add(name, wanted, |hit| hit.path = hit.path.saturating_add(1));
        }
        // Whether the next name is one that is defined, and whether a receiver comes first, as in Go.
        let (mut defines, mut receiver) = (false, false);
        let mut last_end = 0;
        for name in names(text) {
            let at = name.as_ptr() as usize - text.as_ptr() as usize;
            let between = text.get(last_end..at).unwrap_or_default();
            last_end = at + name.len();
            if between.contains(['\n', '{']) {
                defines = false;
            }
            receiver = defines && (receiver || between.contains('(')) && !between.contains(')');
            let defined =
                defines && !receiver && !matches!(name, "mut" | "async" | "self" | "static" | "pub" | "const");
            if DEFINING.contains(&name) {
                defines = true;
                counts.one(Term::defining(name), wanted, &|hit| hit.text = hit.text.saturating_add(1));
                continue;
            }
            counts.length = counts.length.saturating_add(1);
            counts.add(name, wanted, |hit| {
                hit.text = hit.text.saturating_add(1);
                hit.defined = hit.defined.saturating_add(u8::from(defined));
            });
            if defined {
                defines = false;
            }
        }
        counts
    }

    fn add(&mut self, name: &str, wanted: &dyn Fn(u64) -> bool, count: impl Fn(&mut Hit)) {
        if name.len() > MAX_NAME {
            return;
        }
        let mut parts = 0;
        for part in parts_of(name) {
            parts += 1;
            if part.chars().count() > 1 {
                self.one(Term::word(part), wanted, &count);
            }
        }
        if parts > 0 {
            self.one(Term::name(name), wanted, &count);
        }
    }

    fn one(&mut self, term: Term, wanted: &dyn Fn(u64) -> bool, count: &dyn Fn(&mut Hit)) {
        if !wanted(term.0) {
            return;
        }
        if self.hits.len() < MAX_WORDS || self.hits.contains_key(&term.0) {
            count(self.hits.entry(term.0).or_default());
        } else {
            self.cut = true;
        }
    }
}

/// The names and words of a text.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(move |c: char| !is_part(c)).filter(|name| name.chars().any(char::is_alphabetic))
}

/// The words of a name: `applyDiscount_HTTPServer` is `apply`, `Discount` and `HTTPServer`.
pub fn parts_of(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('_');
        if rest.is_empty() {
            return None;
        }
        let mut lower = false;
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            if c == '_' || (c.is_uppercase() && lower) {
                end = at;
                break;
            }
            lower = c.is_lowercase() || c.is_numeric();
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

/// A word in lower case without its ending: a weak form of Porter's, so that few words become one that are not.
#[must_use]
pub fn stem(word: &str) -> &str {
    if !word.is_ascii() || word.len() <= 3 {
        return word;
    }
    let mut word = word;
    if let Some(short) = word.strip_suffix("ies") {
        return if short.len() > 2 { short } else { word };
    }
    if let Some(short) = word.strip_suffix("sses") {
        return &word[..short.len() + 2];
    }
    if let Some(short) = word.strip_suffix('s')
        && !short.ends_with(['s', 'u', 'i'])
    {
        word = short;
    }
    for ending in ["ization", "ation", "ating", "ator", "ated", "ate", "ing", "ion", "er", "or", "ed", "y", "e"] {
        if let Some(short) = word.strip_suffix(ending)
            && short.len() >= if ending.len() > 2 && ending != "ing" { 4 } else { 3 }
        {
            word = short;
            break;
        }
    }
    if let Some(short) = word.strip_suffix("al").filter(|short| short.len() >= 5) {
        word = short;
    }
    // `formatt` of `formatting`.
    let bytes = word.as_bytes();
    match bytes {
        [.., a, b] if a == b && !matches!(b, b'l' | b's' | b'e' | b'o') => &word[..word.len() - 1],
        _ => word,
    }
}
