//! The format of `apply_patch`, which some models are trained on.
//!
//! ```text
//! *** Begin Patch
//! *** Update File: path/of/file.py
//! @@ class A:
//! @@ def f(self):
//!  a line that stays
//! -a line that goes
//! +a line that comes
//! *** Add File: new.py
//! +its text
//! *** Delete File: old.py
//! *** End Patch
//! ```

use super::locate::{self, Fit, LocateError, Place};
use super::replacement::replacement;
use super::{Applied, FormatError, lazy};
use crate::lines::{LineEnding, split_bom, with_endings};

const FORMAT: &str = "patch";

/// The operation of a patch on one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOp {
    /// A new file.
    Add {
        /// Where.
        path: String,
        /// All of it.
        text: String,
    },
    /// A file that goes.
    Delete {
        /// Where.
        path: String,
    },
    /// A file that changes.
    Update {
        /// Where.
        path: String,
        /// The name that it gets.
        moved: Option<String>,
        /// The changes, in their order. None at all for a mere move.
        chunks: Vec<Chunk>,
    },
}

/// One change of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chunk {
    /// Lines of the text that the change stands below, outer ones first.
    pub context: Vec<String>,
    /// The line, from 1, that a header in the manner of unified diffs names.
    pub line_hint: Option<usize>,
    /// Context and removed lines.
    pub before: String,
    /// Context and added lines.
    pub after: String,
    /// Whether the text ends with the change.
    pub at_end: bool,
}

/// The state of the parser.
enum State {
    Outside,
    Between,
    Adding,
    Updating { open: bool },
}

/// The patch of a reply. Text around it, such as a fence or a heredoc, is skipped; a patch without operations is one.
pub fn parse(reply: &str) -> Result<Vec<FileOp>, FormatError> {
    let mut out: Vec<FileOp> = Vec::new();
    let mut state = State::Outside;
    let mut begun = None;
    for (index, line) in reply.lines().enumerate() {
        let malformed = || FormatError::Malformed { line: index + 1, format: FORMAT };
        let marker = line.trim();
        if matches!(state, State::Outside) {
            if marker == "*** Begin Patch" {
                (state, begun) = (State::Between, Some(index + 1));
            }
            continue;
        }
        if marker == "*** End Patch" && line.starts_with("***") {
            check_last(&out).map_err(|()| malformed())?;
            (state, begun) = (State::Outside, None);
        } else if let Some(path) = line.strip_prefix("*** Add File: ") {
            check_last(&out).map_err(|()| malformed())?;
            out.push(FileOp::Add { path: path.trim().to_owned(), text: String::new() });
            state = State::Adding;
        } else if let Some(path) = line.strip_prefix("*** Delete File: ") {
            check_last(&out).map_err(|()| malformed())?;
            out.push(FileOp::Delete { path: path.trim().to_owned() });
            state = State::Between;
        } else if let Some(path) = line.strip_prefix("*** Update File: ") {
            check_last(&out).map_err(|()| malformed())?;
            out.push(FileOp::Update { path: path.trim().to_owned(), moved: None, chunks: Vec::new() });
            state = State::Updating { open: false };
        } else {
            match (&mut state, out.last_mut()) {
                (State::Adding, Some(FileOp::Add { text, .. })) => {
                    // Models leave an empty line quite empty.
                    let added = line.strip_prefix('+').or_else(|| line.is_empty().then_some(""));
                    text.push_str(added.ok_or_else(malformed)?);
                    text.push('\n');
                }
                (State::Updating { open }, Some(FileOp::Update { moved, chunks, .. })) => {
                    if let Some(path) = line.strip_prefix("*** Move to: ").filter(|_| chunks.is_empty()) {
                        *moved = Some(path.trim().to_owned());
                    } else {
                        update(line, chunks, open).ok_or_else(malformed)?;
                    }
                }
                _ if marker.is_empty() => {}
                _ => return Err(malformed()),
            }
        }
    }
    match (begun, out.is_empty()) {
        (Some(line), _) => Err(FormatError::Unfinished { line, wanted: "*** End Patch" }),
        (None, true) if !reply.contains("*** Begin Patch") => Err(FormatError::Nothing { wanted: FORMAT }),
        (None, _) => Ok(out),
    }
}

/// Whether the last operation is whole: an update says something.
fn check_last(ops: &[FileOp]) -> Result<(), ()> {
    match ops.last() {
        Some(FileOp::Update { moved: None, chunks, .. }) if chunks.is_empty() => Err(()),
        Some(FileOp::Update { chunks, .. }) if chunks.iter().any(Chunk::is_empty) => Err(()),
        _ => Ok(()),
    }
}

impl Chunk {
    fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// One line of an update; `None` where it is none.
fn update(line: &str, chunks: &mut Vec<Chunk>, open: &mut bool) -> Option<()> {
    if line.trim_end() == "*** End of File" {
        chunks.last_mut()?.at_end = true;
        *open = false;
        return Some(());
    }
    if let Some(context) = line.strip_prefix("@@") {
        // Headers one below the other lead to one place.
        if !chunks.last().is_some_and(|c| c.is_empty() && !c.context.is_empty()) {
            chunks.push(Chunk::default());
        }
        let chunk = chunks.last_mut()?;
        *open = true;
        match header(context) {
            Some(hint) => chunk.line_hint = Some(hint),
            None if context.trim().is_empty() => {}
            None => chunk.context.push(context.strip_prefix(' ').unwrap_or(context).trim_end().to_owned()),
        }
        return Some(());
    }
    if !*open {
        // Only the first chunk may do without a header.
        if !chunks.is_empty() {
            return line.trim().is_empty().then_some(());
        }
        chunks.push(Chunk::default());
        *open = true;
    }
    let chunk = chunks.last_mut()?;
    let (sign, rest) = match line.chars().next() {
        None => (' ', ""),
        Some(c @ (' ' | '-' | '+')) => (c, &line[1..]),
        Some(_) => return None,
    };
    for (side, other) in [(&mut chunk.before, '+'), (&mut chunk.after, '-')] {
        if sign != other {
            side.push_str(rest);
            side.push('\n');
        }
    }
    Some(())
}

/// The line of ` -12,7 +12,9 @@`.
fn header(context: &str) -> Option<usize> {
    let rest = context.trim_start().strip_prefix('-')?;
    let (old, new) = rest.split_once(" +")?;
    new.contains("@@").then_some(())?;
    old.split(',').next()?.parse().ok()
}

/// `text` with the chunks made, each below the one before. A chunk without old lines is added at the end, as the format
/// has it; with a context it could mean two places and is refused. One that fits in several places below its context is
/// refused as well.
pub fn apply(text: &str, chunks: &[Chunk]) -> Result<Applied, FormatError> {
    super::with_line_feeds(text, |text| made(text, chunks))
}

fn made(text: &str, chunks: &[Chunk]) -> Result<Applied, FormatError> {
    let mut out = Applied { text: text.to_owned(), fits: Vec::new() };
    let mut from = split_bom(text).0.len();
    for (index, chunk) in chunks.iter().enumerate() {
        if let Some((line, marker)) = lazy::markers(&chunk.after, &chunk.before).into_iter().next() {
            return Err(FormatError::LeftOut { line, marker });
        }
        let (place, new) = if chunk.before.trim().is_empty() {
            if !chunk.context.is_empty() || !chunk.before.is_empty() {
                return Err(FormatError::Locate { block: index + 1, source: LocateError::Empty });
            }
            appended(&out.text, &chunk.after)
        } else {
            let place = place(&out.text, from, chunk, index + 1)?;
            let new = replacement(&out.text, &place, &chunk.before, &chunk.after);
            (place, new)
        };
        out.fits.push(place.fit);
        from = place.range.start + new.len();
        out.text.replace_range(place.range, &new);
    }
    Ok(out)
}

/// New lines at the end of the text, which stays as finished or unfinished as it was.
fn appended(text: &str, added: &str) -> (Place, String) {
    let ending = LineEnding::dominant(text).as_str();
    let added = added.replace('\n', ending);
    let new = if text.is_empty() || text.ends_with('\n') {
        added
    } else {
        [ending, added.strip_suffix(ending).unwrap_or(&added)].concat()
    };
    let range = text.len()..text.len();
    let shift = locate::Shift::none();
    (Place { range, fit: Fit::Exact, shift, whole_lines: true, extra: (0, 0) }, new)
}

fn place(text: &str, from: usize, chunk: &Chunk, block: usize) -> Result<Place, FormatError> {
    let wrong = |source| FormatError::Locate { block, source };
    let mut starts = vec![from];
    for line in &chunk.context {
        let below = below(text, &starts, line);
        if below.is_empty() {
            let at = (from > 0).then(|| locate::line_at(text, from));
            return Err(FormatError::NoContext { block, line: line.clone(), at });
        }
        starts = below;
    }
    let least = starts.first().copied().unwrap_or(from);
    let mut places = locate::find_all(&text[least..], &chunk.before).map_err(wrong)?;
    places.iter_mut().for_each(|p| p.range = p.range.start + least..p.range.end + least);
    if chunk.at_end {
        let ends = |p: &Place| text[p.range.end..].trim().is_empty();
        if !places.iter().any(ends) {
            return Err(wrong(LocateError::NotFound { nearest: None }));
        }
        places.retain(ends);
    } else if !chunk.context.is_empty() {
        // The patch means the first place below the context; that the context is there twice may leave two.
        let firsts: Vec<usize> =
            starts.iter().filter_map(|&s| places.iter().position(|p| p.range.start >= s)).collect();
        let mut index = 0;
        places.retain(|_| {
            index += 1;
            firsts.contains(&(index - 1))
        });
    }
    let lines: Vec<usize> = places.iter().map(|p| locate::line_at(text, p.range.start)).collect();
    let hinted = chunk.line_hint.and_then(|hint| lines.iter().position(|&l| l == hint));
    match (places.len(), hinted) {
        (1, _) => Ok(places.remove(0)),
        (_, Some(index)) => Ok(places.swap_remove(index)),
        _ => Err(wrong(LocateError::Ambiguous { lines })),
    }
}

/// Where the lines below `line` begin, for each place of it below one of `starts`: the line itself, or else the line but
/// for blanks around it.
fn below(text: &str, starts: &[usize], line: &str) -> Vec<usize> {
    let Some(&first) = starts.first() else { return Vec::new() };
    let all = |same: &dyn Fn(&str) -> bool| {
        let mut at = first;
        let mut found = Vec::new();
        for content in with_endings(&text[first..]) {
            at += content.len();
            if same(content) {
                found.push(at);
            }
        }
        found
    };
    let exact = all(&|l| l.trim_end() == line.trim_end());
    if exact.is_empty() { all(&|l| l.trim() == line.trim()) } else { exact }
}
