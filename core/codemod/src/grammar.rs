//! Our languages as ast-grep sees them.

use ast_grep_core::Language as SgLanguage;
use ast_grep_core::matcher::{Pattern, PatternBuilder, PatternError};
use ast_grep_core::tree_sitter::{LanguageExt, StrDoc, TSLanguage};
use deepcoder_syntax::Language;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// A language with its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grammar(pub(crate) Language);

impl Grammar {
    /// The language that people and rules of ast-grep call `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Language::from_name(name).map(Self)
    }
}

impl<'de> Deserialize<'de> for Grammar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Self::named(&name).ok_or_else(|| D::Error::custom(format!("the language `{name}` is not known")))
    }
}

/// Marks meta-variables where the grammar knows no `$` in names. The same characters as ast-grep's own.
fn mark(language: Language) -> char {
    match language {
        Language::C | Language::Cpp => '𐀀',
        Language::Css | Language::Toml => '_',
        Language::Html => 'z',
        Language::CSharp
        | Language::Go
        | Language::Kotlin
        | Language::Php
        | Language::Python
        | Language::Ruby
        | Language::Rust => 'µ',
        _ => '$',
    }
}

impl SgLanguage for Grammar {
    fn expando_char(&self) -> char {
        mark(self.0)
    }

    fn pre_process_pattern<'q>(&self, query: &'q str) -> Cow<'q, str> {
        let mark = mark(self.0);
        if mark == '$' {
            return Cow::Borrowed(query);
        }
        let mut out = String::with_capacity(query.len());
        let mut dollars = 0;
        for c in query.chars() {
            if c == '$' {
                dollars += 1;
                continue;
            }
            let variable = c.is_ascii_uppercase() || c == '_' || dollars == 3;
            out.extend(std::iter::repeat_n(if variable { mark } else { '$' }, dollars));
            dollars = 0;
            out.push(c);
        }
        out.extend(std::iter::repeat_n(if dollars == 3 { mark } else { '$' }, dollars));
        Cow::Owned(out)
    }

    fn kind_to_id(&self, kind: &str) -> u16 {
        self.get_ts_language().id_for_node_kind(kind, true)
    }

    fn field_to_id(&self, field: &str) -> Option<u16> {
        self.get_ts_language().field_id_for_name(field).map(|id| id.get())
    }

    fn build_pattern(&self, builder: &PatternBuilder<'_>) -> Result<Pattern, PatternError> {
        builder.build(|text| document(text, *self).ok_or_else(|| "it is too long or too contorted".to_owned()))
    }
}

impl LanguageExt for Grammar {
    fn get_ts_language(&self) -> TSLanguage {
        self.0.grammar()
    }
}

/// The tree of a text, by our own parser, which has a bound; `None` beyond it.
pub(crate) fn document(text: &str, grammar: Grammar) -> Option<StrDoc<Grammar>> {
    let tree = deepcoder_syntax::tree(grammar.0, text)?;
    Some(StrDoc { src: text.to_owned(), lang: grammar, tree })
}
