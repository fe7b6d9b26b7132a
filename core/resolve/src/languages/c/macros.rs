//! Macros and inclusions as texts: how a macro uses its parameters, and which names are made of parts.

use super::lexer::{Kind, Token, body, is_word};
use super::{CPP_KEYWORDS, KEYWORDS};

/// The longest name that is taken apart.
const LONGEST: usize = 128;

/// A macro's definition.
pub(crate) struct Definition<'t> {
    /// Whether it takes arguments.
    pub(crate) takes: bool,
    parameters: Vec<&'t str>,
    pub(crate) body: Vec<Token<'t>>,
}

/// What a macro does with an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Use<'t> {
    /// It stands where an expression or a type can.
    Plain,
    /// It is an argument of this, at this position.
    Argument(&'t str, usize),
    /// It is part of a name, a string, or a member's name.
    Other,
}

/// A name that is put together: its parts, `None` for those that an argument gives.
pub(crate) type Paste = Vec<Option<String>>;

/// What the directives of a file say about others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scan {
    /// The included files as they are written, with their quotes.
    pub(crate) includes: Vec<String>,
    /// A file is included whose name a macro gives.
    pub(crate) computed: bool,
    pub(crate) pastes: Vec<Paste>,
}

pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word) || CPP_KEYWORDS.contains(&word)
}

/// A `#define` with everything that belongs to it.
pub(crate) fn definition(text: &str) -> Option<Definition<'_>> {
    let all = body(text);
    let name = all.iter().position(|token| token.text == "define")? + 1;
    let end = all.get(name).map(|token| token.at + token.text.len())?;
    let mut rest = all.get(name + 1..)?;
    let takes = rest.first().is_some_and(|open| open.text == "(" && open.at == end);
    let mut parameters = Vec::new();
    if takes {
        let close = rest.iter().position(|token| token.text == ")")?;
        let list = rest.get(1..close)?;
        parameters = list.iter().filter(|token| token.kind == Kind::Word).map(|token| token.text).collect();
        if list.last().is_some_and(|last| last.text == ".") && list.iter().rev().nth(3).is_none_or(|t| t.text == ",") {
            parameters.push("__VA_ARGS__");
        }
        rest = rest.get(close + 1..)?;
    }
    Some(Definition { takes, parameters, body: rest.to_vec() })
}

impl<'t> Definition<'t> {
    /// What the macro does with the argument at a position.
    pub(crate) fn uses(&self, index: usize) -> Vec<Use<'t>> {
        let Some(name) = self.parameters.get(index).or(self.parameters.last()) else { return vec![Use::Plain] };
        let at = |index: usize| self.body.get(index);
        let mut found = vec![Use::Plain];
        // The calls around a token: what is called, and which argument it is in.
        let mut calls: Vec<(Option<&'t str>, usize)> = Vec::new();
        for (index, token) in self.body.iter().enumerate() {
            let before = index.checked_sub(1).and_then(at);
            match token.text {
                "(" => {
                    let callee = before.filter(|b| b.kind == Kind::Word && !is_keyword(b.text)).map(|b| b.text);
                    calls.push((callee, 0));
                }
                ")" => _ = calls.pop(),
                "," => calls.iter_mut().last().into_iter().for_each(|call| call.1 += 1),
                text if token.kind == Kind::Word && text == *name => {
                    let comma = index.checked_sub(2).and_then(at).is_some_and(|b| b.text == ",");
                    let odd = |b: &Token<'_>| match b.kind {
                        Kind::Paste => !comma,
                        Kind::Hash | Kind::Arrow => true,
                        _ => matches!(b.text, "." | "struct" | "union" | "enum" | "goto"),
                    };
                    if before.is_some_and(odd) || at(index + 1).is_some_and(|next| next.kind == Kind::Paste) {
                        found.push(Use::Other);
                    }
                    for (callee, position) in &calls {
                        match callee {
                            Some(callee) if self.parameters.contains(callee) => found.push(Use::Other),
                            Some(callee) => found.push(Use::Argument(callee, *position)),
                            None => {}
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }
}

/// What a file includes, and which names its macros put together.
pub(crate) fn scan(text: &str) -> Scan {
    let mut out = Scan::default();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        let Some(directive) = line.trim_start().strip_prefix('#').map(str::trim_start) else { continue };
        if let Some(rest) = directive.strip_prefix("include").or_else(|| directive.strip_prefix("import")) {
            let rest = rest.strip_prefix("_next").unwrap_or(rest).trim_start();
            let end = match rest.chars().next() {
                Some('"') => '"',
                Some('<') => '>',
                _ => {
                    out.computed = true;
                    continue;
                }
            };
            if let Some((name, _)) = rest.get(1..).and_then(|inner| inner.split_once(end)) {
                out.includes.push(format!("{}{name}", if end == '"' { '"' } else { '<' }));
            }
        } else if directive.starts_with("define") {
            let mut whole = line.to_owned();
            let mut last = line;
            while last.trim_end_matches('\r').ends_with('\\') {
                let Some(next) = lines.next() else { break };
                whole.push('\n');
                whole.push_str(next);
                last = next;
            }
            if whole.contains("##") {
                pastes(&whole, &mut out.pastes);
            }
        }
    }
    out
}

fn pastes(text: &str, out: &mut Vec<Paste>) {
    let Some(found) = definition(text) else { return };
    let part = |token: &Token<'_>| match token.kind {
        Kind::Word if found.parameters.contains(&token.text) => Some(None),
        Kind::Word | Kind::Number => Some(Some(token.text.to_owned())),
        _ => None,
    };
    let mut index = 0;
    while let Some(token) = found.body.get(index) {
        let mut parts: Vec<Option<String>> = part(token).into_iter().collect();
        while found.body.get(index + 1).is_some_and(|next| next.kind == Kind::Paste) {
            index += 2;
            parts.extend(found.body.get(index).and_then(part));
        }
        if parts.len() > 1 && !out.contains(&parts) {
            out.push(parts);
        }
        index += 1;
    }
}

/// Whether a name can be put together so, of parts that exist.
pub(crate) fn makes(paste: &[Option<String>], name: &str, exists: &mut dyn FnMut(&str) -> bool) -> bool {
    if name.len() > LONGEST {
        return false;
    }
    let Some((first, rest)) = paste.split_first() else { return name.is_empty() };
    match first {
        Some(text) => name.strip_prefix(text.as_str()).is_some_and(|after| makes(rest, after, exists)),
        None if rest.is_empty() => !name.is_empty() && exists(name),
        None => name.char_indices().skip(1).map(|(at, _)| at).any(|at| {
            let (part, after) = name.split_at(at);
            makes(rest, after, exists) && exists(part)
        }),
    }
}

/// Whether a text has this word, be it in a comment.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| is_word(*byte));
    let bytes = text.as_bytes();
    text.match_indices(word).any(|(at, _)| {
        !part(at.checked_sub(1).and_then(|before| bytes.get(before))) && !part(bytes.get(at + word.len()))
    })
}
