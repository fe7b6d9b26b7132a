//! What a documentation says of parameters, results and errors, in the conventions of the languages.

mod python;
mod tags;

use deepcoder_syntax::Language;

/// A convention for the sections of a documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Style {
    /// `Args:` with indented entries.
    Google,
    /// `Parameters` underlined, with entries `name : type`.
    Numpy,
    /// `:param name:`, as Sphinx reads it.
    Sphinx,
    /// `@param name`, as JSDoc, TSDoc and Javadoc read it.
    Tags,
    /// `\param name`, as Doxygen reads it.
    Doxygen,
    /// Headings in Markdown, as rustdoc shows them.
    Markdown,
}

impl Style {
    /// The names of those that a user may ask for.
    pub(crate) const NAMES: [(&'static str, Self); 7] = [
        ("google", Self::Google),
        ("numpy", Self::Numpy),
        ("sphinx", Self::Sphinx),
        ("jsdoc", Self::Tags),
        ("javadoc", Self::Tags),
        ("doxygen", Self::Doxygen),
        ("rustdoc", Self::Markdown),
    ];

    /// Whether documentation of this language can have it.
    pub(crate) fn suits(self, language: Language) -> bool {
        match self {
            Self::Google | Self::Numpy | Self::Sphinx => language == Language::Python,
            Self::Tags => language.is_script() || language == Language::Java || language.is_c(),
            Self::Doxygen => language.is_c(),
            Self::Markdown => language == Language::Rust,
        }
    }
}

/// What a documentation says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    /// The convention of its sections; `None` where it has none.
    pub style: Option<Style>,
    /// The names of parameters, each with its line in the documentation, from 0.
    pub parameters: Vec<(String, u32)>,
    /// Whether it describes a result that is something, and the line.
    pub gives: Option<u32>,
    /// The names of errors, each with its line.
    pub raises: Vec<(String, u32)>,
    /// Whether it takes its text from elsewhere.
    pub inherits: bool,
    /// Whether it says what callers must do (`# Safety`).
    pub has_safety: bool,
}

/// What `doc`, a documentation without its comment marks, says.
pub(crate) fn said(language: Language, doc: &str) -> Said {
    match language {
        Language::Python => python::said(doc),
        Language::Rust => rust(doc),
        Language::Go => Said::default(),
        _ => tags::said(doc),
    }
}

/// The documentation of Rust: headings, and lists that begin with names in backquotes.
fn rust(doc: &str) -> Said {
    let mut said = Said::default();
    let (mut heading, mut fenced) = (String::new(), false);
    for (line, number) in doc.lines().zip(0u32..) {
        let line = line.trim();
        if line.starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().to_lowercase();
            said.has_safety |= heading == "safety";
            if matches!(heading.as_str(), "arguments" | "parameters" | "returns") {
                said.style = Some(Style::Markdown);
            }
            if heading == "returns" {
                said.gives = Some(number);
            }
            continue;
        }
        if matches!(heading.as_str(), "arguments" | "parameters")
            && let Some(entry) = line.strip_prefix(['*', '-', '+'])
            && let Some(name) = entry.trim().strip_prefix('`').and_then(|rest| rest.split('`').next())
        {
            let name = name.split([':', ' ']).next().unwrap_or_default();
            said.parameters.push((name.to_owned(), number));
        }
    }
    said
}

/// Whether a text is a plain name.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$'))
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
}

#[cfg(test)]
mod tests;
