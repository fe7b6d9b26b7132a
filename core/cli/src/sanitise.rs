//! Text that a model or a repository wrote, made harmless for a terminal. JSON and pipes get the exact bytes.

/// `text` without anything that a terminal would obey: control characters are shown as symbols, characters that
/// reorder or hide others as their code points. Tabs and line ends stay.
#[must_use]
pub(crate) fn for_terminal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => safe.push(c),
            // The carriage return of a CRLF line end would only clutter.
            '\r' if chars.peek() == Some(&'\n') => {}
            '\0'..='\u{1f}' => safe.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\u{7f}' => safe.push('\u{2421}'),
            c if is_hidden(c) => safe.push_str(&format!("<U+{:04X}>", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

/// C1 controls, bidirectional controls, invisible separators and tags: they have no glyph and change how other text
/// is shown (CVE-2021-42574).
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::for_terminal;

    /// Protects the user's terminal: no escape sequence, C1 control or bidirectional override survives, and ordinary
    /// text is not touched.
    #[test]
    fn controls_are_shown_instead_of_obeyed() {
        assert_eq!(for_terminal("a\u{1b}]0;title\u{7}b"), "a␛]0;title␇b");
        assert_eq!(for_terminal("\u{9b}31m\u{202e}x\u{2066}"), "<U+009B>31m<U+202E>x<U+2066>");
        assert_eq!(for_terminal("over\rwrite\r\n"), "over␍write\n");
        assert_eq!(for_terminal("\tdéjà 漢字 🦀\n"), "\tdéjà 漢字 🦀\n");
    }
}
