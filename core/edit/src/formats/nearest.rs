//! The message to a model about a piece that is nowhere: the lines that resemble it most, and the difference.

/// Windows that are compared line by line when a piece is not found.
const MAX_TIES: usize = 64;
/// The most lines that are shown.
const MAX_SHOWN: usize = 12;

/// The part of the text that resembles a missing piece most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// First line, from 1.
    pub line: usize,
    /// The lines.
    pub text: String,
    /// The first line that is different.
    pub differs: Option<Difference>,
}

/// A line of the text and the line of the piece that should be the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Line of the text, from 1.
    pub line: usize,
    /// The line of the text; `None` past its end.
    pub text: Option<String>,
    /// The line of the piece.
    pub piece: String,
}

/// The window that shares most lines with the needle, or else the line that is most like its first.
pub(crate) fn nearest(lines: &[&str], needle: &[&str]) -> Option<Nearest> {
    let wanted: Vec<&str> = needle.iter().map(|l| l.trim()).filter(|l| !l.is_empty()).collect();
    let size = needle.len().min(lines.len()).clamp(1, MAX_SHOWN);
    let shared = |at: usize| {
        let window = &lines[at..(at + size).min(lines.len())];
        window.iter().filter(|l| wanted.contains(&l.trim())).count()
    };
    let most = (0..lines.len()).map(shared).max().unwrap_or(0);
    let at = if most > 0 {
        // Of the windows that share as much, the one that is most alike line by line.
        let alike =
            |at: usize| -> usize { lines[at..].iter().zip(needle).map(|(a, b)| likeness(a.trim(), b.trim())).sum() };
        let ties = (0..lines.len()).filter(|&at| shared(at) == most).take(MAX_TIES);
        ties.max_by_key(|&at| (alike(at), usize::MAX - at))?
    } else {
        let first = wanted.first()?;
        let score = |at: usize| likeness(lines[at].trim(), first);
        let all = (0..lines.len()).map(|at| (score(at), at));
        let (score, at) = all.max_by_key(|&(score, at)| (score, usize::MAX - at))?;
        if score < 50 {
            return None;
        }
        at
    };
    let end = (at + size).min(lines.len());
    let differs = needle.iter().enumerate().find_map(|(index, piece)| {
        let text = lines.get(at + index).copied();
        let same = text.is_some_and(|t| t.trim_end() == piece.trim_end());
        (!same).then(|| Difference { line: at + index + 1, text: text.map(str::to_owned), piece: (*piece).to_owned() })
    });
    Some(Nearest { line: at + 1, text: lines[at..end].join("\n") + "\n", differs })
}

impl Nearest {
    /// As the end of an error.
    pub(crate) fn told(&self) -> String {
        let differs = self.differs.as_ref().map(|d| format!(": {d}")).unwrap_or_default();
        format!("; the nearest is at line {}{differs}", self.line)
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, text, piece } = self;
        match text {
            Some(text) => write!(f, "line {line} of the file is `{}`, not `{}`", shown(text), shown(piece)),
            None => write!(f, "the file has no line {line}, which should be `{}`", shown(piece)),
        }
    }
}

fn shown(line: &str) -> String {
    let line = line.trim_end();
    if line.chars().count() <= 120 { line.to_owned() } else { line.chars().take(119).collect::<String>() + "…" }
}

/// Of a hundred pairs of neighbouring characters in both, how many are shared (Dice's coefficient).
fn likeness(a: &str, b: &str) -> usize {
    let pairs = |s: &str| -> Vec<(char, char)> { s.chars().zip(s.chars().skip(1)).take(400).collect() };
    let (a, mut b) = (pairs(a), pairs(b));
    let total = a.len() + b.len();
    if total == 0 {
        return 0;
    }
    let shared = a.iter().filter(|p| b.iter().position(|q| q == *p).map(|at| b.swap_remove(at)).is_some()).count();
    200 * shared / total
}
