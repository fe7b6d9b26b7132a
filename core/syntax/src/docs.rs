//! The documentation of definitions and modules.

use crate::{Docs, Language, RawSymbol};

/// The documentation of a definition: its docstring or, in languages without, the comment in front of it.
#[must_use]
pub fn documentation<'t>(language: Language, text: &'t str, symbol: &RawSymbol) -> Option<&'t str> {
    if language.docs() == Docs::Docstring {
        return docstring(text.get(symbol.signature_end as usize..symbol.range.end as usize)?);
    }
    let lead = text.get(symbol.range.start as usize..symbol.signature_start as usize)?.trim();
    language.comment_marks().any(|mark| lead.contains(mark)).then_some(lead)
}

/// The documentation of a module in a form that tools show: Python's docstring, Rust's inner doc comments.
#[must_use]
pub fn module_documentation(language: Language, text: &str) -> Option<&str> {
    match language {
        Language::Python => docstring(text),
        // The text of another file may be the documentation.
        Language::Rust if text.contains("#![doc") => Some("#![doc"),
        Language::Rust => text
            .lines()
            .map(str::trim)
            .take_while(|line| line.is_empty() || line.starts_with("//") || line.starts_with("#!"))
            .find(|line| line.strip_prefix("//!").is_some_and(|rest| !rest.trim().is_empty())),
        _ => None,
    }
}

/// The string that a body or a module begins with.
#[must_use]
pub fn docstring(body: &str) -> Option<&str> {
    let mut rest = body.trim_start_matches('\u{feff}').trim_start();
    while rest.starts_with('#') {
        rest = rest.split_once('\n')?.1.trim_start();
    }
    let quoted = rest.trim_start_matches(['r', 'R', 'u', 'U']);
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        if let Some(inner) = quoted.strip_prefix(quote) {
            let end = inner.find(quote)?;
            let doc = &inner[..end];
            let next = inner[end + quote.len()..].lines().next().unwrap_or_default().trim();
            // A statement that begins with a string is none.
            return (!doc.trim().is_empty() && (next.is_empty() || next.starts_with(['#', ';']))).then_some(doc);
        }
    }
    None
}
