//! Names for what is extracted.

use crate::grammar::source::{Source, range};
use deepcoder_resolve::{is_name, normal};
use deepcoder_syntax::{Language, Node};
use deepcoder_types::{Hint, TextRange};

/// Why a name cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("`{name}` cannot be a name in {language}")]
    NotAName { name: String, language: &'static str },
    #[error("`{name}` is taken in line {line}")]
    Taken { name: String, line: usize },
}

impl Hint for NameError {
    fn hint(&self) -> Option<String> {
        Some("choose another name".into())
    }
}

/// Whether a new name can be declared for the code of a range: it is a name, and nothing there has it.
pub(crate) fn check(source: &Source<'_>, name: &str, within: TextRange) -> Result<(), NameError> {
    if !is_name(source.language, name) {
        return Err(NameError::NotAName { name: name.to_owned(), language: source.language.name() });
    }
    match taken(source, name, within) {
        Some(at) => {
            let before = source.text_of(TextRange::new(0, at.start));
            Err(NameError::Taken { name: name.to_owned(), line: before.matches('\n').count() + 1 })
        }
        None => Ok(()),
    }
}

/// Where a range uses a name that is no member.
fn taken(source: &Source<'_>, name: &str, within: TextRange) -> Option<TextRange> {
    use deepcoder_resolve::{Role, Target};
    let name = normal(source.language, name);
    let own = |r: &&deepcoder_resolve::Reference| {
        r.name == name && !(matches!(r.target, Target::Member(_)) && r.role != Role::Imports) && r.role != Role::Keyword
    };
    source.references(within).iter().find(own).map(|r| r.at)
}

/// A name like this one that is free in a range.
pub(crate) fn free(source: &Source<'_>, wanted: &str, within: TextRange) -> String {
    let fits = |name: &str| check(source, name, within).is_ok();
    if fits(wanted) {
        return wanted.to_owned();
    }
    let numbered = (2..).map(|number| format!("{wanted}_{number}"));
    let camel = (2..).map(|number| format!("{wanted}{number}"));
    let mut both = numbered.zip(camel).map(|(snake, camel)| if snakes(source.language) { snake } else { camel });
    both.find(|name| fits(name)).unwrap_or_default()
}

/// Whether the language's names are written with underscores.
const fn snakes(language: Language) -> bool {
    matches!(language, Language::Python | Language::Rust | Language::C | Language::Cpp)
}

/// What a function is called that has no name yet, as the tools of the language do.
pub(crate) const fn function(language: Language, method: bool) -> &'static str {
    match language {
        Language::Java => "extracted",
        Language::Rust => "fun_name",
        Language::Go if method => "newMethod",
        Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Go => "newFunction",
        _ => "extracted",
    }
}

/// What an expression could be called: after the member or the function that it takes.
pub(crate) fn suggested(source: &Source<'_>, expression: Node<'_>) -> String {
    let mut node = expression;
    for field in ["function", "attribute", "property", "field", "name"] {
        if let Some(part) = node.child_by_field_name(field) {
            node = part;
        }
    }
    let word = source.text_of(range(node));
    let word = word.rsplit('.').next().unwrap_or_default();
    let word = word.strip_prefix("get_").or_else(|| word.strip_prefix("get")).unwrap_or(word);
    let mut lower = word.to_owned();
    if let Some(first) = lower.get(..1).map(str::to_ascii_lowercase) {
        lower.replace_range(..1, &first);
    }
    let part = node.id() != expression.id();
    if part && is_name(source.language, &lower) { lower } else { "extracted".to_owned() }
}
