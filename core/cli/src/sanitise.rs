//! Text that a model or a repository wrote, made harmless for a terminal. JSON and pipes get the exact bytes of what
//! was asked for; names and titles in our own lines cannot make further lines, wherever they go.

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

/// `text` as one line, whatever it holds: line ends are shown as symbols too.
#[must_use]
pub(crate) fn line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c == '\n' { '\u{240a}' } else { c }).collect();
    for_terminal(&line)
}

/// A path as git prints it with `core.quotePath` off: in double quotes, with escapes for quotes, backslashes and control
/// characters, if it has any.
#[must_use]
pub(crate) fn path(path: &str) -> String {
    if !path.chars().any(|c| c.is_control() || matches!(c, '"' | '\\')) {
        return path.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in path.chars() {
        let short = match c {
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '"' | '\\' => c,
            c if c.is_control() => {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| quoted.push_str(&format!("\\{byte:03o}")));
                continue;
            }
            c => {
                quoted.push(c);
                continue;
            }
        };
        quoted.extend(['\\', short]);
    }
    quoted.push('"');
    quoted
}

/// The same for a path of the file system, with U+FFFD for what is not UTF-8.
#[must_use]
pub(crate) fn file(path: &std::path::Path) -> String {
    self::path(&path.to_string_lossy())
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
    use super::{for_terminal, line, path};

    /// Protects the user's terminal: no escape sequence, C1 control or bidirectional override survives, and ordinary
    /// text is not touched.
    #[test]
    fn controls_are_shown_instead_of_obeyed() {
        assert_eq!(for_terminal("a\u{1b}]0;title\u{7}b"), "a␛]0;title␇b");
        assert_eq!(for_terminal("\u{9b}31m\u{202e}x\u{2066}"), "<U+009B>31m<U+202E>x<U+2066>");
        assert_eq!(for_terminal("over\rwrite\r\n"), "over␍write\n");
        assert_eq!(for_terminal("\tdéjà 漢字 🦀\n"), "\tdéjà 漢字 🦀\n");
    }

    /// Protects scripts that read lines, and people: a name with a line end stays one line, and a path is quoted as git
    /// quotes it.
    #[test]
    fn names_make_no_lines() {
        assert_eq!(line("a\nerror: b\r\n\u{1b}[m"), "a␊error: b␍␊␛[m");
        assert_eq!(path("a\n\"b\"\\\u{1}\u{9b}é"), "\"a\\n\\\"b\\\"\\\\\\001\\302\\233é\"");
        assert_eq!(path("déjà vu.py"), "déjà vu.py");
    }
}
