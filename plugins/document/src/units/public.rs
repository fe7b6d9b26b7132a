//! Which definitions of a file are offered to others, as far as its own text says so.

use deepcoder_syntax::{Language, RawSymbol};
use std::collections::BTreeSet;

/// The definitions of one file.
pub(super) struct View<'a> {
    language: Language,
    text: &'a str,
    all: &'a [RawSymbol],
    is_header: bool,
    /// Names that statements of their own export.
    exported: BTreeSet<String>,
}

impl<'a> View<'a> {
    pub(super) fn new(language: Language, text: &'a str, all: &'a [RawSymbol], is_header: bool) -> Self {
        let exported = if language.is_script() { exported(text) } else { BTreeSet::new() };
        Self { language, text, all, is_header, exported }
    }

    fn head(&self, symbol: &RawSymbol) -> &'a str {
        self.text.get(symbol.signature_start as usize..symbol.signature_end as usize).unwrap_or_default()
    }

    /// The definitions around that of index `at`, from the inside.
    fn around(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let own = &self.all[at];
        let holds = move |other: &usize| {
            let outer = &self.all[*other];
            outer.signature_start < own.signature_start && own.range.end <= outer.range.end
        };
        (0..at).rev().filter(holds)
    }

    pub(super) fn is_public(&self, at: usize) -> bool {
        let symbol = &self.all[at];
        let head = self.head(symbol);
        let words = || head.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let has = |word: &str| words().any(|other| other == word);
        let outer = self.around(at).next();
        let outer_kind = outer.map_or("", |outer| self.all[outer].kind);
        let own = match self.language {
            Language::Python => !symbol.name.starts_with('_'),
            Language::Rust if symbol.kind == "impl" => return true,
            Language::Rust if outer_kind == "trait" => true,
            Language::Rust => head.starts_with("pub ") && self.owner_is_public(outer),
            Language::Go => {
                let mut names = symbol.qualified.split('.');
                outer_kind != "interface" && names.all(|name| name.starts_with(char::is_uppercase))
            }
            Language::Java if outer_kind == "interface" => !has("private"),
            Language::Java => has("public") || has("protected"),
            language if language.is_c() => self.in_c(symbol, head),
            _ => match outer_kind {
                "class" => {
                    !symbol.name.starts_with(['#', '_'])
                        && symbol.name != "constructor"
                        && !(has("private") || has("protected"))
                }
                // Members of an interface are as many fields, which need no word each.
                "interface" => false,
                _ => has("export") || self.exported.contains(&symbol.name),
            },
        };
        own && outer.is_none_or(|outer| self.is_public(outer))
    }

    /// Whether the type that an `impl` of Rust is for is public, where the file defines it.
    fn owner_is_public(&self, outer: Option<usize>) -> bool {
        let Some(outer) = outer.map(|outer| &self.all[outer]).filter(|outer| outer.kind == "impl") else { return true };
        let name = outer.name.split('<').next().unwrap_or_default();
        let kinds = |symbol: &&RawSymbol| matches!(symbol.kind, "struct" | "enum" | "union" | "type");
        let mut types = self.all.iter().filter(kinds).filter(|symbol| symbol.name == name);
        types.next().is_none_or(|symbol| self.head(symbol).starts_with("pub "))
    }

    fn in_c(&self, symbol: &RawSymbol, head: &str) -> bool {
        let is_static = head.split_whitespace().any(|word| word == "static");
        // Members are documented in their class, which is in a header.
        let member = symbol.qualified.contains('.') && !self.is_header && head.contains("::");
        let special = symbol.name.starts_with('~')
            || symbol.name.starts_with("operator")
            || symbol.name == "main"
            || head.contains("= default")
            || head.contains("= delete");
        // A static function of a header is part of what it offers.
        !(member || special || (is_static && !self.is_header && !symbol.qualified.contains('.')))
    }

    /// Whether the documentation of what it overrides or implements is its own.
    pub(super) fn inherits(&self, at: usize) -> bool {
        let symbol = &self.all[at];
        let lead = self.text.get(symbol.range.start as usize..symbol.signature_end as usize).unwrap_or_default();
        let whole = self.text.get(symbol.range.as_range()).unwrap_or_default();
        match self.language {
            Language::Python => {
                ["@overload", "@typing.overload", "@override", "@typing.override", ".setter", ".deleter"]
                    .iter()
                    .any(|mark| lead.lines().any(|line| line.trim_start().starts_with('@') && line.contains(mark)))
            }
            Language::Java => lead.contains("@Override"),
            Language::Rust => {
                let outer = self.around(at).next().map(|outer| &self.all[outer]);
                outer.is_some_and(|outer| outer.kind == "impl" && self.head(outer).contains(" for "))
            }
            language if language.is_c() => whole.lines().next().is_some_and(|line| line.contains(" override")),
            language if language.is_script() => lead.split_whitespace().any(|word| word == "override"),
            _ => false,
        }
    }
}

/// The names in `export { … }`, `export default NAME`, `module.exports = …` and `exports.NAME =`.
fn exported(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$')).collect()
    };
    for mark in ["export {", "export{", "module.exports = {", "module.exports={"] {
        for (at, _) in text.match_indices(mark) {
            let inside = text[at + mark.len()..].split('}').next().unwrap_or_default();
            for entry in inside.split(',') {
                names.insert(word(entry));
                names.insert(entry.split_once(':').map(|(_, value)| word(value)).unwrap_or_default());
            }
        }
    }
    for mark in ["export default ", "module.exports = ", "exports."] {
        names.extend(text.match_indices(mark).map(|(at, _)| word(&text[at + mark.len()..])));
    }
    names.remove("");
    names
}
