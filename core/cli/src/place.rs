//! Positions in files as people type them: `FILE:LINE:COL`, counted from 1.

use crate::failure::{Failure, Result};
use deepcoder_types::Position;

/// A position with its file, as typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) position: Position,
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
        Some(file) if !file.is_empty() => Ok(Place { file: file.to_owned(), position: Position { line, column } }),
        _ => Err(Failure::new(format!("`{text}` has no file")).hint(HINT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the parsing of what people type, colons in names included.
    #[test]
    fn places_are_parsed_from_the_right() {
        let position = Position { line: 3, column: 4 };
        assert_eq!(parse("a:b.py:3:4"), Ok(Place { file: "a:b.py".into(), position }));
        for wrong in ["a.py", "a.py:3", "a.py:0:1", "a.py:1:x", ":1:1"] {
            assert!(parse(wrong).is_err(), "{wrong} was accepted");
        }
    }
}
