//! A Python text as import lines need it: which bytes are code, where a logical line ends, what is imported.

use deepcoder_syntax::{Language, comments, strings};
use std::ops::Range;

/// A Python text by its logical lines.
pub(crate) struct Source<'a> {
    /// All of it.
    pub text: &'a str,
    /// The same length, with blanks for comments and for what stands in strings.
    pub code: String,
    /// The same length, with blanks for comments and for docstrings only: names in quotes may be annotations.
    pub quoted: String,
    /// Each with its line ending; blank lines and comments are lines of their own.
    pub lines: Vec<Range<usize>>,
}

/// One name that an import binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// `m` of `from m import x`; `None` for `import x`.
    pub module: Option<String>,
    /// The imported name.
    pub name: String,
    /// The name after `as`.
    pub alias: Option<String>,
}

impl Item {
    /// The name that code uses.
    pub(crate) fn bound(&self) -> &str {
        match (&self.alias, &self.module) {
            (Some(alias), _) => alias,
            (None, Some(_)) => &self.name,
            (None, None) => self.name.split('.').next().unwrap_or_default(),
        }
    }

    /// As it stands in a list of names.
    pub(crate) fn written(&self) -> String {
        match &self.alias {
            Some(alias) => format!("{} as {alias}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The kind of text that a byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Text,
    Doc,
}

impl<'a> Source<'a> {
    /// Read a text. A text that is no Python gives some lines as well.
    pub(crate) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut kinds = vec![Kind::Code; bytes.len()];
        let mut mark = |range: Range<usize>, kind| {
            if let Some(part) = kinds.get_mut(range) {
                part.fill(kind);
            }
        };
        for comment in comments(Language::Python, text) {
            mark(comment.as_range(), Kind::Comment);
        }
        for string in strings(Language::Python, text) {
            let prefix = text[string.outer.start as usize..string.inner.start as usize].to_ascii_lowercase();
            let doc = prefix.trim_start_matches(char::is_alphabetic).len() == 3 && !prefix.contains('f');
            mark(string.inner.as_range(), if doc { Kind::Doc } else { Kind::Text });
        }
        let (mut lines, mut start, mut depth, mut at) = (Vec::new(), 0, 0_usize, 0);
        while let Some(byte) = bytes.get(at) {
            at += 1;
            match byte {
                _ if kinds[at - 1] != Kind::Code => {}
                b'\\' => at = (at + if bytes[at..].starts_with(b"\r\n") { 2 } else { 1 }).min(bytes.len()),
                b'\n' if depth == 0 => {
                    lines.push(start..at);
                    start = at;
                }
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if start < text.len() {
            lines.push(start..text.len());
        }
        let with = |kept: &[Kind]| -> String {
            let keep = |at: usize| bytes[at] == b'\n' || kept.contains(&kinds[at]);
            text.char_indices()
                .flat_map(|(at, c)| {
                    let (shown, count) = if keep(at) { (c, 1) } else { (' ', c.len_utf8()) };
                    std::iter::repeat_n(shown, count)
                })
                .collect()
        };
        Self { text, code: with(&[Kind::Code]), quoted: with(&[Kind::Code, Kind::Text]), lines }
    }

    /// The code of a line, without blanks around it.
    pub(crate) fn code_of(&self, line: usize) -> &str {
        self.lines.get(line).map_or("", |range| self.code[range.clone()].trim())
    }

    /// Whether nothing stands in the line.
    pub(crate) fn is_blank(&self, line: usize) -> bool {
        self.lines.get(line).is_some_and(|range| self.text[range.clone()].trim().is_empty())
    }

    /// Blanks before the code of a line.
    pub(crate) fn indent(&self, line: usize) -> usize {
        let text = self.lines.get(line).map_or("", |range| &self.text[range.clone()]);
        text.len() - text.trim_start_matches([' ', '\t']).len()
    }

    /// Whether the line is a string and nothing else.
    pub(crate) fn is_string(&self, line: usize) -> bool {
        let code = self.code_of(line).trim_start_matches(['r', 'R', 'u', 'U']);
        code.starts_with(['"', '\'']) && code.chars().all(|c| matches!(c, '"' | '\'') || c.is_whitespace())
    }

    /// Whether the line imports something, perhaps beside other things.
    pub(crate) fn imports(&self, line: usize) -> bool {
        let code = self.code_of(line);
        self.import(line).is_some()
            || (code.contains(';') && (code.starts_with("import ") || code.starts_with("from ")))
    }

    /// The names that the line imports, if it is one import.
    pub(crate) fn import(&self, line: usize) -> Option<Vec<Item>> {
        parse(self.code_of(line))
    }
}

fn parse(code: &str) -> Option<Vec<Item>> {
    let code = code.replace(['\\', '(', ')'], " ");
    let mut words = code.split_whitespace();
    let module = match words.next()? {
        "import" => None,
        "from" => {
            let module = words.by_ref().take_while(|word| *word != "import").collect::<String>();
            Some(module).filter(|module| !module.is_empty())
        }
        _ => return None,
    };
    let rest = words.collect::<Vec<_>>().join(" ");
    let is_name =
        |name: &str| name == "*" || (!name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.".contains(c)));
    let items: Option<Vec<Item>> = rest
        .trim_end_matches([',', ' '])
        .split(',')
        .map(|item| {
            let (name, alias) = match item.trim().split_once(" as ") {
                Some((name, alias)) => (name.trim(), Some(alias.trim().to_owned())),
                None => (item.trim(), None),
            };
            let good = is_name(name) && alias.as_deref().is_none_or(is_name);
            good.then(|| Item { module: module.clone(), name: name.to_owned(), alias })
        })
        .collect();
    items.filter(|_| code.starts_with("import ") || module.is_some())
}

/// The names in a text, each with whether it is no attribute of something, and what follows it.
pub(crate) fn names(code: &str) -> impl Iterator<Item = (&str, bool, &str)> {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(of_name)?;
        let end = code[start..].find(|c| !of_name(c)).map_or(code.len(), |length| start + length);
        at = end;
        Some((&code[start..end], !code[..start].trim_end_matches([' ', '\t']).ends_with('.'), &code[end..]))
    })
}
