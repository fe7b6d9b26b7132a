//! Text of a model as it may stand in a documentation, whatever is in it.

use deepcoder_syntax::{Docs, Language};

/// The longest description, in characters.
const MOST: usize = 240;

/// One sentence of a text: on one line, without marks that begin lists, headings, tags or code, and with a full stop.
/// `None` where nothing is left.
pub(crate) fn sentence(text: &str, foreign: bool) -> Option<String> {
    let plain: String = text
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() || is_invisible(c) { ' ' } else { c })
        .filter(|c| foreign || c.is_ascii())
        .collect();
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    // What begins a line must not be read as a tag, a list, a heading, a prompt or an instruction to a tool.
    let words = words.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '`' && c != '(');
    let mut words = words.trim_start_matches("```").trim_start().to_owned();
    if words.chars().count() > MOST {
        let cut: String = words.chars().take(MOST).collect();
        words = match cut.rfind(". ") {
            Some(end) => cut[..=end].to_owned(),
            None => cut.rsplit_once(' ').map_or(cut.as_str(), |(kept, _)| kept).to_owned(),
        };
    }
    let bare =
        words.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | ';' | ':' | '\\' | '"' | '\''));
    if bare.chars().filter(|c| c.is_alphabetic()).count() < 3 {
        return None;
    }
    let ended = bare.ends_with(['!', '?']);
    Some(if ended { bare.to_owned() } else { format!("{bare}.") })
}

/// Characters that are not shown, or that turn the direction of what is shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// With a capital at the beginning, unless the first word is a name.
pub(crate) fn capital(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_name = first.trim_end_matches(['.', '!', '?']).contains(['_', '(', '.', '`'])
        || first.chars().skip(1).any(char::is_uppercase);
    let mut chars = text.chars();
    match chars.next() {
        Some(c) if !is_name => c.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// With what would end or change the documentation written so that readers see it.
pub(super) fn escaped(language: Language, line: &str) -> String {
    if language.docs() == Docs::Docstring {
        let line = line.replace('\\', "\\\\").replace("\"\"\"", "'''");
        // The closing quotes follow.
        return match line.strip_suffix('"') {
            Some(rest) => format!("{rest}'"),
            None => line,
        };
    }
    let line = line.replace("*/", "* /").replace("/*", "/ *");
    let line = match language {
        Language::Rust => line.replace('[', "\\[").replace('<', "\\<"),
        Language::Java => line.replace('&', "&amp;").replace('<', "&lt;").replace("\\u", "\\\\u"),
        language if language.is_c() => line.replace("??", "? ?"),
        _ => line,
    };
    // A backslash at the end of a line of C joins the next one.
    line.trim_end_matches('\\').to_owned()
}
