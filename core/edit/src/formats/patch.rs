//! Unified diffs as models write them: line numbers are hints at best.

use super::fenced::file_name;
use super::locate::{self, Fit, LocateError};
use super::replacement::replacement;
use super::{Applied, FormatError, lazy};
use crate::lines::{LineEnding, split_bom};

/// The changes to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePatch {
    /// The name before; `None` for a new file.
    pub old: Option<String>,
    /// The name after; `None` for a removed file.
    pub new: Option<String>,
    /// The changes, in their order.
    pub hunks: Vec<Hunk>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The line, from 1, that the header names.
    pub line_hint: Option<usize>,
    /// Context and removed lines.
    pub before: String,
    /// Context and added lines.
    pub after: String,
    /// Whether the text is to end with a newline, where the hunk says so (`\\ No newline at end of file`).
    pub finished: Option<bool>,
}

/// All patches of a reply, inside or outside of fences. Text around them is skipped.
pub fn parse(reply: &str) -> Result<Vec<FilePatch>, FormatError> {
    let lines: Vec<&str> = reply.lines().collect();
    let mut out: Vec<FilePatch> = Vec::new();
    let mut in_hunk = false;
    let mut last = ' ';
    for (index, line) in lines.iter().enumerate() {
        let header = line.starts_with("--- ") && lines.get(index + 1).is_some_and(|n| n.starts_with("+++ "));
        if header {
            let name = |l: &str| path_of(&l[4..]);
            out.push(FilePatch { old: name(line), new: name(lines[index + 1]), hunks: Vec::new() });
            in_hunk = false;
        } else if line.starts_with("@@") {
            if out.is_empty() {
                out.push(FilePatch { old: None, new: None, hunks: Vec::new() });
            }
            let hunk = Hunk { line_hint: hint(line), before: String::new(), after: String::new(), finished: None };
            if let Some(file) = out.last_mut() {
                file.hunks.push(hunk);
            }
            in_hunk = true;
        } else if line.starts_with("```") || line.starts_with("diff --git") {
            in_hunk = false;
        } else if in_hunk && let Some(hunk) = out.last_mut().and_then(|f| f.hunks.last_mut()) {
            let (sign, rest) = match line.chars().next() {
                // Models leave an empty context line quite empty.
                None => (' ', ""),
                Some(c @ (' ' | '-' | '+')) => (c, &line[1..]),
                Some('\\') => {
                    // Below an old line: the new side is finished unless it says so itself.
                    hunk.finished = Some(last == '-');
                    continue;
                }
                Some(_) => return Err(FormatError::Malformed { line: index + 1, format: "unified diff" }),
            };
            last = sign;
            for (side, other) in [(&mut hunk.before, '+'), (&mut hunk.after, '-')] {
                if sign != other {
                    side.push_str(rest);
                    side.push('\n');
                }
            }
        }
    }
    out.retain(|f| !f.hunks.is_empty());
    if out.is_empty() { Err(FormatError::Nothing { wanted: "unified diff" }) } else { Ok(out) }
}

/// `text` with the hunks made, in their order. A hunk that fits in several places is made where its header says, counting
/// the lines that earlier hunks added; it is refused when its header names none of them.
pub fn apply(text: &str, hunks: &[Hunk]) -> Result<Applied, FormatError> {
    super::with_line_feeds(text, |text| made(text, hunks))
}

fn made(text: &str, hunks: &[Hunk]) -> Result<Applied, FormatError> {
    let mut out = text.to_owned();
    let mut fits = Vec::new();
    let mut grown = 0i64;
    let mut from = split_bom(text).0.len();
    for (index, hunk) in hunks.iter().enumerate() {
        let wrong = |source| FormatError::Locate { block: index + 1, source };
        if let Some((line, marker)) = lazy::markers(&hunk.after, &hunk.before).into_iter().next() {
            return Err(FormatError::LeftOut { line, marker });
        }
        if hunk.before.trim().is_empty() {
            if !out[from..].trim().is_empty() || index > 0 {
                return Err(wrong(LocateError::Empty));
            }
            let new = crate::adopt::adopt(&out, &hunk.after, crate::adopt::Adoption::default());
            out = ended(new, hunk.finished, LineEnding::dominant(text));
            fits.push(Fit::Exact);
            continue;
        }
        let mut before = hunk.before.as_str();
        let mut after = hunk.after.as_str();
        let found = locate::find_all(&out[from..], before).or_else(|error| {
            // Empty lines at the end belong to the text around the diff more often than to the hunk.
            (before, after) = (before.trim_end_matches('\n'), after.trim_end_matches('\n'));
            if before == hunk.before.trim_end_matches('\n') {
                Err(error)
            } else {
                locate::find_all(&out[from..], before)
            }
        });
        let places = found.map_err(wrong)?;
        let lines: Vec<usize> = places.iter().map(|p| locate::line_at(&out, p.range.start + from)).collect();
        let hinted = hunk.line_hint.and_then(|h| {
            let wanted = i64::try_from(h).unwrap_or(i64::MAX).saturating_add(grown);
            lines.iter().position(|&l| i64::try_from(l) == Ok(wanted))
        });
        let Some(mut place) = places.get(hinted.unwrap_or(0)).cloned() else { continue };
        if places.len() > 1 && hinted.is_none() {
            return Err(wrong(LocateError::Ambiguous { lines }));
        }
        place.range = place.range.start + from..place.range.end + from;
        let mut new = replacement(&out, &place, before, after);
        if place.range.end == out.len() {
            new = ended(new, hunk.finished, LineEnding::dominant(text));
        }
        let count = |s: &str| i64::try_from(s.lines().count()).unwrap_or(i64::MAX);
        grown += count(&new) - count(&out[place.range.clone()]);
        from = place.range.start + new.len();
        fits.push(place.fit);
        out.replace_range(place.range, &new);
    }
    Ok(Applied { text: out, fits })
}

/// The end of a text with or without its final newline, where the hunk says which.
fn ended(mut new: String, finished: Option<bool>, ending: LineEnding) -> String {
    let Some(finished) = finished else { return new };
    if new.ends_with('\n') && !finished {
        new.truncate(new.len() - 1);
        new.truncate(new.strip_suffix('\r').map_or(new.len(), str::len));
    } else if finished && !new.is_empty() && !new.ends_with('\n') {
        new.push_str(ending.as_str());
    }
    new
}

fn path_of(written: &str) -> Option<String> {
    let name = written.split('\t').next().unwrap_or(written).trim().trim_matches('"');
    if name == "/dev/null" {
        return None;
    }
    let name = name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).unwrap_or(name);
    file_name(name).or_else(|| Some(name.to_owned()))
}

/// The first line of the old side: `@@ -12,7 +12,9 @@` → 12.
fn hint(header: &str) -> Option<usize> {
    let digits: String = header.split_once('-')?.1.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
