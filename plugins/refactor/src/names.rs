//! Names for what is extracted.

use crate::grammar::source::{Source, range};
use crate::request::VariableKind;
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

/// Whether a variable can have a name for the code of a range. In languages where a later variable hides an earlier one, what
/// the expression itself names stays what it is.
pub(crate) fn check_variable(
    source: &Source<'_>,
    name: &str,
    within: TextRange,
    expression: TextRange,
) -> Result<(), NameError> {
    if source.language == Language::Rust && is_name(source.language, name) {
        let from = TextRange::new(expression.end.min(within.end), within.end);
        return check(source, name, from);
    }
    check(source, name, within)
}

/// Where a range uses a name that is no member.
fn taken(source: &Source<'_>, name: &str, within: TextRange) -> Option<TextRange> {
    use deepcoder_resolve::{Role, Target};
    let name = normal(source.language, name);
    let own = |r: &&deepcoder_resolve::Reference| {
        r.name == name && !(matches!(r.target, Target::Member(_)) && r.role != Role::Imports) && r.role != Role::Keyword
    };
    // Methods and fields have names of their own in Java where they are called or follow a dot.
    let apart = |r: &&deepcoder_resolve::Reference| {
        source.language == Language::Java
            && source.node_at(r.at).and_then(|node| Some((node, node.parent()?))).is_some_and(|(node, parent)| {
                let field = |name: &str| parent.child_by_field_name(name).is_some_and(|is| is.id() == node.id());
                matches!(parent.kind(), "method_invocation" | "method_declaration") && field("name")
                    || parent.kind() == "field_access" && field("field")
            })
    };
    source.references(within).iter().filter(|r| !apart(r)).find(own).map(|r| r.at)
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

/// What an expression could be called: after the member or the function that it takes, or as the tools of the language do.
pub(crate) fn suggested(source: &Source<'_>, expression: Node<'_>, kind: VariableKind) -> String {
    match source.language {
        Language::Go => return "newVar".to_owned(),
        Language::JavaScript | Language::TypeScript | Language::Tsx => return "newLocal".to_owned(),
        _ => {}
    }
    let mut node = expression;
    for field in ["function", "attribute", "property", "field", "name"] {
        if let Some(part) = node.child_by_field_name(field) {
            node = part;
        }
    }
    let word = source.text_of(range(node));
    let word = word.rsplit('.').next().unwrap_or_default();
    let word =
        word.strip_prefix("get_").or_else(|| word.strip_prefix("get").filter(|rest| !rest.is_empty())).unwrap_or(word);
    let mut lower = word.to_owned();
    if let Some(first) = lower.get(..1).map(str::to_ascii_lowercase) {
        lower.replace_range(..1, &first);
    }
    let part = node.id() != expression.id();
    let rust = source.language == Language::Rust;
    let word = match () {
        () if part && is_name(source.language, &lower) => lower,
        () if rust => "var_name".to_owned(),
        () => "extracted".to_owned(),
    };
    if kind == VariableKind::Variable { word } else { word.to_uppercase() }
}
