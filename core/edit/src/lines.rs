//! Lines and what ends them.

/// The byte order mark that some editors put in front of UTF-8.
pub const BOM: &str = "\u{feff}";

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnding {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
}

impl LineEnding {
    /// The characters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }

    /// The line ending of most lines of `text`; [`LineEnding::Lf`] where it is even or there is none.
    #[must_use]
    pub fn dominant(text: &str) -> Self {
        let crlf = text.matches("\r\n").count();
        let all = text.matches('\n').count();
        if crlf * 2 > all { Self::CrLf } else { Self::Lf }
    }
}

/// The byte order mark, if there is one, and the rest.
#[must_use]
pub fn split_bom(text: &str) -> (&str, &str) {
    match text.strip_prefix(BOM) {
        Some(rest) => (&text[..BOM.len()], rest),
        None => ("", text),
    }
}

/// A line without its ending, and the ending (empty for an unfinished last line).
pub(crate) fn split_line(line: &str) -> (&str, &str) {
    let content = line.strip_suffix('\n').map_or(line, |l| l.strip_suffix('\r').unwrap_or(l));
    line.split_at(content.len())
}

/// The lines of `text`, each with its ending.
pub(crate) fn with_endings(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The byte offset of each line's start, and the length of the text at the end.
pub(crate) fn starts(lines: &[&str]) -> Vec<usize> {
    let mut at = 0;
    let mut out = Vec::with_capacity(lines.len() + 1);
    out.push(0);
    for line in lines {
        at += line.len();
        out.push(at);
    }
    out
}

/// The white space that a line begins with.
pub(crate) fn indent_of(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// `text` with `\n` for every `\r\n`.
pub(crate) fn to_lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}
