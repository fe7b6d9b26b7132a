//! Lines and characters as the Language Server Protocol counts them: from 0, characters in UTF-16 code units.

use deepcoder_types::TextRange;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 0.
    pub line: u32,
    /// The UTF-16 code units before it in its line.
    pub character: u32,
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Its first character.
    pub start: Position,
    /// The end of its last one.
    pub end: Position,
}

/// A text whose lines are known.
pub struct Lined<'t> {
    text: &'t str,
    /// Where the lines begin.
    starts: Vec<usize>,
}

impl<'t> Lined<'t> {
    /// The lines of a text. They end with LF, CR LF or CR.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        let mut starts = vec![0];
        let mut rest = text;
        while let Some(end) = rest.find(['\n', '\r']) {
            let ending = rest.get(end..).unwrap_or_default();
            let length = if ending.starts_with("\r\n") { 2 } else { 1 };
            rest = ending.get(length..).unwrap_or_default();
            starts.push(text.len() - rest.len());
        }
        Self { text, starts }
    }

    /// The byte of a position. Beyond the end of a line it is that end, and beyond the last line that of the text.
    #[must_use]
    pub fn byte(&self, at: Position) -> u32 {
        let Some(start) = self.starts.get(at.line as usize) else { return offset(self.text.len()) };
        let end = self.starts.get(at.line as usize + 1).copied().unwrap_or(self.text.len());
        let line = self.text.get(*start..end).unwrap_or_default().trim_end_matches(['\n', '\r']);
        let mut units = 0;
        let inside = line.char_indices().find(|(_, c)| {
            units += c.len_utf16();
            // A position between the two halves of a pair is before the character.
            units > at.character as usize
        });
        offset(start + inside.map_or(line.len(), |(at, _)| at))
    }

    /// The position of a byte.
    #[must_use]
    pub fn position(&self, byte: u32) -> Position {
        let byte = (byte as usize).min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= byte).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = self.text.get(start..byte).unwrap_or_default();
        Position { line: offset(line), character: offset(before.chars().map(char::len_utf16).sum()) }
    }

    /// The lines and characters of a range of bytes.
    #[must_use]
    pub fn span(&self, range: TextRange) -> Span {
        Span { start: self.position(range.start), end: self.position(range.end) }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    /// Protects every edit in an editor: positions are those of the Language Server Protocol, for each line ending, characters of
    /// two UTF-16 units and places that are not there, and each byte that begins a character is found again.
    #[test]
    fn positions_are_those_of_the_protocol() {
        let text = "a𝄞b\r\nö\rz\n";
        let lined = Lined::new(text);
        for (position, byte) in [
            (at(0, 0), 0),
            (at(0, 1), 1),
            (at(0, 2), 1),
            (at(0, 3), 5),
            (at(0, 4), 6),
            (at(0, 9), 6),
            (at(1, 0), 8),
            (at(1, 1), 10),
            (at(2, 1), 12),
            (at(3, 0), 13),
            (at(9, 9), 13),
        ] {
            assert_eq!(lined.byte(position), byte, "{position:?}");
        }
        for (byte, c) in text.char_indices().filter(|(_, c)| !matches!(c, '\r' | '\n')) {
            let byte = u32::try_from(byte).expect("small");
            assert_eq!(lined.byte(lined.position(byte)), byte, "{c:?}");
        }
        assert_eq!(lined.position(u32::MAX), at(3, 0));
        assert_eq!(Lined::new("").byte(at(0, 0)), 0);
    }
}
