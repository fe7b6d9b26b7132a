//! What brackets, strings and comments look like: all that a template needs to know of a language.

use deepcoder_syntax::Language;

/// The brackets of every language.
const BRACKETS: &[(&str, &str)] = &[("(", ")"), ("{", "}"), ("[", "]")];

/// The signs of a language.
#[derive(Debug, Clone)]
pub(crate) struct Lexicon {
    /// Brackets, which a hole takes whole.
    pub(crate) brackets: Vec<(&'static str, &'static str)>,
    /// Quotes of strings in which a backslash escapes.
    pub(crate) quotes: &'static [&'static str],
    /// Quotes of strings in which it does not.
    pub(crate) raw: &'static [(&'static str, &'static str)],
    /// Comments to the end of the line.
    pub(crate) line: &'static [&'static str],
    /// Comments with an end of their own.
    pub(crate) block: &'static [(&'static str, &'static str)],
}

impl Lexicon {
    /// The signs of `language`. Other texts have brackets and strings, and no comments.
    pub(crate) fn of(language: Option<Language>) -> Self {
        let mut brackets = BRACKETS.to_vec();
        let Some(language) = language else {
            return Self { brackets, quotes: &["\"", "'"], raw: &[], line: &[], block: &[] };
        };
        let (quotes, raw): (&'static [&'static str], &'static [_]) = match language {
            // The single quote begins lifetimes as well.
            Language::Rust => (&["\""], &[("r#\"", "\"#")]),
            Language::Python | Language::Toml => (&["\"", "'"], &[("'''", "'''"), ("\"\"\"", "\"\"\"")]),
            Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Go => (&["\"", "'"], &[("`", "`")]),
            _ => (&["\"", "'"], &[]),
        };
        if language == Language::Html {
            brackets.push(("<", ">"));
        }
        Self { brackets, quotes, raw, line: language.line_comments(), block: language.block_comments() }
    }

    /// Every sign that ends a run of plain text in a template.
    pub(crate) fn signs(&self) -> impl Iterator<Item = &'static str> {
        let pairs = self.brackets.iter().chain(self.raw).chain(self.block);
        let both: Vec<&'static str> = pairs.flat_map(|(open, close)| [*open, *close]).collect();
        both.into_iter().chain(self.quotes.iter().copied()).chain(self.line.iter().copied())
    }
}
