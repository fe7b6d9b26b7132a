//! The definitions of a file that documentation is about, each with its documentation and its signature.

mod public;

use crate::said::{Said, said};
use crate::signature::{Functions, Signature};
use deepcoder_syntax::{Docs, Language, RawSymbol, comments, docstring, symbols, tree};
use deepcoder_types::TextRange;
use std::ops::Range;

/// A documentation as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doc {
    /// Its text without quotes and comment marks.
    pub text: String,
    /// The line of the file that its text begins in, from 1.
    pub line: u32,
    /// What it says.
    pub said: Said,
}

/// A definition.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// As the grammar finds it.
    pub symbol: RawSymbol,
    /// The line of its signature, from 1.
    pub line: u32,
    /// Its documentation.
    pub doc: Option<Doc>,
    /// What it takes and gives; `None` where it is no function.
    pub signature: Option<Signature>,
    /// Its body, where it is a function that has one.
    pub body: Option<Range<usize>>,
    /// Whether it is offered to others.
    pub is_public: bool,
    /// Whether its documentation may stand elsewhere: it overrides or implements something.
    pub inherits: bool,
}

impl Unit {
    /// Whether it is a function or a method.
    pub(crate) fn is_function(&self) -> bool {
        matches!(self.symbol.kind, "function" | "method")
    }

    /// Whether it is a type.
    pub(crate) fn is_type(&self) -> bool {
        matches!(self.symbol.kind, "class" | "struct" | "enum" | "union" | "trait" | "interface" | "type")
    }
}

/// A file, read for its documentation.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub language: Language,
    /// In their order.
    pub units: Vec<Unit>,
    /// Functions that it declares without a body: headers of C.
    pub declared: Vec<String>,
}

/// The languages whose documentation is understood.
pub(crate) fn supports(language: Language) -> bool {
    matches!(language, Language::Python | Language::Rust | Language::Go | Language::Java)
        || language.is_script()
        || language.is_c()
}

/// The line of an offset, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> u32 {
    let lines = text.as_bytes().iter().take(offset).filter(|&&b| b == b'\n').count() + 1;
    u32::try_from(lines).unwrap_or(u32::MAX)
}

/// Reads a file; `None` where it cannot be parsed at all, or is in another language.
pub(crate) fn read(language: Language, text: &str, is_header: bool) -> Option<Source> {
    if !supports(language) {
        return None;
    }
    let parsed = tree(language, text)?;
    let functions = Functions::of(language, text, &parsed);
    let all = symbols(language, text);
    let comments = comments(language, text);
    let view = public::View::new(language, text, &all, is_header);
    let mut source = Source { language, units: Vec::new(), declared: Vec::new() };
    // Ends of the functions around: what is local to a function is no unit.
    let mut around: Vec<u32> = Vec::new();
    for (at, symbol) in all.iter().enumerate() {
        around.retain(|end| *end > symbol.signature_start);
        let local = !around.is_empty();
        let is_function = matches!(symbol.kind, "function" | "method");
        if is_function {
            around.push(symbol.range.end);
        }
        let is_type = matches!(symbol.kind, "class" | "struct" | "enum" | "union" | "trait" | "interface" | "type");
        let is_module =
            symbol.kind == "module" && language == Language::Rust && symbol.signature_end < symbol.range.end;
        if local || !(is_function || is_type || is_module) {
            continue;
        }
        let signature = if is_function { functions.signature(symbol) } else { None };
        let body = functions.body(symbol).filter(|_| is_function);
        if is_function && body.is_none() {
            source.declared.push(symbol.name.clone());
        }
        source.units.push(Unit {
            line: line_of(text, name_at(text, symbol)),
            doc: doc(language, text, symbol, &comments),
            is_public: view.is_public(at) && !(language.is_c() && functions.is_hidden(symbol)),
            inherits: view.inherits(at),
            symbol: symbol.clone(),
            signature,
            body,
        });
    }
    Some(source)
}

/// Where the name stands: decorators may stand before it.
fn name_at(text: &str, symbol: &RawSymbol) -> usize {
    let (start, end) = (symbol.signature_start as usize, symbol.signature_end as usize);
    let mut at = start;
    for line in text.get(start..end).unwrap_or_default().split_inclusive('\n') {
        let words = line.trim_start();
        if !words.starts_with('@') && line.contains(symbol.name.as_str()) {
            return at + (line.len() - words.len());
        }
        at += line.len();
    }
    start
}

/// The documentation of a definition.
fn doc(language: Language, text: &str, symbol: &RawSymbol, comments: &[TextRange]) -> Option<Doc> {
    if language.docs() == Docs::Docstring {
        let body = text.get(symbol.signature_end as usize..symbol.range.end as usize)?;
        // The comments between the signature and the body do not count.
        let found = docstring(body.trim_start().strip_prefix(':').unwrap_or(body))?;
        return Some(of_docstring(language, text, found));
    }
    let (start, end) = (symbol.range.start, symbol.signature_start);
    let lead = comments.iter().filter(|c| start <= c.start && c.end <= end);
    let shown: Vec<&TextRange> =
        lead.filter(|c| text.get(c.as_range()).is_some_and(|comment| is_doc(language, comment))).collect();
    let Some(last) = shown.last() else {
        let lead = text.get(start as usize..end as usize)?;
        let elsewhere = language == Language::Rust && lead.contains("#[doc");
        let none = Said { inherits: true, ..Said::default() };
        return elsewhere.then(|| Doc { text: String::new(), line: line_of(text, start as usize), said: none });
    };
    let block = text.get(last.as_range())?.starts_with("/*");
    let first = if block { last } else { shown.first()? };
    let whole = text.get(first.start as usize..last.end as usize)?;
    let plain = unmarked(whole);
    Some(Doc { said: said(language, &plain), text: plain, line: line_of(text, first.start as usize) })
}

/// A docstring, without the indentation that all lines but the first have.
fn of_docstring(language: Language, text: &str, found: &str) -> Doc {
    let at = (found.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let rest = found.lines().skip(1).filter(|line| !line.trim().is_empty());
    let indent = rest.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines = found.lines().enumerate().map(|(at, line)| match at {
        0 => line.trim_start(),
        _ => line.get(indent..).unwrap_or_default(),
    });
    let plain = lines.collect::<Vec<_>>().join("\n");
    Doc { said: said(language, &plain), text: plain, line: line_of(text, at) }
}

/// Whether tools show a comment as documentation.
fn is_doc(language: Language, comment: &str) -> bool {
    match language {
        Language::Rust => {
            (comment.starts_with("///") && !comment.starts_with("////"))
                || (comment.starts_with("/**") && !comment.starts_with("/***"))
        }
        Language::Go => !comment.starts_with("//go:") && !comment.starts_with("//nolint") && !is_build(comment),
        language if language.is_c() => true,
        _ => comment.starts_with("/**"),
    }
}

fn is_build(comment: &str) -> bool {
    comment.trim_start_matches('/').trim_start().starts_with("+build")
}

/// A comment without its marks, with as many lines.
fn unmarked(comment: &str) -> String {
    let line = |line: &str| {
        let mut words = line.trim();
        words = words.trim_end_matches("*/").trim_end();
        for mark in ["/**", "/*!", "/*", "///", "//!", "//", "*"] {
            if let Some(rest) = words.strip_prefix(mark) {
                return rest.trim_start_matches('<').trim().to_owned();
            }
        }
        words.to_owned()
    };
    comment.lines().map(line).collect::<Vec<_>>().join("\n")
}
