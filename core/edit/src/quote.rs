//! Paths as git prints them.

use std::fmt::Write as _;

/// `prefix` and `path`, quoted as git does by default (`core.quotePath`): in double quotes, with octal escapes for
/// control characters and everything beyond ASCII, if any character needs it.
pub(crate) fn quoted(prefix: &str, path: &str) -> String {
    let plain = |b: u8| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\';
    if path.bytes().all(plain) {
        return format!("{prefix}{path}");
    }
    let mut out = format!("\"{prefix}");
    for byte in path.bytes() {
        let short = match byte {
            0x07 => Some('a'),
            0x08 => Some('b'),
            b'\t' => Some('t'),
            b'\n' => Some('n'),
            0x0b => Some('v'),
            0x0c => Some('f'),
            b'\r' => Some('r'),
            b'"' => Some('"'),
            b'\\' => Some('\\'),
            _ => None,
        };
        match short {
            Some(c) => out.extend(['\\', c]),
            None if plain(byte) => out.push(char::from(byte)),
            None => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('"');
    out
}

/// A path on a `---` or `+++` line: a name with blanks is followed by a tab, so that the end of the name is certain.
pub(crate) fn header(prefix: &str, path: &str) -> String {
    let mut out = quoted(prefix, path);
    if path.contains(' ') {
        out.push('\t');
    }
    out
}
