//! Where the documentation of a definition goes.

use crate::units::Unit;
use deepcoder_syntax::{Docs, Language};

/// A place for a documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The beginning of a line, in bytes.
    pub at: usize,
    /// The white space that each of its lines begins with.
    pub indent: String,
}

/// The place for the documentation of a definition that has none; `None` where the code leaves no line for it.
pub(crate) fn of(language: Language, text: &str, unit: &Unit) -> Option<Place> {
    if language.docs() == Docs::Docstring { behind(text, unit) } else { above(text, unit) }
}

/// In Python, behind the line that ends the signature, indented as the body is.
fn behind(text: &str, unit: &Unit) -> Option<Place> {
    let (start, end) = (unit.symbol.signature_start as usize, unit.symbol.signature_end as usize);
    let at = text.get(end..)?.find('\n').map(|line| end + line + 1)?;
    let rest = text[end..at].trim();
    // Statements behind the colon are the whole body.
    let rest = rest.strip_prefix(':').unwrap_or(rest).trim_start();
    if !(rest.is_empty() || rest.starts_with('#')) {
        return None;
    }
    let first = text
        .get(at..unit.symbol.range.end as usize)?
        .lines()
        .find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))?;
    let indent = &first[..first.len() - first.trim_start().len()];
    let line = text[..start].rfind('\n').map_or(0, |line| line + 1);
    let outer = text[line..start].len() - text[line..start].trim_start().len();
    (indent.len() > outer || (outer == 0 && !indent.is_empty())).then(|| Place { at, indent: indent.to_owned() })
}

/// Elsewhere, on lines of its own above the definition with its attributes.
fn above(text: &str, unit: &Unit) -> Option<Place> {
    let start = unit.symbol.range.start as usize;
    let at = text.get(..start)?.rfind('\n').map_or(0, |line| line + 1);
    let indent = &text[at..start];
    let own_line = indent.chars().all(|c| c == ' ' || c == '\t');
    own_line.then(|| Place { at, indent: indent.to_owned() })
}
