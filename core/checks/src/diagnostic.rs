//! Messages of tools as [`Diagnostic`]s: paths of the repository, byte ranges, plain text, and a fingerprint that survives
//! moved lines.

use crate::parse::{Place, Raw, Span, Unit};
use deepcoder_syntax::{Language, RawSymbol};
use deepcoder_types::{ContentHash, Diagnostic, RepoPath, TextEdit, TextRange};
use std::collections::HashMap;

/// The most characters of a message.
const MAX_MESSAGE: usize = 600;

/// Digits of a fingerprint.
const DIGITS: usize = 16;

/// The files that a tool has looked at.
pub(crate) struct Files<'a> {
    /// The directories that stand for the root of the repository in what the tool prints, with a slash at the end.
    pub(crate) roots: &'a [String],
    /// The text of a file as the tool saw it.
    pub(crate) text: &'a dyn Fn(&RepoPath) -> Option<String>,
}

/// `raw` messages of `tool` as diagnostics.
pub(crate) fn diagnostics(tool: &str, raw: Vec<Raw>, files: &Files<'_>) -> Vec<Diagnostic> {
    let mut known: HashMap<RepoPath, Option<Source>> = HashMap::new();
    let mut found: Vec<Diagnostic> = Vec::with_capacity(raw.len());
    for raw in raw {
        let path = raw.path.as_deref().and_then(|path| inside(path, files.roots));
        let source = path.as_ref().and_then(|path| {
            known.entry(path.clone()).or_insert_with(|| (files.text)(path).map(|text| Source::new(path, text))).as_ref()
        });
        found.push(diagnostic(tool, &raw, path.clone(), source, files.roots));
    }
    found
}

/// A text with its definitions.
struct Source {
    text: String,
    lines: Vec<usize>,
    symbols: Vec<RawSymbol>,
}

impl Source {
    fn new(path: &RepoPath, text: String) -> Self {
        let symbols = Language::of(path).map(|language| deepcoder_syntax::symbols(language, &text)).unwrap_or_default();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines, symbols }
    }

    /// The byte that `place` names.
    fn offset(&self, place: Place, unit: Unit) -> Option<usize> {
        if let Some(offset) = place.offset {
            return advance(&self.text, offset as usize, unit);
        }
        let start = *self.lines.get(place.line.checked_sub(1)? as usize)?;
        let line = self.text.get(start..)?.split_inclusive('\n').next().unwrap_or_default();
        let column = place.column.checked_sub(1)? as usize;
        Some(start + advance(line, column, unit)?)
    }

    fn range(&self, span: Span) -> Option<TextRange> {
        let start = self.offset(span.start, span.unit)?;
        let end = span.end.and_then(|end| self.offset(end, span.unit)).filter(|end| *end >= start).unwrap_or(start);
        Some(TextRange::new(u32::try_from(start).ok()?, u32::try_from(end).ok()?))
    }

    /// The first byte of what `line` says, after its indentation.
    fn line_start(&self, line: u32) -> Option<usize> {
        let start = *self.lines.get(line.checked_sub(1)? as usize)?;
        let rest = self.text.get(start..)?;
        Some(start + (rest.len() - rest.trim_start_matches([' ', '\t']).len()))
    }

    /// The qualified name of the definition around `offset`.
    fn enclosing(&self, offset: usize) -> &str {
        let covers = |s: &&RawSymbol| (s.range.start as usize) <= offset && offset < s.range.end as usize;
        let big = |s: &&RawSymbol| !matches!(s.kind, "field" | "variable");
        let inner = self.symbols.iter().filter(big).filter(covers).min_by_key(|s| s.range.end - s.range.start);
        inner.map_or("", |symbol| symbol.qualified.as_str())
    }
}

/// The byte that is `count` units into `text`.
fn advance(text: &str, count: usize, unit: Unit) -> Option<usize> {
    let mut passed = 0;
    for (at, c) in text.char_indices() {
        if passed >= count {
            return Some(at);
        }
        passed += match unit {
            Unit::Bytes => c.len_utf8(),
            Unit::Chars => 1,
            Unit::Utf16 => c.len_utf16(),
        };
    }
    (passed >= count).then_some(text.len())
}

fn diagnostic(tool: &str, raw: &Raw, path: Option<RepoPath>, source: Option<&Source>, roots: &[String]) -> Diagnostic {
    let range = source.and_then(|source| source.range(raw.span));
    let line = match (raw.span.start.line, source, range) {
        (0, Some(source), Some(range)) => {
            let before = source.lines.partition_point(|start| *start <= range.start as usize);
            u32::try_from(before).unwrap_or(0)
        }
        (line, ..) => line,
    };
    let at = range.map(|range| range.start as usize).or_else(|| source.and_then(|source| source.line_start(line)));
    let enclosing = source.zip(at).map(|(source, at)| source.enclosing(at)).unwrap_or_default();
    let message = plain(&roots.iter().fold(raw.message.clone(), |text, root| text.replace(root.as_str(), "")));
    let named = raw.identity.as_deref().map(plain);
    let rule = plain(&raw.rule);
    let fingerprint = match &named {
        Some(name) => fingerprint(&[tool, "test", name]),
        None => {
            let path = path.as_ref().map(RepoPath::as_str).unwrap_or_default();
            fingerprint(&[tool, &rule, path, enclosing, &without_numbers(&message)])
        }
    };
    let fixes = raw
        .fixes
        .iter()
        .filter_map(|(span, text)| Some(TextEdit { range: source?.range(*span)?, replacement: text.clone() }));
    Diagnostic {
        tool: tool.to_owned(),
        rule,
        severity: raw.severity,
        line: if path.is_some() { line } else { 0 },
        range,
        message,
        fingerprint,
        fixes: if path.is_some() { fixes.collect() } else { Vec::new() },
        path,
    }
}

/// Names a message by what does not change when lines move.
pub(crate) fn fingerprint(parts: &[&str]) -> String {
    let hash = ContentHash::of(parts.join("\0").as_bytes()).to_string();
    hash.get(..DIGITS).unwrap_or(&hash).to_owned()
}

/// The path in the repository that a tool means; `None` outside of it.
fn inside(path: &str, roots: &[String]) -> Option<RepoPath> {
    let path = path.strip_prefix("file://").unwrap_or(path).replace('\\', "/");
    let relative = match roots.iter().find_map(|root| path.strip_prefix(root.as_str())) {
        Some(inside) => inside,
        None if path.starts_with('/') => return None,
        None => path.as_str(),
    };
    let mut parts = Vec::new();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    RepoPath::new(parts.join("/")).ok()
}

/// `text` in one line, without what a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    let mut clean = String::new();
    let mut chars = text.chars().peekable();
    let mut blank = false;
    let mut length = 0;
    while let Some(c) = chars.next() {
        let c = match c {
            '\u{1b}' => {
                skip_escape(&mut chars);
                continue;
            }
            // The other form of the same, in one character.
            '\u{9b}' => {
                skip_csi(&mut chars);
                continue;
            }
            c if c.is_whitespace() => ' ',
            c if c.is_control() || is_hidden(c) => continue,
            c => c,
        };
        if c == ' ' {
            blank = !clean.is_empty();
            continue;
        }
        if length >= MAX_MESSAGE {
            clean.push('…');
            break;
        }
        if std::mem::take(&mut blank) {
            clean.push(' ');
        }
        clean.push(c);
        length += 1;
    }
    clean
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Passes the rest of an escape sequence.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.next() {
        Some('[') => skip_csi(chars),
        // Titles and links: to the bell, or to another escape with its backslash.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || c == '\n' {
                    break;
                }
                if c == '\u{1b}' {
                    chars.next_if_eq(&'\\');
                    break;
                }
            }
        }
        _ => {}
    }
}

fn skip_csi(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, '\u{20}'..='\u{3f}')).is_some() {}
    chars.next_if(|c| matches!(c, '\u{40}'..='\u{7e}'));
}

/// Characters that reorder or hide others.
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// `message` with each number replaced.
fn without_numbers(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut digits = false;
    for c in message.chars() {
        if c.is_ascii_digit() {
            if !digits {
                text.push('#');
            }
            digits = true;
        } else {
            digits = false;
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepcoder_types::Severity;

    fn raw(path: &str, line: u32, column: u32, message: &str) -> Raw {
        Raw {
            rule: "R1".to_owned(),
            severity: Severity::Error,
            path: Some(path.to_owned()),
            span: Span { start: Place { line, column, offset: None }, end: None, unit: Unit::Chars },
            message: message.to_owned(),
            fixes: Vec::new(),
            identity: None,
        }
    }

    fn one(raw: Raw, text: &str) -> Diagnostic {
        let files = Files { roots: &["/copy/tree/".to_owned(), "/repo/".to_owned()], text: &|_| Some(text.to_owned()) };
        diagnostics("tool", vec![raw], &files).pop().expect("one")
    }

    /// Protects the comparison of before and after: a message that moved, with other numbers in it, is the same one; another
    /// definition or file makes another one.
    #[test]
    fn a_fingerprint_survives_moved_lines() {
        let before = one(raw("a.py", 2, 5, "line 2: too long (88 > 79)"), "def f():\n    é = 1\n");
        let after = one(raw("/copy/tree/a.py", 4, 5, "line 4: too long (91 > 79)"), "\n\ndef f():\n    é = 1\n");
        assert_eq!(before.fingerprint, after.fingerprint);
        assert_eq!((before.line, before.range), (2, Some(TextRange::new(13, 13))));
        let elsewhere = one(raw("a.py", 2, 5, "line 2: too long (88 > 79)"), "def g():\n    é = 1\n");
        let other_file = one(raw("b.py", 2, 5, "line 2: too long (88 > 79)"), "def f():\n    é = 1\n");
        assert!(elsewhere.fingerprint != before.fingerprint && other_file.fingerprint != before.fingerprint);
    }

    /// Protects everything that shows a message, and the rest of the machine from being named: no escape sequence, no control
    /// and no direction of text survives, and a path outside of the repository is none.
    #[test]
    fn messages_are_plain_and_paths_are_inside() {
        let evil = "a\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}b\r\n\u{9b}2Jc\u{202e}d\u{0}/copy/tree/x.py";
        let message = one(raw("../secret", 1, 1, evil), "").message;
        assert_eq!(message, "ared b cdx.py");
        for (path, wanted) in [
            ("/repo/src/../a.py", Some("a.py")),
            ("./a.py", Some("a.py")),
            ("/etc/passwd", None),
            ("../a.py", None),
            ("/copy/tree/.git/config", None),
            ("", None),
        ] {
            let found = one(raw(path, 1, 1, "m"), "").path;
            assert_eq!(found.as_ref().map(RepoPath::as_str), wanted, "{path}");
        }
        assert!(one(raw("a", 9, 9, &"x".repeat(5000)), "").message.chars().count() <= MAX_MESSAGE + 1);
    }
}
