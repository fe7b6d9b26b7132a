//! How the comments that document a definition look: as the others of the file do, or else as the language has them.

use crate::{Language, documentation, symbols};

/// A form of comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocStyle {
    /// The line before all others.
    pub open: &'static str,
    /// What each line begins with.
    pub each: &'static str,
    /// What the last line ends with, or the line behind it.
    pub close: &'static str,
    /// Whether all is on one line.
    pub single: bool,
}

const LINES: [DocStyle; 3] = [lines("/// "), lines("// "), lines("# ")];
const JAVADOC: DocStyle = DocStyle { open: "/**\n", each: " * ", close: " */\n", single: false };
const PLAIN: DocStyle = DocStyle { open: "/*\n", each: " * ", close: " */\n", single: false };
const ONE_JAVADOC: DocStyle = DocStyle { open: "", each: "/** ", close: " */", single: true };
const ONE_PLAIN: DocStyle = DocStyle { open: "", each: "/* ", close: " */", single: true };
const SUMMARY: DocStyle = DocStyle { open: "/// <summary>\n", each: "/// ", close: "/// </summary>\n", single: false };

const fn lines(each: &'static str) -> DocStyle {
    DocStyle { open: "", each, close: "", single: false }
}

impl DocStyle {
    /// The form that most documented definitions of the file have.
    #[must_use]
    pub fn of(language: Language, text: &str) -> Self {
        let own = Self::usual(language);
        // These have one form that tools read.
        if matches!(language, Language::Rust | Language::Go) || own == LINES[2] {
            return own;
        }
        let mut counts: Vec<(Self, usize)> = Vec::new();
        for symbol in symbols(language, text) {
            let Some(style) = documentation(language, text, &symbol).and_then(seen) else { continue };
            match counts.iter_mut().find(|(other, _)| *other == style) {
                Some((_, count)) => *count += 1,
                None => counts.push((style, 1)),
            }
        }
        let most = counts.iter().map(|(_, count)| *count).max();
        counts.into_iter().find(|(_, count)| Some(*count) == most).map_or(own, |(style, _)| style)
    }

    fn usual(language: Language) -> Self {
        match language {
            Language::Rust => LINES[0],
            Language::Go => LINES[1],
            _ if language.comment_marks().next() == Some("#") => LINES[2],
            Language::CSharp => SUMMARY,
            _ => JAVADOC,
        }
    }
}

/// The form of a documentation.
fn seen(doc: &str) -> Option<DocStyle> {
    if doc.starts_with("/// <summary>") {
        return Some(SUMMARY);
    }
    if let Some(lines) = LINES.into_iter().find(|style| doc.starts_with(style.each.trim_end())) {
        return Some(lines);
    }
    let one = doc.find("*/").is_some_and(|end| !doc[..end].contains('\n'));
    match (doc.starts_with("/**"), doc.starts_with("/*"), one) {
        (true, _, true) => Some(ONE_JAVADOC),
        (true, _, false) => Some(JAVADOC),
        (_, true, true) => Some(ONE_PLAIN),
        (_, true, false) => Some(PLAIN),
        _ => None,
    }
}
