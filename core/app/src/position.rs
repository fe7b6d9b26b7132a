//! Positions in files, as editors count them.

use crate::{Repo, RepoError};
use deepcoder_types::{Hint, Position, RepoPath};
use deepcoder_workspace::ReadError;
use std::path::Path;

/// Why a position is not in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// A number is zero.
    #[error("line and column count from 1")]
    Zero,
    /// There is no such line.
    #[error("there are {lines} lines, not {line}")]
    Line {
        /// How many there are.
        lines: usize,
        /// Which was asked for.
        line: usize,
    },
    /// There is no such column.
    #[error("line {line} has {columns} columns, not {column}")]
    Column {
        /// The line.
        line: usize,
        /// How many it has.
        columns: usize,
        /// Which was asked for.
        column: usize,
    },
    /// Offsets have 32 bits.
    #[error("the file is too large")]
    TooLarge,
}

impl Hint for PositionError {
    fn hint(&self) -> Option<String> {
        Some("write FILE:LINE:COL, such as src/util.py:12:9; line and column count from 1".into())
    }
}

/// The byte offset of `position` in `text`. The end of a line is before its CR LF; a BOM is not a character.
pub fn offset_in(text: &str, position: Position) -> Result<u32, PositionError> {
    let Position { line, column } = position;
    if line == 0 || column == 0 {
        return Err(PositionError::Zero);
    }
    let mut lines = text.split_inclusive('\n');
    let start: usize = lines.by_ref().take(line - 1).map(str::len).sum();
    let count = text.split_inclusive('\n').count() + usize::from(text.is_empty() || text.ends_with('\n'));
    if line > count {
        return Err(PositionError::Line { lines: count, line });
    }
    let content = lines.next().unwrap_or_default();
    let content = content.strip_suffix('\n').map_or(content, |c| c.strip_suffix('\r').unwrap_or(c));
    let bom = if start == 0 && content.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let content = &content[bom..];
    let ends = content.char_indices().map(|(at, _)| at).chain([content.len()]);
    let at =
        ends.clone().nth(column - 1).ok_or_else(|| PositionError::Column { line, columns: ends.count(), column })?;
    u32::try_from(start + bom + at).map_err(|_| PositionError::TooLarge)
}

/// Why a position in a repository cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum FindPositionError {
    /// The typed path is not a file of it.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file has no such position.
    #[error("{path}: {error}")]
    Position {
        /// The file.
        path: RepoPath,
        /// Why not.
        error: PositionError,
    },
}

impl Hint for FindPositionError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Repo(e) => e.hint(),
            Self::Read(e) => e.hint(),
            Self::Position { error, .. } => error.hint(),
        }
    }
}

impl Repo {
    /// The file that a user in the directory `base` means by `typed`, and the byte offset of a position in it.
    pub fn find_position(
        &self,
        base: &Path,
        typed: &str,
        position: Position,
    ) -> Result<(RepoPath, u32), FindPositionError> {
        let path = self.workspace().resolve(base, typed).map_err(RepoError::from)?;
        let file = self.workspace().read_text(&path)?;
        let offset = offset_in(&file.text, position)
            .map_err(|error| FindPositionError::Position { path: path.clone(), error })?;
        Ok((path, offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, line: usize, column: usize) -> Result<u32, String> {
        offset_in(text, Position { line, column }).map_err(|e| e.to_string())
    }

    /// Protects editors: places are 1-based, columns are characters, the end of a line is a place, and a BOM and a CR
    /// are neither.
    #[test]
    fn offsets_count_characters_from_one() {
        let text = "\u{feff}aé\r\nb\n";
        assert_eq!(at(text, 1, 1), Ok(3));
        assert_eq!(at(text, 1, 3), Ok(6), "the end of the line, before CR LF");
        assert_eq!(at(text, 1, 4), Err("line 1 has 3 columns, not 4".into()));
        assert_eq!(at(text, 2, 2), Ok(9));
        assert_eq!(at(text, 3, 1), Ok(10), "the empty line after the last newline");
        assert_eq!(at(text, 4, 1), Err("there are 3 lines, not 4".into()));
        assert_eq!(at("", 1, 1), Ok(0));
        assert!(at("a", 0, 1).is_err());
    }
}
