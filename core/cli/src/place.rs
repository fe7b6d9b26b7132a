//! Places in files as people type them: `FILE:LINE:COL` and `FILE:START-END`, all counted from 1.

use crate::failure::{Failure, Result};
use deepcoder_types::TextRange;

/// A line and a column of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// In characters.
    pub(crate) column: usize,
}

const HINT: &str = "write FILE:LINE:COL, such as src/util.py:12:9; line and column count from 1";

/// Read `FILE:LINE:COL`. The file's name may have colons.
pub(crate) fn parse(text: &str) -> Result<Place> {
    let mut parts = text.rsplitn(3, ':');
    let mut number = |name: &str| -> Result<usize> {
        let part = parts.next().unwrap_or_default();
        let wrong = || Failure::new(format!("`{text}` has no {name}")).hint(HINT);
        part.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)
    };
    let column = number("column")?;
    let line = number("line")?;
    match parts.next() {
        Some(file) if !file.is_empty() => Ok(Place { file: file.to_owned(), line, column }),
        _ => Err(Failure::new(format!("`{text}` has no file")).hint(HINT)),
    }
}

/// The byte offset of a place in `text`. One past the end of a line is a place; the end of a line is before its CR LF.
pub(crate) fn offset(text: &str, place: &Place) -> Result<u32> {
    let (file, line, column) = (&place.file, place.line, place.column);
    let mut lines = text.split_inclusive('\n');
    let start: usize = lines.by_ref().take(line - 1).map(str::len).sum();
    let count = text.split_inclusive('\n').count() + usize::from(text.is_empty() || text.ends_with('\n'));
    if line > count {
        return Err(Failure::new(format!("{file} has {count} lines, not {line}")).hint(HINT));
    }
    let content = lines.next().unwrap_or_default();
    let content = content.strip_suffix('\n').map_or(content, |c| c.strip_suffix('\r').unwrap_or(c));
    // A BOM is not a character that an editor counts.
    let bom = if start == 0 && content.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let content = &content[bom..];
    let ends = content.char_indices().map(|(at, _)| at).chain([content.len()]);
    let at = ends.clone().nth(column - 1).ok_or_else(|| {
        Failure::new(format!("line {line} of {file} has {} columns, not {column}", ends.count())).hint(HINT)
    })?;
    u32::try_from(start + bom + at).map_err(|_| Failure::new(format!("{file} is too large")))
}

/// Split `FILE:START-END` or `FILE:LINE` into the file and its first and last line, where there are any.
pub(crate) fn lines(text: &str) -> (&str, Option<(usize, usize)>) {
    let parsed = text.rsplit_once(':').and_then(|(file, lines)| {
        let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first > 0 && first <= last && !file.is_empty()).then_some((file, (first, last)))
    });
    parsed.map_or((text, None), |(file, lines)| (file, Some(lines)))
}

/// The bytes of the lines `first` to `last` of `text`, as far as there are any.
pub(crate) fn range(text: &str, (first, last): (usize, usize)) -> Option<TextRange> {
    let mut at = 0;
    let mut start = None;
    for (i, line) in text.split_inclusive('\n').enumerate() {
        if i + 1 == first {
            start = Some(at);
        }
        if i < last {
            at += line.len();
        }
    }
    let (start, end) = (u32::try_from(start?).ok()?, u32::try_from(at).ok()?);
    Some(TextRange::new(start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, line: usize, column: usize) -> std::result::Result<u32, String> {
        offset(text, &Place { file: "f".into(), line, column }).map_err(|e| e.message)
    }

    /// Protects editors: places are 1-based, columns are characters, the end of a line is a place, and a BOM and a CR
    /// are neither.
    #[test]
    fn offsets_count_characters_from_one() {
        let text = "\u{feff}aé\r\nb\n";
        assert_eq!(at(text, 1, 1), Ok(3));
        assert_eq!(at(text, 1, 3), Ok(6), "the end of the line, before CR LF");
        assert_eq!(at(text, 1, 4), Err("line 1 of f has 3 columns, not 4".into()));
        assert_eq!(at(text, 2, 2), Ok(9));
        assert_eq!(at(text, 3, 1), Ok(10), "the empty line after the last newline");
        assert_eq!(at(text, 4, 1), Err("f has 3 lines, not 4".into()));
        assert_eq!(at("", 1, 1), Ok(0));
    }

    /// Protects the parsing of what people type, colons in names included.
    #[test]
    fn places_are_parsed_from_the_right() {
        assert_eq!(parse("a:b.py:3:4"), Ok(Place { file: "a:b.py".into(), line: 3, column: 4 }));
        for wrong in ["a.py", "a.py:3", "a.py:0:1", "a.py:1:x", ":1:1"] {
            assert!(parse(wrong).is_err(), "{wrong} was accepted");
        }
        assert_eq!(lines("a.py:3-5"), ("a.py", Some((3, 5))));
        assert_eq!(lines("a.py:5-3"), ("a.py:5-3", None));
        assert_eq!(range("a\nbb\nc", (2, 9)), Some(TextRange::new(2, 6)));
        assert_eq!(range("a\n", (2, 2)), None);
    }
}
