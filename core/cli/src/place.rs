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

impl Place {
    /// Without the file.
    pub(crate) const fn counted(&self) -> deepcoder_session::Place {
        deepcoder_session::Place { line: self.line, column: self.column }
    }
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

/// The byte offset of a place in `text`.
pub(crate) fn offset(text: &str, place: &Place) -> Result<u32> {
    place.counted().offset(text).map_err(|e| Failure::new(format!("{}: {e}", place.file)).hint(HINT))
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
