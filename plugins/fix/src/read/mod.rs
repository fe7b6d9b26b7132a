//! What compilers, linters, tests and crashed programs print, as [`Finding`]s with places in the tree.
//!
//! The text is hostile: it is cut to [`MAX_TEXT`], terminal sequences are taken out, and a path counts only where the tree
//! has the file.

mod json;
mod lines;
mod rustc;
pub(crate) mod source;
mod traces;

use crate::Finding;
use deepcoder_resolve::Files;
use deepcoder_types::{RepoPath, TextEdit, TextRange};
use source::Source;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most bytes of a text that are read.
pub const MAX_TEXT: usize = 2 << 20;

/// The most findings of one text.
const MAX_FINDINGS: usize = 2000;

/// A message with the path as the tool prints it.
pub(crate) struct Message {
    pub(crate) tool: &'static str,
    pub(crate) rule: String,
    pub(crate) error: bool,
    pub(crate) message: String,
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) range: TextRange,
    pub(crate) suggestion: Vec<TextEdit>,
    pub(crate) applicable: bool,
}

/// The files of the tree by what tools call them.
pub(crate) struct Places<'f> {
    files: &'f dyn Files,
    texts: BTreeMap<String, Option<(RepoPath, Arc<str>)>>,
}

impl<'f> Places<'f> {
    fn new(files: &'f dyn Files) -> Self {
        Self { files, texts: BTreeMap::new() }
    }

    fn known(&mut self, printed: &str) -> Option<&(RepoPath, Arc<str>)> {
        let files = self.files;
        self.texts.entry(printed.to_owned()).or_insert_with(|| {
            let path = inside(files, printed)?;
            let text = files.text(&path)?;
            Some((path, text))
        });
        self.texts.get(printed)?.as_ref()
    }

    /// The text of a file.
    pub(crate) fn source(&mut self, printed: &str) -> Option<Source<'_>> {
        self.known(printed).map(|(_, text)| Source::new(text))
    }
}

/// The file of the tree that a tool means: the path as it is, or the longest end of it that the tree has.
fn inside(files: &dyn Files, printed: &str) -> Option<RepoPath> {
    let printed = printed.strip_prefix("file://").unwrap_or(printed).replace('\\', "/");
    let mut rest = printed.trim_start_matches("./").trim_start_matches('/');
    loop {
        if let Some(path) = RepoPath::new(rest).ok().filter(|path| files.exists(path)) {
            return Some(path);
        }
        rest = rest.split_once('/')?.1;
    }
}

/// The findings in a text.
#[must_use]
pub fn read(text: &str, files: &dyn Files) -> Vec<Finding> {
    let text = plain(cut(text));
    let mut places = Places::new(files);
    let mut messages = rustc::read(&text, &mut places);
    if messages.is_empty() {
        messages = json::read(&text, &mut places);
    }
    messages.extend(lines::read(&text, &mut places));
    messages.extend(traces::read(&text, &mut places));
    let mut found: Vec<Finding> = Vec::new();
    for message in messages.into_iter().take(MAX_FINDINGS) {
        let Some((path, _)) = places.known(&message.path) else { continue };
        let finding = Finding {
            tool: message.tool,
            rule: message.rule,
            error: message.error,
            message: message.message,
            path: path.clone(),
            line: u32::try_from(message.line).unwrap_or(u32::MAX),
            range: message.range,
            suggestion: message.suggestion,
            applicable: message.applicable,
        };
        if !found.contains(&finding) {
            found.push(finding);
        }
    }
    found
}

/// The first bytes of a text, at a character's edge.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// A text without the sequences that a terminal would obey; lines stay.
fn plain(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => while chars.next().is_some_and(|c| !matches!(c, '\u{40}'..='\u{7e}' | '\n')) {},
                Some(']') => while chars.next().is_some_and(|c| !matches!(c, '\u{7}' | '\\' | '\n')) {},
                _ => {}
            },
            '\n' | '\t' => clean.push(c),
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
}
